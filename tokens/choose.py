"""From a grant to its accounts: at once if it speaks for one, by choice if it speaks for several.

Accounts that the team has already are moved to the new grant without being asked about, so that
one reconnect serves all of them. What else is offered waits, sealed, until somebody has chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from accounts.models import Team, User
from providers.kit.contract import Identity, Offer, Offers, Provider
from providers.kit.errors import NetworkError
from tokens.attach import attach, attach_each, rows_of
from tokens.codes import Code
from tokens.connect import Granted, can_last
from tokens.derive import offers_of
from tokens.models import OAuthToken, Offered, SocialAccount, TokenQuerySet
from tokens.networks import network
from tokens.problems import Problem, plainly
from tokens.refresh import Outcome, refresh
from tokens.vault import CannotOpen, seal, unseal

OPEN_FOR = timedelta(minutes=50)  # a grant that nobody uses is swept after an hour


class Holder(StrEnum):
    """Who has an account that is offered."""

    NOBODY = "nobody"
    US = "us"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Connected:
    """What came of a connection: accounts, those still to be chosen from, and those refused."""

    accounts: tuple[SocialAccount, ...]
    token: OAuthToken
    offered: tuple[Offered, ...] = ()
    refused: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One account that can be chosen, or why it cannot."""

    offered: Offered
    holder: Holder


@plainly(Code.OAUTH_CALLBACK_ERROR)
def settle(granted: Granted, at: datetime) -> Connected:
    """Attach what the grant speaks for, or keep it for a choice; never leaves half a connection.

    Raises Problem: NO_ACCOUNTS_OFFERED, ACCOUNT_ALREADY_CONNECTED, OAUTH_CALLBACK_ERROR, API_ERROR.
    """
    token = granted.token
    try:
        provider = network(token.provider)
        if token.provisional:
            _make_last(token, provider, at)
        offers = _asked(token, provider)
        if len(offers) > 1:
            return _offer(token, offers, user=granted.user, at=at)
        account = attach(token, offers[0], user=granted.user, realm=granted.realm, at=at)
    except Problem:
        _let_go(token)
        raise
    return Connected((account,), token)


def candidates(key: UUID, team: Team, at: datetime) -> list[Candidate]:
    """What can be chosen behind the grant `key` of `team`; none once it is chosen or too late."""
    token = _open(team, at).filter(pk=key).first()
    if token is None:
        return []
    offered = list(token.offered.order_by("place"))
    holders = _holders(token, [each.external_id for each in offered])
    return [Candidate(each, holders.get(each.external_id, Holder.NOBODY)) for each in offered]


@plainly()
def choose(
    key: UUID, chosen: Collection[UUID], *, team: Team, user: User, at: datetime
) -> Connected:
    """Attach the chosen ones of what the grant `key` offers; the rest is forgotten.

    One that another team has taken meanwhile is refused, and the others are attached all the same.
    Raises Problem: INVALID_STATE (made already, or too late), VALIDATION_ERROR (nothing chosen).
    """
    with transaction.atomic():
        token = _open(team, at).select_for_update(of=("self",)).filter(pk=key).first()
        rows = list(token.offered.order_by("place")) if token else []
        if token is None or not rows:
            raise Problem("INVALID_STATE", "This choice was made already or too late; begin again.")
        offers = [_reopened(row) for row in rows if row.pk in chosen]
        if not offers:
            raise Problem("VALIDATION_ERROR", "Choose at least one account.", token.provider)
        accounts, refused = attach_each(token, offers, user=user, at=at)
        token.offered.all().delete()
        _let_go(token)
    return Connected(accounts, token, refused=refused)


@plainly()
def decline(key: UUID, team: Team) -> None:
    """Choose nothing: what was offered is forgotten, and the grant too if no account uses it."""
    with transaction.atomic():
        mine = OAuthToken.objects.for_team(team).select_for_update(of=("self",))
        token = mine.filter(pk=key).first()
        if token is not None:
            token.offered.all().delete()
            _let_go(token)


def _make_last(token: OAuthToken, provider: Provider, at: datetime) -> None:
    """Exchange a short-lived key for the lasting one, right away.

    If that fails for now it is tried again later by itself. But keys that are derived from a
    short-lived one would end with it, so a network that offers accounts has to give it now.
    """
    outcome = refresh(token, at)
    token.refresh_from_db()
    if outcome is Outcome.DEAD:
        raise _broken(provider, token.problem)
    if token.provisional and isinstance(provider, Offers):
        words = f"{provider.label} did not hand out a lasting key just now. {token.problem}".strip()
        words = f"{words} Nothing was connected; try again in a moment."
        raise Problem("API_ERROR", words, provider.name)
    if not token.provisional and not can_last(provider, token):
        token.can_refresh, token.refresh_at = False, None
        token.save(update_fields=["can_refresh", "refresh_at"])


def _asked(token: OAuthToken, provider: Provider) -> tuple[Offer, ...]:
    try:
        offers = offers_of(token)
    except NetworkError as problem:
        raise _broken(provider, problem.words) from None
    if not offers:
        raise Problem(
            "NO_ACCOUNTS_OFFERED",
            f"{provider.label} offered no account to post as. Check that you run at least one there"
            " and that you allowed Postrider to use it, then connect again.",
            provider.name,
        )
    return offers


def _offer(token: OAuthToken, offers: Sequence[Offer], *, user: User, at: datetime) -> Connected:
    """Move what the team has already to this grant; the rest is kept for a choice."""
    with transaction.atomic():
        holders = _holders(token, [offer.identity.external_id for offer in offers])
        ours = [o for o in offers if holders.get(o.identity.external_id) is Holder.US]
        accounts, _ = attach_each(token, ours, user=user, at=at)
        if len(holders) < len(offers):
            rows = [_kept(token, offer, place) for place, offer in enumerate(offers)]
            return Connected(accounts, token, tuple(Offered.objects.bulk_create(rows)))
    if not accounts:
        words = "All that was offered is connected by other teams; ask them to disconnect it."
        raise Problem("ACCOUNT_ALREADY_CONNECTED", words, token.provider)
    return Connected(accounts, token)


def _kept(token: OAuthToken, offer: Offer, place: int) -> Offered:
    who = offer.identity
    row = Offered(token=token, external_id=who.external_id, handle=who.handle, place=place)
    row.name, row.url, row.avatar_url = who.name, who.url, who.avatar_url
    row.key_sealed = seal(offer.access_token, f"offered:{row.pk}:key")
    return row


def _reopened(row: Offered) -> Offer:
    try:
        key = unseal(row.key_sealed, f"offered:{row.pk}:key")
    except CannotOpen as problem:
        raise Problem("DECRYPTION_ERROR", str(problem)) from None
    return Offer(Identity(row.external_id, row.handle, row.name, row.url, row.avatar_url), key)


def _holders(token: OAuthToken, ids: Collection[str]) -> dict[str, Holder]:
    """Who has which of these accounts; those that nobody has are not in it."""
    rows = rows_of(token, token.host).held().filter(external_id__in=ids)
    return {
        external_id: Holder.US if team_id == token.team_id else Holder.OTHERS
        for external_id, team_id in rows.values_list("external_id", "team_id")
    }


def _open(team: Team, at: datetime) -> TokenQuerySet:
    """The team's grants that somebody may still choose from."""
    mine = OAuthToken.objects.for_team(team).filter(created_at__gt=at - OPEN_FOR)
    return mine.filter(pk__in=Offered.objects.values("token"))


def _let_go(token: OAuthToken) -> None:
    """Forget a grant that no account uses; it is not revoked, which might end others with it."""
    if not token.accounts.exists():
        token.delete()


def _broken(provider: Provider, words: str) -> Problem:
    said = f"{provider.label} did not complete the connection: {words}"
    return Problem("OAUTH_CALLBACK_ERROR", said, provider.name)
