"""Several teams: which one is looked at, how another is chosen, and what the rail counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership
from accounts.roles import Role
from posting.compose import compose
from posting.models import Post
from posting.states import State
from project import nav
from tests.cast import Cast
from tests.pages.conftest import Page, Put, read
from tokens.models import SocialAccount

SWITCH = "/team/switch/"


@pytest.fixture
def both(cast: Cast) -> None:
    """Charlie writes in Alice's team, too."""
    Membership.objects.create(team=cast.team, user=cast.charlie, role=Role.EDITOR)


def offered(page: Page) -> set[str]:
    """The teams that can be switched to."""
    return {one["value"] for one in page.all("button", name="team")}


def test_somebody_of_one_team_is_offered_none(alice: Client) -> None:
    assert offered(read(alice.get(reverse("posts")))) == set()


def test_another_team_is_chosen_and_remembered(
    charlie: Client, cast: Cast, post: Post, both: None
) -> None:
    page = read(charlie.get(reverse("posts")))
    assert offered(page) == {str(cast.team.pk), str(cast.other_team.pk)}
    assert "lamp" not in page.text
    answer = charlie.post(SWITCH, {"team": cast.team.pk, "next": "/posts/"}, follow=True)
    assert "This is Alice's team." in read(answer).text
    for url in (reverse("posts"), reverse("post", args=[post.pk])):
        assert "lamp" in read(charlie.get(url)).text
    charlie.post(SWITCH, {"team": cast.other_team.pk})
    assert "lamp" not in read(charlie.get(reverse("posts"))).text


def test_a_link_to_another_team_of_mine_is_not_there_and_says_where_to_look(
    charlie: Client, cast: Cast, post: Post, both: None
) -> None:
    url = reverse("post", args=[post.pk])
    answer = charlie.get(url)
    page = read(answer)
    assert answer.status_code == 404
    assert "lamp" not in page.text
    assert str(cast.team.pk) in offered(page)
    assert charlie.post(SWITCH, {"team": cast.team.pk, "next": url})["Location"] == url
    assert "lamp" in read(charlie.get(url)).text


def test_nobody_gets_into_a_team_that_is_not_theirs(
    charlie: Client, cast: Cast, post: Post
) -> None:
    for said in (cast.team.pk, "x", "", 10**20):
        assert charlie.post(SWITCH, {"team": said}).status_code == 404
    assert charlie.get(SWITCH, {"team": cast.team.pk}).status_code == 405
    assert "lamp" not in read(charlie.get(reverse("posts"))).text


def test_who_leaves_a_team_falls_back_to_their_own(
    charlie: Client, cast: Cast, post: Post, both: None
) -> None:
    charlie.post(SWITCH, {"team": cast.team.pk})
    Membership.objects.filter(team=cast.team, user=cast.charlie).delete()
    answer = charlie.get(reverse("posts"))
    assert answer.status_code == 200
    assert "lamp" not in read(answer).text


@pytest.mark.parametrize("elsewhere", ["https://evil.test/", "//evil.test", ""])
def test_choosing_leads_nowhere_else(elsewhere: str, charlie: Client, cast: Cast) -> None:
    answer = charlie.post(SWITCH, {"team": cast.other_team.pk, "next": elsewhere})
    assert answer["Location"] == "/"


# --- what the rail counts -------------------------------------------------------------------------
def counted(client: Client) -> dict[str, str]:
    """The counts in the rail, by the words that follow them."""
    words = read(client.get(reverse("settings"))).text
    found = {}
    for name in ("need you", "drafts"):
        before = words.partition(f" {name}")[0].split() if f" {name}" in words else [""]
        found[name] = before[-1]
    return found


def begin(cast: Cast, many: int) -> None:
    """So many drafts."""
    at = timezone.now()
    Post.objects.bulk_create(
        Post(team=cast.team, author=cast.alice, text="Half.", due_at=at, draft=True, saved_at=at)
        for _ in range(many)
    )


def test_the_rail_counts_what_needs_somebody_and_the_drafts(
    alice: Client, cast: Cast, put: Put
) -> None:
    assert counted(alice) == {"need you": "", "drafts": ""}
    for state, fields, count in (
        (State.FAILED, {"error": "rejected"}, "1"),
        (State.UNCONFIRMED, {}, "1"),
        (State.HELD, {"held_for": "reconnect"}, "1"),
        (State.SCHEDULED, {"error": "throttled", "held_for": ""}, ""),
        (State.POSTED, {"error": ""}, ""),
    ):
        put(state, **fields)
        assert counted(alice)["need you"] == count, state
    begin(cast, 2)
    assert counted(alice)["drafts"] == "2"
    begin(cast, nav.MOST)
    assert counted(alice)["drafts"] == "99+"


def test_what_was_deleted_or_is_another_teams_is_not_counted(
    alice: Client, charlie: Client, post: Post, put: Put
) -> None:
    put(State.FAILED)
    assert counted(charlie)["need you"] == ""
    Post.objects.filter(pk=post.pk).update(deleted_at=timezone.now())
    assert counted(alice)["need you"] == ""


def test_counting_costs_a_question_each_however_many(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    counts = []
    for many in (2, 40):
        begin(cast, many)
        for number in range(many):
            compose(
                team=cast.team,
                author=cast.alice,
                text=f"Number {many} {number}.",
                accounts=[account],
                at=timezone.now(),
                due_at=timezone.now() + timedelta(days=1),
            ).results.update(state=State.FAILED)
        with CaptureQueriesContext(connection) as caught:
            alice.get(reverse("settings"))
        counts.append(len(caught))
    assert counts[0] == counts[1] <= 12
