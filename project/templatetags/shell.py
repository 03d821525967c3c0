"""What the shell shows: the way around, the clock, and the buttons that undo."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import template
from django.contrib.messages.storage.base import Message
from django.template import Context
from django.utils import timezone

from accounts.access import memberships
from project import nav

register = template.Library()
UNDO = "undo:"
TONES = {"error": "bad", "warning": "warn", "success": "ok"}
PICTURES = {"bad": "alert", "warn": "alert", "ok": "check", "wait": "clock", "off": "ban"}
# Everything that can be done with a key, for the list behind "?".
KEYS = (
    ("N", "New post"), ("H", "Home"), ("C", "Calendar"), ("Q", "Queue"), ("P", "Posts"),
    ("A", "Accounts"), ("T", "Today, in the calendar"), ("M", "Month"), ("W", "Week"),
    ("D", "Day"), ("F", "Filter the list of posts"), ("/", "Search on this page, or everywhere"),
    ("Ctrl K", "Go anywhere"),
    ("Ctrl Enter", "Send what you are writing"), ("Ctrl S", "Save it"),
    ("Ctrl Z", "Undo, while the offer stands"), ("Esc", "Close"), ("?", "This list"),
)  # fmt: skip


@register.simple_tag(takes_context=True)
def way_around(context: Context) -> dict[str, Any]:
    """The entries of the rail, those of the phone's bar, what the bar leaves out, and New post."""
    request = context["request"]
    found = list(nav.entries(request))
    bar = [entry for entry in found if entry.place.bar][:3]
    rest = [entry for entry in found if entry not in bar]
    new = nav.entry_of(request, nav.NEW)
    teams = [membership.team for membership in memberships(request.user)]
    others = teams if len(teams) > 1 else []
    return {"rail": found, "bar": bar, "rest": rest, "new": new, "keys": KEYS, "teams": others}


@register.simple_tag(takes_context=True)
def clock(context: Context) -> dict[str, Any]:
    """What time it is for the reader, and in which zone."""
    name = getattr(getattr(context.get("request"), "user", None), "time_zone", "") or "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        name, zone = "UTC", ZoneInfo("UTC")
    now = timezone.now()
    return {"now": now.astimezone(zone).strftime("%H:%M"), "zone": name, "iso": now.isoformat()}


@register.filter
def message_tone(message: Message) -> str:
    """The tone of a message, by its level."""
    return TONES.get(message.level_tag, "move")


@register.filter
def tone_icon(tone: str) -> str:
    """The drawing that says the same as a tone."""
    return PICTURES.get(tone, "info")


@register.filter
def undo_url(message: Message) -> str:
    """Where the button that undoes leads: of `extra_tags="undo:/posts/undo/…/"`; "" for none."""
    tags = message.extra_tags or ""
    return tags.removeprefix(UNDO) if tags.startswith(UNDO) else ""
