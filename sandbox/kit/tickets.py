"""Answers of an API that puts an error into every body, and files that come in ranges.

From `networks.md` of 2026-11-21, section 8.
"""

from __future__ import annotations

import re

from sandbox.kit.network import Answer, RefusalError, Request, as_json
from sandbox.kit.store import Document

RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")


def no(status: int, code: str, words: str = "") -> Answer:
    """A refusal of the API."""
    about = {"code": code, "message": words or code.replace("_", " "), "log_id": "practice"}
    return as_json({"data": {}, "error": about}, status)


def bad(words: str) -> RefusalError:
    """What was sent is not acceptable."""
    return RefusalError(no(400, "invalid_param", words))


def yes(data: Document) -> Answer:
    """A success; it has an error too, whose code is ok."""
    return as_json({"data": data, "error": {"code": "ok", "message": "", "log_id": "practice"}})


def units(text: str) -> int:
    """How long a text is in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def span(request: Request) -> tuple[int, int, int]:
    """First byte, last byte and whole size of a range; an impossible one if there is none."""
    place = RANGE.fullmatch(request.headers.get("content-range", ""))
    first, last, size = (int(part) for part in place.groups()) if place else (0, -1, 0)
    return first, last, size
