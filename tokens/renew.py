"""Renew the keys of accounts because somebody asks: one, several, or all that are due.

How often a network is asked again after a failure is the engine's to say, not the caller's: a call
sends one request for each grant, or none while the network has asked us to wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

import providers
from accounts.models import Team
from tokens.codes import Code
from tokens.models import OAuthToken, Renewal, SocialAccount
from tokens.networks import network
from tokens.problems import Problem, plainly
from tokens.refresh import Outcome, in_doubt, refresh_all
from tokens.states import TokenState
from tokens.vault import CannotOpen, unseal

AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Renewed:
    """How the renewal for one account ended; `expires_at`: the end of the key that it has now.

    Skipped and without a problem: somebody else is renewing it at this moment.
    """

    account: int
    outcome: Outcome
    problem: Problem | None
    expires_at: datetime | None


@plainly()
def renew_account(account_pk: int, *, team: Team, at: datetime) -> Renewed:
    """Renew the key of one account of `team` now.

    Raises Problem: ACCOUNT_NOT_FOUND, INVALID_PROVIDER, PROVIDER_NOT_CONFIGURED, NO_ACCESS_TOKEN,
    NO_REFRESH_TOKEN, TOKEN_EXPIRED, TOKEN_REFRESH_ERROR, DECRYPTION_ERROR, or what the network's
    trouble is called.
    """
    [renewed] = renew_accounts([account_pk], team=team, at=at)
    if renewed.problem:
        raise renewed.problem
    return renewed


@plainly()
def renew_accounts(pks: Sequence[int], *, team: Team, at: datetime) -> list[Renewed]:
    """Renew the keys of these accounts now: one result for each, in this order, never fewer.

    Accounts behind one grant share one request.
    """
    before = _accounts(team, pks)
    refusals = {pk: _refusal(pk, before.get(pk), at) for pk in pks}
    held = {pk: a.token for pk, a in before.items() if a.token and not refusals[pk]}
    ends = _asked(list({token.pk: token for token in held.values()}.values()), at)
    now = _accounts(team, pks)
    results = []
    for pk in pks:
        account, refusal = now.get(pk), refusals[pk]
        if refusal or account is None or account.token is None:
            ending = account.token.expires_at if account and account.token else None
            problem = refusal or _not_found(pk)
            results.append(Renewed(pk, Outcome.SKIPPED, problem, ending))
        else:
            was = held[pk]
            results.append(_result(account, account.token, was, ends[was.pk], at))
    return results


@plainly()
def renew_all(team: Team, at: datetime) -> list[Renewed]:
    """Renew every key of `team` that is due or has ended and that nobody is renewing already."""
    free = Q(token__refresh_lease_until__isnull=True) | Q(token__refresh_lease_until__lte=at)
    due = Q(token__refresh_at__lte=at) | Q(token__expires_at__lte=at)
    accounts = SocialAccount.objects.for_team(team).filter(
        free,
        due,
        key_sealed="",
        token__can_refresh=True,
        token__state=TokenState.GOOD,
        provider__in=providers.names(),
    )
    return renew_accounts(list(accounts.values_list("pk", flat=True)), team=team, at=at)


def _accounts(team: Team, pks: Iterable[int]) -> dict[int, SocialAccount]:
    rows = SocialAccount.objects.for_team(team).filter(pk__in=list(pks)).select_related("token")
    return {account.pk: account for account in rows}


def _refusal(pk: int, account: SocialAccount | None, at: datetime) -> Problem | None:
    """Why nothing is sent for this account; None if it can be renewed now."""
    if account is None:
        return _not_found(pk)
    try:
        with plainly(provider=account.provider):
            _must_be_set_up(account)
            _must_be_renewable(account, at)
    except Problem as problem:
        return problem
    return None


def _not_found(pk: int) -> Problem:
    return Problem(Code.ACCOUNT_NOT_FOUND, f"There is no account {pk} here.")


def _must_be_set_up(account: SocialAccount) -> None:
    provider = network(account.provider)
    if missing := ", ".join(provider.missing()):
        words = f"{provider.label} is not set up on this site: {missing} is missing."
        raise Problem(Code.PROVIDER_NOT_CONFIGURED, words, account.provider)


def _must_be_renewable(account: SocialAccount, at: datetime) -> None:
    token, name = account.token, account.provider
    again = f"{account} has to be connected again."
    if token is None:
        raise Problem(Code.NO_ACCESS_TOKEN, again, name)
    if token.state == TokenState.DEAD:
        raise Problem(Code.TOKEN_EXPIRED, f"{again} {token.problem}".strip(), name)
    if account.key_sealed:
        words = f"{account} has a key of its own, which is not renewed."
        raise Problem(Code.NO_REFRESH_TOKEN, words, name)
    if not token.can_refresh:
        if token.expires_at and token.expires_at <= at:
            raise Problem(Code.TOKEN_EXPIRED, again, name)
        raise Problem(Code.NO_REFRESH_TOKEN, f"{account.label} does not renew keys.", name)
    if _told_to_wait(token, at):
        raise _not_now(account, token, Code.RATE_LIMIT_ERROR, at)


def _told_to_wait(token: OAuthToken, at: datetime) -> bool:
    """Whether the network said "too fast" the last time, and that time is not over."""
    waits = token.refresh_failures and token.refresh_at and token.refresh_at > at
    return bool(waits) and _last_code(token) is Code.RATE_LIMIT_ERROR


def _asked(tokens: Sequence[OAuthToken], at: datetime) -> dict[UUID, Outcome | Problem]:
    """How the renewal of each grant ended."""
    ends: dict[UUID, Outcome | Problem] = {}
    for first in range(0, len(tokens), AT_ONCE):
        ends.update(_together(tokens[first : first + AT_ONCE], at))
    return ends


def _together(some: Sequence[OAuthToken], at: datetime) -> dict[UUID, Outcome | Problem]:
    """How these ended that were asked at once; where one broke off, each again by itself.

    That asks nobody twice: a claim is taken only by who has seen the last attempt.
    """
    try:
        with plainly(Code.TOKEN_REFRESH_ERROR):
            return dict(refresh_all(some, at))
    except Problem as problem:
        if problem.code is not Code.UNKNOWN_ERROR or len(some) == 1:
            return dict.fromkeys((token.pk for token in some), problem)
    return {key: end for token in some for key, end in _together([token], at).items()}


def _result(
    account: SocialAccount,
    token: OAuthToken,
    before: OAuthToken,
    end: Outcome | Problem,
    at: datetime,
) -> Renewed:
    """What `end` means, going by the row as it stands now."""
    if (token.pk, token.version) != (before.pk, before.version):
        end = Outcome.REFRESHED
    problem = end if isinstance(end, Problem) else _trouble(account, token, end, at)
    outcome = Outcome.TRANSIENT if isinstance(end, Problem) else end
    return Renewed(account.pk, outcome, problem, token.expires_at)


def _trouble(
    account: SocialAccount, token: OAuthToken, outcome: Outcome, at: datetime
) -> Problem | None:
    """The Problem behind an outcome, None if there is none."""
    if outcome in (Outcome.REFRESHED, Outcome.STILL_GOOD):
        return None
    if token.state == TokenState.DEAD:
        words = f"{account} has to be connected again. {token.problem}"
        return Problem(Code.TOKEN_REFRESH_ERROR, words, account.provider)
    if in_doubt(token, network(token.provider), at):
        words = f"The key of {account} was not renewed. {token.problem}"
        return Problem(Code.TOKEN_REFRESH_ERROR, words, account.provider)
    if token.refresh_lease_until and token.refresh_lease_until > at:
        return None
    code = _last_code(token) if _opens(token) else Code.DECRYPTION_ERROR
    return _not_now(account, token, code, at)


def _not_now(account: SocialAccount, token: OAuthToken, code: Code, at: datetime) -> Problem:
    wait = token.refresh_at - at if token.refresh_at and token.refresh_at > at else None
    alive = token.expires_at is None or token.expires_at > at
    kept = "the present key stays" if alive else "it is tried again by itself"
    words = f"The key of {account} could not be renewed now; {kept}. {token.problem}".strip()
    return Problem(code, words, account.provider, wait=wait)


def _last_code(token: OAuthToken) -> Code:
    """What the journal calls the grant's last failure."""
    lines = Renewal.objects.filter(token_id=token.pk).order_by("-epoch")
    return Code(lines.values_list("code", flat=True).first() or Code.API_ERROR)


def _opens(token: OAuthToken) -> bool:
    try:
        unseal(token.access_sealed, f"token:{token.pk}:access")
        unseal(token.refresh_sealed, f"token:{token.pk}:refresh")
    except CannotOpen:
        return False
    return True
