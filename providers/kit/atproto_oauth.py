"""OAuth of the AT Protocol: pushed requests, bound single-use tokens, a client known by its URL.

atproto.com/specs/oauth, RFC 9126 (PAR), RFC 9207 (iss), RFC 9449 (DPoP), RFC 7523 (client
assertions); networks.md of 2026-11-21, section 13b. A network of this kind subclasses
`AtprotoOAuth`, hands it a `Registry`, and writes `identify`.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from providers.kit import dpop
from providers.kit.contract import App, Dance, Departure, Family, Grant
from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    Throttled,
    Unauthorized,
    Unavailable,
    Unexpected,
)
from providers.kit.http import Reply, text_in
from providers.kit.identities import Home, Issuer, Registry
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import epoch_reset, retry_after
from providers.kit.uploads import File

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(seconds=60)
LOOPBACK = frozenset({"127.0.0.1", "::1"})
OUR_FAULT = frozenset({"invalid_client_metadata", "invalid_client_id", "invalid_redirect_uri"})
NOT_OUR_CLOCK = "The server refuses our proofs; is the clock of this machine right?"


class AtprotoOAuth(OAuthProvider):
    """A Provider that connects at the server of whoever signs in."""

    binds_tokens = True
    oauth: ClassVar[OAuth] = OAuth(scopes=("atproto", "transition:generic"), client_auth="none")
    client_name: ClassVar[str] = "Postrider"

    def registry(self) -> Registry:
        """Who answers our questions about identities."""
        raise NotImplementedError(f"{type(self).__name__}.registry")

    def client_key(self) -> str:
        """The private key (a JWK) by which our app proves who it is; "" for a public client."""
        return ""

    def token_endpoint(self, host: str) -> str:
        """Told by each account's own server; here the one that is asked first."""
        return host

    # Our app

    def app(self, host: str) -> App | None:
        """None: what our app is called depends on where this site is, see `client`."""
        return None

    def client(self, document: str, redirect_uri: str) -> App | None:
        """A site with TLS is called by its document; one on loopback needs none (development)."""
        if document.startswith("https://"):
            return App(document)
        if urlsplit(redirect_uri).hostname not in LOOPBACK:
            return None
        said = {"redirect_uri": redirect_uri, "scope": " ".join(self.oauth.scopes)}
        return App(f"http://localhost?{urlencode(said, quote_via=quote, safe='')}")

    def client_metadata(self, app: App, redirect_uri: str) -> dict[str, Any]:
        """The document at our client id; of a key it holds the public half only."""
        known: dict[str, Any] = {
            "client_id": app.client_id,
            "client_name": self.client_name,
            "application_type": "web",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": " ".join(self.oauth.scopes),
            "dpop_bound_access_tokens": True,
            "token_endpoint_auth_method": "none",
        }
        if not (key := self._key_of(app)):
            return known
        mine = {**dpop.public_part(key), "kid": dpop.thumbprint(key), "alg": dpop.ALGORITHM}
        known |= {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": dpop.ALGORITHM,
        }
        return {**known, "jwks": {"keys": [{**mine, "use": "sig"}]}}

    def _key_of(self, app: App) -> str:
        """Our key, unless the app is one without a document, which cannot have any."""
        return self.client_key() if app.client_id.startswith("https://") else ""

    # The dance

    def depart(self, dance: Dance) -> Departure:
        """Find the person's server, push the request there, and send the browser after it."""
        home = self.registry().home(dance.hint or dance.host)
        issuer = home.issuer
        form = self.authorize_query(dance)
        if home.did:
            form["login_hint"] = dance.hint
        # A request that is pushed twice is asked of nobody twice: only one is followed.
        reply = self._ask(issuer.push, form, dance.app, issuer, dance.proof_key, safe=True)
        if not reply.ok:
            raise self.token_refusal(reply)
        request_uri = text_in(reply.json(), "request_uri")
        if not request_uri:
            raise reply.unreadable()
        query = {"client_id": dance.app.client_id, "request_uri": request_uri}
        memory = {"did": home.did, "pds": home.pds, **issuer.as_dict()}
        joint = "&" if "?" in issuer.authorize else "?"
        return Departure(f"{issuer.authorize}{joint}{urlencode(query)}", json.dumps(memory))

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """Trade the code, then make sure that the server may speak for the account it names."""
        memory = dict(json.loads(dance.memory))
        did, pds = str(memory.pop("did")), str(memory.pop("pds"))
        issuer = Issuer(**memory)
        if params.get("iss") != issuer.issuer:
            raise Unexpected("The answer did not come from the server that was asked.")
        form = {
            "grant_type": "authorization_code",
            "code": params["code"],
            "redirect_uri": dance.redirect_uri,
            "code_verifier": dance.verifier,
        }
        reply = self._ask(issuer.trade, form, dance.app, issuer, dance.proof_key)
        grant = replace(self._grant(reply), proof_key=dance.proof_key)
        try:
            home = self._vouched(reply, grant, Home(issuer, did, pds))
        except NetworkError:
            with contextlib.suppress(NetworkError):  # what is not wanted here shall not live there
                self._revoke(grant, dance.app, issuer)
            raise
        return replace(grant, host=home.pds)

    def _vouched(self, reply: Reply, grant: Grant, expected: Home) -> Home:
        """The home of the account that the tokens are for, which must be where we signed in."""
        answer = reply.json()
        did = text_in(answer, "sub")
        if text_in(answer, "token_type").lower() != "dpop":
            raise Unexpected("The server gave a token that is not bound to our key.")
        if "atproto" not in grant.scopes:
            raise Forbidden("The server did not give access to the account (scope atproto).")
        if expected.did:
            if did != expected.did:
                raise Unexpected("Somebody else signed in than the account that was named.")
            return expected
        home = self.registry().home_of(did) if did else None
        if home is None or home.issuer.issuer != expected.issuer.issuer:
            raise Unexpected("The server spoke for an account that lives elsewhere.")
        return home

    # Afterwards

    def call_bound(
        self,
        method: str,
        url: str,
        token: str,
        key: str,
        body: Mapping[str, Any] | File | None = None,
        *,
        safe: bool | None = None,
    ) -> Reply:
        """One call with a token, proved by the key that it is bound to, if it is bound to one."""
        load: dict[str, Any] = {"body" if isinstance(body, File) else "json": body, "safe": safe}
        if not key:
            return self.wire.call(method, url, bearer=token, **load)

        def send(headers: Mapping[str, str], hidden: tuple[str, ...]) -> Reply:
            return self.wire.call(method, url, headers=headers, secrets=hidden, **load)

        return dpop.prove(method, url, key, send, access_token=token)

    def refresh_bound(self, grant: Grant, app: App | None, host: str) -> Grant:
        """One rotation: the old refresh token is spent whatever becomes of the answer."""
        if not grant.refresh_token:
            raise Unauthorized("There is no refresh token; the account must be connected again.")
        issuer = self._issuer_of(grant.host or host)
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        reply = self._ask(issuer.trade, form, _known(app), issuer, grant.proof_key)
        fresh = self._grant(reply)
        return replace(
            fresh,
            scopes=fresh.scopes or grant.scopes,
            host=grant.host or host,
            proof_key=grant.proof_key,
        )

    def revoke_bound(self, grant: Grant, app: App | None, host: str) -> None:
        """RFC 7009; ends the whole session."""
        self._revoke(grant, _known(app), self._issuer_of(grant.host or host))

    def _issuer_of(self, host: str) -> Issuer:
        """Who renews tokens of a server, asked anew; trouble here means that nothing was sent."""
        try:
            return self.registry().issuer_at(host, only=True)
        except Throttled:
            raise
        except NetworkError as problem:
            late = problem.timed_out
            raise Unavailable(problem.words, wait=problem.wait, timed_out=late) from None

    def _revoke(self, grant: Grant, app: App, issuer: Issuer) -> None:
        if not issuer.revoke:
            return
        form = {"token": grant.refresh_token or grant.access_token}
        reply = self._ask(issuer.revoke, form, app, issuer, grant.proof_key, safe=True)
        if not reply.ok and not self.grant_is_dead(reply):
            raise self.token_refusal(reply)

    def _ask(
        self,
        url: str,
        form: Mapping[str, str],
        app: App,
        issuer: Issuer,
        key: str,
        *,
        safe: bool = False,
    ) -> Reply:
        """One call of the authorization server, proved by the dance's key and by our app's."""

        def send(headers: Mapping[str, str], hidden: tuple[str, ...]) -> Reply:
            mine = self._credentials(app, issuer)
            hide = (*hidden, mine.get("client_assertion", ""))
            whole = {**form, **mine}
            return self.wire.call("POST", url, safe=safe, form=whole, headers=headers, secrets=hide)

        return dpop.prove("POST", url, key, send)

    def _credentials(self, app: App, issuer: Issuer) -> dict[str, str]:
        """How our app names itself, and with a key proves it; an assertion is good only once."""
        known = {"client_id": app.client_id}
        if not (key := self._key_of(app)):
            return known
        now = datetime.now(UTC)
        claims = {
            "iss": app.client_id,
            "sub": app.client_id,
            "aud": issuer.issuer,
            "jti": secrets.token_urlsafe(24),
            "iat": int(now.timestamp()),
            "exp": int((now + ASSERTION_LIFE).timestamp()),
        }
        assertion = dpop.signed(claims, key, {"kid": dpop.thumbprint(key)})
        return {**known, "client_assertion_type": ASSERTION, "client_assertion": assertion}

    def _grant(self, reply: Reply) -> Grant:
        """The tokens in an answer: single use, and a replay ends the session at the server."""
        if not reply.ok:
            raise self.token_refusal(reply)
        return replace(self.read_grant(reply), family=Family.ROTATING)

    def wait(self, reply: Reply) -> timedelta | None:
        """Retry-After, or the reset as epoch seconds."""
        return retry_after(reply) or epoch_reset(reply, "RateLimit-Reset")

    def token_refusal(self, reply: Reply) -> NetworkError:
        """The refusals that only this kind of server knows; the others are everybody's."""
        code = text_in(reply.maybe_json(), "error")
        said = reply.said("error_description", "message", "error")
        status = reply.status
        if code == "invalid_dpop_proof":
            words = f"{NOT_OUR_CLOCK} {said}"
            return Misconfigured(words, status=status, network_code=code)
        if code in OUR_FAULT:
            words = f"The server does not accept our app: {said}"
            return Misconfigured(words, status=status, network_code=code)
        return super().token_refusal(reply)


def _known(app: App | None) -> App:
    """Our app; without an address of this site by which it can be known there is none."""
    if app is None:
        raise Misconfigured("PUBLIC_URL of this site is no address by which servers can know it.")
    return app
