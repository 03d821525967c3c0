"""Bringing a file: it is looked into, what it tells of its owner goes, nothing is left behind."""

from __future__ import annotations

import threading
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from PIL import Image, ImageChops
from pytest_django import Settings

from accounts.models import Team
from integrations.storage import store
from integrations.storage.disk import Disk
from posting.models import Attachment, Post, Upload
from posting.states import UploadStatus
from posting.uploads import CannotUpload, confirm, credentials, delete, shown_name, sweep
from posting.variants import THUMBNAIL, fit
from tests import files
from tests.cast import Cast
from tests.files import brought

pytestmark = pytest.mark.django_db
NOW = timezone.now()
KINDS = [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]


def begun(
    cast: Cast, data: bytes, mime: str = "image/jpeg", name: str = "tower.jpg", size: int = 0
) -> Upload:
    """Bob has a ticket, and his file has arrived."""
    upload, _ = credentials(cast.team, cast.bob, name, mime, size or len(data), NOW)
    store().keep(upload.key, BytesIO(data), mime)
    return upload


def content(upload: Upload) -> bytes:
    with store().fetch(upload.key) as file:
        return file.read()


def refusal(upload: Upload) -> str:
    with pytest.raises(CannotUpload) as told:
        confirm(upload, NOW)
    return str(told.value)


# --- tickets ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mime", "size", "field", "words"),
    [
        ("image/svg+xml", 100, "mime", "Files of this type are not taken."),
        ("text/html", 100, "mime", "Files of this type are not taken."),
        ("", 100, "mime", "Taken are JPEG, PNG, GIF and WebP pictures"),
        ("image/png", 0, "size", "This file is empty."),
        ("image/png", -5, "size", "This file is empty."),
        ("image/png", 31_500_000, "size", "This picture has 31.5 MB; at most 30 MB are taken."),
        ("video/mp4", 501_000_000, "size", "This video has 501.0 MB; at most 500 MB are taken."),
    ],
)
def test_no_ticket_for_what_is_not_taken(
    mime: str, size: int, field: str, words: str, cast: Cast, disk: Disk
) -> None:
    with pytest.raises(CannotUpload) as told:
        credentials(cast.team, cast.bob, "a.png", mime, size, NOW)
    assert words in told.value.problems[field][0]
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\bob\\tower.jpg", "tower.jpg"),
        ("to\r\nwer\x00\u202e.jpg", "tower.jpg"),
        ("", "unnamed"),
        ("a" * 900, "a" * 200),
    ],
)
def test_a_file_name_is_shown_and_leads_nowhere(
    name: str, shown: str, cast: Cast, disk: Disk
) -> None:
    upload, ticket = credentials(cast.team, cast.bob, name, "image/png", 10, NOW)
    assert upload.name == shown_name(name) == shown
    assert shown not in upload.key
    assert shown not in ticket.fields["key"]


def test_two_files_of_one_name_are_two_files(cast: Cast, disk: Disk) -> None:
    first, second = (brought(cast.team, cast.bob, files.telling(turn=t)) for t in (1, 3))
    assert first.key != second.key
    assert content(first) != content(second)


# --- what is found in them ----------------------------------------------------------------------
@pytest.mark.parametrize(("kind", "mime"), KINDS)
def test_what_a_picture_tells_is_gone_and_not_a_pixel_has_changed(
    kind: str, mime: str, cast: Cast, disk: Disk
) -> None:
    data = files.telling(kind)
    upload = confirm(begun(cast, data, mime), NOW)
    kept = content(upload)
    assert files.SECRET in data
    assert files.SECRET not in kept
    assert b"script" not in kept
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(kept)) as after:
        assert not dict(after.getexif())
        assert ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox() is None
    assert (upload.status, upload.mime, upload.width, upload.height) == ("ready", mime, 60, 40)
    assert upload.size == len(kept)


@pytest.mark.parametrize("turn", range(2, 9))
@pytest.mark.parametrize(("kind", "mime"), KINDS)
def test_a_turned_picture_stands_upright_and_tells_nothing(
    kind: str, mime: str, turn: int, cast: Cast, disk: Disk
) -> None:
    upload = confirm(begun(cast, files.telling(kind, turn=turn), mime), NOW)
    kept = content(upload)
    assert files.SECRET not in kept
    wide = (40, 60) if turn >= 5 else (60, 40)
    assert (upload.width, upload.height) == wide
    with Image.open(BytesIO(kept)) as after:
        assert after.size == wide
        assert after.getexif().get(files.ORIENTATION, 1) == 1


def test_a_profile_of_colours_stays(cast: Cast, disk: Disk) -> None:
    profile = b"a profile of colours" * 10
    data = files.encoded(files.drawn(20, 20), "JPEG", icc_profile=profile)
    with Image.open(BytesIO(content(confirm(begun(cast, data), NOW)))) as after:
        assert after.info["icc_profile"] == profile


def test_a_moving_picture_goes_on_moving(cast: Cast, disk: Disk) -> None:
    upload = confirm(begun(cast, files.moving(5), "image/gif"), NOW)
    kept = content(upload)
    assert upload.moving
    assert files.SECRET not in kept
    with Image.open(BytesIO(kept)) as after:
        assert (after.n_frames, after.info["loop"]) == (5, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("wide", [0, 1])
@pytest.mark.parametrize(("turned", "size"), [(False, (640, 360)), (True, (360, 640))])
def test_a_video_tells_its_length_and_size_and_not_its_place(
    turned: bool, size: tuple[int, int], wide: int, cast: Cast, disk: Disk
) -> None:
    data = files.film(turned=turned, wide=wide)
    upload = confirm(begun(cast, data, "video/mp4", "tower.mp4"), NOW)
    kept = content(upload)
    assert files.SECRET in data
    assert files.SECRET not in kept
    assert len(kept) == len(data)
    assert (upload.seconds, (upload.width, upload.height)) == (6.5, size)
    assert (upload.kind, upload.mime) == ("video", "video/mp4")


def test_a_video_that_says_nothing_of_itself_is_of_unknown_length(cast: Cast, disk: Disk) -> None:
    data = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + bytes(100)
    upload = confirm(begun(cast, data, "video/webm", "tower.webm"), NOW)
    assert (upload.seconds, upload.width, upload.height) == (None, 0, 0)


ASKED = """#!/bin/sh
echo '{"streams": [{"codec_type": "video", "width": 320, "height": 200}],'
echo '"format": {"duration": "2.5"}}'
"""


def test_ffprobe_is_asked_for_what_the_file_does_not_say(
    cast: Cast, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffprobe"
    program.write_text(ASKED)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    data = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + bytes(100)
    upload = confirm(begun(cast, data, "video/webm", "tower.webm"), NOW)
    assert (upload.seconds, upload.width, upload.height) == (2.5, 320, 200)


def test_what_is_in_the_file_counts_and_not_what_was_said(cast: Cast, disk: Disk) -> None:
    upload = confirm(begun(cast, files.telling("PNG"), "image/jpeg"), NOW)
    assert (upload.mime, upload.declared_mime) == ("image/png", "image/jpeg")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
REFUSED: list[tuple[str, bytes, str]] = [
    ("a drawing", SVG, "SVG drawings are not taken"),
    ("a page", b"<!doctype html><script>alert(1)</script>", "not one of the files"),
    ("a program", b"MZ\x90\x00\x03" + bytes(100), "not one of the files"),
    ("an iPhone's", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "save it as JPEG"),
    ("only a head", b"\xff\xd8\xff\xe0 and then <script>", "cannot be read as a picture"),
    ("half a picture", files.telling("PNG")[:700], "cannot be read as a picture"),
    ("a bomb", files.bomb(), "far too many pixels; at most 50 million"),
    ("a small bomb", files.bomb(9000, 9000), "9000 × 9000 pixels; at most 50 million"),
    ("a bomb in WebP", files.webp_bomb(), "16384 × 16384 pixels; at most 50 million"),
    ("a film without film", files.box(b"ftyp", b"isom\0\0\0\0"), "does not say what is in it"),
    ("a sound", files.box(b"ftyp", b"isom\0\0\0\0") + files.box(b"moov"), "no pictures in it"),
    ("a broken film", files.film()[:300], "do not fit into each other"),
    ("a lying box", b"\0\0\0\x10ftypisom\0\0\0\0\xff\xff\xff\xffmoov", "do not fit"),
]


@pytest.mark.parametrize(("data", "words"), [x[1:] for x in REFUSED], ids=[x[0] for x in REFUSED])
def test_what_is_in_disguise_or_broken_is_refused_and_gone(
    data: bytes, words: str, cast: Cast, disk: Disk
) -> None:
    upload = begun(cast, data, "image/png", "tower.png")
    assert words in refusal(upload)
    upload.refresh_from_db()
    assert upload.status == UploadStatus.REFUSED
    assert words in upload.words
    assert list(disk.every("")) == []
    assert words in refusal(upload)


def test_pixels_are_counted_by_the_operators_limit(
    cast: Cast, disk: Disk, settings: Settings
) -> None:
    settings.PICTURE_MAX_MEGAPIXELS = 1
    data = files.encoded(Image.new("1", (1001, 1000)), "PNG")
    assert "1001 × 1000 pixels; at most 1 million" in refusal(begun(cast, data, "image/png"))


def test_what_has_not_arrived_is_not_there_and_may_still_come(cast: Cast, disk: Disk) -> None:
    data = files.telling()
    upload, _ = credentials(cast.team, cast.bob, "a.jpg", "image/jpeg", len(data), NOW)
    assert "has not arrived" in refusal(upload)
    disk.keep(upload.key, BytesIO(data), "image/jpeg")
    assert confirm(upload, NOW).status == UploadStatus.READY


def test_another_size_than_announced_is_refused_whoever_let_it_in(cast: Cast, disk: Disk) -> None:
    data = files.telling()
    assert f"{len(data)} bytes have arrived" in refusal(begun(cast, data, size=len(data) - 1))


def test_confirming_twice_changes_nothing(cast: Cast, disk: Disk) -> None:
    upload = confirm(begun(cast, files.telling()), NOW)
    before = list(disk.every(""))
    assert confirm(upload, NOW).key == upload.key
    assert list(disk.every("")) == before


def test_the_ticket_cannot_change_what_was_looked_into(cast: Cast, disk: Disk) -> None:
    upload, _ = credentials(cast.team, cast.bob, "a.jpg", "image/jpeg", 10, NOW)
    pending = upload.key
    data = files.telling()
    Upload.objects.filter(pk=upload.pk).update(declared_size=len(data))
    upload.refresh_from_db()
    disk.keep(upload.key, BytesIO(data), "image/jpeg")
    kept = confirm(upload, NOW)
    disk.keep(pending, BytesIO(b"<script>"), "image/jpeg")
    assert kept.key != pending
    assert b"script" not in content(kept)


@pytest.mark.django_db(transaction=True)
def test_two_who_confirm_at_once_keep_one_file(cast: Cast, disk: Disk) -> None:
    data, results = files.telling(), list[str]()
    upload = begun(cast, data)
    together = threading.Barrier(2)

    def go() -> None:
        mine = Upload.objects.get(pk=upload.pk)
        together.wait()
        try:
            results.append(confirm(mine, NOW).key)
        except CannotUpload as problem:
            results.append(str(problem))
        connection.close()

    both = [threading.Thread(target=go) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    upload.refresh_from_db()
    assert upload.status == UploadStatus.READY
    assert upload.key in results
    assert [kept.key for kept in disk.every("")] == [upload.key]


FINDS_EICAR = "sh -c 'if grep -q EICAR; then exit 1; fi'"


@pytest.mark.parametrize("mime", ["image/jpeg", "video/mp4"])
def test_a_virus_is_refused(mime: str, cast: Cast, disk: Disk, settings: Settings) -> None:
    settings.SCAN_COMMAND = FINDS_EICAR
    clean = files.telling() if mime == "image/jpeg" else files.film()
    assert "virus scanner" in refusal(begun(cast, clean + b"EICAR", mime))
    assert confirm(begun(cast, clean, mime), NOW).status == UploadStatus.READY


def test_a_scanner_that_is_away_lets_nothing_in_and_refuses_nobody(
    cast: Cast, disk: Disk, settings: Settings
) -> None:
    settings.SCAN_COMMAND = "no-such-scanner-anywhere"
    upload = begun(cast, files.telling())
    assert "nothing is wrong with yours" in refusal(upload)
    settings.SCAN_COMMAND = ""
    assert confirm(upload, NOW).status == UploadStatus.READY


# --- deleting and sweeping ----------------------------------------------------------------------
def in_a_post(cast: Cast, upload: Upload) -> Post:
    post = Post.objects.create(team=cast.team, text="With a tower.", due_at=NOW)
    Attachment.objects.create(post=post, place=0, upload=upload)
    return post


def test_a_deleted_file_takes_all_that_was_made_of_it_along(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.encoded(files.drawn(900, 600)))
    fit(upload, THUMBNAIL)
    assert len(list(disk.every(""))) == 2
    delete(upload)
    assert list(disk.every("")) == []
    assert not Upload.objects.exists()


def test_a_file_in_a_post_is_not_deleted(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.telling())
    in_a_post(cast, upload)
    with pytest.raises(CannotUpload, match="part of a post"):
        delete(upload)
    assert content(upload)


def test_a_team_that_goes_takes_its_posts_and_files_along(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.telling())
    in_a_post(cast, upload)
    Team.objects.filter(pk=cast.team.pk).delete()
    assert not Upload.objects.exists()
    assert sweep(NOW + timedelta(days=2))["orphans"] == 1
    assert list(disk.every("")) == []


def test_the_sweep_takes_what_is_old_and_nobodys(cast: Cast, disk: Disk) -> None:
    used = brought(cast.team, cast.bob, files.telling(width=50))
    in_a_post(cast, used)
    brought(cast.team, cast.bob, files.telling())
    begun(cast, files.telling())
    credentials(cast.team, cast.bob, "never.jpg", "image/jpeg", 10, NOW)
    disk.keep(
        f"files/{cast.team.pk}/aa/orphan.jpg", BytesIO(b"made, and then killed"), "image/jpeg"
    )
    nothing = {"unfinished": 0, "unused": 0, "orphans": 0}
    assert sweep(NOW) == nothing
    assert sweep(NOW + timedelta(days=2)) == {"unfinished": 2, "unused": 0, "orphans": 1}
    assert sweep(NOW + timedelta(days=8)) == {"unfinished": 0, "unused": 1, "orphans": 0}
    assert list(Upload.objects.all()) == [used]
    assert [kept.key for kept in disk.every("")] == [used.key]


def test_what_could_not_be_deleted_is_found_later(cast: Cast, disk: Disk) -> None:
    upload = brought(cast.team, cast.bob, files.telling())
    folder = Path(disk.path(upload.key)).parent
    Path(disk.path(upload.key)).rename(folder / "elsewhere")
    Path(disk.path(upload.key)).mkdir()  # a folder cannot be deleted like a file
    delete(upload)
    Path(disk.path(upload.key)).rmdir()
    (folder / "elsewhere").rename(disk.path(upload.key))
    assert sweep(NOW + timedelta(days=2))["orphans"] == 1
    assert list(disk.every("")) == []


def test_no_team_can_confirm_for_another(cast: Cast, disk: Disk) -> None:
    upload = begun(cast, files.telling())
    mine: Any = Upload.objects.of
    assert list(mine(cast.team, cast.bob)) == [upload]
    assert not mine(cast.other_team, cast.charlie).exists()
    assert not mine(cast.team, cast.alice).exists()
    assert not mine(cast.other_team, cast.bob).exists()
