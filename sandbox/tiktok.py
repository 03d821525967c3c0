"""The twin of TikTok's Content Posting API.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.4, 8 and 21, and from the
media transfer guide of developers.tiktok.com (how a file falls into chunks, read 2026-11-21). A
video that is uploaded is out with its last chunk; one that is out takes no more. What privacy
levels are called beside SELF_ONLY is background knowledge. Not played: drafts, verified domains,
limits by themselves (order them as trouble).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Route,
    Scene,
    as_json,
    number_of,
    route,
)
from sandbox.kit.oauth import Client, OAuthTwin, Why
from sandbox.kit.shelf import Sort, sight
from sandbox.kit.store import Document
from sandbox.kit.tickets import bad, no, span, units, yes

PHOTOS, MOST_PHOTOS = Sort(("image/jpeg", "image/webp"), 20_000_000), 35
VIDEOS = Sort(("video/mp4", "video/quicktime", "video/webm"), 4_000_000_000)
MEGABYTE = 1024 * 1024
OPTIONS = ("PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")
PUBLIC = OPTIONS[0]
URL_S = 3600
REFUSALS = {
    "unauthorized": (401, "access_token_invalid"),
    "weak_scope": (401, "scope_not_authorized"),
    "forbidden": (403, "spam_risk_user_banned_from_posting"),
    "throttled": (429, "rate_limit_exceeded"),
    "rejected": (400, "invalid_param"),
    "misconfigured": (403, "url_ownership_unverified"),
}


class TikTok(OAuthTwin):
    """TikTok: tickets, chunks, photos by address."""

    name = "tiktok"
    label = "TikTok"
    colour = "#111827"
    hint = "App: practice-client, secret practice-secret."
    lifetime_s = 86_400
    rotates = True
    client_auth = ("body",)
    pkce_methods = ()
    hints = False
    scopes = ("user.info.basic", "user.info.profile", "video.publish", "video.upload", "video.list")

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}.practice", f"-000{number_of(name)}")

    def client(self, client_id: str) -> Client | None:
        known = client_id == "practice-client"
        return Client(client_id, "practice-secret", "Postrider") if known else None

    def no(self, why: Why) -> Answer:
        error = {"bad_client": "invalid_client", "bad_grant": "invalid_grant"}.get(
            why, "invalid_request"
        )
        words = {"error_description": "The request is not valid.", "log_id": "practice"}
        return as_json({"error": error, **words})  # with HTTP 200

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "invalid_grant" or (kind == "misconfigured" and scene.purpose == "token"):
            return self.no("bad_client" if kind == "misconfigured" else "bad_grant")
        return no(*REFUSALS.get(kind, (500, "internal_error")))

    # The dance; the client id is called a key, scopes are separated by commas

    def may_ask(self, client: Client | None, wanted: str) -> bool:
        return super().may_ask(client, wanted.replace(",", " "))

    def begin(self, person: str, client_id: str, scope: str, at: float) -> Document:
        return super().begin(person, client_id, scope.replace(",", " "), at)

    def checked_client(self, request: Request, form: Mapping[str, Any]) -> Client:
        return super().checked_client(request, {**form, "client_id": form.get("client_key", "")})

    @route("GET", "/v2/auth/authorize/")
    @route("POST", "/v2/auth/authorize/")
    def authorize(self, request: Request) -> Answer:
        query = {**request.query, "client_id": request.query.get("client_key", "")}
        return self.consent(replace(request, query=query))

    @route("POST", "/v2/oauth/token/", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def lasts(self, grant: Document) -> bool:
        return True

    def issue(self, grant: Document, at: float) -> Document:
        whole = super().issue(grant, at)
        lives = {"expires_in": self.lifetime_s, "refresh_expires_in": 31_536_000}
        known = {"open_id": self.person(grant["person"]).id, "token_type": "Bearer"}
        return {**whole, **lives, **known, "scope": whole["scope"].replace(" ", ",")}

    @route("POST", "/v2/oauth/revoke/", "revoke")
    def revoke(self, request: Request) -> Answer:
        client = self.checked_client(request, request.form())
        self.revoke_token(request.form().get("token", ""), client)
        return as_json({})

    @route("GET", "/v2/user/info/", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request, "user.info.basic")
        known = {"open_id": person.id, "union_id": person.id, "display_name": person.display}
        known |= {"avatar_url": f"{request.base}/people/{person.name}.svg"}
        known["username"] = person.handle
        asked = request.query.get("fields", "").split(",")
        return yes({"user": {name: value for name, value in known.items() if name in asked}})

    # Posting

    @route("POST", "/v2/post/publish/creator_info/query/", "limits")
    def creator(self, request: Request) -> Answer:
        person = self.who(request, "video.publish")
        known = {"creator_username": person.handle, "creator_nickname": person.display}
        allowed = {f"{name}_disabled": False for name in ("comment", "duet", "stitch")}
        longest = {"max_video_post_duration_sec": 600, "privacy_level_options": list(OPTIONS)}
        return yes({**known, **allowed, **longest})

    def asked(self, request: Request) -> tuple[Person, Document, Document]:
        """Who wants to post, what is said about it, and where the bytes are."""
        person, body = self.who(request, "video.publish"), request.json()
        about, source = body.get("post_info", {}), body.get("source_info", {})
        if about.get("privacy_level") not in OPTIONS:
            raise RefusalError(no(400, "privacy_level_option_mismatch"))
        return person, about, source

    @route("POST", "/v2/post/publish/content/init/", "publish")
    def photos(self, request: Request) -> Answer:
        person, about, source = self.asked(request)
        body, urls = request.json(), source.get("photo_images", [])
        if (body.get("post_mode"), body.get("media_type")) != ("DIRECT_POST", "PHOTO"):
            raise bad("post_mode or media_type is not one of its values.")
        if not 1 <= len(urls) <= MOST_PHOTOS or source.get("source") != "PULL_FROM_URL":
            raise bad("photo_images must hold 1 to 35 addresses.")
        if units(about.get("title", "")) > 90 or units(about.get("description", "")) > 4000:
            raise bad("The title or the description is too long.")
        files = [self.shelf.fetch(str(url)) for url in urls]
        if any(data and PHOTOS.fault(sight(data), len(data)) for data in files):
            raise bad("A photo is of a wrong type or too large.")
        ticket = f"p_pub_url~v2.{self.store.next_number(self.name, request.at)}"
        self.opened(ticket, person, about, request)
        self.out(ticket, person, files, about.get("description", ""), request)
        return yes({"publish_id": ticket})

    @route("POST", "/v2/post/publish/video/init/", "container")
    def video(self, request: Request) -> Answer:
        person, about, source = self.asked(request)
        if units(about.get("title", "")) > 2200:
            raise bad("The title is too long.")
        number = self.store.next_number(self.name, request.at)
        if source.get("source") == "PULL_FROM_URL":
            data, ticket = self.shelf.fetch(str(source.get("video_url"))), f"v_pub_url~v2.{number}"
            self.opened(ticket, person, about, request)
            self.out(ticket, person, [data], about.get("title", ""), request)
            return yes({"publish_id": ticket})
        size, chunk = int(source["video_size"]), int(source["chunk_size"])
        if not (chunk == size or 5 * MEGABYTE <= chunk <= 64 * MEGABYTE):
            raise bad("chunk_size must lie between 5 and 64 MB.")
        if source["total_chunk_count"] != size // chunk:
            raise bad("The total chunk count is invalid")
        ticket = f"v_pub_file~v2.{number}"
        self.opened(ticket, person, about, request, size=size)
        return yes({"publish_id": ticket, "upload_url": f"{request.base}/upload/{number}"})

    def purpose(self, route: Route, request: Request) -> str:
        pulls = route.purpose == "container" and b'"PULL_FROM_URL"' in request.body
        return "publish" if pulls else route.purpose

    def opened(
        self, ticket: str, person: Person, about: Document, request: Request, size: int = 0
    ) -> None:
        """Remember a ticket."""
        kept = {"id": ticket, "owner": person.id, "kind": "ticket", "about": about, "got": 0}
        self.shelf.keep(ticket, {**kept, "size": size, "ends_at": request.at + URL_S, "out": ""})

    def out(
        self, ticket: str, person: Person, files: list[bytes], text: str, request: Request
    ) -> None:
        """The post is out, for whom it is meant; not without its files."""
        kind = "photo" if ticket.startswith("p_") else "video"
        if not all(files):
            self.shelf.change(ticket, why=f"{kind}_pull_failed")
            return
        number, put = str(self.store.next_number(self.name, request.at)), self.shelf.put
        kept = [put(f"{ticket}.{n}", person.id, data, request.at) for n, data in enumerate(files)]
        path = f"/@{person.handle}/{kind}/{number}"
        self.put("post id", number, {"id": ticket})
        self.receive(person, ticket, text, path, request.at, media=kept)
        self.shelf.change(ticket, out=number)

    @route("PUT", "/upload/{number}", "upload")
    def upload(self, request: Request) -> Answer:
        ticket = f"v_pub_file~v2.{request.params['number']}"
        known = self.store.get(self.name, "media", ticket)
        if known is None or known["ends_at"] <= request.at or known["out"]:
            return Answer(403)
        first, last, size = span(request)
        if size != known["size"] or last - first + 1 != len(request.body) or first > known["got"]:
            return Answer(416)
        whole = self.store.bytes_of(known.get("so_far", ""))[:first] + request.body
        self.store.put_bytes(ticket, whole)
        self.shelf.change(ticket, so_far=ticket, got=len(whole))
        if len(whole) < size:
            return Answer(206)
        person = self.person_by(known["owner"])
        if person is None or VIDEOS.fault(sight(whole), size):
            return Answer(400)
        self.out(ticket, person, [whole], known["about"]["title"], request)
        return Answer(201)

    @route("POST", "/v2/post/publish/status/fetch/", "status")
    def status(self, request: Request) -> Answer:
        person, ticket = self.who(request, "video.publish"), str(request.json().get("publish_id"))
        known = self.store.get(self.name, "media", ticket)
        if known is None or known["owner"] != person.id:
            raise bad("publish_id is not known")
        if not known["out"] and "why" not in known:
            return yes({"status": "PROCESSING_UPLOAD", "uploaded_bytes": known["got"]})
        if not self.shelf.ready(ticket):
            return yes({"status": "PROCESSING_DOWNLOAD"})
        if "why" in known:
            return yes({"status": "FAILED", "fail_reason": known["why"]})
        public = known["about"]["privacy_level"] == PUBLIC
        ids = {"publicaly_available_post_id": [int(known["out"])] if public else []}
        return yes({"status": "PUBLISH_COMPLETE", **ids})

    @route("GET", "/@{handle}/{kind}/{number}")
    def show(self, request: Request) -> Answer:
        known = self.get("post id", request.params["number"]) or {"id": ""}
        return page.permalink(self, self.board.post(self.name, known["id"]))
