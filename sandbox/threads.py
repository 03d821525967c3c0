"""The twin of Threads.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 4 and 7, the listing of replies
from Meta's Postman collection (fbsamples/threads_api @44df04d). Not played: polls, quotes, GIFs,
locations, quotas by themselves (order them as trouble), posts without a container of their own
(`auto_publish_text`), and a rule for how many links a text may have, which is not known.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.kit import page
from sandbox.kit.containers import ContainerTwin
from sandbox.kit.graph import everything, refused
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    as_json,
    number_of,
    route,
)
from sandbox.kit.shelf import Sort
from sandbox.kit.store import Document
from sandbox.kit.text import graphemes, is_emoji

LONGEST = 500
LONGEST_ALT = 1000
KINDS = {"TEXT": "", "IMAGE": "image_url", "VIDEO": "video_url", "CAROUSEL": "children"}


class Threads(ContainerTwin):
    """Threads: containers, keys that renew themselves, pictures fetched by their address."""

    name = "threads"
    label = "Threads"
    colour = "#1c1c1e"
    hint = "App: practice-client, secret practice-secret."
    usage = "threads"
    unplayed = frozenset({"forbidden"})  # the sheet knows no such answer here
    scopes = (
        *("threads_basic", "threads_content_publish", "threads_manage_replies"),
        *("threads_read_replies", "threads_delete", "threads_manage_insights"),
    )
    pictures = Sort(("image/jpeg", "image/png"), 8_000_000)
    videos = Sort(("video/mp4", "video/quicktime"), 1_000_000_000)
    several = 20
    words = "text"
    bad_video = "FAILED_PROCESSING_VIDEO"
    no_video = "FAILED_DOWNLOADING_VIDEO"

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}.practice", number_of(name))

    # The dance

    @route("GET", "/oauth/authorize")
    @route("POST", "/oauth/authorize")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/oauth/access_token", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def issue(self, grant: Document, at: float) -> Document:
        return {**super().issue(grant, at), "user_id": int(self.person(grant["person"]).id)}

    @route("GET", "/access_token", "token")
    def exchange(self, request: Request) -> Answer:
        return self.lengthen(request, "th_exchange_token")

    @route("GET", "/refresh_access_token", "token")
    def refresh(self, request: Request) -> Answer:
        return self.renew(request, "th_refresh_token")

    # The API

    @route("GET", "/v1.0/me", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request, "threads_basic")
        known = {"id": person.id, "username": person.handle, "name": person.display}
        known |= {"threads_profile_picture_url": f"{request.base}/people/{person.name}.svg"}
        return as_json(known)

    @route("POST", "/v1.0/{user}/threads", "container")
    def create(self, request: Request) -> Answer:
        person, asked = self.acting(request), everything(request)
        above = asked.get("reply_to_id", "")
        if above:
            self.who(request, "threads_manage_replies")
            if self.board.post(self.name, above) is None:
                raise refused(100, "The post to reply to does not exist.", 33)
        return self.make(request, person, reply_to=above, link=asked.get("link_attachment", ""))

    @route("GET", "/v1.0/17{id}", "status")
    def status(self, request: Request) -> Answer:
        return self.state(request, "status", "error_message")

    @route("POST", "/v1.0/{user}/threads_publish", "publish")
    def publish(self, request: Request) -> Answer:
        person = self.acting(request)
        return self.go_live(request, person, f"/@{person.handle}/post/{{}}")

    @route("GET", "/v1.0/18{id}", "find")
    def read(self, request: Request) -> Answer:
        self.who(request, "threads_basic")
        return as_json(self.seen(self.post(request), request))

    @route("GET", "/v1.0/{user}/threads", "find")
    def threads(self, request: Request) -> Answer:
        return self.listed(request, self.acting(request, "threads_basic"))

    @route("GET", "/v1.0/{user}/replies", "find")
    def replies(self, request: Request) -> Answer:
        return self.listed(request, self.acting(request, "threads_read_replies"), replies=True)

    @route("DELETE", "/v1.0/18{id}", "delete")
    def delete(self, request: Request) -> Answer:
        return self.taken_down(request, self.who(request, "threads_delete"))

    @route("GET", "/@{handle}/post/{id}")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["id"]))

    # What it takes

    def acting(self, request: Request, scope: str = "threads_content_publish") -> Person:
        """Who asks; the address names nobody else."""
        person = self.who(request, scope)
        if request.params["user"] not in ("me", person.id):
            raise refused(100, "Unsupported request. Missing permissions.", 33)
        return person

    def more(self, post: Document) -> Document:
        return {"link_attachment_url": post["link"], "shortcode": post["id"]}

    def unknown(self) -> RefusalError:
        return refused(24, "The requested resource does not exist", 4279009)

    def misfit(self, fault: str) -> RefusalError:
        if fault == "fetch":
            return refused(100, "The media could not be fetched from this URI.")
        return refused(100, f"The image is not taken: {fault}.")

    def accept(self, asked: Mapping[str, str]) -> None:
        kind, text = asked.get("media_type", ""), asked.get("text", "")
        child = asked.get("is_carousel_item") == "true"
        needed = KINDS.get(kind, "")
        checks = (
            (kind in KINDS, "Param media_type must be one of TEXT, IMAGE, VIDEO, CAROUSEL"),
            (not needed or bool(asked.get(needed)), f"Param {needed} is required"),
            (length(text) <= LONGEST, "Param text must be at most 500 characters long"),
            (kind != "TEXT" or bool(text.strip()), "Param text is required"),
            (
                kind == "TEXT" or not asked.get("link_attachment"),
                "link_attachment is for TEXT only",
            ),
            (len(asked.get("alt_text", "")) <= LONGEST_ALT, "Param alt_text is too long"),
            (not child or not text, "An item of a carousel has no text"),
        )
        for fine, words in checks:
            if not fine:
                raise refused(100, words)


def length(text: str) -> int:
    """How long a text is: an emoji is as long as its bytes."""
    return sum(len(c.encode()) if is_emoji(c) else len(c) for c in graphemes(text))
