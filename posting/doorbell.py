"""The doorbell: posting says that something is due, without knowing who listens."""

from __future__ import annotations

import logging

from django.db import transaction
from django.dispatch import Signal

logger = logging.getLogger(__name__)
bell = Signal()


def ring() -> None:
    """Ring after the current transaction commits; a listener's trouble never reaches the page."""
    transaction.on_commit(_ring_now, robust=True)


def _ring_now() -> None:
    for listener, trouble in bell.send_robust(sender=None):
        if isinstance(trouble, Exception):
            logger.warning(
                "nobody answered the doorbell (%s): %s", listener, type(trouble).__name__
            )
