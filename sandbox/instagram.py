"""The twin of Instagram, with both logins: `/linked/…` is the API behind Facebook's.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 4 to 6 and 21; that a carousel
mixes pictures and videos from Meta's reference of the edge `media`. Not played: stories, comments,
tags, hashtags by number, quotas by themselves (order them as trouble), uploads to rupload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.kit import page
from sandbox.kit.containers import ContainerTwin
from sandbox.kit.graph import HOUR_S, REFUSALS, USED, error, everything, flat, refused
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    as_json,
    number_of,
    route,
)
from sandbox.kit.oauth import Why
from sandbox.kit.page_keys import BY_BUSINESS, OWN, PageKeysTwin
from sandbox.kit.shelf import Sort
from sandbox.kit.store import Document

LONGEST, LONGEST_ALT = 2200, 1000
LINKED = "/linked"
UNLINKED = "garden"
"""The page that has no account here."""


class Instagram(ContainerTwin, PageKeysTwin):
    """Instagram: containers, two logins, media fetched by their address."""

    name = "instagram"
    label = "Instagram"
    colour = "#d62976"
    hint = "App: practice-client, secret practice-secret. Two of three pages have an account."
    usage = "instagram"
    scopes = (
        *("instagram_business_basic", "instagram_business_content_publish"),
        *("instagram_basic", "instagram_content_publish", "pages_show_list"),
        *("pages_read_engagement", "business_management"),
    )
    forbidden = error(
        24, "The account is restricted or inactive.", 2207050, status=403, is_transient=False
    )
    pictures = Sort(("image/jpeg",), 8_000_000)
    videos = Sort(("video/mp4", "video/quicktime"), 300_000_000)
    several = 10
    words = "caption"
    bad_video = "Error: The video format is not supported. Error code 2207026"
    no_video = "Error: The video could not be fetched. Error code 2207052"

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}.practice", number_of(name))

    # Instagram's own login

    @route("GET", "/oauth/authorize")
    @route("POST", "/oauth/authorize")
    @route("GET", "/linked/v{version}/dialog/oauth")
    @route("POST", "/linked/v{version}/dialog/oauth")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/oauth/access_token", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def no(self, why: Why) -> Answer:
        return flat(USED) if why == "bad_grant" else super().no(why)

    def issue(self, grant: Document, at: float) -> Document:
        linked = "pages_show_list" in grant["scope"].split()
        key = self.key(grant, at, HOUR_S, linked=linked)
        if linked:
            return {"access_token": key, "token_type": "bearer", "expires_in": HOUR_S}
        told = {"user_id": int(self.person(grant["person"]).id), "access_token": key}
        return {**told, "permissions": grant["scope"].replace(" ", ",")}

    def lasting(self, grant: Document, at: float) -> Document:
        told = super().lasting(grant, at)
        found = self.get("access", told["access_token"]) or {}
        linked = "pages_show_list" in grant["scope"].split()
        self.put("access", told["access_token"], {**found, "linked": linked})
        return told

    def grant(self, person: Person, request: Request) -> Document:
        """Instagram's own login; the accounts of the other one are offered by the dance."""
        own = self.begin(person.name, "practice-client", " ".join(self.scopes[:2]), request.at)
        return self.lasting(self.behind(own["access_token"], request.at), request.at)

    @route("GET", "/access_token", "token")
    def exchange(self, request: Request) -> Answer:
        return self.lengthen(request, "ig_exchange_token")

    @route("GET", "/refresh_access_token", "token")
    def refresh(self, request: Request) -> Answer:
        return self.renew(request, "ig_refresh_token")

    @route("GET", "/v{version}/me", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request, "instagram_business_basic")
        known = {"user_id": person.id, "username": person.handle, "name": person.display}
        picture = f"{request.base}/people/{person.name}.svg"
        more = {"profile_picture_url": picture, "account_type": "BUSINESS"}
        return as_json({**known, **more, "id": number_of(f"{person.name} scoped")})

    # The login by pages

    @route("GET", "/linked/v{version}/oauth/access_token", "token")
    @route("POST", "/linked/v{version}/oauth/access_token", "token")
    def linked_token(self, request: Request) -> Answer:
        return self.pages_token(request)

    @route("GET", "/linked/v{version}/me/accounts", "identity")
    def own_pages(self, request: Request) -> Answer:
        return self.pages_of(request, OWN)

    @route("GET", "/linked/v{version}/me/businesses", "identity")
    def owners(self, request: Request) -> Answer:
        return self.businesses(request)

    @route("GET", "/linked/v{version}/{business}/owned_pages", "identity")
    def owned(self, request: Request) -> Answer:
        return self.pages_of(request, BY_BUSINESS)

    @route("GET", "/linked/v{version}/{business}/client_pages", "identity")
    def clients(self, request: Request) -> Answer:
        return self.pages_of(request, ())

    def marks(self, key: Document) -> dict[str, Any]:
        return {"linked": True}

    def more_of(self, person: Person, name: str, request: Request) -> Document:
        if name == UNLINKED:
            return {"instagram_business_account": None}
        whom = self.account(person, name)
        picture = f"{request.base}/people/{person.name}.svg"
        known = {"id": whom.id, "username": whom.handle, "name": whom.display}
        return {"instagram_business_account": {**known, "profile_picture_url": picture}}

    def account(self, person: Person, name: str) -> Person:
        """The account linked to a page; that of the first is the person's own."""
        return person if name == OWN[0] else self.page_person(person, name)

    # Publishing

    @route("POST", "/v{version}/{user}/media", "container")
    @route("POST", "/linked/v{version}/{user}/media", "container")
    def create(self, request: Request) -> Answer:
        return self.make(request, self.acting(request, "content_publish"))

    @route("GET", "/v{version}/17{id}", "status")
    @route("GET", "/linked/v{version}/17{id}", "status")
    def status(self, request: Request) -> Answer:
        return self.state(request, "status_code", "status")

    @route("POST", "/v{version}/{user}/media_publish", "publish")
    @route("POST", "/linked/v{version}/{user}/media_publish", "publish")
    def publish(self, request: Request) -> Answer:
        return self.go_live(request, self.acting(request, "content_publish"), "/p/{}")

    @route("GET", "/v{version}/18{id}", "find")
    @route("GET", "/linked/v{version}/18{id}", "find")
    def read(self, request: Request) -> Answer:
        self.whose(request, "basic")
        return as_json(self.seen(self.post(request), request))

    @route("GET", "/v{version}/{user}/media", "find")
    @route("GET", "/linked/v{version}/{user}/media", "find")
    def media(self, request: Request) -> Answer:
        return self.listed(request, self.acting(request, "basic"))

    @route("DELETE", "/v{version}/18{id}", "delete")
    @route("DELETE", "/linked/v{version}/18{id}", "delete")
    def delete(self, request: Request) -> Answer:
        return self.taken_down(request, self.whose(request, "content_publish"))

    @route("GET", "/p/{id}")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["id"]))

    # What it takes

    def whose(self, request: Request, right: str) -> Person:
        """Whom a key speaks for, at the API of its own login."""
        linked = request.path.startswith(LINKED)
        scope = f"instagram_{right}" if linked else f"instagram_business_{right}"
        person = self.who(request, scope)
        key = self.get("access", everything(request).get("access_token") or request.bearer()) or {}
        if bool(key.get("linked")) != linked:
            raise RefusalError(REFUSALS["unauthorized"])
        return self.account(person, key["page"]) if key.get("page") else person

    def acting(self, request: Request, right: str) -> Person:
        """The same, where the address names the account."""
        whom = self.whose(request, right)
        if request.params["user"] not in ("me", whom.id):
            raise refused(100, "Unsupported request. Missing permissions.", 33)
        return whom

    def unknown(self) -> RefusalError:
        return refused(24, "The media is not ready or does not exist.", 2207008)

    def misfit(self, fault: str) -> RefusalError:
        code = {"fetch": 2207052, "size": 2207004, "type": 2207005}[fault]
        return refused(
            9004 if fault == "fetch" else 36000, f"The image is not taken: {fault}.", code
        )

    def too_many(self, count: int) -> RefusalError:
        return refused(100, f"A carousel has 2 to {self.several} children, not {count}.", 2207028)

    def accept(self, asked: Mapping[str, str]) -> None:
        child, text = asked.get("is_carousel_item") == "true", asked.get("caption", "")
        if len(text) > LONGEST:
            raise refused(36004, "The caption was too long.", 2207010)
        if asked.get("media_type") == "CAROUSEL":
            return
        film = asked.get("media_type") in ("REELS", "VIDEO", "STORIES")
        checks = (
            (bool(asked.get("video_url" if film else "image_url")), "image_url is required"),
            (not (child and text), "A child of a carousel has no caption"),
            (len(asked.get("alt_text", "")) <= LONGEST_ALT, "alt_text is too long"),
            (not film or not asked.get("alt_text"), "alt_text is for images"),
            (child or asked.get("media_type") != "VIDEO", "Use REELS for a single video"),
        )
        for fine, words in checks:
            if not fine:
                raise refused(100, words)
