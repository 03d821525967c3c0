"""Facebook Pages: a key for each page, pictures uploaded unseen first, videos fetched by address.

Facts: networks.md of 2026-11-21, sections 4 and 5; the names of fields and of the edges `comments`
and `videos` from facebook-business-sdk-codegen @ad2b0b6 (2026-04-15). Unsure there: the number of
pictures (10 by practice), their size (4 MB is safe), in what a text is counted, the error of an
upload that has ended (taken to be 100/33). Unknown: the longest alternative text (1000 is ours),
the types and sizes of videos (1 GB is ours), whether a post can be told by its pictures. There is
no key against repeats: an attempt in doubt is looked up. An answer is a comment: words only. Not
offered: reels, stories, profiles, groups. Version v25.0 as production clients use it, 2026-11-21.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from providers.kit.containers import CLOCK_SKEW, moment
from providers.kit.content import Kind, Media
from providers.kit.contract import (
    Account,
    App,
    Dance,
    Family,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Message,
    Offer,
    Receipt,
    Setting,
    TextRule,
    Unit,
    VideoRule,
)
from providers.kit.errors import Rejected, Uncertain
from providers.kit.graph import GONE, Fate, fault_in, id_in
from providers.kit.http import Reply, objects_in, text_in
from providers.kit.likeness import same_links, same_words
from providers.kit.oauth import OAuth
from providers.kit.page_login import PageLogin
from providers.kit.steps import forget, once
from providers.kit.text import urls
from providers.kit.uploads import File

LISTED = 50
CONTENT = (1366046, 1346003, 1404102, 1609005, 1609008, 1500)


class Facebook(PageLogin):
    """Facebook Pages."""

    name = "facebook"
    label = "Facebook"
    colour = "#0866ff"
    family = Family.NONE
    limits = Limits(
        TextRule(63_206, Unit.UTF16),
        images=ImageRule(10, ("image/jpeg", "image/png"), 4_000_000, alt_limit=1000),
        video=VideoRule(("video/mp4", "video/quicktime"), 1_000_000_000, by_url=True),
        replies=True,
        bare_replies=True,
        links=True,
    )
    settle = timedelta(seconds=60)
    fates: ClassVar[Mapping[int, Fate]] = {
        **dict.fromkeys(CONTENT, Fate.CONTENT),
        **dict.fromkeys((1404078, 1349125), Fate.RECONNECT),
        4854002: Fate.BLOCKED,
        1366051: Fate.DUPLICATE,
        1390008: Fate.HOURS,
    }
    oauth: ClassVar[OAuth] = OAuth(
        scopes=(
            *("pages_show_list", "pages_manage_posts", "pages_read_engagement"),
            *("pages_manage_engagement", "pages_read_user_content", "business_management"),
        ),
        scope_separator=",",
        pkce=False,
    )
    settings = (
        Setting(
            "FACEBOOK_CLIENT_ID", "App id of your app at Meta", needed=True,
            practice="practice-client",
        ),
        Setting(
            "FACEBOOK_CLIENT_SECRET", "App secret of the same app", needed=True, secret=True,
            practice="practice-secret",
        ),
        Setting("FACEBOOK_API_VERSION", "Version of the Graph API", default="v25.0"),
        Setting(
            "FACEBOOK_API_URL", "Base URL of the API", default="https://graph.facebook.com",
            practice="{street}/facebook",
        ),
        Setting(
            "FACEBOOK_WEB_URL", "Where people say yes and posts are read",
            default="https://www.facebook.com", practice="{street}/facebook",
        ),
    )  # fmt: skip

    def host(self, values: Mapping[str, str]) -> str:
        """There is one."""
        return self.options["FACEBOOK_API_URL"].rstrip("/")

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self.versioned(self._web(), "dialog", "oauth")

    def token_endpoint(self, host: str) -> str:
        """Where codes are traded."""
        return self.versioned(self.host({}), "oauth", "access_token")

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """A short-lived key of the person, who speaks for pages."""
        return replace(super().exchange(dance, params), family=Family.NONE)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """Make the short key last; page keys are derived from that, and do not end."""
        return self.lasting(grant, app, self.host({}))

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /me: the person, who is not posted as."""
        url = self.versioned(self.host({}), "me")
        reply = self.asked(url, grant.access_token, fields="id,name,picture{url}")
        me = self.read(reply)
        if not id_in(me) or not text_in(me, "name"):
            raise reply.unreadable()
        return self._identity(me)

    def offers(self, grant: Grant, host: str) -> Sequence[Offer]:
        """The pages, each with its own key."""
        found = self.pages_of(self.host({}), grant.access_token, "username,picture{url}")
        return [Offer(self._identity(page), text_in(page, "access_token")) for page in found]

    def publish(self, message: Message, account: Account) -> Receipt:
        """A comment, a video, or a post; pictures are uploaded before, unseen."""
        videos = [media for media in message.media if media.kind is Kind.VIDEO]
        if message.reply_to and message.media:
            raise Rejected("A comment on a page's post takes words only.")
        if videos and len(message.media) > 1:
            raise Rejected("A post takes pictures or one video.")
        if message.reply_to:
            url = self._api(account, message.reply_to.external_id, "comments")
            form = {"message": _comment(message)}
        elif videos:
            url = self._api(account, account.external_id, "videos")
            form = {"file_url": videos[0].url, "description": message.text, "published": "true"}
        else:
            url = self._api(account, account.external_id, "feed")
            form = {"message": message.text, "link": message.link, **self._photos(message, account)}
        return self._receipt(self._posted(url, form, message, account))

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Look among the newest posts of the page, its videos, or the comments of a post."""
        edge, words = self._listing(message, account)
        since = message.created_at - CLOCK_SKEW
        fields = f"id,{words},created_time" + (",from" if message.reply_to else "")
        query = {"fields": fields, "limit": str(LISTED), "since": str(int(since.timestamp()))}
        reply = self.asked(edge, account.access_token, **query)
        page = self.read(reply)
        if not isinstance(page.get("data"), list):
            raise reply.unreadable()
        posts = objects_in(page, "data")
        new = [p for p in posts if moment(p, "created_time") >= since and _by(p, account)]
        like = [p for p in new if _same(message, text_in(p, words))]
        if len(like) == 1 and message.text.strip() and id_in(like[0]):
            return self._receipt(id_in(like[0]))
        if like or len(posts) >= LISTED:
            raise Uncertain("Which of the page's newest posts this one is cannot be told.")
        return None

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE the post, video or comment."""
        self.removed(self._api(account, receipt.external_id), account.access_token)

    def _photos(self, message: Message, account: Account) -> dict[str, str]:
        """The uploads of the pictures, in order."""
        ids = [
            once(message.saved, f"photo.{n}", partial(self._upload, media, account))
            for n, media in enumerate(message.media)
        ]
        if not ids:
            return {}
        return {"attached_media": json.dumps([{"media_fbid": photo} for photo in ids])}

    def _upload(self, media: Media, account: Account) -> str:
        form = {"published": "false", **({"alt_text_custom": media.alt} if media.alt else {})}
        url, files = self._api(account, account.external_id, "photos"), {"source": File.of(media)}
        return self.made(url, account.access_token, form, files=files)

    def _posted(self, url: str, form: Mapping[str, str], message: Message, account: Account) -> str:
        """The visible step; nothing is kept behind it, so that nothing can fail there."""
        sent = {name: value for name, value in form.items() if value}
        reply = self.wire.call("POST", url, safe=False, form=sent, bearer=account.access_token)
        self._ended(reply, message)
        post_id = id_in(self.read(reply, making=True))
        if not post_id:
            raise reply.unreadable()
        return post_id

    def _ended(self, reply: Reply, message: Message) -> None:
        """Uploads that are not known any more are made anew, once."""
        fault = fault_in(reply)
        if not reply.ok and message.media and fault.subcode == GONE:
            names = [f"photo.{number}" for number in range(len(message.media))]
            raise forget(message.saved, names, Rejected(fault.said, status=reply.status))

    def _listing(self, message: Message, account: Account) -> tuple[str, str]:
        """Where a post like this is listed, and what its words are called there."""
        if message.reply_to:
            return self._api(account, message.reply_to.external_id, "comments"), "message"
        if any(media.kind is Kind.VIDEO for media in message.media):
            return self._api(account, account.external_id, "videos"), "description"
        return self._api(account, account.external_id, "published_posts"), "message"

    def _identity(self, found: Mapping[str, Any]) -> Identity:
        name, username = text_in(found, "name"), text_in(found, "username")
        picture = found.get("picture")
        image = text_in(picture.get("data"), "url") if isinstance(picture, dict) else ""
        url = f"{self._web()}/{id_in(found)}"
        return Identity(id_in(found), f"@{username}" if username else name, name, url, image)

    def _receipt(self, post_id: str) -> Receipt:
        return Receipt(post_id, f"{self._web()}/{post_id}")

    def _api(self, account: Account, *parts: str) -> str:
        return self.versioned(account.host or self.host({}), *parts)

    def _web(self) -> str:
        return self.options["FACEBOOK_WEB_URL"].rstrip("/")


def _comment(message: Message) -> str:
    """A comment has no link apart from its words."""
    return f"{message.text}\n{message.link}" if message.link else message.text


def _same(message: Message, theirs: str) -> bool:
    ours = _comment(message) if message.reply_to else message.text
    targets = [url.target for url in urls(theirs)]
    return same_words(ours, theirs) and same_links(ours, theirs, targets)


def _by(post: Mapping[str, Any], account: Account) -> bool:
    """Comments are written by many."""
    author = post.get("from")
    return not isinstance(author, dict) or id_in(author) == account.external_id
