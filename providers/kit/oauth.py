"""OAuth 2 towards networks: the authorization-code dance and the refresh, quirks as data.

RFC 6749 (codes, tokens, errors) and RFC 7636 (PKCE, S256 only). A provider subclasses
`OAuthProvider` and describes itself with an `OAuth`; it gets `depart` and `exchange`, and
writes `refresh` only if its network has one.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal
from urllib.parse import urlencode

from providers.kit.contract import App, Dance, Departure, Grant, Provider
from providers.kit.errors import (
    Misconfigured,
    NetworkError,
    Throttled,
    Unauthorized,
    Unavailable,
    Unexpected,
)
from providers.kit.http import Reply, text_in
from providers.kit.rates import asked_wait

OUR_FAULT = frozenset(
    {"invalid_client", "unauthorized_client", "bad_client_secret", "incorrect_client_credentials"}
)


@dataclass(frozen=True, slots=True)
class OAuth:
    """The quirks of one network's dance. `extra` goes into the authorize URL.

    `pkce`: whether it knows RFC 7636; where it does not, no verifier is sent, for some token
    endpoints refuse one that they did not expect.
    """

    scopes: tuple[str, ...]
    scope_separator: str = " "
    client_auth: Literal["basic", "body", "none"] = "body"
    extra: Mapping[str, str] = field(default_factory=dict)
    pkce: bool = True


def new_verifier() -> str:
    """A fresh PKCE verifier: 86 characters (RFC 7636 allows 43 to 128)."""
    return secrets.token_urlsafe(64)


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def lifetime(expires_in: object) -> timedelta | None:
    """The span in `expires_in` (seconds, as a number or a string); None if it makes no sense."""
    try:
        span = timedelta(seconds=float(str(expires_in)))
    except (ValueError, OverflowError):
        return None
    return span if span > timedelta(0) else None


class OAuthProvider(Provider):
    """A Provider that connects by the authorization-code dance."""

    oauth: ClassVar[OAuth]

    def authorize_endpoint(self, host: str) -> str:
        """Where people say yes; an absolute URL."""
        raise NotImplementedError(f"{type(self).__name__}.authorize_endpoint")

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens become tokens; an absolute URL."""
        raise NotImplementedError(f"{type(self).__name__}.token_endpoint")

    def calling_card(self) -> Mapping[str, str]:
        """Headers that every request to the token endpoint carries."""
        return {}

    def app(self, host: str) -> App | None:
        """Our app from the settings `<NAME>_CLIENT_ID` and `<NAME>_CLIENT_SECRET`."""
        prefix = self.name.upper()
        client_id = self.options.get(f"{prefix}_CLIENT_ID", "")
        return App(client_id, self.options.get(f"{prefix}_CLIENT_SECRET", ""))

    def depart(self, dance: Dance) -> Departure:
        """Where to send the browser; with PKCE S256 unless the network knows none."""
        query = self.authorize_query(dance)
        return Departure(f"{self.authorize_endpoint(dance.host)}?{urlencode(query)}")

    def authorize_query(self, dance: Dance) -> dict[str, str]:
        """The parameters of the authorize URL."""
        proof = {
            "code_challenge": challenge(dance.verifier),
            "code_challenge_method": "S256",
        }
        return {
            "response_type": "code",
            "client_id": dance.app.client_id,
            "redirect_uri": dance.redirect_uri,
            "scope": self.oauth.scope_separator.join(self.oauth.scopes),
            "state": dance.state,
            **(proof if self.oauth.pkce else {}),
            **self.oauth.extra,
        }

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """Trade the code for tokens, once: it is single use, so a lost answer ends the dance."""
        form = {
            "grant_type": "authorization_code",
            "code": params["code"],
            "redirect_uri": dance.redirect_uri,
            **({"code_verifier": dance.verifier} if self.oauth.pkce else {}),
        }
        return self.ask_for_grant(form, dance.app, dance.host)

    def refresh_grant(self, grant: Grant, app: App, host: str) -> Grant:
        """The standard refresh; keeps the old refresh token where the answer brings none."""
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        fresh = self.ask_for_grant(form, app, host)
        return Grant(
            access_token=fresh.access_token,
            refresh_token=fresh.refresh_token or grant.refresh_token,
            lifetime=fresh.lifetime,
            scopes=fresh.scopes or grant.scopes,
            host=grant.host,
        )

    def revoke_token(self, url: str, form: dict[str, str], app: App) -> None:
        """RFC 7009: one token, by the client authentication of this network.

        A token that is unknown or dead already is what was wanted.
        """
        filled, basic = self._authenticated(form, app)
        card = self.calling_card()
        reply = self.wire.call("POST", url, safe=True, form=filled, basic=basic, headers=card)
        gone = text_in(reply.maybe_json(), "error") in {"invalid_grant", "invalid_token"}
        if not reply.ok and not gone and not self.grant_is_dead(reply):
            raise self.token_refusal(reply)

    def ask_for_grant(self, form: dict[str, str], app: App, host: str) -> Grant:
        """One call of the token endpoint, with the client authentication of this network."""
        filled, basic = self._authenticated(form, app)
        url, card = self.token_endpoint(host), self.calling_card()
        reply = self.wire.call("POST", url, form=filled, basic=basic, headers=card)
        if not reply.ok or reply.maybe_json().get("error"):  # some networks refuse with a 200
            raise self.token_refusal(reply)
        return self.read_grant(reply)

    def _authenticated(
        self, form: dict[str, str], app: App
    ) -> tuple[dict[str, str], tuple[str, str] | None]:
        """The form with our app's credentials, and those that go into the header."""
        match self.oauth.client_auth:
            case "basic":
                return form, (app.client_id, app.client_secret)
            case "body":
                return {
                    **form,
                    "client_id": app.client_id,
                    "client_secret": app.client_secret,
                }, None
            case "none":
                return {**form, "client_id": app.client_id}, None

    def read_grant(self, reply: Reply) -> Grant:
        """The grant in a token answer; an answer without a token is never stored."""
        data = reply.json()
        token = data.get("access_token")
        if not isinstance(token, str) or not token:
            raise Unavailable("The network answered without a token.", status=reply.status)
        scopes = data.get("scope")
        refresh_token = data.get("refresh_token")
        return Grant(
            access_token=token,
            refresh_token=refresh_token if isinstance(refresh_token, str) else "",
            lifetime=lifetime(data.get("expires_in")),
            scopes=tuple(scopes.replace(",", " ").split()) if isinstance(scopes, str) else (),
        )

    def wait(self, reply: Reply) -> timedelta | None:
        """How long this answer asks us to wait, in this network's dialect."""
        return asked_wait(reply, self.meters)

    def grant_is_dead(self, reply: Reply) -> bool:
        """Whether this refusal means that the person has to connect again."""
        return reply.maybe_json().get("error") == "invalid_grant"

    def token_refusal(self, reply: Reply) -> NetworkError:
        """The error behind a refused token call; a bad app secret never blames the account."""
        error = str(reply.maybe_json().get("error", ""))
        said = reply.said("error_description", "error")
        if reply.status == 429:
            return Throttled("Too many token requests.", wait=self.wait(reply), status=429)
        if reply.status >= 500:
            return Unavailable("The network has trouble with tokens.", status=reply.status)
        if error in OUR_FAULT:
            words = f"The network does not accept our app's credentials ({error})."
            return Misconfigured(words, status=reply.status, network_code=error)
        if self.grant_is_dead(reply):
            words = f"The network no longer accepts this connection: {said}"
            return Unauthorized(words, status=reply.status, network_code=error)
        words = f"The network refused the token request: {said}"
        return Unexpected(words, status=reply.status, network_code=error)
