"""What people do is noted with what they did, in one transaction: both stay or neither does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Activity
from posting import slots
from posting.compose import compose
from posting.models import Post, PostResult, Slot
from posting.states import State
from tests.cast import Cast
from tests.pages.test_composing import NEW, typed
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
Act = Callable[[Client, Post], Any]


@pytest.fixture
def waiting(cast: Cast, account: SocialAccount) -> Post:
    """A post by Alice for tomorrow, on an account with a slot every day."""
    account = SocialAccount.objects.get(pk=account.pk)
    slots.add(account, range(7), time(9))
    at = timezone.now()
    about: dict[str, Any] = {"team": cast.team, "author": cast.alice, "accounts": [account]}
    return compose(**about, text="Tomorrow.", at=at, due_at=at + timedelta(days=1))


def ordered(name: str, sent: dict[str, Any] | None = None, *, of: str = "post") -> Act:
    """A button that is pressed on the post, its account, its result or a slot."""

    def pressed(client: Client, post: Post) -> Any:
        result = post.results.get()
        numbers = {"post": post.pk, "account": result.account_id, "result": result.pk}
        numbers |= {"slot": Slot.objects.order_by("pk").values_list("pk", flat=True)[0]}
        return client.post(reverse(name, args=[numbers[of]] if of else []), sent or {})

    return pressed


def bulk(do: str) -> Act:
    """The same done with many."""
    sent = {"do": do, "when": "+1d"}
    return lambda client, post: client.post(reverse("bulk-posts"), {**sent, "posts": [post.pk]})


def undone(client: Client, post: Post) -> Any:
    """It is moved and moved back."""
    MOVED(client, post)
    from_message = client.get("/calendar/").content.decode().split("/posts/undo/")[1]
    return client.post(f"/posts/undo/{from_message.split('/')[0]}/")


TOMORROW = {"to": f"day:{timezone.now() + timedelta(days=3):%Y-%m-%d}"}
MOVED = ordered("drag-post", TOMORROW)
DONE: dict[str, tuple[Act, str]] = {
    "cancelled": (ordered("cancel-post"), "Cancelled: “Tomorrow.”"),
    "deleted": (ordered("delete-post"), "Deleted: “Tomorrow.”"),
    "put back": (ordered("put-back"), "Put back to drafts: “Tomorrow.”"),
    "copied": (ordered("copy-post"), "Began a draft by a copy: “Tomorrow.”"),
    "dragged": (MOVED, "Moved to"),
    "moved": (ordered("move-post", {"when": "in 3 days"}), "Moved by “in 3 days”: “Tomorrow.”"),
    "moved with others": (bulk("move"), "Moved with others: “Tomorrow.”"),
    "cancelled with others": (bulk("cancel"), "Cancelled: “Tomorrow.”"),
    "deleted with others": (bulk("delete"), "Deleted: “Tomorrow.”"),
    "undone": (undone, "Undone: 1 post moved."),
    "dragged in its lane": (ordered("drag-result", TOMORROW, of="result"), "Moved to"),
    "slots": (
        ordered("add-slots", {"weekdays": ["0"], "wall_time": "11:00"}, of="account"),
        "Added weekly slots for",
    ),
    "a slot less": (ordered("remove-slot", of="slot"), "Removed a weekly slot of"),
    "paused": (ordered("switch-queue", {"do": "pause"}, of="account"), "is paused"),
    "account paused": (ordered("pause-account", of="account"), "Paused "),
    "account gone": (ordered("disconnect-account", of="account"), "Disconnected "),
}


@pytest.mark.parametrize("done", DONE)
def test_it_is_noted_who_did_it_and_to_what(
    done: str, alice: Client, cast: Cast, waiting: Post
) -> None:
    act, words = DONE[done]
    act(alice, waiting)
    note = Activity.objects.latest("pk")
    assert words in note.words
    assert note.person == cast.alice


def stands() -> list[Any]:
    """All that an act could have changed."""
    return [
        *Post.objects.order_by("pk").values(),
        *PostResult.objects.order_by("pk").values(),
        *Slot.objects.order_by("pk").values(),
        *SocialAccount.objects.order_by("pk").values("state", "token"),
    ]


@pytest.mark.parametrize("done", [name for name in DONE if name != "undone"])
def test_what_cannot_be_noted_is_not_done(
    done: str, alice: Client, cast: Cast, waiting: Post
) -> None:
    """The book of the team takes nothing at the moment, as when the site goes down in between."""
    before = stands()
    with full_book(), pytest.raises(DatabaseError, match="full"):
        DONE[done][0](alice, waiting)
    assert stands() == before
    assert not Activity.objects.exists()


class full_book:  # noqa: N801 - read as words
    """Until it is left, the database refuses every note."""

    def __enter__(self) -> None:
        self.run(
            "CREATE TRIGGER book_is_full BEFORE INSERT ON accounts_activity"
            " BEGIN SELECT RAISE(ABORT, 'the book is full'); END"
        )

    def __exit__(self, *_: object) -> None:
        self.run("DROP TRIGGER book_is_full")

    def run(self, statement: str) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("The trigger is written for SQLite.")
        with connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_draft_that_saves_itself_is_noted_once(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    sent = typed(account, text="Be")
    told = alice.post("/drafts/save/", sent).json()
    alice.post("/drafts/save/", {**sent, "text": "Begun", "version": told["version"]})
    assert [note.words for note in Activity.objects.all()] == ["Began a draft"]
    draft = Post.objects.get()
    alice.post(reverse("discard-draft", args=[draft.pk]))
    assert "Discarded a draft: “Begun”" in Activity.objects.latest("pk").words


def test_the_same_form_twice_is_noted_once(alice: Client, account: SocialAccount) -> None:
    sent = typed(account)
    for _ in range(2):
        alice.post(NEW, sent)
    assert [note.words for note in Activity.objects.all()] == ["Wrote: “Hello”"]
    assert PostResult.objects.get().state == State.SCHEDULED
