"""Write posts as a table: one row for each delivery, read and handed on a few at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from posting.models import Label, Post, PostQuerySet, PostResult
from posting.sheet import lines
from posting.states import State

AT_ONCE = 200
HEADING = (
    "post", "text", "author", "labels", "network", "account", "part", "state", "cause",
    "planned (UTC)", "planned", "posted (UTC)", "posted", "zone", "permalink",
)  # fmt: skip


def export(posts: PostQuerySet, zone: ZoneInfo) -> Iterator[str]:
    """These posts in their order as lines of CSV; a draft without an account has a row, too.

    What was written is let go at once: no row knows its post, so none waits for the collector.
    """
    yield from lines([HEADING])
    pks = posts.values_list("pk", flat=True).iterator(chunk_size=AT_ONCE)
    while some := list(islice(pks, AT_ONCE)):
        yield from lines(_rows(some, zone))


def _rows(pks: Sequence[int], zone: ZoneInfo) -> Iterator[list[str]]:
    """The deliveries of some posts, in the order of these numbers."""
    posts = Post.objects.select_related("author").in_bulk(pks)
    labels, deliveries = defaultdict[int, list[str]](list), defaultdict[int, list[PostResult]](list)
    named = Label.objects.filter(posts__in=pks).values_list("posts", "name").order_by("name")
    for pk, name in named:
        labels[pk].append(name)
    results = PostResult.objects.filter(post__in=pks).select_related("account")
    for result in results.order_by("provider", "account", "part"):
        deliveries[result.post_id].append(result)
    for post in (posts[pk] for pk in pks if pk in posts):
        said = [str(post.pk), post.text, str(post.author or ""), "; ".join(labels[post.pk])]
        for one in deliveries[post.pk]:
            yield [*said, *_delivery(post, one, zone)]
        if not deliveries[post.pk]:
            yield [*said, *_delivery(post, None, zone)]


def _delivery(post: Post, result: PostResult | None, zone: ZoneInfo) -> list[str]:
    """One delivery, or a draft that has none yet."""
    if result is None:
        return ["", "", "", State.DRAFT.value, "", *_moments(post.wish, zone), "", "", zone.key, ""]
    planned = post.wish if post.draft else result.planned_at or result.due_at
    return [
        result.provider,
        str(result.account),
        str(result.part + 1),
        result.state,
        result.words or result.held_for or result.error,
        *_moments(planned, zone),
        *_moments(result.posted_at, zone),
        zone.key,
        result.external_url,
    ]


def _moments(moment: datetime | None, zone: ZoneInfo) -> tuple[str, str]:
    """One moment in UTC and on the clocks of `zone`, or nothing twice."""
    if moment is None:
        return "", ""
    written = "%Y-%m-%d %H:%M:%S"
    return f"{moment.astimezone(UTC):{written}}", f"{moment.astimezone(zone):{written}}"
