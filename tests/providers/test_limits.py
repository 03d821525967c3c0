"""Limits that an instance tells: taken where they make sense, else the known ones stay."""

from __future__ import annotations

from typing import Any

import pytest

import providers
from providers.kit.contract import Account, Limits, TellsLimits
from providers.kit.errors import Unexpected
from tests.providers.loopback import Server, say, tell

KNOWN = providers.adapter("mastodon").limits


def asked(server: Server) -> Limits:
    kind = providers.adapter("mastodon")
    adapter = kind({s.name: s.default for s in kind.settings}, server.wire())
    assert isinstance(adapter, TellsLimits)
    try:
        return adapter.limits_now(Account("7", "@ada", server.url, "token"))
    finally:
        server.listener.close()


def told(**configuration: Any) -> Server:
    return Server(tell({"configuration": configuration}))


def test_an_instance_with_other_limits_is_believed() -> None:
    statuses = {"max_characters": 5000, "max_media_attachments": 8}
    files: dict[str, Any] = {"image_size_limit": 9, "image_matrix_limit": 8, "video_size_limit": 7}
    files |= {"description_limit": 6, "supported_mime_types": ["image/png", "image/x", "video/mp4"]}
    limits = asked(told(statuses=statuses, media_attachments=files))
    assert (limits.text.limit, limits.text.url_length) == (5000, KNOWN.text.url_length)
    assert limits.images
    assert limits.video
    images = limits.images
    assert (images.most, images.max_bytes, images.max_pixels, images.alt_limit) == (8, 9, 8, 6)
    assert images.types == ("image/png",)
    assert (limits.video.max_bytes, limits.video.types) == (7, ("video/mp4",))
    assert limits.replies


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"statuses": None, "media_attachments": []},
        {"statuses": {"max_characters": "many", "max_media_attachments": 0}},
        {"media_attachments": {"image_size_limit": -1, "supported_mime_types": ["audio/mp3"]}},
        {"media_attachments": {"supported_mime_types": "image/png"}},
    ],
)
def test_what_makes_no_sense_changes_nothing(configuration: dict[str, Any]) -> None:
    assert asked(told(**configuration)) == KNOWN


def test_an_older_server_is_asked_at_its_older_address() -> None:
    body = b'{"configuration":{"statuses":{"max_characters":42}}}'
    answer = b"HTTP/1.1 200 Said\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    server = Server(
        lambda line, request: line.sendall(
            answer if b" /api/v1/" in request else b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        )
    )
    assert asked(server).text.limit == 42


def test_a_server_without_either_is_not_guessed_at() -> None:
    with pytest.raises(Unexpected):
        asked(Server(say(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")))
