"""How often a page is worth asking for again, by what on it may still change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django import template
from django.utils import timezone

from posting.models import Post
from posting.states import ENDED, MOVING, PostState, State

register = template.Library()
AT_ONCE, QUICKLY, SLOWLY = "every 1s", "every 2s", "every 15s"
SOON = timedelta(minutes=1)
AT_REST = ENDED | {State.DRAFT}


@register.filter
def rhythm(post: Post) -> str:
    """How often the lines of a post are worth asking for; "" once nothing changes by itself.

    What waits for a person goes on by itself, too, once somebody has mended its account elsewhere.
    """
    soon = timezone.now() + SOON
    open_ones = [result for result in post.results.all() if result.state not in AT_REST]
    if any(r.state in MOVING and r.due_at <= soon for r in open_ones):
        return AT_ONCE
    return SLOWLY if open_ones else ""


@register.filter
def pace(posts: Iterable[Post]) -> str:
    """How often a list of posts is worth asking for again; "" if nothing in it moves."""
    every = {post.state for post in posts if post.moving}
    if PostState.POSTING in every:
        return QUICKLY
    return SLOWLY if every else ""
