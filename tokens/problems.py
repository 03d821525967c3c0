"""What can go wrong with an account's keys, for callers: a stable code, and words for a person."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from providers.kit.http import correlation


class Code(StrEnum):
    """Every way in which the verbs of this room say no; callers decide by it, never by words."""

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
    DISCONNECT_ERROR = "DISCONNECT_ERROR"
    API_ERROR = "API_ERROR"
    NETWORK_ERROR = "NETWORK_ERROR"
    TIMEOUT_ERROR = "TIMEOUT_ERROR"
    RATE_LIMIT_ERROR = "RATE_LIMIT_ERROR"
    DATABASE_ERROR = "DATABASE_ERROR"
    ENCRYPTION_ERROR = "ENCRYPTION_ERROR"
    DECRYPTION_ERROR = "DECRYPTION_ERROR"
    UNKNOWN_ERROR = "UNKNOWN_ERROR"


RETRYABLE = frozenset(
    {Code.NETWORK_ERROR, Code.API_ERROR, Code.TIMEOUT_ERROR, Code.RATE_LIMIT_ERROR}
    | {Code.DATABASE_ERROR}
)


class Problem(Exception):
    """A verb of this room did not do what it was asked. `words` are for the person; no secrets."""

    def __init__(self, code: str, words: str, provider: str = "") -> None:
        super().__init__(words)
        self.code = Code(code)
        self.words = words
        self.provider = provider
        self.correlation_id = correlation.get()
        self.at: datetime = timezone.now()

    @property
    def retryable(self) -> bool:
        """Whether the very same call may work later without anybody doing anything."""
        return self.code in RETRYABLE
