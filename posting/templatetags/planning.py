"""What the calendar and the queue say about times, and why something stays where it is."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django import template

from posting import calendar, schedule
from posting.forms import Look
from posting.models import Post, PostResult, Slot
from posting.states import State
from posting.templatetags.wording import RESULTS, Wording

register = template.Library()


@register.filter
def why_fixed(post: Post) -> str:
    """Why it cannot be moved; "" if it can."""
    return calendar.why_fixed(post)


@register.filter
def lane_fixed(result: PostResult) -> str:
    """Why a result keeps its place in its lane; "" if it can be moved there."""
    if result.state != State.SCHEDULED:
        return RESULTS[State(result.state)].means.format(network="the network")
    if result.planned_at != result.due_at:
        return "It is being tried again, and keeps its time"
    return ""


@register.filter
def clock(value: datetime, zone: ZoneInfo) -> str:
    """ "09:00" on the clocks of a zone."""
    return f"{value.astimezone(zone):%H:%M}"


@register.filter
def as_typed(value: datetime, zone: ZoneInfo) -> str:
    """ "23 Nov 2026 09:00": as somebody may type it into the composer."""
    return f"{value.astimezone(zone):%-d %b %Y %H:%M}"


@register.filter
def local_day(value: datetime, zone: ZoneInfo) -> date:
    """The day of a moment on the clocks of a zone."""
    return value.astimezone(zone).date()


@register.filter
def said(value: datetime, zone: ZoneInfo) -> str:
    """ "Tue 24 Nov 09:00 Europe/Paris"."""
    return schedule.said(value, zone)


@register.filter
def ahead(value: datetime, at: datetime) -> str:
    """ "in 2 d 18 h"."""
    return schedule.ahead(value, at)


@register.filter
def offset(zone: ZoneInfo, at: datetime) -> str:
    """ "UTC+01:00": how far a zone is from UTC now."""
    words = f"{at.astimezone(zone):%z}"
    return f"UTC{words[:3]}:{words[3:]}"


@register.filter
def state_wording(state: str) -> Wording:
    """The badge of a state."""
    return RESULTS[State(state)]


@register.filter
def weekday(slot: Slot) -> str:
    """ "Monday"."""
    return schedule.LONG_DAYS[slot.weekday].title()


@register.simple_tag
def look_at(look: Look, **change: object) -> str:
    """The address of the calendar with a change; `selecting=""` ends the selection."""
    return look.query(**change)
