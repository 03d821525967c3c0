"""The adapter that the stories are told with: any OpenID Connect provider, as a network."""

from __future__ import annotations

from typing import ClassVar

from providers.kit.contract import (
    Account,
    App,
    Family,
    Grant,
    Identity,
    Limits,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
from providers.kit.errors import Forbidden, NetworkError, Unauthorized, Unexpected
from providers.kit.http import Reply, text_in
from providers.kit.oauth import OAuth, OAuthProvider

CONSENT_EACH_TIME = {"prompt": "consent"}


class Oidc(OAuthProvider):
    """A network that can be connected and renewed; there is nothing to publish at it."""

    name = "oidc"
    label = "OpenID"
    colour = "#f78c40"
    limits: ClassVar[Limits] = Limits(TextRule(280, Unit.CODE_POINTS))
    family = Family.ROTATING
    settings = (
        Setting("OIDC_URL", "The provider's base URL.", needed=True),
        Setting("OIDC_CLIENT_ID", "Our client there.", needed=True),
        Setting("OIDC_CLIENT_SECRET", "Its secret.", needed=True, secret=True),
    )
    oauth = OAuth(
        scopes=("openid", "profile", "offline_access"),
        client_auth="basic",
        extra=CONSENT_EACH_TIME,
    )

    def authorize_endpoint(self, host: str) -> str:
        """Where people log in and say yes."""
        return f"{self.options['OIDC_URL']}/auth"

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens become tokens."""
        return f"{self.options['OIDC_URL']}/token"

    def identify(self, grant: Grant, host: str) -> Identity:
        """Whom the userinfo endpoint sees behind the access token."""
        reply = self.wire.call("GET", f"{self.options['OIDC_URL']}/me", bearer=grant.access_token)
        if not reply.ok:
            raise _refusal(reply)
        data = reply.json()
        return Identity(text_in(data, "sub"), text_in(data, "preferred_username"))

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """One rotation; the old refresh token is spent whatever becomes of the answer."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("There is no refresh token; the account must be connected again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """RFC 7009, by the refresh token: the whole grant ends."""
        ours = app or self.app(host)
        if ours:
            url = f"{self.options['OIDC_URL']}/token/revocation"
            self.revoke_token(url, {"token": grant.refresh_token}, ours)

    def publish(self, message: Message, account: Account) -> Receipt:
        """Says whether the key is good, and then that nothing can be published here."""
        self.identify(Grant(account.access_token), account.host)
        raise Forbidden("Nothing can be published here.")


def _refusal(reply: Reply) -> NetworkError:
    if reply.status == 401:
        return Unauthorized("The provider does not accept the access token.", status=401)
    if reply.status >= 500:
        return reply.troubled()
    return Unexpected(f"The provider answered {reply.status}.", status=reply.status)
