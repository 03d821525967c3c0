"""What was sent beside words: seen for what it is, kept for its owner, shown with its words."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from sandbox.kit.shelf import Part, Shelf, Sight, Sort, fetched, multipart, sight
from sandbox.kit.store import ROOM_FOR_FILES, Store
from tests.providers.files import files

SIZE = (321, 123)


def drawn(kind: str, **more: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", SIZE, (200, 30, 60)).save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (drawn("PNG"), "image/png"),
        (drawn("JPEG"), "image/jpeg"),
        (drawn("JPEG", progressive=True, exif=b"Exif\0\0" + b"x" * 3000), "image/jpeg"),
        (drawn("GIF"), "image/gif"),
        (drawn("WEBP"), "image/webp"),
        (drawn("WEBP", lossless=True), "image/webp"),
        (drawn("WEBP", exif=b"Exif\0\0II"), "image/webp"),
    ],
)
def test_a_picture_is_known_by_its_bytes(data: bytes, mime: str) -> None:
    assert sight(data) == Sight(mime, *SIZE)


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\x1aE\xdf\xa3 and more", "video/webm"),
        (b"BM and more", ""),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"", ""),
    ],
)
def test_other_files_are_known_or_not(data: bytes, mime: str) -> None:
    assert sight(data) == Sight(mime)


def test_what_is_taken_depends_on_type_and_size() -> None:
    sort = Sort(("image/png",), 10)
    assert sort.fault(Sight("image/png"), 10) == ""
    assert sort.fault(Sight("image/png"), 11) == "size"
    assert sort.fault(Sight("image/gif"), 1) == "type"


def test_a_form_that_is_none_has_no_parts() -> None:
    assert multipart("application/json", b"{}") == {}
    assert multipart("multipart/form-data", b"--x--") == {}
    whole = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    assert multipart('multipart/form-data; boundary="x"', whole) == {"a": Part(b"b")}


def test_a_file_is_its_owners_until_it_ends() -> None:
    shelf = Shelf(Store(), "net")
    shelf.put("1", "ada", drawn("PNG"), at=100, lives_s=10)
    assert shelf.get("1", "ada", at=109)
    assert shelf.get("1", "ada", at=110) is None
    assert shelf.get("1", "bo", at=101) is None
    assert shelf.end_all(at=101) == 1
    assert shelf.get("1", "ada", at=102) is None


def test_pieces_are_joined_in_the_order_of_their_numbers() -> None:
    shelf = Shelf(Store(), "net")
    shelf.begin("1", "ada", at=0)
    for number, data in ((10, b"c"), (2, b"x"), (0, b"a"), (2, b"b")):
        shelf.append("1", number, data)
    assert shelf.joined("1") == b"abc"


def test_slow_things_are_ready_after_they_were_asked_for_often_enough() -> None:
    shelf = Shelf(Store(), "net")
    shelf.be_slow(2)
    shelf.keep("box", {"id": "box", "owner": "ada", "ends_at": 10})
    assert [shelf.ready("box") for _ in range(4)] == [False, False, True, True]
    shelf.put("1", "ada", drawn("PNG"), at=0)
    assert shelf.is_ready("1")


def test_the_oldest_files_make_room() -> None:
    store = Store()
    for seal in ("a", "b", "c"):
        store.put_bytes(seal, bytes(ROOM_FOR_FILES // 2))
    assert [bool(store.bytes_of(seal)) for seal in ("a", "b", "c")] == [False, True, True]


def test_a_file_is_fetched_from_this_machine_only() -> None:
    assert fetched(files().keep(b"data", "image/png")) == b"data"
    assert fetched(files().keep(b"data", "image/png") + "0") == b""
    assert fetched("http://192.0.2.1/a.png") == b""
    assert fetched("file:///etc/hostname") == b""


def test_the_street_shows_pictures_answers_and_what_is_gone(visitor: Any) -> None:
    token, data = visitor.grant("mastodon")["access_token"], drawn("PNG")
    form = {"files": {"file": ("a.png", data, "image/png")}, "data": {"description": "A <hill>"}}
    media = visitor.post("/mastodon/api/v2/media", token, **form).json()
    first = {"status": "one", "media_ids": [media["id"]]}
    one = visitor.post("/mastodon/api/v1/statuses", token, json=first).json()
    second = {"status": "two", "in_reply_to_id": one["id"]}
    two = visitor.post("/mastodon/api/v1/statuses", token, json=second).json()

    posts = {post["text"]: post for post in visitor.board("mastodon")}
    [shown] = posts["one"]["media"]
    assert (shown["alt"], shown["width"], shown["height"]) == ("A <hill>", *SIZE)
    assert visitor.get(shown["url"].removeprefix(visitor.root)).content == data
    assert posts["two"]["reply_to"] == one["id"]
    page = visitor.get(one["url"].removeprefix(visitor.root)).text
    assert f'<img src="/_street/files/{shown["sha256"]}" alt="A &lt;hill&gt;">' in page
    assert "In answer to" in visitor.get(two["url"].removeprefix(visitor.root)).text

    visitor.delete(f"/mastodon/api/v1/statuses/{one['id']}", token)
    street = visitor.get("/").text
    assert re.search("<s>one</s> deleted", street)
    assert "↳ two" in street
    gone = visitor.get("/_street/board").json()["gone"]
    assert [post["text"] for post in gone] == ["one"]
