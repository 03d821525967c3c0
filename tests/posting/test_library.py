"""What a team keeps: labels merged and counted, files with the posts that use them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from posting import library
from posting.library import CannotKeep
from posting.models import Attachment, Label, Post, Upload
from posting.states import UploadStatus
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def post(cast: Cast, text: str) -> Post:
    """A bare post of Alice's team."""
    return Post.objects.create(team=cast.team, author=cast.alice, text=text, due_at=timezone.now())


def test_a_merged_label_gives_its_posts_to_the_other(cast: Cast) -> None:
    one, other = (library.keep_label(cast.team, name, "red") for name in ("One", "Other"))
    both, first = post(cast, "Both."), post(cast, "First.")
    library.put_on(one, [both.pk, first.pk])
    library.put_on(other, [both.pk])
    assert library.merge_labels(cast.team, one.pk, other.pk) == 2
    assert set(other.posts.all()) == {both, first}
    assert list(Label.objects.all()) == [other]


def test_a_label_is_not_merged_into_itself_or_into_that_of_others(cast: Cast) -> None:
    mine = library.keep_label(cast.team, "Mine", "red")
    theirs = library.keep_label(cast.other_team, "Theirs", "red")
    for into in (mine.pk, theirs.pk, 0):
        with pytest.raises(CannotKeep, match="another label"):
            library.merge_labels(cast.team, mine.pk, into)
    assert Label.objects.count() == 2


def test_deleted_posts_do_not_count(cast: Cast) -> None:
    label = library.keep_label(cast.team, "Launch", "teal")
    kept, gone = post(cast, "Kept."), post(cast, "Gone.")
    library.put_on(label, [kept.pk, gone.pk])
    Post.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    assert library.labels_of(cast.team).get().carried == 1  # type: ignore[attr-defined]


def test_a_post_carries_the_chosen_labels_of_its_team(cast: Cast) -> None:
    mine = library.keep_label(cast.team, "Mine", "red")
    theirs = library.keep_label(cast.other_team, "Theirs", "red")
    here = post(cast, "Here.")
    assert library.labelled(here, [mine.pk, theirs.pk]) == [mine]
    assert library.labelled(here, []) == []
    assert not here.labels.exists()


def test_files_come_with_the_posts_that_use_them(cast: Cast) -> None:
    at = timezone.now()
    made = [
        Upload.objects.create(
            team=team, owner=cast.alice, key=f"k{n}", name=f"{n}.png", declared_mime="image/png",
            declared_size=1, status=status, created_at=at,
        )
        for n, (team, status) in enumerate(
            (
                (cast.team, UploadStatus.READY),
                (cast.team, UploadStatus.PENDING),
                (cast.other_team, UploadStatus.READY),
            )
        )
    ]  # fmt: skip
    here = post(cast, "Here.")
    Attachment.objects.create(post=here, place=0, upload=made[0])
    [found] = library.files_of(cast.team)
    assert found == made[0]
    assert [use.post for use in found.uses] == [here]  # type: ignore[attr-defined]
