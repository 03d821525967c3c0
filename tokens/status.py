"""What a team is shown of its accounts, each as one value; worked out once for all processes.

A list is kept for a minute at most, and only as long as nobody has written anything that is shown
(`tokens.stamps`) and no moment has passed at which an account stands differently by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Team
from tokens import stamps
from tokens.models import SocialAccount
from tokens.standing import SOON, Health, Standing, scopes, standing
from tokens.states import AccountState, TokenState

MOMENTS = ("until", "expires_at", "refreshed_at", "refresh_at")


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account as its team is shown it; no secrets, and no row behind it.

    `renews`: its network renews its key. `ended`: the network has refused the key for good.
    `own_key`: it has one besides its grant's. `bound`: its key works only with a proof.
    `problem`: the network's own words, if there are any that `words` does not say. `siblings`:
    the handles of the others behind the same grant.
    """

    pk: int
    provider: str
    external_id: str
    label: str
    handle: str
    name: str
    url: str
    host: str
    state: str
    word: Health
    words: str
    until: datetime | None
    problem: str
    has_key: bool
    own_key: bool
    bound: bool
    renews: bool
    ended: bool
    expires_at: datetime | None
    refreshed_at: datetime | None
    refresh_at: datetime | None
    granted: tuple[str, ...]
    missing: tuple[str, ...]
    siblings: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.label} {self.handle}"

    @property
    def how(self) -> Standing:
        """The word, the sentence and the moment they speak of."""
        return Standing(self.word, self.words, self.until)

    @property
    def can_reconnect(self) -> bool:
        """A paused one is resumed first: connecting it again would let its posts go."""
        return self.word not in (Health.NOT_SET_UP, Health.PAUSED)

    @property
    def urgent(self) -> bool:
        """Whether somebody has to connect it again."""
        return self.word in (Health.RECONNECT, Health.EXPIRING)

    @property
    def can_renew(self) -> bool:
        """Whether its network renews its key."""
        alive = self.renews and not self.ended and not self.own_key
        return alive and self.word != Health.NOT_SET_UP

    @property
    def can_pause(self) -> bool:
        """Whether anything goes out there."""
        return self.state == AccountState.CONNECTED and self.word != Health.RECONNECT

    @property
    def can_resume(self) -> bool:
        """Whether somebody paused it."""
        return self.state == AccountState.PAUSED

    def due(self, at: datetime) -> bool:
        """Whether its key should have been renewed by now."""
        ahead = (self.refresh_at, self.expires_at)
        return self.can_renew and any(moment and moment <= at for moment in ahead)


def statuses(team: Team, at: datetime) -> tuple[AccountStatus, ...]:
    """The team's accounts as they stand, in a steady order."""
    if transaction.get_connection().in_atomic_block:  # it may see what others do not, or not yet
        return _made(_rows(team), at)
    stamp, entry = stamps.look(team.pk)  # before the rows are read
    if entry and (known := _opened(entry, at)) is not None:
        return known
    accounts = _rows(team)
    made = _made(accounts, at)
    ends = min([at + timedelta(seconds=stamps.KEPT_S), *_turns(accounts, at)])
    stamps.keep(team.pk, stamp, _closed(made, at, ends))
    return made


def _rows(team: Team) -> list[SocialAccount]:
    return list(SocialAccount.objects.for_team(team).select_related("token"))


def _made(accounts: Sequence[SocialAccount], at: datetime) -> tuple[AccountStatus, ...]:
    behind = defaultdict[UUID | None, list[SocialAccount]](list)
    for account in accounts:
        behind[account.token_id].append(account)
    return tuple(
        status_of(account, at, behind[account.token_id] if account.token_id else ())
        for account in accounts
    )


def status_of(
    account: SocialAccount, at: datetime, behind: Sequence[SocialAccount] = ()
) -> AccountStatus:
    """One account as its row says it; `behind` are all that its grant speaks for."""
    how, token = standing(account, at), account.grant
    problem = account.problem or (token.problem if token else "")
    granted, missing = scopes(account)
    return AccountStatus(
        pk=account.pk,
        provider=account.provider,
        external_id=account.external_id,
        label=account.label,
        handle=account.handle,
        name=account.name,
        url=account.url,
        host=(token.host if token else "") or account.realm,
        state=account.state,
        word=how.word,
        words=how.words,
        until=how.until,
        problem="" if problem == how.words else problem,
        has_key=token is not None,
        own_key=account.key_sealed != "",
        bound=token is not None and token.proof_sealed != "",
        renews=token is not None and token.can_refresh,
        ended=token is not None and token.state == TokenState.DEAD,
        expires_at=token.expires_at if token else None,
        refreshed_at=token.refreshed_at if token else None,
        refresh_at=token.refresh_at if token else None,
        granted=granted,
        missing=missing,
        siblings=tuple(other.handle for other in behind if other.pk != account.pk),
    )


def _turns(accounts: Sequence[SocialAccount], at: datetime) -> Iterator[datetime]:
    """The moments ahead at which one of these stands differently though nobody writes anything."""
    for account in accounts:
        token = account.grant
        moments = [account.blocked_until]
        if token:
            soon = token.expires_at - SOON if token.expires_at else None
            moments += [token.expires_at, soon, token.refresh_lease_until]
        yield from (moment for moment in moments if moment and moment > at)


def _closed(made: Sequence[AccountStatus], at: datetime, ends: datetime) -> dict[str, Any]:
    """A list as the cache keeps it: plain JSON."""
    lines = []
    for status in made:
        line = asdict(status)
        for name in MOMENTS:
            line[name] = line[name].isoformat() if line[name] else None
        lines.append(line)
    return {"at": at.isoformat(), "ends": ends.isoformat(), "lines": lines}


def _opened(entry: Mapping[str, Any], at: datetime) -> tuple[AccountStatus, ...] | None:
    """A kept list, if it counts at this moment and was kept by a version like ours."""
    try:
        made, ends = datetime.fromisoformat(entry["at"]), datetime.fromisoformat(entry["ends"])
        return tuple(map(_line, entry["lines"])) if made <= at < ends else None
    except (KeyError, TypeError, ValueError):
        return None


def _line(line: Mapping[str, Any]) -> AccountStatus:
    moments = {name: line[name] and datetime.fromisoformat(line[name]) for name in MOMENTS}
    values = {
        **line,
        **moments,
        "word": Health(line["word"]),
        "granted": tuple(line["granted"]),
        "missing": tuple(line["missing"]),
        "siblings": tuple(line["siblings"]),
    }
    return AccountStatus(**values)
