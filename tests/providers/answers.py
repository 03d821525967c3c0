"""Adapters in front of a server that says one thing, and somebody who posts by them."""

from __future__ import annotations

import providers
from providers.kit.contract import Account, Provider
from providers.kit.http import Wire
from tests.providers.loopback import Server


def adapter(name: str, server: Server) -> Provider:
    """An adapter whose API is at a server of ours."""
    kind = providers.adapter(name)
    options = {s.name: s.default for s in kind.settings}
    options |= {
        s: server.url for s in options if s.endswith(("_API_URL", "DEVTO_URL", "SLACK_URL"))
    }
    return kind(options, Wire(trusted=frozenset({server.url})))


def account(name: str) -> Account:
    """Somebody at a network."""
    return Account("1/2/3" if name.startswith("discord") else "-1001", "@ada", "", "token-of-ada")
