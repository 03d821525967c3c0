"""LinkedIn: members and the organisations they administer, by one grant; duplicates are named.

Facts: networks.md of 2026-11-21, section 3, from Microsoft Learn as stored until 2026-09-19.
`LinkedIn-Version` is a month, supported for about a year: 202609 is the newest that was seen.
A repeat within about ten minutes is refused with the URN of the post that stands, so it is
harmless; later only an app with read permission can look. Partners' apps get a refresh token that
stays the same, all others none (the grant says which). Not known: in what 3000 characters are
counted (UTF-16 here, the stricter way) and whether escapes count, the largest picture in bytes (our
own bound), how soon a repeat is recognised. Not offered: comments, mentions, documents, polls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from providers.kit.contract import (
    Account,
    App,
    Dance,
    Family,
    Field,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Message,
    Offer,
    Receipt,
    Setting,
    TextRule,
    Unit,
    VideoRule,
)
from providers.kit.errors import (
    Duplicate,
    Misconfigured,
    NetworkError,
    Rejected,
    Unauthorized,
    Unexpected,
)
from providers.kit.http import Reply, objects_in, text_in
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import Cap
from providers.kit.restli import (
    Assets,
    address,
    code_of,
    headers,
    is_ours,
    listed,
    public_post,
    refusal,
)
from providers.kit.steps import forget
from providers.kit.versions import month_is_over

URN = re.compile(r"urn:li:(?:share|ugcPost):\d+", re.ASCII)
OUR_APP = frozenset({"VERSION_MISSING", "NONEXISTENT_VERSION"})
ORGANISATIONS = "rw_organization_admin"
DAY = timedelta(days=1)


class LinkedIn(OAuthProvider):
    """LinkedIn, for members and organisations."""

    name = "linkedin"
    label = "LinkedIn"
    colour = "#0a66c2"
    family = Family.REUSABLE
    limits = Limits(
        TextRule(limit=3000, unit=Unit.UTF16),
        images=ImageRule(
            20,
            ("image/jpeg", "image/png", "image/gif"),
            20 * 1024 * 1024,
            alt_limit=4086,
            max_pixels=36_152_319,
        ),
        video=VideoRule(
            ("video/mp4",),
            500_000_000,
            shortest=timedelta(seconds=3),
            longest=timedelta(minutes=30),
        ),
        links=True,
    )
    resend_window = timedelta(minutes=8)  # of the ten for which a repeat is recognised
    caps = (Cap(150, DAY), Cap(100_000, DAY, "app"))
    """Self-serve apps; nothing in its answers says what is left."""
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("openid", "profile", "email", "w_member_social"), pkce=False
    )
    settings = (
        Setting(
            "LINKEDIN_CLIENT_ID",
            "Client id of your app in the LinkedIn developer portal",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "LINKEDIN_CLIENT_SECRET",
            "Client secret of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "LINKEDIN_SCOPES",
            "What the app may ask for; organisations need the Community Management API",
            default=" ".join(oauth.scopes),
            practice="r_basicprofile w_member_social r_member_social w_organization_social "
            "r_organization_social rw_organization_admin",
        ),
        Setting(
            "LINKEDIN_VERSION",
            "Version of the API, a month as YYYYMM; renew it once a year",
            default="202609",
        ),
        Setting(
            "LINKEDIN_API_URL",
            "Base URL of the API",
            default="https://api.linkedin.com",
            practice="{street}/linkedin",
        ),
        Setting(
            "LINKEDIN_WEB_URL",
            "Where people say yes and posts are read",
            default="https://www.linkedin.com",
            practice="{street}/linkedin",
        ),
    )
    post_fields = (
        Field(
            "link_title",
            "Title of the link",
            help="LinkedIn does not read the page; left empty, its domain is shown",
            practice="A page of ours",
        ),
    )

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self._web("/oauth/v2/authorization")

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self._web("/oauth/v2/accessToken")

    def authorize_query(self, dance: Dance) -> dict[str, str]:
        """With the scopes that this app was allowed; asking for others ends earlier tokens."""
        return {**super().authorize_query(dance), "scope": " ".join(self._scopes())}

    def exchange(self, dance: Dance, params: Mapping[str, str]) -> Grant:
        """Only apps of partners get a refresh token; without one the grant cannot be renewed."""
        grant = super().exchange(dance, params)
        grant = replace(grant, scopes=grant.scopes or self._scopes())
        return grant if grant.refresh_token else replace(grant, family=Family.NONE)

    def identify(self, grant: Grant, host: str) -> Identity:
        """The member: GET /v2/userinfo, or /v2/me where the app may not use OpenID."""
        scopes = grant.scopes or self._scopes()
        path = "/v2/userinfo" if "openid" in scopes else "/v2/me"
        data = self._object(self.wire.call("GET", self._api(path), bearer=grant.access_token))
        number = text_in(data, "sub") or text_in(data, "id")
        first, last = text_in(data, "localizedFirstName"), text_in(data, "localizedLastName")
        name = text_in(data, "name") or f"{first} {last}".strip()
        if not number:
            raise Unexpected("LinkedIn did not say who this is.")
        vanity = text_in(data, "vanityName")
        return Identity(
            external_id=f"urn:li:person:{number}",
            handle=vanity or name or number,
            name=name,
            url=self._web(f"/in/{vanity}/") if vanity else "",
            avatar_url=text_in(data, "picture"),
        )

    def offers(self, grant: Grant, host: str) -> Sequence[Offer]:
        """The member, then every organisation that the member administers; one key for all."""
        member = Offer(self.identify(grant, host))
        if ORGANISATIONS not in (grant.scopes or self._scopes()):
            return [member]
        asked = {"q": "roleAssignee", "role": "ADMINISTRATOR", "state": "APPROVED"}
        reply = self._rest("GET", "organizationAcls", grant.access_token, params=asked)
        roles = objects_in(self._object(reply), "elements")
        urns = dict.fromkeys(text_in(role, "organization") for role in roles)
        return [member, *(Offer(self._organisation(urn, grant)) for urn in urns if urn)]

    def _organisation(self, urn: str, grant: Grant) -> Identity:
        number = urn.rpartition(":")[2]
        told = self._object(self._rest("GET", f"organizations/{number}", grant.access_token))
        name, vanity = text_in(told, "localizedName"), text_in(told, "vanityName")
        url = self._web(f"/company/{vanity or number}/")
        return Identity(urn, vanity or name or number, name=name, url=url)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """A new access token; the refresh token stays, and ends a year after the first grant."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("LinkedIn gave no refresh token; the account must connect again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """POST /oauth/v2/revoke."""
        if ours := app or self.app(host):
            self.revoke_token(self._web("/oauth/v2/revoke"), {"token": grant.access_token}, ours)

    def grant_is_dead(self, reply: Reply) -> bool:
        """LinkedIn says invalid_request with a sentence where others say invalid_grant."""
        said = text_in(reply.maybe_json(), "error_description").lower()
        return super().grant_is_dead(reply) or (
            text_in(reply.maybe_json(), "error") == "invalid_request"
            and "invalid, expired or revoked" in said
        )

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /rest/posts: 201 without a body, the URN in a header."""
        body = public_post(account.external_id, message.text)
        base, version = self._api(""), self.options["LINKEDIN_VERSION"]
        assets = Assets(self.wire, base, version, account, message, self._refusal)
        if message.media:
            body["content"] = assets.content()
        elif message.link:
            title = message.options.get("link_title", "") or urlsplit(message.link).netloc
            body["content"] = {"article": {"source": message.link, "title": title}}
        reply = self._rest("POST", "posts", account.access_token, safe=False, json=body)
        if message.media and reply.status == 400 and code_of(reply).startswith("INVALID_URN"):
            ended = Rejected("LinkedIn does not know the uploaded files.", status=400)
            raise forget(message.saved, tuple(assets.names()), ended)
        if not reply.ok:
            raise self._refusal(reply)
        urn = reply.headers.get("x-restli-id", "")
        if not URN.fullmatch(urn):
            raise reply.unreadable()
        return self._receipt(urn)

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE /rest/posts/{urn}."""
        path, key = f"posts/{address(receipt.external_id)}", account.access_token
        reply = self._rest("DELETE", path, key, "DELETE", safe=True)
        if not reply.ok and reply.status != 404:
            raise self._refusal(reply)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Look among the author's posts; Forbidden where the app may not read them."""

        def page(query: Mapping[str, str]) -> Reply:
            reply = self._rest("GET", "posts", account.access_token, "FINDER", params=query)
            if not reply.ok:
                raise self._refusal(reply)
            return reply

        for post in listed(page, account.external_id, message.created_at):
            urn = text_in(post, "id")
            if URN.fullmatch(urn) and is_ours(message, post):
                return self._receipt(urn)
        return None

    def _receipt(self, urn: str) -> Receipt:
        return Receipt(urn, self._web(f"/feed/update/{urn}/"))

    def _scopes(self) -> tuple[str, ...]:
        return tuple(self.options["LINKEDIN_SCOPES"].split())

    def aged(self, today: date) -> str:
        """A month is served for about a year."""
        return month_is_over("LINKEDIN_VERSION", self.options["LINKEDIN_VERSION"], today)

    def _api(self, path: str) -> str:
        return self.options["LINKEDIN_API_URL"].rstrip("/") + path

    def _web(self, path: str) -> str:
        return self.options["LINKEDIN_WEB_URL"].rstrip("/") + path

    def _rest(self, verb: str, path: str, key: str, method: str = "", **load: Any) -> Reply:
        told = headers(self.options["LINKEDIN_VERSION"], method)
        return self.wire.call(verb, self._api(f"/rest/{path}"), headers=told, bearer=key, **load)

    def _object(self, reply: Reply) -> dict[str, Any]:
        if not reply.ok:
            raise self._refusal(reply)
        return reply.json()

    def _refusal(self, reply: Reply) -> NetworkError:
        """The error table of LinkedIn."""
        code, said, status = code_of(reply), reply.said("message"), reply.status
        if code in OUR_APP or status == 426:
            words = f"LinkedIn does not take LINKEDIN_VERSION as it is set: {said}"
            return Misconfigured(words, status=status, network_code=code)
        if code == "DUPLICATE_POST":
            urn = next(iter(URN.findall(text_in(reply.maybe_json(), "message"))), "")
            url = self._receipt(urn).url if urn else ""
            return Duplicate(said, status=status, network_code=code, external_id=urn, url=url)
        return refusal(reply, self.label, self.wait(reply))
