"""A network took a post and is at work on it: ask again when it is time, and never wait for it.

Asking is publishing once more with what the steps came to: it goes on behind the last of them, and
may be what makes the post visible. So it is fenced like a send, and whoever dies here leaves a
doubt. It uses no attempt, counts against no cap, and no worker sleeps meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from celery import shared_task
from django.utils import timezone

from posting import results
from posting.models import PostResult
from posting.states import State
from tokens import crash
from tokens.states import AccountState
from workers import gates
from workers.gates import Ticket
from workers.publish import lease, send

UNUSABLE = timedelta(minutes=1)
"""How often it is looked whether an account that cannot speak now can speak again."""


@shared_task(name="workers.poll", ignore_result=True)
def poll(ids: Sequence[int]) -> None:
    """Ask for the results `ids`."""
    for pk in ids:
        ask(pk)


def ask(pk: int) -> None:
    """Ask for one result, if its network was at work on it and its account may speak."""
    clock, at = lease(), timezone.now()
    ticket = _admitted(pk, at)
    if ticket is None:
        return
    delivery = results.begin_poll(pk, at, clock.span, clock)
    if delivery is None:
        gates.hand_back(ticket)
        return
    crash.here("after_poll_fence")
    send(delivery, ticket, at)


def _admitted(pk: int, at: datetime) -> Ticket | None:
    """The right to ask now; None if the network or the account is to be left alone a while."""
    waiting = PostResult.objects.filter(pk=pk, state=State.PROCESSING)
    result = waiting.select_related("account__token").first()
    if result is None:
        return None
    if result.account.state != AccountState.CONNECTED:
        words = results.HELD_WORDS[AccountState(result.account.state)]
        waiting.update(due_at=at + UNUSABLE, queued_at=None, words=words)
        return None
    answer = gates.admit(result.account, at, posts=False)
    if isinstance(answer, Ticket):
        return answer
    waiting.update(due_at=answer.until, queued_at=None)
    return None
