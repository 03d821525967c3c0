"""A bucket keeps the promises of every place; the store itself refuses what no ticket says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings

import providers
from integrations.storage import StoreTrouble, Ticket, store
from integrations.storage.s3 import Bucket
from posting.compose import compose
from posting.models import Upload
from posting.states import State
from posting.uploads import CannotUpload, confirm, credentials, delete, sweep
from tests import files
from tests.cast import Cast, Street, connected, filled_in
from tests.integrations.keeping import DATA, MIME, SOON, Get, KeepsFiles, Send, Sent
from tests.s3.server import KEY, SECRET, running
from tests.workers.engine import run

pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]
NOW = timezone.now()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture(params=["post", "put"])
def options(request: pytest.FixtureRequest, endpoint: str) -> dict[str, Any]:
    return {
        "uploads": request.param,
        "bucket_name": f"files-{uuid4().hex[:8]}",
        "region_name": "us-east-1",
        "endpoint_url": endpoint,
        "access_key": KEY,
        "secret_key": SECRET,
        "location": "postrider",
        "addressing_style": "path",
    }


@pytest.fixture
def place(options: dict[str, Any], settings: Settings) -> Bucket:
    """A bucket of this test's own, empty, and named in STORAGES."""
    where = {"BACKEND": "integrations.storage.s3.Bucket", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": where}
    bucket = store()
    assert isinstance(bucket, Bucket)
    bucket.client.create_bucket(Bucket=options["bucket_name"])
    return bucket


def sent(ticket: Ticket, data: bytes, *, mime: str = "", key: str = "") -> Sent:
    """As a browser sends it."""
    if ticket.method == "PUT":
        headers = {**ticket.headers, **({"Content-Type": mime} if mime else {})}
        return Sent(requests.put(ticket.url, data, headers=headers, timeout=20).status_code)
    fields = dict(ticket.fields)
    fields |= {"Content-Type": mime} if mime else {}
    fields |= {"key": key} if key else {}
    answer = requests.post(ticket.url, fields, files={"file": ("a.png", data)}, timeout=20)
    return Sent(answer.status_code)


@pytest.fixture
def send() -> Send:
    return sent


@pytest.fixture
def get() -> Get:
    def got(url: str) -> Sent:
        answer = requests.get(url, timeout=20)
        return Sent(answer.status_code, answer.content, answer.headers.get("Content-Type", ""))

    return got


class TestBucket(KeepsFiles):
    """The bucket keeps the promises of every place."""


def test_another_key_is_refused_by_the_store(place: Bucket) -> None:
    ticket = place.ticket("incoming/a.png", MIME, len(DATA), SOON)
    if ticket.method == "POST":
        assert sent(ticket, DATA, key="postrider/files/b.png").status == 403
    else:
        moved = Ticket("PUT", ticket.url.replace("incoming/a", "files/b"), headers=ticket.headers)
        assert sent(moved, DATA).status == 403
    assert list(place.every("")) == []


def test_an_ended_ticket_is_refused_by_the_store(place: Bucket) -> None:
    ticket = place.ticket("incoming/a.png", MIME, len(DATA), timedelta(seconds=-5))
    assert sent(ticket, DATA).status in (400, 403)


def test_a_put_ticket_is_good_once(place: Bucket) -> None:
    if place.uploads == "post":
        pytest.skip("a POST policy knows no such condition: what is checked is kept elsewhere")
    ticket = place.ticket("incoming/a.png", MIME, len(DATA), SOON)
    assert [sent(ticket, DATA).status, sent(ticket, DATA[::-1]).status] == [200, 412]


def test_what_is_kept_belongs_to_nobody_else(place: Bucket, options: dict[str, Any]) -> None:
    place.keep("files/a.png", BytesIO(DATA), MIME)
    acl = place.client.get_object_acl(Bucket=options["bucket_name"], Key="postrider/files/a.png")
    assert [grant["Grantee"]["Type"] for grant in acl["Grants"]] == ["CanonicalUser"]


def test_the_prefix_is_a_wall(place: Bucket, options: dict[str, Any]) -> None:
    other = Bucket(**{**options, "location": "elsewhere"})
    other.keep("files/b.png", BytesIO(DATA), MIME)
    assert list(place.every("")) == []
    assert place.head("files/b.png") is None


def test_a_bucket_that_is_not_there_is_said_without_a_secret(
    options: dict[str, Any],
) -> None:
    wrong = Bucket(**{**options, "bucket_name": "no-such-bucket"})
    with pytest.raises(StoreTrouble) as told:
        wrong.keep("files/a.png", BytesIO(DATA), MIME)
    assert SECRET not in str(told.value).split()
    assert "NoSuchBucket" in str(told.value)


def test_a_download_has_its_name(place: Bucket) -> None:
    place.keep("files/a.png", BytesIO(DATA), MIME)
    url = place.address("files/a.png", SOON, name='to"wer\r\n.png')
    said = requests.get(url, timeout=20).headers["Content-Disposition"]
    assert said == "attachment; filename*=UTF-8''to%22wer%0D%0A.png"


# --- the whole way ------------------------------------------------------------------------------
def arrived(cast: Cast, data: bytes, mime: str) -> Upload:
    upload, ticket = credentials(cast.team, cast.bob, "tower", mime, len(data), NOW)
    assert sent(ticket, data).status in (200, 201)
    return upload


@pytest.mark.parametrize(
    ("data", "mime"), [(files.telling(), "image/jpeg"), (files.film(), "video/mp4")]
)
def test_what_a_browser_brought_is_looked_into_and_kept_clean(
    data: bytes, mime: str, cast: Cast, place: Bucket
) -> None:
    upload = confirm(arrived(cast, data, mime), NOW)
    with place.fetch(upload.key) as file:
        kept = file.read()
    assert files.SECRET in data
    assert files.SECRET not in kept
    assert (upload.mime, upload.size) == (mime, len(kept))
    assert [one.key for one in place.every("")] == [upload.key]
    delete(upload)
    assert list(place.every("")) == []


def test_a_disguise_that_the_store_let_in_is_refused_and_gone(cast: Cast, place: Bucket) -> None:
    with pytest.raises(CannotUpload, match="not one of the files"):
        confirm(arrived(cast, b"<!doctype html>", "image/png"), NOW)
    assert list(place.every("")) == []


def test_the_sweep_finds_orphans_in_a_bucket(cast: Cast, place: Bucket) -> None:
    arrived(cast, files.telling(), "image/jpeg")
    place.keep("files/orphan.jpg", BytesIO(DATA), MIME)
    swept = sweep(timezone.now() + timedelta(days=2))
    assert swept == {"unfinished": 1, "unused": 0, "orphans": 1}
    assert list(place.every("")) == []


def test_a_picture_goes_from_the_bucket_to_the_networks(
    cast: Cast, street: Street, place: Bucket
) -> None:
    names = [n for n in providers.names() if providers.adapter(n).limits.images is not None]
    upload = confirm(arrived(cast, files.encoded(files.drawn(800, 640)), "image/jpeg"), NOW)
    accounts = [connected(street, cast.team, name) for name in names]
    post = compose(
        team=cast.team,
        author=cast.alice,
        text="From a bucket.",
        accounts=accounts,
        options={account.pk: filled_in(account.provider) for account in accounts},
        at=timezone.now(),
        media=[(upload, "A tower")],
    )
    assert run(post, 60) == [State.POSTED] * len(names)
    for name in names:
        [there] = street.board(name)
        rule = providers.adapter(name).limits.images
        takes_words = rule is not None and rule.alt_limit is not None
        carried = [(one["sha256"], one["alt"]) for one in there["media"]]
        assert carried == [(upload.sha256, "A tower" if takes_words else "")], name
    with place.fetch(upload.key) as file:
        assert sha256(file.read()).hexdigest() == upload.sha256
