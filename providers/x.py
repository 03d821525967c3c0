"""X: posts through API v2, with rotating tokens and no idempotency key.

Facts: X API v2 OpenAPI 2.167 and docs.x.com as of xdevplatform/docs @28713281, read 2026-08-22
(videos: its best practices @0c986f00); refresh behaviour as production clients report it; caps:
networks.md, section 2, 2026-11-21. There is no way to make a repeat harmless: an attempt in doubt
is looked up in the account's own timeline (billed per post read, hence 5 first). Not offered: GIFs
that move. Not known: whether its rule of 2026-02-23 (answers on request only) stops threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from providers.kit.contract import (
    Account,
    App,
    Family,
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
    Duplicate,
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, objects_in, text_in
from providers.kit.likeness import same_links, same_words
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.problem import problem
from providers.kit.rates import Cap, Meter
from providers.kit.segments import ID, LARGEST, Uploads
from providers.kit.steps import forget

OUR_APP = frozenset(
    {"client-forbidden", "client-not-enrolled", "oauth1-permissions", "usage-capped"}
    | {"CreditsDepleted"}
)
CLOCK_SKEW = timedelta(minutes=2)
MAX_PAGES = 10


class X(OAuthProvider):
    """X (formerly Twitter)."""

    name = "x"
    label = "X"
    colour = "#000000"
    family = Family.ROTATING
    limits = Limits(
        TextRule(limit=280, unit=Unit.WEIGHTED, url_length=23),
        images=ImageRule(4, ("image/jpeg", "image/png", "image/webp"), 5_000_000, alt_limit=1000),
        video=VideoRule(("video/mp4", "video/quicktime"), LARGEST, longest=timedelta(minutes=20)),
        replies=True,
    )
    settle = timedelta(seconds=60)
    caps = (Cap(100, timedelta(minutes=15)), Cap(10_000, timedelta(days=1), "app"))
    meters = (Meter("x-rate-limit-remaining", "x-rate-limit-reset", on="/2/tweets"),)
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("tweet.read", "tweet.write", "users.read", "media.write", "offline.access"),
        client_auth="basic",
    )
    settings = (
        Setting(
            "X_CLIENT_ID",
            "OAuth 2 client id of your app in the X developer portal",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "X_CLIENT_SECRET",
            "OAuth 2 client secret of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "X_API_URL", "Base URL of the API", default="https://api.x.com", practice="{street}/x"
        ),
        Setting(
            "X_AUTHORIZE_URL",
            "Page on which people say yes",
            default="https://x.com/i/oauth2/authorize",
            practice="{street}/x/i/oauth2/authorize",
        ),
        Setting(
            "X_WEB_URL", "Where posts are read", default="https://x.com", practice="{street}/x"
        ),
    )

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self.options["X_AUTHORIZE_URL"]

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self._api("/2/oauth2/token")

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /2/users/me."""
        reply = self.wire.call(
            "GET",
            self._api("/2/users/me"),
            params={"user.fields": "id,name,username,profile_image_url"},
            bearer=grant.access_token,
        )
        user = self._data(reply)
        handle = text_in(user, "username")
        if not handle:
            raise reply.unreadable()
        return Identity(
            external_id=_id(user, reply),
            handle=f"@{handle}",
            name=text_in(user, "name"),
            url=f"{self._web()}/{handle}",
            avatar_url=text_in(user, "profile_image_url"),
        )

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """One rotation; the old refresh token is spent whatever becomes of the answer."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("X gave no refresh token; the account must be connected again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """POST /2/oauth2/revoke, for both tokens."""
        ours = app or self.app(host)
        for token in (grant.refresh_token, grant.access_token):
            if ours and token:
                self.revoke_token(self._api("/2/oauth2/revoke"), {"token": token}, ours)

    def grant_is_dead(self, reply: Reply) -> bool:
        """X says invalid_request with a sentence about the token where others say invalid_grant."""
        said = str(reply.maybe_json().get("error_description", "")).lower()
        return super().grant_is_dead(reply) or (
            reply.status == 400
            and reply.maybe_json().get("error") == "invalid_request"
            and "token was invalid" in said
        )

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /2/tweets: 201 with `data.id`; may carry partial errors beside it."""
        base = self._api("/2/media/upload")
        uploads = Uploads(self.wire, base, account, message, self._refusal)
        body: dict[str, Any] = {"text": message.text} if message.text or not message.media else {}
        if message.media:
            body["media"] = {"media_ids": uploads.ids()}
        if message.reply_to:
            body["reply"] = {"in_reply_to_tweet_id": message.reply_to.external_id}
        url = self._api("/2/tweets")
        reply = self.wire.call("POST", url, safe=False, json=body, bearer=account.access_token)
        if reply.status == 400 and message.media and "media ids are invalid" in reply.words.lower():
            ended = Rejected("X does not know the uploaded files.", status=reply.status)
            raise forget(message.saved, tuple(uploads.names()), ended)
        return self._receipt(_id(self._data(reply), reply), account)

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE /2/tweets/{id}."""
        url = self._api(f"/2/tweets/{receipt.external_id}")
        reply = self.wire.call("DELETE", url, safe=True, bearer=account.access_token)
        if not reply.ok and reply.status != 404:
            raise self._refusal(reply)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Look for the post among the account's own since the first attempt, newest first."""
        since = (message.created_at - CLOCK_SKEW).astimezone(UTC)
        for post in self._timeline(message, account, since):
            if _is_same(message, post):
                return self._receipt(str(post.get("id")), account)
        return None

    def _timeline(
        self, message: Message, account: Account, since: datetime
    ) -> Iterator[Mapping[str, Any]]:
        """Own posts since then. Five are read first; the rest only if there are more."""
        query = {
            "start_time": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "exclude": "retweets" if message.reply_to else "replies,retweets",
            "post.fields": "attachments,entities",  # called tweet.fields in older pages of the docs
        }
        url = self._api(f"/2/users/{account.external_id}/tweets")
        for size in (5, *[100] * MAX_PAGES):
            query["max_results"] = str(size)
            reply = self.wire.call("GET", url, params=query, bearer=account.access_token)
            if reply.status == 400 and query.pop("post.fields", ""):
                # Where links lead is good to know, but no look-up may fail for a field's name.
                reply = self.wire.call("GET", url, params=query, bearer=account.access_token)
            if not reply.ok:
                raise self._refusal(reply)
            page = reply.json()
            posts = page.get("data", [])
            if not isinstance(posts, list) or not {"data", "meta"} & page.keys():
                raise reply.unreadable()
            yield from (post for post in posts if isinstance(post, dict) and _has_id(post))
            if more := text_in(page.get("meta"), "next_token"):
                query["pagination_token"] = more
            elif size > 5 or len(posts) < size:
                return
        raise Uncertain("There are too many newer posts to tell whether this one is there.")

    def _receipt(self, post_id: str, account: Account) -> Receipt:
        handle = account.handle.lstrip("@") or "i"
        return Receipt(post_id, f"{self._web()}/{handle}/status/{post_id}")

    def _api(self, path: str) -> str:
        return self.options["X_API_URL"].rstrip("/") + path

    def _web(self) -> str:
        return self.options["X_WEB_URL"].rstrip("/")

    def _data(self, reply: Reply) -> dict[str, Any]:
        """The object under `data` in a success answer."""
        if not reply.ok:
            raise self._refusal(reply)
        data = reply.json().get("data")
        if not isinstance(data, dict):
            raise reply.unreadable()
        return data

    def _refusal(self, reply: Reply) -> NetworkError:
        """The error table of X."""
        code, said = problem(reply)
        if text_in(reply.maybe_json(), "title") == "CreditsDepleted":
            code = "CreditsDepleted"
        status = reply.status
        if status == 401:
            return Unauthorized(said, status=status, network_code=code)
        if status == 429:
            return Throttled(said, wait=self.wait(reply), status=status, network_code=code)
        if status >= 500 or status == 408:
            return reply.troubled()
        if status == 402 or code in OUR_APP:
            words = f"X does not serve our app: {said}"
            return Misconfigured(words, status=status, network_code=code)
        if status == 403:
            return _forbidden(said, code)
        if status in (400, 404, 413, 422) and not reply.safe:
            return Rejected(said, status=status, network_code=code)
        return Unexpected(f"X answered {status}: {said}", status=status, network_code=code)


def _forbidden(said: str, code: str) -> NetworkError:
    if "duplicate content" in said.lower():
        return Duplicate(said, status=403, network_code=code or "duplicate")
    ours = ("not permitted to perform this", "to post a video longer")
    if code == "not-authorized-for-resource" or any(words in said.lower() for words in ours):
        return Rejected(said, status=403, network_code=code)
    return Forbidden(said, status=403, network_code=code)


def _is_same(message: Message, post: Mapping[str, Any]) -> bool:
    """Whether `post` is this message: the same words, and no link that leads elsewhere.

    X puts t.co in place of every URL, escapes &, < and >, and may put a link to the media behind
    the text. A post without words is known by its media alone.
    """
    theirs = text_in(post, "text")
    if not same_words(message.text, theirs):
        return False
    told = objects_in(post.get("entities"), "urls")
    targets = [target for url in told if (target := text_in(url, "expanded_url"))]
    if not same_links(message.text, theirs, targets, more=1 if message.media else 0):
        return False
    return bool(message.text.strip()) or _same_media(message, post)


def _same_media(message: Message, post: Mapping[str, Any]) -> bool:
    """Whether the media of `post` are ours; their keys end with the ids of the uploads."""
    attached = post.get("attachments")
    keys = attached.get("media_keys") if isinstance(attached, dict) else None
    if not isinstance(keys, list) or not keys:
        raise Uncertain("A post without words stands there; whether it is this one X does not say.")
    return str(keys[0]).rpartition("_")[2] == message.saved.get("media.0")


def _has_id(data: Mapping[str, Any]) -> bool:
    return ID.fullmatch(str(data.get("id", ""))) is not None


def _id(data: Mapping[str, Any], reply: Reply) -> str:
    """The id in a success answer; without one the answer cannot be read."""
    if not _has_id(data):
        raise reply.unreadable()
    return str(data["id"])
