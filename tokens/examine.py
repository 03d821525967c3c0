"""Examine how a network is set up: credentials, return address, scopes, reachability."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from providers.kit.contract import App, NamesItself, Provider, SignsInByForm, SignsInByOAuth
from providers.kit.errors import NetworkError
from providers.kit.oauth import OAuthProvider
from tokens.connect import app_for, redirect_uri
from tokens.networks import network, wire


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
    if isinstance(provider, NamesItself):
        yield _name(provider, app_for(provider, ""))
    elif isinstance(provider, SignsInByOAuth):
        yield from _return_address()
    elif isinstance(provider, SignsInByForm):
        yield _good("it is connected by what a person types; there is no return address")
    if isinstance(provider, OAuthProvider):
        yield _good(f"it asks for the scopes {', '.join(provider.oauth.scopes)}")
    yield _reach(provider)


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
    parts = urlsplit(address)
    local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme == "https" or local:
        yield _good(f"enter this return address at the network, exactly: {address}")
    else:
        yield _bad(f"networks refuse a return address without TLS (PUBLIC_URL): {address}")


def _reach(provider: Provider) -> Finding:
    """Whether the network's own address answers at all; any HTTP answer will do."""
    values = {blank.name: provider.options.get(blank.default, "") for blank in provider.fields}
    try:
        host = provider.host(values)
        if isinstance(provider, OAuthProvider):
            host = provider.token_endpoint(host)
    except ValueError as problem:
        return _bad(str(problem))
    parts = urlsplit(host)
    origin = f"{parts.scheme}://{parts.netloc}"
    try:
        wire().call("GET", origin)
    except NetworkError as problem:
        return _bad(f"{origin}: {problem.words}")
    return _good(f"{origin} answers")
