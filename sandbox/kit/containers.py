"""Posts in containers: made, worked on, published once, ended after a day.

From `networks.md` of 2026-11-21, sections 1.3, 6, 7 and 21. Pictures are judged when the container
is made, videos while it is worked on. What a container answers that is published a second time is
not known; here it is said not to exist. Ids begin with 17 for containers and with 18 for posts, so
that an address tells which is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sandbox.kit.graph import GraphTwin, everything, moment, most, only, refused, since
from sandbox.kit.network import Answer, Person, RefusalError, Request, as_json
from sandbox.kit.shelf import DAY_S, Sort, sight
from sandbox.kit.store import Document

CONTAINER, POST = "17", "18"


class ContainerTwin(GraphTwin):
    """A twin that publishes by containers; it says what fits into one."""

    pictures: ClassVar[Sort]
    videos: ClassVar[Sort]
    several: ClassVar[int]
    """The most children of one container."""
    words: ClassVar[str]
    """What the text is called."""
    bad_video: ClassVar[str]
    no_video: ClassVar[str]
    """What a container says that failed for its video."""

    def unknown(self) -> RefusalError:
        """There is no such container, or it is not ready."""
        raise NotImplementedError(f"{type(self).__name__}.unknown")

    def accept(self, asked: Mapping[str, str]) -> None:
        """Refuse what the network would not take, before any file is fetched."""
        raise NotImplementedError(f"{type(self).__name__}.accept")

    def misfit(self, fault: str) -> RefusalError:
        """Refuse a picture: "type", "size", or "" where it could not be fetched."""
        raise NotImplementedError(f"{type(self).__name__}.misfit")

    # Making

    def make(self, request: Request, person: Person, **more: Any) -> Answer:
        """A container of one thing, or around others."""
        asked = everything(request)
        self.accept(asked)
        if asked.get("media_type") == "CAROUSEL":
            files, why = self.gathered(asked, person, request.at), ""
        else:
            files, why = self.files(asked, person, request.at)
        about: Document = {"owner": person.id, "ends_at": request.at + DAY_S, "files": files}
        about |= {"text": asked.get(self.words, ""), "why": why, "published": "", **more}
        about |= {"child": asked.get("is_carousel_item") == "true", "kind": "container"}
        name = self.numbered(CONTAINER, request.at)
        self.shelf.keep(name, {"id": name, **about})
        return as_json({"id": name})

    def numbered(self, mark: str, at: float) -> str:
        """The next id, which begins with this mark."""
        return f"{mark}{self.store.next_number(self.name, at)}"

    def files(self, asked: Mapping[str, str], person: Person, at: float) -> tuple[list[str], str]:
        """The one file of a container, fetched from its address; and what is wrong with it."""
        for kind, sort in (("image", self.pictures), ("video", self.videos)):
            if url := asked.get(f"{kind}_url"):
                data = self.shelf.fetch(url)
                fault = sort.fault(sight(data), len(data)) if data else "fetch"
                if fault and kind == "image":
                    raise self.misfit(fault)
                name = str(self.store.next_number(self.name, at))
                self.shelf.put(name, person.id, data, at, alt=asked.get("alt_text", ""))
                why = self.no_video if fault == "fetch" else self.bad_video
                return [name], why if fault else ""
        return [], ""

    def gathered(self, asked: Mapping[str, str], person: Person, at: float) -> list[str]:
        """The files of the children, in order."""
        names = [name for name in asked.get("children", "").split(",") if name]
        if not 2 <= len(names) <= self.several:
            raise self.too_many(len(names))
        children = [self.shelf.get(name, person.id, at) for name in names]
        good = [c for c in children if c and c["child"] and not c["why"]]
        if len(good) < len(names) or not all(self.shelf.is_ready(c["id"]) for c in good):
            raise self.unknown()
        return [file for child in good for file in child["files"]]

    def too_many(self, count: int) -> RefusalError:
        """Refuse a number of children."""
        return refused(100, f"A carousel has 2 to {self.several} children, not {count}.")

    # Waiting

    def state(self, request: Request, state: str, why: str) -> Answer:
        """How far a container is; `state` and `why` are what the network calls the two fields."""
        person = self.who(request)
        found = self.shelf.store.get(self.name, "media", CONTAINER + request.params["id"])
        if found is None or found["owner"] != person.id:
            raise refused(100, "Unsupported get request. Object does not exist.", 33)
        word, said = self.progress(found, request.at)
        return as_json(only({"id": found["id"], state: word, why: said}, request))

    def progress(self, container: Document, at: float) -> tuple[str, str]:
        """The word for its state, and what is wrong."""
        if container["published"]:
            return "PUBLISHED", ""
        if container["ends_at"] <= at:
            return "EXPIRED", ""
        if not self.shelf.ready(container["id"]):
            return "IN_PROGRESS", ""
        return ("ERROR", container["why"]) if container["why"] else ("FINISHED", "")

    # Publishing

    def go_live(self, request: Request, person: Person, path: str) -> Answer:
        """A container becomes a post, once; `path` has room for the id."""
        name = everything(request).get("creation_id", "")
        held = self.shelf.get(name, person.id, request.at)
        if held is None or held.get("published", "-") or held["child"] or held["why"]:
            raise self.unknown()
        if not self.shelf.is_ready(name):
            raise self.unknown()
        post_id = self.numbered(POST, request.at)
        files = [self.store.get(self.name, "media", file) for file in held["files"]]
        more = {part: held[part] for part in ("reply_to", "link") if held.get(part)}
        self.receive(
            person, post_id, held["text"], path.format(post_id), request.at, media=files, **more
        )
        self.shelf.change(name, published=post_id)
        return as_json({"id": post_id})

    # Reading

    def post(self, request: Request) -> Document:
        """The post that an address names."""
        found = self.board.post(self.name, POST + request.params["id"])
        if found is None:
            raise refused(100, "Unsupported request. Object does not exist.", 33)
        return found

    def seen(self, post: Document, request: Request) -> Document:
        """A post with the fields that were asked for."""
        root = request.base + self.web
        known = {"id": post["id"], self.words: post["text"], "permalink": root + post["path"]}
        known |= {"timestamp": moment(post["received_at"]), "username": post["handle"]}
        return only({**known, **self.more(post)}, request)

    web: ClassVar[str] = ""

    def more(self, post: Document) -> Document:
        """What this network tells beside."""
        return {}

    def listed(self, request: Request, person: Person, *, replies: bool = False) -> Answer:
        """Somebody's posts, the newest first."""
        start, room = since(request), most(request)
        posts = [
            self.seen(post, request)
            for post in self.board.of(self.name, person.id)
            if post["received_at"] >= start and bool(post["reply_to"]) == replies
        ]
        return as_json({"data": posts[:room], "paging": {"cursors": {"before": "b", "after": "a"}}})

    def taken_down(self, request: Request, person: Person) -> Answer:
        """A post is deleted by its author."""
        post = self.post(request)
        if post["account"] != person.id:
            raise refused(100, "Unsupported delete request. Missing permissions.", 33)
        self.board.take_down(self.name, post["id"])
        return as_json({"success": True, "deleted_id": post["id"]})
