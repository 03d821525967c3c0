"""Files on the local disk: the same promises as an S3, and doors of our own that hold."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from integrations.scan import Infected, ScanTrouble, scan
from integrations.storage import Store, StoreTrouble, Ticket, store
from integrations.storage.disk import FILES, Disk
from tests.integrations.keeping import DATA, MIME, SOON, Get, KeepsFiles, Send, Sent


@pytest.fixture
def place(disk: Disk) -> Disk:
    return disk


@pytest.fixture
def send() -> Send:
    """A browser's form, the file last; nobody is logged in."""

    def sent(ticket: Ticket, data: bytes, *, mime: str = "", key: str = "") -> Sent:
        fields = dict(ticket.fields)
        fields |= {"Content-Type": mime} if mime else {}
        fields |= {"key": key} if key else {}
        form = {**fields, "file": SimpleUploadedFile("holiday.png", data)}
        return Sent(Client(enforce_csrf_checks=True).post(ticket.url, form).status_code)

    return sent


@pytest.fixture
def get() -> Get:
    def got(url: str) -> Sent:
        answer = Client().get(url)
        body = b"".join(answer) if answer.streaming else answer.content
        return Sent(answer.status_code, body, answer.get("Content-Type", ""))

    return got


@pytest.mark.usefixtures("disk")
class TestDisk(KeepsFiles):
    """The disk keeps the promises of every place."""


def test_it_is_a_folder_unless_a_bucket_is_named(disk: Disk) -> None:
    assert store() is disk


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    disk = Disk(location=tmp_path / "not" / "there")
    disk.keep("files/a.png", BytesIO(DATA), MIME)
    assert (tmp_path / "not/there/files/a.png").read_bytes() == DATA


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("this is a file")
    with pytest.raises(StoreTrouble):
        Disk(location=tmp_path / "media").keep("files/a.png", BytesIO(DATA), MIME)


def test_a_ticket_is_good_once(disk: Disk, send: Send) -> None:
    ticket = disk.ticket("incoming/a.png", MIME, len(DATA), SOON)
    assert [send(ticket, DATA).status, send(ticket, DATA[::-1]).status] == [201, 409]
    with disk.fetch("incoming/a.png") as file:
        assert file.read() == DATA


def test_an_ended_ticket_is_refused(disk: Disk, send: Send) -> None:
    ticket = disk.ticket("incoming/a.png", MIME, len(DATA), timedelta(seconds=-1))
    assert send(ticket, DATA).status == 403


@pytest.mark.parametrize("key", ["incoming/b.png", "../../outside.png", "/etc/passwd"])
def test_a_ticket_leads_to_its_own_place_only(key: str, disk: Disk, send: Send) -> None:
    ticket = disk.ticket("incoming/a.png", MIME, len(DATA), SOON)
    assert send(ticket, DATA, key=key).status == 403
    assert list(disk.every("")) == []


def test_a_body_that_is_too_long_is_refused_before_it_is_read(disk: Disk) -> None:
    ticket = disk.ticket("incoming/a.png", MIME, len(DATA), SOON)
    body = BytesIO(b"x" * 100_000)
    answer = Client().generic("POST", ticket.url, body.read(), "multipart/form-data; boundary=b")
    assert answer.status_code == 413


@pytest.mark.parametrize("key", ["../outside.png", "files/../../outside.png", "/etc/passwd"])
def test_no_key_leads_out_of_the_folder(key: str, disk: Disk, get: Get) -> None:
    with pytest.raises(SuspiciousFileOperation):
        disk.fetch(key)
    assert get(disk.address(key, SOON)).status == 404


@pytest.mark.parametrize("signature", ["nonsense", "a:b:c", "x" * 3000])
def test_an_address_that_we_did_not_sign_is_refused(signature: str, get: Get) -> None:
    assert get(f"/{FILES}{signature}/").status == 403


def test_a_signature_for_uploads_shows_no_file(disk: Disk, get: Get) -> None:
    disk.keep("incoming/a.png", BytesIO(DATA), MIME)
    policy = disk.ticket("incoming/a.png", MIME, len(DATA), SOON).url.rstrip("/").split("/")[-1]
    assert get(f"/{FILES}{policy}/").status == 403


def test_what_is_shown_can_run_nothing(disk: Disk) -> None:
    disk.keep("files/a.png", BytesIO(DATA), MIME)
    answer = Client().get(disk.address("files/a.png", SOON, mime=MIME, name='a "b"\r\nc.png'))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "\n" not in answer["Content-Disposition"]
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-3", 0, 4), ("bytes=5-", 5, None), ("bytes=-4", -4, None), ("bytes=2-9999", 2, None)],
)
def test_a_part_of_a_file_is_given(asked: str, start: int, stop: int | None, disk: Disk) -> None:
    disk.keep("files/a.png", BytesIO(DATA), MIME)
    answer = Client().get(disk.address("files/a.png", SOON), headers={"Range": asked})
    part = DATA[start:stop]
    assert (answer.status_code, b"".join(answer)) == (206, part)
    first = DATA.index(part)
    assert answer["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(DATA)}"
    assert answer["Content-Length"] == str(len(part))


@pytest.mark.parametrize("asked", ["bytes=9-2", "bytes=-", "lines=1-2", "bytes=0-1,4-5"])
def test_a_part_that_makes_no_sense_is_the_whole(asked: str, disk: Disk) -> None:
    disk.keep("files/a.png", BytesIO(DATA), MIME)
    answer = Client().get(disk.address("files/a.png", SOON), headers={"Range": asked})
    assert (answer.status_code, b"".join(answer)) == (200, DATA)


# --- the settings of a bucket -------------------------------------------------------------------
@pytest.fixture
def bucket(settings: Settings) -> Store:
    options = {
        "bucket_name": "files",
        "region_name": "eu-central-1",
        "access_key": "AKIAEXAMPLE",
        "secret_key": "the-secret-of-the-store",
        "location": "postrider",
    }
    where = {"BACKEND": "integrations.storage.s3.Bucket", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": where}
    return store()


def test_the_policy_names_every_field_of_the_form(bucket: Store) -> None:
    ticket = bucket.ticket("incoming/a.png", MIME, 1234, SOON)
    policy = json.loads(base64.b64decode(ticket.fields["policy"]))
    named = {
        k: v for each in policy["conditions"] if isinstance(each, dict) for k, v in each.items()
    }
    beside = {"policy", "x-amz-signature"}
    assert {k: v for k, v in ticket.fields.items() if k not in beside} == {
        **{k: v for k, v in named.items() if k != "bucket"},
    }
    assert ["content-length-range", 1234, 1234] in policy["conditions"]
    assert named["bucket"] == "files"
    assert ticket.fields["key"] == "postrider/incoming/a.png"
    assert "acl" not in ticket.fields


def test_a_store_that_is_away_is_a_trouble_of_ours(settings: Settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "integrations.storage.s3.Bucket",
            "OPTIONS": {
                "bucket_name": "files",
                "region_name": "auto",
                "endpoint_url": "http://127.0.0.1:1",
                "access_key": "a",
                "secret_key": "the-secret-of-the-store",
            },
        },
    }
    with pytest.raises(StoreTrouble) as told:
        store().head("files/a.png")
    assert "secret" not in str(told.value)


# --- the virus scanner --------------------------------------------------------------------------
FINDS_EICAR = "sh -c 'if grep -q EICAR; then exit 1; fi'"


@pytest.mark.parametrize("data", [b"clean as snow", b""])
def test_a_clean_file_passes_the_scanner(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        scan(FINDS_EICAR, file)


def test_an_infected_file_does_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"X5O!P%@AP EICAR test file")
    with (tmp_path / "file").open("rb") as file, pytest.raises(Infected):
        scan(FINDS_EICAR, file)


@pytest.mark.parametrize("command", ["sh -c 'exit 2'", "no-such-scanner-anywhere"])
def test_a_scanner_that_cannot_look_is_no_clean_bill(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"clean as snow")
    with (tmp_path / "file").open("rb") as file, pytest.raises(ScanTrouble):
        scan(command, file)
