"""Writing a post: everything wrong is said at its field, and a form sent twice makes one post."""

from __future__ import annotations

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from posting.compose import CannotCompose, cancel, compose, confirm, try_again
from posting.doorbell import bell
from posting.models import Post, PostResult
from posting.states import PostState, State
from tests.cast import Cast, Street, connected, everywhere, only, written
from tests.workers.engine import run
from tokens.models import SocialAccount
from tokens.states import AccountState

pytestmark = pytest.mark.django_db(transaction=True)


def problems(
    cast: Cast, text: str, accounts: list[SocialAccount], **more: object
) -> dict[str, str]:
    with pytest.raises(CannotCompose) as caught:
        compose(
            team=cast.team,
            author=cast.alice,
            text=text,
            accounts=accounts,
            at=timezone.now(),
            **more,  # type: ignore[arg-type]
        )
    assert not Post.objects.exists()
    return {field: " ".join(said) for field, said in caught.value.problems.items()}


def test_an_empty_text_and_no_account_are_both_said(cast: Cast, street: Street) -> None:
    said = problems(cast, "  \n ", [])
    assert set(said) == {"text", "accounts"}


def test_an_account_of_another_team_is_not_yours(cast: Cast, street: Street) -> None:
    theirs = connected(street, cast.other_team, "x")
    assert "not yours" in problems(cast, "Hello.", [theirs])["accounts"]


def test_an_account_that_needs_its_owner_cannot_be_chosen(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    account.state = AccountState.RECONNECT
    account.save()
    assert account.handle in problems(cast, "Hello.", [account])["accounts"]


def test_too_long_names_the_network_and_the_number(cast: Cast, street: Street) -> None:
    accounts = everywhere(street, cast.team)
    said = problems(cast, "a" * 281, accounts)["text"]
    assert "X" in said
    assert "281" in said
    assert "Mastodon" not in said
    link = "a" * 256 + " https://example.org/" + "b" * 100
    assert written(cast, link, [a for a in accounts if a.provider == "x"]).state


def test_a_moment_that_has_passed_is_refused(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    past = timezone.now() - timedelta(minutes=1)
    assert "passed" in problems(cast, "Hello.", [account], due_at=past)["when"]


def test_a_form_that_is_sent_twice_makes_one_post(cast: Cast, street: Street) -> None:
    account, key = connected(street, cast.team, "x"), uuid.uuid4()
    made = [
        compose(
            team=cast.team,
            author=cast.alice,
            text="Once.",
            accounts=[account],
            at=timezone.now(),
            key=key,
        )
        for _ in range(2)
    ]
    assert made[0].pk == made[1].pk
    assert PostResult.objects.count() == 1


def test_the_bell_rings_after_the_post_is_there_and_trouble_stays_outside(
    cast: Cast, street: Street
) -> None:
    heard: list[int] = []

    def listener(**_: object) -> None:
        heard.append(PostResult.objects.filter(state=State.SCHEDULED).count())
        raise RuntimeError("nobody home")

    bell.connect(listener)
    try:
        post = written(cast, "Ding.", [connected(street, cast.team, "x")])
    finally:
        bell.disconnect(listener)
    assert heard == [1]
    assert post.state == PostState.SCHEDULED


def test_trying_again_touches_only_what_failed(cast: Cast, street: Street) -> None:
    accounts = everywhere(street, cast.team)
    post = written(cast, "Mixed.", accounts)
    street.trouble("mastodon", "rejected")
    run(post)
    assert Post.objects.get(pk=post.pk).state == PostState.PARTIAL
    assert try_again(post, timezone.now()) == 1
    assert try_again(post, timezone.now()) == 0
    run(post)
    assert Post.objects.get(pk=post.pk).state == PostState.POSTED
    assert len(street.board()) == len(accounts)


def test_a_persons_word_ends_an_unconfirmed_result(cast: Cast, street: Street) -> None:
    for there, after in [(True, State.POSTED), (False, State.SCHEDULED)]:
        post = written(cast, f"Is it there? {there}", [connected_once(street, cast)])
        pk = only(post).pk
        rows = post.results.all()
        rows.move([State.SCHEDULED], State.QUEUED)
        rows.move([State.QUEUED], State.SENDING)
        rows.move([State.SENDING], State.UNCERTAIN)
        rows.move([State.UNCERTAIN], State.UNCONFIRMED)
        assert confirm(post, pk, there=there, at=timezone.now()) == 1
        assert only(post).state == after
        assert confirm(post, pk, there=there, at=timezone.now()) == 0


def connected_once(street: Street, cast: Cast) -> SocialAccount:
    known = SocialAccount.objects.filter(team=cast.team, provider="x").first()
    return known or connected(street, cast.team, "x")


def test_cancelling_stops_what_waits_and_says_how_much(cast: Cast, street: Street) -> None:
    accounts = everywhere(street, cast.team)
    post = written(cast, "Never mind.", accounts)
    PostResult.objects.queue_due(timezone.now(), limit=1)
    assert cancel(post) == len(accounts)
    assert Post.objects.get(pk=post.pk).state == PostState.CANCELLED


def test_a_script_writes_a_post(cast: Cast, street: Street) -> None:
    everywhere(street, cast.team)
    out = StringIO()
    call_command(
        "post", "From a script.", "--to", "x,mastodon", "--as", "ALICE@example.org", stdout=out
    )
    post = Post.objects.get()
    assert out.getvalue() == f"post {post.pk} to 2 accounts\n"
    assert {r.provider for r in post.results.all()} == {"x", "mastodon"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["Hi", "--to", "x", "--as", "nobody@example.org"], "--as"),
        (["Hi", "--to", "nowhere", "--as", "alice@example.org"], "--to"),
        (["Hi", "--to", "x", "--as", "alice@example.org", "--at", "soon"], "--at"),
        (["Hi", "--to", "x", "--as", "alice@example.org", "--at", "2020-01-01T00:00"], "--at"),
        (["a" * 300, "--to", "x", "--as", "alice@example.org"], "TEXT"),
    ],
)
def test_a_script_is_told_which_argument_is_wrong(
    cast: Cast, street: Street, arguments: list[str], named: str
) -> None:
    connected(street, cast.team, "x")
    with pytest.raises(CommandError, match=named):
        call_command("post", *arguments)
    assert not Post.objects.exists()
