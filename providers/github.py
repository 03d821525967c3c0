"""GitHub: an issue, a discussion, a release or a gist, by an OAuth App or a GitHub App.

Facts: github/docs, @octokit/openapi 23.0.2 and networks.md of 2026-11-21, section 14; API version
2022-11-28 (2026-03-10 exists too). The keys of an OAuth App never end (one that is unused for a
year dies, which is background knowledge); those of a GitHub App live for 8 hours and rotate, and a
renewal ends the old key at once. The token door refuses with HTTP 200. Lengths are likely, not
documented. Not offered: pictures, which cannot be uploaded for issues; answers but to issues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from providers.kit.contract import (
    Account,
    App,
    Dance,
    Family,
    Field,
    Grant,
    Identity,
    Limits,
    Look,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
from providers.kit.errors import Rejected, Unauthorized
from providers.kit.forge import METERS, Forge, refusal
from providers.kit.forge_posts import KINDS, MARKER_LENGTH, kind_behind, kind_of
from providers.kit.http import Reply, text_in
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import Cap


class GitHub(OAuthProvider):
    """GitHub."""

    name = "github"
    label = "GitHub"
    colour = "#24292f"
    family = Family.ROTATING
    limits = Limits(
        TextRule(limit=65_536 - MARKER_LENGTH, unit=Unit.CODE_POINTS),
        replies=True,
        flat_threads=True,
    )
    look = Look.MARK  # in the body; of a gist the name of its file
    caps = (Cap(80, timedelta(minutes=1)), Cap(500, timedelta(hours=1)))
    """What creates content, of one user."""
    meters = METERS
    oauth: ClassVar[OAuth] = OAuth(scopes=("public_repo", "gist", "write:discussion", "read:user"))
    settings = (
        Setting(
            "GITHUB_CLIENT_ID",
            "Client id of your OAuth App or GitHub App",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "GITHUB_CLIENT_SECRET",
            "Client secret of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "GITHUB_SCOPES",
            "Scopes of an OAuth App; say repo in place of public_repo for private repositories",
            default="public_repo gist write:discussion read:user",
        ),
        Setting(
            "GITHUB_API_URL",
            "Base URL of the API",
            default="https://api.github.com",
            practice="{street}/github/api",
        ),
        Setting("GITHUB_API_VERSION", "Version of the API", default="2022-11-28"),
        Setting(
            "GITHUB_URL",
            "Where people say yes and codes are traded",
            default="https://github.com",
            practice="{street}/github",
        ),
    )
    post_fields = (
        Field(
            "kind",
            "Kind",
            practice="issue",
            needed=True,
            choices=tuple((kind, kind.title()) for kind in KINDS),
        ),
        Field(
            "repository",
            "Repository",
            help="As owner/name; a gist needs none",
            practice="ada/practice",
        ),
        Field("title", "Title", help="At most 256 characters", practice="Practice"),
        Field("category", "Category", help="Of a discussion, by its name", practice="General"),
        Field("tag", "Tag", help="Of a release, for example v1.2.0", practice="v-{key}"),
    )

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self._web("/login/oauth/authorize")

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self._web("/login/oauth/access_token")

    def authorize_query(self, dance: Dance) -> dict[str, str]:
        """With the scopes of the settings; a GitHub App has rights of its own and ignores them."""
        return {**super().authorize_query(dance), "scope": self.options["GITHUB_SCOPES"]}

    def calling_card(self) -> Mapping[str, str]:
        """GitHub speaks JSON only where it is asked to."""
        return {"Accept": "application/json"}

    def read_grant(self, reply: Reply) -> Grant:
        """A refresh token says which kind of app this is."""
        grant = super().read_grant(reply)
        return replace(grant, family=Family.ROTATING if grant.refresh_token else Family.NONE)

    def grant_is_dead(self, reply: Reply) -> bool:
        """GitHub's word for a refresh token that is spent or too old."""
        return super().grant_is_dead(reply) or (
            text_in(reply.maybe_json(), "error") == "bad_refresh_token"
        )

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /user."""
        reply = self._forge("", grant.access_token).told("GET", "user")
        me = reply.json()
        number, login = me.get("id"), text_in(me, "login")
        if not isinstance(number, int) or not login:
            raise reply.unreadable()
        page = text_in(me, "html_url") or self._web(f"/{login}")
        picture = text_in(me, "avatar_url")
        return Identity(str(number), f"@{login}", text_in(me, "name"), page, picture)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """One rotation; it ends the old key and the old refresh token."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("GitHub gave no refresh token; connect the account again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """DELETE /applications/{client_id}/token; one that has ended is no error."""
        ours = app or self.app(host)
        if ours is None:
            return
        reply = self.wire.call(
            "DELETE",
            f"{self._api()}/applications/{ours.client_id}/token",
            safe=True,
            json={"access_token": grant.access_token},
            headers=self._headers(),
            basic=(ours.client_id, ours.client_secret),
            secrets=(grant.access_token,),
        )
        if not reply.ok and reply.status not in (404, 422):
            raise refusal(reply)

    def publish(self, message: Message, account: Account) -> Receipt:
        """One of the four kinds; each carries a marker that shows on no page."""
        if len(message.text) > self.limits.text.limit:
            raise Rejected(f"The text is too long: at most {self.limits.text.limit:,} characters.")
        return kind_of(message).create(self._of(account), message)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """By the marker, where posts of its kind are listed."""
        return kind_of(message).find(self._of(account), message)

    def delete(self, receipt: Receipt, account: Account) -> None:
        """What the receipt's id is the id of."""
        kind_behind(receipt.external_id).delete(self._of(account), receipt.external_id)

    def _of(self, account: Account) -> Forge:
        return self._forge(account.handle.lstrip("@"), account.access_token)

    def _forge(self, login: str, token: str) -> Forge:
        return Forge(self.wire, self._api(), self._headers(), login, token)

    def _headers(self) -> dict[str, str]:
        version = self.options["GITHUB_API_VERSION"]
        return {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": version}

    def _api(self) -> str:
        return self.options["GITHUB_API_URL"].rstrip("/")

    def _web(self, path: str) -> str:
        return self.options["GITHUB_URL"].rstrip("/") + path
