"""How a connected account stands, in words: what is well, what is not, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django import template
from django.utils import timezone

import providers
from tokens.models import SocialAccount
from tokens.states import AccountState

register = template.Library()
SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Standing:
    """A badge and a sentence; `until` is the moment that the badge speaks of, if any."""

    label: str
    means: str
    tone: str
    icon: str
    until: datetime | None = None
    reconnect: bool = False


@register.filter
def standing(account: SocialAccount) -> Standing:
    """The first of these that is true: gone, cut off, told to wait, about to expire, well."""
    now = timezone.now()
    if account.provider not in providers.ADAPTERS:
        return Standing("Not available", "This site does not offer this network.", "off", "ban")
    if account.state == AccountState.RECONNECT or account.token is None:
        means = "Connect it again; posts that wait for it then go on by themselves."
        return Standing("Reconnect", means, "bad", "alert", reconnect=True)
    if account.blocked_until and account.blocked_until > now:
        means = "The network asked for a pause. Posts wait and go on by themselves."
        return Standing("Limited until", means, "wait", "pause", until=account.blocked_until)
    return _living(account, now)


def _living(account: SocialAccount, now: datetime) -> Standing:
    token = account.token
    expires = token.expires_at if token else None
    if token and token.can_refresh:
        if token.problem:
            means = "Its key could not be renewed just now; that is tried again by itself."
            return Standing("Connected", means, "wait", "clock")
        return Standing("Connected", "Its key renews by itself.", "ok", "check")
    if expires is None:
        return Standing("Connected", "Its key does not expire.", "ok", "check")
    if expires <= now + SOON:
        means = "Connect it again before then, and nothing is held up."
        return Standing("Expires", means, "wait", "key", until=expires, reconnect=True)
    return Standing("Connected", "Its key is good for a while.", "ok", "check", until=expires)
