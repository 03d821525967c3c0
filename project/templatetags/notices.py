"""What a team has to know, on top of a page until somebody dismisses it."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context
from django.urls import reverse

from accounts.models import Notice

register = template.Library()
SHOWN = 3


@register.inclusion_tag("frame/notices.html", takes_context=True)
def notices(context: Context, name: str) -> dict[str, Any]:
    """The unread notices, newest first; `name` is the address to which dismissing one leads."""
    request = context["request"]
    team = getattr(request, "team", None)
    unread = list(Notice.objects.for_team(team)) if team else []
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "here": reverse(name),
        "first": unread[:SHOWN],
        "more": unread[SHOWN:],
    }
