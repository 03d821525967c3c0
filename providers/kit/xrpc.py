"""Refusals of the AT Protocol's XRPC: each is exactly one of the seven errors.

Facts: bluesky-social/atproto @d6296a1c (lexicons, PDS source); networks.md of 2026-11-21, section
13 (Error table). What counts is the name of the error, not the status.
"""

from __future__ import annotations

from providers.kit.atproto_oauth import NOT_OUR_CLOCK
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
from providers.kit.http import Reply, text_in
from providers.kit.rates import epoch_reset, retry_after

DEAD_TOKEN = frozenset(
    {"ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired"}
    | {"AuthFactorTokenRequired", "BadJwtAudience", "InsufficientScope", "ScopeMissingError"}
)
BARRED = frozenset({"AccountTakedown", "AccountDeactivated", "RepoDeactivated"})
OUR_FAULT = frozenset({"invalid_client", "invalid_client_metadata", "invalid_dpop_proof"})
BUSY = frozenset({"UpstreamFailure", "NotEnoughResources"})
PLAINER = {
    "AuthFactorTokenRequired": "Bluesky asks for a code by e-mail: use an app password instead.",
    "invalid_dpop_proof": NOT_OUR_CLOCK,
}


def refusal(reply: Reply, *, content: bool = False) -> NetworkError:
    """The error table; `content`: this call brings content, whether or not it may be repeated."""
    code = text_in(reply.maybe_json(), "error")
    said = PLAINER.get(code) or reply.said("message", "error")
    status = reply.status
    if status == 429 or code == "RateLimitExceeded":
        wait = retry_after(reply) or epoch_reset(reply, "RateLimit-Reset")
        return Throttled(said, wait=wait, status=status, network_code=code)
    if code in OUR_FAULT:
        words = f"Bluesky does not serve our app: {said}"
        return Misconfigured(words, status=status, network_code=code)
    if code in BARRED or (status == 403 and code not in DEAD_TOKEN):
        return Forbidden(said, status=status, network_code=code)
    if status == 401 or code in DEAD_TOKEN:
        return Unauthorized(said, status=status, network_code=code)
    # A 400 may mean the key as well as the content: without the error's name nobody can tell.
    if status >= 500 or status == 408 or code in BUSY or (status == 400 and not code):
        return reply.troubled()
    if code == "InvalidSwap":
        return Uncertain("A post stands at this place already.", status=status, network_code=code)
    if status in (400, 413) and (content or not reply.safe):
        return Rejected(said, status=status, network_code=code)
    return Unexpected(f"Bluesky answered {status}: {said}", status=status, network_code=code)
