"""The practice street of the storm: it counts troubles by purpose, and one network has no memory.

X refuses a text that it has seen, and its twin plays that. Here the twin forgets what was said:
nothing but our fence and our look-up may keep a post from standing there twice.

python -m tests.chaos.street PORT HOST STATE-FILE
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import sandbox
from sandbox.kit import shelf
from sandbox.kit.server import Street
from sandbox.kit.store import Document
from sandbox.kit.trouble import Trouble, Troubles
from sandbox.x import X

FETCH_S = 1.0
"""The site may be away while a network fetches a file from it; the others wait meanwhile."""


class Forgetful(X):
    """X as it would be if it took the same words twice."""

    def get(self, kind: str, key: str) -> Document | None:
        """As ever, but what was said is not remembered."""
        return None if kind == "said" else super().get(kind, key)


class Tally(Troubles):
    """Troubles, with a count by purpose: a lost answer to a renewal is not one to a post."""

    def __init__(self) -> None:
        super().__init__()
        self.by_purpose: Counter[str] = Counter()
        self.by_network: Counter[str] = Counter()

    def take(self, network: str, purpose: str) -> Trouble | None:
        """As ever, and counted."""
        trouble = super().take(network, purpose)
        if trouble is not None:
            with self.lock:
                self.by_purpose[f"{purpose}: {trouble.kind}"] += 1
                self.by_network[network] += 1
        return trouble

    def report(self) -> dict[str, Any]:
        """As ever, with the counts."""
        return {
            **super().report(),
            "by_purpose": dict(self.by_purpose),
            "by_network": dict(self.by_network),
        }


def main(port: str, host: str, state: str) -> None:
    """Serve until told to stop."""
    sandbox.TWINS[X.name] = Forgetful
    shelf.FETCH_S = FETCH_S
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    street = Street(port=int(port), host=host, state=Path(state))
    street.desk.troubles = Tally()
    with street:
        over.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
