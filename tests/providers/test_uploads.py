"""Files on the wire: sent as they are, never told of, and judged before they are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kit import media as fitting
from providers.kit.content import (
    ImageRule,
    InMemory,
    Kind,
    Limits,
    Media,
    TextRule,
    Unit,
    VideoRule,
)
from providers.kit.errors import Rejected, Unavailable, Uncertain
from providers.kit.steps import forget, numbered, once
from providers.kit.uploads import Body, File, multipart, piece, pieces
from sandbox.kit.shelf import multipart as read_multipart
from tests.providers.loopback import Server, say, tell

TEXT = TextRule(500, Unit.CODE_POINTS)
IMAGES = ImageRule(2, ("image/png",), 1000, alt_limit=10, min_width=5, max_aspect=2.0, max_side=90)
VIDEO = VideoRule(("video/mp4",), 1000)
ALL = Limits(TEXT, images=IMAGES, video=VIDEO)


def medium(data: bytes = b"some bytes", **more: object) -> Media:
    known = {"kind": Kind.IMAGE, "mime": "image/png", "size": len(data), "name": "a.png"}
    return Media(**{**known, "open": lambda: BytesIO(data), **more})  # type: ignore[arg-type]


def broken() -> BinaryIO:
    raise OSError("the disk at /srv/secret is gone")


# --- on the wire --------------------------------------------------------------------------------
@given(
    st.dictionaries(st.text(min_size=1, max_size=9).filter(str.isidentifier), st.text(max_size=40)),
    st.binary(max_size=200_000),
)
def test_a_form_with_a_file_arrives_as_it_was_sent(fields: dict[str, str], data: bytes) -> None:
    file = File.holding(data, 'a "b";\r\n.png', "image/png")
    body, kind = multipart(fields, {"a file": file})
    whole = b"".join(body)
    assert len(body) == len(whole)
    parts = read_multipart(kind, whole)
    assert {name: part.data.decode() for name, part in parts.items() if name != "a file"} == fields
    assert (parts["a file"].data, parts["a file"].mime) == (data, "image/png")


def test_a_file_goes_out_with_its_length_and_its_type() -> None:
    server = Server(tell({"ok": True}))
    data = bytes(range(256)) * 1000
    server.wire().call("PUT", server.url, body=File.holding(data, "a.mp4", "video/mp4"))
    server.wire().call("POST", server.url, form={"a": "b"}, files={"f": File.of(medium(data))})
    raw, form = server.requests
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"Content-Length: 256000" in head
    assert b"Content-Type: video/mp4" in head
    assert body == data
    assert data in form
    assert b'name="a"\r\n\r\nb\r\n' in form
    server.listener.close()


def test_a_list_goes_out_as_json() -> None:
    server = Server(tell({}))
    server.wire().call("POST", server.url, json=[{"a": 1}, "b"])
    assert server.requests[0].endswith(b'[{"a": 1}, "b"]')
    server.listener.close()


def test_a_lost_answer_is_a_doubt_only_where_a_repeat_would_harm() -> None:
    server = Server(say(b"HTTP/1.1 200 Said\r\nContent-Length: 9\r\n\r\nhalf"))
    server.listener.settimeout(1)
    file = {"f": File.of(medium())}
    for safe, error in ((True, Unavailable), (False, Uncertain)):
        with pytest.raises(error) as caught:
            server.wire().call("POST", server.url, safe=safe, files=file)
        assert "some bytes" not in f"{caught.value.words} {caught.value!r}"
    server.listener.close()


@pytest.mark.parametrize("send", ["whole", "piece"])
def test_a_file_that_cannot_be_read_sends_nothing_and_tells_nothing(send: str) -> None:
    server, lost = Server(tell({})), medium(open=broken)

    def sent() -> None:
        file = piece(lost, 0, 5) if send == "piece" else File.of(lost)
        server.wire().call("POST", server.url, safe=False, files={"f": file})

    with pytest.raises(Unavailable) as caught:
        sent()
    assert caught.value.words == "a.png cannot be read at the moment."
    assert server.requests == []
    server.listener.close()


@given(st.binary(max_size=500), st.integers(1, 60))
def test_the_pieces_are_the_whole(data: bytes, length: int) -> None:
    whole = medium(data)
    found = [piece(whole, n, length) for n in range(pieces(len(data), length))]
    assert b"".join(b"".join(Body(one)) for one in found) == data
    assert all(one.size == length for one in found[:-1])


# --- steps --------------------------------------------------------------------------------------
def test_a_step_is_taken_once_and_kept() -> None:
    saved, taken = InMemory(), []

    def step() -> str:
        taken.append(1)
        return "id-1"

    assert [once(saved, "a", step), once(saved, "a", step)] == ["id-1", "id-1"]
    assert (taken, saved.known) == ([1], {"a": "id-1"})


def test_numbers_go_on_where_the_last_was_done() -> None:
    saved, done = InMemory(), []

    def until(stop: int) -> None:
        for number in numbered(saved, "pieces", 5):
            if number == stop:
                raise Unavailable("cut off")
            done.append(number)

    with pytest.raises(Unavailable):
        until(3)
    until(9)
    assert done == [0, 1, 2, 3, 4]


def test_ended_steps_are_forgotten_once_and_then_it_is_the_author_who_must_act() -> None:
    saved = InMemory({"media.0": "1", "other": "2"})
    ended = Rejected("Unknown upload.", status=422)
    assert isinstance(forget(saved, ["media.0"], ended), Unavailable)
    assert (saved.get("media.0"), saved.get("other")) == ("", "2")
    assert forget(saved, ["media.0"], ended) is ended


# --- does it fit? -------------------------------------------------------------------------------
def said(limits: Limits, *media: Media) -> str:
    return " ".join(fitting.problems(media, limits, "Net"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mime": "image/tiff"}, "a.png is of a type that is not taken (image/tiff)."),
        ({"size": 1001}, "a.png is too large (0.0 MB, at most 0.0 MB)."),
        ({"alt": "a" * 12}, "a.png has a description that is 2 characters too long (at most 10)."),
        ({"width": 91, "height": 90}, "a.png is too large (91 × 90 pixels)."),
        ({"width": 4, "height": 4}, "a.png is too small (4 pixels wide, 5 are needed)."),
        (
            {"width": 41, "height": 20},
            "a.png is too wide for its height (2.05 : 1, at most 2 : 1).",
        ),
        ({"width": 40, "height": 20, "alt": "a" * 10, "size": 1000}, ""),
    ],
)
def test_a_picture_is_judged_as_the_rule_says(change: dict[str, object], words: str) -> None:
    told = said(ALL, replace(medium(), **change))  # type: ignore[arg-type]
    assert told == (f"Net: {words}" if words else "")


CLIP = medium(kind=Kind.VIDEO, mime="video/mp4", name="a.mp4")
TOGETHER: tuple[tuple[Callable[[], str], str], ...] = (
    (lambda: said(ALL, *[medium()] * 3), "Net: at most 2 pictures (3 given)."),
    (lambda: said(Limits(TEXT), medium()), "Net: no pictures (1 given)."),
    (lambda: said(ALL, CLIP, CLIP), "Net: at most 1 video (2 given)."),
    (lambda: said(ALL, medium(), CLIP), "Net: pictures and a video do not go together."),
    (lambda: said(replace(ALL, mixed=True), medium(), CLIP), ""),
    (lambda: said(ALL), ""),
    (
        lambda: said(replace(ALL, needs_media=True)),
        "Net: add a picture or a video; a post without one is not possible.",
    ),
)


@pytest.mark.parametrize(("judged", "words"), TOGETHER)
def test_media_are_judged_together(judged: Callable[[], str], words: str) -> None:
    assert judged() == words
