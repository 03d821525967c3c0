"""What can go wrong with an account's keys, for callers: a stable code, and words for a person.

Every verb of this room runs under `plainly`, so nothing but a Problem comes out of it. The codes
and what they mean are in `tokens.codes`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseFault
from django.utils import timezone

from providers.kit.errors import (
    Misconfigured,
    NetworkError,
    Throttled,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.http import correlation
from tokens.codes import MEANINGS, Code
from tokens.networks import UnknownNetwork
from tokens.vault import CannotOpen

logger = logging.getLogger(__name__)
SAID_NO = (Code.OAUTH_CANCELLED, "you said no.")
SET_UP_WRONGLY = (
    Code.PROVIDER_NOT_CONFIGURED,
    "it does not accept how this site's app is set up there. You cannot mend that; tell whoever"
    " runs this site.",
)
IN_TROUBLE = (Code.API_ERROR, "it has trouble just now; try again later.")
SENT_BACK: Mapping[str, tuple[Code, str]] = {
    "access_denied": SAID_NO,
    "invalid_request": SET_UP_WRONGLY,
    "invalid_scope": SET_UP_WRONGLY,
    "unauthorized_client": SET_UP_WRONGLY,
    "unsupported_response_type": SET_UP_WRONGLY,
    "server_error": IN_TROUBLE,
    "temporarily_unavailable": IN_TROUBLE,
}
"""Why a network sends somebody back without a code: the words of RFC 6749, section 4.1.2.1."""


class Problem(Exception):
    """A verb of this room did not do what it was asked. `words` are for the person; no secrets.

    `wait`: how long to leave it alone before the next try, where that is known.
    """

    def __init__(
        self, code: str, words: str, provider: str = "", *, wait: timedelta | None = None
    ) -> None:
        super().__init__(words)
        self.code = Code(code)
        self.words = words
        self.provider = provider
        self.wait = wait
        self.correlation_id = correlation.get()
        self.at: datetime = timezone.now()

    @property
    def retryable(self) -> bool:
        """Whether the same may work later without anybody doing anything."""
        return MEANINGS[self.code].retryable

    @property
    def status(self) -> int:
        """The HTTP status of an API's answer; pages say the words where the person stands."""
        return MEANINGS[self.code].status

    def as_dict(self) -> dict[str, str | bool]:
        """What an API answers and a log keeps."""
        return {
            "code": str(self.code),
            "message": self.words,
            "provider": self.provider,
            "retryable": self.retryable,
            "correlation_id": self.correlation_id,
            "at": self.at.isoformat(),
        }


@contextmanager
def plainly(refused: Code = Code.API_ERROR, provider: str = "") -> Iterator[None]:
    """Let nothing but a Problem out, and give the work an id; a decorator, too.

    `refused` is the code for a plain no of the network to this very request.
    """
    ours = None if correlation.get() else correlation.set(uuid.uuid4().hex)
    try:
        yield
    except Problem:
        raise
    except Exception as trouble:  # noqa: BLE001 - it is told, and logged if nobody expected it
        raise problem_of(trouble, refused, provider) from None
    finally:
        if ours:
            correlation.reset(ours)


def problem_of(trouble: Exception, refused: Code, provider: str = "") -> Problem:
    """The Problem behind anything that was raised; what nobody expected is logged in full."""
    match trouble:
        case Problem():
            return trouble
        case NetworkError():
            return refusal(trouble, trouble.words, provider, refused)
        case UnknownNetwork():
            return Problem(Code.INVALID_PROVIDER, str(trouble), provider)
        case CannotOpen():
            return Problem(Code.DECRYPTION_ERROR, str(trouble), provider)
        case ImproperlyConfigured():
            logger.error("keys cannot be sealed: %s", trouble)
            return Problem(Code.ENCRYPTION_ERROR, MEANINGS[Code.ENCRYPTION_ERROR].words, provider)
        case DatabaseFault():
            logger.warning("the database refused", exc_info=trouble)
            words = "The database did not answer; try again in a moment."
            return Problem(Code.DATABASE_ERROR, words, provider)
    logger.error("a verb broke off", exc_info=trouble)
    words = "Something broke on our side; whoever runs this site finds it in the log under"
    return Problem(Code.UNKNOWN_ERROR, f"{words} {correlation.get()}.", provider)


def turned_back(error: str, label: str, provider: str) -> Problem:
    """The Problem behind the `error` with which a network's page sends somebody back."""
    unknown = (Code.OAUTH_CALLBACK_ERROR, "it sent you back without saying why; begin again.")
    code, why = SENT_BACK.get(error, unknown)
    if code is not Code.OAUTH_CANCELLED:
        logger.warning("%s sent somebody back: %.60r", provider, error)
    return Problem(code, f"{label} was not connected: {why}", provider)


def refusal(error: NetworkError, words: str, provider: str, refused: Code) -> Problem:
    """The Problem behind a network's no, in these words."""
    return Problem(code_of(error, refused), words, provider, wait=error.wait)


def code_of(error: NetworkError, refused: Code = Code.TOKEN_REFRESH_ERROR) -> Code:
    """The code of a network's no; `refused` where it said no to this very request."""
    match error:
        case Throttled():
            return Code.RATE_LIMIT_ERROR
        case Misconfigured():
            return Code.PROVIDER_NOT_CONFIGURED
        case Unavailable() | Uncertain() if error.timed_out:
            return Code.TIMEOUT_ERROR
        case Unavailable() | Uncertain() if error.status is None:
            return Code.NETWORK_ERROR
        case Unavailable() | Uncertain() | Unexpected():
            return Code.API_ERROR
    return refused
