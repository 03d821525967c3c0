"""What the stories look at: rows, keys in the clear, the server's own list."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.utils import timezone

from tokens.models import OAuthToken, SocialAccount
from tokens.states import AccountState, TokenState
from tokens.vault import unseal

from .server import Authority

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def ends(token: OAuthToken, at: datetime) -> OAuthToken:
    """The grant as it stands if its access token ends at `at`."""
    OAuthToken.objects.filter(pk=token.pk).update(expires_at=at)
    token.refresh_from_db()
    return token


def lease_runs_out(token: OAuthToken) -> None:
    """Whoever was renewing the grant has not been heard of for too long."""
    held = OAuthToken.objects.filter(pk=token.pk, refresh_lease_until__isnull=False)
    held.update(refresh_lease_until=timezone.now() - SECOND)
    token.refresh_from_db()


def keys_of(token: OAuthToken) -> tuple[str, str]:
    """The access token and the refresh token, in the clear."""
    token.refresh_from_db()
    return (
        unseal(token.access_sealed, f"token:{token.pk}:access"),
        unseal(token.refresh_sealed, f"token:{token.pk}:refresh"),
    )


def works(authority: Authority, token: OAuthToken) -> bool:
    """Whether the stored access token opens the userinfo endpoint."""
    return authority.accepts(keys_of(token)[0])


def digest(secret: str) -> str:
    """The name under which the server's list knows a refresh token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def assert_none_sent_twice(authority: Authority) -> None:
    """No refresh token that was, or may have been, spent reached the server again."""
    spent: set[str | None] = set()
    for each in authority.refreshes():
        assert each.refresh not in spent, authority.refreshes()
        if each.status is None or each.status == 200 or each.status >= 500:
            spent.add(each.refresh)


def assert_waits_for_its_owner(account: SocialAccount, *reason: str) -> None:
    """The account says that it must be connected again, and why, without any secret."""
    account.refresh_from_db()
    token = account.token
    assert token is not None
    assert (account.state, token.state) == (AccountState.RECONNECT, TokenState.DEAD)
    for words in reason:
        assert words in account.problem
    assert account.problem == token.problem
    assert_silent(account.problem, *keys_of(token))


def assert_unmarked(account: SocialAccount) -> None:
    """Nobody blames the account."""
    account.refresh_from_db()
    assert account.token is not None
    assert (account.state, account.token.state) == (AccountState.CONNECTED, TokenState.GOOD)
    assert account.problem == ""


def assert_silent(words: str, *hidden: str) -> None:
    """There are words, and none of the `hidden` values is in them."""
    assert words
    for secret in hidden:
        assert secret not in words
