"""Instagram: two logins, a container for every post, pictures and videos fetched by their address.

Facts: networks.md of 2026-11-21, sections 4 and 6. That a carousel mixes pictures and videos, ten
together: Meta's reference of the edge `media` (its stored page, read 2026-11-21). The login says
where the API is: Instagram's own (a Business or Creator account, a key that renews itself) or
Facebook's (an account linked to a page, the page's key). Unsure there: sizes and lengths of reels,
whether posts can be deleted (newer descriptions know it, older pages deny it), the quota (100 in
the guide, 50 in the reference; the network's own refusal is waited for). Unknown: how to revoke a
key, in what a text is counted (UTF-16 is the longest way). Not offered: comments, because a part of
a thread here would need a picture, stories, tags, places. Version v25.0, 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from providers.kit.containers import ContainerProvider, Edges
from providers.kit.content import Kind, Media
from providers.kit.contract import (
    App,
    Dance,
    Family,
    Field,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Message,
    Offer,
    Setting,
    TextRule,
    Unit,
    VideoRule,
)
from providers.kit.errors import Unexpected
from providers.kit.graph import Fate, id_in
from providers.kit.http import text_in
from providers.kit.oauth import OAuth
from providers.kit.page_login import PageLogin
from providers.kit.rates import Cap

OWN, LINKED = "instagram", "facebook"
DOWNLOAD = (2207003, 2207020, 2207052)
AGAIN = (2207001, 2207032, 2207053, 2207006, 2207008, 2207027)
CONTENT = (2207004, 2207005, 2207009, 2207026, 2207010, 2207028, 36000, 36001, 36003, 36004)
LINKED_SCOPES = (
    *("instagram_basic", "instagram_content_publish", "pages_show_list"),
    *("pages_read_engagement", "business_management"),
)
NUMBER = re.compile(r"\b2207\d{3}\b")


class Instagram(ContainerProvider, PageLogin):
    """Instagram, for Business and Creator accounts."""

    name = "instagram"
    label = "Instagram"
    colour = "#d62976"
    family = Family.SELF_RENEWING
    limits = Limits(
        TextRule(2200, Unit.UTF16),
        images=ImageRule(
            10, ("image/jpeg",), 8_000_000, alt_limit=1000, min_width=320,
            min_aspect=0.8, max_aspect=1.91, by_url=True,
        ),
        video=VideoRule(
            ("video/mp4", "video/quicktime"), 300_000_000, most=10,
            shortest=timedelta(seconds=3), longest=timedelta(minutes=15), by_url=True,
        ),
        needs_media=True,
        mixed=True,
        together=10,
    )  # fmt: skip
    caps = (Cap(100, timedelta(days=1)),)
    fates: ClassVar[Mapping[int, Fate]] = {
        **dict.fromkeys(AGAIN, Fate.AGAIN),
        **dict.fromkeys(DOWNLOAD, Fate.UNFETCHED),
        **dict.fromkeys(CONTENT, Fate.CONTENT),
        2207042: Fate.HOURS,
        2207050: Fate.BLOCKED,
        2207051: Fate.HOURS,
    }
    edges = Edges("media", "media_publish", "status_code", "status", "caption")
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("instagram_business_basic", "instagram_business_content_publish"),
        scope_separator=",",
        pkce=False,
    )
    settings = (
        Setting(
            "INSTAGRAM_CLIENT_ID", "Instagram app id of your app at Meta (not the app id itself)",
            needed=True, practice="practice-client",
        ),
        Setting(
            "INSTAGRAM_CLIENT_SECRET", "Instagram app secret of the same app",
            needed=True, secret=True, practice="practice-secret",
        ),
        Setting(
            "INSTAGRAM_FACEBOOK_CLIENT_ID", "App id, for the login by Facebook; empty: not offered",
            practice="practice-client",
        ),
        Setting(
            "INSTAGRAM_FACEBOOK_CLIENT_SECRET", "App secret, for the login by Facebook",
            secret=True, practice="practice-secret",
        ),
        Setting("INSTAGRAM_LOGIN", "Login that the connect form suggests", default=OWN),
        Setting("INSTAGRAM_API_VERSION", "Version of the Graph API", default="v25.0"),
        Setting(
            "INSTAGRAM_API_URL", "Base URL of the API",
            default="https://graph.instagram.com", practice="{street}/instagram",
        ),
        Setting(
            "INSTAGRAM_TOKEN_URL", "Where codes are traded",
            default="https://api.instagram.com/oauth/access_token",
            practice="{street}/instagram/oauth/access_token",
        ),
        Setting(
            "INSTAGRAM_AUTHORIZE_URL", "Page on which people say yes",
            default="https://www.instagram.com/oauth/authorize",
            practice="{street}/instagram/oauth/authorize",
        ),
        Setting(
            "INSTAGRAM_WEB_URL", "Where profiles are read",
            default="https://www.instagram.com", practice="{street}/instagram",
        ),
        Setting(
            "INSTAGRAM_FACEBOOK_API_URL", "Base URL of the API, for the login by Facebook",
            default="https://graph.facebook.com", practice="{street}/instagram/linked",
        ),
        Setting(
            "INSTAGRAM_FACEBOOK_WEB_URL", "Where people say yes, for the login by Facebook",
            default="https://www.facebook.com", practice="{street}/instagram/linked",
        ),
    )  # fmt: skip
    fields = (
        Field(
            "login",
            "Sign in with",
            help="Any Business or Creator account by Instagram, one linked to a page by Facebook.",
            default="INSTAGRAM_LOGIN",
            others=(LINKED,),
            choices=((OWN, "Instagram"), (LINKED, "Facebook")),
        ),
    )

    def missing(self) -> tuple[str, ...]:
        """One of the two logins is enough."""
        linked = self.options.get("INSTAGRAM_FACEBOOK_CLIENT_ID")
        whole = linked and self.options.get("INSTAGRAM_FACEBOOK_CLIENT_SECRET")
        return () if whole else super().missing()

    def host(self, values: Mapping[str, str]) -> str:
        """The API that belongs to a login: by its name, or by its own address."""
        typed = values.get("login", "").strip().lower().rstrip("/") or OWN
        hosts = {OWN: self._base("API_URL"), LINKED: self._base("FACEBOOK_API_URL")}
        known = hosts | {host.lower(): host for host in hosts.values()}
        if typed not in known:
            raise ValueError(f"Sign in with: please type {OWN} or {LINKED}.")
        app = self.app(known[typed])
        if app is None or not app.client_id:
            raise ValueError("Sign in with: this login is not set up on this site.")
        return known[typed]

    def app(self, host: str) -> App | None:
        """Our app, which has other credentials for each login."""
        mark = "FACEBOOK_CLIENT" if self._linked(host) else "CLIENT"
        found = (self.options.get(f"INSTAGRAM_{mark}_{part}", "") for part in ("ID", "SECRET"))
        return App(*found)

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        if self._linked(host):
            return self.versioned(self._base("FACEBOOK_WEB_URL"), "dialog", "oauth")
        return self.options["INSTAGRAM_AUTHORIZE_URL"]

    def authorize_query(self, dance: Dance) -> dict[str, str]:
        """The two logins know other scopes."""
        query = super().authorize_query(dance)
        return query | ({"scope": ",".join(LINKED_SCOPES)} if self._linked(dance.host) else {})

    def token_endpoint(self, host: str) -> str:
        """Where codes are traded."""
        if self._linked(host):
            return self.versioned(host, "oauth", "access_token")
        return self.options["INSTAGRAM_TOKEN_URL"]

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """A short-lived key, of one family or the other."""
        family = Family.NONE if self._linked(dance.host) else Family.SELF_RENEWING
        return replace(super().exchange(dance, params), family=family)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """Make a short key last, or renew a lasting one (from a day old until it ends)."""
        if self._linked(host):
            return self.lasting(grant, app, host)
        key, base = {"access_token": grant.access_token}, self._base("API_URL")
        if grant.provisional:
            secret = self.secret(app, host).client_secret
            asked = {"grant_type": "ig_exchange_token", "client_secret": secret, **key}
            found = self.longer(f"{base}/access_token", asked)
        else:
            asked = {"grant_type": "ig_refresh_token", **key}
            found = self.longer(f"{base}/refresh_access_token", asked)
        return replace(found, family=Family.SELF_RENEWING)

    def identify(self, grant: Grant, host: str) -> Identity:
        """The first account that is offered."""
        offers = self.offers(grant, host)
        if not offers:
            raise Unexpected("None of the pages has an Instagram account linked to it.")
        return offers[0].identity

    def offers(self, grant: Grant, host: str) -> Sequence[Offer]:
        """The one account of the own login, or those linked to the pages, by the pages' keys."""
        if self._linked(host):
            asked = "instagram_business_account{id,username,name,profile_picture_url}"
            pages = self.pages_of(host, grant.access_token, asked)
            linked = [(page.get("instagram_business_account"), page) for page in pages]
            return [
                Offer(self._identity(found, id_in(found)), text_in(page, "access_token"))
                for found, page in linked
                if isinstance(found, dict) and id_in(found)
            ]
        fields = "user_id,username,name,profile_picture_url,account_type"
        url = self.versioned(self._base("API_URL"), "me")
        reply = self.asked(url, grant.access_token, fields=fields)
        me = self.read(reply)
        if not id_in(me, "user_id") or not text_in(me, "username"):
            raise reply.unreadable()
        return [Offer(self._identity(me, id_in(me, "user_id")))]

    def profile(self, handle: str) -> str:
        """The page of an account."""
        return f"{self._base('WEB_URL')}/{handle.lstrip('@')}/"

    # What goes into a container

    def whole(self, message: Message) -> dict[str, str]:
        """One picture, or one video, which is shown as a reel."""
        if not message.media:
            return {"caption": message.text}  # the network says no in its own words
        return {**_file(message.media[0], "REELS"), "caption": message.text}

    def item(self, media: Media) -> dict[str, str]:
        """One of several."""
        return {**_file(media, "VIDEO"), "is_carousel_item": "true"}

    def album(self, message: Message, children: Sequence[str]) -> dict[str, str]:
        """Several, in order."""
        about = {"media_type": "CAROUSEL", "children": ",".join(children)}
        return {**about, "caption": message.text}

    def unfit(self, why: str) -> bool:
        """By the number in its words."""
        numbers = NUMBER.findall(why)
        return any(self.fates.get(int(n)) is Fate.CONTENT for n in numbers)

    def unfetched(self, why: str) -> bool:
        """The same for the numbers of a download that failed."""
        return any(int(n) in DOWNLOAD for n in NUMBER.findall(why))

    def _identity(self, found: Mapping[str, Any], user: str) -> Identity:
        handle, name = text_in(found, "username"), text_in(found, "name")
        picture = text_in(found, "profile_picture_url")
        return Identity(user, f"@{handle}", name, self.profile(handle), picture)

    def _linked(self, host: str) -> bool:
        return host == self._base("FACEBOOK_API_URL")

    def _base(self, name: str) -> str:
        return self.options[f"INSTAGRAM_{name}"].rstrip("/")


def _file(media: Media, film: str) -> dict[str, str]:
    if media.kind is Kind.VIDEO:
        return {"media_type": film, "video_url": media.url}
    return {"image_url": media.url, "alt_text": media.alt}
