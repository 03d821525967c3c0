"""The parts of a thread on one account: each answers the one before it, once that is out.

Part 0 is planned like any post. A part behind it is held, and goes on in the transaction that
records the receipt of the one before it. What follows from any other end of a part is said by two
statements that may run at any time: `release` and `cut`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q

from posting.doorbell import ring
from posting.models import Part, Post, PostResult, ResultQuerySet
from posting.states import CHAIN, State
from providers.kit.contract import Receipt
from providers.kit.errors import Unavailable

CUT_WORDS = "It was to follow a part that was cancelled."
NO_NUMBER_WORDS = (
    "The part before it is out, but nobody knows its number at the network, so nothing can answer"
    " it from here."
)
BEGUN: dict[str, Any] = {"late_at": None}
"""A thread that has begun is finished, however late: only its first part has to be in time."""
MISSED_WORDS = "It was to follow a part that did not go out in time."


def receipts(result: PostResult) -> tuple[Receipt | None, Receipt | None]:
    """What a part answers and the first of its thread; (None, None) for part 0."""
    if not result.part:
        return None, None
    out = PostResult.objects.filter(
        post_id=result.post_id, account_id=result.account_id, state=State.POSTED
    )
    known = {
        part: Receipt(external_id, url)
        for part, external_id, url in out.filter(part__in=(0, result.part - 1)).values_list(
            "part", "external_id", "external_url"
        )
        if external_id
    }
    if len(known) < min(result.part, 2):
        raise Unavailable("The part that this one answers is not out.")
    return known[result.part - 1], known[0]


def words_of(result: PostResult) -> str:
    """What a result says: this account's own text, or that of its post or part."""
    if result.text is not None:
        return result.text
    if not result.part:
        return result.post.text
    return Part.objects.get(post_id=result.post_id, number=result.part).text


def plan(parts: int, wanted: Mapping[str, Any]) -> Iterator[PostResult]:
    """The results of `parts` parts behind the first, each waiting for the one before it."""
    for number in range(1, parts + 1):
        yield PostResult(**wanted, part=number, state=State.HELD, held_for=CHAIN)


def follow(at: datetime, post: int | None = None) -> int:
    """Bring every part on whose forerunner has come to an end; returns how many moved."""
    return cut(post) + release(at, post)


def release(at: datetime, post: int | None = None, part: int | None = None) -> int:
    """Parts whose forerunner is out, with its receipt, are due now; returns how many."""
    waiting = _waiting(post)
    if part is not None:
        waiting = waiting.filter(part=part)
    out = _before().filter(part=OuterRef("part") - 1, state=State.POSTED).exclude(external_id="")
    moved = waiting.filter(Exists(out)).move(
        [State.HELD],
        State.SCHEDULED,
        held_for="",
        due_at=at,
        planned_at=at,
        error="",
        words="",
        **BEGUN,
    )
    if moved:
        ring()
    return moved


def cut(post: int | None = None) -> int:
    """Parts that can answer nothing any more end as what they answer ended; returns how many."""
    earlier = _before().filter(part__lt=OuterRef("part"))
    moved = 0
    for end, after, words in (
        (Q(state=State.POSTED, external_id=""), State.CANCELLED, NO_NUMBER_WORDS),
        (Q(state=State.CANCELLED), State.CANCELLED, CUT_WORDS),
        (Q(state=State.MISSED), State.MISSED, MISSED_WORDS),
    ):
        lost = _waiting(post).filter(Exists(earlier.filter(end)))
        moved += lost.move([State.HELD], after, held_for="", error="", words=words)
    return moved


def wait_again(results: ResultQuerySet) -> int:
    """Parts that were missed with the first one wait for it once more; returns how many."""
    missed = results.filter(part__gt=0)
    return missed.move([State.MISSED], State.HELD, held_for=CHAIN, error="", words="")


def write(post: Post, parts: Sequence[str]) -> None:
    """The texts that follow the first."""
    Part.objects.bulk_create(
        Part(post=post, number=number, text=text) for number, text in enumerate(parts, 1)
    )


def _waiting(post: int | None) -> ResultQuerySet:
    rows = PostResult.objects.filter(state=State.HELD, held_for=CHAIN)
    return rows if post is None else rows.filter(post=post)


def _before() -> ResultQuerySet:
    return PostResult.objects.filter(post=OuterRef("post"), account=OuterRef("account"))
