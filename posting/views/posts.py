"""The pages of the posting room: the list, the form, one post with all that happened to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.forms import Form
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import MemberRequest, member
from accounts.roles import Permission
from posting import lateness
from posting.amend import Outrun, TooLate, edit, standing_in_the_way
from posting.compose import CannotCompose, cancel, compose, confirm, send_all_late, try_again
from posting.forms import EditForm, PostForm, SplitForm
from posting.models import Post, PostResult
from posting.rules import exported
from posting.split import CannotSplit, split, told
from posting.states import State
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
    if made := form.made:
        return _told(request, made.pk, [])
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
            late=form.lateness,
            key=data["key"],
        )
    except CannotCompose as problem:
        _say(form, problem)
        return _form(request, form, 422)
    return _told(request, post.pk, form.warnings)


@require_GET
@member(Permission.READ)
def rules_table(request: MemberRequest) -> HttpResponse:
    """What every network takes, for the counters of the pages; asked again, only if it changed."""
    body, tag = exported()
    answer = HttpResponse(body, content_type="application/json")
    answer["ETag"], answer["Cache-Control"] = tag, "private, no-cache"
    return get_conditional_response(request, etag=tag, response=answer) or answer


@require_POST
@member(Permission.WRITE_POSTS)
def split_text(request: MemberRequest) -> HttpResponse:
    """A long text as the parts of a thread: a piece of a page for htmx, JSON for everyone else."""
    form = SplitForm(request.POST, team=request.team)
    made = None
    if form.is_valid():
        data = form.cleaned_data
        accounts, how = list(data["accounts"]), {k: data[k] for k in ("number", "apart")}
        try:
            made = split(data["text"], accounts, **how)
        except CannotSplit as problem:
            form.add_error("text", str(problem))
    status = 422 if made is None else 200
    if request.headers.get("HX-Request"):
        said = {"split": made, "errors": form.errors}
        return render(request, "posting/_split.html", said, status=status)
    if made is None:
        return JsonResponse({"errors": form.errors}, status=status)
    return JsonResponse(told(made))


@require_GET
@member(Permission.READ)
def post_page(request: MemberRequest, pk: int) -> HttpResponse:
    """One post, a line per account, every attempt."""
    return _page(request, pk, 200)


@require_GET
@member(Permission.READ)
def post_results(request: MemberRequest, pk: int) -> HttpResponse:
    """The lines alone, for the page to update itself; 286 tells htmx that nothing moves now."""
    post = _post(request, pk)
    status = 200 if post.moving else HTMX_STOP_POLLING
    return render(request, "posting/_results.html", {"post": post}, status=status)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def edit_post(request: MemberRequest, pk: int) -> HttpResponse:
    """Another text or moment for what has not begun to go out; 409 when it is too late."""
    post, at = _post(request, pk), timezone.now()
    if request.method == "GET":
        form = EditForm(post=post, person=request.user)
        return _editing(request, post, form, 200 if post.can_edit else 409)
    form = EditForm(request.POST, post=post, person=request.user)
    if not form.is_valid():
        return _editing(request, post, form, 422)
    data, moment = form.cleaned_data, form.moment(at)
    text = None if data["text"] == post.text else data["text"]
    late = None if form.lateness == form.late else form.lateness
    try:
        edit(post, seen=data["version"], at=at, text=text, due_at=moment, late=late)
    except CannotCompose as problem:
        _say(form, problem)
        return _editing(request, post, form, 422)
    except (TooLate, Outrun) as problem:
        form.add_error(None, str(problem))
        return _editing(request, _post(request, pk), form, 409)
    messages.success(request, "Saved. What goes out from now on is what stands here.")
    return _told(request, pk, form.warnings)


@require_POST
@member(Permission.WRITE_POSTS)
def cancel_post(request: MemberRequest, pk: int, result: int | None = None) -> HttpResponse:
    """Stop what has not gone out, everywhere or on one account; 409 when it is too late."""
    stopped = cancel(_post(request, pk), result)
    where = standing_in_the_way(list(_post(request, pk).results.all()))
    if stopped:
        messages.info(request, f"Cancelled on {stopped} account(s). {where}".strip())
        return redirect("post", pk=pk)
    messages.warning(request, f"It is too late to cancel. {where}".strip())
    return _page(request, pk, 409)


@require_POST
@member(Permission.WRITE_POSTS)
def skip_late(request: MemberRequest, pk: int) -> HttpResponse:
    """What could not go out in time is not to go out any more."""
    skipped = lateness.skip(_post(request, pk).results.filter(state=State.HELD))
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
    match request.POST.get("answer"):
        case "send":
            words = f"{send_all_late(request.team, timezone.now())} on their way, oldest first."
        case "skip":
            words = f"{lateness.skip(late)} skipped."
        case _:
            raise Http404("no such answer")
    messages.info(request, words)
    return redirect("posts")


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


def _page(request: MemberRequest, pk: int, status: int) -> HttpResponse:
    context = {"post": _post(request, pk), "practice_url": settings.PRACTICE_URL}
    return render(request, "posting/post.html", context, status=status)


def _editing(request: MemberRequest, post: Post, form: EditForm, status: int) -> HttpResponse:
    where = standing_in_the_way(list(post.results.all()))
    context = {"form": form, "post": post, "where": where}
    return render(request, "posting/edit.html", context, status=status)


def _say(form: Form, problem: CannotCompose) -> None:
    """Each complaint at its field."""
    for field, said in problem.problems.items():
        form.add_error(field if field in form.fields else None, said)


def _told(request: MemberRequest, pk: int, warnings: Iterable[str]) -> HttpResponse:
    """To the post, with what its author should know."""
    for words in warnings:
        messages.warning(request, words)
    return redirect("post", pk=pk)


def _form(request: MemberRequest, form: PostForm, status: int) -> HttpResponse:
    accounts = SocialAccount.objects.for_team(request.team).select_related("token")
    chosen = {str(value) for value in (form["accounts"].value() or [])}
    context = {"form": form, "accounts": accounts, "chosen": chosen}
    return render(request, "posting/new.html", context, status=status)


def _post(request: MemberRequest, pk: int) -> Post:
    results = PostResult.objects.select_related("account").prefetch_related("attempts_made")
    lines = Prefetch("results", results.order_by("provider", "account", "part"))
    posts = Post.objects.filter(team=request.team).select_related("author").prefetch_related(lines)
    return get_object_or_404(posts, pk=pk)
