"""Keys are rotated online, again and again without harm, and the doctor tells what is missing."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from tests.cast import Cast, Street, connected, written
from tests.tokens.dance import danced
from tests.workers.engine import run
from tokens.disconnect import disconnect
from tokens.models import OAuthToken
from tokens.networks import network
from tokens.refresh import Outcome, refresh
from tokens.rotate import left
from tokens.vault import new_key

pytestmark = pytest.mark.django_db(transaction=True)


def said(command: str, *arguments: Any, **options: Any) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def test_everything_is_sealed_again_and_the_old_key_may_go(
    cast: Cast, street: Street, settings: Settings
) -> None:
    mastodon, x = danced(cast, street, "mastodon"), danced(cast, street, "x")
    disconnect(danced(cast, street, "bluesky"), timezone.now())
    old, new = settings.TOKEN_KEYS, new_key("k2")
    settings.TOKEN_KEYS = f"{new},{old}"
    before = left()
    assert before > 5
    assert f"{before} sealed" in said("rotate_keys", "--dry-run")
    assert left() == before
    assert f"{before} of {before}" in said("rotate_keys")
    assert left() == 0
    settings.TOKEN_KEYS = new
    post = written(cast, "Under a new key.", [mastodon, x])
    assert run(post) == ["posted", "posted"]
    assert "0 sealed" in said("rotate_keys")


def test_a_key_that_is_missing_is_named_and_the_rest_goes_on(
    cast: Cast, street: Street, settings: Settings
) -> None:
    lost = connected(street, cast.team, "x")
    old, new = settings.TOKEN_KEYS, new_key("k2")
    settings.TOKEN_KEYS = new
    good = connected(street, cast.team, "mastodon")
    assert lost.token is not None
    assert refresh(lost.token, timezone.now()) is Outcome.TRANSIENT
    lost.token.refresh_from_db()
    assert "'t1'" in lost.token.problem
    assert lost.token.state == "good"
    assert run(written(cast, "The rest goes on.", [good])) == ["posted"]
    with pytest.raises(CommandError, match="'t1'"):
        said("rotate_keys")
    settings.TOKEN_KEYS = f"{new},{old}"
    assert "may go now" in said("rotate_keys")
    assert OAuthToken.objects.get(pk=lost.token.pk).access_sealed.startswith("k2.")


def test_the_doctor_finds_a_network_in_order(cast: Cast, street: Street) -> None:
    answer = said("check_provider", "x")
    assert "/accounts/callback/" in answer
    assert "tweet.write" in answer
    assert "NO" not in answer


def test_the_doctor_names_what_is_missing_and_what_does_not_answer(
    cast: Cast, street: Street, settings: Settings
) -> None:
    settings.PROVIDER_OPTIONS["x"] |= {"X_CLIENT_ID": "", "X_API_URL": "http://127.0.0.1:1"}
    settings.TRUSTED_ORIGINS = ["http://127.0.0.1:1"]
    network.cache_clear()
    out = StringIO()
    with pytest.raises(CommandError, match="2 thing"):
        call_command("check_provider", "x", stdout=out)
    assert "X_CLIENT_ID is empty" in out.getvalue()
    with pytest.raises(CommandError, match="no network called 'y'"):
        said("check_provider", "y")
