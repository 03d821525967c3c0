"""Will it go out when it is planned? What the networks' caps make of a plan, said beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from django.conf import settings
from django.db.models import Q

import providers
from posting.models import Post, PostResult
from posting.states import State
from providers.kit.rates import Cap
from tokens.models import SocialAccount

MOST = 20_000
SPANS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Overflow:
    """More is planned for an account than its network takes.

    Only `fits` go out between `start` and `end`; the last of the `planned` goes out at `last_at`.
    """

    account: SocialAccount
    cap: Cap
    planned: int
    fits: int
    start: datetime
    end: datetime
    last_at: datetime

    def words(self, zone: tzinfo) -> str:
        """What the author reads, in the author's own zone."""
        start, end, last = (
            f"{moment.astimezone(zone):%d %B %Y, %H:%M}"
            for moment in (self.start, self.end, self.last_at)
        )
        return (
            f"{self.account} takes {self.cap.posts} posts in {_span(self.cap.per)}, and with this"
            f" one {self.planned} are planned. Only {self.fits} fit between {start} and {end};"
            f" the last would go out at {last}."
        )


def caps_of(name: str) -> tuple[Cap, ...]:
    """What a network takes: as its adapter knows it, and as whoever runs this site has set it."""
    known = providers.ADAPTERS.get(name)
    own: tuple[Cap, ...] = settings.CAPS.get(name, ())
    return (*(known.caps if known else ()), *own)


def forecast(
    accounts: Iterable[SocialAccount],
    due_at: datetime,
    at: datetime,
    more: int = 1,
    without: Post | None = None,
) -> list[Overflow]:
    """Where `more` posts at `due_at` would not all go out in time; the tightest cap of each.

    `without`: a post whose present plan does not count, because it is being changed.
    """
    found: list[Overflow] = []
    for account in accounts:
        over: list[Overflow] = []
        for cap in caps_of(account.provider):
            others = _moments(account, cap, due_at, without)
            if (one := _over(account, cap, due_at, [*others, *[due_at] * more])) is not None:
                over.append(one)
        found += sorted(over, key=lambda o: o.last_at)[-1:]
    return [overflow for overflow in found if overflow.last_at > at]


def outgoing(planned: Sequence[datetime], cap: Cap) -> list[datetime]:
    """When each of these goes out, in order: at its time, and no more than the cap in any span."""
    out: list[datetime] = []
    for place, moment in enumerate(planned):
        free = out[place - cap.posts] + cap.per if place >= cap.posts else moment
        out.append(max(moment, free, out[-1] if out else moment))
    return out


def _over(
    account: SocialAccount, cap: Cap, due_at: datetime, planned_at: Sequence[datetime]
) -> Overflow | None:
    """Whether the cap delays what is planned for this moment or in the same span after it."""
    if cap.posts < 1:
        return None
    moments = sorted(planned_at)
    out = outgoing(moments, cap)
    delayed = [n for n, moment in enumerate(moments) if moment >= due_at and out[n] > moment]
    if not delayed:
        return None
    begin = delayed[0]
    while out[begin - 1] > moments[begin - 1]:  # what came before was held up already
        begin -= 1
    start = out[begin - cap.posts]
    planned = sum(start <= moment < start + cap.per for moment in moments)
    return Overflow(account, cap, planned, cap.posts, start, start + cap.per, out[delayed[-1]])


def _moments(
    account: SocialAccount, cap: Cap, due_at: datetime, without: Post | None
) -> list[datetime]:
    """When posts went out or are to go out, near enough to matter."""
    mine = PostResult.objects.filter(account=account)
    if cap.scope == "app":
        host = account.grant.host if account.grant else ""
        mine = PostResult.objects.filter(provider=account.provider, account__token__host=host)
    near = Q(due_at__gt=due_at - 2 * cap.per, due_at__lt=due_at + cap.per)
    sent = Q(state=State.POSTED, posted_at__gt=due_at - cap.per)
    waiting = [State.SCHEDULED, State.QUEUED, State.SENDING, State.UNCERTAIN]
    rows = mine.filter(sent | (near & Q(state__in=waiting)))
    rows = rows.exclude(post=without) if without else rows
    pairs = rows.values_list("posted_at", "due_at")[:MOST]
    return [posted_at or due for posted_at, due in pairs]


def _span(per: timedelta) -> str:
    """ "15 minutes", "1 day"."""
    seconds = round(per.total_seconds())
    size, unit = next(pair for pair in SPANS if seconds % pair[0] == 0)
    count = seconds // size
    return f"{count} {unit}{'s' if count > 1 else ''}"
