"""The forms of the Mastodon API, which other servers of the fediverse speak too.

From `networks.md` of 2026-11-21, sections 1.5 and 12.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from sandbox.kit.network import Answer, Person, as_json
from sandbox.kit.store import Document


def error(status: int, words: str, **more: str) -> Answer:
    """A refusal of the API."""
    return as_json({"error": words, **more}, status)


def account(person: Person, base: str) -> Document:
    """An account as the API shows it."""
    known = {"id": person.id, "username": person.handle, "acct": person.handle}
    avatar = f"{base}/people/{person.name}.svg"
    url = f"{base}/@{person.handle}"
    return {**known, "display_name": person.display, "avatar": avatar, "url": url}


def status(post: Document, person: Person, base: str) -> Document:
    """A Status as the API shows it."""
    return {
        "id": post["id"],
        "uri": f"{base}/users/{person.handle}/statuses/{post['id']}",
        "url": f"{base}{post['path']}",
        "created_at": post["created_at"],
        "content": f"<p>{escape(post['text'])}</p>",
        "visibility": post["visibility"],
        "spoiler_text": post["spoiler_text"],
        "language": post["language"],
        "account": account(person, base),
    }


def throttled(reset_at: float) -> Answer:
    """Too many requests; the reset is a moment with microseconds."""
    moment = datetime.fromtimestamp(reset_at, UTC).isoformat(timespec="microseconds")
    hints = {"Limit": "300", "Remaining": "0", "Reset": moment.replace("+00:00", "Z")}
    answer = error(429, "Too many requests")
    return answer.with_headers(*((f"X-RateLimit-{k}", v) for k, v in hints.items()))
