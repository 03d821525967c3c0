"""Examine how a network is set up: credentials, return address, scopes, version, reachability.

Our id and secret are tried with a code that nobody gave: it has to be refused, and how it is
refused tells whether the network knows our app.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from providers.kit.contract import (
    App,
    Dance,
    NamesItself,
    Provider,
    SignsInByForm,
    SignsInByOAuth,
)
from providers.kit.errors import Misconfigured, NetworkError, Unauthorized, Unexpected
from providers.kit.oauth import OAuthProvider, new_verifier
from providers.kit.versions import Ages
from tokens.connect import app_for, redirect_uri
from tokens.networks import network, wire

NOBODYS = "a-code-that-nobody-gave"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    good: bool
    words: str


def _good(words: str) -> Finding:
    return Finding(good=True, words=words)


def _bad(words: str) -> Finding:
    return Finding(good=False, words=words)


def examine(name: str) -> Iterator[Finding]:
    """Everything that can be found out without an account; `name` must be a known network."""
    provider = network(name)
    missing = provider.missing()
    if missing:
        yield _bad(f"not set up: {', '.join(missing)} is empty")
    elif any(setting.needed for setting in provider.settings):
        yield _good("its credentials are set")
    else:
        yield _good("it needs no credentials of ours")
    yield from _entrance(provider)
    if isinstance(provider, Ages):
        words = provider.aged(timezone.now().date())
        yield _bad(words) if words else _good("the version that is set is served still")
    if _fetches(provider):
        yield _file_address()
    yield from _answers(provider, whole=not missing)


def _entrance(provider: Provider) -> Iterator[Finding]:
    """How people connect, and what for."""
    if isinstance(provider, NamesItself):
        yield _name(provider, app_for(provider, ""))
    elif isinstance(provider, SignsInByOAuth):
        yield from _return_address()
    elif isinstance(provider, SignsInByForm):
        yield _good("it is connected by what a person types; there is no return address")
    if isinstance(provider, OAuthProvider):
        yield _good(f"it asks for the scopes {', '.join(provider.oauth.scopes)}")


def _answers(provider: Provider, *, whole: bool) -> Iterator[Finding]:
    """Whether it is there, and if all is set up whether it knows our app."""
    values = {blank.name: provider.options.get(blank.default, "") for blank in provider.fields}
    try:
        host = provider.host(values)
    except ValueError as problem:
        yield _bad(str(problem))
        return
    reached = _reach(provider, host)
    yield reached
    if reached.good and whole:
        yield from _credentials(provider, host)


def _credentials(provider: Provider, host: str) -> Iterator[Finding]:
    """Whether the network knows our app, where one is registered by hand."""
    if not isinstance(provider, SignsInByOAuth) or isinstance(provider, NamesItself):
        return
    app = app_for(provider, host)
    if app is None or not app.client_id:  # one that registers itself does so on first use
        return
    dance = Dance(app, host, redirect_uri(), "state", new_verifier())
    try:
        provider.exchange(dance, {"code": NOBODYS})
    except Unauthorized:
        yield _good("it knows our app: a code that nobody gave is refused, and nothing else")
    except Misconfigured as problem:
        yield _bad(problem.words)
    except Unexpected as problem:
        yield _good(
            "it refuses a code that nobody gave, and says nothing against our app; more cannot be"
            f" seen without an account. {problem.words}"
        )
    except NetworkError as problem:
        yield _bad(f"whether it knows our app cannot be seen now: {problem.words}")
    else:
        yield _bad("it took a code that nobody gave; this is not the network")


def _fetches(provider: Provider) -> bool:
    rules = (provider.limits.images, provider.limits.video)
    return any(rule is not None and rule.by_url for rule in rules)


def _file_address() -> Finding:
    """Networks that fetch files need an address that they can reach."""
    place = settings.PUBLIC_URL
    words = f"it fetches files from this site, which must be reachable from outside: {place}"
    if place.startswith("https://") or _is_local(place):
        return _good(words)
    return _bad(f"it fetches files from this site, over https only (PUBLIC_URL): {place}")


def _name(provider: NamesItself, app: App | None) -> Finding:
    if app is None:
        return _bad("servers can know this site only by an https address (PUBLIC_URL)")
    try:
        provider.client_metadata(app, redirect_uri())
    except NetworkError as problem:
        return _bad(problem.words)
    return _good(f"nothing is registered; servers know this site as {app.client_id}")


def _return_address() -> Iterator[Finding]:
    address = redirect_uri()
    if address.startswith("https://") or _is_local(address):
        yield _good(f"enter this return address at the network, exactly: {address}")
    else:
        yield _bad(f"networks refuse a return address without TLS (PUBLIC_URL): {address}")


def _is_local(address: str) -> bool:
    return urlsplit(address).hostname in {"127.0.0.1", "::1", "localhost"}


def _reach(provider: Provider, host: str) -> Finding:
    """Whether the network's own address answers at all; any HTTP answer will do."""
    if isinstance(provider, OAuthProvider):
        host = provider.token_endpoint(host)
    ours = (value for name, value in provider.options.items() if name.endswith("_URL"))
    parts = urlsplit(host or next(ours, ""))
    origin = f"{parts.scheme}://{parts.netloc}"
    try:
        wire().call("GET", origin)
    except NetworkError as problem:
        return _bad(f"{origin}: {problem.words}")
    return _good(f"{origin} answers")
