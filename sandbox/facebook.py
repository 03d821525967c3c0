"""The twin of Facebook Pages.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 4 and 5; edges and fields from
facebook-business-sdk-codegen @ad2b0b6. Not played: reels, stories, posts scheduled there, videos in
pieces, quotas by themselves (order them as trouble). What an unknown upload and a wrong video are
answered is not known; the numbers here are this street's own (100/33, 100).
"""

from __future__ import annotations

import json

from sandbox.kit import page
from sandbox.kit.graph import HOUR_S, error, everything, moment, most, refused, since
from sandbox.kit.network import Answer, Person, Request, as_json, number_of, route
from sandbox.kit.page_keys import BY_BUSINESS, OWN, PageKeysTwin, named
from sandbox.kit.shelf import Sort, sight
from sandbox.kit.store import Document

LONGEST = 63_206
MOST = 10
PICTURES = Sort(("image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"), 4_000_000)
VIDEOS = Sort(("video/mp4", "video/quicktime"), 10_000_000_000)


class Facebook(PageKeysTwin):
    """Facebook: people who run pages, a key for each page, no key against repeats."""

    name = "facebook"
    label = "Facebook"
    colour = "#0866ff"
    hint = "App: practice-client, secret practice-secret. Everybody runs three pages."
    usage = "pages"
    scopes = (
        *("pages_show_list", "pages_manage_posts", "pages_read_engagement", "business_management"),
        *("pages_manage_engagement", "pages_read_user_content", "read_insights"),
    )
    forbidden = error(
        200, "Confirm your identity before you can publish as this Page.", 4854002, status=403
    )

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, name, number_of(name))

    # The dance

    @route("GET", "/v{version}/dialog/oauth")
    @route("POST", "/v{version}/dialog/oauth")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("GET", "/v{version}/oauth/access_token", "token")
    @route("POST", "/v{version}/oauth/access_token", "token")
    def token(self, request: Request) -> Answer:
        return self.pages_token(request)

    def issue(self, grant: Document, at: float) -> Document:
        return {**super().issue(grant, at), "token_type": "bearer", "expires_in": HOUR_S}

    @route("GET", "/v{version}/me", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request)
        picture = {"data": {"url": f"{request.base}/people/{person.name}.svg"}}
        return as_json({"id": person.id, "name": person.display, "picture": picture})

    @route("GET", "/v{version}/me/accounts", "identity")
    def own_pages(self, request: Request) -> Answer:
        return self.pages_of(request, OWN)

    @route("GET", "/v{version}/me/businesses", "identity")
    def owners(self, request: Request) -> Answer:
        return self.businesses(request)

    @route("GET", "/v{version}/{business}/owned_pages", "identity")
    def owned(self, request: Request) -> Answer:
        return self.pages_of(request, BY_BUSINESS)

    @route("GET", "/v{version}/{business}/client_pages", "identity")
    def clients(self, request: Request) -> Answer:
        return self.pages_of(request, ())

    # Publishing

    @route("POST", "/v{version}/{page}/photos", "upload")
    def photo(self, request: Request) -> Answer:
        whom, asked, parts = self.poster(request), everything(request), request.parts()
        data = parts["source"].data if "source" in parts else self.shelf.fetch(asked.get("url", ""))
        if asked.get("published") != "false":
            raise refused(100, "Here only unpublished photos are played.")
        if PICTURES.fault(sight(data), len(data)):
            words = "Your photos couldn't be uploaded. Photos should be smaller than 4 MB."
            raise refused(1, words, 1366046, error_user_msg=words)
        name = str(self.store.next_number(self.name, request.at))
        self.shelf.put(name, whom.id, data, request.at, alt=asked.get("alt_text_custom", ""))
        return as_json({"id": name})

    @route("POST", "/v{version}/{page}/feed", "publish")
    def feed(self, request: Request) -> Answer:
        whom, asked = self.poster(request), everything(request)
        text, media = asked.get("message", ""), self.attached(asked, whom, request.at)
        if not text.strip() and not media and not asked.get("link"):
            raise refused(100, "(#100) A post needs a message, a link or media.")
        self.fits(text)
        post: Document = {"link": asked.get("link", ""), "media": media, "sort": "post"}
        newest = self.board.of(self.name, whom.id, limit=1)
        if newest and self.alike(newest[0], text, post):
            raise refused(506, "Duplicate status message")
        return self.pinned(whom, f"{whom.id}_", text, request.at, **post)

    @route("POST", "/v{version}/{page}/videos", "publish")
    def video(self, request: Request) -> Answer:
        whom, asked = self.poster(request), everything(request)
        data, text = self.shelf.fetch(asked.get("file_url", "")), asked.get("description", "")
        if VIDEOS.fault(sight(data), len(data)):
            raise refused(100, "(#100) The video file cannot be used.")
        self.fits(text)
        name = str(self.store.next_number(self.name, request.at))
        media = self.shelf.put(name, whom.id, data, request.at)
        return self.pinned(whom, "", text, request.at, media=[media], sort="video")

    @route("POST", "/v{version}/{id}/comments", "publish")
    def comment(self, request: Request) -> Answer:
        whom, _ = self.acting_page(request, "pages_manage_engagement")
        above, text = self.thing(request), everything(request).get("message", "")
        if not text.strip():
            raise refused(100, "(#100) A comment needs a message.")
        mark = f"{above['id'].rpartition('_')[2]}_"
        return self.pinned(whom, mark, text, request.at, reply_to=above["id"], sort="comment")

    @route("DELETE", "/v{version}/{id}", "delete")
    def delete(self, request: Request) -> Answer:
        whom, _ = self.acting_page(request, "pages_manage_posts")
        found = self.thing(request)
        if found["account"] != whom.id:
            raise refused(100, "Unsupported delete request. Missing permissions.", 33)
        self.board.take_down(self.name, found["id"])
        return as_json({"success": True})

    # Reading

    @route("GET", "/v{version}/{page}/published_posts", "find")
    def posts(self, request: Request) -> Answer:
        return self.listed(request, self.reader(request), "post", "message")

    @route("GET", "/v{version}/{page}/videos", "find")
    def videos(self, request: Request) -> Answer:
        return self.listed(request, self.reader(request), "video", "description")

    @route("GET", "/v{version}/{id}/comments", "find")
    def comments(self, request: Request) -> Answer:
        whom, _ = self.acting_page(request, "pages_read_engagement")
        return self.listed(request, whom, "comment", "message", self.thing(request)["id"])

    @route("GET", "/{id}")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["id"]))

    # What it takes

    def poster(self, request: Request) -> Person:
        """The page that posts, which the address names."""
        whom, _ = self.acting_page(request, "pages_manage_posts")
        named(request, whom)
        return whom

    def reader(self, request: Request) -> Person:
        """The page that reads its own."""
        whom, _ = self.acting_page(request, "pages_read_engagement")
        named(request, whom)
        return whom

    def thing(self, request: Request) -> Document:
        """The post, video or comment that the address names."""
        found = self.board.post(self.name, request.params["id"])
        if found is None:
            raise refused(100, "Unsupported request. Object does not exist.", 33)
        return found

    def fits(self, text: str) -> None:
        """Refuse a text that is too long."""
        if len(text) > LONGEST:
            raise refused(100, f"(#100) The message is longer than {LONGEST} characters.")

    def attached(self, asked: dict[str, str], whom: Person, at: float) -> list[Document]:
        """The uploads that a post names, in order."""
        try:
            names = [one["media_fbid"] for one in json.loads(asked.get("attached_media") or "[]")]
        except (ValueError, TypeError, KeyError) as problem:
            raise refused(100, "(#100) attached_media must be an array.") from problem
        if len(names) > MOST:
            raise refused(100, f"(#100) At most {MOST} photos can be attached.")
        found = [self.shelf.get(name, whom.id, at) for name in names]
        if not all(found):
            raise refused(100, "(#100) attached_media names an object that does not exist.", 33)
        return [one for one in found if one]

    def alike(self, newest: Document, text: str, post: Document) -> bool:
        """Whether the newest post of a page is the same once more."""
        files = [one["sha256"] for one in post["media"]] == [m["sha256"] for m in newest["media"]]
        same = (newest["sort"], newest["text"], newest["link"]) == ("post", text, post["link"])
        return files and same

    def pinned(self, whom: Person, mark: str, text: str, at: float, **post: object) -> Answer:
        """Put it on the board, under an id that begins with `mark`."""
        post_id = f"{mark}{self.store.next_number(self.name, at)}"
        self.receive(whom, post_id, text, f"/{post_id}", at, **post)
        return as_json({"id": post_id})

    def listed(
        self, request: Request, whom: Person, sort: str, words: str, above: str = ""
    ) -> Answer:
        """What a page has posted of one sort, the newest first."""
        shown = [
            {"id": post["id"], words: post["text"], "created_time": moment(post["received_at"])}
            | {"from": {"id": post["account"], "name": post["handle"]}}
            for post in self.board.of(self.name, whom.id)
            if post["sort"] == sort and post["received_at"] >= since(request)
            if not above or post["reply_to"] == above
        ]
        return as_json({"data": shown[: most(request)]})
