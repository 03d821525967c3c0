"""Cancel a post, or take it off every page; both can be taken back for a few seconds."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import undo
from posting.amend import TooLate, standing_in_the_way
from posting.views.calendar import say_done
from posting.views.posts import note, page_of, post_of


@require_POST
@member(Permission.WRITE_POSTS)
def cancel_post(request: MemberRequest, pk: int, result: int | None = None) -> HttpResponse:
    """Stop what has not gone out, everywhere or on one account; 409 when it is too late."""
    post = post_of(request, pk)
    try:
        with transaction.atomic():
            act = undo.cancel(request.team, pk, at=timezone.now(), result=result)
            note(request, Kind.STOPPED, "Cancelled", pk)
    except TooLate as problem:
        messages.warning(request, str(problem))
        return page_of(request, pk, 409)
    count = undo.accounts_of(act)
    where = standing_in_the_way(list(post.results.select_related("account")))
    words = f"Cancelled on {count} account{'s' * (count != 1)}. {where}"
    say_done(request, words.strip(), act)
    return redirect("post", pk=pk)


@require_POST
@member(Permission.WRITE_POSTS)
def delete_post(request: MemberRequest, pk: int) -> HttpResponse:
    """Off every page, with what waits of it cancelled; what is or may be out is refused by 409."""
    post_of(request, pk)
    try:
        with transaction.atomic():
            act = undo.delete(request.team, pk, at=timezone.now())
            note(request, Kind.STOPPED, "Deleted", pk)
    except TooLate as problem:
        messages.warning(request, str(problem))
        return page_of(request, pk, 409)
    say_done(request, "The post is deleted.", act)
    return redirect("posts")
