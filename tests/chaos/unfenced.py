"""What a plain queue would do: send, and if anything goes wrong send again.

No claim, no recorded intent, no key that stays the same, no look at the network before a repeat.
"""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

from django.utils import timezone

from posting.models import PostResult
from posting.states import ENDED, State
from providers.kit.contract import Message
from tokens import speak
from workers import publish, reconcile

logger = logging.getLogger(__name__)
SOON = timedelta(seconds=0.5)


def replace() -> None:
    """Put the plain functions into the place of the careful ones, in this process."""
    publish.deliver = deliver
    reconcile.look = send_again


def deliver(pk: int) -> None:
    """Send; what came back decides, and what did not come back is sent again."""
    result = PostResult.objects.select_related("post", "account__token").get(pk=pk)
    if result.state in ENDED:
        return
    at = timezone.now()
    message = Message(text=result.post.text, key=str(uuid.uuid4()), created_at=at)
    row = PostResult.objects.filter(pk=pk)
    try:
        receipt = speak.publish(result.account, message, at, may_send=lambda: True)
    except Exception as problem:  # noqa: BLE001 - this is what is being shown
        logger.info("result %s: %s; once more", pk, problem)
        row.update(state=State.SCHEDULED, due_at=timezone.now() + SOON, queued_at=None)
    else:
        row.update(
            state=State.POSTED,
            posted_at=timezone.now(),
            external_id=receipt.external_id,
            external_url=receipt.url,
        )


def send_again(pk: int) -> None:
    """In doubt: do not look, send."""
    PostResult.objects.filter(pk=pk, state=State.UNCERTAIN).update(
        state=State.SCHEDULED, due_at=timezone.now(), queued_at=None
    )
