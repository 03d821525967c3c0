"""The script that brings files while a person is still writing, in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

import providers
from integrations.storage.disk import Disk
from posting.media import of_post
from posting.models import Post, Upload
from posting.states import UploadStatus
from tests import files
from tests.cast import Cast
from tests.pages.conftest import connect

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]
WITH_PICTURES = next(n for n in providers.names() if providers.adapter(n).limits.images is not None)


@pytest.fixture
def page(cast: Cast, live_server: LiveServer, settings: Settings, disk: Disk) -> Iterator[Any]:
    """Bob at the form for a new post; what the browser complains about fails the test."""
    connect(cast, WITH_PICTURES)
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    client = Client()
    client.force_login(cast.bob)
    name = project_settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
    # The calls of Playwright look to Django like those of an event loop.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with playwright.sync_playwright() as here:
        browser = here.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        context = browser.new_context()
        context.add_cookies([cookie])
        made, said = context.new_page(), list[str]()
        made.on("pageerror", lambda problem: said.append(str(problem)))
        made.goto(f"{live_server.url}/posts/new/")
        yield made
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    assert said == []


def test_a_picture_is_here_before_the_post_is_sent(page: Any, tmp_path: Path) -> None:
    (tmp_path / "tower.jpg").write_bytes(files.telling(width=400, height=300))
    page.set_input_files("#id_media-0-file", tmp_path / "tower.jpg")
    playwright.expect(page.locator("[data-said]").first).to_contain_text("is here")
    upload = Upload.objects.get()
    assert upload.status == UploadStatus.READY
    assert page.locator("img.thumb").evaluate("async one => (await one.decode(), one.naturalWidth)")
    page.fill("#id_media-0-alt", "A tower")
    page.fill("textarea[name=text]", "With a tower.")
    page.check("input[name=accounts]")
    page.get_by_role("button", name="Post", exact=True).click()
    page.wait_for_url("**/posts/*/")
    assert of_post(Post.objects.get().pk) == [(upload, "A tower")]
    assert Upload.objects.count() == 1
    assert page.get_by_alt_text("A tower").count() == 1


def test_a_refusal_stands_beside_the_file(page: Any, tmp_path: Path) -> None:
    (tmp_path / "tower.jpg").write_bytes(b"<!doctype html>")
    page.set_input_files("#id_media-0-file", tmp_path / "tower.jpg")
    playwright.expect(page.locator("[data-said]").first).to_contain_text("are taken")
    assert page.input_value("#id_media-0-file") == ""
    assert page.locator("input[name=media-0-upload]").input_value() == ""
