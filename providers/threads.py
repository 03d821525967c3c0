"""Threads: a container for every post, keys that renew themselves, media fetched by their address.

Facts: networks.md of 2026-11-21, sections 4 and 7; the listing of replies and its scope from Meta's
own Postman collection (fbsamples/threads_api @44df04d, 2026-01-02). Unsure there: in what a text is
counted (an emoji counts by its bytes, all else as one), how many links a post may carry (more than
three to five may fail), whether an address may be sent as a form (its examples write a query).
Unknown: how to revoke a key, what a second publishing of a container answers. Not offered: polls,
GIFs, quotes, who may reply. Version v1.0 as of 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from providers.kit.containers import ContainerProvider, Edges
from providers.kit.content import Kind, Media
from providers.kit.contract import (
    App,
    Family,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Message,
    Setting,
    TextRule,
    Unit,
    VideoRule,
)
from providers.kit.graph import Fate, id_in
from providers.kit.http import text_in
from providers.kit.oauth import OAuth
from providers.kit.rates import Cap


class Threads(ContainerProvider):
    """Threads."""

    name = "threads"
    label = "Threads"
    colour = "#000000"
    family = Family.SELF_RENEWING
    limits = Limits(
        TextRule(500, Unit.EMOJI_BYTES),
        images=ImageRule(
            20,
            ("image/jpeg", "image/png"),
            8_000_000,
            alt_limit=1000,
            min_width=320,
            max_aspect=10.0,
            by_url=True,
        ),
        video=VideoRule(
            ("video/mp4", "video/quicktime"),
            1_000_000_000,
            most=20,
            longest=timedelta(minutes=5),
            by_url=True,
        ),
        mixed=True,
        together=20,
        replies=True,
        links=True,
    )
    caps = (Cap(250, timedelta(days=1)),)
    fates: ClassVar[Mapping[int, Fate]] = {24: Fate.AGAIN, 4279009: Fate.AGAIN}
    edges = Edges("threads", "threads_publish", "status", "error_message", "text")
    oauth: ClassVar[OAuth] = OAuth(
        scopes=(
            *("threads_basic", "threads_content_publish", "threads_manage_replies"),
            *("threads_read_replies", "threads_delete"),
        ),
        scope_separator=",",
        pkce=False,
    )
    settings = (
        Setting(
            "THREADS_CLIENT_ID",
            "Threads app id of your app at Meta (not the app id itself)",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "THREADS_CLIENT_SECRET",
            "Threads app secret of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting("THREADS_API_VERSION", "Version of the API", default="v1.0"),
        Setting(
            "THREADS_API_URL",
            "Base URL of the API",
            default="https://graph.threads.net",
            practice="{street}/threads",
        ),
        Setting(
            "THREADS_AUTHORIZE_URL",
            "Page on which people say yes",
            default="https://threads.net/oauth/authorize",
            practice="{street}/threads/oauth/authorize",
        ),
        Setting(
            "THREADS_WEB_URL",
            "Where posts are read",
            default="https://www.threads.net",
            practice="{street}/threads",
        ),
    )

    def host(self, values: Mapping[str, str]) -> str:
        """There is one."""
        return self.options["THREADS_API_URL"].rstrip("/")

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self.options["THREADS_AUTHORIZE_URL"]

    def token_endpoint(self, host: str) -> str:
        """Where codes are traded."""
        return f"{self.host({})}/oauth/access_token"

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """Make a short key last, or renew a lasting one: from a day old until it ends, for 60 d."""
        key = {"access_token": grant.access_token}
        if grant.provisional:
            secret = self.secret(app, host).client_secret
            asked = {"grant_type": "th_exchange_token", "client_secret": secret, **key}
            return self.longer(f"{self.host({})}/access_token", asked)
        asked = {"grant_type": "th_refresh_token", **key}
        return self.longer(f"{self.host({})}/refresh_access_token", asked)

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /me."""
        fields = "id,username,name,threads_profile_picture_url"
        url = self.versioned(self.host({}), "me")
        reply = self.asked(url, grant.access_token, fields=fields)
        me = self.read(reply)
        handle = text_in(me, "username")
        if not id_in(me) or not handle:
            raise reply.unreadable()
        return Identity(
            id_in(me),
            f"@{handle}",
            text_in(me, "name"),
            self.profile(handle),
            text_in(me, "threads_profile_picture_url"),
        )

    def profile(self, handle: str) -> str:
        """The page of an account."""
        return f"{self.options['THREADS_WEB_URL'].rstrip('/')}/@{handle.lstrip('@')}"

    # What goes into a container

    def whole(self, message: Message) -> dict[str, str]:
        """A text with a link, or one picture or video."""
        words = {"text": message.text, **_above(message)}
        if message.media:
            return {**_file(message.media[0]), **words}
        return {"media_type": "TEXT", **words, "link_attachment": message.link}

    def item(self, media: Media) -> dict[str, str]:
        """One of several."""
        return {**_file(media), "is_carousel_item": "true"}

    def album(self, message: Message, children: Sequence[str]) -> dict[str, str]:
        """Several, in order."""
        about = {"media_type": "CAROUSEL", "children": ",".join(children)}
        return {**about, "text": message.text, **_above(message)}

    def unfit(self, why: str) -> bool:
        """A download may fail for the moment; what cannot be processed stays so."""
        return why.startswith(("INVALID", "FAILED_PROCESSING"))

    def unfetched(self, why: str) -> bool:
        """By the beginning of its word."""
        return why.startswith("FAILED_DOWNLOADING")

    # Where it stands

    def listing(self, message: Message) -> str:
        """Answers are listed apart."""
        return "replies" if message.reply_to else "threads"

    def fields_listed(self) -> str:
        """The link tells two posts with the same words apart."""
        return f"{super().fields_listed()},link_attachment_url"

    def same(self, message: Message, post: Mapping[str, Any]) -> bool:
        """By the link as well, where the listing tells it."""
        link = text_in(post, "link_attachment_url")
        return super().same(message, post) and (not link or link == message.link)


def _file(media: Media) -> dict[str, str]:
    kind = "VIDEO" if media.kind is Kind.VIDEO else "IMAGE"
    return {"media_type": kind, f"{kind.lower()}_url": media.url, "alt_text": media.alt}


def _above(message: Message) -> dict[str, str]:
    return {"reply_to_id": message.reply_to.external_id} if message.reply_to else {}
