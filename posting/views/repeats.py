"""Repeats: what comes again and when, made, changed, paused, a day left out, and ended."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
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
from posting import repeats
from posting.amend import TooLate
from posting.forms import RepeatForm, blank_repeat, shown_repeat
from posting.library import templates_of
from posting.models import Post, Repeat
from posting.repeats import CannotRepeat
from posting.schedule import said
from posting.views.calendar import say_done
from tokens.models import SocialAccount

PAGE, SHOWN, LOOKED = 25, 3, 5


@require_GET
@member(Permission.READ)
def repeat_list(request: MemberRequest) -> HttpResponse:
    """What comes again, with its next three moments."""
    at = timezone.now()
    page = Paginator(repeats.of_team(request.team, at), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [_row(one, at) for one in page]}
    return render(request, "posting/repeats.html", context)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def new_repeat(request: MemberRequest) -> HttpResponse:
    """Let a text come again: that of a post, of a template, or a new one."""
    if request.method == "POST":
        return _sent(request, None)
    at, zone = timezone.now(), request.user.time_zone
    start = blank_repeat(zone, at.astimezone(ZoneInfo(zone)).date())
    left = False
    if post := _asked(Post.objects.kept(request.team), request.GET.get("post")):
        local = post.due_at.astimezone(ZoneInfo(zone))
        first = max(at.astimezone(ZoneInfo(zone)).date(), local.date() + timedelta(days=1))
        start = blank_repeat(zone, first, local.time().replace(second=0, microsecond=0))
        start |= {"texts": [post.text], "weekdays": [local.weekday()]}
        start["accounts"] = list(post.results.filter(part=0).values_list("account", flat=True))
        left = bool(post.link) or post.parts.exists() or post.attachments.exists()
    elif one := _asked(templates_of(request.team), request.GET.get("template")):
        start["texts"] = [one.text]
    form = RepeatForm(initial=start, team=request.team)
    return _page(request, form, None, 200, left=left)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def repeat_page(request: MemberRequest, pk: int) -> HttpResponse:
    """A repeat with all that can be changed of it."""
    repeat = _repeat(request, pk)
    if request.method == "POST":
        return _sent(request, repeat)
    form = RepeatForm(initial=shown_repeat(repeat), team=request.team)
    return _page(request, form, repeat, 200)


@require_POST
@member(Permission.WRITE_POSTS)
def look_repeat(request: MemberRequest) -> HttpResponse:
    """When it would come, and what should be known: a piece of the form's page."""
    form = RepeatForm(request.POST, team=request.team)
    form.is_valid()
    return render(request, "posting/_coming.html", _look(form, timezone.now()))


@require_POST
@member(Permission.WRITE_POSTS)
def switch_repeat(request: MemberRequest, pk: int) -> HttpResponse:
    """Pause it, let it go on, or end it."""
    repeat, at = _repeat(request, pk), timezone.now()
    with transaction.atomic():
        match request.POST.get("do"):
            case "pause":
                gone = repeats.pause(repeat, at)
                _say(request, repeat, Kind.STOPPED, "Paused", _withdrawn(gone))
            case "resume":
                repeats.resume(repeat, at)
                _say(request, repeat, Kind.RELEASED, "It goes on", "")
            case "end":
                gone = repeats.end(repeat, at)
                _say(request, repeat, Kind.STOPPED, "Ended", _withdrawn(gone))
            case _:
                raise Http404("no such answer")
    return redirect("repeats")


@require_POST
@member(Permission.WRITE_POSTS)
def skip_repeat(request: MemberRequest, pk: int, day: str) -> HttpResponse:
    """Leave one day out; undo brings it back."""
    repeat, at, when = _repeat(request, pk), timezone.now(), _day(day)
    words = f"{when:%a} {when.day} {when:%b} is left out."
    try:
        with transaction.atomic():
            act = repeats.skip(repeat, when, at)
            _note(request, repeat, Kind.STOPPED, words)
    except (CannotRepeat, TooLate) as problem:
        messages.warning(request, str(problem))
        return redirect("repeats")
    if act:
        say_done(request, words, act)
    else:
        where = reverse("unskip-repeat", args=[pk, day])
        messages.success(request, words, extra_tags=f"undo:{where}")
    return redirect("repeats")


@require_POST
@member(Permission.WRITE_POSTS)
def unskip_repeat(request: MemberRequest, pk: int, day: str) -> HttpResponse:
    """A day that was left out comes again."""
    done = repeats.unskip(_repeat(request, pk), _day(day), timezone.now())
    words = (
        "It comes again on that day." if done else "Nothing was changed: that day comes already."
    )
    messages.info(request, words)
    return redirect("repeats")


def _sent(request: MemberRequest, repeat: Repeat | None) -> HttpResponse:
    """What was asked for by the button that was pressed; none of them: keep it."""
    do = request.POST.get("do", "")
    way, _, number = do.partition(":")
    data = request.POST.copy()
    texts = data.getlist("text")
    if way == "more":
        data.setlist("text", [*texts, ""])
    elif way == "cut":
        data.setlist("text", [one for place, one in enumerate(texts) if str(place) != number])
    form = RepeatForm(data, team=request.team)
    if way in ("more", "cut", "look"):
        return _page(request, form, repeat, 200)
    if not form.is_valid():
        return _page(request, form, repeat, 422)
    try:
        return _kept(request, form, repeat)
    except CannotRepeat as problem:
        form.say(problem.problems)
        return _page(request, form, repeat, 409 if "" in problem.problems else 422)


def _kept(request: MemberRequest, form: RepeatForm, repeat: Repeat | None) -> HttpResponse:
    data, at = form.cleaned_data, timezone.now()
    assert form.chosen_rule  # noqa: S101 - it is valid
    what: dict[str, Any] = {"rule": form.chosen_rule, "texts": form.said_texts, "at": at}
    what["accounts"] = list(data["accounts"])
    with transaction.atomic():
        if repeat is None:
            made = repeats.begin(team=request.team, author=request.user, key=data["key"], **what)
            _say(request, made, Kind.WROTE, "Repeats from now on", "")
        else:
            repeats.change(repeat, seen=data["seen"] or 0, **what)
            more = "Posts changed by hand stay as they are."
            _say(request, repeat, Kind.CHANGED, "Changed", more)
    return redirect("repeats")


def _page(
    request: MemberRequest, form: RepeatForm, repeat: Repeat | None, status: int, **more: Any
) -> HttpResponse:
    at = timezone.now()
    looked = (form.is_bound and form.is_valid()) or not form.is_bound
    context = {
        "form": form,
        "repeat": repeat,
        "row": _row(repeat, at) if repeat else None,
        "accounts": SocialAccount.objects.for_team(request.team).select_related("token"),
        "chosen": {str(getattr(one, "pk", one)) for one in (form["accounts"].value() or [])},
        "zones": sorted(available_timezones()),
        **(_look(form, at) if looked and form.is_bound else {}),
        **more,
    }
    return render(request, "posting/repeat.html", context, status=status)


def _look(form: RepeatForm, at: datetime) -> dict[str, Any]:
    rule = form.chosen_rule
    if rule is None or form.errors:
        wrong = [str(words) for said in form.errors.values() for words in said]
        return {"looked": True, "unclear": wrong[:1]}
    zone = ZoneInfo(rule.zone)
    return {
        "looked": True,
        "words": repeats.described(rule),
        "coming": [said(moment, zone, at) for moment in repeats.preview(rule, at, LOOKED)],
        "warnings": repeats.warnings(rule, form.said_texts),
    }


def _row(repeat: Repeat, at: datetime) -> dict[str, Any]:
    """A repeat with its next moments, and the days that somebody left out."""
    today = at.date() - timedelta(days=1)
    gone = [
        one.day
        for one in repeat.occurrences.all()
        if one.post is None and one.day >= today and not repeat.ended_at
    ]
    zone = ZoneInfo(repeat.zone)
    return {
        "repeat": repeat,
        "coming": repeats.upcoming(repeat, at, SHOWN),
        "left_out": sorted(gone),
        "zone": zone,
    }


def _say(request: MemberRequest, repeat: Repeat, kind: Kind, words: str, more: str) -> None:
    quoted = Truncator(str(repeat)).chars(60)
    messages.success(request, f"{words}: “{quoted}”. {more}".strip())
    _note(request, repeat, kind, words)


def _note(request: MemberRequest, repeat: Repeat, kind: Kind, words: str) -> None:
    """Keep in the team's activity what was done to a repeat, named by its first words."""
    note = f"{words} (a repeat): “{Truncator(str(repeat)).chars(60)}”"
    where = reverse("repeat", args=[repeat.pk])
    activity.note(request.team, request.user, kind, note, timezone.now(), where)


def _withdrawn(count: int) -> str:
    if not count:
        return "Nothing had been made ahead."
    posts = "1 post that was made ahead is" if count == 1 else f"{count} posts made ahead are"
    return f"{posts} withdrawn."


def _day(words: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError:
        raise Http404("no such day") from None


def _asked(rows: Any, words: str | None) -> Any:
    number = words or ""
    fine = number.isascii() and number.isdigit() and len(number) < 18
    return rows.filter(pk=number).first() if fine else None


def _repeat(request: MemberRequest, pk: int) -> Repeat:
    return get_object_or_404(repeats.of_team(request.team, timezone.now()), pk=pk)
