"""Refusals as problem documents (RFC 7807) under the types of X's API.

From `networks.md` of 2026-11-21, section 2 (Error table).
"""

from __future__ import annotations

from typing import Any

from sandbox.kit.network import Answer, RefusalError, as_json

PROBLEMS = "https://api.x.com/2/problems/"


def problem(status: int, code: str, title: str, detail: str, **more: Any) -> Answer:
    """An RFC 7807 body; the last segment of `type` is the code."""
    kind = f"{PROBLEMS}{code}" if code else "about:blank"
    body = {"title": title, "detail": detail, "type": kind, "status": status, **more}
    return as_json(body, status, "application/problem+json")


def invalid(detail: str, status: int = 400, **more: Any) -> RefusalError:
    """The content or the question is not acceptable."""
    return RefusalError(problem(status, "invalid-request", "Invalid Request", detail, **more))
