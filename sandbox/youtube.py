"""The twin of YouTube (Data API v3): a session for each upload, judged only while it is processed.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3 to 1.5, 10 and 21, and from
the discovery document that its section 1.1 names. What is refused word for word is this twin's own
where the sheet gives a reason only. Not played: videos that YouTube has already (it would reject
every second one of the tests), thumbnails, quota by itself (order it as trouble).
"""

from __future__ import annotations

from typing import ClassVar

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    Request,
    Scene,
    as_json,
    number_of,
    route,
)
from sandbox.kit.oauth import Client, Why
from sandbox.kit.resumable import ResumableTwin, error, invalid
from sandbox.kit.shelf import Sort, sight
from sandbox.kit.store import Document

AUTH = "https://www.googleapis.com/auth/youtube"
VIDEOS = Sort(("video/mp4", "video/quicktime", "video/webm"), 274_877_906_944)
LONGEST_TITLE, LONGEST_BYTES = 100, 5000
UPLOAD = "/upload/youtube/v3/videos"

REFUSALS = {
    "unauthorized": (401, "authError", "Invalid Credentials"),
    "forbidden": (403, "youtubeSignupRequired", "The user has no channel."),
    "weak_scope": (403, "insufficientPermissions", "Request had insufficient scopes."),
    "rejected": (400, "invalidDescription", "The request metadata specifies a wrong description."),
    "misconfigured": (403, "accessNotConfigured", "YouTube Data API is not enabled."),
    "throttled": (403, "quotaExceeded", "The request cannot be completed: quota exceeded."),
}


class YouTube(ResumableTwin):
    """YouTube: refresh tokens that stay and are not repeated, resumable uploads."""

    name = "youtube"
    label = "YouTube"
    colour = "#cc0000"
    hint = "App: practice-client, secret practice-secret."
    lifetime_s = 3599
    reuses = True
    hints = False
    pkce_methods = ("S256", "plain")
    client_auth = ("body",)
    scopes: ClassVar[tuple[str, ...]] = (f"{AUTH}.upload", f"{AUTH}.readonly", f"{AUTH}.force-ssl")

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}-practice", f"UC{number_of(name)}")

    def client(self, client_id: str) -> Client | None:
        if client_id != "practice-client":
            return None
        return Client(client_id, "practice-secret", "Postrider")

    def lasts(self, grant: Document) -> bool:
        return True

    def no(self, why: Why) -> Answer:
        if why == "bad_client":
            told = {"error": "invalid_client", "error_description": "Unauthorized"}
            return as_json(told, 401)
        words = "Token has been expired or revoked."
        return as_json({"error": "invalid_grant", "error_description": words}, 400)

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if scene.purpose == "token" and kind in ("misconfigured", "invalid_grant"):
            return self.no("bad_client" if kind == "misconfigured" else "bad_grant")
        return error(*REFUSALS.get(kind, (503, "backendError", "Practice trouble.")))

    # The dance

    @route("GET", "/o/oauth2/v2/auth")
    @route("POST", "/o/oauth2/v2/auth")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/token", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def with_lasting_key(self, answer: Document, grant: Document) -> Document:
        return {**super().with_lasting_key(answer, grant), "token_type": "Bearer"}

    def reissue(self, refresh_token: str, client: Client, at: float) -> Document:
        fresh = super().reissue(refresh_token, client, at)
        fresh.pop("refresh_token")
        return {**fresh, "token_type": "Bearer"}

    def issue(self, grant: Document, at: float) -> Document:
        return {**super().issue(grant, at), "expires_in": self.lifetime_s}

    @route("POST", "/revoke", "revoke")
    def revoke(self, request: Request) -> Answer:
        self.revoke_token(request.query.get("token", ""))
        return as_json({})

    # The channel

    @route("GET", "/youtube/v3/channels", "identity")
    def channels(self, request: Request) -> Answer:
        person = self.who(request, f"{AUTH}.readonly")
        picture = {"default": {"url": f"{request.base}/people/{person.name}.svg"}}
        named = {"title": person.display, "customUrl": f"@{person.handle}", "thumbnails": picture}
        lists = {"relatedPlaylists": {"uploads": f"UU{person.id[2:]}"}}
        parts = {"snippet": named, "contentDetails": lists}
        asked = {k: v for k, v in parts.items() if k in request.query.get("part", "").split(",")}
        item = {"kind": "youtube#channel", "id": person.id, **asked}
        return as_json({"kind": "youtube#channelListResponse", "items": [item]})

    @route("GET", "/youtube/v3/playlistItems", "find")
    def uploads(self, request: Request) -> Answer:
        person = self.who(request, f"{AUTH}.readonly")
        if request.query.get("playlistId") != f"UU{person.id[2:]}":
            return error(404, "playlistNotFound", "The playlist cannot be found.")
        most = int(request.query.get("maxResults", "5"))
        items = [
            {"kind": "youtube#playlistItem", "snippet": listed(post)}
            for post in self.board.of(self.name, person.id)[:most]
        ]
        return as_json({"kind": "youtube#playlistItemListResponse", "items": items})

    # Videos

    @route("POST", UPLOAD, "container")
    def begin_video(self, request: Request) -> Answer:
        return self.opened(request, self.who(request, f"{AUTH}.upload"))

    @route("PUT", UPLOAD, "publish")
    def take_video(self, request: Request) -> Answer:
        return self.taken(request, self.who(request, f"{AUTH}.upload"))

    def accept(self, body: Document) -> Document:
        return accepted(body)

    def made(self, person: Person, session: Document, request: Request) -> Answer:
        """All is there: it becomes a video, which is seen unless it cannot be processed."""
        data, video = self.shelf.joined(session["id"]), session["id"].removeprefix("up")
        about, fault = session["about"], VIDEOS.fault(sight(data), len(data))
        self.shelf.change(session["id"], made=resource(video))
        polls = {"polls": session["polls"], "failed": bool(fault)}
        kept = self.shelf.put(f"file-{video}", person.id, data, request.at, **polls)
        if not fault:
            path, more = f"/watch?v={video}", {"title": about["title"], "media": [kept]}
            self.receive(person, video, about["description"], path, request.at, **more)
        return as_json(resource(video))

    @route("GET", "/youtube/v3/videos", "status")
    def videos(self, request: Request) -> Answer:
        self.who(request, f"{AUTH}.readonly")
        video = request.query.get("id", "")
        file = self.get("media", f"file-{video}")
        items = []
        if file:
            done = self.shelf.ready(file["id"])
            status = {"uploadStatus": "processed" if done else "uploaded"}
            if done and file["failed"]:
                status = {"uploadStatus": "failed", "failureReason": "invalidFile"}
            items = [{**resource(video), "status": status}]
        return as_json({"kind": "youtube#videoListResponse", "items": items})

    @route("DELETE", "/youtube/v3/videos", "delete")
    def delete(self, request: Request) -> Answer:
        person = self.who(request, f"{AUTH}.force-ssl")
        post = self.board.post(self.name, request.query.get("id", ""))
        if post is None or post["account"] != person.id:
            return error(404, "videoNotFound", "The video cannot be found.")
        self.board.take_down(self.name, post["id"])
        return Answer(204)

    @route("GET", "/watch")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.query.get("v", "")))


def accepted(body: Document) -> Document:
    """Title and description of an announced video, once they are found to be in order."""
    snippet, status = body.get("snippet", {}), body.get("status", {})
    title, words = snippet.get("title"), snippet.get("description", "")
    if not isinstance(title, str) or not 1 <= len(title) <= LONGEST_TITLE or set(title) & set("<>"):
        raise invalid("invalidTitle", "The title is missing or not valid.")
    if len(words.encode()) > LONGEST_BYTES or set(words) & set("<>"):
        raise invalid("invalidDescription", "The description is not valid.")
    if status.get("privacyStatus") not in ("public", "unlisted", "private"):
        raise invalid("invalidVideoMetadata", "The privacy status is not valid.")
    return {"title": title, "description": words}


def resource(video: str) -> Document:
    """A video as far as it is told."""
    return {"kind": "youtube#video", "id": video}


def listed(post: Document) -> Document:
    """A video as a playlist shows it."""
    resource_id = {"kind": "youtube#video", "videoId": post["id"]}
    words = {"title": post["title"], "description": post["text"]}
    return {**words, "publishedAt": post["created_at"], "resourceId": resource_id}
