"""How an account stands, for templates: its word, its icon and its colour."""

from __future__ import annotations

from django import template
from django.utils import timezone

from tokens import standing as verb
from tokens.models import SocialAccount
from tokens.standing import Health, Standing

register = template.Library()
TONES = {
    Health.CONNECTED: "ok",
    Health.EXPIRING: "warn",
    Health.RECONNECT: "bad",
    Health.PAUSED: "wait",
    Health.LIMITED: "move",
    Health.NOT_SET_UP: "off",
}


@register.filter
def standing(account: SocialAccount) -> Standing:
    """How it stands at this moment."""
    return verb.standing(account, timezone.now())


@register.filter
def tone(how: Standing) -> str:
    """The colour of a standing; its icon and its word say the same."""
    return TONES[how.word]
