"""Graph APIs: errors told by number, usage in percent, short keys that are made lasting.

Facts: networks.md of 2026-11-21, section 4 (the error table, usage headers) and the OAuth tables of
sections 5 to 7. The HTTP status of a refusal is not reliable, so `code`, `error_subcode` and
`is_transient` decide. The sheet writes the key as a parameter `access_token`; here it goes into the
Authorization header (RFC 6750), so that it stands in no address, which the sheet does not mention
and no live network has confirmed to us. Renewals alone carry it as their documents say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar

from providers.kit.contract import App, Dance, Grant
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    Misconfigured,
    NetworkError,
    NotFetched,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.http import MAX_WORDS, Reply, objects_in, redact, text_in
from providers.kit.oauth import OAuthProvider, lifetime
from providers.kit.rates import LONGEST, Meter, Quota
from providers.kit.uploads import File

SHORT = timedelta(hours=1)
BLOCKED_FOR = timedelta(hours=3)  # "hours" is all that is known
SOON = timedelta(seconds=30)
MAX_PAGES = 20
GONE = 33
"""The subcode of a thing that is missing, or that this key may not see."""


class Fate(StrEnum):
    """What a number means for us."""

    RECONNECT = "reconnect"  # the key is dead or lacks a right
    BLOCKED = "blocked"  # this account may not
    CONTENT = "content"  # this post may not
    SLOW = "slow"  # too fast
    HOURS = "hours"  # blocked for a while
    AGAIN = "again"  # certainly not done
    UNFETCHED = "unfetched"  # our file could not be fetched
    TROUBLE = "trouble"  # transient: perhaps done
    DUPLICATE = "duplicate"
    OURS = "ours"  # our app, its review or its secret


FATES: Mapping[int, Fate] = {
    **dict.fromkeys((1, 2), Fate.TROUBLE),
    **dict.fromkeys((4, 17, 32, 341, 613, 80001, 80002, 80005, 80006, 80007), Fate.SLOW),
    **dict.fromkeys((102, 190), Fate.RECONNECT),
    **dict.fromkeys((10, *range(200, 300)), Fate.RECONNECT),
    **dict.fromkeys((3, 101), Fate.OURS),
    100: Fate.CONTENT,
    368: Fate.HOURS,
    506: Fate.DUPLICATE,
}
"""By `code`, for all of them. A missing right may also be a missing review of our app."""
OUR_WORDS = (
    *("invalid application", "validating application", "validating client secret"),
    *("invalid platform app", "invalid client"),
)
ERRORS: Mapping[Fate, type[NetworkError]] = {
    Fate.RECONNECT: Unauthorized,
    Fate.BLOCKED: Forbidden,
    Fate.CONTENT: Rejected,
    Fate.SLOW: Throttled,
    Fate.HOURS: Throttled,
    Fate.AGAIN: Unavailable,
    Fate.UNFETCHED: NotFetched,
    Fate.DUPLICATE: Duplicate,
    Fate.OURS: Misconfigured,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a refusal says of itself."""

    code: int = 0
    subcode: int = 0
    transient: bool = False
    said: str = ""

    @property
    def name(self) -> str:
        """Both numbers, as they are shown."""
        return f"{self.code}/{self.subcode}" if self.subcode else str(self.code or "")


def fault_in(reply: Reply) -> Fault:
    """The fault in an answer, in either of its two shapes."""
    body = reply.maybe_json()
    told = body.get("error")
    error = told if isinstance(told, dict) else {}
    words = text_in(error, "error_user_msg") or text_in(error, "message")
    words = words or text_in(body, "error_message")
    said = redact(words, reply.secrets)[:MAX_WORDS] if words else reply.words
    return Fault(
        _whole(error.get("code")),
        _whole(error.get("error_subcode")),
        error.get("is_transient") is True,
        said or f"nothing but the status {reply.status}",
    )


@dataclass(frozen=True, slots=True)
class Usage(Meter):
    """The header that says how much of a quota is used, and in how many minutes there is more."""

    def wait(self, reply: Reply) -> timedelta | None:
        """The longest `estimated_time_to_regain_access`; None where there is none."""
        waits = [one.get("estimated_time_to_regain_access") for one in _uses(reply, self.remaining)]
        minutes = max((w for w in waits if isinstance(w, int) and w > 0), default=0)
        return min(timedelta(minutes=min(minutes, 100_000)), LONGEST) if minutes else None

    def read(self, reply: Reply) -> Quota | None:
        """Nothing is left while it tells a wait; what a percentage is made of it does not tell."""
        wait = self.wait(reply)
        return Quota(0, reply.received_at + wait, self.scope) if wait else None


USAGE = (Usage("X-Business-Use-Case-Usage", ""),)


class GraphProvider(OAuthProvider):
    """A network behind a Graph API; none of them knows PKCE."""

    meters = USAGE
    fates: ClassVar[Mapping[int, Fate]] = {}
    """What this network's own numbers mean, as subcode or as code."""

    def versioned(self, host: str, *parts: str) -> str:
        """An address in the version of the API that is set."""
        version = self.options[f"{self.name.upper()}_API_VERSION"].strip("/")
        return "/".join((host.rstrip("/"), version, *parts))

    # The dance

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """Trade the code for a short-lived key; some append `#_` to the code."""
        grant = super().exchange(dance, {**params, "code": params["code"].removesuffix("#_")})
        return replace(grant, lifetime=grant.lifetime or SHORT, provisional=True)

    def longer(self, url: str, query: Mapping[str, str], *, post: bool = False) -> Grant:
        """A lasting key for the one in `query`; asking twice does no harm."""
        load: dict[str, Any] = {"form": query} if post else {"params": query}
        method = "POST" if post else "GET"
        hidden = tuple(query.values())
        reply = self.wire.call(method, url, safe=True, secrets=hidden, **load)
        if not reply.ok:
            raise self.token_refusal(reply)
        return self.read_grant(reply)

    def secret(self, app: App | None, host: str) -> App:
        """Our app, which every exchange needs."""
        found = app or self.app(host)
        if found is None or not found.client_secret:
            raise Misconfigured(f"The secret of our app at {self.label} is not set.")
        return found

    def read_grant(self, reply: Reply) -> Grant:
        """The key in a token answer, which some wrap into a list called data."""
        whole = reply.json()
        data = next(iter(objects_in(whole, "data")), whole)
        token = text_in(data, "access_token")
        if not token:
            raise Unavailable("The network answered without a token.", status=reply.status)
        given = data.get("permissions") or ""
        scopes = given if isinstance(given, list) else str(given).split(",")
        return Grant(
            token, lifetime=lifetime(data.get("expires_in")), scopes=tuple(s for s in scopes if s)
        )

    def token_refusal(self, reply: Reply) -> NetworkError:
        """The error behind a refused token call; nothing there can be a doubt about a post."""
        problem = self.refusal(reply)
        if isinstance(problem, Uncertain):
            return Unavailable("The network has trouble with tokens.", status=reply.status)
        if isinstance(problem, Rejected):
            words = f"The network refused the token request: {problem.words}"
            return Unexpected(words, status=reply.status, network_code=problem.network_code)
        return problem

    # Reading and making

    def read(self, reply: Reply, *, making: bool = False) -> dict[str, Any]:
        """The object in a success answer; `making`: what is refused is the content."""
        if not reply.ok or isinstance(reply.maybe_json().get("error"), dict):
            raise self.refusal(reply, making=making)
        return reply.json()

    def asked(self, url: str, key: str, **query: str) -> Reply:
        """GET with a key."""
        return self.wire.call("GET", url, params=query, bearer=key)

    def made(
        self,
        url: str,
        key: str,
        form: Mapping[str, str],
        *,
        safe: bool = True,
        files: Mapping[str, File] | None = None,
    ) -> str:
        """POST something; the id of what was made."""
        reply = self.wire.call("POST", url, safe=safe, form=form, files=files, bearer=key)
        found = id_in(self.read(reply, making=True))
        if not found:
            raise reply.unreadable()
        return found

    def pages(self, url: str, key: str, **query: str) -> Iterator[dict[str, Any]]:
        """The objects of a listing, page by page; Unexpected where it never ends."""
        for _ in range(MAX_PAGES):
            reply = self.asked(url, key, **query)
            page = self.read(reply)
            if not isinstance(page.get("data"), list):
                raise reply.unreadable()
            yield from objects_in(page, "data")
            paging = page.get("paging")
            more = isinstance(paging, dict) and "next" in paging and paging.get("cursors")
            if not more or not text_in(more, "after"):
                return
            query["after"] = text_in(more, "after")
        raise Unexpected(f"{self.label} lists more than can be read.")

    def removed(self, url: str, key: str) -> None:
        """DELETE; what is missing is gone already."""
        reply = self.wire.call("DELETE", url, safe=True, bearer=key)
        if reply.ok or fault_in(reply).subcode == GONE:
            return
        raise self.refusal(reply)

    # Refusals

    def refusal(self, reply: Reply, *, making: bool = False) -> NetworkError:
        """The error table."""
        fault = fault_in(reply)
        fate = self._fate(fault, reply.status)
        about: dict[str, Any] = {"status": reply.status, "network_code": fault.name}
        if fate is Fate.TROUBLE:
            return reply.troubled()
        if fate is None or (fate is Fate.CONTENT and reply.safe and not making):
            return Unexpected(f"{self.label} answered {reply.status}: {fault.said}", **about)
        if fate in (Fate.SLOW, Fate.HOURS):
            about["wait"] = self.wait(reply) or (BLOCKED_FOR if fate is Fate.HOURS else None)
        if fate is Fate.AGAIN:
            about["wait"] = SOON
        return ERRORS[fate](fault.said, **about)

    def _fate(self, fault: Fault, status: int) -> Fate | None:
        if any(words in fault.said.lower() for words in OUR_WORDS):
            return Fate.OURS
        if own := self.fates.get(fault.subcode) or self.fates.get(fault.code):
            return own
        if fault.transient or status >= 500 or status == 408:
            return Fate.TROUBLE
        by_status = {401: Fate.RECONNECT, 413: Fate.CONTENT, 429: Fate.SLOW}
        return FATES.get(fault.code) or by_status.get(status)


def id_in(data: object, name: str = "id") -> str:
    """An id, which is written as a string or as a number."""
    value = data.get(name) if isinstance(data, Mapping) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _uses(reply: Reply, header: str) -> list[dict[str, Any]]:
    """Every entry of a usage header: a list for each business."""
    try:
        told = json.loads(reply.headers.get(header, ""))
    except (ValueError, RecursionError):
        return []
    return (
        [one for name in told for one in objects_in(told, name)] if isinstance(told, dict) else []
    )
