"""Attach accounts to a grant: new, brought up to date, or refused because another team has them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import activity
from accounts.models import User
from providers.kit.contract import Identity, Offer
from tokens.models import AccountQuerySet, OAuthToken, SocialAccount
from tokens.networks import network
from tokens.problems import Problem
from tokens.states import AccountState
from tokens.vault import seal


def attach(
    token: OAuthToken, offer: Offer, *, user: User, realm: str, at: datetime
) -> SocialAccount:
    """The account of `offer` in the grant's team, which speaks by this grant from now on; noted.

    Raises Problem (ACCOUNT_ALREADY_CONNECTED) without spoiling the caller's transaction. A grant
    that its last account has left is forgotten.
    """
    try:
        with transaction.atomic():
            account = _attached(token, offer, user=user, realm=realm, at=at)
            words, path = f"Connected {account}", reverse("accounts")
            activity.note(account.team, user, activity.Kind.CONNECTED, words, at, path)
            return account
    except IntegrityError:  # another team has it since this moment
        raise _already(token, offer.identity) from None


def attach_each(
    token: OAuthToken, offers: Iterable[Offer], *, user: User, at: datetime
) -> tuple[tuple[SocialAccount, ...], tuple[Problem, ...]]:
    """Those of `offers` that are attached now, and why each of the others is not."""
    accounts, refused = list[SocialAccount](), list[Problem]()
    for offer in offers:
        try:
            accounts.append(attach(token, offer, user=user, realm=token.host, at=at))
        except Problem as problem:
            refused.append(problem)
    return tuple(accounts), tuple(refused)


def rows_of(token: OAuthToken, realm: str) -> AccountQuerySet:
    """Every team's accounts at the grant's network, within `realm` where ids are only unique so."""
    known = realm if network(token.provider).ids_per_host else ""
    return SocialAccount.objects.filter(provider=token.provider, realm=known)


def _attached(
    token: OAuthToken, offer: Offer, *, user: User, realm: str, at: datetime
) -> SocialAccount:
    rows = rows_of(token, realm).filter(external_id=offer.identity.external_id)
    if rows.held().exclude(team=token.team_id).exists():
        raise _already(token, offer.identity)
    account = rows.filter(team=token.team_id).order_by("-connected_at").first()
    account = account or SocialAccount(provider=token.provider, team_id=token.team_id)
    # Grants are locked before their accounts, everywhere: nobody waits in a circle.
    former = _locked(account) if account.pk else None
    account.realm = realm if network(token.provider).ids_per_host else ""
    account.connected_by, account.connected_at = user, at
    _bring_up_to_date(account, token, offer)
    if former and former.pk != token.pk and not former.accounts.exists():
        former.delete()
    return account


def _locked(account: SocialAccount) -> OAuthToken | None:
    """The grant that it hangs on until now."""
    return OAuthToken.objects.select_for_update(of=("self",)).filter(accounts=account).first()


def _bring_up_to_date(account: SocialAccount, token: OAuthToken, offer: Offer) -> None:
    identity = offer.identity
    account.external_id, account.handle = identity.external_id, identity.handle
    account.name, account.url = identity.name, identity.url
    account.avatar_url = identity.avatar_url
    account.token, account.problem, account.key_sealed = token, "", ""
    account.limits_due_at = None
    if account.state != AccountState.PAUSED:
        account.state = AccountState.CONNECTED
    account.save()
    if offer.access_token:  # sealed for its row, whose number a new account has only now
        account.key_sealed = seal(offer.access_token, f"account:{account.pk}:key")
        account.save(update_fields=["key_sealed"])


def _already(token: OAuthToken, identity: Identity) -> Problem:
    return Problem(
        "ACCOUNT_ALREADY_CONNECTED",
        f"{identity.handle} is already connected by another team; ask them to disconnect it.",
        token.provider,
    )
