"""Keep a grant fresh: one refresher at a time over all processes, and never a burnt token.

A refresher claims the row (a lease, fenced by an epoch, and the committed intent to send in one),
calls the network, spools the answer to disk, commits it, and only then does anything else. A lease
that ran out leaves a refresh in doubt: a single-use token may be spent, so it is never sent again.
Its access token is used to its end; then the account asks for its owner and says why.
"""

from __future__ import annotations

import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from providers.kit.contract import App, Family, Grant, Provider, Refreshes
from providers.kit.errors import Misconfigured, NetworkError, Unauthorized, Unavailable, Uncertain
from tokens import crash, spool
from tokens.ask import Answer, ask
from tokens.connect import app_for
from tokens.lease import Attempt, Lease, claim
from tokens.models import OAuthToken, Renewal, SocialAccount
from tokens.networks import family_of, network
from tokens.problems import code_of
from tokens.states import AccountState, TokenState
from tokens.vault import CannotOpen, unseal

logger = logging.getLogger(__name__)
SKEW = timedelta(minutes=2)
WAIT_FOR_WINNER_S = 5.0
CLAIM_S = 0.5
BACKOFF_CAP = timedelta(minutes=30)
OPERATOR_CAP = timedelta(hours=1)
LOST = (
    "The network's answer to a renewal got lost, and its renewal key works only once;"
    " connect the account again."
)
DOUBTFUL = (
    "The network's answer to a renewal got lost; the account works until its present key ends or"
    " until the network says otherwise, then it has to be connected again."
)
ENDED = "The connection has ended and this network offers no renewal; connect it again."


class Outcome(StrEnum):
    """How one refresh ended."""

    REFRESHED = "refreshed"
    STILL_GOOD = "still_good"
    TRANSIENT = "transient"
    DEAD = "dead"
    SKIPPED = "skipped"  # somebody else is at it, or it must not be tried now


def fresh(token: OAuthToken, at: datetime, *, refused_version: int | None = None) -> OAuthToken:
    """The grant, good now: renewed if it is about to end or was refused as `refused_version`.

    Waits briefly for another refresher. Raises Unauthorized (dead: its owner must connect again)
    or Unavailable (no good token at this moment; try later).
    """
    if token.state == TokenState.DEAD:
        raise Unauthorized(token.problem or ENDED)
    refused = refused_version is not None and token.version <= refused_version
    if not refused and not _ends(token, at + SKEW):
        return token
    if not token.can_refresh:
        return _unrefreshable(token, at, refused=refused)
    if not refused and _backing_off(token, at):
        return _patient(token, at)
    try:
        _renew_or_wait(token, at, refused=refused)
        token.refresh_from_db()
    except OAuthToken.DoesNotExist:
        raise Unauthorized("The account was disconnected.") from None
    if token.state == TokenState.DEAD:
        raise Unauthorized(token.problem)
    if _ends(token, at) or (refused and token.version <= (refused_version or 0)):
        raise Unavailable("The account's key is being renewed.", wait=timedelta(seconds=30))
    return token


def _renew_or_wait(token: OAuthToken, at: datetime, *, refused: bool) -> None:
    """Renew, or let somebody else; a refused key in doubt has nothing left but the spool."""
    seen = token.version
    token.refresh_from_db()
    if token.version != seen:  # somebody was faster
        return
    if refused and in_doubt(token, network(token.provider), at):
        spool.replay()
        _mark_lost(token, at)
    elif refresh(token, at, refused=refused) is Outcome.SKIPPED:
        _wait_for_winner(token)


def refresh(token: OAuthToken, at: datetime, *, refused: bool = False) -> Outcome:
    """Renew one grant now, unless somebody else is at it; never raises for what networks say.

    `refused`: the network has refused the access token, so that there is nothing left to lose.
    """
    return refresh_all([token], at, refused=refused)[token.pk]


def refresh_all(
    tokens: Sequence[OAuthToken], at: datetime, *, refused: bool = False
) -> dict[UUID, Outcome]:
    """Renew many grants, all their requests at the same time; how each of them ended, by its key.

    One claim for all, one request for each, and the answers are committed as they come, those
    that came together in one go. Every answer is on the disk before anything else happens to it.
    """
    outcomes: dict[UUID, Outcome] = {}
    attempts: list[Attempt] = []
    apps = cache(app_for)
    for token in tokens:
        found = _ready(token, at, apps, refused=refused)
        if isinstance(found, Attempt):
            attempts.append(found)
        else:
            outcomes[token.pk] = found
    leases = claim(attempts, at)
    outcomes |= dict.fromkeys({a.token.pk for a in attempts}, Outcome.SKIPPED)
    if leases:
        crash.here("refresh_before_request")
        for answers in ask(leases, at):
            outcomes |= _recorded(answers, at)
    return outcomes


def _ready(
    token: OAuthToken,
    at: datetime,
    apps: Callable[[Provider, str], App | None],
    *,
    refused: bool,
) -> Attempt | Outcome:
    """The grant, opened, if it may be renewed now; else how this ends without a request."""
    provider = network(token.provider)
    if not isinstance(provider, Refreshes) or not token.can_refresh:
        return Outcome.SKIPPED
    if in_doubt(token, provider, at):
        return _settle_doubt(token, at)
    if not refused and _held_back(token, at):
        return Outcome.SKIPPED
    try:
        return Attempt(token, provider, provider, opened(token), apps(provider, token.host))
    except CannotOpen as problem:
        return _closed(token, str(problem), at)


def in_doubt(token: OAuthToken, provider: Provider, at: datetime) -> bool:
    """Whether a single-use refresh token may be spent without our having its successor."""
    lapsed = token.refresh_lease_until is not None and token.refresh_lease_until <= at
    sent = token.refresh_sent_at is not None
    return family_of(provider, token.family) is Family.ROTATING and lapsed and sent


def _held_back(token: OAuthToken, at: datetime) -> bool:
    """Whether a key that may be spent waits until its access token has ended."""
    if not _backing_off(token, at) or token.refresh_at is None or token.expires_at is None:
        return False
    single_use = family_of(network(token.provider), token.family) is Family.ROTATING
    return single_use and at < token.expires_at <= token.refresh_at


def _mark_lost(token: OAuthToken, at: datetime) -> bool:
    """`mark_dead`, if the row itself is in doubt still: the caller's copy may be old."""
    return mark_dead(token, token.version, LOST, only_if=_doubtful(at))


def _doubtful(at: datetime) -> Q:
    """What `in_doubt` asks, as a question to the row."""
    return Q(refresh_sent_at__isnull=False, refresh_lease_until__lte=at)


def mark_dead(token: OAuthToken, version: int, words: str, *, only_if: Q | None = None) -> bool:
    """The network refuses the grant for good: it and its accounts wait for their owner."""
    with transaction.atomic():
        died = OAuthToken.objects.filter(only_if or Q(), pk=token.pk, version=version).update(
            state=TokenState.DEAD, problem=words, refresh_lease_until=None, refresh_sent_at=None
        )
        if died:
            SocialAccount.objects.filter(token_id=token.pk).update(
                state=AccountState.RECONNECT, problem=words
            )
    return bool(died)


def _ends(token: OAuthToken, by: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= by


def _backing_off(token: OAuthToken, at: datetime) -> bool:
    """Whether an earlier failure says to wait; a doubt is not settled by waiting."""
    failed = token.refresh_failures and not token.refresh_sent_at
    return bool(failed and token.refresh_at and token.refresh_at > at)


def _patient(token: OAuthToken, at: datetime) -> OAuthToken:
    """While backing off: the present grant as long as it lives, else when to come back."""
    if not _ends(token, at):
        return token
    wait = token.refresh_at - at if token.refresh_at else timedelta(seconds=30)
    raise Unavailable(f"The account's key could not be renewed: {token.problem}", wait=wait)


def _unrefreshable(token: OAuthToken, at: datetime, *, refused: bool) -> OAuthToken:
    """A grant without refresh: still good, or dead by refusal or by age."""
    if not refused and not _ends(token, at):
        return token
    mark_dead(token, token.version, ENDED)
    raise Unauthorized(ENDED)


def _settle_doubt(token: OAuthToken, at: datetime) -> Outcome:
    """In doubt: the access token is used to its end, then the owner is asked.

    Some networks end it together with the refresh token that was spent. Then the next post is
    refused, and the owner is asked at once.
    """
    spool.replay()
    mine = OAuthToken.objects.filter(pk=token.pk)
    if mine.filter(version__gt=token.version).exists():
        return Outcome.REFRESHED
    if not _ends(token, at):
        still = mine.filter(_doubtful(at), version=token.version)
        still.update(refresh_at=token.expires_at, problem=DOUBTFUL)
        return Outcome.SKIPPED
    return Outcome.DEAD if _mark_lost(token, at) else Outcome.SKIPPED


def opened(token: OAuthToken) -> Grant:
    """The stored grant in the clear; raises CannotOpen."""
    return Grant(
        access_token=unseal(token.access_sealed, f"token:{token.pk}:access"),
        refresh_token=unseal(token.refresh_sealed, f"token:{token.pk}:refresh"),
        scopes=tuple(token.scopes.split()),
        host=token.host,
        proof_key=unseal(token.proof_sealed, f"token:{token.pk}:proof"),
        family=Family(token.family) if token.family else None,
        provisional=token.provisional,
    )


def _closed(token: OAuthToken, words: str, at: datetime) -> Outcome:
    """Our own keys do not open this grant: the operator's matter, nobody is marked for it."""
    logger.error("the grant %s cannot be opened: %s", token.pk, words)
    OAuthToken.objects.filter(pk=token.pk, version=token.version).update(
        problem=words, refresh_at=at + OPERATOR_CAP
    )
    return Outcome.TRANSIENT


def _recorded(answers: Sequence[Answer], at: datetime) -> dict[UUID, Outcome]:
    """Commit the new pairs of a group first, then what became of the others, then the journal."""
    renewed = [answer.renewed for answer in answers if answer.renewed]
    kept = set[str]()
    if renewed:
        kept = spool.commit(renewed)
        crash.here("refresh_after_commit")
    ended: dict[tuple[Outcome, str, str], list[int]] = defaultdict(list)
    outcomes = {}
    for answer in answers:
        token, words, code = answer.lease.token, "", ""
        if answer.problem:
            outcome, words = _record_failure(answer.lease, answer.problem, at), answer.problem.words
            code = code_of(answer.problem)
        else:
            outcome = Outcome.REFRESHED if str(token.pk) in kept else Outcome.SKIPPED
        outcomes[token.pk] = outcome
        ended[outcome, words, code].append(answer.lease.line)
    for (outcome, words, code), lines in ended.items():
        Renewal.objects.filter(pk__in=lines).update(
            ended_at=timezone.now(), outcome=outcome, words=words, code=code
        )
    for answer in answers:
        if answer.file:
            answer.file.unlink(missing_ok=True)
    return outcomes


def _record_failure(lease: Lease, problem: NetworkError, at: datetime) -> Outcome:
    """Keep the old pair; only a refused grant is dead, and our own fault blames nobody."""
    if isinstance(problem, Unauthorized):
        mark_dead(lease.token, lease.token.version, problem.words)
        return Outcome.DEAD
    single_use = lease.attempt.family is Family.ROTATING
    doubt = single_use and isinstance(problem, Uncertain) and problem.status is None
    failures = lease.token.refresh_failures + 1
    cap = OPERATOR_CAP if isinstance(problem, Misconfigured) else BACKOFF_CAP
    pause = min(cap, timedelta(seconds=10 * 2 ** min(failures, 12)))
    pause *= random.uniform(0.5, 1)  # noqa: S311 - spreads load
    again, ends = at + pause, lease.token.expires_at
    if single_use and ends and isinstance(problem, (Uncertain, Unavailable)) and problem.status:
        # An answer without a token: most likely nothing happened, yet the token may be spent, and
        # showing it again may end the grant. Once the access token has ended nothing can be lost.
        again = max(again, ends)
    OAuthToken.objects.filter(lease.row).update(
        refresh_lease_until=at if doubt else None,
        refresh_sent_at=F("refresh_sent_at") if doubt else None,
        refresh_at=ends if doubt else again,
        refresh_failures=failures,
        problem=DOUBTFUL if doubt else problem.words,
    )
    return Outcome.TRANSIENT


def _wait_for_winner(token: OAuthToken) -> None:
    """Give the other refresher a moment; its result is in the row when this returns."""
    began = time.monotonic()
    ends_at = began + WAIT_FOR_WINNER_S
    while time.monotonic() < ends_at:
        row = OAuthToken.objects.filter(pk=token.pk).first()
        if row is None or row.version != token.version:
            return
        if row.refresh_lease_until is None:
            if row.refresh_epoch != token.refresh_epoch or time.monotonic() > began + CLAIM_S:
                return
            time.sleep(0.02)  # the winner's claim is not committed yet
            continue
        if row.refresh_lease_until <= timezone.now():
            return
        time.sleep(0.1)
