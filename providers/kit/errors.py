"""The seven ways a network can say no, and one to say not yet.

An adapter turns every refusal into exactly one of these; `workers.retry` turns each into what
follows. `words` is what the author may read: the network's own words, already redacted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class NetworkError(Exception):
    """A network did not do what it was asked; use one of the seven below.

    `words`: plain words for a person, free of secrets. `status`: the HTTP status if one arrived.
    `network_code`: the network's own error code if it gave one. `wait`: how long the network asks
    us to wait, if it says. `timed_out`: no answer came because time was up.
    """

    outcome: ClassVar[str] = "error"

    def __init__(
        self,
        words: str,
        *,
        wait: timedelta | None = None,
        status: int | None = None,
        network_code: str = "",
        timed_out: bool = False,
    ) -> None:
        super().__init__(words)
        self.words = words
        self.wait = wait
        self.status = status
        self.network_code = network_code
        self.timed_out = timed_out


class Rejected(NetworkError):
    """This content is not acceptable; the author must change it."""

    outcome = "rejected"


class Duplicate(Rejected):
    """A Rejected: the network says it already has this very post.

    After an attempt in doubt it means that the attempt did arrive. `external_id` and `url` name
    the original where the network tells it, else they are empty.
    """

    outcome = "duplicate"

    def __init__(
        self,
        words: str,
        *,
        status: int | None = None,
        network_code: str = "",
        external_id: str = "",
        url: str = "",
    ) -> None:
        super().__init__(words, status=status, network_code=network_code)
        self.external_id = external_id
        self.url = url


class Throttled(NetworkError):
    """Too fast; certainly not taken."""

    outcome = "throttled"


class Unavailable(NetworkError):
    """The request was certainly not taken; try again."""

    outcome = "unavailable"


class NotFetched(Unavailable):
    """An Unavailable: the network could not fetch a file from our address, and nothing is out.

    Whatever was made with that address is worth nothing; the next try begins with a fresh one.
    """

    outcome = "unfetched"


class StillWorking(NetworkError):
    """Not a no but a not yet: everything was taken and the network works on it; see `wait`.

    The same publish is called again then, with what its steps saved; no attempt is used.
    """

    outcome = "processing"


class Uncertain(NetworkError):
    """It may have been taken: the answer was lost or cannot be read. Look before sending again."""

    outcome = "uncertain"


class Unauthorized(NetworkError):
    """The token is no longer good: refresh once, then the account needs its owner."""

    outcome = "unauthorized"


class Forbidden(NetworkError):
    """This account may not do this (suspended, locked, missing permission)."""

    outcome = "forbidden"


class Unexpected(NetworkError):
    """An answer we do not understand: the operator must look."""

    outcome = "unexpected"


class Misconfigured(Unexpected):
    """An Unexpected with a known cause: our own app's credentials, plan, review or API version.

    It says nothing about the account, which must not be marked for it.
    """

    outcome = "misconfigured"
