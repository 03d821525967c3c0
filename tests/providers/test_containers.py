"""Containers whose file could not be fetched at first: asked again, and out once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from providers.kit.containers import ContainerProvider
from providers.kit.content import Kind
from providers.kit.contract import Provider
from providers.kit.errors import Rejected, StillWorking, Unavailable
from sandbox.kit.server import Street
from tests.providers.files import files, medium, video
from tests.providers.practice import Play, Stage, called, plays, swept


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


@pytest.fixture(params=plays(ContainerProvider), ids=called)
def stage(request: pytest.FixtureRequest, street: str) -> Stage:
    play: Play = request.param
    return Stage.playing(play, swept(street))


def tried(provider: Provider, *about: object) -> Exception | None:
    """One try, with as many looks as the network wants; what it ended with."""
    for _ in range(5):
        try:
            provider.publish(*about)  # type: ignore[arg-type]
        except StillWorking:
            continue
        except (Unavailable, Rejected) as problem:
            return problem
        return None
    raise AssertionError("it works for ever")


def test_a_video_that_could_not_be_fetched_is_asked_for_again_until_it_can(stage: Stage) -> None:
    rule, ada = stage.kind.limits.video, stage.connect()
    assert rule
    film = video(rule)
    message = stage.message(media=(replace(film, url=film.url + "-not-yet"),))
    for _ in range(3):
        assert isinstance(tried(stage.provider, message, ada.account), Unavailable)
    assert stage.board() == []
    back = replace(message, media=(film,))  # the same delivery, and the site answers again
    assert tried(stage.provider, back, ada.account) is None
    [post] = stage.board()
    assert len(post["media"]) == 1


def test_a_video_that_cannot_be_used_is_refused_at_once(stage: Stage) -> None:
    wrong = medium(Kind.VIDEO, "video/mp4", b"this is no video" * 10, seconds=6.0)
    assert files().kept
    message, ada = stage.message(media=(wrong,)), stage.connect()
    assert isinstance(tried(stage.provider, message, ada.account), Rejected)
    assert stage.board() == []
