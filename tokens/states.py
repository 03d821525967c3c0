"""The states of an account and of the grant behind it."""

from __future__ import annotations

from enum import StrEnum


class AccountState(StrEnum):
    """Whether we can post as an account."""

    CONNECTED = "connected"
    RECONNECT = "reconnect"  # the grant is dead; its owner must connect it again
    PAUSED = "paused"  # a person wants nothing to go out
    DISCONNECTED = "disconnected"  # no longer ours; kept for its history


class TokenState(StrEnum):
    """Whether a grant still lives."""

    GOOD = "good"
    DEAD = "dead"
