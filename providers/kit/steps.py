"""Publishing in several steps: what a step came to is kept at once, and nothing is done twice.

An adapter names its steps ("media.0", "container") and takes each through `once`. Whatever breaks
between two steps, the next call of `publish` with the same `Message.saved` goes on behind the last
step that was kept. A step whose answer is lost is taken again, so every step but the one that
makes the post visible must be harmless to repeat (`safe=True` at the Wire).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from providers.kit.content import Saved
from providers.kit.errors import Rejected, Unavailable

DONE = "done"
"""What a step is said to have come to where only its being done counts."""
TAKEN = "taken"
"""The step behind which the network has everything and the post may appear by itself.

An adapter keeps its ticket under this name as soon as it has one. From then on nothing that goes
wrong means "not sent": the delivery is asked about, never planned anew, held or cancelled.
"""


def once(saved: Saved, name: str, step: Callable[[], str]) -> str:
    """What the step `name` came to: as it was kept, or by taking it now and keeping that."""
    known = saved.get(name)
    if not known:
        known = step() or DONE
        saved.keep(name, known)
    return known


def numbered(saved: Saved, name: str, count: int) -> Iterator[int]:
    """The numbers from 0 to before `count` that are still to do, each kept when it is done.

    The body of the loop does one number; leaving it by an exception keeps those before.
    """
    for number in range(int(saved.get(name) or 0), count):
        yield number
        saved.keep(name, str(number + 1))


def forget(saved: Saved, names: Sequence[str], problem: Rejected) -> Unavailable | Rejected:
    """What follows where the network no longer knows what earlier steps had made.

    Forgets those steps, once in the life of a delivery: Unavailable, so that they are taken anew.
    A network that says so of fresh ones as well has another reason: then `problem` stands.
    """
    if saved.get("forgotten"):
        return problem
    saved.keep("forgotten", DONE)
    for name in names:
        saved.keep(name, "")
    words = f"{problem.words} They are uploaded again."
    return Unavailable(words, status=problem.status, network_code=problem.network_code)
