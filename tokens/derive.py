"""What a grant speaks for, asked of its network: its accounts, and each account's own key."""

from __future__ import annotations

from datetime import datetime

from providers.kit.contract import Offer, Offers, SignsInByOAuth
from providers.kit.errors import NetworkError, Throttled, Unauthorized, Unavailable, Unexpected
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import network
from tokens.refresh import fresh, opened
from tokens.states import AccountState, TokenState
from tokens.vault import CannotOpen, seal


def offers_of(token: OAuthToken) -> tuple[Offer, ...]:
    """Every account that the grant speaks for, each once; raises what networks raise.

    A network without choice offers the one account that it identifies.
    """
    provider = network(token.provider)
    try:
        grant = opened(token)
    except CannotOpen as problem:
        raise Unavailable(str(problem)) from None
    if isinstance(provider, Offers):
        offers = provider.offers(grant, token.host)
        return tuple({offer.identity.external_id: offer for offer in offers}.values())
    if not isinstance(provider, SignsInByOAuth):
        raise Unexpected(f"{provider.label} does not tell whom a grant speaks for.")
    return (Offer(provider.identify(grant, token.host)),)


def derive(account: SocialAccount, at: datetime) -> bool:
    """Fetch the own key of `account` again, because the network refused the present one.

    False if there is none to be had: only its owner can help. Raises Throttled or Unavailable if
    the network cannot be asked now.
    """
    refused = account.key_sealed
    account.refresh_from_db(fields=["key_sealed", "token"])
    if account.key_sealed != refused:  # somebody was faster, or it is disconnected
        return bool(account.key_sealed)
    key = _offered_key(account, at)
    if key:
        sealed = seal(key, f"account:{account.pk}:key")
        SocialAccount.objects.filter(pk=account.pk, key_sealed=refused).update(key_sealed=sealed)
        account.refresh_from_db(fields=["key_sealed", "token"])
    return account.key_sealed not in ("", refused)


def give_up(account: SocialAccount, words: str) -> bool:
    """The account alone waits for its owner; what else hangs on its grant goes on."""
    mine = SocialAccount.objects.held().filter(pk=account.pk, key_sealed=account.key_sealed)
    return bool(mine.update(state=AccountState.RECONNECT, problem=words))


def _offered_key(account: SocialAccount, at: datetime) -> str:
    """The key under which the living grant offers the account; "" if it does not."""
    token = account.grant
    if token is None or _over(token, at) or not isinstance(network(token.provider), Offers):
        return ""
    try:
        offers = offers_of(fresh(token, at))
    except Unauthorized:
        return ""
    except (Throttled, Unavailable):
        raise
    except NetworkError as problem:  # no post was sent, so nothing about it is uncertain
        raise Unavailable(problem.words, status=problem.status) from None
    keys = [o.access_token for o in offers if o.identity.external_id == account.external_id]
    return keys[0] if keys else ""


def _over(token: OAuthToken, at: datetime) -> bool:
    """Whether the grant has ended; its siblings' own keys have not, so nobody is marked for it."""
    past = token.expires_at is not None and token.expires_at <= at
    return token.state == TokenState.DEAD or (past and not token.can_refresh)
