"""The API of a code forge: REST and GraphQL over one key, and the seven errors behind its answers.

Facts: github/docs and @octokit/openapi 23.0.2 as told in networks.md of 2026-11-21, section 14. The
types of GraphQL errors (answered with HTTP 200) are not documented; these are those that clients
know. An error without a type is a fault of the server, so a mutation may have been carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unexpected,
)
from providers.kit.http import Reply, Wire, objects_in, redact, text_in
from providers.kit.rates import Meter, epoch_reset, retry_after

METERS = (Meter("x-ratelimit-remaining", "x-ratelimit-reset"),)
ASKED_TOO_OFTEN = timedelta(minutes=1)  # where a secondary limit does not say how long to wait
WEAK = ("resource not accessible", "must have")


@dataclass(frozen=True, slots=True)
class Forge:
    """One caller of the API. `base` has no slash at its end; `headers` go with every request."""

    wire: Wire
    base: str
    headers: Mapping[str, str]
    login: str
    token: str = field(repr=False)

    def ask(self, method: str, path: str, *, safe: bool | None = None, **load: Any) -> Reply:
        """One REST request, as it is answered."""
        url, headers = f"{self.base}/{path}", self.headers
        return self.wire.call(method, url, safe=safe, headers=headers, bearer=self.token, **load)

    def told(self, method: str, path: str, *, safe: bool | None = None, **load: Any) -> Reply:
        """The same, once it is a success."""
        reply = self.ask(method, path, safe=safe, **load)
        if not reply.ok:
            raise refusal(reply)
        return reply

    def query(self, text: str, *, safe: bool, **values: Any) -> tuple[dict[str, Any], Reply]:
        """One GraphQL request; its errors come with HTTP 200."""
        body = {"query": text, "variables": values}
        reply = self.told("POST", "graphql", safe=safe, json=body)
        answer = reply.json()
        if errors := objects_in(answer, "errors"):
            raise graphql_refusal(errors[0], reply)
        data = answer.get("data")
        if not isinstance(data, dict):
            raise reply.unreadable()
        return data, reply


def at(data: object, *names: str) -> Any:
    """What stands in a JSON object under these names, one inside the other; None if nothing."""
    for name in names:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def refusal(reply: Reply) -> NetworkError:
    """The error table."""
    said, status = _words(reply), reply.status
    if status == 429 or (status == 403 and _is_throttled(reply, said)):
        return Throttled(said, wait=_wait(reply), status=status)
    if status >= 500 or status == 408:
        return reply.troubled()
    if status == 401:
        return Unauthorized(said, status=status)
    if status == 403 and (reply.headers.get("X-GitHub-SSO") or said.lower().startswith(WEAK)):
        return Unauthorized(said, status=status)
    if status == 400 and "api version" in said.lower():
        return Misconfigured(said, status=status)
    if status in (403, 404, 410, 451):
        return Forbidden(_plainer(status, said), status=status)
    if status in (400, 413, 422):
        return Rejected(said, status=status)
    return Unexpected(f"The network answered {status}: {said}", status=status)


def graphql_refusal(error: Mapping[str, Any], reply: Reply) -> NetworkError:
    """The same for an error inside HTTP 200."""
    said = redact(text_in(error, "message"), reply.secrets)[:400] or "An error without words."
    match text_in(error, "type"):
        case "RATE_LIMITED":
            return Throttled(said, wait=_wait(reply), status=reply.status)
        case "INSUFFICIENT_SCOPES":
            return Unauthorized(said, status=reply.status)
        case "FORBIDDEN" if said.lower().startswith(WEAK):
            return Unauthorized(said, status=reply.status)
        case "FORBIDDEN" | "NOT_FOUND":
            return Forbidden(said, status=reply.status)
        case "":
            return reply.troubled()
        case kind:
            return Rejected(said, status=reply.status, network_code=kind)


def _words(reply: Reply) -> str:
    """The message, and which fields it is about."""
    fields = [
        " ".join(filter(None, (text_in(e, "field"), text_in(e, "message") or text_in(e, "code"))))
        for e in objects_in(reply.maybe_json(), "errors")
    ]
    about = redact(f" ({'; '.join(fields)})", reply.secrets)[:300] if any(fields) else ""
    return reply.said("message") + about


def _plainer(status: int, said: str) -> str:
    if status == 404:
        return f"{said}: the repository is missing, or this account may not see it."
    return said


def _is_throttled(reply: Reply, said: str) -> bool:
    """A 403 that means: too fast."""
    used_up = reply.headers.get("x-ratelimit-remaining", "").strip() == "0"
    return used_up or "Retry-After" in reply.headers or "secondary rate limit" in said.lower()


def _wait(reply: Reply) -> timedelta:
    reset = epoch_reset(reply, "x-ratelimit-reset")
    used_up = reply.headers.get("x-ratelimit-remaining", "").strip() == "0"
    return retry_after(reply) or (reset if used_up and reset else ASKED_TOO_OFTEN)
