"""What the steps of a delivery came to: kept in its row, sealed, for as long as the row is ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from posting.models import PostResult
from posting.models.result import SAVED
from posting.states import State
from providers.kit.errors import Unavailable
from tokens import crash
from tokens.vault import CannotOpen, seal, unseal

MARGIN_S = 2
RENEWALS = 2
"""A lease that was renewed slowly is renewed once more, before a publish is broken off for it."""


def nobody() -> None:
    """Nobody wants to hear that a step was done."""


@dataclass
class Lease:
    """How long a row stays ours by our own clock, which starts before the claim's.

    `felt` is called after every step: a publish of many minutes gets on all the same.
    """

    span: timedelta
    started: float = field(default_factory=time.monotonic)
    felt: Callable[[], None] = nobody

    def enough(self) -> bool:
        """Whether one more request surely ends before somebody else may take the row."""
        left = self.span.total_seconds() - (time.monotonic() - self.started)
        return left > settings.HTTP_DEADLINE_S + MARGIN_S


class Kept:
    """The steps of one delivery (`providers.kit.content.Saved`), each committed as it is done.

    Values may open an upload to whoever holds them, so the row has them sealed and bound to it.
    """

    def __init__(self, result: PostResult, epoch: int, before: State, lease: Lease) -> None:
        self.mine = PostResult.objects.filter(pk=result.pk, state=before, epoch=epoch)
        self.bound_to = SAVED.format(pk=result.pk)
        self.sealed = result.saved
        self.lease = lease
        self.got_on = False
        self._known: dict[str, str] | None = None

    def get(self, name: str) -> str:
        """What a step saved under `name`, "" if it has not come so far."""
        return self.known().get(name, "")

    def keep(self, name: str, value: str) -> None:
        """Commit it and renew the lease in one statement; raises Unavailable if that fails."""
        known = {**self.known(), name: value}
        if not value:
            del known[name]
        sealed = seal(json.dumps(known), self.bound_to) if known else ""
        self._commit(sealed)
        self._known, self.got_on = known, True
        crash.here(f"kept {name}")
        self.lease.felt()
        for _ in range(RENEWALS):
            if self.lease.enough():
                return
            self._commit(sealed)
        raise Unavailable("There was too little time left to go on safely.")

    def known(self) -> dict[str, str]:
        """All steps by name. What does not open is no reason to begin anew: it may be out."""
        if self._known is None:
            try:
                self._known = json.loads(unseal(self.sealed, self.bound_to) or "{}")
            except CannotOpen as problem:
                raise Unavailable(str(problem)) from None
        return dict(self._known or {})

    def _commit(self, sealed: str) -> None:
        started = time.monotonic()
        if not self.mine.update(saved=sealed, lease_until=timezone.now() + self.lease.span):
            raise Unavailable("Somebody else has taken this over meanwhile.")
        self.lease.started = started
