"""What the composer's chips say of an account, beside how it stands."""

from __future__ import annotations

from collections.abc import Collection

from django import template

from posting.models import Post
from posting.templatetags.wording import result_words
from tokens.models import SocialAccount

register = template.Library()


@register.filter
def can_be_chosen(account: SocialAccount, kept: Collection[int]) -> bool:
    """Whether a post may be for it: it is ready, or the post waits for it already."""
    return account.usable or account.pk in kept


@register.filter
def ended_on(account: SocialAccount, post: Post | None) -> str:
    """How a post that waits elsewhere has ended on this account, "" where it has not."""
    results = post.results.all() if post else ()
    mine = (r for r in results if r.account_id == account.pk and not r.part and not r.is_open)
    return next((result_words(result).label.lower() for result in mine), "")
