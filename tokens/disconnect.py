"""Disconnect an account: its secrets leave at once, the network is told, its history stays."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse

import providers
from accounts.notify import tell
from providers.kit.contract import Grant, Revokes
from providers.kit.errors import NetworkError
from tokens.codes import Code
from tokens.connect import app_for
from tokens.models import OAuthToken, Offered, Revocation, SocialAccount
from tokens.networks import UnknownNetwork, network
from tokens.problems import Problem, plainly
from tokens.states import AccountState
from tokens.vault import CannotOpen, seal, unseal

logger = logging.getLogger(__name__)
ORPHAN_AFTER = timedelta(hours=1)
TOLD_WITHIN = timedelta(days=1)
LONGEST_PAUSE = timedelta(hours=1)


@plainly()
def disconnect(account: SocialAccount, at: datetime) -> bool:
    """Take the account's keys away and leave word for the network; False if it was gone already."""
    with transaction.atomic():
        # The grant is locked first, so that nobody attaches an account to it while it goes.
        grants = OAuthToken.objects.select_for_update(of=("self",))
        token = grants.filter(accounts=account).first()
        gone = (
            SocialAccount.objects.held()
            .filter(pk=account.pk)
            .update(state=AccountState.DISCONNECTED, token=None, key_sealed="", problem="")
        )
        if gone and token and not token.accounts.exists():
            _leave_word(token, at)
            token.delete()
    return bool(gone)


@plainly()
def pause(account: SocialAccount) -> bool:
    """Nothing goes out until `resume`; what is due meanwhile is held."""
    return _switch(account, AccountState.CONNECTED, AccountState.PAUSED)


@plainly()
def resume(account: SocialAccount) -> bool:
    """What was held goes on."""
    return _switch(account, AccountState.PAUSED, AccountState.CONNECTED)


def revoke_due(at: datetime, limit: int = 50) -> dict[str, int]:
    """Tell the networks of disconnected accounts; {revoked, waiting, given_up}."""
    counts = {"revoked": 0, "waiting": 0, "given_up": 0}
    for word in Revocation.objects.filter(due_at__lte=at).order_by("due_at")[:limit]:
        counts[_revoke(word, at)] += 1
    return counts


def forget_orphans(at: datetime) -> int:
    """Grants that no account came out of, from dances that broke off; returns how many went.

    They are not revoked: some networks would end the person's other grants with them. What was
    offered and never chosen goes as well.
    """
    Offered.objects.filter(token__created_at__lt=at - ORPHAN_AFTER).delete()
    lone = OAuthToken.objects.filter(accounts__isnull=True, created_at__lt=at - ORPHAN_AFTER)
    return lone.delete()[0]


def _switch(account: SocialAccount, before: AccountState, after: AccountState) -> bool:
    rows = SocialAccount.objects.filter(pk=account.pk, state=before)
    return bool(rows.update(state=after))


def _leave_word(token: OAuthToken, at: datetime) -> None:
    """A sealed copy of the keys, for nothing but telling the network that they have ended."""
    try:
        access = unseal(token.access_sealed, f"token:{token.pk}:access")
        refresh = unseal(token.refresh_sealed, f"token:{token.pk}:refresh")
        proof = unseal(token.proof_sealed, f"token:{token.pk}:proof")
        provider = network(token.provider)
    except (CannotOpen, UnknownNetwork):
        return
    if not isinstance(provider, Revokes):
        return
    word = Revocation(
        team_id=token.team_id,
        provider=token.provider,
        host=token.host,
        due_at=at,
        until=at + TOLD_WITHIN,
    )
    word.access_sealed = seal(access, f"revocation:{word.pk}:access")
    word.refresh_sealed = seal(refresh, f"revocation:{word.pk}:refresh")
    word.proof_sealed = seal(proof, f"revocation:{word.pk}:proof")
    word.save()


def _revoke(word: Revocation, at: datetime) -> str:
    try:
        provider = network(word.provider)
        grant = Grant(
            access_token=unseal(word.access_sealed, f"revocation:{word.pk}:access"),
            refresh_token=unseal(word.refresh_sealed, f"revocation:{word.pk}:refresh"),
            host=word.host,
            proof_key=unseal(word.proof_sealed, f"revocation:{word.pk}:proof"),
        )
        if isinstance(provider, Revokes):
            provider.revoke(grant=grant, app=app_for(provider, word.host), host=word.host)
    except NetworkError as problem:
        if at < word.until:
            pause = min(LONGEST_PAUSE, timedelta(seconds=30 * 2 ** min(word.tries, 10)))
            Revocation.objects.filter(pk=word.pk).update(
                tries=word.tries + 1, due_at=at + pause, problem=problem.words
            )
            return "waiting"
        _give_up(word, problem.words, at)
        return "given_up"
    except (CannotOpen, UnknownNetwork) as problem:
        _give_up(word, str(problem), at)
        return "given_up"
    word.delete()
    return "revoked"


def _give_up(word: Revocation, said: str, at: datetime) -> None:
    """The network was not told within the time, so the team is."""
    label = providers.ADAPTERS[word.provider].label if word.provider in providers.ADAPTERS else ""
    place = f"{label or word.provider}{f' at {word.host}' if word.host else ''}"
    words = (
        f"{place} could not be told that an account was disconnected. Nothing goes out there any"
        " more, and this site has forgotten the account's keys; there they may be good until they"
        " end by themselves."
    )
    advice = (
        "To end them now, open its settings and remove this site from the apps that may use your"
        " account, or remove the app password that you made for it."
    )
    problem = Problem(Code.TOKEN_REVOKE_ERROR, f"{words} {advice} ({said})", word.provider)
    logger.warning("a revocation is given up: %s", problem.as_dict())
    tell(word.team, f"revoke:{word.pk}", problem.words, at, path=reverse("accounts"))
    word.delete()
