"""Drafts: incomplete as they may be, saved as they are typed, and never overwritten silently."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import time, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.states import WhenLate
from posting import drafts, library, slots, undo
from posting.compose import CannotCompose
from posting.drafts import Conflict, Content, NoDraft
from posting.lateness import Lateness
from posting.library import CannotKeep
from posting.models import Label, Post, PostResult
from posting.states import PostState, State
from tests.cast import Cast, Street, connected, everywhere, written
from tests.workers.engine import run, turn

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def begun(cast: Cast, **content: object) -> Post:
    """A draft of Alice's."""
    return drafts.begin(
        team=cast.team,
        author=cast.alice,
        key=uuid.uuid4(),
        at=timezone.now(),
        content=Content(**content),  # type: ignore[arg-type]
    )


def saved(draft: Post, content: Content, seen: int) -> int:
    """The new version."""
    return drafts.save(draft, content, seen=seen, at=timezone.now())


def test_an_empty_draft_is_kept_and_nothing_of_it_goes_out(cast: Cast, street: Street) -> None:
    draft = begun(cast)
    assert (draft.state, draft.due_at, draft.wish) == (PostState.DRAFT, draft.created_at, None)
    assert list(drafts.of_team(cast.team)) == [draft]
    assert list(drafts.of_team(cast.other_team)) == []
    accounts = everywhere(street, cast.team)
    saved(draft, Content("Half a", tuple(accounts)), seen=1)
    assert turn() == 0
    assert street.board() == []


def test_the_same_form_begins_one_draft(cast: Cast) -> None:
    key, at = uuid.uuid4(), timezone.now()
    made = [drafts.begin(team=cast.team, author=cast.alice, key=key, at=at) for _ in range(2)]
    assert made[0] == made[1]
    assert Post.objects.count() == 1


def test_what_is_saved_stands_there(cast: Cast, street: Street) -> None:
    one, other = everywhere(street, cast.team)[:2]
    draft, wish = begun(cast, accounts=(one,)), timezone.now() + DAY
    content = Content("Text.", (other, one), wish, Lateness(DAY, WhenLate.NEXT_SLOT))
    assert saved(draft, content, seen=1) == 2
    found = drafts.content_of(Post.objects.get(pk=draft.pk))
    assert replace(found, accounts=()) == replace(content, accounts=())
    assert set(found.accounts) == {one, other}
    assert saved(draft, Content("Text.", (other,)), seen=2) == 3
    assert drafts.content_of(draft).accounts == (other,)
    assert PostResult.objects.count() == 1


def test_of_two_people_the_second_is_shown_what_the_first_wrote(cast: Cast) -> None:
    draft = begun(cast)
    saved(Post.objects.get(pk=draft.pk), Content("Alice's."), seen=1)
    with pytest.raises(Conflict) as told:
        saved(draft, Content("Bob's."), seen=1)
    assert (told.value.newest.text, told.value.version) == ("Alice's.", 2)
    assert Post.objects.get(pk=draft.pk).text == "Alice's."


def test_a_save_whose_answer_was_lost_may_be_sent_again(cast: Cast) -> None:
    draft = begun(cast)
    content = Content("Typed once.")
    assert [saved(draft, content, seen=1) for _ in range(3)] == [2, 2, 2]


def test_of_many_saves_upon_one_version_one_counts(cast: Cast) -> None:
    draft = begun(cast)

    def save(number: int) -> bool:
        try:
            saved(Post.objects.get(pk=draft.pk), Content(f"Number {number}."), seen=1)
        except Conflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(save, range(8))) == 1
    assert Post.objects.get(pk=draft.pk).version == 2


def test_a_stranger_account_is_refused(cast: Cast, street: Street) -> None:
    account = connected(street, cast.other_team, "x")
    with pytest.raises(CannotCompose, match="not yours"):
        begun(cast, accounts=(account,))
    with pytest.raises(CannotCompose, match="not yours"):
        saved(begun(cast), Content("Text.", (account,)), seen=1)


def test_a_form_that_is_sent_while_it_saves_itself_goes_out(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    who: dict[str, Any] = {"team": cast.team, "author": cast.alice}
    content = Content("Sent and saved at once.", (account,))

    def both(key: uuid.UUID) -> bool:
        together = Barrier(2)

        def act(send: bool) -> bool:
            together.wait(10)
            at = timezone.now()
            try:
                if send:
                    post = drafts.send(**who, key=key, content=content, seen=None, at=at)
                    return not post.draft
                drafts.keep(**who, key=key, content=content, seen=None, at=at)
            except NoDraft:
                return True  # it was sent before
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(2) as pool:
            return all(pool.map(act, (True, False)))

    assert [both(uuid.uuid4()) for _ in range(12)] == [True] * 12
    assert not Post.objects.filter(draft=True).exists()


def test_it_goes_out_once_however_often_it_is_scheduled(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    draft = begun(cast, text="Ready.", accounts=(account,), wish=timezone.now() + DAY)
    at = timezone.now()
    for _ in range(2):
        post = drafts.schedule(draft, None, seen=1, at=at)
    assert (post.draft, post.wish, post.due_at) == (False, None, at)
    assert run(post) == [State.POSTED]
    assert street.texts() == ["Ready."]
    with pytest.raises(NoDraft, match="scheduled meanwhile"):
        drafts.schedule(draft, at + DAY, seen=1, at=at)
    with pytest.raises(NoDraft, match="scheduled meanwhile"):
        saved(draft, Content("Too late."), seen=1)


def test_an_incomplete_one_stays_a_draft_and_it_is_said_what_is_missing(
    cast: Cast, street: Street
) -> None:
    draft = begun(cast)
    with pytest.raises(CannotCompose) as told:
        drafts.schedule(draft, timezone.now() - DAY, seen=1, at=timezone.now())
    assert set(told.value.problems) == {"text", "accounts", "when"}
    stored = Post.objects.get(pk=draft.pk)
    assert (stored.draft, stored.version) == (True, 1)
    saved(draft, Content("Newer."), seen=1)
    with pytest.raises(Conflict):
        drafts.schedule(draft, None, seen=1, at=timezone.now())


def test_it_may_take_the_next_free_slot(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    draft = begun(cast, text="In a slot.", accounts=(account,))
    at = timezone.now()
    with pytest.raises(CannotCompose, match="No free slot"):
        drafts.schedule(draft, None, seen=1, at=at, next_slot=True)
    slots.add(account, range(7), time(9))
    free = next(slots.free(account, at))
    post = drafts.schedule(draft, None, seen=1, at=at, next_slot=True)
    assert post.due_at == free == PostResult.objects.get(post=post).planned_at


def test_a_discarded_draft_comes_back_as_it_was(cast: Cast) -> None:
    draft = begun(cast, text="Keep me.")
    act = undo.delete(cast.team, draft.pk, at=timezone.now())
    assert list(drafts.of_team(cast.team)) == []
    with pytest.raises(NoDraft, match="discarded"):
        saved(draft, Content("Gone."), seen=1)
    undo.undo(cast.team, act.token, timezone.now())
    assert drafts.of_team(cast.team).get().text == "Keep me."


def test_any_post_may_be_begun_again_as_a_draft(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    post = written(cast, "Once more.", [account])
    copy = drafts.copy(post, author=cast.bob, key=uuid.uuid4(), at=timezone.now())
    assert drafts.content_of(copy).accounts == (account,)
    assert (copy.text, copy.draft, copy.author) == ("Once more.", True, cast.bob)


# --- templates and labels -------------------------------------------------------------------------
def test_a_team_keeps_templates_and_labels_by_name(cast: Cast, street: Street) -> None:
    template = library.keep_template(cast.team, " Weekly ", "Hello.")
    label = library.keep_label(cast.team, "Launch", "teal")
    for keep in (
        lambda: library.keep_template(cast.team, "weekly", "Other."),
        lambda: library.keep_label(cast.team, "LAUNCH", "red"),
    ):
        with pytest.raises(CannotKeep, match="already"):
            keep()
    assert library.keep_label(cast.other_team, "Launch", "red")
    renamed = library.keep_template(cast.team, "Monthly", "Hi.", template.pk)
    assert (renamed.pk, renamed.name) == (template.pk, "Monthly")
    with pytest.raises(CannotKeep, match="not there any more"):
        library.keep_label(cast.other_team, "Mine", "red", label.pk)
    assert not library.forget_label(cast.other_team, label.pk)
    assert library.forget_template(cast.team, template.pk)


def test_what_cannot_be_kept_is_said_by_field(cast: Cast) -> None:
    with pytest.raises(CannotKeep) as told:
        library.keep_label(cast.team, "a" * 41, "ultraviolet")
    assert set(told.value.problems) == {"name", "colour"}
    with pytest.raises(CannotKeep) as told:
        library.keep_template(cast.team, " ", " ")
    assert set(told.value.problems) == {"name", "text"}


def test_labels_go_on_posts_of_their_team_alone(cast: Cast, street: Street) -> None:
    mine = written(cast, "Mine.", [connected(street, cast.team, "x")])
    theirs = begun(cast)
    Post.objects.filter(pk=theirs.pk).update(team=cast.other_team)
    label = library.keep_label(cast.team, "Launch", "teal")
    assert library.put_on(label, [mine.pk, theirs.pk]) == 1
    assert list(mine.labels.all()) == [label]
    assert library.take_off(label, [mine.pk]) == 1
    assert not Label.objects.get().posts.exists()
