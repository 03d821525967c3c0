"""Every way in which the verbs of this room say no: one table, which docs/errors.md shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """What went wrong; callers go by it, never by words."""

    INVALID_PROVIDER = "INVALID_PROVIDER"
    PROVIDER_NOT_CONFIGURED = "PROVIDER_NOT_CONFIGURED"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    OAUTH_INIT_ERROR = "OAUTH_INIT_ERROR"
    OAUTH_CANCELLED = "OAUTH_CANCELLED"
    OAUTH_CALLBACK_ERROR = "OAUTH_CALLBACK_ERROR"
    INVALID_STATE = "INVALID_STATE"
    INVALID_CODE = "INVALID_CODE"
    ACCOUNT_ALREADY_CONNECTED = "ACCOUNT_ALREADY_CONNECTED"
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    NO_ACCOUNTS_OFFERED = "NO_ACCOUNTS_OFFERED"
    NO_ACCESS_TOKEN = "NO_ACCESS_TOKEN"  # noqa: S105
    NO_REFRESH_TOKEN = "NO_REFRESH_TOKEN"  # noqa: S105
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105
    TOKEN_REFRESH_ERROR = "TOKEN_REFRESH_ERROR"  # noqa: S105
    TOKEN_REVOKE_ERROR = "TOKEN_REVOKE_ERROR"  # noqa: S105
    API_ERROR = "API_ERROR"
    NETWORK_ERROR = "NETWORK_ERROR"
    TIMEOUT_ERROR = "TIMEOUT_ERROR"
    RATE_LIMIT_ERROR = "RATE_LIMIT_ERROR"
    DATABASE_ERROR = "DATABASE_ERROR"
    ENCRYPTION_ERROR = "ENCRYPTION_ERROR"
    DECRYPTION_ERROR = "DECRYPTION_ERROR"
    UNKNOWN_ERROR = "UNKNOWN_ERROR"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says, the HTTP status that goes with it, and whether trying again can help."""

    words: str
    status: int
    retryable: bool = False


MEANINGS: Mapping[Code, Meaning] = {
    Code.INVALID_PROVIDER: Meaning("This site does not offer a network of that name.", 404),
    Code.PROVIDER_NOT_CONFIGURED: Meaning(
        "This site's own app at the network is missing or not accepted; its operator must act.", 503
    ),
    Code.VALIDATION_ERROR: Meaning("What was typed cannot be used; the words name the blank.", 422),
    Code.OAUTH_INIT_ERROR: Meaning("The network refused to begin a connection.", 502),
    Code.OAUTH_CANCELLED: Meaning("The person said no on the network's page.", 400),
    Code.OAUTH_CALLBACK_ERROR: Meaning(
        "The network did not complete the connection; a code works once, so begin again.", 502
    ),
    Code.INVALID_STATE: Meaning(
        "This connection was begun elsewhere, too long ago, or has been used; begin again.", 400
    ),
    Code.INVALID_CODE: Meaning("The network sent the person back without a code.", 400),
    Code.ACCOUNT_ALREADY_CONNECTED: Meaning("Another team has connected this account.", 409),
    Code.ACCOUNT_NOT_FOUND: Meaning(
        "The team has no such account; somebody else's is told in the same words.", 404
    ),
    Code.NO_ACCOUNTS_OFFERED: Meaning("The grant speaks for no account that can be used.", 422),
    Code.NO_ACCESS_TOKEN: Meaning("The account has no key at all; connect it again.", 409),
    Code.NO_REFRESH_TOKEN: Meaning("The network gave no key to renew with; nothing is wrong.", 409),
    Code.TOKEN_EXPIRED: Meaning(
        "The key has ended and cannot be renewed any more; connect the account again.", 409
    ),
    Code.TOKEN_REFRESH_ERROR: Meaning(
        "The network refused the renewal, or its answer got lost and its key works only once;"
        " the account has to be connected again.",
        409,
    ),
    Code.TOKEN_REVOKE_ERROR: Meaning(
        "A disconnected account's network could not be told; this comes as a notice, as the"
        " account itself was disconnected long before.",
        502,
    ),
    Code.API_ERROR: Meaning("The network has trouble or gave an odd answer.", 502, retryable=True),
    Code.NETWORK_ERROR: Meaning(
        "The network could not be reached, or the line broke.", 502, retryable=True
    ),
    Code.TIMEOUT_ERROR: Meaning("The network took too long to answer.", 504, retryable=True),
    Code.RATE_LIMIT_ERROR: Meaning("The network asks us to wait.", 429, retryable=True),
    Code.DATABASE_ERROR: Meaning("This site's database did not answer.", 503, retryable=True),
    Code.ENCRYPTION_ERROR: Meaning("This site's own keys (TOKEN_KEYS) cannot be used.", 500),
    Code.DECRYPTION_ERROR: Meaning(
        "A stored key does not open: TOKEN_KEYS lacks the key that it was sealed with.", 500
    ),
    Code.UNKNOWN_ERROR: Meaning("Something broke on this site; its log has it by the id.", 500),
}
RETRYABLE = frozenset(code for code, meaning in MEANINGS.items() if meaning.retryable)
DO_WITHOUT: Mapping[str, str] = {
    "DISCONNECT_ERROR": "disconnecting asks nobody: the keys leave at once and the network is told"
    " later (TOKEN_REVOKE_ERROR); what is left is DATABASE_ERROR.",
    "GET_TOKEN_ERROR": "no caller is ever given a token.",
    "INVALID_USER_ID": "a verb is given the person and the team, never an id to look up.",
    "INVALID_REDIRECT_URL": "the return address is fixed by PUBLIC_URL; no caller names one.",
}
