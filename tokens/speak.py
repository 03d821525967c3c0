"""Act as an account at its network, without ever showing its key.

A refused key is renewed once and the call made once more; a second refusal means that the account
needs its owner. An account with a key of its own speaks by that one, whatever its grant does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.utils import timezone

from providers.kit.contract import (
    Account,
    Finds,
    Limits,
    Message,
    Provider,
    Receipt,
    TellsLimits,
)
from providers.kit.errors import Forbidden, Unauthorized, Unavailable
from tokens.derive import derive, give_up
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import UnknownNetwork, network
from tokens.refresh import fresh, mark_dead
from tokens.states import TokenState
from tokens.vault import CannotOpen, unseal

Said = TypeVar("Said")


def publish(
    account: SocialAccount, message: Message, at: datetime, *, may_send: Callable[[], bool]
) -> Receipt:
    """Publish `message` as `account`; raises one of the seven errors.

    `may_send` is asked right before each request; when it says no, nothing is sent (Unavailable).
    """
    provider = _adapter(account)

    def send(key: Account) -> Receipt:
        if not may_send():
            raise Unavailable("There was too little time left to send safely.")
        return provider.publish(message, key)

    return _with_key(account, at, send)


def find(account: SocialAccount, message: Message, at: datetime) -> Receipt | None:
    """Look whether `message` stands at the network; None if it is not seen there.

    Raises one of the seven errors, and TypeError for a network without look-up (`can_find`).
    """
    provider = _adapter(account)
    if not isinstance(provider, Finds):
        raise TypeError(f"{provider.label} cannot look posts up")

    def look(key: Account) -> Receipt | None:
        return provider.find(message, key)

    return _with_key(account, at, look)


def limits_now(account: SocialAccount, at: datetime) -> Limits:
    """What fits into one of its posts, as its network says; raises one of the seven errors.

    TypeError for a network that does not tell.
    """
    provider = _adapter(account)
    if not isinstance(provider, TellsLimits):
        raise TypeError(f"{provider.label} tells no limits")
    return _with_key(account, at, provider.limits_now)


def can_find(provider: Provider) -> bool:
    """Whether a network can be asked for a post whose answer was lost."""
    return isinstance(provider, Finds)


def _adapter(account: SocialAccount) -> Provider:
    try:
        return network(account.provider)
    except UnknownNetwork:
        raise Forbidden("This site no longer offers this network.") from None


def _with_key(account: SocialAccount, at: datetime, act: Callable[[Account], Said]) -> Said:
    token = account.grant
    if token is None:
        raise Unauthorized("The account is not connected.")
    if account.key_sealed:
        return _with_own_key(account, token, act)
    token = fresh(token, at)
    try:
        return act(_key(account, token))
    except Unauthorized:
        refused = token.version
    token = fresh(token, timezone.now(), refused_version=refused)
    try:
        return act(_key(account, token))
    except Unauthorized as problem:
        mark_dead(token, token.version, problem.words)
        raise


def _with_own_key(
    account: SocialAccount, token: OAuthToken, act: Callable[[Account], Said]
) -> Said:
    """By the account's own key; a refused one is derived again from the grant, once."""
    if token.state == TokenState.DEAD:
        raise Unauthorized(token.problem)
    try:
        return act(_key(account, token))
    except Unauthorized as refusal:
        problem = refusal
    if derive(account, timezone.now()):
        try:
            return act(_key(account, token))
        except Unauthorized as refusal:
            problem = refusal
    give_up(account, problem.words)
    raise problem


def _key(account: SocialAccount, token: OAuthToken) -> Account:
    own = account.key_sealed
    try:
        access_token = (
            unseal(own, f"account:{account.pk}:key")
            if own
            else unseal(token.access_sealed, f"token:{token.pk}:access")
        )
        proof_key = unseal(token.proof_sealed, f"token:{token.pk}:proof")
    except CannotOpen as problem:
        raise Unavailable(str(problem)) from None
    return Account(
        external_id=account.external_id,
        handle=account.handle,
        host=token.host,
        access_token=access_token,
        proof_key=proof_key,
    )
