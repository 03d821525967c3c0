"""Mends kombu 5.7.0, whose lost connections make a Celery worker exit.

`Connection.maybe_close_channel` runs after the transport's client was cleared, and
`Message.ack_log_error` / `reject_log_error` go through the closed old channel; both raise
AttributeError, which the worker takes as unrecoverable. Read in kombu 5.7.0 and seen on Redis
restarts with tasks in flight. Logging it is enough: the row, not the message, is the truth.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import kombu
from kombu.connection import Connection
from kombu.message import Message

BROKEN = "5.7.0"
WRAPPED: tuple[tuple[type, str], ...] = (
    (Connection, "maybe_close_channel"),
    (Message, "ack_log_error"),
    (Message, "reject_log_error"),
)
logger = logging.getLogger(__name__)


def needed() -> bool:
    """Whether the installed kombu is the broken one."""
    return bool(kombu.__version__ == BROKEN)


def apply() -> None:
    """Wrap the three methods, once, on the broken version only."""
    if not needed():
        return
    for owner, name in WRAPPED:
        method = getattr(owner, name)
        if not hasattr(method, "__wrapped__"):
            setattr(owner, name, _forgiving(method))


def _forgiving(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def forgiving(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except AttributeError:
            logger.warning("a lost broker connection was let go in %s", method.__name__)
            return None

    return forgiving
