"""The calendar and what is done from it: moved by hand or by words, and undone."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import activity
from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import calendar, undo
from posting.amend import Outrun, TooLate
from posting.calendar import Page
from posting.compose import CannotCompose
from posting.forms import Look, MoveForm
from posting.models import Label, Post, PostResult, Undoable
from posting.schedule import said
from posting.states import State
from posting.views.posts import note
from tokens.models import SocialAccount

IN_DRAWER = 12
PER_DAY = {"month": 3, "week": 8, "day": calendar.PER_DAY, "list": 3}
"""How many posts of a day are shown; behind the others stands the day itself."""
SHOWN_STATES = tuple(state for state in State if state is not State.QUEUED)


@require_GET
@member(Permission.READ)
def calendar_page(request: MemberRequest) -> HttpResponse:
    """A month, week, day or list of the team's posts, and the drafts without a day."""
    zone, at = ZoneInfo(request.user.time_zone), timezone.now()
    today = at.astimezone(zone).date()
    look = Look.of(request.GET, today)
    page = calendar.page(request.team, look.span, zone, look.chosen, PER_DAY[look.view])
    drafts = list(calendar.drawer(request.team, look.chosen)[: IN_DRAWER + 1])
    context = {
        "look": look,
        "page": page,
        "today": today,
        "at": at,
        "zone": zone,
        "hours": _hours(page, at) if look.view == "day" else [],
        "drafts": drafts[:IN_DRAWER],
        "more_drafts": len(drafts) > IN_DRAWER,
        "accounts": SocialAccount.objects.for_team(request.team),
        "labels": Label.objects.filter(team=request.team),
        "states": SHOWN_STATES,
    }
    return render(request, "posting/calendar.html", context)


@require_POST
@member(Permission.WRITE_POSTS)
def drag_post(request: MemberRequest, pk: int) -> HttpResponse:
    """A post was dropped on a day, an hour or a moment; a refusal says why."""
    post, at = _post(request, pk), timezone.now()
    zone = ZoneInfo(request.user.time_zone)
    try:
        to = calendar.dropped(post, request.POST.get("to", ""), zone, at)
        with transaction.atomic():
            act = undo.move(request.team, pk, to.at, at=at, seen=_seen(request))
            note(request, Kind.CHANGED, f"Moved to {said(to.at, zone, at)}", pk)
    except (CannotCompose, TooLate, Outrun) as problem:
        messages.warning(request, str(problem))
        return answer(request, 422 if isinstance(problem, CannotCompose) else 409)
    say_done(request, f"Moved to {said(to.at, zone, at)}. {to.warning}".strip(), act)
    return answer(request, 200)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def move_post(request: MemberRequest, pk: int) -> HttpResponse:
    """Another moment in words, with what was understood; `result` moves it on one account only."""
    post, at = _post(request, pk), timezone.now()
    how: dict[str, Any] = {"zone": ZoneInfo(request.user.time_zone), "at": at}
    if request.method == "GET":
        start = {"seen": post.version, "result": request.GET.get("result")}
        typed = {"when": request.GET["when"]} if request.GET.get("when") else None
        return _moving(request, post, MoveForm(typed, initial=start, **how), 200)
    form = MoveForm(request.POST, **how)
    if not form.is_valid() or request.POST.get("do") == "check":
        return _moving(request, post, form, 200 if form.is_valid() else 422)
    try:
        with transaction.atomic():
            act = _moved(request, post, form, at)
            note(request, Kind.CHANGED, f"Moved by “{form.cleaned_data['when']}”", pk)
    except CannotCompose as problem:
        form.add_error("when", str(problem))
        return _moving(request, post, form, 422)
    except (TooLate, Outrun) as problem:
        form.add_error(None, str(problem))
        return _moving(request, _post(request, pk), form, 409)
    assert form.moment  # noqa: S101 - it is valid
    say_done(request, f"Moved to {said(form.moment.at, how['zone'], at)}.", act)
    return redirect(back(request))


@require_POST
@member(Permission.WRITE_POSTS)
def undo_act(request: MemberRequest, token: uuid.UUID) -> HttpResponse:
    """Take the last act back, if it still can be."""
    try:
        with transaction.atomic():
            words, at = undo.undo(request.team, token, timezone.now()), timezone.now()
            activity.note(request.team, request.user, Kind.CHANGED, words, at)
        messages.info(request, words)
    except undo.CannotUndo as problem:
        messages.warning(request, str(problem))
    return redirect(back(request))


def back(request: MemberRequest) -> str:
    """The page of this site that somebody came from."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    if not asked:
        came = urlsplit(request.headers.get("Referer", ""))
        own = came.netloc == request.get_host()
        asked = came._replace(scheme="", netloc="").geturl() if own else ""
    safe = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if safe else reverse("calendar")


def say_done(request: MemberRequest, words: str, act: Undoable | None) -> None:
    """A message that offers to take it back."""
    tags = f"undo:{reverse('undo', args=[act.token])}" if act else ""
    messages.success(request, words, extra_tags=tags)


def answer(request: MemberRequest, status: int) -> HttpResponse:
    """What dragging is told: nothing but its messages; without a script, the page it came from."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=status)
    return redirect(back(request))


def _seen(request: MemberRequest) -> int | None:
    seen = request.POST.get("seen", "")
    return int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None


def _hours(page: Page, at: datetime) -> list[dict[str, Any]]:
    """The hours of a day with their posts; what is over is marked."""
    [day] = page.days
    begin = calendar.hours(day.day, page.zone)
    shown = [moment.astimezone(page.zone) for moment in begin]
    twice = Counter(local.hour for local in shown)

    def hour_of(post: Post) -> datetime:
        return max(moment for moment in begin if moment <= post.due_at)

    posts = {hour: list(found) for hour, found in groupby(day.posts, hour_of)}
    return [
        {
            "moment": moment,
            "named": local.tzname() if twice[local.hour] > 1 else "",
            "past": moment + calendar.HOUR <= at,
            "posts": posts.get(moment, []),
        }
        for moment, local in zip(begin, shown, strict=True)
    ]


def _moved(request: MemberRequest, post: Post, form: MoveForm, at: datetime) -> Undoable:
    """The whole post, or its result in one lane."""
    assert form.moment  # noqa: S101 - it is valid
    pk = form.cleaned_data["result"]
    if not pk:
        seen = form.cleaned_data["seen"]
        return undo.move(request.team, post.pk, form.moment.at, at=at, seen=seen)
    results = PostResult.objects.select_related("account__team").filter(post=post)
    return undo.put(get_object_or_404(results, pk=pk).account, pk, form.moment.at, at=at)


def _moving(request: MemberRequest, post: Post, form: MoveForm, status: int) -> HttpResponse:
    lane = next((r for r in post.results.all() if str(r.pk) == str(form["result"].value())), None)
    context = {"post": post, "form": form, "lane": lane, "back": back(request), "at": form.at}
    return render(request, "posting/move.html", context, status=status)


def _post(request: MemberRequest, pk: int) -> Post:
    lines = Prefetch("results", PostResult.objects.select_related("account").order_by("pk"))
    posts = Post.objects.kept(request.team).select_related("author").prefetch_related(lines)
    return get_object_or_404(posts, pk=pk)
