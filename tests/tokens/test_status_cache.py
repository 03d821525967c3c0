"""The list of accounts while the cache is away, silent, or holds what somebody else put there."""

from __future__ import annotations

import json
import socket
from datetime import timedelta

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings

from tests.cast import Cast
from tests.environment import UNREACHABLE_BROKER
from tests.tokens.shown import asked, use, word
from tokens.disconnect import pause, resume
from tokens.models import SocialAccount
from tokens.stamps import KEPT_S
from tokens.standing import Health

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_write_that_the_cache_missed_is_shown_within_a_minute(
    cast: Cast, shown: SocialAccount, cached: str, settings: Settings
) -> None:
    at = timezone.now()
    assert word(cast, at) == Health.CONNECTED
    use(settings, UNREACHABLE_BROKER)
    assert pause(shown)
    use(settings, cached)
    assert word(cast, at + timedelta(seconds=KEPT_S)) == Health.PAUSED
    with redis.Redis.from_url(cached) as client:
        ends = [client.ttl(key) for key in client.keys("*shown*")]
    assert [0 < left <= KEPT_S for left in ends] == [True]


def test_without_a_cache_every_list_is_worked_out(
    cast: Cast, shown: SocialAccount, settings: Settings
) -> None:
    use(settings, UNREACHABLE_BROKER)
    for write, expected in ((pause, Health.PAUSED), (resume, Health.CONNECTED)):
        assert write(shown)
        assert word(cast) == expected
        assert asked(cast)[1] == 1


def test_a_cache_that_never_answers_is_left_alone_for_a_while(
    cast: Cast, shown: SocialAccount, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("project.cache.PAUSE_S", 3600.0)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        silent.settimeout(0.1)
        use(settings, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        for _ in range(20):
            assert word(cast) == Health.CONNECTED
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()


def test_what_somebody_else_put_there_is_not_believed(
    cast: Cast, shown: SocialAccount, cached: str
) -> None:
    good, _ = asked(cast)
    with redis.Redis.from_url(cached) as client:
        [key] = client.keys("*shown*")
        entry = json.loads(bytes(client.get(key) or b""))
        older = {**entry, "lines": [{"pk": 1}]}
        for strange in (b"\x80\x04.", b"[]", b"5", json.dumps(older), b'{"stamp": 1}'):
            client.set(key, strange)
            assert asked(cast) == (good, 1)
            assert asked(cast) == (good, 0)
