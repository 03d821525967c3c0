"""The cast: Alice owns the team, Bob writes in it, Charlie is in another team and sees nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import requests
from django.utils import timezone

import providers
from accounts.access import found_team
from accounts.models import Membership, Team, User
from accounts.roles import Role
from posting.compose import compose
from posting.models import Post, PostResult
from posting.revise import revise, standing
from providers.kit.contract import Family, Finds, Grant, Offers, takes_bare_words
from tokens.connect import keep_grant
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import network
from tokens.states import AccountState
from tokens.vault import seal

RENEWED = (Family.ROTATING, Family.REUSABLE, Family.GRACE)
PASSWORD = "correct horse battery"  # not a secret: a test's


@dataclass(frozen=True)
class Cast:
    """Three people and two teams."""

    alice: User
    bob: User
    charlie: User
    team: Team
    other_team: Team


def gather() -> Cast:
    """The cast, in the database."""
    alice = User.objects.create_user("alice@example.org", PASSWORD, name="Alice")
    bob = User.objects.create_user("bob@example.org", PASSWORD, name="Bob")
    charlie = User.objects.create_user("charlie@example.org", PASSWORD, name="Charlie")
    team, other = found_team(alice, "Alice's team"), found_team(charlie, "Charlie's team")
    Membership.objects.create(team=team, user=bob, role=Role.EDITOR)
    return Cast(alice, bob, charlie, team, other)


class Street:
    """The practice street as seen from outside: its control plane over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def trouble(self, network: str, kind: str, **more: Any) -> None:
        """The next matching request meets trouble of this kind."""
        body = {"network": network, "kind": kind, **more}
        requests.post(f"{self.url}/_street/trouble", json=body, timeout=5).raise_for_status()

    def board(self, network: str = "") -> list[dict[str, Any]]:
        """The posts that arrived, newest first."""
        query = {"network": network} if network else {}
        answer = requests.get(f"{self.url}/_street/board", params=query, timeout=5)
        posts: list[dict[str, Any]] = answer.json()["posts"]
        return posts

    def texts(self, network: str = "") -> list[str]:
        """The texts that arrived, newest first."""
        return [str(post["text"]) for post in self.board(network)]

    def requests_of(self, network: str) -> list[dict[str, Any]]:
        """The requests that arrived, in order."""
        answer = requests.get(
            f"{self.url}/_street/requests", params={"network": network}, timeout=5
        )
        arrived: list[dict[str, Any]] = answer.json()["requests"]
        return arrived

    def grant(self, network: str, person: str = "ada") -> dict[str, Any]:
        """A grant without a dance."""
        body = {"network": network, "person": person}
        answer = requests.post(f"{self.url}/_street/grant", json=body, timeout=5)
        answer.raise_for_status()
        given: dict[str, Any] = answer.json()
        return given

    def tell(self, verb: str, **body: Any) -> None:
        """Any other order: expire, kill, reset."""
        requests.post(f"{self.url}/_street/{verb}", json=body, timeout=5).raise_for_status()


def granted(street: Street, team: Team, name: str, person: str = "ada") -> tuple[OAuthToken, Any]:
    """A living grant of the twin of `name`, kept for `team`, and what the twin told about it."""
    given = street.grant(name, person)
    provider = network(name)
    grant = Grant(
        access_token=given["grant_token"],
        refresh_token=given.get("refresh_token") or "",
        lifetime=timedelta(seconds=given["lifetime_s"]) if given.get("lifetime_s") else None,
        host=given.get("host") or "",
    )
    return keep_grant(provider, team, grant.host, grant, timezone.now()), given


def connected(street: Street, team: Team, name: str, person: str = "ada") -> SocialAccount:
    """An account of `team` at the twin of `name`, with a living grant: the first behind it."""
    return next(each_connected(street, team, name, person))


def each_connected(
    street: Street, team: Team, name: str, person: str = "ada"
) -> Iterator[SocialAccount]:
    """Every account behind a grant; those that have a key of their own keep it."""
    token, given = granted(street, team, name, person)
    for told in given["accounts"]:
        account = SocialAccount.objects.create(
            team=team,
            token=token,
            provider=name,
            realm=token.host if network(name).ids_per_host else "",
            external_id=told["external_id"],
            handle=told["handle"],
        )
        if key := told.get("access_token"):
            account.key_sealed = seal(key, f"account:{account.pk}:key")
            account.save(update_fields=["key_sealed"])
        yield account


def reconnect(street: Street, account: SocialAccount) -> None:
    """The owner connects `account` once more."""
    token, _ = granted(street, account.team, account.provider)
    account.token, account.state, account.problem = token, AccountState.CONNECTED, ""
    account.save()


def talkers() -> tuple[str, ...]:
    """The networks that take bare words."""
    every = providers.names()
    return tuple(name for name in every if takes_bare_words(providers.adapter(name)))


def threaders() -> tuple[str, ...]:
    """The talkers that can answer a post."""
    return tuple(name for name in talkers() if providers.adapter(name).limits.replies)


def tells_of_the_lost(name: str) -> bool:
    """Whether a network can be asked for a post whose answer was lost."""
    kind = providers.adapter(name)
    return issubclass(kind, Finds) or bool(kind.resend_window)


def filled_in(name: str) -> dict[str, str]:
    """What a person of the practice street types into a network's own blanks of a post."""
    blanks = providers.adapter(name).post_fields
    return {b.name: b.practice.replace("{key}", uuid.uuid4().hex) for b in blanks if b.practice}


def samples() -> tuple[str, ...]:
    """One talker of each kind, for stories about the engine: the contract suite plays every one.

    Kinds differ in how a doubt is settled and in whether keys end. Each is a person's own account,
    with keys that last or can be renewed at any moment.
    """
    found: dict[tuple[bool, bool], str] = {}
    for name in talkers():
        kind = providers.adapter(name)
        plain = kind.family in (*RENEWED, Family.NONE) and not issubclass(kind, Offers)
        if plain and issubclass(kind, Finds):
            found.setdefault((bool(kind.resend_window), kind.family in RENEWED), name)
    return tuple(found.values())


def renewers() -> tuple[str, ...]:
    """One network of each family whose keys are renewed whenever that is wanted."""
    found: dict[Family, str] = {}
    for name in providers.names():
        found.setdefault(providers.adapter(name).family, name)
    return tuple(name for family, name in found.items() if family in RENEWED)


def everywhere(street: Street, team: Team) -> list[SocialAccount]:
    """One account at every network that takes bare words."""
    return [connected(street, team, name) for name in talkers()]


def written(cast: Cast, text: str, accounts: list[SocialAccount]) -> Post:
    """A post by Alice, due now."""
    return compose(
        team=cast.team, author=cast.alice, text=text, accounts=accounts, at=timezone.now()
    )


def edit(post: Post, *, seen: int, at: datetime, **new: Any) -> None:
    """Somebody who saw the version `seen` saves a post with something new; `due_at` or as it is."""
    stands = standing(Post.objects.get(pk=post.pk))
    due_at = new.pop("due_at", stands.wish)
    content = replace(stands, wish=None if due_at == at else due_at, **new)
    revise(post, content, seen=seen, at=at)


def only(post: Post) -> PostResult:
    """The one result of a post, as it stands now."""
    return PostResult.objects.get(post=post)
