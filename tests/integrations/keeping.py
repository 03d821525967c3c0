"""What every place for files must do; played by the disk here, and by an S3 in `make test-s3`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

import pytest

from integrations.storage import NotThere, Store, Ticket

DATA = b"\x89PNG\r\n\x1a\n and what follows"
MIME = "image/png"
SOON = timedelta(minutes=5)


@dataclass(frozen=True)
class Sent:
    """What the place said to an upload or to a signed address."""

    status: int
    body: bytes = b""
    mime: str = ""


Send = Callable[..., Sent]
"""(ticket, data, mime=…, key=…) as a browser sends it, with what it changed."""
Get = Callable[[str], Sent]


class KeepsFiles:
    """The stories; a test class inherits them and gives `place`, `send` and `get`."""

    def test_what_is_kept_comes_back(self, place: Store) -> None:
        place.keep("files/a.png", BytesIO(DATA), MIME)
        with place.fetch("files/a.png") as file:
            assert file.read() == DATA
        kept = place.head("files/a.png")
        assert kept is not None
        assert (kept.size, kept.mime) == (len(DATA), MIME)

    def test_what_was_handed_over_can_be_read_again(self, place: Store) -> None:
        file = BytesIO(DATA)
        place.keep("files/a.png", file, MIME)
        file.seek(0)
        assert file.read() == DATA

    def test_what_is_not_there_is_said(self, place: Store) -> None:
        assert place.head("files/none.png") is None
        with pytest.raises(NotThere):
            place.fetch("files/none.png")

    def test_deleting_twice_is_no_error(self, place: Store) -> None:
        place.keep("files/a.png", BytesIO(DATA), MIME)
        place.remove("files/a.png")
        place.remove("files/a.png")
        assert place.head("files/a.png") is None

    def test_everything_is_listed_however_many_pages_it_takes(self, place: Store) -> None:
        keys = {f"files/{number:02}.png" for number in range(7)}
        for key in keys:
            place.keep(key, BytesIO(DATA), MIME)
        place.keep("incoming/other.png", BytesIO(DATA), MIME)
        found = list(place.every("files/", page=3))
        assert {kept.key for kept in found} == keys
        assert {kept.size for kept in found} == {len(DATA)}

    def test_a_signed_address_gives_the_file_and_a_changed_one_does_not(
        self, place: Store, get: Get
    ) -> None:
        place.keep("files/a.png", BytesIO(DATA), MIME)
        place.keep("files/b.png", BytesIO(b"other"), MIME)
        url = place.address("files/a.png", SOON, mime=MIME)
        assert get(url) == Sent(200, DATA, MIME)
        assert get(url.replace("files/a", "files/b").replace("e", "f", 3)).status in (403, 404)

    def test_an_ended_address_gives_nothing(self, place: Store, get: Get) -> None:
        place.keep("files/a.png", BytesIO(DATA), MIME)
        assert get(place.address("files/a.png", timedelta(seconds=-1))).status in (400, 403)

    def test_a_ticket_brings_one_file_of_its_type_and_size(self, place: Store, send: Send) -> None:
        ticket = place.ticket("incoming/a.png", MIME, len(DATA), SOON)
        assert send(ticket, DATA).status in (200, 201)
        kept = place.head("incoming/a.png")
        assert kept is not None
        assert kept.size == len(DATA)

    @pytest.mark.parametrize("data", [DATA + b"!", DATA[:-1]], ids=["over", "under"])
    def test_another_size_is_refused_by_the_store(
        self, data: bytes, place: Store, send: Send
    ) -> None:
        ticket = place.ticket("incoming/a.png", MIME, len(DATA), SOON)
        assert send(ticket, data).status in (400, 403, 413)
        assert place.head("incoming/a.png") is None

    def test_another_type_is_refused_by_the_store(self, place: Store, send: Send) -> None:
        ticket = place.ticket("incoming/a.png", MIME, len(DATA), SOON)
        assert send(ticket, DATA, mime="text/html").status == 403
        assert place.head("incoming/a.png") is None

    def test_a_ticket_shows_no_secret(self, place: Store) -> None:
        ticket: Ticket = place.ticket("incoming/a.png", MIME, len(DATA), SOON)
        everything = f"{ticket.url} {dict(ticket.fields)} {dict(ticket.headers)}"
        assert "tests-only" not in everything
        assert "the-secret-of-the-store" not in everything
        assert ticket.url not in repr(ticket)
