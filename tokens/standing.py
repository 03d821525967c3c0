"""How an account stands: one of six words, with a sentence about what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from providers.kit.oauth import OAuthProvider
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import UnknownNetwork, network
from tokens.refresh import DOUBTFUL, in_doubt
from tokens.states import AccountState, TokenState

SOON = timedelta(days=14)
AGAIN = "Connect it again; posts that wait for it then go on by themselves."


class Health(StrEnum):
    """All that a team has to tell apart at a glance."""

    CONNECTED = "Connected"
    EXPIRING = "Expiring"
    RECONNECT = "Reconnect"
    PAUSED = "Paused"
    LIMITED = "Limited until"
    NOT_SET_UP = "Not set up"


ICONS = {
    Health.CONNECTED: "check",
    Health.EXPIRING: "hourglass",
    Health.RECONNECT: "key",
    Health.PAUSED: "pause",
    Health.LIMITED: "clock",
    Health.NOT_SET_UP: "ban",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A word and a sentence; `until` is the moment that they speak of, if there is one."""

    word: Health
    words: str
    until: datetime | None = None

    @property
    def icon(self) -> str:
        """The name of the drawing that stands beside the word."""
        return ICONS[self.word]


def standing(account: SocialAccount, at: datetime) -> Standing:
    """The first that is true: not set up, ended, paused by a person, told to wait, ending, well."""
    if said := _not_set_up(account):
        return Standing(Health.NOT_SET_UP, said)
    token = account.grant
    if account.state == AccountState.RECONNECT or token is None or _ended(account, token, at):
        return Standing(Health.RECONNECT, AGAIN)
    if account.state == AccountState.PAUSED:
        return Standing(Health.PAUSED, "Nothing goes out until somebody resumes it; posts wait.")
    if account.blocked_until and account.blocked_until > at:
        said = "The network asked for a pause; posts wait and go on by themselves."
        return Standing(Health.LIMITED, said, account.blocked_until)
    return _living(account, token, at)


def scopes(account: SocialAccount) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the network granted, and what was asked for and not granted; () where it did not say.

    "write" grants "write:statuses" too: the part before the colon stands for all that follow it.
    """
    granted = tuple(account.grant.scopes.split()) if account.grant else ()
    try:
        provider = network(account.provider)
    except UnknownNetwork:
        return granted, ()
    if not granted or not isinstance(provider, OAuthProvider):
        return granted, ()
    asked = provider.oauth.scopes
    return granted, tuple(s for s in asked if not {s, s.partition(":")[0]} & set(granted))


def _not_set_up(account: SocialAccount) -> str:
    """Why this site cannot speak to the account's network; "" if it can."""
    try:
        missing = network(account.provider).missing()
    except UnknownNetwork:
        return "This site does not offer this network."
    names = ", ".join(missing)
    return f"Whoever runs this site must first give it: {names}." if missing else ""


def _ended(account: SocialAccount, token: OAuthToken, at: datetime) -> bool:
    """Whether the grant is over for good; a key of its own outlives the end of the grant's."""
    if token.state == TokenState.DEAD or account.key_sealed:
        return token.state == TokenState.DEAD
    over = token.expires_at is not None and token.expires_at <= at
    return over and (not token.can_refresh or in_doubt(token, network(token.provider), at))


def _living(account: SocialAccount, token: OAuthToken, at: datetime) -> Standing:
    """A grant that is good now: for how long?"""
    if account.key_sealed:
        return Standing(Health.CONNECTED, "Posts can go out by a key of its own.")
    if in_doubt(token, network(token.provider), at):
        return Standing(Health.EXPIRING, DOUBTFUL, token.expires_at)
    if token.can_refresh:
        well = "Posts can go out; its key renews by itself."
        trouble = "Its key could not be renewed just now; that is tried again by itself."
        return Standing(Health.CONNECTED, trouble if token.problem else well)
    if token.expires_at is None:
        return Standing(Health.CONNECTED, "Posts can go out; its key does not expire.")
    if token.expires_at <= at + SOON:
        said = "The network does not renew it: connect it again before, and nothing is held up."
        return Standing(Health.EXPIRING, said, token.expires_at)
    return Standing(Health.CONNECTED, "Posts can go out.", token.expires_at)
