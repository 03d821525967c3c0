"""What the stories about bound keys share: a network of that kind, and what was sent to it."""

from __future__ import annotations

from urllib.parse import parse_qs

import providers
from tests.cast import Cast, Street
from tests.tokens.dance import begun, consent, finished
from tokens.models import OAuthToken, SocialAccount

BOUND = [n for n in providers.names() if providers.adapter(n).binds_tokens]
NAME = BOUND[0]


def signed_in(cast: Cast, street: Street) -> SocialAccount:
    """An account of Alice's team, connected at the network's own page."""
    return finished(cast, consent(begun(cast, street, NAME)))


def token_of(account: SocialAccount) -> OAuthToken:
    """The grant behind an account, as it stands now."""
    return OAuthToken.objects.get(accounts=account)


def calls(street: Street, path: str) -> list[int]:
    """The statuses of all requests there, in order; 0: the answer was lost."""
    return [int(r["status"]) for r in street.requests_of(NAME) if r["path"] == path]


def shown(street: Street) -> list[str]:
    """The refresh tokens that were shown to the network, in order."""
    sent = [parse_qs(r["body"]) for r in street.requests_of(NAME) if r["path"] == "/oauth/token"]
    return [form["refresh_token"][0] for form in sent if "refresh_token" in form]
