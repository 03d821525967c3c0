"""An operator tries a network: here its twin stands in the place of the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

import providers
from deploy.live import FAILED, FINE, NOT_BEGUN, YES, Person, live
from providers.kit.contract import (
    Deletes,
    Finds,
    SignsInByForm,
    practice_options,
    practice_values,
)
from sandbox.kit.server import Street as Server
from tests.cast import Street
from tests.files import film
from tests.providers.files import picture

EVERY = sorted(providers.names())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Server() as street:
        yield street.url


@pytest.fixture
def street(server: str) -> Street:
    requests.post(f"{server}/_street/reset", json={}, timeout=5).raise_for_status()
    return Street(server)


class Operator:
    """Somebody at the screen, who answers the one question; nobody waits."""

    def __init__(self, answer: str = YES) -> None:
        self.answer, self.heard, self.questions = answer, list[str](), 0
        self.person = Person(self.heard.append, self._asked, lambda _: None)

    def _asked(self, words: str) -> str:
        self.questions += 1
        self.heard.append(words)
        return self.answer

    @property
    def told(self) -> str:
        """Everything on the screen."""
        return "\n".join(self.heard)


def credentials(street: Street, name: str) -> dict[str, str]:
    """What somebody who has a key of the twin sets in the environment."""
    kind, before = providers.adapter(name), f"{name}_live_".upper()
    given = street.grant(name)
    brought = practice_values(kind, street.url)
    if not issubclass(kind, SignsInByForm):
        brought |= {"token": given["grant_token"], "account": given["external_id"]}
    brought |= {f.name: f.practice.replace("{key}", "live") for f in kind.post_fields}
    options = practice_options(kind, street.url)
    named = {f"{before}{part}".upper(): value for part, value in brought.items()}
    return {"TRUSTED_ORIGINS": street.url, **options, **named}


def files(name: str, folder: Path) -> dict[str, str]:
    """A picture at an address, and a video on the disk, for networks that need one."""
    rule = providers.adapter(name).limits.images
    (folder / "trial.mp4").write_bytes(film())
    at = {"LIVE_PICTURE_URL": picture(rule).url} if rule and rule.by_url else {}
    return {"LIVE_VIDEO": str(folder / "trial.mp4"), **at}


def secrets(street: Street, name: str, around: dict[str, str]) -> set[str]:
    kind = providers.adapter(name)
    typed = {f"{name}_LIVE_{f.name}".upper() for f in kind.fields if f.secret}
    known = {s.name for s in kind.settings if s.secret} | typed | {f"{name}_LIVE_TOKEN".upper()}
    return {around[part] for part in known if around.get(part)}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_tried_is_published_looked_up_and_deleted(
    street: Street, name: str, tmp_path: Path
) -> None:
    around, operator = credentials(street, name) | files(name, tmp_path), Operator()
    kind = providers.adapter(name)
    assert live(name, around, operator.person) == FINE, operator.told
    assert operator.questions == 1
    wanted = (not kind.limits.needs_media) + bool(kind.limits.images or kind.limits.needs_media)
    gone = requests.get(f"{street.url}/_street/board", timeout=5).json()["gone"]
    standing = street.board(name)
    assert len(standing) + len(gone) == wanted == operator.told.count("Published ")
    assert operator.told.count("under the same number") == wanted * issubclass(kind, Finds)
    assert (len(standing) == 0) is issubclass(kind, Deletes)
    assert ("delete it there" in operator.told) is not issubclass(kind, Deletes)
    described = [m["alt"] for post in gone for m in post["media"] if m["kind"] == "image"]
    rule = kind.limits.images
    assert all(described) is (rule is None or not described or rule.alt_limit is not None)
    assert [secret for secret in secrets(street, name, around) if secret in operator.told] == []


@pytest.mark.parametrize("answer", ["no", "", "y", "YES, please"])
def test_whoever_does_not_type_yes_publishes_nothing(street: Street, answer: str) -> None:
    operator = Operator(answer)
    assert live("mastodon", credentials(street, "mastodon"), operator.person) == NOT_BEGUN
    assert operator.heard[-1] == "Nothing was published."
    assert street.board() == []


@pytest.mark.parametrize("name", EVERY)
def test_everything_that_is_missing_is_named_and_nobody_is_asked(street: Street, name: str) -> None:
    operator, kind = Operator(), providers.adapter(name)
    assert live(name, {}, operator.person) == NOT_BEGUN
    [said] = operator.heard
    wanted = [s.name for s in kind.settings if s.needed and not s.default]
    wanted += [f"{name}_live_{f.name}".upper() for f in kind.post_fields if f.needed]
    if not issubclass(kind, SignsInByForm):
        wanted.append(f"{name}_live_token".upper())
    assert [part for part in wanted if part not in said] == []
    assert "_LIVE_" in said
    assert operator.questions == 0


def test_a_network_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    operator = Operator()
    assert live("nowhere", {}, operator.person) == NOT_BEGUN
    assert "not 'nowhere'" in operator.told
    assert "mastodon" in operator.told


def test_a_key_that_is_refused_ends_it_before_the_question(street: Street) -> None:
    around = credentials(street, "mastodon") | {"MASTODON_LIVE_TOKEN": "not-a-key"}
    operator = Operator()
    assert live("mastodon", around, operator.person) == NOT_BEGUN
    assert "did not let us in" in operator.told
    assert "not-a-key" not in operator.told
    assert operator.questions == 0


def test_of_several_accounts_one_has_to_be_named(street: Street) -> None:
    around, operator = credentials(street, "linkedin"), Operator()
    del around["LINKEDIN_LIVE_ACCOUNT"]
    assert live("linkedin", around, operator.person) == NOT_BEGUN
    assert "Set LINKEDIN_LIVE_ACCOUNT to one of these accounts: " in operator.told
    assert street.board() == []


def test_where_media_are_needed_and_missing_it_is_said_what_to_set(street: Street) -> None:
    for name, what in (("pinterest", "LIVE_PICTURE_URL"), ("youtube", "LIVE_VIDEO")):
        operator = Operator()
        assert live(name, credentials(street, name), operator.person) == NOT_BEGUN
        assert f"set {what} to" in operator.told


def test_a_lost_answer_is_a_failure_and_what_stands_there_is_deleted_all_the_same(
    street: Street,
) -> None:
    around, operator = credentials(street, "mastodon"), Operator()
    street.trouble("mastodon", "drop_after")
    assert live("mastodon", around, operator.person) == FAILED
    assert "FAIL: a text may stand there or not" in operator.told
    assert operator.told.count("Deleted.") == 2
    assert street.board() == []


def test_what_cannot_be_deleted_is_pointed_out(street: Street) -> None:
    around, operator = credentials(street, "mastodon"), Operator()
    street.trouble("mastodon", "forbidden", on="delete", times=2)
    assert live("mastodon", around, operator.person) == FAILED
    [first, _] = [words for words in operator.heard if "delete it there by hand" in words]
    assert street.board()[-1]["url"] in first
