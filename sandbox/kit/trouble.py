"""What can go wrong on request: the next answers of a twin are lost, late, refused or broken."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import formatdate
from math import ceil
from typing import Any

from sandbox.kit.network import PURPOSES, Answer, Request, Scene, Twin, as_json, as_page

BEFORE = frozenset(
    {
        "unauthorized", "forbidden", "throttled", "retry_after", "retry_after_date", "error",
        "drop_before", "html", "rejected", "misconfigured", "invalid_grant", "no_token",
    }
)  # fmt: skip
"""Kinds in which the request is not carried out."""

AFTER = frozenset({"error_after", "slow_after", "drop_after", "garbage", "empty", "lagging"})
"""Kinds in which it is carried out and only the answer suffers; `lagging`: its lists are empty."""

KINDS = tuple(sorted(BEFORE | AFTER | {"slow"}))

GARBAGE = b'\x00\xff{"practice": gar\xc3bage'


class OrderError(ValueError):
    """An order for trouble that nobody can carry out."""


@dataclass(slots=True)
class Trouble:
    """An order: `times` requests of a purpose meet this kind of trouble, `after` so many others."""

    network: str
    kind: str
    on: str = "publish"
    times: int = 1
    seconds: float = 2.0
    after: int = 0


class Troubles:
    """All orders that are still open, and a count of those that were carried out."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.orders: list[Trouble] = []
        self.fired: Counter[tuple[str, str]] = Counter()

    def order(self, wish: Mapping[str, Any], networks: tuple[str, ...]) -> Trouble:
        """Take an order."""
        try:
            trouble = Trouble(
                network=str(wish.get("network", "")),
                kind=str(wish.get("kind", "")),
                on=str(wish.get("on") or "publish"),
                times=int(wish.get("times") or 1),
                seconds=float(wish.get("seconds", 2.0)),
                after=int(wish.get("after") or 0),
            )
        except (TypeError, ValueError) as error:
            raise OrderError(f"times, seconds and after are numbers: {error}") from error
        check(trouble, networks)
        with self.lock:
            self.orders.append(trouble)
        return trouble

    def take(self, network: str, purpose: str) -> Trouble | None:
        """The trouble that this request meets, if one was ordered; the oldest order first."""
        with self.lock:
            for trouble in self.orders:
                if trouble.network == network and purpose and trouble.on in (purpose, "any"):
                    if trouble.after > 0:
                        trouble.after -= 1
                        continue
                    trouble.times -= 1
                    if trouble.times < 1:
                        self.orders.remove(trouble)
                    self.fired[network, trouble.kind] += 1
                    return trouble
        return None

    def clear(self, network: str = "") -> None:
        """Cancel what is open."""
        with self.lock:
            self.orders = [t for t in self.orders if network and t.network != network]

    def report(self) -> dict[str, Any]:
        """What is open and what was carried out."""
        with self.lock:
            fired: dict[str, dict[str, int]] = {}
            for (network, kind), times in self.fired.items():
                fired.setdefault(network, {})[kind] = times
            return {"pending": [asdict(t) for t in self.orders], "fired": fired}

    def forget(self) -> None:
        """Cancel what is open and count from zero."""
        self.clear()
        with self.lock:
            self.fired.clear()


def check(trouble: Trouble, networks: tuple[str, ...]) -> None:
    """Refuse an order with a word in it that means nothing."""
    words = (
        ("network", trouble.network, networks),
        ("kind", trouble.kind, KINDS),
        ("on", trouble.on, (*PURPOSES, "any")),
    )
    for name, word, known in words:
        if word not in known:
            raise OrderError(f"{name} must be one of {', '.join(known)}, not {word!r}")


def refusal(trouble: Trouble, twin: Twin, request: Request, purpose: str) -> Answer | None:
    """What is said instead of doing what was asked; None: the line goes dead."""
    scene = Scene(request, purpose, request.at + trouble.seconds)
    match trouble.kind:
        case "drop_before":
            return None
        case "html":
            page = "<!doctype html><title>502</title><h1>Bad Gateway</h1><p>Practice trouble.</p>"
            return as_page(page, 502)
        case "no_token":
            return as_json({"token_type": "bearer"})
        case "retry_after":
            slow_down = twin.dialect("throttled", scene).without_hints()
            return slow_down.with_headers(("Retry-After", str(ceil(trouble.seconds))))
        case "retry_after_date":
            slow_down = twin.dialect("throttled", scene).without_hints()
            moment = formatdate(ceil(scene.reset_at), usegmt=True)
            return slow_down.with_headers(("Retry-After", moment))
        case _:
            return twin.dialect(trouble.kind, scene)


def spoil(trouble: Trouble, answer: Answer) -> Answer | None:
    """What is left of an answer after the request was carried out; None: the line goes dead."""
    match trouble.kind:
        case "drop_after":
            return None
        case "error_after":
            return Answer(502, b"Practice trouble: it was done.", (("Content-Type", "text/plain"),))
        case "garbage":
            return Answer(answer.status, GARBAGE, (("Content-Type", "application/json"),))
        case "empty":
            return Answer(answer.status)
        case "lagging":
            return Answer(answer.status, _emptied(answer.body), answer.headers)
        case _:
            return answer


def _emptied(body: bytes) -> bytes:
    """The same answer as long as nothing stands in its lists; other answers stay as they are."""
    try:
        said = json.loads(body)
    except ValueError:
        return body
    if isinstance(said, dict):
        said = {name: [] if isinstance(value, list) else value for name, value in said.items()}
    return json.dumps([] if isinstance(said, list) else said).encode()
