"""The pages on which a post is changed, stopped, or decided on because it is late."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

import providers
from accounts.models import Membership, Team
from accounts.roles import Role
from accounts.states import WhenLate
from posting import slots
from posting.compose import compose
from posting.lateness import LATE_WORDS
from posting.models import Post, PostResult
from posting.revise import standing
from posting.states import CANCELLABLE, LATE, State
from providers.kit.rates import Cap
from tests import files
from tests.cast import Cast, only, talkers, threaders
from tests.files import brought
from tests.pages.conftest import Page, Put, browser, connect, read
from tests.pages.test_uploading import rows
from tokens.disconnect import pause
from tokens.models import SocialAccount

THREADED = next(n for n in threaders() if providers.adapter(n).limits.images)


def address(post: Post) -> str:
    """Where it is changed."""
    return reverse("edit-post", args=[post.pk])


def shown(client: Client, post: Post) -> tuple[Page, dict[str, Any]]:
    """The form as it is shown, and what it would send."""
    page = read(client.get(address(post)))
    sent = {box["name"]: box["value"] for box in page.all("input") if "value" in box}
    return page, {**sent, "text": post.text, "late_after": "3600", "when_late": "hold"}


def planned(cast: Cast, accounts: list[SocialAccount]) -> Post:
    """A post by Alice for a morning of 2031."""
    about: dict[str, Any] = {"team": cast.team, "author": cast.alice, "accounts": accounts}
    due_at = datetime(2031, 3, 14, 8, tzinfo=UTC)
    return compose(**about, text="Planned.", at=timezone.now(), due_at=due_at)


def test_the_new_text_is_saved_and_said(alice: Client, post: Post) -> None:
    _, sent = shown(alice, post)
    page = read(alice.post(address(post), {**sent, "text": "Another\r\ntext."}, follow=True))
    post.refresh_from_db()
    assert post.text == "Another\ntext."
    assert "Saved" in page.text


def test_what_was_left_alone_stays_as_it_is(alice: Client, post: Post) -> None:
    before = PostResult.objects.get(post=post)
    _, sent = shown(alice, post)
    alice.post(address(post), sent)
    post.refresh_from_db()
    after = PostResult.objects.get(post=post)
    assert (after.due_at, after.late_at) == (before.due_at, before.late_at)
    assert (after.marker, post.version) == (before.marker, 2)


def test_a_new_moment_is_meant_in_the_readers_zone(alice: Client, cast: Cast, post: Post) -> None:
    cast.alice.time_zone = "Asia/Kathmandu"
    cast.alice.save()
    _, sent = shown(alice, post)
    alice.post(address(post), {**sent, "when": "2030-01-01T05:45"})
    assert PostResult.objects.get(post=post).due_at.isoformat() == "2030-01-01T00:00:00+00:00"


def test_a_problem_stands_at_its_field_and_nothing_typed_is_lost(alice: Client, post: Post) -> None:
    _, sent = shown(alice, post)
    answer = alice.post(address(post), {**sent, "text": "a" * 6000, "when": "2020-01-01T00:00"})
    page = read(answer)
    assert answer.status_code == 422
    assert page.all("ul", id="id_text_error")
    assert page.all("ul", id="id_when_error")
    assert "a" * 6000 in page.text


def test_a_change_that_does_not_fit_is_said_as_for_a_new_post(
    alice: Client, cast: Cast, account: SocialAccount, post: Post, settings: Settings
) -> None:
    settings.CAPS = {account.provider: (Cap(1, timedelta(days=1)),)}
    planned: dict[str, Any] = {"team": cast.team, "author": cast.alice, "accounts": [account]}
    morning = datetime(2031, 3, 14, 8, tzinfo=UTC)
    compose(**planned, text="First.", at=timezone.now(), due_at=morning)
    _, sent = shown(alice, post)
    wrong = read(alice.post(address(post), {**sent, "text": "", "when": "2031-03-14T12:00"}))
    assert "Only 1 fit" in wrong.text
    saved = alice.post(address(post), {**sent, "when": "2031-03-14T12:00"}, follow=True)
    assert "Only 1 fit" in read(saved).text
    assert "Only 1 fit" in shown(alice, post)[0].text


# --- everything of it ---------------------------------------------------------------------------
@pytest.mark.usefixtures("disk")
def test_all_that_a_new_post_can_say_can_be_changed(alice: Client, cast: Cast) -> None:
    one, other = connect(cast, THREADED), connect(cast, THREADED, "second")
    picture = brought(cast.team, cast.alice, files.telling())
    post = planned(cast, [one])
    page, sent = shown(alice, post)
    assert page.all("input", name="when")[0]["value"] == "14 Mar 2031 08:00"
    said = {
        "accounts": [one.pk, other.pk], "text": "New.", f"own-{other.pk}": "Only there.",
        "part": ["And more."], "link": "https://example.org/", "when": "15 mar 2031 9am",
        **rows({"upload": picture.pk, "alt": "A tower"}), "when_late": "skip",
    }  # fmt: skip
    answer = alice.post(address(post), {**sent, **said})
    assert answer["Location"] == reverse("post", args=[post.pk])
    stands = standing(Post.objects.get(pk=post.pk))
    assert (stands.text, stands.parts, stands.link) == ("New.", ("And more.",), said["link"])
    assert stands.versions == {other.pk: "Only there."}
    assert stands.media == ((picture, "A tower"),)
    assert set(stands.accounts) == {one, other}
    assert stands.wish == datetime(2031, 3, 15, 9, tzinfo=UTC)
    page, _ = shown(alice, post)
    assert [box["value"] for box in page.all("input", name="accounts") if "checked" in box] == [
        str(one.pk), str(other.pk),
    ]  # fmt: skip
    assert page.all("input", name="media-0-alt")[0]["value"] == "A tower"
    assert len(page.all("article", data_preview=THREADED)) == 2


def test_it_takes_the_next_free_slot(alice: Client, cast: Cast) -> None:
    account = connect(cast, THREADED)
    post = planned(cast, [account])
    _, sent = shown(alice, post)
    assert "No free slot" in read(alice.post(address(post), {**sent, "do": "slot"})).text
    slots.add(account, range(7), time(9, 30))
    alice.post(address(post), {**sent, "do": "slot"})
    assert only(post).planned_at == slots.next_each([account], timezone.now(), post)[account.pk]


def test_steps_change_the_form_and_save_nothing(alice: Client, cast: Cast) -> None:
    post = planned(cast, [connect(cast, THREADED)])
    _, sent = shown(alice, post)
    page = read(alice.post(address(post), {**sent, "part": ["B"], "do": "more"}))
    assert len(page.all("textarea", name="part")) == 2
    assert page.all("form", action=address(post))
    assert Post.objects.get().version == 1


def test_the_preview_knows_the_moment_that_is_kept(alice: Client, post: Post) -> None:
    """It was due in this minute, and is tried again: that it has passed is no mistake."""
    _, sent = shown(alice, post)
    piece = read(alice.post("/posts/look/", sent))
    assert "passed" not in piece.text
    assert alice.post(address(post), sent).status_code == 302


def test_what_stands_and_what_was_typed_are_shown_side_by_side(
    alice: Client, bob: Client, cast: Cast
) -> None:
    post = planned(cast, [connect(cast, THREADED)])
    _, sent = shown(bob, post)
    alice.post(address(post), {**sent, "text": "Alice's words."})
    answer = bob.post(address(post), {**sent, "text": "Bob's words.", "part": ["Bob's part."]})
    page = read(answer)
    assert answer.status_code == 409
    assert all(words in page.text for words in ("Alice's words.", "Bob's words.", "Bob's part."))
    [over] = page.all("button", name="over")
    bob.post(address(post), {**sent, "text": "Bob's words.", "over": over["value"]})
    assert Post.objects.get().text == "Bob's words."


def test_an_account_that_is_paused_keeps_its_post(alice: Client, cast: Cast) -> None:
    account = connect(cast, THREADED)
    post = planned(cast, [account])
    pause(account)
    page, sent = shown(alice, post)
    [box] = page.all("input", name="accounts")
    assert "checked" in box
    assert "disabled" not in box
    alice.post(address(post), {**sent, "text": "New."})
    assert Post.objects.get().text == "New."


def test_it_goes_back_to_the_drafts(alice: Client, charlie: Client, cast: Cast) -> None:
    post = planned(cast, [connect(cast, THREADED)])
    url = reverse("put-back", args=[post.pk])
    assert charlie.post(url).status_code == 404
    page = read(alice.get(reverse("post", args=[post.pk])))
    [button] = page.all("button", formaction=url)
    assert alice.post(url, {"seen": "7"}).status_code == 302
    assert only(post).state == State.SCHEDULED
    answer = alice.post(url, {"seen": button["value"]}, follow=True)
    assert "It is a draft again" in read(answer).text
    assert only(post).state == State.DRAFT
    assert "Put back to drafts" in read(alice.get(reverse("activity"))).text
    assert alice.get(address(post))["Location"] == reverse("draft", args=[post.pk])


def test_a_post_does_not_stand_in_its_own_way(
    alice: Client, account: SocialAccount, post: Post, settings: Settings
) -> None:
    settings.CAPS = {account.provider: (Cap(1, timedelta(days=1)),)}
    page, sent = shown(alice, post)
    later = alice.post(address(post), {**sent, "when": "2031-03-14T12:00"}, follow=True)
    assert "Only" not in page.text + read(later).text


@pytest.mark.parametrize("state", [State.SENDING, State.POSTED])
def test_too_late_is_said_and_nothing_is_saved(
    alice: Client, post: Post, put: Put, state: State
) -> None:
    _, sent = shown(alice, post)
    put(state)
    answer = alice.post(address(post), {**sent, "text": "Too late."})
    page = read(answer)
    assert answer.status_code == 409
    assert "Nothing was saved" in page.text
    assert "Too late." in page.text
    assert str(PostResult.objects.get(post=post).account) in page.text
    post.refresh_from_db()
    assert post.text != "Too late."
    later = alice.get(address(post))
    assert later.status_code == 409
    assert not read(later).all("button", id="send")
    sent = {**sent, "key": page.all("input", name="key")[0]["value"], "text": "Too late."}
    alice.post(reverse("new-post"), {**sent, "version": "", "do": "save"})
    assert Post.objects.get(draft=True).text == "Too late."


def test_bob_is_told_that_alice_was_faster(alice: Client, bob: Client, post: Post) -> None:
    _, sent = shown(bob, post)
    alice.post(address(post), {**sent, "text": "Alice's."})
    answer = bob.post(address(post), {**sent, "text": "Bob's."})
    assert answer.status_code == 409
    assert "Somebody else has changed this post" in read(answer).text
    post.refresh_from_db()
    assert post.text == "Alice's."


@pytest.mark.parametrize("state", State)
def test_editing_is_offered_where_it_is_possible(
    state: State, alice: Client, post: Post, put: Put
) -> None:
    put(state)
    page = read(alice.get(reverse("post", args=[post.pk])))
    assert bool(page.all("a", href=address(post))) is (state in CANCELLABLE)


def test_one_account_of_several_is_cancelled(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    other = connect(cast, talkers()[1])
    post = compose(
        team=cast.team, author=cast.alice, text="Two.", accounts=[account, other],
        at=timezone.now(),
    )  # fmt: skip
    one = post.results.get(account=other)
    url = reverse("cancel-result", args=[post.pk, one.pk])
    assert read(alice.get(reverse("post", args=[post.pk]))).all("button", formaction=url)
    assert "Cancelled on 1 account" in read(alice.post(url, follow=True)).text
    assert set(post.results.values_list("state", flat=True)) == {"scheduled", "cancelled"}
    assert alice.post(url).status_code == 409


def test_cancelling_too_late_says_where_it_is_out(alice: Client, post: Post, put: Put) -> None:
    put(State.POSTED)
    answer = alice.post(reverse("cancel-post", args=[post.pk]))
    assert answer.status_code == 409
    assert "too late to cancel" in read(answer).text
    assert "it is out" in read(answer).text


def test_a_late_one_is_skipped(alice: Client, post: Post, put: Put) -> None:
    put(State.HELD, held_for=LATE, words=LATE_WORDS)
    url = reverse("skip-late", args=[post.pk])
    assert read(alice.get(reverse("post", args=[post.pk]))).all("button", formaction=url)
    page = read(alice.post(url, follow=True))
    assert page.all("li", data_state="missed")
    assert "Somebody decided" in page.text
    assert "Send now" in page.text


@pytest.mark.parametrize(("answer", "after"), [("send", State.SCHEDULED), ("skip", State.MISSED)])
def test_all_late_ones_are_decided_at_once(
    alice: Client, post: Post, put: Put, answer: str, after: State
) -> None:
    url = reverse("late-posts")
    assert "Nothing is late" in read(alice.get(url)).text
    put(State.HELD, held_for=LATE)
    page = read(alice.get(url))
    assert page.all("button", name="answer", value=answer)
    assert page.all("a", href=reverse("post", args=[post.pk]))
    assert alice.post(url, {"answer": "perhaps"}).status_code == 404
    alice.post(url, {"answer": answer})
    assert PostResult.objects.get(post=post).state == after


def test_charlie_decides_nothing(charlie: Client, post: Post, put: Put) -> None:
    result = put(State.HELD, held_for=LATE)
    assert charlie.get(address(post)).status_code == 404
    for name, numbers in [
        ("edit-post", [post.pk]),
        ("skip-late", [post.pk]),
        ("cancel-result", [post.pk, result.pk]),
    ]:
        assert charlie.post(reverse(name, args=numbers)).status_code == 404
    charlie.post(reverse("late-posts"), {"answer": "skip"})
    assert PostResult.objects.get(post=post).state == State.HELD


def test_a_new_post_says_what_happens_when_it_is_late(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    Team.objects.filter(pk=cast.team.pk).update(late_after=timedelta(hours=12))
    page = read(alice.get(reverse("new-post")))
    [chosen] = page.all("option", value="43200")
    assert "selected" in chosen
    [key] = page.all("input", name="key")
    sent = {
        "key": key["value"], "text": "Hello.", "accounts": [account.pk], "when": "",
        "late_after": "900", "when_late": "skip",
    }  # fmt: skip
    alice.post(reverse("new-post"), sent)
    post = Post.objects.get()
    assert (post.late_after, post.when_late) == (timedelta(minutes=15), WhenLate.SKIP)


def test_a_teams_owner_says_what_its_posts_begin_with(alice: Client, cast: Cast) -> None:
    url = reverse("team")
    page = read(alice.get(url))
    assert "as usual on this site (1 hour late)" in page.text
    for after, kept in [("10800", timedelta(hours=3)), ("", None)]:
        alice.post(url, {"late_after": after, "when_late": "skip"})
        cast.team.refresh_from_db()
        assert (cast.team.late_after, cast.team.when_late) == (kept, "skip")
    assert alice.post(url, {"late_after": "5", "when_late": "skip"}).status_code == 422
    assert read(alice.get(reverse("posts"))).all("a", href=url)


def test_an_editor_does_not_change_the_team(bob: Client, cast: Cast, post: Post) -> None:
    assert bob.get(reverse("team")).status_code == 404
    assert not read(bob.get(reverse("posts"))).all("a", href=reverse("team"))
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    viewer = browser(cast.bob)
    assert viewer.get(address(post)).status_code == 404
    assert viewer.get(reverse("late-posts")).status_code == 404
