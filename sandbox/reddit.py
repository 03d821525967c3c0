"""The twin of Reddit: errors inside HTTP 200, a User-Agent rule, pictures by a form at S3.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3 to 1.5, 9 and 21, and from
the recordings of PRAW @7b69758. The words of an upload that has ended are this twin's own. Not
played: comments, videos, polls, websockets, rate limits by themselves (order them as trouble).
"""

from __future__ import annotations

from html import escape
from typing import Any, ClassVar

from sandbox.kit import page
from sandbox.kit.network import Answer, Person, RefusalError, Request, as_json, number_of, route
from sandbox.kit.oauth import Client, Why
from sandbox.kit.store import Document
from sandbox.kit.things import LONGEST_TEXT, ThingTwin, bare, refuse, thing

LONGEST_TITLE, MOST = 300, 20


class Reddit(ThingTwin):
    """Reddit: a refresh token that stays if it was asked for, three kinds of submission."""

    name = "reddit"
    label = "Reddit"
    colour = "#ff4500"
    hint = "App: practice-client, secret practice-secret. Post in r/practice."
    lifetime_s = 86_400
    reuses = True
    pkce_methods = ()
    client_auth = ("basic",)
    scopes: ClassVar[tuple[str, ...]] = ("identity", "submit", "read", "history", "edit", "flair")

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}_practice", number_of(name))

    def client(self, client_id: str) -> Client | None:
        if client_id != "practice-client":
            return None
        return Client(client_id, "practice-secret", "Postrider")

    def no(self, why: Why) -> Answer:
        return bare(401, "Unauthorized") if why == "bad_client" else bare(400, "Bad Request")

    # The dance

    @route("GET", "/api/v1/authorize")
    @route("POST", "/api/v1/authorize")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    def new_code(self, asked: Any, at: float) -> str:
        lasting = " permanent" if asked.get("duration") == "permanent" else ""
        return super().new_code({**asked, "scope": asked.get("scope", "") + lasting}, at)

    @route("POST", "/api/v1/access_token", "token")
    def token(self, request: Request) -> Answer:
        self.named(request)
        return self.token_answer(request)

    def redeem(self, form: Any, client: Client, at: float) -> Document:
        try:
            return super().redeem(form, client, at)
        except RefusalError:
            raise RefusalError(as_json({"error": "invalid_grant"})) from None

    def lasts(self, grant: Document) -> bool:
        return "permanent" in grant["scope"].split()

    def issue(self, grant: Document, at: float) -> Document:
        answer = {**super().issue(grant, at), "token_type": "bearer", "expires_in": self.lifetime_s}
        return {**answer, "scope": answer["scope"].replace(" permanent", "")}

    def grant(self, person: Person, request: Request) -> Document:
        scope = " ".join((*self.scopes, "permanent"))
        return self.begin(person.name, "practice-client", scope, request.at)

    @route("POST", "/api/v1/revoke_token", "revoke")
    def revoke(self, request: Request) -> Answer:
        self.named(request)
        form = request.form()
        self.revoke_token(form.get("token", ""), self.checked_client(request, form))
        return Answer(204)

    @route("GET", "/api/v1/me", "identity")
    def me(self, request: Request) -> Answer:
        person = self.asked(request, "identity")
        picture = escape(f"{request.base}/people/{person.name}.svg?width=256&s=1")
        return as_json({"id": person.id, "name": person.handle, "icon_img": picture})

    # Posts

    @route("POST", "/api/submit", "publish")
    def submit(self, request: Request) -> Answer:
        person, form = self.asked(request, "submit"), request.form()
        kind, url = form.get("kind", ""), form.get("url", "")
        self.acceptable(person, form)
        if kind not in ("self", "link", "image") or (kind != "self" and not url):
            raise refuse("NO_URL", "a url is required", "url")
        if kind == "self":
            return self.posted(person, form, request, told=True)
        if kind == "image":
            file = self.shelf.get(url.rpartition("/")[2], person.id, request.at)
            if file is None or "sha256" not in file:
                raise refuse("BAD_URL", "you should check that url", "url")
            return self.posted(person, form, request, media=[file])
        for post in self.board.of(self.name, person.id):
            again = (post["link"], post["sub"]) == (url, form["sr"])
            if again and form.get("resubmit") != "true":
                raise refuse("ALREADY_SUB", "that link has already been submitted", "url")
        return self.posted(person, form, request, told=True, link=url)

    @route("POST", "/api/submit_gallery_post.json", "publish")
    def submit_gallery(self, request: Request) -> Answer:
        person, body = self.asked(request, "submit"), request.json()
        self.acceptable(person, body)
        names = [str(item.get("media_id", "")) for item in body.get("items", ())]
        files = [self.shelf.get(name, person.id, request.at) for name in names]
        good = [one for one in files if one and "sha256" in one]
        if not 2 <= len(names) <= MOST or len(good) < len(names):
            raise refuse("INVALID_GALLERY", "a picture of the gallery is not known", "items")
        return self.posted(person, body, request, told=True, media=good)

    def acceptable(self, person: Person, form: Document) -> None:
        """Refuse what no submission may be."""
        title, text = str(form.get("title", "")), str(form.get("text", ""))
        if form.get("sr") not in ("practice", f"u_{person.handle}"):
            raise refuse("SUBREDDIT_NOEXIST", "that subreddit doesn't exist", "sr")
        if not title:
            raise refuse("NO_TEXT", "we need something here", "title")
        if len(title) > LONGEST_TITLE or len(text) > LONGEST_TEXT:
            raise refuse("TOO_LONG", f"this is too long (max: {LONGEST_TEXT})", "text")

    def posted(
        self, person: Person, form: Document, request: Request, *, told: bool = False, **more: Any
    ) -> Answer:
        """Put it up; `told`: the answer names it."""
        number = thing(self.store.next_number(self.name, request.at))
        path = f"/r/{form['sr']}/comments/{number}/a_title/"
        about = {"sub": form["sr"], "title": form["title"], **more}
        self.receive(person, f"t3_{number}", str(form.get("text", "")), path, request.at, **about)
        data = {"url": f"{request.base}{path}", "id": number, "name": f"t3_{number}"}
        if "items" in form:
            data = {"url": data["url"], "id": f"t3_{number}"}
        elif not told:
            data = {"user_submitted_page": f"{request.base}/user/{person.handle}/submitted/"}
            data["websocket_url"] = f"wss://example.com/{number}"
        return as_json({"json": {"errors": [], "data": data}})

    @route("GET", "/user/{name}/submitted", "find")
    def listing(self, request: Request) -> Answer:
        self.asked(request, "history")
        person = self.person_by(request.params["name"])
        posts = self.board.of(self.name, person.id) if person else []
        seen = [p for p in posts if all(self.shelf.ready(m["id"]) for m in p["media"])]
        raw = request.query.get("raw_json") == "1"
        most = int(request.query.get("limit", "25"))
        children = [{"kind": "t3", "data": shown(post, raw)} for post in seen[:most]]
        return as_json({"kind": "Listing", "data": {"after": None, "children": children}})

    @route("POST", "/api/del", "delete")
    def delete(self, request: Request) -> Answer:
        person = self.asked(request, "edit")
        post = self.board.post(self.name, request.form().get("id", ""))
        if post and post["account"] == person.id:
            self.board.take_down(self.name, post["id"])
        return as_json({})

    @route("GET", "/r/{sub}/comments/{id}/{slug}/")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, f"t3_{request.params['id']}"))


def shown(post: Document, raw: bool) -> Document:
    """A post as the listing shows it; without raw_json=1 three signs are escaped."""
    text = post["text"] if raw else escape(post["text"], quote=False)
    about = {"name": post["id"], "id": post["id"][3:], "title": post["title"], "selftext": text}
    about |= {"subreddit": post["sub"], "permalink": post["path"], "url": post["link"]}
    ids = [one["id"] for one in post["media"]]
    if len(ids) == 1:
        about["url"] = f"https://i.example.com/{ids[0]}.png"
    items = {"gallery_data": {"items": [{"media_id": one} for one in ids]}} if len(ids) > 1 else {}
    return {**about, **items, "created_utc": float(int(post["received_at"]))}
