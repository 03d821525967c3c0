"""The login whose person speaks for pages: one grant, a key for each page, no renewal.

Facts: networks.md of 2026-11-21, section 5 (OAuth), section 6b. A short key is exchanged for one of
about sixty days; page keys that are derived from that do not end by themselves. Pages may belong to
a business; a person who gave no right to look there is offered the others. How to revoke: the
documents know only the removal of our app from the person's account, which would end every
connection of that person at once, here and in other teams; so that is not offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from providers.kit.contract import App, Family, Grant
from providers.kit.errors import Unauthorized
from providers.kit.graph import FATES, Fate, GraphProvider, fault_in
from providers.kit.http import text_in


class PageLogin(GraphProvider):
    """A network that can be connected by this login."""

    def lasting(self, grant: Grant, app: App | None, host: str) -> Grant:
        """The key of about sixty days for a short one; nothing renews that."""
        if not grant.provisional:
            raise Unauthorized(f"{self.label} renews no key; the account must be connected again.")
        ours = self.secret(app, host)
        asked = {"grant_type": "fb_exchange_token", "fb_exchange_token": grant.access_token}
        asked |= {"client_id": ours.client_id, "client_secret": ours.client_secret}
        url = self.versioned(host, "oauth", "access_token")
        return replace(self.longer(url, asked, post=True), family=Family.NONE)

    def pages_of(self, host: str, key: str, fields: str) -> Iterator[dict[str, Any]]:
        """Every page that a person may post as: the own ones, then those of businesses."""
        own = self.versioned(host, "me", "accounts")
        yield from self._keyed(own, key, fields)
        for business in self._businesses(host, key):
            for edge in ("owned_pages", "client_pages"):
                yield from self._keyed(self.versioned(host, business, edge), key, fields)

    def _keyed(self, url: str, key: str, fields: str) -> Iterator[dict[str, Any]]:
        """Those that come with a key: without one nobody can post."""
        for page in self.pages(url, key, fields=f"id,name,access_token,{fields}", limit="100"):
            if text_in(page, "access_token") and text_in(page, "id"):
                yield page

    def _businesses(self, host: str, key: str) -> list[str]:
        url = self.versioned(host, "me", "businesses")
        first = self.asked(url, key, fields="id", limit="1")
        fault = fault_in(first)
        unseen = (Fate.RECONNECT, Fate.CONTENT, Fate.OURS)
        if not first.ok and fault.code not in (102, 190, 101) and FATES.get(fault.code) in unseen:
            return []
        self.read(first)
        return [text_in(one, "id") for one in self.pages(url, key, fields="id", limit="100")]
