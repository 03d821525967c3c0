"""Pictures of later parts of a thread: each part goes out with its own, and keeps them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

import providers
from integrations.storage.disk import Disk
from posting import drafts
from posting.compose import CannotCompose, compose
from posting.drafts import Content
from posting.media import even, of_parts, of_post
from posting.models import Attachment, Post, Upload
from posting.preview import previews
from posting.rules import Words, wrong
from posting.states import State
from tests.cast import Cast, Street, connected, edit, threaders
from tests.files import brought, drawn, encoded
from tests.pages.conftest import connect
from tests.workers.engine import run
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
ABLE = [
    name
    for name in threaders()
    if providers.adapter(name).limits.images and not providers.adapter(name).limits.bare_replies
]
BARE = [name for name in threaders() if providers.adapter(name).limits.bare_replies]
PARTS = ("The stairs.", "")


@pytest.fixture(autouse=True)
def served(live_server: LiveServer, settings: Settings) -> None:
    """Networks that fetch pictures find them at this site."""
    settings.PUBLIC_URL = live_server.url


def pictures(cast: Cast, count: int = 3) -> list[tuple[Upload, str]]:
    """Some pictures, each with its words."""
    made = [encoded(drawn(480, 480, seed=seed)) for seed in range(count)]
    return [(brought(cast.team, cast.bob, one), f"View {n}") for n, one in enumerate(made)]


def thread(cast: Cast, accounts: list[SocialAccount], files: list[tuple[Upload, str]]) -> Post:
    """A post of three parts; the first and the third have a picture, the third nothing else."""
    return compose(
        team=cast.team,
        author=cast.alice,
        text="The tower.",
        accounts=accounts,
        at=timezone.now(),
        parts=PARTS,
        media=files[:1],
        part_media=((), tuple(files[1:])),
    )


@pytest.mark.parametrize("name", ABLE)
def test_each_part_goes_out_with_its_own_pictures(
    name: str, cast: Cast, street: Street, disk: Disk
) -> None:
    files = pictures(cast, 2)
    post = thread(cast, [connected(street, cast.team, name)], files)
    assert run(post, 40) == [State.POSTED] * 3
    first, second, third = reversed(street.board(name))
    assert (first["text"], len(first["media"])) == ("The tower.", 1)
    assert (second["text"], second["media"]) == ("The stairs.", [])
    assert (third["text"], len(third["media"])) == ("", 1)
    assert third["reply_to"]


@pytest.mark.parametrize("name", BARE)
def test_a_network_whose_answers_take_words_only_says_so_before(
    name: str, cast: Cast, disk: Disk
) -> None:
    with pytest.raises(CannotCompose) as told:
        thread(cast, [connect(cast, name)], pictures(cast, 2))
    said = told.value.problems["parts"]
    assert any("part 3: an answer takes words only there" in words for words in said)


def test_what_does_not_fit_is_said_with_the_number_of_the_part(cast: Cast, disk: Disk) -> None:
    account, files = connect(cast, "x"), pictures(cast, 5)
    said = wrong(Words("One.", parts=("Two.",), part_media=(tuple(files),)), [account])
    assert said == {"parts": ["X, part 2: at most 4 pictures (5 given)."]}
    assert wrong(Words("One.", parts=("",), part_media=((files[0],),)), [account]) == {}
    assert wrong(Words("One.", parts=("",)), [account]) == {"parts": ["Part 2 is empty."]}


def test_charlies_picture_is_not_alices_in_a_part_either(cast: Cast, disk: Disk) -> None:
    strange = brought(cast.other_team, cast.charlie, encoded(drawn(40, 40)))
    with pytest.raises(CannotCompose) as told:
        thread(cast, [connect(cast, "x")], [*pictures(cast, 1), (strange, "")])
    assert told.value.problems == {"media": ["One of these files is not yours."]}


def test_a_draft_keeps_them_its_copy_has_them_and_so_has_the_post(
    cast: Cast, street: Street, disk: Disk
) -> None:
    files, key = pictures(cast, 2), uuid.uuid4()
    account = connected(street, cast.team, "mastodon")
    behind = ((), (files[1],))
    content = Content("One.", (account,), parts=("Two.", "Three."), part_media=behind)
    who: dict[str, Any] = {"team": cast.team, "author": cast.alice}
    draft = drafts.begin(**who, key=key, at=timezone.now(), content=content)
    assert drafts.content_of(draft).part_media == behind
    assert drafts.save(draft, content, seen=1, at=timezone.now()) == 2
    assert drafts.save(draft, content, seen=1, at=timezone.now()) == 2  # its answer was lost
    copy = drafts.copy(draft, author=cast.bob, key=uuid.uuid4(), at=timezone.now())
    assert drafts.content_of(copy).part_media == behind
    now = timezone.now()
    post = drafts.send(**who, key=key, content=content, seen=2, at=now)
    assert run(post, 40) == [State.POSTED] * 3
    assert [len(one["media"]) for one in street.board("mastodon")] == [1, 0, 0]


def test_a_part_that_is_taken_away_takes_its_pictures_along(cast: Cast, disk: Disk) -> None:
    files = pictures(cast, 2)
    post = thread(cast, [connect(cast, "x")], files)
    edit(post, seen=post.version, at=timezone.now(), text="The old tower.")
    assert of_parts(post.pk, 2) == ((), (files[1],))
    edit(post, seen=post.version + 1, at=timezone.now(), parts=("The stairs.",))
    assert of_post(post.pk) == files[:1]
    assert Attachment.objects.count() == 1


def test_a_preview_shows_each_part_with_its_pictures(cast: Cast, disk: Disk) -> None:
    files = pictures(cast, 5)
    words = Words("One.", parts=("Two.",), media=files[:1], part_media=(tuple(files),))
    [shown] = previews(words, [connect(cast, "x")])
    assert [(len(one.media), one.left_out) for one in shown.pieces] == [(1, 0), (4, 1)]


def test_files_of_parts_are_written_in_one_way() -> None:
    assert even((), 2) == even(((), ()), 2) == even([[]], 3) == ()
    assert len(even([[("a picture", "")]], 3)) == 3  # type: ignore[list-item]
