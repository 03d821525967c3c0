"""The queue: a lane per account with its slots of the next two weeks, and their order."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import activity
from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import calendar, enqueue, slots, undo
from posting.amend import TooLate
from posting.compose import CannotCompose
from posting.forms import SlotForm
from posting.models import PostResult, Slot
from posting.schedule import said
from posting.slots import NoSlot
from posting.views.calendar import answer, back, say_done
from posting.views.posts import note
from tokens.disconnect import pause, resume
from tokens.models import SocialAccount
from tokens.states import AccountState

DAYS, ALONE = 14, 60


@require_GET
@member(Permission.READ)
def queue_page(request: MemberRequest) -> HttpResponse:
    """What every account has ahead; `account` shows one alone."""
    return _page(request, 200)


@require_POST
@member(Permission.WRITE_POSTS)
def add_slots(request: MemberRequest, pk: int) -> HttpResponse:
    """Further places in the week of an account."""
    account, form = _account(request, pk), SlotForm(request.POST, auto_id=f"id_{pk}_%s")
    if not form.is_valid():
        return _page(request, 422, wrong=pk, form=form)
    data = form.cleaned_data
    try:
        with transaction.atomic():
            slots.add(account, data["weekdays"], data["wall_time"], data["zone"])
            _note(request, Kind.SETTINGS, f"Added weekly slots for {account}")
    except NoSlot as problem:
        form.add_error(None, str(problem))
        return _page(request, 422, wrong=pk, form=form)
    messages.success(request, f"Slots added for {account}.")
    return redirect(_opened(request, pk))


@require_POST
@member(Permission.WRITE_POSTS)
def remove_slot(request: MemberRequest, pk: int) -> HttpResponse:
    """A place less in the week; what is planned in it keeps its time."""
    slot = get_object_or_404(Slot.objects.for_team(request.team).select_related("account"), pk=pk)
    with transaction.atomic():
        slots.remove(request.team, pk)
        _note(request, Kind.SETTINGS, f"Removed a weekly slot of {slot.account}")
    messages.info(request, "The slot is gone. What is planned in it keeps its time.")
    return redirect(_opened(request, slot.account_id))


@require_POST
@member(Permission.WRITE_POSTS)
def shuffle_queue(request: MemberRequest, pk: int) -> HttpResponse:
    """Mix what waits in the slots of an account."""
    account = _account(request, pk)
    with transaction.atomic():
        act = undo.shuffle(account, secrets.randbits(32), at=timezone.now())
        if act.before["posts"]:
            _note(request, Kind.CHANGED, f"Shuffled the queue of {account}")
    if act.before["posts"]:
        say_done(request, f"The queue of {account} is shuffled.", act)
    else:
        messages.info(request, "Nothing changed its place: too little waits in these slots.")
    return redirect(back(request))


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
def switch_queue(request: MemberRequest, pk: int) -> HttpResponse:
    """Pause an account or resume it; what is due while it is paused waits."""
    account = _account(request, pk)
    with transaction.atomic():
        match request.POST.get("do"):
            case "pause":
                done, words = pause(account), f"{account} is paused: what is due waits."
            case "resume":
                done, words = resume(account), f"{account} goes on."
            case _:
                raise Http404("no such answer")
        if done:
            _note(request, Kind.PAUSED, words)
    if done:
        messages.success(request, words)
    else:
        messages.warning(request, f"Nothing was changed: {account} stands differently now.")
    return redirect(back(request))


@require_POST
@member(Permission.WRITE_POSTS)
def drag_result(request: MemberRequest, pk: int) -> HttpResponse:
    """What waits in a lane was dropped on another place of it."""
    mine = PostResult.objects.for_team(request.team).select_related("account__team", "post")
    result, at = get_object_or_404(mine, pk=pk), timezone.now()
    zone = ZoneInfo(request.user.time_zone)
    try:
        to = calendar.dropped(result.post, request.POST.get("to", ""), zone, at)
        with transaction.atomic():
            act = undo.put(result.account, pk, to.at, at=at)
            note(request, Kind.CHANGED, f"Moved to {said(to.at, zone, at)}", result.post_id)
    except (CannotCompose, TooLate) as problem:
        messages.warning(request, str(problem))
        return answer(request, 422 if isinstance(problem, CannotCompose) else 409)
    say_done(request, f"Moved to {said(to.at, zone, at)}.", act)
    return answer(request, 200)


def _page(
    request: MemberRequest, status: int, wrong: int = 0, form: SlotForm | None = None
) -> HttpResponse:
    """Every lane; the form of the account `wrong` as it was typed."""
    at, zone = timezone.now(), ZoneInfo(request.user.time_zone)
    every = list(SocialAccount.objects.for_team(request.team))
    one = request.GET.get("account", "")
    shown = [account for account in every if str(account.pk) == one] or every
    coming = slots.next_each(shown, at)
    places: dict[int, list[Slot]] = slots.of_accounts(shown)
    lanes: list[dict[str, Any]] = [
        {
            "line": line,
            "next": coming[line.account.pk],
            "slots": sorted(places[line.account.pk], key=lambda s: (s.weekday, s.wall_time)),
            "paused": line.account.state == AccountState.PAUSED,
            "can_pause": line.account.state == AccountState.CONNECTED,
            "form": form if form and line.account.pk == wrong else _empty(line.account.pk),
            "open": str(line.account.pk) in (str(wrong), request.GET.get("open")),
        }
        for line in enqueue.lines(shown, at, DAYS, enqueue.SHOWN if len(shown) > 1 else ALONE)
    ]
    lanes.sort(key=lambda lane: not (lane["line"].has_slots or lane["line"].places))
    context = {"lanes": lanes, "accounts": every, "one": one, "zone": zone, "at": at, "days": DAYS}
    context["zones"] = sorted(available_timezones())
    return render(request, "posting/queue.html", context, status=status)


def _note(request: MemberRequest, kind: Kind, words: str) -> None:
    path = reverse("queue")
    activity.note(request.team, request.user, kind, words, timezone.now(), path)


def _opened(request: MemberRequest, pk: int) -> str:
    """The queue as it was looked at, with the slots of this account open for the next change."""
    way = urlsplit(back(request))
    asked = QueryDict(way.query if way.path == reverse("queue") else "", mutable=True)
    asked["open"] = str(pk)
    return f"{reverse('queue')}?{asked.urlencode()}#slots-{pk}"


def _empty(pk: int) -> SlotForm:
    return SlotForm(auto_id=f"id_{pk}_%s")


def _account(request: MemberRequest, pk: int) -> SocialAccount:
    mine = SocialAccount.objects.for_team(request.team).select_related("team")
    return get_object_or_404(mine, pk=pk)
