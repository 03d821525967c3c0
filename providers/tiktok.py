"""TikTok: videos by upload and photos by address, posted directly, with a ticket for each.

Facts: developers.tiktok.com as told in networks.md of 2026-11-21, section 8, and its media transfer
guide (read 2026-11-21). Beginning an upload shows nothing, so a lost answer costs nothing; what
photos come to is known only by the ticket that the answer brings: without it a person decides,
since nothing says that private posts or photos are listed. Texts of photos may be longer (4000);
one limit stands for both. How large a video may be is not told, 1 GB is ours. LEVELS but SELF_ONLY
are background knowledge; a creator has some of them. A post's page is known only where everybody
may see it. Not offered: text alone, drafts, deleting, answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from providers.kit import tickets
from providers.kit.content import Kind
from providers.kit.contract import (
    Account,
    App,
    Dance,
    Family,
    Field,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
    VideoRule,
)
from providers.kit.errors import (
    NetworkError,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Unavailable,
)
from providers.kit.http import Reply, text_in
from providers.kit.media import must_fit
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import Cap
from providers.kit.steps import forget, numbered, once
from providers.kit.text import length

ENDED = ("PUBLISH_COMPLETE", "FAILED")
WORKING = ("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD")
ABOUT_ME = "open_id,union_id,avatar_url,display_name,username"
LEVELS = (
    ("PUBLIC_TO_EVERYONE", "Everybody"), ("FOLLOWER_OF_CREATOR", "Followers"),
    ("MUTUAL_FOLLOW_FRIENDS", "Friends"), ("SELF_ONLY", "Only you"))  # fmt: skip


class TikTok(OAuthProvider):
    """TikTok."""

    name = "tiktok"
    label = "TikTok"
    colour = "#fe2c55"
    family = Family.ROTATING  # "the returned refresh_token may be different"
    limits = Limits(
        TextRule(limit=2200, unit=Unit.UTF16),
        images=ImageRule(35, ("image/jpeg", "image/webp"), 20_000_000, alt_limit=None, by_url=True),
        video=VideoRule(("video/mp4",), 1_000_000_000),
        needs_media=True,
    )
    caps = (Cap(6, timedelta(minutes=1)), Cap(15, timedelta(days=1)))
    """Beginnings of one key; about 15 posts of one creator."""
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("user.info.basic", "user.info.profile", "video.publish"),
        scope_separator=",",
        pkce=False,  # for mobile and desktop clients only
    )
    settings = (
        Setting(
            "TIKTOK_CLIENT_ID",
            "Client key of your app at developers.tiktok.com",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "TIKTOK_CLIENT_SECRET",
            "Client secret of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "TIKTOK_API_URL",
            "Base URL of the API",
            default="https://open.tiktokapis.com",
            practice="{street}/tiktok",
        ),
        Setting(
            "TIKTOK_WEB_URL",
            "Where people say yes and posts are seen",
            default="https://www.tiktok.com",
            practice="{street}/tiktok",
        ),
        Setting(
            "TIKTOK_PULLS_VIDEOS",
            "yes: TikTok fetches videos from this site, whose domain it has verified",
        ),
    )
    post_fields = (
        Field("privacy", "Who may see it", help="Some of these, as TikTok allows your account",
              practice=LEVELS[0][0], needed=True, choices=LEVELS),
        Field("title", "Title", help="Of photos; at most 90 characters", practice="Practice"),
    )  # fmt: skip

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self._web("/v2/auth/authorize/")

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self._api("/v2/oauth/token/")

    def authorize_query(self, dance: Dance) -> dict[str, str]:
        """TikTok calls the client id a key."""
        query = super().authorize_query(dance)
        return {"client_key": query.pop("client_id"), **query}

    def _authenticated(
        self, form: dict[str, str], app: App
    ) -> tuple[dict[str, str], tuple[str, str] | None]:
        return {**form, "client_key": app.client_id, "client_secret": app.client_secret}, None

    def token_refusal(self, reply: Reply) -> NetworkError:
        """Errors of the token door may come with HTTP 200."""
        error = text_in(reply.maybe_json(), "error")
        if error in ("server_error", "temporarily_unavailable"):
            words = f"TikTok has trouble with tokens ({error})."
            return Unavailable(words, status=reply.status, network_code=error)
        return super().token_refusal(reply)

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /v2/user/info/."""
        url, query = self._api("/v2/user/info/"), {"fields": ABOUT_ME}
        reply = self.wire.call("GET", url, params=query, bearer=grant.access_token)
        user = self._data(reply).get("user")
        name = text_in(user, "username") or text_in(user, "display_name")
        if not text_in(user, "open_id") or not name:
            raise reply.unreadable()
        return Identity(
            external_id=text_in(user, "open_id"),
            handle=f"@{name}",
            name=text_in(user, "display_name"),
            url=self._web(f"/@{name}") if text_in(user, "username") else "",
            avatar_url=text_in(user, "avatar_url"),
        )

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """A refresh token may come back changed, so it is treated as single use."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("TikTok gave no refresh token; connect the account again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """POST /v2/oauth/revoke/."""
        if ours := app or self.app(host):
            form = {"token": grant.access_token}
            self.revoke_token(self._api("/v2/oauth/revoke/"), form, ours)

    def limits_now(self, account: Account) -> Limits:
        """How long a video of this creator may be."""
        told = self._creator(account).get("max_video_post_duration_sec")
        video = self.limits.video
        if not isinstance(told, int) or video is None:
            return self.limits
        return replace(self.limits, video=replace(video, longest=timedelta(seconds=told)))

    def publish(self, message: Message, account: Account) -> Receipt:
        """Ask what the creator allows, begin, send the bytes, then ask until it is out."""
        must_fit(message.media, self.limits, self.label)
        if length(message.text, self.limits.text) > self.limits.text.limit:
            raise Rejected("TikTok takes at most 2200 characters.")
        saved = message.saved
        if not (ticket := saved.get("ticket")):
            told = once(saved, "creator", lambda: json.dumps(self._creator(account)))
            about = tickets.about(message, json.loads(told))
            begin = self._sent if self._uploads(message) else self._begun
            ticket = begin(message, about, account)
        status, data = tickets.waiting(
            lambda: self._look(ticket, account), lambda: saved.keep("ticket", ticket)
        )
        if status == "FAILED":
            for name in ("ticket", "upload", "chunks", "creator"):
                saved.keep(name, "")
            raise tickets.failed(text_in(data, "fail_reason"))
        return Receipt(ticket, self._page(data, message, account))

    def _uploads(self, message: Message) -> bool:
        """Whether the bytes go up; photos are always fetched by TikTok."""
        pulls = self.options["TIKTOK_PULLS_VIDEOS"].lower() in ("yes", "true", "1")
        return message.media[0].kind is Kind.VIDEO and not (pulls and message.media[0].url)

    def _begun(self, message: Message, about: dict[str, Any], account: Account) -> str:
        """Begin what TikTok fetches by itself: this makes the post visible."""
        if message.media[0].kind is Kind.VIDEO:
            source = {"source": "PULL_FROM_URL", "video_url": message.media[0].url}
            body = {"post_info": about, "source_info": source}
            return self._ticket(self._ask("/video/init/", account, body, safe=False))[0]
        photos = tickets.photos(message, about)
        return self._ticket(self._ask("/content/init/", account, photos, safe=False))[0]

    def _sent(self, message: Message, about: dict[str, Any], account: Account) -> str:
        """Begin an upload, which shows nothing yet, and send it chunk by chunk."""
        video, saved = message.media[0], message.saved
        size, count = tickets.chunks(video.size)
        source = {"source": "FILE_UPLOAD", "video_size": video.size, "chunk_size": size}
        body = {"post_info": about, "source_info": {**source, "total_chunk_count": count}}

        def begin() -> str:
            return " ".join(self._ticket(self._ask("/video/init/", account, body), upload=True))

        ticket, _, address = once(saved, "upload", begin).partition(" ")
        for number in numbered(saved, "chunks", count):
            file, place = tickets.chunk(video, number)
            headers = {"Content-Range": place}
            reply = self.wire.call("PUT", address, safe=True, body=file, headers=headers)
            problem = None if reply.ok else tickets.refusal(reply)
            if isinstance(problem, Unauthorized | Throttled | Unavailable):
                raise problem
            if problem and self._state(ticket, account)[0] == "PROCESSING_UPLOAD":
                ended = Rejected(f"TikTok refused {video.name}.", status=reply.status)
                raise forget(saved, ("upload", "chunks"), ended)
        return ticket

    def _look(self, ticket: str, account: Account) -> tuple[str, Mapping[str, Any]]:
        """What became of it, once that is known."""
        status, data = self._state(ticket, account)
        if status in WORKING:
            raise StillWorking("TikTok is working on it.", wait=tickets.PATIENCE)
        if status not in ENDED:
            raise tickets.Lost(f"TikTok names a state that nobody knows: {status[:40]}")
        return status, data

    def _state(self, ticket: str, account: Account) -> tuple[str, Mapping[str, Any]]:
        """POST /v2/post/publish/status/fetch/."""
        body = {"publish_id": ticket}
        reply = tickets.looked(lambda: self._checked(self._ask("/status/fetch/", account, body)))
        data = reply.maybe_json().get("data")
        return text_in(data, "status"), data if isinstance(data, dict) else {}

    def _creator(self, account: Account) -> dict[str, Any]:
        """POST /v2/post/publish/creator_info/query/, wanted before each post."""
        data = self._data(self._ask("/creator_info/query/", account, {}))
        return {name: data.get(name) for name in tickets.CREATOR}

    def _page(self, data: Mapping[str, Any], message: Message, account: Account) -> str:
        """Where the post is seen; TikTok tells its id only where everybody may see it."""
        known = data.get("publicaly_available_post_id")  # TikTok writes it so
        kind = "video" if message.media[0].kind is Kind.VIDEO else "photo"
        creator = json.loads(message.saved.get("creator") or "{}")
        name = text_in(creator, "creator_username") or account.handle.lstrip("@")
        return self._web(f"/@{name}/{kind}/{known[0]}") if isinstance(known, list) and known else ""

    def _ask(
        self, path: str, account: Account, body: Mapping[str, Any], *, safe: bool = True
    ) -> Reply:
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        url, key = self._api(f"/v2/post/publish{path}"), account.access_token
        return self.wire.call("POST", url, safe=safe, json=body, headers=headers, bearer=key)

    def _checked(self, reply: Reply) -> Reply:
        """Success is HTTP 200 and the code "ok"."""
        code = text_in(reply.maybe_json().get("error"), "code")
        if not reply.ok or code not in ("ok", ""):
            raise tickets.refusal(reply)
        if not code or not isinstance(reply.maybe_json().get("data"), dict):
            raise reply.unreadable()
        return reply

    def _data(self, reply: Reply) -> dict[str, Any]:
        data: dict[str, Any] = self._checked(reply).json()["data"]
        return data

    def _ticket(self, reply: Reply, *, upload: bool = False) -> tuple[str, str]:
        data = self._data(reply)
        ticket, address = text_in(data, "publish_id"), text_in(data, "upload_url")
        if not ticket or (upload and not address):
            raise reply.unreadable()
        return ticket, address

    def _api(self, path: str) -> str:
        return self.options["TIKTOK_API_URL"].rstrip("/") + path

    def _web(self, path: str) -> str:
        return self.options["TIKTOK_WEB_URL"].rstrip("/") + path
