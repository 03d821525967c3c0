"""The pages of the accounts room: settings, a team's wishes, who did what, dismissing notices."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import activity
from accounts.access import (
    MemberRequest,
    choose_team,
    choose_zone,
    describe,
    member,
    want_mail,
    wish_late,
)
from accounts.activity import LABELS, Kind
from accounts.forms import ProfileForm, TeamForm, TeamZoneForm
from accounts.models import Notice, User
from accounts.notify import dismiss
from accounts.roles import Permission, may

MOST_DIGITS = 18


@require_POST
@member(Permission.READ)
def dismiss_notice(request: MemberRequest, pk: int) -> HttpResponse:
    """Somebody has read it; dismissed twice, it stays dismissed."""
    mine = Notice.objects.filter(team=request.team, pk=pk)
    if not dismiss(request.team, pk, timezone.now()) and not mine.exists():
        raise Http404("no such notice")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = settings.LOGIN_REDIRECT_URL
    return redirect(back)


@require_POST
@member(Permission.READ)
def switch_team(request: MemberRequest) -> HttpResponse:
    """Another team of one's own from now on; never by a link, which may come from anyone."""
    team = choose_team(request, _number(request.POST.get("team", "")) or 0)
    if team is None:
        raise Http404("no such team")
    messages.info(request, f"This is {team}.")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = settings.LOGIN_REDIRECT_URL
    return redirect(back)


@require_http_methods(["GET", "POST"])
@member(Permission.MANAGE_TEAM)
def team_page(request: MemberRequest) -> HttpResponse:
    """How late the team's posts may be, unless a post says otherwise."""
    form = TeamForm(request.POST or None, team=request.team)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            wish_late(request.team, *form.wish)
            _note(request, "Changed how late the team's posts may be")
        messages.success(request, "Saved. New posts begin with this; written ones keep theirs.")
        return redirect("team")
    status = 422 if form.errors else 200
    return render(request, "accounts/team.html", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@member(Permission.READ)
def settings_page(request: MemberRequest) -> HttpResponse:
    """A person's own settings, and the way to the team's."""
    form = ProfileForm(request.POST or None, person=request.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        describe(request.user, data["name"].strip(), data["time_zone"])
        want_mail(request.user, wants=data["wants_mail"])
        messages.success(request, f"Saved. Times are now shown in {data['time_zone']}.")
        return redirect("settings")
    return _settings(request, you=form)


@require_POST
@member(Permission.MANAGE_TEAM)
def team_zone(request: MemberRequest) -> HttpResponse:
    """Other clocks for the team's weekly slots."""
    form = TeamZoneForm(request.POST, team=request.team)
    if not form.is_valid():
        return _settings(request, team=form)
    zone = form.cleaned_data["time_zone"]
    with transaction.atomic():
        choose_zone(request.team, zone)
        _note(request, f"Changed the team's time zone to {zone}")
    messages.success(request, f"Saved. The team's weekly times are read in {zone}.")
    return redirect("settings")


@require_GET
@member(Permission.READ)
def activity_page(request: MemberRequest) -> HttpResponse:
    """Who did what in the team, newest first."""
    kind, person = request.GET.get("kind", ""), _number(request.GET.get("person", ""))
    before = _number(request.GET.get("before", ""))
    kind = kind if kind in LABELS else ""
    page = activity.read(request.team, person=person, kind=kind, before=before)
    people = User.objects.filter(memberships__team=request.team).order_by("name", "email")
    context = {"page": page, "people": people, "kinds": LABELS, "kind": kind, "person": person}
    return render(request, "accounts/activity.html", context | {"before": before})


def _settings(request: MemberRequest, **forms: Any) -> HttpResponse:
    """The page with what was typed; 422 where something of it is not right."""
    wrong = any(form.errors for form in forms.values())
    context = {
        "you": ProfileForm(person=request.user),
        "team": TeamZoneForm(team=request.team),
        "zones": sorted(available_timezones()),
        "manages": may(request.membership.role, Permission.MANAGE_TEAM),
        **forms,
    }
    return render(request, "accounts/settings.html", context, status=422 if wrong else 200)


def _number(words: str) -> int | None:
    return int(words) if words.isdecimal() and len(words) < MOST_DIGITS else None


def _note(request: MemberRequest, words: str) -> None:
    activity.note(request.team, request.user, Kind.SETTINGS, words, timezone.now())
