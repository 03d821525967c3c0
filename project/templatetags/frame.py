"""What every page shows alike: moments with their zone, networks' marks, icons, who may do what."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince, timeuntil

import providers
from accounts.models import Membership
from accounts.roles import Permission
from accounts.roles import may as role_may

register = template.Library()
PLAIN_COLOUR = "#6b6259"
MINUTE = 60
# Drawn on a 24 × 24 grid with a round 2-unit pen.
ICONS = {
    "add": "M12 5v14M5 12h14",
    "alert": "M12 9v4M12 17h.01M10.3 4 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4"
    "a2 2 0 0 0-3.4 0Z",
    "back": "M19 12H5M11 6l-6 6 6 6",
    "ban": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM5.7 5.7l12.6 12.6",
    "calendar": "M5 5.5h14a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6.5a1 1 0 0 1 1-1Z"
    "M4 10h16"
    "M8 3.5v4M16 3.5v4",
    "check": "m4.5 12.5 5 5 10-11",
    "clock": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7v5l3.5 2",
    "cross": "M6 6l12 12M18 6 6 18",
    "down": "m6 9.5 6 6 6-6",
    "draft": "M6 3h8l5 5v12a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM14 3v5h5M9 13h6M9 17h4",
    "eye": "M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12ZM12 9.5a2.5 2.5 0 1 0 0 5"
    " 2.5 2.5 0 0 0 0-5Z",
    "filter": "M4 6h16M7 12h10M10 18h4",
    "flag": "M5 21V4M5 4.5c4-2.5 8 2.5 14 0v9c-6 2.5-10-2.5-14 0",
    "gauge": "M4.5 18a9 9 0 1 1 15 0M12 14l4-5M12 14h.01",
    "gear": "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM12 2.5v3M12 18.5v3M2.5 12h3M18.5 12h3"
    "M5.3 5.3l2.1 2.1"
    "M16.6 16.6l2.1 2.1M18.7 5.3l-2.1 2.1M7.4 16.6l-2.1 2.1",
    "grip": "M9 5.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2ZM15 5.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2Z"
    "M9 11.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2ZM15 11.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2Z"
    "M9 17.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2ZM15 17.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2Z",
    "help": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8"
    "M12 17h.01",
    "home": "M4 11 12 4l8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
    "hourglass": "M6 3h12M6 21h12M7.5 3v3.5L12 12l4.5-5.5V3M7.5 21v-3.5L12 12l4.5 5.5V21",
    "info": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 11v5.5M12 7.5h.01",
    "key": "M8 11.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM11.2 12.8 20 4M16 8l3 3",
    "leave": "M14 4h5a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-5M10 8l-4 4 4 4M6 12h9",
    "list": "M4 6h16M4 12h16M4 18h10",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "moon": "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
    "more": "M5.5 11.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2ZM12 11.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2Z"
    "M18.5 11.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2Z",
    "next": "m9.5 6 6 6-6 6",
    "open": "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
    "pause": "M8.5 5v14M15.5 5v14",
    "pen": "M4 20h4L19.5 8.5a2.8 2.8 0 0 0-4-4L4 16v4ZM13.5 6.5l4 4",
    "people": "M9 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6"
    "M16 4.8a3.5 3.5 0 0 1 0 6.4M18.5 14.6c1.9.9 3 2.9 3 5.4",
    "person": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM4.5 20.5c0-4 3.4-6 7.5-6s7.5 2 7.5 6",
    "picture": "M5 4.5h14a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1Z"
    "M4 17l5-5 4 4"
    " 3-3 4 4M15.5 8.5h.01",
    "play": "M7.5 4.5v15L19 12 7.5 4.5Z",
    "previous": "m14.5 6-6 6 6 6",
    "pulse": "M3 12h4l3-7.5 4 15 3-7.5h4",
    "queue": "M4 6h11M4 12h11M4 18h7M19 5v14M16 16l3 3 3-3",
    "renew": "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.4M20 4.5v4.9h-4.9",
    "repeat": "M17 3l3.5 3.5L17 10M20 6.5H8a4 4 0 0 0-4 4V12M7 21l-3.5-3.5L7 14"
    "M4 17.5h12a4 4 0 0 0 4-4V12",
    "search": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20.5 20.5",
    "send": "M21 3 3 10.5l7 3.5 3.5 7L21 3ZM10 14l4.5-4.5",
    "sun": "M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM12 2v2M12 20v2M2 12h2M20 12h2"
    "M4.9 4.9l1.4 1.4"
    "M17.7 17.7l1.4 1.4M19.1 4.9l-1.4 1.4M6.3 17.7l-1.4 1.4",
    "screen": "M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1ZM9 21h6"
    "M12 17v4",
    "tag": "M4 4h8l8.5 8.5-8 8L4 12V4ZM8 8h.01",
    "trash": "M4.5 7h15M9 7V4.5h6V7M6.5 7l1 13h9l1-13M10 11v5M14 11v5",
    "undo": "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
    "up": "m6 14.5 6-6 6 6",
}


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    """A small drawing beside words; never alone, so readers are spared it."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>',
        ICONS[name],
    )


@register.simple_tag
@lru_cache(maxsize=256)
def mark(provider: str) -> SafeString:
    """A network's coloured initial; the words beside it say which one it is."""
    known = providers.ADAPTERS.get(provider)
    colour, label = (known.colour, known.label) if known else (PLAIN_COLOUR, provider)
    return format_html(
        '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">'
        '<circle cx="16" cy="16" r="15.5" fill="{}"/>'
        '<text x="16" y="21.5" text-anchor="middle" fill="{}">{}</text></svg>',
        colour,
        readable_on(colour),
        label[:1].upper(),
    )


@register.simple_tag
@lru_cache(maxsize=1024)
def network_state(provider: str, tone: str, picture: str, label: str) -> SafeString:
    """The small `avatar-network` component, made once for all: a list shows a hundred of them."""
    return format_html(
        '<span class="avatar-network avatar-small tone-{}">{}<span class="avatar-state">{}</span>'
        '<span class="sr-only">{}</span></span>',
        tone,
        mark(provider),
        icon(picture),
        label,
    )


@register.simple_tag
@lru_cache(maxsize=1024)
def state_badge(tone: str, picture: str, label: str) -> SafeString:
    """The `badge` component, made once for all."""
    return format_html(
        '<span class="badge tone-{}">{}<span>{}</span></span>', tone, icon(picture), label
    )


@register.filter
def network_label(provider: str) -> str:
    """The display name of a network; its stored name if it is gone."""
    known = providers.ADAPTERS.get(provider)
    return known.label if known else provider


@register.simple_tag(takes_context=True)
def moment(
    context: Context, value: datetime | None, *, precise: bool = False, short: bool = False
) -> SafeString:
    """A moment in the reader's own zone, which is always named; the whole date is in its title.

    `short` leaves "today" out.
    """
    if value is None:
        return mark_safe("")
    zone = _zone(context)
    local, now = value.astimezone(zone), timezone.now().astimezone(zone)
    if local.date() == now.date():
        day = "" if short else "today "
    elif local.year == now.year:
        day = f"{local:%a} {local.day} {local:%b}, "
    else:
        day = f"{local.day} {local:%b} {local.year}, "
    return format_html(
        '<time datetime="{}" title="{}">{}{} {}</time>',
        value.astimezone(UTC).isoformat(timespec="seconds"),
        f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S} ({zone})",
        day,
        f"{local:%H:%M:%S}" if precise else f"{local:%H:%M}",
        zone_name(local),
    )


@register.filter
def shortly(text: str, most: int) -> str:
    """The beginning of a text, of `most` characters at most; quick enough for hundreds a page."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


@register.filter
def distance(value: datetime | None) -> str:
    """How far away a moment is: "in 2 days", "3 minutes ago"; "" for none."""
    if value is None:
        return ""
    ahead = (value - timezone.now()).total_seconds()
    if abs(ahead) < MINUTE:
        return "in a moment" if ahead > 0 else "just now"
    return f"in {timeuntil(value, depth=1)}" if ahead > 0 else f"{timesince(value, depth=1)} ago"


@register.filter
def is_past(value: datetime | None) -> bool:
    """Whether a moment has passed; no moment never has."""
    return value is not None and value < timezone.now()


@register.filter
def may(membership: Membership | None, permission: str) -> bool:
    """Whether this member may do this; nobody may anything."""
    return role_may(membership.role, Permission(permission)) if membership else False


def readable_on(colour: str) -> str:
    """White on a colour written as #rrggbb, black where white would be too faint (3:1)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (light + 0.05) >= 3 else "#000000"


def zone_name(local: datetime) -> str:
    """The short name of a moment's zone; the distance from UTC where the zone has no name."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def _zone(context: Context) -> tzinfo:
    user = getattr(context.get("request"), "user", None)
    try:
        return ZoneInfo(getattr(user, "time_zone", "") or "UTC")
    except (KeyError, ValueError):
        return ZoneInfo("UTC")
