"""The pages of one post: all that happened to it, and what can be done about it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import activity
from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from accounts.roles import may as role_may
from posting import drafts, lateness
from posting.compose import confirm, send_all_late, try_again
from posting.models import Label, Post, PostResult
from posting.states import State
from posting.templatetags.pace import rhythm
from posting.views.polled import polled

PAGE = 25
QUOTED = 80


@require_GET
@member(Permission.READ)
def post_page(request: MemberRequest, pk: int) -> HttpResponse:
    """One post, a line per account, every attempt; a draft is written on."""
    writer = role_may(request.membership.role, Permission.WRITE_POSTS)
    if writer and Post.objects.drafts(request.team).filter(pk=pk).exists():
        return redirect("draft", pk=pk)
    return page_of(request, pk, 200)


@require_GET
@member(Permission.READ)
def post_results(request: MemberRequest, pk: int) -> HttpResponse:
    """The lines alone, for the page to update itself; 286 tells htmx that nothing moves now."""
    post = post_of(request, pk)
    return polled(request, "posting/_results.html", {"post": post}, final=not rhythm(post))


@require_POST
@member(Permission.WRITE_POSTS)
def skip_late(request: MemberRequest, pk: int) -> HttpResponse:
    """What could not go out in time is not to go out any more."""
    with transaction.atomic():
        if skipped := lateness.skip(post_of(request, pk).results.filter(state=State.HELD)):
            note(request, Kind.STOPPED, "Skipped", pk)
    words = f"Skipped on {skipped} account(s)." if skipped else "Nothing here is late any more."
    messages.info(request, words)
    return redirect("post", pk=pk)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def late_posts(request: MemberRequest) -> HttpResponse:
    """What could not go out in time, and one decision for all of it."""
    late = lateness.late_of(request.team)
    if request.method == "GET":
        posts = Post.objects.for_team(request.team).filter(pk__in=late.values("post"))
        page = Paginator(posts.order_by("due_at", "pk"), PAGE).get_page(request.GET.get("page"))
        return render(request, "posting/late.html", {"page": page})
    with transaction.atomic():
        match request.POST.get("answer"):
            case "send":
                kind, sent = Kind.RELEASED, send_all_late(request.team, timezone.now())
                words = f"{sent} on their way, oldest first."
            case "skip":
                kind, words = Kind.STOPPED, f"{lateness.skip(late)} skipped."
            case _:
                raise Http404("no such answer")
        late_words = f"Decided about late posts: {words}"
        activity.note(request.team, request.user, kind, late_words, timezone.now())
    messages.info(request, words)
    return redirect("posts")


@require_POST
@member(Permission.WRITE_POSTS)
def try_post_again(request: MemberRequest, pk: int, result: int | None = None) -> HttpResponse:
    """Another try of what failed, everywhere or on one account; the history stays."""
    with transaction.atomic():
        if moved := try_again(post_of(request, pk), timezone.now(), result):
            note(request, Kind.RELEASED, "Sent again", pk)
    words = f"On its way again on {moved} account(s)." if moved else "Nothing to try again."
    messages.info(request, words)
    return redirect("post", pk=pk)


@require_POST
@member(Permission.WRITE_POSTS)
def confirm_result(request: MemberRequest, pk: int, result: int) -> HttpResponse:
    """A person's word on an unconfirmed result."""
    there = request.POST.get("answer") == "there"
    if request.POST.get("answer") not in {"there", "again"}:
        raise Http404("no such answer")
    with transaction.atomic():
        if confirm(post_of(request, pk), result, there=there, at=timezone.now()):
            said = "Said that it is there" if there else "Said that it is not there; sent again"
            note(request, Kind.DECIDED, said, pk)
    return redirect("post", pk=pk)


@require_POST
@member(Permission.WRITE_POSTS)
def copy_post(request: MemberRequest, pk: int) -> HttpResponse:
    """A new draft with the same text and accounts; the same button pressed twice makes one."""
    try:
        key = uuid.UUID(request.POST.get("copy", ""))
    except ValueError:
        key = uuid.uuid4()
    at = timezone.now()
    with transaction.atomic():
        draft = drafts.copy(post_of(request, pk), author=request.user, key=key, at=at)
        if draft.created_at == at:  # else the same button came twice
            note(request, Kind.WROTE, "Began a draft by a copy", draft.pk)
    messages.success(request, "This is a new draft with the same words; nothing goes out yet.")
    return redirect("draft", pk=draft.pk)


def page_of(request: MemberRequest, pk: int, status: int) -> HttpResponse:
    """The page of a post, with what can be done about it."""
    context = {
        "post": post_of(request, pk),
        "practice_url": settings.PRACTICE_URL,
        "copy_key": uuid.uuid4(),
        "labels": Label.objects.filter(team=request.team),
    }
    return render(request, "posting/post.html", context, status=status)


def tell(request: MemberRequest, pk: int, warnings: Iterable[str]) -> HttpResponse:
    """To the post, with what its author should know."""
    for words in warnings:
        messages.warning(request, words)
    return redirect("post", pk=pk)


def post_of(request: MemberRequest, pk: int) -> Post:
    """A post of the team that nobody has deleted, with its lines and attempts; else 404."""
    results = PostResult.objects.select_related("account").prefetch_related("attempts_made")
    lines = Prefetch("results", results.order_by("provider", "account", "part"))
    posts = (
        Post.objects.kept(request.team).select_related("author").prefetch_related(lines, "labels")
    )
    return get_object_or_404(posts, pk=pk)


def note(request: MemberRequest, kind: Kind, words: str, pk: int) -> None:
    """Keep in the team's activity what was done to a post, named by its first words."""
    text = Post.objects.values_list("text", flat=True).get(pk=pk)
    said = f"{words}: “{Truncator(text).chars(QUOTED)}”"
    activity.note(
        request.team, request.user, kind, said, timezone.now(), reverse("post", args=[pk])
    )
