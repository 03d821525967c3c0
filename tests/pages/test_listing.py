"""The list: what is found and said again, many at once with a rehearsal, and the table to take."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, User
from accounts.roles import Role
from posting import bulk, library, sift
from posting.compose import compose
from posting.models import Post, PostResult
from posting.states import State
from tests.cast import Cast
from tests.pages.conftest import Page, connect, read
from tests.pages.test_calendar import undo_address
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
POSTS, BULK, EXPORT = "/posts/", "/posts/bulk/", "/posts/export.csv"


@pytest.fixture(autouse=True)
def clocks(cast: Cast) -> Any:
    """It is Saturday, 11:00 in Paris, where everybody lives."""
    User.objects.update(time_zone="Europe/Paris")
    with time_machine.travel(NOW, tick=False):
        yield


def write(cast: Cast, account: SocialAccount, text: str, days: float = 1, **more: Any) -> Post:
    """A post by Alice, so many days from now; what it looks like later is put in."""
    fields = {"author": cast.alice} | more
    made = NOW - timedelta(days=max(1, 1 - days))
    due_at = NOW + timedelta(days=days)
    return compose(team=cast.team, text=text, accounts=[account], at=made, due_at=due_at, **fields)


def put(post: Post, state: State, **fields: Any) -> Post:
    """Its result in any state, past the table of moves."""
    post.results.all().update(state=state, **fields)
    return post


def listed(client: Client, **asked: Any) -> list[int]:
    """Which posts the list shows, in its order."""
    page = read(client.get(POSTS, asked))
    return [int(one["data-post"]) for _, one in page.elements if "data-post" in one]


# --- the filter -----------------------------------------------------------------------------------
@pytest.fixture
def three(cast: Cast, account: SocialAccount) -> tuple[Post, Post, Post]:
    """A failed one of last week, one for tomorrow by Bob elsewhere, one that is out."""
    other = connect(cast, "mastodon")
    failed = put(write(cast, account, "The lamp.", -6), State.FAILED, error="rejected")
    ahead = write(cast, other, "The wick.", 1, author=cast.bob)
    out = put(write(cast, account, "The oil, 100 % pure.", -0.1), State.POSTED)
    library.keep_label(cast.team, "Oil", "teal").posts.add(out)
    return failed, ahead, out


def test_each_filter_finds_what_it_says(
    alice: Client, cast: Cast, account: SocialAccount, three: tuple[Post, Post, Post]
) -> None:
    failed, ahead, out = (post.pk for post in three)
    label = cast.team and three[2].labels.get()
    asked: list[tuple[dict[str, Any], set[int]]] = [
        ({}, {failed, ahead, out}),
        ({"state": "failed"}, {failed}),
        ({"state": "scheduled"}, {ahead}),
        ({"account": account.pk}, {failed, out}),
        ({"account": account.pk, "state": "posted"}, {out}),
        ({"account": account.pk, "state": "scheduled"}, set()),
        ({"network": "mastodon"}, {ahead}),
        ({"label": label.pk}, {out}),
        ({"author": cast.bob.pk}, {ahead}),
        ({"time": "ahead"}, {ahead}),
        ({"time": "today"}, {out}),
        ({"time": "week"}, {failed, out}),
        ({"since": "2026-11-22"}, {ahead}),
        ({"until": "2026-11-20"}, {failed}),
        ({"since": "2026-11-15", "until": "2026-11-21"}, {failed, out}),
        ({"q": "LAMP"}, {failed}),
        ({"q": "100 %"}, {out}),
        ({"q": "the", "state": "posted"}, {out}),
        (
            {"state": "nonsense", "account": "x", "since": "soon", "time": "never"},
            {failed, ahead, out},
        ),
    ]
    for change, found in asked:
        assert set(listed(alice, **change)) == found, change


def test_drafts_are_found_by_their_state(alice: Client, cast: Cast) -> None:
    draft = Post.objects.create(
        team=cast.team, author=cast.alice, text="Half.", due_at=NOW, draft=True, saved_at=NOW
    )
    assert listed(alice, state="draft") == [draft.pk]
    assert listed(alice, state="posted") == []


def test_what_is_ahead_comes_soonest_first(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    late, soon = write(cast, account, "Late.", 5), write(cast, account, "Soon.", 2)
    assert listed(alice, time="ahead") == [soon.pk, late.pk]


def test_each_filter_that_is_on_is_a_chip_that_takes_it_off(
    alice: Client, cast: Cast, account: SocialAccount, three: tuple[Post, Post, Post]
) -> None:
    asked: dict[str, Any] = {
        "state": "failed",
        "account": account.pk,
        "q": "<b>lamp</b>",
        "since": "2026-11-01",
    }
    answer = alice.get(POSTS, asked)
    page = read(answer)
    assert "<b>lamp" not in answer.content.decode()
    chips = page.all("a", **{"class": "sift-chip"})
    assert len(chips) == len(asked)
    for name in asked:
        left = {k: str(v) for k, v in asked.items() if k != name}
        assert left in [dict(parse_qsl(urlsplit(chip["href"]).query)) for chip in chips], name
    for words in ("“<b>lamp</b>”", "Not posted", str(account), "From 1 Nov 2026"):
        assert words in page.text


def test_nothing_found_says_so_and_clears(alice: Client, three: tuple[Post, Post, Post]) -> None:
    page = read(alice.get(POSTS, {"q": "elephant"}))
    assert "No post fits these filters." in page.text
    assert "newest 2000 posts" in page.text
    assert page.all("a", href=POSTS)


def test_the_filter_is_kept_from_page_to_page(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    for number in range(30):
        write(cast, account, f"Number {number}.")
    write(cast, connect(cast, "mastodon"), "Elsewhere.")
    page = read(alice.get(POSTS, {"account": account.pk}))
    [onward] = page.all("a", rel="next")
    assert dict(parse_qsl(onward["href"][1:])) == {"account": str(account.pk), "page": "2"}
    first = listed(alice, account=account.pk)
    second = listed(alice, account=account.pk, page=2)
    assert (len(first), len(second), len({*first, *second})) == (25, 5, 30)


def test_htmx_gets_the_list_alone_and_an_address_to_share(
    alice: Client, three: tuple[Post, Post, Post]
) -> None:
    headers = {"HX-Request": "true", "HX-Trigger": "sift"}
    answer = alice.get(POSTS, {"state": "failed", "q": "", "account": ""}, headers=headers)
    assert "<html" not in answer.content.decode()
    assert answer["HX-Push-Url"] == "/posts/?state=failed"
    again = alice.get(POSTS, {"state": "failed"}, headers={"HX-Request": "true"})
    assert "HX-Push-Url" not in again


def test_charlie_finds_nothing(
    charlie: Client, account: SocialAccount, three: tuple[Post, Post, Post]
) -> None:
    for asked in ({}, {"q": "lamp"}, {"account": account.pk}, {"state": "failed"}):
        assert listed(charlie, **asked) == []
        assert "lamp" not in charlie.get(EXPORT, asked).getvalue().decode()


def test_words_are_looked_for_in_the_newest_posts_alone(
    alice: Client, three: tuple[Post, Post, Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sift, "SEARCHED", 2)
    assert listed(alice, q="lamp") == []
    assert listed(alice, q="lamp", until="2026-11-20") == [three[0].pk]


def test_more_than_can_be_listed_is_said(
    alice: Client, three: tuple[Post, Post, Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sift, "MOST", 2)
    page = read(alice.get(POSTS, {"q": "the"}))
    assert "More than 2 posts; the newest 2 are listed." in page.text
    assert "3 posts." in read(alice.get(POSTS)).text


@pytest.mark.parametrize("asked", [{}, {"state": "scheduled"}, {"q": "number"}, {"sort": "latest"}])
def test_questions_do_not_grow_with_the_posts(
    asked: dict[str, str], alice: Client, cast: Cast, account: SocialAccount
) -> None:
    counts = []
    for many in (3, 57):
        for number in range(many):
            write(cast, account, f"Number {many} {number}")
        with CaptureQueriesContext(connection) as caught:
            alice.get(POSTS, asked)
        counts.append(len(caught))
    assert counts[0] == counts[1] <= 20


# --- many at once ---------------------------------------------------------------------------------
def rehearse(client: Client, **sent: Any) -> Page:
    """What would become of them."""
    answer = client.post(BULK, {"check": "1", "next": POSTS, **sent})
    assert answer.status_code == 200
    return read(answer)


def confirmed(client: Client, page: Page) -> Any:
    """The rehearsal's own button is pressed."""
    named = ("posts", "when", "label", "next")
    sent: dict[str, Any] = {name: [] for name in named}
    for one in page.all("input"):
        if one.get("name") in named:
            sent[one["name"]].append(one.get("value", ""))
    [button] = page.all("button", name="do")
    return client.post(BULK, {**sent, "do": button["value"]}, follow=True)


@pytest.mark.parametrize(
    ("act", "more", "after"),
    [
        ("move", {"when": "+2 days"}, {"due_at": NOW + timedelta(days=3)}),
        ("cancel", {}, {"state": State.CANCELLED}),
        ("delete", {}, {"post__deleted_at": NOW}),
    ],
)
def test_a_rehearsal_changes_nothing_and_its_button_does_it(
    act: str, more: dict[str, str], after: dict[str, Any], alice: Client, cast: Cast,
    account: SocialAccount,
) -> None:  # fmt: skip
    waiting = write(cast, account, "Waits.")
    out = put(write(cast, account, "Is out."), State.POSTED)
    before = list(PostResult.objects.order_by("pk").values())
    page = rehearse(alice, do=act, posts=[waiting.pk, out.pk], **more)
    assert list(PostResult.objects.order_by("pk").values()) == before
    assert not Post.objects.filter(deleted_at__isnull=False).exists()
    assert "1 post would be" in page.text
    assert "it is out" in page.text
    answer = confirmed(alice, page)
    assert PostResult.objects.filter(post=waiting, **after).exists()
    assert PostResult.objects.get(post=out).state == State.POSTED
    alice.post(undo_address(answer))
    assert list(PostResult.objects.filter(post=waiting).values("state", "due_at")) == [
        {"state": State.SCHEDULED, "due_at": NOW + timedelta(days=1)}
    ]
    assert Post.objects.get(pk=waiting.pk).deleted_at is None


def test_all_that_match_are_meant_whatever_page_they_stand_on(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    mine = [write(cast, account, f"Number {number}.").pk for number in range(30)]
    other = write(cast, connect(cast, "mastodon"), "Elsewhere.")
    page = rehearse(alice, do="cancel", every="1", match=f"account={account.pk}")
    assert "30 posts would be cancelled" in page.text
    assert "… and 27 more." in page.text
    confirmed(alice, page)
    assert PostResult.objects.filter(post__in=mine, state=State.CANCELLED).count() == 30
    assert PostResult.objects.get(post=other).state == State.SCHEDULED


def test_too_many_at_once_are_refused(
    alice: Client, cast: Cast, account: SocialAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posting.forms.calendar.MOST", 2)
    for number in range(3):
        write(cast, account, f"Number {number}.")
    answer = alice.post(BULK, {"do": "cancel", "every": "1", "match": "", "check": "1"})
    assert answer.status_code == 422
    assert f"Choose {bulk.MOST} posts at most" in read(answer).text
    assert not PostResult.objects.filter(state=State.CANCELLED).exists()


def test_trying_again_and_labels_are_rehearsed_too(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    failed = put(write(cast, account, "No.", -1), State.FAILED, error="rejected")
    label = library.keep_label(cast.team, "Oil", "teal")
    for act, more in (("again", {}), ("label", {"label": label.pk})):
        page = rehearse(alice, do=act, posts=[failed.pk], **more)
        assert PostResult.objects.get(post=failed).state == State.FAILED
        assert not failed.labels.exists()
        assert "1 post would be" in page.text
    confirmed(alice, page)
    assert list(failed.labels.all()) == [label]


def test_nothing_that_could_be_done_offers_no_button(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    out = put(write(cast, account, "Is out."), State.POSTED)
    page = rehearse(alice, do="cancel", posts=[out.pk])
    assert "0 posts would be cancelled" in page.text
    assert not page.all("button", name="do")


def test_only_who_writes_ticks(
    alice: Client, bob: Client, charlie: Client, cast: Cast, account: SocialAccount
) -> None:
    post = write(cast, account, "Waits.")
    assert read(alice.get(POSTS, {"select": "1"})).all("input", name="posts")
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    assert not read(bob.get(POSTS, {"select": "1"})).all("input", name="posts")
    assert bob.post(BULK, {"do": "cancel", "posts": [post.pk], "check": "1"}).status_code == 404
    page = read(charlie.post(BULK, {"do": "cancel", "posts": [post.pk], "check": "1"}))
    assert "0 posts would be cancelled" in page.text
    assert "Waits." not in page.text
    every = charlie.post(BULK, {"do": "cancel", "every": "1", "match": f"account={account.pk}"})
    assert every.status_code == 422


# --- the table ------------------------------------------------------------------------------------
def table(client: Client, **asked: Any) -> list[dict[str, str]]:
    """The rows of the file."""
    answer = client.get(EXPORT, asked)
    assert answer["Content-Type"].startswith("text/csv")
    text = answer.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_has_a_row_for_each_delivery(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    other = connect(cast, "mastodon", "=cmd()")
    post = compose(
        team=cast.team,
        author=cast.alice,
        text='=HYPERLINK("x")',
        accounts=[account, other],
        at=NOW,
        due_at=NOW + timedelta(days=1),
    )
    link = "https://network.test/1"
    post.results.filter(account=account).update(
        state=State.POSTED, posted_at=NOW, external_url=link
    )
    post.results.filter(account=other).update(state=State.FAILED, words="+No.", error="rejected")
    rows = {row["account"]: row for row in table(alice)}
    assert set(rows) == {str(account), str(other)}
    out, failed = rows[str(account)], rows[str(other)]
    assert out["text"] == failed["text"] == '\'=HYPERLINK("x")'
    assert (out["planned (UTC)"], out["planned"]) == ("2026-11-22 10:00:00", "2026-11-22 11:00:00")
    assert (out["posted"], out["zone"]) == ("2026-11-21 11:00:00", "Europe/Paris")
    assert (out["permalink"], out["state"], out["cause"]) == (link, "posted", "")
    assert (failed["state"], failed["cause"], failed["posted"]) == ("failed", "'+No.", "")


def test_the_table_has_what_the_filter_shows(alice: Client, three: tuple[Post, Post, Post]) -> None:
    assert [row["text"] for row in table(alice, state="failed")] == ["The lamp."]
    assert [row["text"] for row in table(alice)] == [
        "The wick.",
        "The oil, 100 % pure.",
        "The lamp.",
    ]


def test_a_draft_without_an_account_is_in_the_table(alice: Client, cast: Cast) -> None:
    Post.objects.create(team=cast.team, text="Half.", due_at=NOW, draft=True, saved_at=NOW)
    [row] = table(alice)
    assert (row["text"], row["state"], row["planned"]) == ("Half.", "draft", "")


def test_a_long_table_takes_no_more_memory(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    def most(many: int) -> int:
        posts = Post.objects.bulk_create(
            Post(team=cast.team, text="word " * 100, due_at=NOW) for _ in range(many)
        )
        PostResult.objects.bulk_create(
            PostResult(post=post, account=account, provider=account.provider, due_at=NOW)
            for post in posts
        )
        del posts
        tracemalloc.start()
        sent = sum(len(part) for part in alice.get(EXPORT))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sent > many * 500
        return peak

    few = most(600)
    assert most(1800) < 1.5 * few
