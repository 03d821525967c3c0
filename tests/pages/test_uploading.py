"""Bringing files over the web: by a script with a ticket, or by the plain form without one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

import providers
from accounts.models import Membership, User
from accounts.roles import Role
from integrations.storage.disk import Disk
from posting.media import of_post
from posting.models import Post, Upload
from tests import files
from tests.cast import PASSWORD, Cast
from tests.files import brought
from tests.pages.conftest import browser, connect, read
from tests.pages.test_composing import NEW, typed
from tokens.models import SocialAccount

pytestmark = pytest.mark.usefixtures("disk")
CREDENTIALS, CONFIRM = "/api/uploads/credentials/", "/api/uploads/confirm/"
WITH_PICTURES = next(n for n in providers.names() if providers.adapter(n).limits.images is not None)


def told(client: Client, url: str, **body: Any) -> Any:
    return client.post(url, json.dumps(body), content_type="application/json")


def ticket_for(client: Client, data: bytes, mime: str = "image/jpeg") -> Any:
    answer = told(client, CREDENTIALS, name="tower.jpg", mime=mime, size=len(data))
    assert answer.status_code == 201, answer.content
    return answer.json()


def send(ticket: dict[str, Any], data: bytes) -> int:
    form = {**ticket["fields"], "file": SimpleUploadedFile("blob", data)}
    return Client().post(ticket["url"], form).status_code


# --- with a ticket ------------------------------------------------------------------------------
def test_a_script_brings_a_picture_and_posts_it(bob: Client, cast: Cast) -> None:
    data = files.telling()
    given = ticket_for(bob, data)
    assert (given["ticket"]["method"], send(given["ticket"], data)) == ("POST", 201)
    found = told(bob, CONFIRM, upload=given["upload"])
    assert found.json() == {
        "upload": given["upload"],
        "name": "tower.jpg",
        "kind": "image",
        "mime": "image/jpeg",
        "size": Upload.objects.get().size,
        "width": 60,
        "height": 40,
        "seconds": None,
        "moving": False,
        "thumbnail": reverse("thumbnail", args=[given["upload"]]),
    }
    account = connect(cast, WITH_PICTURES)
    sent = typed(account, **rows({"upload": given["upload"], "alt": "A tower"}))
    assert bob.post(NEW, sent).status_code == 302
    assert of_post(Post.objects.get().pk) == [(Upload.objects.get(), "A tower")]


@pytest.mark.parametrize(
    ("body", "field", "status"),
    [
        ({}, "size", 422),
        ({"name": "a", "mime": "image/png", "size": "10"}, "size", 422),
        ({"name": "a", "mime": "image/png", "size": True}, "size", 422),
        ({"name": 7, "mime": "image/png", "size": 10}, "name", 422),
        ({"name": "a", "mime": "image/svg+xml", "size": 10}, "mime", 422),
        ({"name": "a", "mime": "image/png", "size": 10**12}, "size", 422),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    body: dict[str, Any], field: str, status: int, bob: Client
) -> None:
    answer = told(bob, CREDENTIALS, **body)
    assert answer.status_code == status
    assert answer.json()["errors"][field][0]
    assert not Upload.objects.exists()


@pytest.mark.parametrize("body", ["no json", "[1]", ""])
def test_what_is_no_json_is_said_so(body: str, bob: Client) -> None:
    answer = bob.post(CREDENTIALS, body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["body"])


@pytest.mark.parametrize("url", [CREDENTIALS, CONFIRM])
def test_who_is_not_logged_in_is_told_so_in_json(url: str, cast: Cast) -> None:
    answer = told(Client(), url, upload=1)
    assert answer.status_code == 401
    assert "Log in" in answer.json()["errors"]["session"][0]


@pytest.mark.parametrize("url", [CREDENTIALS, CONFIRM])
def test_a_page_of_somebody_else_cannot_ask_for_us(url: str, cast: Cast) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(cast.bob)
    assert told(stranger, url, upload=1).status_code == 403


def test_a_viewer_brings_nothing(cast: Cast) -> None:
    viewer = User.objects.create_user("vera@example.org", PASSWORD)
    Membership.objects.create(team=cast.team, user=viewer, role=Role.VIEWER)
    answer = told(browser(viewer), CREDENTIALS, name="a", mime="image/png", size=10)
    assert (answer.status_code, list(answer.json()["errors"])) == (404, ["upload"])


def test_charlie_confirms_and_sees_nothing_of_bobs(
    bob: Client, alice: Client, charlie: Client, cast: Cast
) -> None:
    data = files.telling()
    given = ticket_for(bob, data)
    send(given["ticket"], data)
    for other in (charlie, alice):  # Alice is in the team, but it is not her ticket
        assert told(other, CONFIRM, upload=given["upload"]).status_code == 404
    picture = told(bob, CONFIRM, upload=given["upload"]).json()["thumbnail"]
    assert [c.get(picture).status_code for c in (bob, alice, charlie)] == [200, 200, 404]
    account = connect(cast, WITH_PICTURES)
    account.team = cast.other_team
    account.save()
    answer = charlie.post(NEW, typed(account, **rows({"upload": given["upload"]})))
    assert (answer.status_code, Post.objects.count()) == (422, 0)


def test_confirming_too_early_says_so(bob: Client) -> None:
    given = ticket_for(bob, files.telling())
    answer = told(bob, CONFIRM, upload=given["upload"])
    assert answer.status_code == 422
    assert "has not arrived" in answer.json()["errors"]["file"][0]


def test_a_disguise_is_refused_in_words(bob: Client) -> None:
    data = b"<!doctype html><script>alert(1)</script>"
    given = ticket_for(bob, data)
    send(given["ticket"], data)
    answer = told(bob, CONFIRM, upload=given["upload"])
    assert answer.status_code == 422
    assert "not one of the files" in answer.json()["errors"]["file"][0]


def test_a_thumbnail_is_small_private_and_runs_nothing(bob: Client, cast: Cast) -> None:
    upload = brought(cast.team, cast.bob, files.encoded(files.drawn(2000, 1000), "PNG"))
    answer = bob.get(reverse("thumbnail", args=[upload.pk]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert len(answer.content) <= 100_000
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "private" in answer["Cache-Control"]
    assert Client().get(reverse("thumbnail", args=[upload.pk])).status_code == 302


# --- the plain form -----------------------------------------------------------------------------
def rows(*given: dict[str, Any]) -> dict[str, Any]:
    """The rows for files, as a browser sends them."""
    sent: dict[str, Any] = {"media-TOTAL_FORMS": "4", "media-INITIAL_FORMS": "0"}
    for place, row in enumerate(given):
        sent |= {f"media-{place}-{name}": value for name, value in row.items()}
    return sent


def photo(data: bytes = b"", name: str = "tower.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data or files.telling(), "image/jpeg")


@pytest.fixture
def shown(cast: Cast) -> SocialAccount:
    return connect(cast, WITH_PICTURES)


def test_a_form_without_a_script_brings_pictures_with_their_words(
    bob: Client, shown: SocialAccount
) -> None:
    answer = bob.post(
        NEW,
        typed(
            shown,
            **rows(
                {"file": photo(), "alt": "A tower"}, {}, {"file": photo(files.moving(), "b.gif")}
            ),
        ),
        follow=True,
    )
    post = Post.objects.get()
    assert [(one.name, alt) for one, alt in of_post(post.pk)] == [
        ("tower.jpg", "A tower"),
        ("b.gif", ""),
    ]
    assert "b.gif has no description" in answer.content.decode()
    pictures = read(bob.get(reverse("post", args=[post.pk]))).all("img")
    assert [one["alt"] for one in pictures] == ["A tower", ""]


def test_a_form_that_is_wrong_keeps_the_pictures_that_came_with_it(
    bob: Client, shown: SocialAccount
) -> None:
    row = {"file": photo(), "alt": "A <tower>"}
    sent = typed(shown, when="2020-01-01T10:00", **rows(row, {}, {}))
    page = read(bob.post(NEW, sent))
    [upload] = Upload.objects.all()
    [kept] = page.all("input", name="media-0-upload")
    assert kept["value"] == str(upload.pk)
    assert page.all("input", name="media-0-alt")[0]["value"] == "A <tower>"
    assert page.all("img", src=reverse("thumbnail", args=[upload.pk]))
    again = rows({"upload": kept["value"], "alt": "A tower"})
    assert bob.post(NEW, typed(shown, **again)).status_code == 302
    assert of_post(Post.objects.get().pk) == [(upload, "A tower")]


def test_a_picture_can_be_left_out_again(bob: Client, shown: SocialAccount, cast: Cast) -> None:
    upload = brought(cast.team, cast.bob, files.telling())
    sent = typed(shown, **rows({"upload": upload.pk, "drop": "on"}))
    assert bob.post(NEW, sent).status_code == 302
    assert of_post(Post.objects.get().pk) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg></svg>", "SVG drawings are not taken"),
        (files.bomb(9000, 9000), "at most 50 million"),
        (files.encoded(Image.new("RGB", (9, 9)))[:200], "cannot be read as a picture"),
    ],
)
def test_a_file_that_is_not_taken_is_said_beside_it(
    data: bytes, words: str, bob: Client, shown: SocialAccount, disk: Disk
) -> None:
    answer = bob.post(NEW, typed(shown, text="Typed with care", **rows({"file": photo(data)})))
    page = read(answer)
    assert answer.status_code == 422
    assert words in page.text
    assert "Typed with care" in page.text
    assert page.all("ul", id="id_media-0-file_error")
    assert (Post.objects.count(), list(disk.every(""))) == (0, [])


def test_too_many_for_a_network_is_said_on_the_page(
    bob: Client, shown: SocialAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = providers.adapter(WITH_PICTURES)
    assert kind.limits.images is not None
    one = replace(kind.limits, images=replace(kind.limits.images, most=1))
    monkeypatch.setattr(kind, "limits", one)
    every = [{"file": photo(files.telling(width=50 + n))} for n in range(4)]
    page = read(bob.post(NEW, typed(shown, **rows(*every))))
    assert "at most 1 picture (4 given)" in page.text


def test_the_form_holds_nothing_inline_and_says_what_it_takes(bob: Client) -> None:
    page = read(bob.get(NEW))
    [form] = page.all("form", enctype="multipart/form-data")
    assert form["action"] == NEW
    inputs = page.all("input", type="file")
    assert len(inputs) == 10
    assert all("image/jpeg" in one["accept"] for one in inputs)
    labels = {one["for"] for one in page.all("label") if "for" in one}
    assert {one["id"] for one in inputs} <= labels
    assert not [one for one in page.all("script") if not one.get("src")]
