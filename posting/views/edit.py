"""A post that waits, in the composer: changed everywhere or not at all; or put back to drafts."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import revise
from posting.amend import Outrun, TooLate, standing_in_the_way
from posting.compose import CannotCompose
from posting.forms import PostFiles, PostForm, Received
from posting.models import Post
from posting.views.compose import arrived, composer, stepped
from posting.views.posts import note, tell

SAVING = {"", "change", "slot"}


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def edit_post(request: MemberRequest, pk: int) -> HttpResponse:
    """All of a post that has not begun to go out; 409: too late, or somebody was faster."""
    post = get_object_or_404(Post.objects.kept(request.team), pk=pk)
    if request.method == "POST":
        return _answer(request, post)
    if post.draft:
        return redirect("draft", pk=pk)
    content = revise.standing(post)
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    form = PostForm(**who, waiting=post, content=content)
    if not post.can_edit:
        return _too_late(request, form, PostFiles(prefix="media"), _where(post))
    return composer(request, form, PostFiles(prefix="media"), 200)


@require_POST
@member(Permission.WRITE_POSTS)
def put_back(request: MemberRequest, pk: int) -> HttpResponse:
    """Nothing of it goes out: it is a draft again."""
    post = get_object_or_404(Post.objects.kept(request.team), pk=pk)
    seen = request.POST.get("seen", "")
    version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else post.version
    try:
        with transaction.atomic():
            revise.put_back(post, seen=version, at=timezone.now())
            note(request, Kind.STOPPED, "Put back to drafts", pk)
    except (TooLate, Outrun) as problem:
        messages.warning(request, str(problem))
        return redirect("post", pk=pk)
    messages.success(request, "It is a draft again: nothing of it goes out before you say so.")
    return redirect("draft", pk=pk)


def _answer(request: MemberRequest, post: Post) -> HttpResponse:
    do = request.POST.get("do", "")
    if do not in SAVING:
        return stepped(request, do, post)
    got = arrived(request, sending=True, waiting=post)
    if not got.form.is_valid() or not got.files.fine:
        return composer(request, got.form, got.files, 422)
    try:
        _save(request, post, got, slot=do == "slot")
    except CannotCompose as problem:
        got.form.say(problem.problems)
        return composer(request, got.form, got.files, 422)
    except TooLate as problem:
        return _too_late(request, got.form, got.files, str(problem))
    except Outrun:
        return _outrun(request, post, got)
    messages.success(request, "Saved. What goes out from now on is what stands here.")
    return tell(request, post.pk, got.form.warnings)


def _save(request: MemberRequest, post: Post, got: Received, *, slot: bool) -> None:
    content, at = got.form.content_now(), timezone.now()
    with transaction.atomic():
        revise.revise(post, content, seen=got.form.seen or 0, at=at, next_slot=slot)
        note(request, Kind.CHANGED, "Changed", post.pk)


def _outrun(request: MemberRequest, post: Post, got: Received) -> HttpResponse:
    """What stands now beside what was typed, and the choice between them."""
    post.refresh_from_db()
    stands = {"newest": revise.standing(post), "version": post.version, "pk": post.pk}
    return composer(request, got.form, got.files, 409, conflict=stands)


def _too_late(request: MemberRequest, form: PostForm, files: Any, why: str) -> HttpResponse:
    """What was typed can still become a draft of its own."""
    return composer(request, form, files, 409, too_late=why, fresh=uuid.uuid4())


def _where(post: Post) -> str:
    where = standing_in_the_way(list(post.results.select_related("account")))
    return f"This post cannot be changed any more. {where or 'Nothing of it waits'}."
