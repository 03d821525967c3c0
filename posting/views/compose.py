"""The composer: write, look, split, save and send; the list of drafts. No script is needed."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import drafts, undo
from posting.amend import TooLate
from posting.compose import CannotCompose
from posting.drafts import Conflict, Content, NoDraft
from posting.forms import PART, PostFiles, PostForm, Received, SplitForm, received
from posting.library import templates_of
from posting.models import Post
from posting.preview import previews
from posting.rules import exported, wrong
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
    content = Content(text=found.text if found else asked.get("text", ""))
    form = PostForm(team=request.team, author=request.user, content=content)
    if when := asked.get("when"):
        form.initial["when"] = when[:80]
    return _page(request, form, PostFiles(prefix="media"), 200)


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
    form = PostForm(**who, draft=draft, content=content, media=content.media)
    return _page(request, form, PostFiles(prefix="media"), 200)


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
        act = undo.delete(request.team, draft.pk, at=timezone.now())
    except TooLate as problem:
        messages.warning(request, str(problem))
    else:
        say_done(request, "The draft is discarded.", act)
    return redirect("drafts")


@require_POST
@member(Permission.WRITE_POSTS)
def look_post(request: MemberRequest) -> HttpResponse:
    """How it will look on every network, when it goes out, and what is in the way: a piece."""
    form = _received(request, sending=False).form
    form.is_valid()
    return render(request, "posting/_look.html", _look(form))


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
        return _stepped(request, do)
    got = _received(request, sending=do != "save")
    if got.made and not got.made.draft:  # the same form has come before
        return tell(request, got.made.pk, [])
    if not got.form.is_valid() or not got.files.fine:
        return _page(request, got.form, got.files, 422)
    try:
        return _save(request, got) if do == "save" else _send(request, got, slot=do == "slot")
    except CannotCompose as problem:
        got.form.say(problem.problems)
        return _page(request, got.form, got.files, 422)
    except Conflict as problem:
        return _page(request, got.form, got.files, 409, conflict=problem)
    except NoDraft as problem:
        return _page(request, got.form, got.files, 409, gone=str(problem), fresh=uuid.uuid4())


def _save(request: MemberRequest, got: Received) -> HttpResponse:
    at = timezone.now()
    draft = drafts.keep(**_what(request, got, at))
    for words in got.form.warnings:
        messages.warning(request, words)
    messages.success(request, "Saved as a draft. Nothing of it goes out yet.")
    return redirect("draft", pk=draft.pk)


def _send(request: MemberRequest, got: Received, *, slot: bool) -> HttpResponse:
    at = timezone.now()
    post = drafts.send(**_what(request, got, at), next_slot=slot)
    if got.made or post.created_at == at:  # else the same form came twice
        note(request, Kind.WROTE, "Wrote", post.pk)
    return tell(request, post.pk, got.form.warnings)


def _what(request: MemberRequest, got: Received, at: datetime) -> dict[str, Any]:
    form = got.form
    who: dict[str, Any] = {"team": request.team, "author": request.user, "at": at}
    key = form.cleaned_data["key"]
    return {**who, "key": key, "content": form.content_now(), "seen": form.seen}


def _stepped(request: MemberRequest, do: str) -> HttpResponse:
    """The same form again after a step that saves nothing: split, another part, a file moved."""
    data, said = _step(request, do)
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    got = received(data, request.FILES, **who, sending=False)
    got.form.is_valid()
    if said:
        got.form.say({"text": said})
    return _page(request, got.form, got.files, 422 if said else 200, step=do)


def _step(request: MemberRequest, do: str) -> tuple[QueryDict, list[str]]:
    """What was typed, after a step with its words; and why it could not be done."""
    data = request.POST.copy()
    parts = data.getlist(PART)
    way, _, number = do.partition(":")
    if way == "more":
        data.setlist(PART, [*parts, ""])
    elif way == "cut":
        data.setlist(PART, [one for place, one in enumerate(parts) if str(place) != number])
    elif way == "split":
        form = SplitForm(data, team=request.team)
        made = _split(form)
        if made is None or not made.threads:
            errors = [str(words) for said in form.errors.values() for words in said]
            return data, errors or ["No chosen network can answer its own posts: shorten the text."]
        data["text"], *rest = max((thread.parts for thread in made.threads), key=len)
        data.setlist(PART, [*rest, *parts])
    return data, []


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


def _received(request: MemberRequest, *, sending: bool) -> Received:
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    return received(request.POST, request.FILES, **who, sending=sending)


def _look(form: PostForm) -> dict[str, Any]:
    """Previews and warnings of a form that was read; what is in the way, by field."""
    content = form.content_now()
    if not form.warnings:
        form.foresee()
    said = wrong(content.words, content.accounts) if content.accounts else {}
    missing = list(form.errors.get("when", ()))
    return {
        "previews": previews(content.words, content.accounts),
        "wrong": [words for sentences in said.values() for words in sentences],
        "warnings": [*missing, *form.warnings],
        "moment": form.moment,
        "zone": form.zone,
        "at": form.at,
    }


def _page(
    request: MemberRequest, form: PostForm, files: Any, status: int, step: str = "", **more: Any
) -> HttpResponse:
    accounts = SocialAccount.objects.for_team(request.team).select_related("token")
    chosen = {str(value) for value in (form["accounts"].value() or [])}
    begun = () if form.is_bound else form.content.media
    context = {
        "form": form,
        "rows": files.rows(begun, step),
        "accounts": accounts,
        "taken": ",".join(TAKEN),
        "chosen": chosen,
        "templates": [] if form.draft else templates_of(request.team),
        "action": reverse("draft", args=[form.draft.pk]) if form.draft else reverse("new-post"),
        **(_look(form) if form.is_bound and hasattr(form, "cleaned_data") else {}),
        **more,
    }
    return render(request, "posting/new.html", context, status=status)


def _numbers(words: str | None) -> list[int]:
    said = words or ""
    return [int(said)] if said.isascii() and said.isdigit() and len(said) < 18 else []
