"""Ask networks what fits into the posts of single accounts, daily; never while a page waits."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F, Q

import providers
from providers.kit.contract import TellsLimits
from providers.kit.errors import NetworkError
from providers.kit.table import differences
from tokens.models import SocialAccount
from tokens.speak import limits_now
from tokens.states import AccountState

OFTEN, AGAIN = timedelta(days=1), timedelta(hours=1)
"""How often a network is asked, and how soon again where it did not answer."""
BATCH = 200
logger = logging.getLogger(__name__)


def claim(at: datetime, limit: int = BATCH) -> dict[str, list[int]]:
    """Accounts whose limits are to be asked now, by network; who never was asked comes first.

    Until they are answered they are asked again in an hour, whatever becomes of who took them.
    """
    able = [name for name, kind in providers.ADAPTERS.items() if issubclass(kind, TellsLimits)]
    mine = SocialAccount.objects.filter(provider__in=able, state=AccountState.CONNECTED)
    due = mine.filter(Q(limits_due_at=None) | Q(limits_due_at__lte=at))
    oldest = due.order_by(F("limits_due_at").asc(nulls_first=True), "pk")
    found: dict[str, list[int]] = defaultdict(list)
    for pk, name in oldest.values_list("pk", "provider")[:limit]:
        found[name].append(pk)
    taken = [pk for pks in found.values() for pk in pks]
    SocialAccount.objects.filter(pk__in=taken).update(limits_due_at=at + AGAIN)
    return dict(found)


def ask(pks: Collection[int], at: datetime) -> int:
    """Ask for these accounts and keep what is told; returns how many answers came."""
    accounts = SocialAccount.objects.select_related("token").filter(pk__in=pks)
    return sum(_ask(account, at) for account in accounts.order_by("pk"))


def _ask(account: SocialAccount, at: datetime) -> bool:
    try:
        told = limits_now(account, at)
    except NetworkError as problem:
        logger.info("%s did not tell its limits: %s", account, type(problem).__name__)
        return False
    known = providers.adapter(account.provider).limits
    news = {"told_limits": differences(told, known), "limits_due_at": at + OFTEN}
    return bool(SocialAccount.objects.filter(pk=account.pk).update(**news))
