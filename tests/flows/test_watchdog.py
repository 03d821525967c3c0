"""The watchdog alarms past the queue: once, by mail and webhook; and says when all is well."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_celery import CeleryTestSetup

from deploy.broker import free_port
from posting.compose import compose
from tests.cast import Cast, Street, connected
from tests.flows.nodes import Process
from tests.flows.post_office import HookServer, MailServer, open_office
from tests.flows.wait import eventually, settled
from workers.jobs import ensure_jobs

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = {"WATCH_EVERY_S": "0.3", "QUIET_LIMIT_S": "8", "OVERDUE_LIMIT_S": "2", "CANARY_S": "0.5"}
NOBODY = {"QUIET_LIMIT_S": "0.5"}  # where nobody is to come, nobody need be waited for
SECRET = "a-secret-in-the-address"
Start = Callable[..., Process]


@pytest.fixture
def office() -> Iterator[tuple[MailServer, HookServer]]:
    """A mail server and a web server."""
    with open_office() as servers:
        yield servers


@pytest.fixture
def start(
    celery_setup: CeleryTestSetup,
    surroundings: dict[str, str],
    office: tuple[MailServer, HookServer],
    tmp_path: Path,
) -> Iterator[Start]:
    """Starts processes of the house that alarm the office."""
    mail, hook = office
    alarms = {
        "ALARM_EMAIL": "operator@example.org,second@example.org",
        "ALARM_WEBHOOK": f"{hook.url}/hook/{SECRET}",
        "ALARM_PING_URL": f"{hook.url}/ping/{SECRET}",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(mail.server_address[1]),
    }
    env = {**surroundings, **alarms, **QUICK, "REDIS_URL": celery_setup.broker.container.url}
    started: list[Process] = []

    def begin(*words: str, **more: str) -> Process:
        folder = tmp_path / f"process{len(started)}"
        var = {"VAR_DIR": str(tmp_path / "var")}
        started.append(Process([sys.executable, *words], folder, {**env, **var, **more}))
        started[-1].start()
        return started[-1]

    yield begin
    for process in started:
        process.stop()


def test_a_late_post_alarms_once_and_the_all_clear_follows(
    celery_setup: CeleryTestSetup,
    start: Start,
    office: tuple[MailServer, HookServer],
    cast: Cast,
    street: Street,
) -> None:
    """Nobody dispatches; then somebody does."""
    mail, hook = office
    assert celery_setup.worker.container.ready()
    ensure_jobs()
    at = timezone.now()
    post = compose(
        team=cast.team,
        author=cast.alice,
        text="Late.",
        accounts=[connected(street, cast.team, "mastodon")],
        at=at,
        due_at=at + timedelta(seconds=3),
    )
    watchdog = start("manage.py", "watchdog")
    eventually(lambda: hook.pings)
    eventually(lambda: hook.told)
    assert hook.told[0]["event"] == "alarm"
    eventually(lambda: "overdue" in {f["about"] for told in hook.told for f in told["findings"]})
    eventually(lambda: "dispatcher" in {f["about"] for told in hook.told for f in told["findings"]})
    eventually(lambda: mail.mails)
    assert mail.mails[0]["To"] == "operator@example.org, second@example.org"
    assert str(mail.mails[0]["Subject"]).startswith("Postrider: ")
    start("manage.py", "dispatch")
    start("-m", "celery", "-A", "project", "beat", "-l", "INFO")
    eventually(lambda: hook.told[-1]["event"] == "clear", 60)
    assert settled(post)
    about = [tuple(sorted(f["about"] for f in told["findings"])) for told in hook.told]
    assert len(set(about)) == len(about), "nothing was told twice"
    assert SECRET.encode() not in watchdog.logs()


def test_what_could_not_be_told_is_told_later(
    start: Start, office: tuple[MailServer, HookServer], cast: Cast
) -> None:
    _, hook = office
    hook.refusals = 3
    watchdog = start("manage.py", "watchdog", **NOBODY)
    eventually(lambda: hook.told)
    assert hook.refusals == 0
    assert hook.told[0]["event"] == "alarm"
    assert b"could not be told (it answered 500)" in watchdog.logs()


def test_a_database_that_is_away_is_alarmed(
    start: Start, office: tuple[MailServer, HookServer], cast: Cast
) -> None:
    _, hook = office
    away = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"
    start("manage.py", "watchdog", DATABASE_URL=away)
    eventually(lambda: hook.told)
    assert [finding["about"] for finding in hook.told[0]["findings"]] == ["database"]
    assert hook.pings == []


def test_the_test_of_the_alarm_reaches_everybody(
    start: Start, office: tuple[MailServer, HookServer], cast: Cast
) -> None:
    mail, hook = office
    assert start("manage.py", "watchdog", "--test").wait_for_end(30) == 0
    assert hook.told[0]["event"] == "test"
    assert len(mail.mails) == 1


def test_with_nothing_set_up_the_log_says_it(start: Start, cast: Cast) -> None:
    nothing = {"ALARM_EMAIL": "", "ALARM_WEBHOOK": "", "ALARM_PING_URL": ""}
    watchdog = start("manage.py", "watchdog", **nothing, **NOBODY)
    eventually(lambda: b"No dispatcher has been at work" in watchdog.logs())
    assert b"no ALARM_" in watchdog.logs()
