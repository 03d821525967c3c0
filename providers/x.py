"""X: posts through API v2, with rotating tokens and no idempotency key.

Facts: X API v2 OpenAPI 2.167 and docs.x.com as of xdevplatform/docs @28713281, read 2026-08-22;
refresh behaviour as production clients report it. There is no way to make a repeat harmless: an
attempt in doubt is looked up in the account's own timeline (billed per post read, hence 5 first).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote

from providers.kit.contract import (
    Account,
    App,
    Family,
    Grant,
    Identity,
    Limits,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
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
from providers.kit.http import Reply, text_in
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import epoch_reset, retry_after
from providers.kit.text import urls, without_urls

ID = re.compile(r"[0-9]{1,19}", re.ASCII)
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
    limits = Limits(TextRule(limit=280, unit=Unit.WEIGHTED, url_length=23))
    settle = timedelta(seconds=60)
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("tweet.read", "tweet.write", "users.read", "offline.access"),
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

    def wait(self, reply: Reply) -> timedelta | None:
        """x-rate-limit-reset is an epoch second."""
        return epoch_reset(reply, "x-rate-limit-reset") or retry_after(reply)

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /2/tweets: 201 with `data.id`; may carry partial errors beside it."""
        reply = self.wire.call(
            "POST",
            self._api("/2/tweets"),
            safe=False,
            json={"text": message.text},
            bearer=account.access_token,
        )
        return self._receipt(_id(self._data(reply), reply), account)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Look for the post among the account's own since the first attempt, newest first."""
        since = (message.created_at - CLOCK_SKEW).astimezone(UTC)
        for post in self._timeline(account, since):
            if _is_same(message.text, post):
                return self._receipt(str(post.get("id")), account)
        return None

    def _timeline(self, account: Account, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Own posts since then. Five are read first; the rest only if there are more."""
        query = {
            "start_time": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "exclude": "replies,retweets",
            "post.fields": "entities",  # called tweet.fields in older pages of the docs
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
        code, said = _problem(reply)
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
    if code == "not-authorized-for-resource" or "not permitted to perform this" in said.lower():
        return Rejected(said, status=403, network_code=code)
    return Forbidden(said, status=403, network_code=code)


def _problem(reply: Reply) -> tuple[str, str]:
    """Code and words of an error answer: a problem document, or the older list of errors."""
    data = reply.maybe_json()
    title = text_in(data, "title")
    code = text_in(data, "type").rsplit("/", 1)[-1]
    if title == "CreditsDepleted" or code in ("about:blank", "blank"):
        code = title if title == "CreditsDepleted" else ""
    said = reply.said("detail", "title", "message")
    older = data.get("errors")
    if not title and isinstance(older, list) and older and isinstance(older[0], dict):
        code = str(older[0].get("code", code))
    return code, said


def _is_same(text: str, post: Mapping[str, Any]) -> bool:
    """Whether `post` is `text`: the same words, and no link that leads elsewhere.

    X puts t.co in place of every URL and escapes &, < and >. Two posts of a feed may share their
    words and differ in the link alone, so the targets are compared where X tells them.
    """
    theirs = text_in(post, "text")
    if _words(text) != _words(theirs):
        return False
    entities = post.get("entities")
    told = entities.get("urls") if isinstance(entities, dict) else None
    targets = [
        _loose(target)
        for url in (told if isinstance(told, list) else [])
        if isinstance(url, dict) and (target := text_in(url, "expanded_url"))
    ]
    ours = [_loose(url.target) for url in urls(text)]
    return len(ours) == len(urls(theirs)) and (len(targets) != len(ours) or targets == ours)


def _words(text: str) -> str:
    return without_urls(unicodedata.normalize("NFC", html.unescape(text)))


def _loose(url: str) -> str:
    """A URL without what X may write differently: scheme, escapes, case, the last slash."""
    return re.sub(r"^https?://", "", unquote(html.unescape(url)).casefold()).rstrip("/")


def _has_id(data: Mapping[str, Any]) -> bool:
    return ID.fullmatch(str(data.get("id", ""))) is not None


def _id(data: Mapping[str, Any], reply: Reply) -> str:
    """The id in a success answer; without one the answer cannot be read."""
    if not _has_id(data):
        raise reply.unreadable()
    return str(data["id"])
