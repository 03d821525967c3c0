"""dev.to, and other servers that run Forem: articles in Markdown, with an API key.

Facts: forem/forem (`swagger/v1/api_v1.json`, `app/models/article.rb`, `rack_attack.rb`) as told in
networks.md of 2026-11-21, section 18. The server takes no article twice (the same title within five
minutes, the same title and text ever), and lists one's own with their text: a look-up is exact.
An article cannot be deleted; taking it back makes it a draft again. The longest text is that of
the model (800 kilobytes). Not offered: pictures, since there is no upload and an address
of ours would end; a text that begins with front matter, which would overrule the blanks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.kit.contract import (
    Account,
    Field,
    Grant,
    Identity,
    Limits,
    Message,
    Provider,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, text_in
from providers.kit.rates import Cap, retry_after

CLOCK_SKEW = timedelta(minutes=2)
PAGE, MOST_PAGES = 10, 5  # articles are listed with their whole text
TAKEN = ("has already been used", "has already been taken")


class Devto(Provider):
    """Articles on dev.to."""

    name = "devto"
    label = "dev.to"
    colour = "#0a0a0a"
    limits = Limits(TextRule(limit=819_200, unit=Unit.CODE_POINTS))
    caps = (Cap(10, timedelta(seconds=30)),)
    """About ten new articles in 30 seconds."""
    settings = (
        Setting(
            "DEVTO_URL",
            "Base URL of dev.to, or of another server that runs Forem",
            default="https://dev.to",
            practice="{street}/devto",
        ),
    )
    fields = (
        Field(
            "key",
            "API key",
            help="Made in the settings of dev.to under Extensions",
            secret=True,
            practice="practice-key-of-ada",
        ),
    )
    post_fields = (
        Field(
            "title", "Title", help="At most 128 characters", practice="Practice {key}", needed=True
        ),
        Field("tags", "Tags", help="Up to four, with commas between", practice="practice, post"),
        Field(
            "canonical_url",
            "Original address",
            help="Where the article stood first, if it did; no two articles may name the same",
            practice="https://example.com/{key}",
        ),
    )

    def sign_in(self, values: Mapping[str, str]) -> tuple[Grant, Identity]:
        """GET /api/users/me."""
        key = values.get("key", "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise Unauthorized("This is not an API key.")
        reply = self._ask("GET", "/users/me", key)
        me = self._object(reply)
        name, number = text_in(me, "username"), me.get("id")
        if not name or not isinstance(number, int):
            raise reply.unreadable()
        return Grant(key), Identity(
            external_id=str(number),
            handle=f"@{name}",
            name=text_in(me, "name"),
            url=f"{self._base()}/{name}",
            avatar_url=text_in(me, "profile_image"),
        )

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /api/articles: 201 with `id` and `url`."""
        article = _article(message)
        key = account.access_token
        reply = self._ask("POST", "/articles", key, safe=False, json={"article": article})
        return _receipt(self._object(reply), reply)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """GET /api/articles/me/all: own articles with their text, drafts and newest ones first."""
        since = message.created_at - CLOCK_SKEW
        for number in range(1, MOST_PAGES + 1):
            query = {"per_page": str(PAGE), "page": str(number)}
            reply = self._ask("GET", "/articles/me/all", account.access_token, params=query)
            if not reply.ok:
                raise self._refusal(reply)
            articles = reply.items()
            for one in articles:
                if _is_same(message, one):
                    return _found(one, reply)
            published = [at for one in articles if (at := _published_at(one))]
            if len(articles) < PAGE or (published and min(published) < since):
                return None
        raise Uncertain("There are too many articles to tell whether this one is there.")

    def delete(self, receipt: Receipt, account: Account) -> None:
        """PUT /api/articles/{id}: readers do not see a draft; there is no deleting."""
        body = {"article": {"published": False}}
        path = f"/articles/{receipt.external_id}"
        reply = self._ask("PUT", path, account.access_token, safe=True, json=body)
        if not reply.ok and reply.status != 404:
            raise self._refusal(reply)

    def _ask(
        self, method: str, path: str, key: str, *, safe: bool | None = None, **load: Any
    ) -> Reply:
        headers = {"api-key": key, "Accept": "application/vnd.forem.api-v1+json"}
        url = f"{self._base()}/api{path}"
        return self.wire.call(method, url, safe=safe, headers=headers, secrets=(key,), **load)

    def _base(self) -> str:
        return self.options["DEVTO_URL"].rstrip("/")

    def _object(self, reply: Reply) -> dict[str, Any]:
        if not reply.ok:
            raise self._refusal(reply)
        return reply.json()

    def _refusal(self, reply: Reply) -> NetworkError:
        """The error table of Forem."""
        said, status = reply.said("error"), reply.status
        if status == 401:
            return Unauthorized(said, status=status)
        if status == 403:
            return Forbidden(said, status=status)
        if status == 429:
            return Throttled(said, wait=retry_after(reply), status=status)
        if status >= 500:
            return reply.troubled()
        if status == 422 and any(words in said for words in TAKEN):
            return Duplicate(said, status=status)
        if status in (400, 404, 413, 422):
            return Rejected(said, status=status)
        return Unexpected(f"dev.to answered {status}: {said}", status=status)


def _article(message: Message) -> dict[str, Any]:
    """The article as it is sent, the same at every attempt."""
    title = message.options.get("title", "").strip()
    if not title:
        raise Rejected("dev.to: an article needs a title.")
    if message.text.lstrip().startswith("---"):
        raise Rejected("dev.to: a text that begins with --- would overrule title and tags.")
    article: dict[str, Any] = {"title": title, "body_markdown": message.text, "published": True}
    if tags := [tag for part in message.options.get("tags", "").split(",") if (tag := _tag(part))]:
        article["tags"] = tags
    if original := message.options.get("canonical_url", "").strip():
        article["canonical_url"] = original
    return article


def _tag(typed: str) -> str:
    return typed.strip().lstrip("#").lower()


def _is_same(message: Message, theirs: Mapping[str, Any]) -> bool:
    """Whether an article is ours: the server has no two with this title and this text."""
    title = message.options.get("title", "").strip()
    body = text_in(theirs, "body_markdown").replace("\r\n", "\n").strip()
    ours = message.text.replace("\r\n", "\n").strip()
    return text_in(theirs, "title").strip() == title and body == ours


def _found(article: Mapping[str, Any], reply: Reply) -> Receipt:
    if article.get("published") is False:
        raise Uncertain("dev.to has this article as a draft: publish or delete it there.")
    return _receipt(article, reply)


def _receipt(article: Mapping[str, Any], reply: Reply) -> Receipt:
    number, url = article.get("id"), text_in(article, "url")
    if not isinstance(number, int) or not url.startswith(("https://", "http://")):
        raise reply.unreadable()
    return Receipt(str(number), url)


def _published_at(article: Mapping[str, Any]) -> datetime | None:
    """When an article was published; None for a draft."""
    try:
        moment = datetime.fromisoformat(text_in(article, "published_at"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
