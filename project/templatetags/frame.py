"""What every page shows alike: moments with their zone, networks' marks, icons, who may do what."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
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
    "alert": "M12 9v4M12 17h.01M10.3 4 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4"
    "a2 2 0 0 0-3.4 0Z",
    "ban": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM5.7 5.7l12.6 12.6",
    "check": "m4.5 12.5 5 5 10-11",
    "clock": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7v5l3.5 2",
    "cross": "M6 6l12 12M18 6 6 18",
    "eye": "M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12ZM12 9.5a2.5 2.5 0 1 0 0 5"
    " 2.5 2.5 0 0 0 0-5Z",
    "hourglass": "M6 3h12M6 21h12M7.5 3v3.5L12 12l4.5-5.5V3M7.5 21v-3.5L12 12l4.5 5.5V21",
    "key": "M8 11.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM11.2 12.8 20 4M16 8l3 3",
    "leave": "M14 4h5a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-5M10 8l-4 4 4 4M6 12h9",
    "list": "M4 6h16M4 12h16M4 18h10",
    "open": "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
    "pause": "M8.5 5v14M15.5 5v14",
    "pen": "M4 20h4L19.5 8.5a2.8 2.8 0 0 0-4-4L4 16v4ZM13.5 6.5l4 4",
    "people": "M9 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6"
    "M16 4.8a3.5 3.5 0 0 1 0 6.4M18.5 14.6c1.9.9 3 2.9 3 5.4",
    "play": "M7.5 4.5v15L19 12 7.5 4.5Z",
    "renew": "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.4M20 4.5v4.9h-4.9",
    "send": "M21 3 3 10.5l7 3.5 3.5 7L21 3ZM10 14l4.5-4.5",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A small drawing beside words; never alone, so readers are spared it."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>',
        ICONS[name],
    )


@register.simple_tag
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
