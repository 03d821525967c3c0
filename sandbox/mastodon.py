"""The twin of a Mastodon instance.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3 to 1.5, 12 and 21;
attachments and limits are played by `sandbox.kit.fediverse`. Not played: polls, statuses scheduled
by the instance, rate limits by themselves (order them as trouble). Where the sheet gives a code but
no words, the words are this twin's own.
"""

from __future__ import annotations

import secrets

from sandbox.kit import page
from sandbox.kit.fediverse import (
    LONGEST,
    URL_LENGTH,
    FediverseTwin,
    account,
    error,
    invalid,
    status,
    throttled,
)
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    as_json,
    number_of,
    route,
)
from sandbox.kit.oauth import Client, Why
from sandbox.kit.store import Document
from sandbox.kit.text import graphemes, with_short_urls

KEY_LIVES_S = 3600
VISIBILITIES = ("public", "unlisted", "private", "direct")


REFUSALS = {
    "unauthorized": (401, "The access token is invalid"),
    "forbidden": (403, "Your login is currently disabled"),
    "weak_scope": (403, "This action is outside the authorized scopes"),
    "rejected": (422, f"Validation failed: Text character limit of {LONGEST} exceeded"),
}


class Mastodon(FediverseTwin):
    """Mastodon: apps register themselves, tokens never expire, Idempotency-Key for an hour."""

    name = "mastodon"
    label = "Mastodon"
    colour = "#6364ff"
    hint = "Instance: the address of this house. Apps register themselves."
    app_grants = True
    scopes = ("read", "profile", "write")

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, name, number_of(name))

    def client(self, client_id: str) -> Client | None:
        if app := self.get("app", client_id):
            uris, scopes = tuple(app["redirect_uris"]), tuple(app["scopes"])
            return Client(client_id, app["client_secret"], app["name"], uris, scopes)
        return None

    def no(self, why: Why) -> Answer:
        match why:
            case "bad_client":
                return error(401, "invalid_client", error_description="Client not known.")
            case "bad_grant":
                return error(400, "invalid_grant", error_description="Grant not valid.")
            case "bad_scope":
                return error(400, "invalid_scope", error_description="Scope not valid.")
            case _:
                return error(400, "invalid_request", error_description="Request not valid.")

    def dialect(self, kind: str, scene: Scene) -> Answer:
        match kind:
            case "throttled":
                return throttled(scene.reset_at)
            case "misconfigured":
                return self.no("bad_client")
            case "invalid_grant":
                return self.no("bad_grant")
            case _:
                return error(*REFUSALS.get(kind, (500, "Practice trouble.")))

    # The dance

    @route("POST", "/api/v1/apps", "app")
    def register(self, request: Request) -> Answer:
        asked = request.fields()
        uris = asked.get("redirect_uris", "")
        uris = uris if isinstance(uris, list) else str(uris).split()
        if not asked.get("client_name") or not uris:
            raise invalid("client_name and redirect_uris are needed")
        scopes = str(asked.get("scopes") or "read").split()
        client_id = secrets.token_urlsafe(24)
        app: Document = {
            "id": str(self.store.next_number(self.name, request.at)),
            "name": str(asked["client_name"]),
            "website": asked.get("website"),
            "scopes": scopes,
            "redirect_uris": uris,
            "redirect_uri": "\n".join(uris),
            "client_id": client_id,
            "client_secret": secrets.token_urlsafe(24),
            "client_secret_expires_at": 0,
            "vapid_key": "",
        }
        self.put("app", client_id, app)
        return as_json(app)

    @route("GET", "/.well-known/oauth-authorization-server", "app")
    def metadata(self, request: Request) -> Answer:
        parts = ("read:accounts", "read:statuses", "write:statuses", "write:media")
        return as_json(
            {
                "issuer": request.base,
                "authorization_endpoint": f"{request.base}/oauth/authorize",
                "token_endpoint": f"{request.base}/oauth/token",
                "revocation_endpoint": f"{request.base}/oauth/revoke",
                "scopes_supported": [*self.scopes, *parts],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    @route("GET", "/oauth/authorize")
    @route("POST", "/oauth/authorize")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/oauth/token", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def issue(self, grant: Document, at: float) -> Document:
        return {**super().issue(grant, at), "token_type": "Bearer", "created_at": int(at)}

    @route("POST", "/oauth/revoke", "revoke")
    def revoke(self, request: Request) -> Answer:
        client = self.checked_client(request, request.fields())
        if not self.revoke_token(str(request.fields().get("token", "")), client):
            return error(403, "unauthorized_client", error_description="Not this app's token.")
        return as_json({})

    # The API

    @route("GET", "/api/v1/accounts/verify_credentials", "identity")
    def me(self, request: Request) -> Answer:
        token = self.get("access", request.bearer()) or {"scope": ""}
        scope = "profile" if "profile" in token["scope"].split() else "read:accounts"
        return as_json(account(self.who(request, scope), request.base))

    @route("POST", "/api/v1/statuses", "publish")
    def create(self, request: Request) -> Answer:
        person = self.who(request, "write:statuses")
        key = request.headers.get("idempotency-key", "")
        once = self.get("once", f"{person.id}:{key}") if key else None
        if once and request.at < once["at"] + KEY_LIVES_S:
            before = self.board.post(self.name, once["id"])
            if before:
                return as_json(status(before, person, request.base))
        fields = request.fields()
        text, spoiler = str(fields.get("status") or ""), str(fields.get("spoiler_text") or "")
        visibility = str(fields.get("visibility") or "public")
        media = self.attached(person, fields.get("media_ids"), request.at)
        above = str(fields.get("in_reply_to_id") or "")
        if above and self.board.post(self.name, above) is None:
            raise RefusalError(error(404, "Record not found"))
        accept(text, spoiler, visibility, bool(media), self.longest)
        for one in media:
            self.shelf.change(one["id"], used=True)
        post_id = str(self.store.next_number(self.name, request.at))
        path = f"/@{person.handle}/{post_id}"
        more: Document = {"key": key, "visibility": visibility, "spoiler_text": spoiler}
        more |= {"language": fields.get("language"), "media": media, "reply_to": above}
        post = self.receive(person, post_id, text, path, request.at, **more)
        if key:
            self.put("once", f"{person.id}:{key}", {"id": post_id, "at": request.at})
        return as_json(status(post, person, request.base))

    def standing(self, request: Request) -> Document:
        """The post that the path names."""
        post = self.board.post(self.name, request.params["id"])
        if post is None:
            raise RefusalError(error(404, "Record not found"))
        return post

    def author(self, post: Document) -> Person:
        """Who wrote a post."""
        return self.person(post["handle"])

    @route("GET", "/api/v1/statuses/{id}", "find")
    def read(self, request: Request) -> Answer:
        post = self.standing(request)
        return as_json(status(post, self.author(post), request.base))

    @route("GET", "/api/v1/statuses/{id}/source", "find")
    def source(self, request: Request) -> Answer:
        self.who(request, "read:statuses")
        post = self.standing(request)
        plain = {"text": post["text"], "spoiler_text": post["spoiler_text"]}
        return as_json({"id": post["id"], **plain})

    @route("DELETE", "/api/v1/statuses/{id}", "delete")
    def delete(self, request: Request) -> Answer:
        person = self.who(request, "write:statuses")
        post = self.standing(request)
        if post["account"] != person.id:
            raise RefusalError(error(404, "Record not found"))
        self.board.take_down(self.name, post["id"])
        return as_json({**status(post, person, request.base), "text": post["text"]})

    @route("GET", "/api/v1/accounts/{id}/statuses", "find")
    def timeline(self, request: Request) -> Answer:
        self.who(request, "read:statuses")
        limit, since = request.query.get("limit", "20"), request.query.get("since_id", "0")
        most = int(limit) if limit.isdigit() else 20
        after = int(since) if since.isdigit() else 0
        posts = self.board.of(self.name, request.params["id"])
        wanted = [p for p in posts if int(p["id"]) > after][:most]
        return as_json([status(p, self.author(p), request.base) for p in wanted])

    @route("GET", "/@{handle}/{id}")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["id"]))


def accept(text: str, spoiler: str, visibility: str, beside_media: bool, longest: int) -> None:
    """Refuse a status that the instance would not take."""
    if not text.strip() and not beside_media:
        raise invalid("Text can't be blank")
    if len(graphemes(with_short_urls(text, URL_LENGTH) + spoiler)) > longest:
        raise invalid(f"Text character limit of {longest} exceeded")
    if visibility not in VISIBILITIES:
        raise invalid("Visibility is not one of its values")
