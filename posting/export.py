"""Write posts as a table: one row for each delivery, read and handed on a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.db.models import Prefetch

from posting.models import Post, PostQuerySet, PostResult
from posting.sheet import lines

AT_ONCE = 500
HEADING = (
    "post", "text", "author", "labels", "network", "account", "part", "state", "cause",
    "planned (UTC)", "planned", "posted (UTC)", "posted", "zone", "permalink",
)  # fmt: skip


def export(posts: PostQuerySet, zone: ZoneInfo) -> Iterator[str]:
    """These posts in their order as lines of CSV; a draft without an account has a row, too."""
    deliveries = PostResult.objects.select_related("account").order_by(
        "provider", "account", "part"
    )
    related = posts.select_related("author").prefetch_related(
        Prefetch("results", deliveries), "labels"
    )
    yield from lines([HEADING])
    for post in related.iterator(chunk_size=AT_ONCE):
        yield from lines(_rows(post, zone))


def _rows(post: Post, zone: ZoneInfo) -> Iterator[list[str]]:
    """The deliveries of one post."""
    said = [
        str(post.pk),
        post.text,
        str(post.author or ""),
        "; ".join(label.name for label in post.labels.all()),
    ]
    wished = post.wish if post.draft else post.due_at
    for result in post.results.all():
        yield [
            *said,
            result.provider,
            str(result.account),
            str(result.part + 1),
            result.state,
            result.words or result.held_for or result.error,
            *_moments(wished if post.draft else result.planned_at or result.due_at, zone),
            *_moments(result.posted_at, zone),
            zone.key,
            result.external_url,
        ]
    if not post.results.all():
        planned = _moments(wished, zone)
        yield [*said, "", "", "", post.state.value, "", *planned, "", "", zone.key, ""]


def _moments(moment: datetime | None, zone: ZoneInfo) -> tuple[str, str]:
    """One moment in UTC and on the clocks of `zone`, or nothing twice."""
    if moment is None:
        return "", ""
    written = "%Y-%m-%d %H:%M:%S"
    return f"{moment.astimezone(UTC):{written}}", f"{moment.astimezone(zone):{written}}"
