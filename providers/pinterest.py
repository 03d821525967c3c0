"""Pinterest: pins with pictures on a board, fetched by address, with rotating tokens.

Facts: networks.md of 2026-11-21, section 11, from Pinterest's OpenAPI description 5.23.0 and its
pages. A repeat is not recognised: a pin in doubt is looked for on its board. A pin has one
alternative text, so those of several pictures follow each other in it. Not known: whether an old
refresh token survives (taken for single use), what a dead one is answered (taken for dead is what
speaks of a token or a grant; any other 401 is about our app), the largest picture (our own bound),
the names of its rate headers, how to revoke. Not offered: videos (one upload in one piece, no
resuming), sections of boards.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

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
)
from providers.kit.errors import (
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
from providers.kit.rates import Cap
from providers.kit.steps import once

LONGEST_TITLE, LONGEST_ALT, LONGEST_LINK = 100, 500, 2048
CLOCK_SKEW = timedelta(minutes=2)
MAX_PAGES = 10
ID_DIGITS = 8


class Pinterest(OAuthProvider):
    """Pinterest."""

    name = "pinterest"
    label = "Pinterest"
    colour = "#bd081c"
    family = Family.ROTATING
    limits = Limits(
        TextRule(limit=800, unit=Unit.CODE_POINTS),
        images=ImageRule(
            5, ("image/jpeg", "image/png"), 20 * 1024 * 1024, alt_limit=LONGEST_ALT, by_url=True
        ),
        needs_media=True,
        links=True,
        links_beside_media=True,
    )
    caps = (Cap(100, timedelta(seconds=1), cost=2),)
    """Apps with standard access; one on trial has 1000 requests a day (see docs/setup)."""
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("boards:read", "boards:write", "pins:read", "pins:write", "user_accounts:read"),
        scope_separator=",",
        client_auth="basic",
        pkce=False,
    )
    settings = (
        Setting(
            "PINTEREST_CLIENT_ID",
            "App id of your app at Pinterest",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "PINTEREST_CLIENT_SECRET",
            "App secret key of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "PINTEREST_CONTINUOUS_REFRESH",
            "true for an app that was made before 2025-09-25, else empty",
        ),
        Setting(
            "PINTEREST_API_URL",
            "Base URL of the API",
            default="https://api.pinterest.com",
            practice="{street}/pinterest",
        ),
        Setting(
            "PINTEREST_WEB_URL",
            "Where people say yes and pins are seen",
            default="https://www.pinterest.com",
            practice="{street}/pinterest",
        ),
    )
    post_fields = (
        Field("board", "Board", help="Its name or number", practice="Practice Board", needed=True),
        Field("title", "Title", help="At most 100 characters; may be empty", practice="A pin"),
    )

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self._web("/oauth/")

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self._api("/oauth/token")

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """Older apps must ask for refresh tokens that go on without end."""
        form = {"grant_type": "authorization_code", "code": params["code"]}
        form["redirect_uri"] = dance.redirect_uri
        if self.options["PINTEREST_CONTINUOUS_REFRESH"]:
            form["continuous_refresh"] = "true"
        return self.ask_for_grant(form, dance.app, dance.host)

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /v5/user_account."""
        url = self._api("/user_account")
        user = self._object(self.wire.call("GET", url, bearer=grant.access_token))
        number, handle = text_in(user, "id"), text_in(user, "username")
        if not number or not handle:
            raise Unexpected("Pinterest did not say who this is.")
        return Identity(
            external_id=number,
            handle=f"@{handle}",
            name=text_in(user, "business_name"),
            url=self._web(f"/{handle}/"),
            avatar_url=text_in(user, "profile_image"),
        )

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """One rotation: the next refresh token lives for 60 days again."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("Pinterest gave no refresh token; the account must connect again.")
        return self.refresh_grant(grant, ours, host)

    def grant_is_dead(self, reply: Reply) -> bool:
        """A refusal that speaks of the token, the code or the grant, not of our app."""
        said = text_in(reply.maybe_json(), "message").lower()
        told = any(word in said for word in ("token", "grant", "code"))
        return super().grant_is_dead(reply) or (reply.status in (400, 401) and told)

    def token_refusal(self, reply: Reply) -> NetworkError:
        """A 401 that does not speak of the grant is about the app's own credentials."""
        if reply.status == 401 and not self.grant_is_dead(reply):
            words = f"Pinterest does not accept our app's credentials: {reply.said('message')}"
            return Misconfigured(words, status=401, network_code=_code(reply))
        return super().token_refusal(reply)

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /v5/pins: 201 with the pin."""
        body = self._pin(message)
        body["board_id"] = once(message.saved, "board", lambda: self._board(message, account))
        url = self._api("/pins")
        reply = self.wire.call("POST", url, safe=False, json=body, bearer=account.access_token)
        pin = self._object(reply)
        if not text_in(pin, "id").isdecimal():
            raise reply.unreadable()
        return self._receipt(text_in(pin, "id"))

    def _pin(self, message: Message) -> dict[str, Any]:
        """What the pin shows, without its board."""
        if not message.media:
            raise Rejected("Pinterest takes no pin without a picture.")
        alts = "\n".join(dict.fromkeys(media.alt for media in message.media if media.alt))
        shown = {
            "title": message.options.get("title", ""),
            "description": message.text,
            "link": message.link,
            "alt_text": alts if len(alts) <= LONGEST_ALT else f"{alts[: LONGEST_ALT - 1]}…",
        }
        one, items = message.media[0], [{"url": media.url} for media in message.media]
        source: dict[str, Any] = {"source_type": "image_url", "url": one.url}
        if len(items) > 1:
            source = {"source_type": "multiple_image_urls", "items": items, "index": 0}
        return {**{k: v for k, v in shown.items() if v}, "media_source": source}

    def _board(self, message: Message, account: Account) -> str:
        """The number of the board that the author named."""
        wanted = message.options.get("board", "").strip()
        if wanted.isdecimal() and len(wanted) >= ID_DIGITS:
            return wanted
        for board in self._pages("/boards", account):
            if html.unescape(text_in(board, "name")).casefold() == wanted.casefold():
                return text_in(board, "id")
        raise Rejected(f"There is no board called “{wanted}” on Pinterest; choose another one.")

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE /v5/pins/{id}."""
        url = self._api(f"/pins/{receipt.external_id}")
        reply = self.wire.call("DELETE", url, safe=True, bearer=account.access_token)
        if not reply.ok and reply.status != 404:
            raise self._refusal(reply)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Look on the board, newest first; a pin without words cannot be told from another."""
        board = message.saved.get("board") or self._board(message, account)
        since = message.created_at - CLOCK_SKEW
        for pin in self._pages(f"/boards/{board}/pins", account):
            if _made_at(pin, message.created_at) < since:
                return None
            if not _is_same(message, pin):
                continue
            if not message.text.strip():
                raise Uncertain("Pins without a text stand there; Pinterest does not say more.")
            return self._receipt(text_in(pin, "id"))
        return None

    def _pages(self, path: str, account: Account) -> Iterator[Mapping[str, Any]]:
        """Everything in a list, page by page."""
        query = {"page_size": "250"}
        for _ in range(MAX_PAGES):
            url = self._api(path)
            reply = self.wire.call("GET", url, params=query, bearer=account.access_token)
            data = self._object(reply)
            if not isinstance(data.get("items"), list):
                raise reply.unreadable()
            yield from objects_in(data, "items")
            if not (more := text_in(data, "bookmark")):
                return
            query = {"page_size": "250", "bookmark": more}
        raise Uncertain("Pinterest lists too much to tell whether it is there.")

    def _receipt(self, pin_id: str) -> Receipt:
        return Receipt(pin_id, self._web(f"/pin/{pin_id}/"))

    def _api(self, path: str) -> str:
        return f"{self.options['PINTEREST_API_URL'].rstrip('/')}/v5{path}"

    def _web(self, path: str) -> str:
        return self.options["PINTEREST_WEB_URL"].rstrip("/") + path

    def _object(self, reply: Reply) -> dict[str, Any]:
        if not reply.ok:
            raise self._refusal(reply)
        return reply.json()

    def _refusal(self, reply: Reply) -> NetworkError:
        """The error table of Pinterest."""
        code, said, status = _code(reply), reply.said("message"), reply.status
        if status == 401 or (status == 403 and "scope" in said.lower()):
            return Unauthorized(said, status=status, network_code=code)
        if status == 403 and any(word in said.lower() for word in ("trial", "consumer")):
            words = f"Pinterest does not serve our app: {said}"
            return Misconfigured(words, status=status, network_code=code)
        if status == 403:
            return Forbidden(said, status=status, network_code=code)
        if status == 429:
            return Throttled(said, wait=self.wait(reply), status=status, network_code=code)
        if status >= 500 or status == 408:
            return reply.troubled()
        if status in (400, 404, 413, 422) and not reply.safe:
            return Rejected(said, status=status, network_code=code)
        return Unexpected(f"Pinterest answered {status}: {said}", status=status, network_code=code)


def _code(reply: Reply) -> str:
    code = reply.maybe_json().get("code")
    return str(code) if isinstance(code, int) else ""


def _made_at(pin: Mapping[str, Any], default: datetime) -> datetime:
    """When a pin was made; one that does not tell is taken for recent."""
    try:
        moment = datetime.fromisoformat(text_in(pin, "created_at"))
    except ValueError:
        return default
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_same(message: Message, pin: Mapping[str, Any]) -> bool:
    """The same title, words and link, and as many pictures."""
    theirs = text_in(pin, "description")
    title, media = message.options.get("title", ""), pin.get("media")
    kind = "image" if len(message.media) == 1 else "multiple_images"
    return (
        same_words(title, text_in(pin, "title"))
        and same_words(message.text, theirs)
        and same_links(message.text, theirs, ())
        and same_links(message.link, text_in(pin, "link"), [text_in(pin, "link")])
        and text_in(media, "media_type") in ("", kind)
    )
