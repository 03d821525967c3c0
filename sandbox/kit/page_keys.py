"""The login whose person speaks for pages: a key for each page, derived from the person's.

From `networks.md` of 2026-11-21, sections 5 and 6b. A page key from a short key ends with it, one
from a lasting key does not end by itself. Everybody runs two pages and, by a business, a third.
The answer to a code that is shown again is this street's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from sandbox.kit.graph import GraphTwin, error, everything, only, refused
from sandbox.kit.network import Answer, Person, RefusalError, Request, as_json, number_of
from sandbox.kit.oauth import Why
from sandbox.kit.store import Document

OWN, BY_BUSINESS = ("bakery", "garden"), ("works",)


class PageKeysTwin(GraphTwin):
    """A twin with this login."""

    page_scope: ClassVar[str] = "pages_show_list"

    def no(self, why: Why) -> Answer:
        if why == "bad_grant":
            return error(100, "This authorization code has been used.", 36009)
        return super().no(why)

    def pages_token(self, request: Request) -> Answer:
        """The token endpoint: a code, or a short key that shall last."""
        asked = everything(request)
        client = self.checked_client(request, asked)
        if asked.get("grant_type") == "fb_exchange_token":
            return self.lengthen(request, "fb_exchange_token", "fb_exchange_token")
        return as_json(self.redeem(asked, client, request.at))

    def pages_of(self, request: Request, names: tuple[str, ...]) -> Answer:
        """Pages of a person, each with the fields that were asked for."""
        person = self.who(request, self.page_scope)
        shown = [only(self.page(person, name, request), request) for name in names]
        return as_json({"data": shown, "paging": {"cursors": {"before": "b", "after": "a"}}})

    def businesses(self, request: Request) -> Answer:
        """The business of a person."""
        person = self.who(request, "business_management")
        return as_json({"data": [{"id": number_of(f"{person.name} business")}]})

    def page(self, person: Person, name: str, request: Request) -> Document:
        """One page as the person sees it, with a key that lasts as long as the person's."""
        key = self.get("access", everything(request).get("access_token") or request.bearer()) or {}
        grant, whom = self.behind_page(key), self.page_person(person, name)
        life_s = None if key["lasting"] else key["expires_at"] - request.at
        own = self.key(grant, request.at, life_s, page=name, **self.marks(key))
        about: Document = {"id": whom.id, "name": whom.display, "username": whom.handle}
        about |= {"access_token": own, "category": "Bakery", "tasks": ["CREATE_CONTENT"]}
        picture = {"data": {"url": f"{request.base}/people/{person.name}.svg"}}
        return {**about, "picture": picture, **self.more_of(person, name, request)}

    def behind_page(self, key: Document) -> Document:
        """The grant behind a key that was checked already."""
        return self.get("grant", key["grant"]) or {}

    def marks(self, key: Document) -> dict[str, Any]:
        """What a page key takes over from the person's."""
        return {}

    def more_of(self, person: Person, name: str, request: Request) -> Document:
        """What this network tells of a page beside."""
        return {}

    def page_person(self, person: Person, name: str) -> Person:
        """A page as somebody who posts."""
        display = f"{person.name.capitalize()}'s {name.capitalize()}"
        return Person(person.name, display, f"{person.name}.{name}", self.page_id(person, name))

    def page_id(self, person: Person, name: str) -> str:
        """The id of a page."""
        return number_of(f"{person.name} {name}")

    def acting_page(self, request: Request, scope: str) -> tuple[Person, str]:
        """The page whose key this is, and its name; a person's own key will not do."""
        person = self.who(request, scope)
        key = self.get("access", everything(request).get("access_token") or request.bearer()) or {}
        if not key.get("page"):
            words = "Unpublished posts must be posted to a page as the page itself."
            raise RefusalError(error(200, words, status=403))
        return self.page_person(person, key["page"]), key["page"]

    def speaks_for(self, person: Person, tokens: Document, request: Request) -> list[Document]:
        """The pages of somebody, each by a lasting key of its own, if the grant is about pages."""
        key = self.get("access", tokens["access_token"]) or {}
        if self.page_scope not in self.behind_page(key)["scope"].split():
            return super().speaks_for(person, tokens, request)
        inside = replace(request, query={"access_token": tokens["access_token"]})
        found = [self.page(person, name, inside) for name in (*OWN, *BY_BUSINESS)]
        return [self.as_account(person, one) for one in found]

    def as_account(self, person: Person, page: Document) -> Document:
        """A page as an account of its own."""
        known = {"external_id": page["id"], "handle": page["username"]}
        return {**known, "access_token": page["access_token"]}


def named(request: Request, whom: Person) -> None:
    """Refuse an address that names another page than the key does."""
    if request.params["page"] != whom.id:
        raise refused(100, "Unsupported request. Missing permissions.", 33)
