"""What a team is told: connections that end, posts that were late or failed, what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Notice, Team
from accounts.notify import keys_told, open_about, retell, settle, tell
from posting.causes import Failure, failures
from posting.models import Post, PostResult
from posting.states import LATE, MOVING, State
from tokens.models import SocialAccount
from tokens.states import AccountState

DAYS_AHEAD = (1, 3, 7, 14)
NAMED = 5
OCCASION, CHECK, HELD, DIGEST, FAILED = "reconnect:", "check:", "held:", "late:", "failed:"
ENDS = "ends:"
Thing = TypeVar("Thing")
AWAY: dict[str, str] = {
    AccountState.RECONNECT: "not connected",
    AccountState.PAUSED: "paused",
    AccountState.DISCONNECTED: "disconnected",
}
# What became of posts that waited: of one, of several; in the order in which it is told.
BECAME = {
    State.POSTED: ("has gone out late", "have gone out late"),
    "moving": ("is on its way", "are on their way"),
    "slot": ("takes the next free slot", "take the next free slots"),
    LATE: ("waits for your decision", "wait for your decision"),
    State.HELD: ("waits for its account", "wait for their account"),
    State.MISSED: ("was skipped", "were skipped"),
    State.FAILED: ("was not accepted", "were not accepted"),
    State.UNCONFIRMED: ("may be out", "may be out"),
    State.CANCELLED: ("was cancelled", "were cancelled"),
}


def notices(at: datetime) -> int:
    """Tell every team what it has not been told yet; returns how many notices were new."""
    ended = SocialAccount.objects.filter(state=AccountState.RECONNECT).select_related("team")
    _settle_reconnected(at)
    told = sum(_ended(account, at) for account in ended)
    told += sum(_ending(account, at) for account in _mortal(at))
    told += _keep_told(CHECK, _unconfirmed(), at) + _keep_told(HELD, _held(), at)
    return told + tell_failures(at) + digest(at)


def tell_failures(at: datetime) -> int:
    """One notice for each cause of failures, whatever number of posts; how many are new.

    It says how things stand, and goes when nothing of it is left. Dismissed, it comes back only
    when a further post fails: the last part of its key is the newest try that it has told of.
    """
    known = {_about(notice): notice for notice in open_about(FAILED)}
    told = 0
    for failure in failures(at):
        about, team, path = failure.cause.key, failure.account.team, reverse("causes")
        key, words = f"{about}:{failure.newest}", _failed_words(failure)
        if notice := known.pop(about, None):
            newest = max(key, notice.key, key=_newest)
            retell(notice, words, asks=True, path=path, key=newest)
        elif failure.newest > max(map(_newest, keys_told(team, f"{about}:")), default=-1):
            told += tell(team, key, words, at, path=path, asks=True)
    settle(known.values(), at)
    return told


def _failed_words(failure: Failure) -> str:
    cause = failure.cause
    them = "it" if cause.count == 1 else "all of them"
    return f"{cause.words} Look at the cause; from there you can try {them} again."


def _about(notice: Notice) -> str:
    return notice.key.rpartition(":")[0]


def _newest(key: str) -> int:
    return int(key.rpartition(":")[2])


def digest(at: datetime) -> int:
    """One notice a team for all posts that could not go out in time; returns how many are new.

    It says how things stand until it is read, or until everything in it has been decided.
    """
    new = sum(
        _gather(team, at) for team in Team.objects.filter(pk__in=_untold().values("post__team"))
    )
    for notice in open_about(DIGEST):
        _bring_up_to_date(notice, at)
    return new


def _untold() -> QuerySet[PostResult]:
    return PostResult.objects.filter(digest__isnull=True).exclude(waited="")


def _gather(team: Team, at: datetime) -> int:
    """What waited and belongs to no digest joins the open one, or begins one."""
    mine = _untold().filter(post__in=Post.objects.filter(team=team)).order_by("pk")
    first = mine.first()
    if first is None:
        return 0
    notice = next((n for n in open_about(DIGEST) if n.team_id == team.pk), None)
    new = notice is None
    if notice is None:
        asked_for = first.planned_at.timestamp() if first.planned_at else 0
        key = f"{DIGEST}{first.pk}:{asked_for:.0f}"
        tell(team, key, "Some posts could not go out in time.", at)
        notice = Notice.objects.get(team=team, key=key)
    ids = list(mine.values_list("pk", flat=True))
    PostResult.objects.filter(pk__in=ids, digest__isnull=True).update(digest=notice)
    return int(new)


def _bring_up_to_date(notice: Notice, at: datetime) -> None:
    results = list(PostResult.objects.filter(digest=notice).select_related("account"))
    undecided = sum(result.is_late for result in results)
    moving = sum(result.state in MOVING for result in results)
    if not results or (notice.asks and not undecided and not moving):
        settle([notice], at)
        return
    path = reverse("late-posts" if undecided else "posts")
    retell(notice, digest_words(results), asks=notice.asks or undecided > 0, path=path)


def digest_words(results: Sequence[PostResult]) -> str:
    """How things stand with posts that could not go out in time."""
    counts = Counter(_became(result) for result in results)
    said = [
        f"{counts[key]} {words[counts[key] != 1]}" for key, words in BECAME.items() if counts[key]
    ]
    accounts = {str(result.account) for result in results}
    reasons = {AWAY.get(result.waited) for result in results}
    many = f"{len(results)} post{'s' * (len(results) != 1)}"
    reason = next(iter(reasons)) if len(reasons) == len(accounts) == 1 else None
    if reason:
        head = f"While {next(iter(accounts))} was {reason}, {many} waited"
    else:
        place = next(iter(accounts)) if len(accounts) == 1 else f"{len(accounts)} accounts"
        head = f"{many} on {place} could not go out in time"
    return f"{head}: {', '.join(said)}."


def _became(result: PostResult) -> str:
    if result.is_late:
        return LATE
    if result.slotted and result.state == State.SCHEDULED:
        return "slot"
    return "moving" if result.state in MOVING else result.state


@dataclass(frozen=True, slots=True)
class _Case:
    """Something that waits for a person as long as it lasts; `about` tells it from its like."""

    team: Team
    about: int
    first: int
    words: str
    path: str


def _keep_told(prefix: str, cases: Iterable[_Case], at: datetime) -> int:
    """One notice for each case, saying how things stand; what is over is settled; how many new."""
    known = {int(notice.key.split(":")[1]): notice for notice in open_about(prefix)}
    new = 0
    for case in cases:
        if notice := known.pop(case.about, None):
            retell(notice, case.words, asks=True, path=case.path)
            continue
        key = f"{prefix}{case.about}:{case.first}"
        new += tell(case.team, key, case.words, at, path=case.path, asks=True)
    settle(known.values(), at)
    return new


def _unconfirmed() -> Iterator[_Case]:
    """Posts that may be out, of which only a person can tell; one case a team."""
    rows = PostResult.objects.filter(state=State.UNCONFIRMED)
    rows = rows.select_related("account", "post__team").order_by("pk")
    for team, results in _by(rows, lambda result: result.post.team):
        first = results[0]
        more = f" and {len(results) - 1} more" if len(results) > 1 else ""
        words = (
            f"“{first.post}” on {first.account}{more} may be out, and nobody but you can tell:"
            " look at the account, then say here whether it is there."
        )
        path = reverse("post", args=[first.post_id])
        yield _Case(team, team.pk, first.pk, words, path)


def _held() -> Iterator[_Case]:
    """Posts whose account somebody has paused or disconnected; one case an account."""
    reasons = (AccountState.PAUSED, AccountState.DISCONNECTED)
    rows = PostResult.objects.filter(state=State.HELD, held_for__in=reasons)
    rows = rows.select_related("post__team", "account").order_by("pk")
    for account, results in _by(rows, lambda result: result.account):
        first = results[0]
        what = f"{len(results)} post{'s wait' if len(results) > 1 else ' waits'}"
        end = "Resume it" if first.held_for == AccountState.PAUSED else "Connect it again"
        words = f"{what} for {account}, which is {first.held_for}. {end}, or cancel what waits."
        yield _Case(account.team, account.pk, first.pk, words, reverse("accounts"))


def _by(
    rows: Iterable[PostResult], thing: Callable[[PostResult], Thing]
) -> Iterable[tuple[Thing, list[PostResult]]]:
    """Results gathered by what they have in common."""
    found: dict[Thing, list[PostResult]] = {}
    for row in rows:
        found.setdefault(thing(row), []).append(row)
    return found.items()


def _settle_reconnected(at: datetime) -> None:
    """An account that is connected again needs no notice any more."""
    waiting = set(
        SocialAccount.objects.filter(state=AccountState.RECONNECT).values_list("pk", flat=True)
    )
    settle([n for n in open_about(OCCASION) if int(n.key.split(":")[1]) not in waiting], at)


def _mortal(at: datetime) -> list[SocialAccount]:
    """Connected accounts that end with their grant, for good, within the longest warning."""
    return list(
        SocialAccount.objects.filter(
            state=AccountState.CONNECTED,
            key_sealed="",
            token__can_refresh=False,
            token__expires_at__gt=at,
            token__expires_at__lte=at + timedelta(days=max(DAYS_AHEAD)),
        ).select_related("team", "token")
    )


def _ended(account: SocialAccount, at: datetime) -> bool:
    held = PostResult.objects.filter(account=account, state__in=[State.HELD, State.SCHEDULED])
    words = f"{account} has to be connected again: {account.problem}{_at_risk(held)}"
    key = f"{OCCASION}{account.pk}:{account.token_id}"
    return tell(account.team, key, words, at, path=reverse("accounts"))


def _ending(account: SocialAccount, at: datetime) -> bool:
    token = account.token
    if token is None or token.expires_at is None:
        return False
    days = min(d for d in DAYS_AHEAD if token.expires_at <= at + timedelta(days=d))
    after = PostResult.objects.filter(
        account=account, state__in=[State.HELD, State.SCHEDULED], due_at__gte=token.expires_at
    )
    words = (
        f"The connection of {account} ends on {token.expires_at:%d %B %Y, %H:%M} UTC"
        f" and this network does not renew it; connect it again before.{_at_risk(after)}"
    )
    key = f"{ENDS}{account.pk}:{token.pk}:{days}"
    return tell(account.team, key, words, at, path=reverse("accounts"))


def _at_risk(results: QuerySet[PostResult]) -> str:
    """The posts that wait for this account, the first few by their beginning."""
    count = results.count()
    if not count:
        return ""
    first = results.select_related("post").order_by("due_at")[:NAMED]
    named = "; ".join(f"“{result.post}”" for result in first)
    more = f" and {count - NAMED} more" if count > NAMED else ""
    return f" Waiting for it: {named}{more}."
