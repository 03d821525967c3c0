"""Which of a network's two logins is meant: by name, by address, and only where it is set up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.kit.contract import Way
from sandbox.kit.server import Street
from tests.providers.practice import Stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Street() as open_street:
        yield Stage("instagram", open_street.url, Way.PAGE)


@pytest.mark.parametrize("typed", ["", "Instagram ", "facebook"])
def test_a_login_is_chosen_by_its_name(stage: Stage, typed: str) -> None:
    chosen = stage.provider.host({"login": typed})
    assert chosen.endswith("/linked") is (typed == "facebook")
    assert stage.provider.host({"login": chosen}) == chosen


def test_a_login_that_is_not_there_is_refused_by_name(stage: Stage) -> None:
    with pytest.raises(ValueError, match=r"^Sign in with: please type"):
        stage.provider.host({"login": "myspace"})
    bare = {k: "" if "FACEBOOK_CLIENT" in k else v for k, v in stage.options.items()}
    alone = stage.kind(bare, stage.provider.wire)
    with pytest.raises(ValueError, match="not set up"):
        alone.host({"login": "facebook"})
    swapped = {**stage.options, "INSTAGRAM_CLIENT_ID": "", "INSTAGRAM_CLIENT_SECRET": ""}
    assert stage.kind(swapped, stage.provider.wire).missing() == ()
