"""Why a team's posts wait or failed, gathered by cause: one thing to do, then all of them go on.

What is released goes on in the order in which it was planned; the gates of its networks pace it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count, Max, Min, Q

import providers
from accounts.models import Team
from posting import results
from posting.compose import send_late, try_again
from posting.models import Post, PostResult, ResultQuerySet
from posting.results import LIMITED, TROUBLE
from posting.states import CHAIN, LATE, State
from providers.kit.errors import Throttled, Unavailable
from tokens.models import SocialAccount
from tokens.states import AccountState

SHOWN = timedelta(days=30)
"""How long what failed is still offered; it stays at its post in any case."""
MOST = 500
STEP = timedelta(milliseconds=1)
"""Between two that are ordered to go out now, so that they keep their order."""


class Kind(StrEnum):
    """All that a post may wait for, or have failed from."""

    RECONNECT = "reconnect"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"
    TROUBLE = "trouble"
    LIMITED = "limited"
    LATE = "late"
    FAILED = "failed"
    MISSED = "missed"
    UNCONFIRMED = "unconfirmed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Advice:
    """What a person can do: the sentence after the colon, a button's words, where it leads."""

    thing: str
    button: str
    url_name: str


ADVICE = {
    Kind.RECONNECT: Advice("reconnect {account}", "Connect it again", "accounts"),
    Kind.PAUSED: Advice("resume {account}", "Resume the account", "accounts"),
    Kind.DISCONNECTED: Advice("connect {account} again", "Connect it again", "accounts"),
    Kind.TROUBLE: Advice("{network} to be well again", "Try now", ""),
    Kind.LIMITED: Advice("room at {account}", "", ""),
    Kind.LATE: Advice("your decision, because of being late", "Send now", "late-posts"),
    Kind.FAILED: Advice("{account} said “{words}”", "Try again", ""),
    Kind.MISSED: Advice("too late for {account}", "Send now", ""),
    Kind.UNCONFIRMED: Advice("look at {account}", "Look", "posts"),
    Kind.OTHER: Advice("somebody to look ({account})", "Look", "posts"),
}
FIRST = list(Kind)
OF_ACCOUNT = (Kind.RECONNECT, Kind.PAUSED, Kind.DISCONNECTED)
"""Named as the states of an account that results are held for."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that posts wait for or failed from; `key` names it in `release`.

    `fixed`: what they waited for is in order again, or nothing but an order is needed.
    """

    key: str
    kind: Kind
    count: int
    oldest: datetime
    account: SocialAccount | None
    provider: str
    said: str
    fixed: bool
    error: str = ""

    @property
    def words(self) -> str:
        """ "41 posts wait for one thing: reconnect LinkedIn (Acme)"."""
        many = f"{self.count} post{'s' * (self.count != 1)}"
        s = "s" * (self.count == 1)
        account, words = self.account or self.network, self.said.rstrip(".")
        thing = self.advice.thing.format(account=account, network=self.network, words=words)
        if self.fixed and self.kind in OF_ACCOUNT:
            return f"{many} can go on: {account} is in order again."
        if self.kind in (Kind.FAILED, Kind.MISSED):
            return f"{many} did not go out: {thing}."
        if self.kind is Kind.UNCONFIRMED:
            return f"{many} may be out: {thing}."
        return f"{many} wait{s} for one thing: {thing}."

    @property
    def advice(self) -> Advice:
        """What to do about it."""
        return ADVICE[self.kind]

    @property
    def network(self) -> str:
        """The network's name."""
        known = providers.ADAPTERS.get(self.provider)
        return known.label if known else self.provider


class NotFixed(Exception):
    """Nothing was released: first something has to be done, which the text says."""


def causes(team: Team, at: datetime) -> list[Cause]:
    """All that keeps a team's posts from going out, the most urgent kind first; two queries."""
    rows = _rows(team, at).order_by().values("account", "state", "held_for", "error", "words")
    groups = list(rows.annotate(count=Count("pk"), oldest=Min("due_at")))
    found: dict[str, Cause] = {}
    accounts = SocialAccount.objects.in_bulk({row["account"] for row in groups})
    for row in groups:
        cause = _cause(row, accounts)
        known = found.get(cause.key)
        found[cause.key] = _together(known, cause) if known else cause
    return sorted(found.values(), key=lambda c: (FIRST.index(c.kind), c.oldest, c.key))


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed at one account for one reason; `newest` grows with whatever fails next."""

    account: SocialAccount
    cause: Cause
    newest: int


def failures(at: datetime) -> list[Failure]:
    """What failed lately, of all teams, gathered as their causes are; two queries."""
    kept = Post.objects.filter(deleted_at__isnull=True, draft=False)
    rows = PostResult.objects.failed_since(at - SHOWN).filter(post__in=kept).order_by()
    groups = list(
        rows.values("account", "state", "held_for", "error", "words").annotate(
            count=Count("pk", distinct=True), oldest=Min("due_at"), newest=Max("attempts_made__pk")
        )
    )
    accounts = SocialAccount.objects.select_related("team").in_bulk(
        {row["account"] for row in groups}
    )
    return [
        Failure(accounts[row["account"]], _cause(row, accounts), row["newest"] or 0)
        for row in groups
    ]


def attention(team: Team, at: datetime, most: int) -> int:
    """How many results need a person, counted up to `most`; one query."""
    rows = _rows(team, at).exclude(state=State.SCHEDULED).exclude(held_for=CHAIN)
    return rows.order_by()[:most].count()


def posts_of(team: Team, key: str, at: datetime) -> ResultQuerySet:
    """The results behind a cause, what was planned first first; none for a key nobody knows."""
    rows = _rows(team, at).select_related("account", "post__team").order_by("planned_at", "pk")
    kind, _, about = key.partition(":")
    if kind == Kind.LATE:
        return rows.filter(state=State.HELD, held_for=LATE)
    if kind == Kind.TROUBLE:
        return rows.filter(state=State.SCHEDULED, error__in=AWAY, provider=about)
    account, _, words = about.partition(":")
    if kind not in list(Kind) or not account.isdecimal():
        return rows.none()
    return _of_account(rows.filter(account=int(account)), kind, words)


def _of_account(rows: ResultQuerySet, kind: str, mark: str) -> ResultQuerySet:
    if kind == Kind.OTHER:
        return rows.filter(state=State.HELD).exclude(held_for__in=[*OF_ACCOUNT, LATE])
    if kind in OF_ACCOUNT:
        return rows.filter(state=State.HELD, held_for=kind)
    if kind == Kind.LIMITED:
        return rows.filter(state=State.SCHEDULED, error__in=SLOW)
    rows = rows.filter(state=kind)
    if kind != Kind.FAILED:
        return rows
    every = rows.order_by().values_list("error", "words").distinct()
    for error, words in every:
        if _mark(error, words) == mark:
            return rows.filter(error=error, words=words)
    return rows.none()


def release(team: Team, key: str, at: datetime, limit: int = MOST) -> int:
    """Let what is fixed go on, oldest first; returns how many results. Raises NotFixed."""
    kind = key.partition(":")[0]
    rows = posts_of(team, key, at)
    first = rows.first()
    if first is None:
        return 0
    if kind in OF_ACCOUNT:
        return _go_on(rows, first.account, at)
    if kind == Kind.TROUBLE:
        return results.bring_forward(PostResult.objects.filter(pk__in=_ids(rows, limit)), at)
    if kind in ORDERS:
        order = ORDERS[Kind(kind)]
        chosen = list(rows[:limit])
        return sum(order(r.post, at + n * STEP, r.pk) for n, r in enumerate(chosen))
    if kind in (Kind.UNCONFIRMED, Kind.OTHER):
        raise NotFixed("Only you can tell: look at the account, then decide at each post.")
    raise NotFixed("They go on by themselves as soon as the network takes more.")


AWAY = (TROUBLE, Unavailable.outcome)
SLOW = (LIMITED, Throttled.outcome)
ORDERS: dict[Kind, Callable[[Post, datetime, int], int]] = {
    Kind.LATE: send_late,
    Kind.FAILED: try_again,
    Kind.MISSED: try_again,
}


def _rows(team: Team, at: datetime) -> ResultQuerySet:
    """What of a team waits for more than its time, or failed lately."""
    # Nobody can delete what waits: few posts are gone, and those alone are looked through.
    gone = Post.objects.filter(team=team, deleted_at__isnull=False)
    waiting = Q(state__in=[State.HELD, State.UNCONFIRMED])
    slow = Q(state=State.SCHEDULED, error__in=[*AWAY, *SLOW])
    ended = Q(state__in=[State.FAILED, State.MISSED], due_at__gt=at - SHOWN)
    mine = PostResult.objects.filter(account__in=SocialAccount.objects.filter(team=team))
    return mine.filter(waiting | slow | ended).exclude(post__in=gone)


def _cause(row: Mapping[str, Any], accounts: dict[int, SocialAccount]) -> Cause:
    account = accounts[row["account"]]
    kind, said = _kind(row), ""
    about: int | str = account.pk
    if kind is Kind.LATE:
        about = ""
    elif kind is Kind.TROUBLE:
        about = account.provider
    elif kind is Kind.FAILED:
        said = str(row["words"] or row["error"])
        about = f"{account.pk}:{_mark(row['error'], row['words'])}"
    alone = kind not in (Kind.LATE, Kind.TROUBLE)
    return Cause(
        key=f"{kind}:{about}",
        kind=kind,
        count=row["count"],
        oldest=row["oldest"],
        account=account if alone else None,
        provider=account.provider,
        said=said,
        fixed=_fixed(kind, account),
        error=str(row["error"]) if kind is Kind.FAILED else "",
    )


def _kind(row: Mapping[str, Any]) -> Kind:
    match row["state"]:
        case State.HELD:
            known = (*OF_ACCOUNT, Kind.LATE)
            return next((kind for kind in known if kind == row["held_for"]), Kind.OTHER)
        case State.SCHEDULED:
            return Kind.TROUBLE if row["error"] in AWAY else Kind.LIMITED
        case state:
            return Kind(str(state))


def _fixed(kind: Kind, account: SocialAccount) -> bool:
    if kind in OF_ACCOUNT:
        return account.state == AccountState.CONNECTED
    return kind in ORDERS or kind is Kind.TROUBLE


def _together(one: Cause, other: Cause) -> Cause:
    return Cause(
        key=one.key,
        kind=one.kind,
        count=one.count + other.count,
        oldest=min(one.oldest, other.oldest),
        account=one.account,
        provider=one.provider,
        said=one.said,
        fixed=one.fixed and other.fixed,
        error=one.error,
    )


def _go_on(rows: ResultQuerySet, account: SocialAccount, at: datetime) -> int:
    """What is held for an account that can post again; the sweep would do the same in a moment."""
    if account.state != AccountState.CONNECTED:
        thing = ADVICE[Kind(account.state)].thing.format(account=account, network="")
        raise NotFixed(f"First {thing}; then they go on by themselves.")
    ids = _ids(rows, None)
    results.release(at)
    return PostResult.objects.filter(pk__in=ids).exclude(state=State.HELD).count()


def _ids(rows: ResultQuerySet, limit: int | None) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:limit])


def _mark(error: str, words: str) -> str:
    """What tells one failure from another: short, and fit for an address."""
    return hashlib.sha256(f"{error}\n{words}".encode()).hexdigest()[:12]
