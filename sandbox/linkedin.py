"""The twin of LinkedIn: members, the organisations they administer, and duplicates by URN.

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3 to 1.5, 3 and 21; uploads
are played by `sandbox.kit.restli`. The escaped text is what it counts, the harder of two readings.
Where the sheet gives a code but no words, the words are this twin's own; so are the names of the
moments in a listing. Not played: comments, mentions, daily limits (order them as trouble).
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    as_json,
    number_of,
    route,
)
from sandbox.kit.oauth import Client, Why
from sandbox.kit.restli import AssetTwin, error, invalid
from sandbox.kit.store import Document

LONGEST = 3000
SAME_FOR_S = 600
RESERVED = re.compile(r"(?<!\\)[|{}@\[\]()<>*_~]")
VERSION = re.compile(r"20\d\d(0[1-9]|1[0-2])")
ACL = {"q": "roleAssignee", "role": "ADMINISTRATOR", "state": "APPROVED"}

REFUSALS = {
    "unauthorized": (401, "INVALID_ACCESS_TOKEN", "Invalid access token"),
    "forbidden": (403, "ACCESS_DENIED", "Not enough permissions to access this resource"),
    "weak_scope": (403, "ACCESS_DENIED", "Not enough permissions to access this resource"),
    "rejected": (400, "FIELD_LENGTH_TOO_LONG", "commentary is too long"),
    "misconfigured": (426, "NONEXISTENT_VERSION", "Requested version is not active"),
    "throttled": (
        *(429, "TOO_MANY_REQUESTS"),
        "Resource level throttle limit for calls to this resource is reached.",
    ),
}


class LinkedIn(AssetTwin):
    """LinkedIn: a refresh token that stays (for partners), ids in a header, no words of waiting."""

    name = "linkedin"
    label = "LinkedIn"
    colour = "#0a66c2"
    hint = "App: practice-client, secret practice-secret. Everybody runs a shop, too."
    lifetime_s = 5_184_000
    code_s = 1800
    reuses = True
    hints = False
    pkce_methods = ()
    client_auth = ("body",)
    scopes: ClassVar[tuple[str, ...]] = (
        *("openid", "profile", "email", "r_basicprofile", "w_member_social", "r_member_social"),
        *("w_organization_social", "r_organization_social", "rw_organization_admin"),
    )

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}-practice", f"urn:li:person:{number_of(name)}")

    def accounts(self, person: Person) -> list[Person]:
        shop = f"{person.name}-lamps"
        urn = f"urn:li:organization:{number_of(shop)}"
        return [person, Person(person.name, f"{person.display}’s Lamps", shop, urn)]

    def client(self, client_id: str) -> Client | None:
        if client_id != "practice-client":
            return None
        return Client(client_id, "practice-secret", "Postrider")

    def lasts(self, grant: Document) -> bool:
        return "rw_organization_admin" in grant["scope"].split()

    def no(self, why: Why) -> Answer:
        if why == "bad_client":
            said = "Client authentication failed"
            return as_json({"error": "invalid_client", "error_description": said}, 401)
        words = "The provided authorization grant or refresh token is invalid, expired or revoked"
        return as_json({"error": "invalid_request", "error_description": words}, 400)

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if scene.purpose == "token" and kind in ("misconfigured", "invalid_grant"):
            return self.no("bad_client" if kind == "misconfigured" else "bad_grant")
        return error(*REFUSALS.get(kind, (500, "INTERNAL_SERVER_ERROR", "Practice trouble.")))

    # The dance

    @route("GET", "/oauth/v2/authorization")
    @route("POST", "/oauth/v2/authorization")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/oauth/v2/accessToken", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def issue(self, grant: Document, at: float) -> Document:
        lasting = {"refresh_token_expires_in": 31_536_000} if self.lasts(grant) else {}
        return {**super().issue(grant, at), "expires_in": self.lifetime_s, **lasting}

    @route("POST", "/oauth/v2/revoke", "revoke")
    def revoke(self, request: Request) -> Answer:
        form = request.form()
        self.revoke_token(form.get("token", ""), self.checked_client(request, form))
        return Answer(200)

    # Who

    @route("GET", "/v2/userinfo", "identity")
    def userinfo(self, request: Request) -> Answer:
        person = self.who(request, "openid")
        known = {"sub": person.id.rpartition(":")[2], "name": person.display}
        known["picture"] = f"{request.base}/people/{person.name}.svg"
        return as_json({**known, "email": f"{person.name}@practice.example"})

    @route("GET", "/v2/me", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request, "r_basicprofile")
        first, _, last = person.display.partition(" ")
        known = {"id": person.id.rpartition(":")[2], "vanityName": person.handle}
        return as_json({**known, "localizedFirstName": first, "localizedLastName": last})

    @route("GET", "/rest/organizationAcls", "identity")
    def roles(self, request: Request) -> Answer:
        person = self.who(request, "rw_organization_admin")
        self.versioned(request)
        if any(request.query.get(name) != value for name, value in ACL.items()):
            raise invalid("INVALID_VALUE_FOR_FIELD", "q, role and state are needed")
        role = {"role": "ADMINISTRATOR", "state": "APPROVED", "roleAssignee": person.id}
        runs = self.accounts(person)[1:]
        return as_json({"elements": [{**role, "organization": shop.id} for shop in runs]})

    @route("GET", "/rest/organizations/{id}", "identity")
    def organisation(self, request: Request) -> Answer:
        self.versioned(request)
        for shop in self.accounts(self.who(request, "rw_organization_admin"))[1:]:
            if shop.id.rpartition(":")[2] == request.params["id"]:
                named = {"localizedName": shop.display, "vanityName": shop.handle}
                return as_json({"id": int(request.params["id"]), **named})
        return error(404, "NOT_FOUND", "There is no such organization")

    def author(self, request: Request, urn: str) -> Person:
        kind = "organization" if ":organization:" in urn else "member"
        person = self.who(request, f"w_{kind}_social")
        for one in self.accounts(person):
            if one.id == urn:
                return one
        raise RefusalError(self.dialect("forbidden", Scene(request)))

    def versioned(self, request: Request) -> None:
        version = request.headers.get("linkedin-version", "")
        if not version:
            raise RefusalError(error(400, "VERSION_MISSING", "A version must be present."))
        if not VERSION.fullmatch(version):
            raise RefusalError(self.dialect("misconfigured", Scene(request)))
        if request.headers.get("x-restli-protocol-version") != "2.0.0":
            raise invalid("INVALID_VALUE_FOR_FIELD", "X-Restli-Protocol-Version must be 2.0.0")

    # Posts

    @route("POST", "/rest/posts", "publish")
    def create(self, request: Request) -> Answer:
        body = request.json()
        author = self.author(request, str(body.get("author", "")))
        self.versioned(request)
        text, content = accepted(body), body.get("content") or {}
        media = self.shown_files(author, content, request.at)
        link = str(content.get("article", {}).get("source", ""))
        seen = {"said": [text, link, [one["sha256"] for one in media]], "content": content}
        for post in self.board.of(self.name, author.id):
            if post["said"] == seen["said"] and post["received_at"] > request.at - SAME_FOR_S:
                return duplicate(post["id"])
        urn = f"urn:li:share:{self.store.next_number(self.name, request.at)}"
        shown = {"media": media, "link": link, "commentary": body["commentary"]}
        self.receive(author, urn, text, f"/feed/update/{urn}/", request.at, **shown, **seen)
        return Answer(201, b"", (("x-restli-id", urn),))

    @route("GET", "/rest/posts", "find")
    def listing(self, request: Request) -> Answer:
        urn, asked = request.query.get("author", ""), request.query
        kind = "organization" if ":organization:" in urn else "member"
        self.who(request, f"r_{kind}_social")
        self.versioned(request)
        if asked.get("q") != "author" or request.headers.get("x-restli-method") != "FINDER":
            raise invalid("MISSING_FIELD", "q=author and the method FINDER are needed")
        start, count = int(asked.get("start", "0")), int(asked.get("count", "10"))
        posts = self.board.of(self.name, urn)[start : start + count]
        return as_json({"elements": [listed(post) for post in posts]})

    @route("DELETE", "/rest/posts/{urn}", "delete")
    def delete(self, request: Request) -> Answer:
        person = self.who(request, "w_member_social")
        self.versioned(request)
        post = self.board.post(self.name, request.params["urn"])
        if post is None or post["account"] not in [one.id for one in self.accounts(person)]:
            return error(404, "NOT_FOUND", "There is no such post")
        self.board.take_down(self.name, post["id"])
        return Answer(204)

    @route("GET", "/feed/update/{urn}/")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["urn"]))


def accepted(body: Document) -> str:
    """The text that a post will show, once its body is found to be in order."""
    text: Any = body.get("commentary")
    feed = body.get("distribution", {}).get("feedDistribution")
    fixed = (body.get("visibility"), body.get("lifecycleState"), feed)
    if not isinstance(text, str) or fixed != ("PUBLIC", "PUBLISHED", "MAIN_FEED"):
        raise invalid("MISSING_FIELD", "commentary, visibility or lifecycleState is missing")
    if len(text.encode("utf-16-le")) // 2 > LONGEST:
        raise invalid("FIELD_LENGTH_TOO_LONG", f"commentary is longer than {LONGEST}")
    if cut := RESERVED.search(text):  # what is not escaped ends the text
        text = text[: cut.start()]
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def duplicate(urn: str) -> Answer:
    """The refusal that names the post which stands."""
    fault = {"description": "Duplicate post is detected", "code": "DUPLICATE_POST"}
    more = {"errorDetailType": "com.linkedin.common.error.BadRequest"}
    more |= {"errorDetails": {"inputErrors": [fault]}}  # type: ignore[dict-item]
    words = f"Invalid input: Content is a duplicate of {urn}"
    return as_json({**more, "message": words, "status": 422}, 422)


def listed(post: Document) -> Document:
    """A post as the listing shows it."""
    moment = int(post["received_at"] * 1000)
    about = {"id": post["id"], "author": post["account"], "commentary": post["commentary"]}
    times = {"createdAt": moment, "lastModifiedAt": moment}
    return {**about, **times, **({"content": post["content"]} if post["content"] else {})}
