"""The pages of the posting room: the list, the form, one post with all that happened to it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import MemberRequest, member
from accounts.roles import Permission
from posting.compose import CannotCompose, cancel, compose, confirm, try_again
from posting.forms import PostForm
from posting.models import Post, PostResult
from tokens.models import SocialAccount

PAGE = 25
HTMX_STOP_POLLING = 286


@require_GET
@member(Permission.READ)
def post_list(request: MemberRequest) -> HttpResponse:
    """The team's posts, newest first."""
    page = Paginator(Post.objects.for_team(request.team), PAGE).get_page(request.GET.get("page"))
    return render(request, "posting/posts.html", {"page": page})


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def new_post(request: MemberRequest) -> HttpResponse:
    """The form; sent, it makes the post at once and never waits for a network."""
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    if request.method == "GET":
        return _form(request, PostForm(**who), 200)
    form = PostForm(request.POST, **who)
    if not form.is_valid():
        return _form(request, form, 422)
    data = form.cleaned_data
    try:
        post = compose(
            **who,
            text=data["text"],
            accounts=list(data["accounts"]),
            at=timezone.now(),
            due_at=data["when"],
            key=data["key"],
        )
    except CannotCompose as problem:
        for field, said in problem.problems.items():
            form.add_error(field, said)
        return _form(request, form, 422)
    return redirect("post", pk=post.pk)


@require_GET
@member(Permission.READ)
def post_page(request: MemberRequest, pk: int) -> HttpResponse:
    """One post, a line per account, every attempt."""
    context = {"post": _post(request, pk), "practice_url": settings.PRACTICE_URL}
    return render(request, "posting/post.html", context)


@require_GET
@member(Permission.READ)
def post_results(request: MemberRequest, pk: int) -> HttpResponse:
    """The lines alone, for the page to update itself; 286 tells htmx that nothing moves now."""
    post = _post(request, pk)
    status = 200 if post.moving else HTMX_STOP_POLLING
    return render(request, "posting/_results.html", {"post": post}, status=status)


@require_POST
@member(Permission.WRITE_POSTS)
def cancel_post(request: MemberRequest, pk: int) -> HttpResponse:
    """Stop what has not gone out."""
    stopped = cancel(_post(request, pk))
    words = f"Cancelled on {stopped} account(s)." if stopped else "It is too late to cancel."
    messages.info(request, words)
    return redirect("post", pk=pk)


@require_POST
@member(Permission.WRITE_POSTS)
def try_post_again(request: MemberRequest, pk: int) -> HttpResponse:
    """Another try of what failed; the history stays."""
    moved = try_again(_post(request, pk), timezone.now())
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
    confirm(_post(request, pk), result, there=there, at=timezone.now())
    return redirect("post", pk=pk)


def _form(request: MemberRequest, form: PostForm, status: int) -> HttpResponse:
    accounts = SocialAccount.objects.for_team(request.team)
    chosen = {str(value) for value in (form["accounts"].value() or [])}
    context = {"form": form, "accounts": accounts, "chosen": chosen}
    return render(request, "posting/new.html", context, status=status)


def _post(request: MemberRequest, pk: int) -> Post:
    results = PostResult.objects.select_related("account").prefetch_related("attempts_made")
    lines = Prefetch("results", results.order_by("provider", "pk"))
    posts = Post.objects.filter(team=request.team).select_related("author").prefetch_related(lines)
    return get_object_or_404(posts, pk=pk)
