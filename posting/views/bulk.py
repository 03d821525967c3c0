"""Many posts at once: rehearsed where that was asked for, then done, and undone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import bulk, calendar, undo
from posting.bulk import How, Told
from posting.forms import BulkForm
from posting.models import Label
from posting.views.calendar import back, say_done
from posting.views.posts import note

REASONS = 3
ACTS = {
    "move": "moved",
    "cancel": "cancelled",
    "delete": "deleted",
    "again": "on the way again",
    "label": "labelled",
}
ORDERS = {
    "move": "Move",
    "cancel": "Cancel",
    "delete": "Delete",
    "again": "Try again",
    "label": "Label",
}

NOTED = {
    "move": (Kind.CHANGED, "Moved with others"),
    "cancel": (Kind.STOPPED, "Cancelled"),
    "delete": (Kind.STOPPED, "Deleted"),
    "again": (Kind.RELEASED, "Sent again"),
    "label": (Kind.CHANGED, "Labelled"),
}


@require_POST
@member(Permission.WRITE_POSTS)
def bulk_posts(request: MemberRequest) -> HttpResponse:
    """Move, cancel, delete, try again or label what was chosen; each is told what became of it."""
    zone, at = ZoneInfo(request.user.time_zone), timezone.now()
    form = BulkForm(request.POST, team=request.team, zone=zone, at=at)
    if not form.is_valid():
        posts = calendar.chosen_of(request.team, form.sent[: bulk.MOST])
        labels = Label.objects.filter(team=request.team)
        context = {"form": form, "posts": posts, "labels": labels, "back": back(request)}
        return render(request, "posting/bulk.html", context, status=422)
    if form.cleaned_data["check"]:
        return _rehearsed(request, form)
    told = _done(request, form)
    done = [one for one in told if one.done]
    if done:
        words = f"{_posts(len(done))} {ACTS[form.cleaned_data['do']]}."
        say_done(
            request,
            words,
            undo.join(request.team, [t.undo for t in done if t.undo], timezone.now()),
        )
    if left := {one.words: None for one in told if not one.done}:
        _say_left(request, len(told) - len(done), list(left))
    return redirect(back(request))


def _rehearsed(request: MemberRequest, form: BulkForm) -> HttpResponse:
    """What would become of each; nothing has changed, and a button does it."""
    told = _done(request, form, dry=True)
    can = [one.pk for one in told if one.done]
    act = form.cleaned_data["do"]
    context = {
        "form": form,
        "can": can,
        "posts": calendar.chosen_of(request.team, can[:REASONS]),
        "left": Counter(one.words for one in told if not one.done).most_common(),
        "would": f"{_posts(len(can))} would be {ACTS[act]}",
        "order": f"{ORDERS[act]} {_posts(len(can))}",
        "back": back(request),
    }
    return render(request, "posting/rehearsal.html", context)


def _done(request: MemberRequest, form: BulkForm, *, dry: bool = False) -> Sequence[Told]:
    data, team, at = form.cleaned_data, request.team, form.at
    kind, words = NOTED[data["do"]]
    how = How(dry, partial(note, request, kind, words))
    match data["do"]:
        case "move":
            return bulk.move(team, data["posts"], form.to, at, form.zone, how)
        case "cancel":
            return bulk.cancel(team, data["posts"], at, how)
        case "delete":
            return bulk.delete(team, data["posts"], at, how)
        case "again":
            return bulk.try_again(team, data["posts"], at, how)
    return bulk.label(team, data["posts"], data["label"], how)


def _posts(count: int) -> str:
    return f"{count} post{'s' * (count != 1)}"


def _say_left(request: MemberRequest, count: int, reasons: Sequence[str]) -> None:
    """How many stayed as they were, and the first reasons."""
    how = "they were" if count > 1 else "it was"
    messages.warning(request, f"{count} stayed as {how}: {' '.join(reasons[:REASONS])}")
