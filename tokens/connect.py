"""Connect an account: `begin` and `finish` the OAuth dance, or `sign_in` by form.

The grant is committed before anything else is asked of the network: a profile call that fails
must not cost a single-use token. What it speaks for is found out by `tokens.choose`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import Team, User
from providers.kit.contract import (
    App,
    Dance,
    Family,
    Grant,
    NamesItself,
    Offer,
    Provider,
    Refreshes,
    Registers,
    SignsInByForm,
    SignsInByOAuth,
    Way,
    ways,
)
from providers.kit.errors import NetworkError
from providers.kit.oauth import new_verifier
from tokens.attach import attach
from tokens.codes import Code
from tokens.models import ClientApp, Handshake, OAuthToken, SocialAccount
from tokens.networks import family_of, network
from tokens.problems import Problem, plainly, refusal, turned_back
from tokens.vault import new_proof_key, seal, unseal
from tokens.windows import refresh_moment

DANCE = timedelta(minutes=10)
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Granted:
    """The end of a dance: the grant that is kept now, whose dance it was, and at which instance."""

    token: OAuthToken
    user: User
    realm: str


def redirect_uri() -> str:
    """The one return address, fixed by configuration and never by a caller."""
    return f"{settings.PUBLIC_URL}{reverse('connect-callback')}"


def ready(name: str) -> Provider:
    """The adapter `name` if it is set up; raises Problem naming what is missing."""
    provider = network(name)
    if missing := provider.missing():
        raise Problem(
            "PROVIDER_NOT_CONFIGURED",
            f"{provider.label} is not set up on this site: {', '.join(missing)} is missing.",
            name,
        )
    return provider


@plainly(Code.OAUTH_INIT_ERROR)
def begin(
    name: str, values: Mapping[str, str], *, user: User, team: Team, session: str, at: datetime
) -> str:
    """Start the dance and say where to send the browser; `values` are the form's blanks.

    Raises Problem (not set up, bad address, network down).
    """
    provider = ready(name)
    if not isinstance(provider, SignsInByOAuth):
        raise Problem("OAUTH_INIT_ERROR", f"{provider.label} has no log-in page.", name)
    host, hint = _host(provider, values), _hint(provider, values)
    app = our_app(provider, host)
    state, verifier = secrets.token_urlsafe(32), new_verifier()
    proof_key = new_proof_key() if provider.binds_tokens else ""
    handshake = Handshake(
        state_hash=_digest(state),
        session_hash=_digest(session),
        user=user,
        team=team,
        provider=name,
        host=host,
        expires_at=at + DANCE,
    )
    dance = Dance(app, host, redirect_uri(), state, verifier, proof_key, hint)
    try:
        departure = provider.depart(dance)
    except NetworkError as problem:
        words = f"{provider.label} could not be asked: {problem.words}"
        raise refusal(problem, words, provider.name, Code.OAUTH_INIT_ERROR) from None
    handshake.verifier_sealed = seal(verifier, f"handshake:{handshake.pk}:verifier")
    handshake.proof_sealed = seal(proof_key, f"handshake:{handshake.pk}:proof")
    handshake.memory_sealed = seal(departure.memory, f"handshake:{handshake.pk}:memory")
    handshake.save()
    return departure.url


@plainly(Code.OAUTH_CALLBACK_ERROR)
def finish(
    params: Mapping[str, str], *, user: User, team: Team, session: str, at: datetime
) -> Granted:
    """End the dance with what came back in the query; `choose.settle` makes accounts of it.

    Raises Problem: INVALID_STATE (altered, expired, replayed, somebody else's),
    INVALID_CODE, OAUTH_CALLBACK_ERROR, or what `turned_back` makes of the network's no.
    """
    dance = _claim(params.get("state", ""), user=user, team=team, session=session, at=at)
    provider, name = ready(dance.provider), dance.provider
    if not isinstance(provider, SignsInByOAuth):
        raise Problem("OAUTH_CALLBACK_ERROR", f"{provider.label} has no log-in page.", name)
    if error := params.get("error"):
        raise turned_back(error, provider.label, name)
    if not params.get("code"):
        raise Problem("INVALID_CODE", f"{provider.label} came back without a code.", name)
    try:
        grant = provider.exchange(_resumed(provider, dance), params)
    except NetworkError as problem:
        words = f"{provider.label} did not complete the connection: {problem.words}"
        raise Problem("OAUTH_CALLBACK_ERROR", words, name) from None
    token = keep_grant(provider, dance.team, dance.host, grant, at)
    return Granted(token, dance.user, dance.host)


def _resumed(provider: Provider, handshake: Handshake) -> Dance:
    """The dance that `begin` began."""
    return Dance(
        app=our_app(provider, handshake.host),
        host=handshake.host,
        redirect_uri=redirect_uri(),
        state="",
        verifier=unseal(handshake.verifier_sealed, f"handshake:{handshake.pk}:verifier"),
        proof_key=unseal(handshake.proof_sealed, f"handshake:{handshake.pk}:proof"),
        memory=unseal(handshake.memory_sealed, f"handshake:{handshake.pk}:memory"),
    )


@plainly(Code.OAUTH_CALLBACK_ERROR)
def sign_in(
    name: str, values: Mapping[str, str], *, user: User, team: Team, at: datetime
) -> SocialAccount:
    """Connect by what a person typed (app password, bot token); raises Problem."""
    provider = ready(name)
    if not isinstance(provider, SignsInByForm):
        raise Problem("OAUTH_INIT_ERROR", f"{provider.label} is connected by its own page.", name)
    host = _host(provider, values)
    try:
        grant, identity = provider.sign_in(values)
    except NetworkError as problem:
        raise refusal(problem, problem.words, name, Code.OAUTH_CALLBACK_ERROR) from None
    token = keep_grant(provider, team, host, grant, at)
    try:
        return attach(token, Offer(identity), user=user, realm=host, at=at)
    except Problem:
        token.delete()
        raise


def keep_grant(provider: Provider, team: Team, host: str, grant: Grant, at: datetime) -> OAuthToken:
    """Commit a new grant, sealed and bound to its row."""
    token = OAuthToken(team=team, provider=provider.name, host=grant.host or host)
    token.access_sealed = seal(grant.access_token, f"token:{token.pk}:access")
    token.refresh_sealed = seal(grant.refresh_token, f"token:{token.pk}:refresh")
    token.proof_sealed = seal(grant.proof_key, f"token:{token.pk}:proof")
    token.family = grant.family or ""
    token.scopes = " ".join(grant.scopes)
    token.provisional = grant.provisional
    token.can_refresh = isinstance(provider, Refreshes) and can_last(provider, token)
    token.expires_at = at + grant.lifetime if grant.lifetime else None
    token.refresh_at = refresh_moment(family_of(provider, token.family), at, grant.lifetime)
    if grant.provisional:  # whoever connects it makes it last; a minute later anybody does
        token.refresh_at = at + A_MINUTE
    token.save()
    return token


def can_last(provider: Provider, token: OAuthToken) -> bool:
    """Whether a grant holds what a renewal needs: something to show, or itself."""
    renews_itself = family_of(provider, token.family) is Family.SELF_RENEWING
    return bool(token.refresh_sealed) or token.provisional or renews_itself


def app_for(provider: Provider, host: str) -> App | None:
    """Our app at `host`: configured, or registered there earlier; None if there is none."""
    if not isinstance(provider, SignsInByOAuth):
        return None
    if isinstance(provider, NamesItself):
        return provider.client(document_url(provider.name), redirect_uri())
    if configured := provider.app(host):
        return configured
    row = ClientApp.objects.filter(
        provider=provider.name, host=host, redirect_uri=redirect_uri()
    ).first()
    return App(row.client_id, unseal(row.secret_sealed, f"app:{row.pk}:secret")) if row else None


def offered_ways(provider: Provider) -> tuple[Way, ...]:
    """How a network can be connected at this site, the better way first."""
    unknown = isinstance(provider, NamesItself) and app_for(provider, "") is None
    return tuple(way for way in ways(provider) if way is not Way.PAGE or not unknown)


def document(name: str) -> Mapping[str, Any] | None:
    """What this site says about itself to servers that know it by its address; public."""
    provider = network(name)
    app = app_for(provider, "")
    if app is None or not isinstance(provider, NamesItself):
        return None
    known_by_it = app.client_id == document_url(name)
    return provider.client_metadata(app, redirect_uri()) if known_by_it else None


def document_url(name: str) -> str:
    """Where `document` is served."""
    return f"{settings.PUBLIC_URL}{reverse('client-document', args=[name])}"


def _hint(provider: Provider, values: Mapping[str, str]) -> str:
    try:
        return provider.hint(values)
    except ValueError as problem:
        raise Problem("VALIDATION_ERROR", str(problem), provider.name) from None


def _host(provider: Provider, values: Mapping[str, str]) -> str:
    try:
        return provider.host(values)
    except ValueError as problem:
        raise Problem("VALIDATION_ERROR", str(problem), provider.name) from None


def our_app(provider: Provider, host: str) -> App:
    """Our app at `host`, registered now if that is the custom there."""
    if known := app_for(provider, host):
        return known
    if isinstance(provider, NamesItself):
        words = "servers can know this site only by an https address (PUBLIC_URL)"
        raise Problem("PROVIDER_NOT_CONFIGURED", f"{provider.label}: {words}.", provider.name)
    if not isinstance(provider, Registers):
        words = f"{provider.label} has no app configured."
        raise Problem("PROVIDER_NOT_CONFIGURED", words, provider.name)
    try:
        app = provider.register(host, redirect_uri())
    except NetworkError as problem:
        words = f"{provider.label} at {host} could not be reached: {problem.words}"
        raise refusal(problem, words, provider.name, Code.OAUTH_INIT_ERROR) from None
    row = ClientApp(
        provider=provider.name, host=host, redirect_uri=redirect_uri(), client_id=app.client_id
    )
    row.secret_sealed = seal(app.client_secret, f"app:{row.pk}:secret")
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:  # somebody registered at the same moment: theirs counts
        return app_for(provider, host) or app
    return app


def _claim(state: str, *, user: User, team: Team, session: str, at: datetime) -> Handshake:
    """The dance of this state, marked as used; anything else is INVALID_STATE."""
    mine = Handshake.objects.filter(
        state_hash=_digest(state),
        session_hash=_digest(session),
        user=user,
        team=team,
        expires_at__gt=at,
    )
    if not state or mine.filter(used_at__isnull=True).update(used_at=at) != 1:
        raise Problem(
            "INVALID_STATE", "This connection was started elsewhere or too long ago; begin again."
        )
    return mine.get()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
