"""Help while a text is written: the rules for the counters, a thread out of a long text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

import providers
from posting.models import PostResult
from tests.cast import Cast
from tests.pages.conftest import connect, read
from tokens.models import SocialAccount

RULES, SPLIT, NEW = "/posts/rules/", "/posts/split/", "/posts/new/"
LONG = "One sentence of a long story. " * 60


@pytest.fixture
def threaded(cast: Cast) -> SocialAccount:
    """An account at a network that knows threads and whose posts are short."""
    able = [a for a in providers.ADAPTERS.values() if a.limits.replies]
    return connect(cast, min(able, key=lambda a: a.limits.text.limit).name)


# --- the counters -------------------------------------------------------------------------------
def test_the_rules_are_served_and_asked_for_again_only_when_they_change(alice: Client) -> None:
    answer = alice.get(RULES)
    assert set(json.loads(answer.content)["networks"]) == set(providers.names())
    assert answer["Cache-Control"] == "private, no-cache"
    again = alice.get(RULES, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert alice.get(RULES, headers={"If-None-Match": '"older"'}).status_code == 200


def test_a_stranger_does_not_get_the_rules(client: Client, cast: Cast) -> None:
    assert client.get(RULES).status_code == 302


def test_the_form_tells_the_counters_where_everything_is(
    alice: Client, account: SocialAccount
) -> None:
    page = read(alice.get(NEW))
    [counters] = page.all("div", data_counters="")
    assert "hidden" in counters  # without the script there is nothing to see
    assert counters["data-rules"] == reverse("rules")
    assert page.all("textarea", id=counters["data-text"])
    [box] = page.all("input", name="accounts")
    assert box["data-network"] == account.provider
    [script] = [s for s in page.all("script", type="module") if "counters" in s["src"]]
    assert alice.get(script["src"]).status_code == 200


def test_a_change_counts_for_the_networks_that_still_wait(
    alice: Client, cast: Cast, post: Any
) -> None:
    ended = connect(cast, providers.names()[1])
    PostResult.objects.create(
        post=post, account=ended, provider=ended.provider, state="failed", due_at=post.due_at
    )
    page = read(alice.get(reverse("edit-post", args=[post.pk])))
    [ticked] = [box for box in page.all("input", name="accounts") if "checked" in box]
    [result] = post.results.exclude(account=ended)
    assert ticked["data-network"] == result.provider


# --- threads --------------------------------------------------------------------------------------
def test_a_long_text_becomes_a_thread(alice: Client, threaded: SocialAccount) -> None:
    answer = alice.post(SPLIT, {"text": LONG, "accounts": [threaded.pk], "number": "on"})
    [thread] = answer.json()["chains"]
    assert thread["networks"] == [threaded.provider]
    total = len(thread["parts"])
    assert total > 3
    assert [part.partition("\n\n")[2] for part in thread["parts"]] == [
        f"{number}/{total}" for number in range(1, total + 1)
    ]


def test_htmx_gets_a_piece_of_a_page(alice: Client, threaded: SocialAccount) -> None:
    sent = {"text": "<b>" + LONG, "accounts": [threaded.pk]}
    page = read(alice.post(SPLIT, sent, headers={"HX-Request": "true"}))
    assert len(page.all("li")) > 3
    assert not page.all("b")
    assert not page.all("html")


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"text": ""}, "text", "Write something first."),
        ({"accounts": []}, "accounts", "Choose at least one account."),
        ({"accounts": [0]}, "accounts", "One of these accounts is not yours."),
        ({"text": "#" + "a" * 4000}, "text", "cannot be cut"),
    ],
)
def test_what_is_in_the_way_is_said_at_its_field(
    change: dict[str, Any], field: str, words: str, alice: Client, threaded: SocialAccount
) -> None:
    sent = {"text": LONG, "accounts": [threaded.pk], **change}
    answer = alice.post(SPLIT, sent)
    assert answer.status_code == 422
    assert words in answer.json()["errors"][field][0]
    piece = alice.post(SPLIT, sent, headers={"HX-Request": "true"})
    assert piece.status_code == 422
    assert words in read(piece).text


def test_charlie_may_not_use_alices_accounts(charlie: Client, threaded: SocialAccount) -> None:
    answer = charlie.post(SPLIT, {"text": LONG, "accounts": [threaded.pk]})
    assert answer.json() == {"errors": {"accounts": ["One of these accounts is not yours."]}}


def test_a_viewer_does_not_split(bob: Client, cast: Cast, threaded: SocialAccount) -> None:
    cast.bob.memberships.update(role="viewer")
    assert bob.post(SPLIT, {"text": LONG, "accounts": [threaded.pk]}).status_code == 404
