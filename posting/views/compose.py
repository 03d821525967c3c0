"""The composer: write, look, split, save and send; the list of drafts. No script is needed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import drafts, slots, undo
from posting.amend import TooLate
from posting.compose import CannotCompose
from posting.drafts import Conflict, Content, NoDraft
from posting.forms import PART, PostFiles, PostForm, Received, SplitForm, received
from posting.library import templates_of
from posting.models import Post, Upload
from posting.preview import previews
from posting.rules import exported, wrong
from posting.schedule import Moment, said
from posting.sniff import TAKEN
from posting.split import CannotSplit, Split, split, told
from posting.views.calendar import say_done
from posting.views.posts import note, tell
from tokens.models import SocialAccount

PAGE = 20


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def new_post(request: MemberRequest) -> HttpResponse:
    """The form; sent, it makes a post or a draft at once and never waits for a network."""
    if request.method == "POST":
        return _answer(request)
    asked = request.GET
    found = templates_of(request.team).filter(pk__in=_numbers(asked.get("template"))).first()
    ready = Upload.objects.for_team(request.team).ready()
    files = tuple((one, one.alt) for one in ready.filter(pk__in=_numbers(asked.get("file"))))
    wanted = SocialAccount.objects.for_team(request.team).filter(
        pk__in=[pk for words in asked.getlist("account") for pk in _numbers(words)]
    )
    text = found.text if found else asked.get("text", "")
    content = Content(text=text, accounts=tuple(wanted), media=files)
    form = PostForm(team=request.team, author=request.user, content=content)
    if when := asked.get("when"):
        form.initial["when"] = when[:80]
    return composer(request, form, PostFiles(prefix="media"), 200)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def draft_page(request: MemberRequest, pk: int) -> HttpResponse:
    """A draft in the same form; one that has been scheduled leads to its post."""
    draft = get_object_or_404(Post.objects.filter(team=request.team), pk=pk)
    if request.method == "POST":  # of one that was discarded meanwhile, too: nothing typed is lost
        return _answer(request)
    if draft.deleted_at:
        raise Http404("discarded")
    if not draft.draft:
        return redirect("post", pk=pk)
    content = drafts.content_of(draft)
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    form = PostForm(**who, draft=draft, content=content)
    return composer(request, form, PostFiles(prefix="media"), 200)


@require_GET
@member(Permission.WRITE_POSTS)
def draft_list(request: MemberRequest) -> HttpResponse:
    """What somebody writes and nobody has scheduled, what was saved last first."""
    page = Paginator(drafts.of_team(request.team), PAGE).get_page(request.GET.get("page"))
    rows = [(draft, uuid.uuid4()) for draft in page]
    return render(request, "posting/drafts.html", {"page": page, "rows": rows})


@require_POST
@member(Permission.WRITE_POSTS)
def discard_draft(request: MemberRequest, pk: int) -> HttpResponse:
    """Put a draft away; undo brings it back."""
    draft = get_object_or_404(Post.objects.drafts(request.team), pk=pk)
    try:
        with transaction.atomic():
            act = undo.delete(request.team, draft.pk, at=timezone.now())
            note(request, Kind.STOPPED, "Discarded a draft", draft.pk)
    except TooLate as problem:
        messages.warning(request, str(problem))
    else:
        say_done(request, "The draft is discarded.", act)
    return redirect("drafts")


@require_POST
@member(Permission.WRITE_POSTS)
def look_post(request: MemberRequest) -> HttpResponse:
    """How it will look on every network, when it goes out, and what is in the way: a piece."""
    form = arrived(request, sending=False).form
    form.is_valid()
    piece = {**_look(form, form.content_now()), "piece": True}
    return render(request, "posting/_look.html", piece)


@require_GET
@member(Permission.READ)
def rules_table(request: MemberRequest) -> HttpResponse:
    """What every network takes, for the counters of the pages; asked again, only if it changed."""
    body, tag = exported(SocialAccount.objects.for_team(request.team))
    answer = HttpResponse(body, content_type="application/json")
    answer["ETag"], answer["Cache-Control"] = tag, "private, no-cache"
    return get_conditional_response(request, etag=tag, response=answer) or answer


@require_POST
@member(Permission.WRITE_POSTS)
def split_text(request: MemberRequest) -> HttpResponse:
    """A long text as the parts of a thread: a piece of a page for htmx, JSON for everyone else."""
    form = SplitForm(request.POST, team=request.team)
    made = _split(form)
    status = 422 if made is None else 200
    if request.headers.get("HX-Request"):
        said = {"split": made, "errors": form.errors}
        return render(request, "posting/_split.html", said, status=status)
    if made is None:
        return JsonResponse({"errors": form.errors}, status=status)
    return JsonResponse(told(made))


def _answer(request: MemberRequest) -> HttpResponse:
    """What was asked for by the button that was pressed; none of them: it is to go out."""
    do = request.POST.get("do", "")
    if do and do not in {"post", "slot", "save"}:
        return stepped(request, do)
    got = arrived(request, sending=do != "save")
    if got.made and not got.made.draft:  # the same form has come before
        return tell(request, got.made.pk, [])
    if not got.form.is_valid() or not got.files.fine:
        return composer(request, got.form, got.files, 422)
    try:
        return _save(request, got) if do == "save" else _send(request, got, slot=do == "slot")
    except CannotCompose as problem:
        got.form.say(problem.problems)
        return composer(request, got.form, got.files, 422)
    except Conflict as problem:
        return composer(request, got.form, got.files, 409, conflict=problem)
    except NoDraft as problem:
        return composer(request, got.form, got.files, 409, gone=str(problem), fresh=uuid.uuid4())


def _save(request: MemberRequest, got: Received) -> HttpResponse:
    at = timezone.now()
    with transaction.atomic():
        draft = drafts.keep(**_what(request, got, at))
        if draft.saved_at == at:  # else nothing was new in it
            note(request, Kind.WROTE, "Saved a draft", draft.pk)
    for words in got.form.warnings:
        messages.warning(request, words)
    messages.success(request, "Saved as a draft. Nothing of it goes out yet.")
    return redirect("draft", pk=draft.pk)


def _send(request: MemberRequest, got: Received, *, slot: bool) -> HttpResponse:
    at = timezone.now()
    with transaction.atomic():
        post = drafts.send(**_what(request, got, at), next_slot=slot)
        if got.made or post.created_at == at:  # else the same form came twice
            note(request, Kind.WROTE, "Wrote", post.pk)
    return tell(request, post.pk, got.form.warnings)


def _what(request: MemberRequest, got: Received, at: datetime) -> dict[str, Any]:
    form = got.form
    who: dict[str, Any] = {"team": request.team, "author": request.user, "at": at}
    key = form.cleaned_data["key"]
    return {**who, "key": key, "content": form.content_now(), "seen": form.seen}


def stepped(request: MemberRequest, do: str, waiting: Post | None = None) -> HttpResponse:
    """The same form again after a step that saves nothing: split, another part, a file moved."""
    data, said = _step(request, do)
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    got = received(data, request.FILES, **who, sending=False, waiting=waiting)
    got.form.is_valid()
    if said:
        got.form.say({"text": said})
    return composer(request, got.form, got.files, 422 if said else 200, step=do)


def _step(request: MemberRequest, do: str) -> tuple[QueryDict, list[str]]:
    """What was typed, after a step with its words; and why it could not be done."""
    data = request.POST.copy()
    parts = data.getlist(PART)
    way, _, number = do.partition(":")
    if way == "more":
        data.setlist(PART, [*parts, ""])
    elif way == "cut":
        data.setlist(PART, [one for place, one in enumerate(parts) if str(place) != number])
        _move_files(data, gone=sum(_numbers(number), 1))
    elif way == "split":
        form = SplitForm(data, team=request.team)
        made = _split(form)
        if made is None or not made.threads:
            errors = [str(words) for said in form.errors.values() for words in said]
            return data, errors or ["No chosen network can answer its own posts: shorten the text."]
        data["text"], *rest = max((thread.parts for thread in made.threads), key=len)
        data.setlist(PART, [*rest, *parts])
        _move_files(data, more=len(rest))
    return data, []


def _move_files(data: QueryDict, gone: int = 0, more: int = 0) -> None:
    """Files stay with their part when another one is taken away or `more` come before all.

    Those of a part that is `gone` go with the text.
    """
    for name in [name for name in data if name.startswith("media-") and name.endswith("-part")]:
        for part in _numbers(str(data[name])):
            if gone and part >= gone:
                data[name] = "" if part == gone else str(part - 1)
            elif part and more:
                data[name] = str(part + more)


def _split(form: SplitForm) -> Split | None:
    if not form.is_valid():
        return None
    data = form.cleaned_data
    accounts, how = list(data["accounts"]), {k: data[k] for k in ("number", "apart")}
    try:
        return split(data["text"], accounts, **how)
    except CannotSplit as problem:
        form.add_error("text", str(problem))
    return None


def arrived(request: MemberRequest, *, sending: bool, waiting: Post | None = None) -> Received:
    """The form that was sent; `waiting`: the post that it is to change."""
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    return received(request.POST, request.FILES, **who, sending=sending, waiting=waiting)


def _look(form: PostForm, content: Content) -> dict[str, Any]:
    """Previews and warnings of what stands in a form; what is in the way, by field."""
    if not form.warnings:
        form.foresee(content)
    refused = wrong(content.words, content.accounts) if content.accounts else {}
    missing = list(form.errors.get("when", ())) if form.is_bound else []
    return {
        "previews": previews(content.words, content.accounts),
        "wrong": [words for sentences in refused.values() for words in sentences],
        "warnings": [*missing, *form.warnings],
        "moment": form.moment or (Moment(content.wish) if content.wish else None),
        "zone": form.zone,
        "at": form.at,
        "free": _free(content.accounts, form),
    }


def _free(accounts: Sequence[SocialAccount], form: PostForm) -> str:
    """Which slot the button takes, in words; "" where no account is chosen."""
    found = slots.next_each(accounts, form.at, form.waiting)
    if lost := [str(account) for account in accounts if found[account.pk] is None]:
        return f"No free slot: {', '.join(lost)}. Add slots under Queue."
    moments = {moment for moment in found.values() if moment is not None}
    if len(moments) < 2:
        return "".join(f"Next free slot: {said(m, form.zone, form.at)}" for m in moments)
    each = (
        f"{account} {said(moment, form.zone, form.at)}"
        for account in accounts
        if (moment := found[account.pk])
    )
    return f"Next free slots: {'; '.join(each)}"


def composer(
    request: MemberRequest, form: PostForm, files: Any, status: int, step: str = "", **more: Any
) -> HttpResponse:
    """The page on which everything is written: a new post, a draft, or a post that waits."""
    accounts = SocialAccount.objects.of_posts(request.team, form.kept).select_related("token")
    begun = () if form.is_bound else (form.content.media, *form.content.part_media)
    read = form.content_now() if hasattr(form, "cleaned_data") else None
    content = read if form.is_bound else form.content
    context = {
        "form": form,
        "rows": files.rows(begun, step),
        "accounts": accounts,
        "taken": ",".join(TAKEN),
        "chosen": {str(value) for value in (form["accounts"].value() or [])},
        "kept": form.kept,
        "templates": [] if form.draft or form.waiting else templates_of(request.team),
        "action": _action(form),
        **(_look(form, content) if content else {}),
        **more,
    }
    return render(request, "posting/new.html", context, status=status)


def _action(form: PostForm) -> str:
    if form.waiting:
        return reverse("edit-post", args=[form.waiting.pk])
    return reverse("draft", args=[form.draft.pk]) if form.draft else reverse("new-post")


def _numbers(words: str | None) -> list[int]:
    said = words or ""
    return [int(said)] if said.isascii() and said.isdigit() and len(said) < 18 else []
