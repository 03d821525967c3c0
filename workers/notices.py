"""What a team is told about its accounts, once: a connection that ended, one that will end."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse

from accounts.notify import open_about, settle, tell
from posting.models import PostResult
from posting.states import State
from tokens.models import SocialAccount
from tokens.states import AccountState

DAYS_AHEAD = (1, 3, 7, 14)
NAMED = 5
OCCASION = "reconnect:"


def notices(at: datetime) -> int:
    """Tell every team what it has not been told yet; returns how many notices were new."""
    ended = SocialAccount.objects.filter(state=AccountState.RECONNECT).select_related("team")
    _settle_reconnected(at)
    told = [_ended(account, at) for account in ended]
    told += [_ending(account, at) for account in _mortal(at)]
    return sum(told)


def _settle_reconnected(at: datetime) -> None:
    """An account that is connected again needs no notice any more."""
    waiting = set(
        SocialAccount.objects.filter(state=AccountState.RECONNECT).values_list("pk", flat=True)
    )
    settle([n for n in open_about(OCCASION) if int(n.key.split(":")[1]) not in waiting], at)


def _mortal(at: datetime) -> list[SocialAccount]:
    """Connected accounts whose grant ends for good within the longest warning."""
    return list(
        SocialAccount.objects.filter(
            state=AccountState.CONNECTED,
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
    key = f"ends:{account.pk}:{token.pk}:{days}"
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
