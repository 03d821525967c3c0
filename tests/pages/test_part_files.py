"""The composer with files for later parts of a thread: a choice at each file, without a script."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from posting import drafts
from posting.media import of_parts, of_post
from posting.models import Post, Upload
from tests.cast import Cast
from tests.files import brought, drawn, encoded
from tests.pages.conftest import connect
from tests.pages.test_composing import NEW, typed

pytestmark = pytest.mark.usefixtures("disk")


def pictures(cast: Cast, count: int) -> list[Upload]:
    made = [encoded(drawn(60, 60, seed=seed)) for seed in range(count)]
    return [brought(cast.team, cast.bob, one, f"view-{n}.jpg") for n, one in enumerate(made)]


def form(cast: Cast, files: list[tuple[Upload, int]], *parts: str, **more: Any) -> dict[str, Any]:
    """The composer's form with files, each with the number of its part."""
    fields: dict[str, Any] = {"media-TOTAL_FORMS": "10", "media-INITIAL_FORMS": "0"}
    for n, (upload, part) in enumerate(files):
        fields |= {f"media-{n}-upload": upload.pk, f"media-{n}-alt": f"View {n}"}
        fields[f"media-{n}-part"] = part or ""
    return typed(connect(cast, "x"), part=list(parts), **fields, **more)


def chosen(page: str) -> list[str]:
    """What is chosen at the files, in order."""
    rows = page.split("data-goes")[1:]
    return [
        row.partition(" selected")[0].rpartition('value="')[2].partition('"')[0]
        if " selected" in row.partition("</select>")[0]
        else ""
        for row in rows
    ]


def test_bob_puts_a_picture_into_the_third_part(bob: Client, cast: Cast) -> None:
    one, other = pictures(cast, 2)
    sent = form(cast, [(one, 0), (other, 2)], "Two.", "")
    assert bob.post(NEW, sent).status_code == 302
    post = Post.objects.get()
    assert of_post(post.pk) == [(one, "View 0")]
    assert of_parts(post.pk, 2) == ((), ((other, "View 1"),))


def test_an_empty_part_between_takes_nobodys_files(bob: Client, cast: Cast) -> None:
    [one] = pictures(cast, 1)
    assert bob.post(NEW, form(cast, [(one, 3)], "Two.", "", "Three.")).status_code == 302
    assert of_parts(Post.objects.get().pk, 2) == ((), ((one, "View 0"),))


def test_a_file_of_a_part_that_is_gone_goes_with_the_text(bob: Client, cast: Cast) -> None:
    [one] = pictures(cast, 1)
    assert bob.post(NEW, form(cast, [(one, 4)], "Two.")).status_code == 302
    assert of_post(Post.objects.get().pk) == [(one, "View 0")]


def test_a_draft_shows_where_its_files_go(bob: Client, cast: Cast) -> None:
    one, other = pictures(cast, 2)
    bob.post(NEW, form(cast, [(one, 0), (other, 1)], "Two.", do="save"))
    draft = Post.objects.get()
    assert drafts.content_of(draft).part_media == (((other, "View 1"),),)
    assert chosen(bob.get(f"/drafts/{draft.pk}/").content.decode())[:2] == ["", "1"]


@pytest.mark.parametrize(("gone", "left"), [(0, ["", "", "1"]), (1, ["", "1", ""])])
def test_a_part_that_is_taken_away_leaves_its_files_to_the_text(
    gone: int, left: list[str], bob: Client, cast: Cast
) -> None:
    files = [(upload, n) for n, upload in enumerate(pictures(cast, 3))]
    page = bob.post(NEW, form(cast, files, "Two.", "Three.", do=f"cut:{gone}"))
    assert chosen(page.content.decode())[:3] == left


def test_a_text_that_is_split_pushes_the_files_of_later_parts_on(bob: Client, cast: Cast) -> None:
    [one] = pictures(cast, 1)
    long = " ".join(["A sentence that is long enough."] * 20)
    page = bob.post(NEW, form(cast, [(one, 1)], "The end.", text=long, do="split"))
    said = page.content.decode()
    assert said.count('name="part"') == int(chosen(said)[0])


def test_what_does_not_fit_into_a_part_is_said(bob: Client, cast: Cast) -> None:
    files = [(upload, 1) for upload in pictures(cast, 5)]
    page = bob.post(NEW, form(cast, files, "Two."))
    assert page.status_code == 422
    assert "part 2: at most 4 pictures" in page.content.decode()
