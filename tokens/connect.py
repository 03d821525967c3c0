"""Connect an account: `begin` and `finish` the OAuth dance, or `sign_in` by form.

The grant is committed before anything else is asked of the network: a profile call that fails
must not cost a single-use token.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import Team, User
from providers.kit.contract import (
    App,
    Dance,
    Grant,
    Identity,
    Provider,
    Refreshes,
    Registers,
    SignsInByForm,
    SignsInByOAuth,
)
from providers.kit.errors import NetworkError
from providers.kit.oauth import new_verifier
from tokens.models import ClientApp, Handshake, OAuthToken, SocialAccount
from tokens.networks import network
from tokens.problems import Problem
from tokens.states import AccountState
from tokens.vault import seal, unseal
from tokens.windows import refresh_moment

DANCE = timedelta(minutes=10)


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
        )
    return provider


def begin(
    name: str, values: Mapping[str, str], *, user: User, team: Team, session: str, at: datetime
) -> str:
    """Start the dance and say where to send the browser; `values` are the form's blanks.

    Raises Problem (not set up, bad address, network down).
    """
    provider = ready(name)
    if not isinstance(provider, SignsInByOAuth):
        raise Problem("OAUTH_INIT_ERROR", f"{provider.label} is not connected by log-in page.")
    host = _host(provider, values)
    app = our_app(provider, host)
    state, verifier = secrets.token_urlsafe(32), new_verifier()
    handshake = Handshake(
        state_hash=_digest(state),
        session_hash=_digest(session),
        user=user,
        team=team,
        provider=name,
        host=host,
        expires_at=at + DANCE,
    )
    dance = Dance(app, host, redirect_uri(), state=state, verifier=verifier)
    departure = provider.depart(dance)
    handshake.verifier_sealed = seal(verifier, f"handshake:{handshake.pk}:verifier")
    handshake.memory_sealed = seal(departure.memory, f"handshake:{handshake.pk}:memory")
    handshake.save()
    return departure.url


def finish(
    params: Mapping[str, str], *, user: User, team: Team, session: str, at: datetime
) -> SocialAccount:
    """End the dance with what came back in the query; returns the connected account.

    Raises Problem: INVALID_STATE (altered, expired, replayed, somebody else's),
    OAUTH_CANCELLED, INVALID_CODE, OAUTH_CALLBACK_ERROR, ACCOUNT_ALREADY_CONNECTED.
    """
    dance = _claim(params.get("state", ""), user=user, team=team, session=session, at=at)
    provider = ready(dance.provider)
    if not isinstance(provider, SignsInByOAuth):
        raise Problem("OAUTH_CALLBACK_ERROR", f"{provider.label} has no log-in page.")
    if params.get("error"):
        raise Problem("OAUTH_CANCELLED", f"{provider.label} was not connected: you said no.")
    if not params.get("code"):
        raise Problem("INVALID_CODE", f"{provider.label} came back without a code.")
    try:
        grant = provider.exchange(_resumed(provider, dance), params)
        token = keep_grant(provider, dance.team, dance.host, grant, at)
        identity = provider.identify(grant, token.host)
    except NetworkError as problem:
        words = f"{provider.label} did not complete the connection: {problem.words}"
        raise Problem("OAUTH_CALLBACK_ERROR", words) from None
    return _attach(provider, token, identity, user=dance.user, realm=dance.host, at=at)


def _resumed(provider: Provider, handshake: Handshake) -> Dance:
    """The dance that `begin` began."""
    return Dance(
        app=our_app(provider, handshake.host),
        host=handshake.host,
        redirect_uri=redirect_uri(),
        state="",
        verifier=unseal(handshake.verifier_sealed, f"handshake:{handshake.pk}:verifier"),
        memory=unseal(handshake.memory_sealed, f"handshake:{handshake.pk}:memory"),
    )


def sign_in(
    name: str, values: Mapping[str, str], *, user: User, team: Team, at: datetime
) -> SocialAccount:
    """Connect by what a person typed (app password, bot token); raises Problem."""
    provider = ready(name)
    if not isinstance(provider, SignsInByForm):
        raise Problem("OAUTH_INIT_ERROR", f"{provider.label} is connected by its own page.")
    host = _host(provider, values)
    try:
        grant, identity = provider.sign_in(values)
    except NetworkError as problem:
        raise Problem("OAUTH_CALLBACK_ERROR", problem.words) from None
    token = keep_grant(provider, team, host, grant, at)
    return _attach(provider, token, identity, user=user, realm=host, at=at)


def keep_grant(provider: Provider, team: Team, host: str, grant: Grant, at: datetime) -> OAuthToken:
    """Commit a new grant, sealed and bound to its row."""
    token = OAuthToken(team=team, provider=provider.name, host=grant.host or host)
    token.access_sealed = seal(grant.access_token, f"token:{token.pk}:access")
    token.refresh_sealed = seal(grant.refresh_token, f"token:{token.pk}:refresh")
    token.scopes = " ".join(grant.scopes)
    token.can_refresh = isinstance(provider, Refreshes) and bool(grant.refresh_token)
    token.expires_at = at + grant.lifetime if grant.lifetime else None
    token.refresh_at = refresh_moment(provider.family, at, grant.lifetime)
    token.save()
    return token


def app_for(provider: Provider, host: str) -> App | None:
    """Our app at `host`: configured, or registered there earlier; None if there is none."""
    if not isinstance(provider, SignsInByOAuth):
        return None
    if configured := provider.app(host):
        return configured
    row = ClientApp.objects.filter(
        provider=provider.name, host=host, redirect_uri=redirect_uri()
    ).first()
    return App(row.client_id, unseal(row.secret_sealed, f"app:{row.pk}:secret")) if row else None


def _host(provider: Provider, values: Mapping[str, str]) -> str:
    try:
        return provider.host(values)
    except ValueError as problem:
        raise Problem("VALIDATION_ERROR", str(problem)) from None


def our_app(provider: Provider, host: str) -> App:
    """Our app at `host`, registered now if that is the custom there."""
    if known := app_for(provider, host):
        return known
    if not isinstance(provider, Registers):
        raise Problem("PROVIDER_NOT_CONFIGURED", f"{provider.label} has no app configured.")
    try:
        app = provider.register(host, redirect_uri())
    except NetworkError as problem:
        words = f"{provider.label} at {host} could not be reached: {problem.words}"
        raise Problem("OAUTH_INIT_ERROR", words) from None
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


def _attach(
    provider: Provider,
    token: OAuthToken,
    identity: Identity,
    *,
    user: User,
    realm: str,
    at: datetime,
) -> SocialAccount:
    """The account of `identity` in the token's team, new or brought up to date."""
    rows = SocialAccount.objects.filter(
        provider=provider.name,
        realm=realm if provider.ids_per_host else "",
        external_id=identity.external_id,
    )
    try:
        with transaction.atomic():
            if rows.held().exclude(team=token.team).exists():
                raise _already(identity)
            account = rows.filter(team=token.team).order_by("-connected_at").first()
            account = account or SocialAccount(provider=provider.name, team=token.team)
            former = account.token
            account.realm = realm if provider.ids_per_host else ""
            account.connected_by, account.connected_at = user, at
            _bring_up_to_date(account, token, identity)
            if former and former.pk != token.pk and not former.accounts.exists():
                former.delete()
    except (IntegrityError, Problem):  # another team has it, perhaps since this moment
        token.delete()
        raise _already(identity) from None
    return account


def _bring_up_to_date(account: SocialAccount, token: OAuthToken, identity: Identity) -> None:
    account.external_id, account.handle = identity.external_id, identity.handle
    account.name, account.url = identity.name, identity.url
    account.avatar_url = identity.avatar_url
    account.token, account.problem = token, ""
    if account.state != AccountState.PAUSED:
        account.state = AccountState.CONNECTED
    account.save()


def _already(identity: Identity) -> Problem:
    return Problem(
        "ACCOUNT_ALREADY_CONNECTED",
        f"{identity.handle} is already connected by another team; ask them to disconnect it.",
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
