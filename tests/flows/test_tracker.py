"""What broke is told to an error tracker, if there is one: with its id, and without secrets.

Real processes: gunicorn, a worker, a command; and a tracker on loopback that keeps every byte.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from pytest_celery import CeleryBrokerCluster

from deploy.broker import free_port
from tests.flows.nodes import ROOT, Process, WorkerProcess
from tests.flows.tracking import Tracker, said
from tests.flows.wait import eventually

pytestmark = pytest.mark.django_db(transaction=True)
PLACES = ("password", "access", "state", "bearer", "site key")


class Site:
    """Gunicorn with pages that break, and planted secrets to send there."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.secrets = {place: f"planted{uuid4().hex}" for place in PLACES}
        self.env = {
            **env,
            "DJANGO_SETTINGS_MODULE": "tests.flows.broken",
            "SECRET_KEY": self.secrets["site key"],
        }
        bind = self.url.removeprefix("http://")
        command = [sys.executable, "-m", "gunicorn", "project.wsgi", "--bind", bind]
        threads = ["--worker-class", "gthread", "--threads", "4", "--no-control-socket"]
        self.process = Process([*command, *threads], folder, self.env).start()
        eventually(self.answers)

    def answers(self) -> bool:
        """Whether it is there."""
        assert self.process.status == "running", self.process.logs().decode()
        try:
            return requests.get(f"{self.url}/healthz", timeout=10).ok
        except requests.RequestException:  # not yet, or too busy to say so
            return False

    def post(self, path: str, correlation: str) -> requests.Response:
        """Send every planted secret there."""
        headers = {
            "X-Request-ID": correlation,
            "Authorization": f"Bearer {self.secrets['bearer']}",
            "Cookie": f"postrider_session={self.secrets['password']}",
        }
        form = {**self.secrets, "mail": "alice@letters.example"}
        url = f"{self.url}{path}?code={self.secrets['state']}"
        return requests.post(url, data=form, headers=headers, timeout=30)

    def seen_by(self, tracker: Tracker) -> list[str]:
        """The planted secrets that reached a tracker."""
        return [place for place, secret in self.secrets.items() if secret.encode() in tracker.bytes]


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    """One that answers."""
    tracker = Tracker()
    yield tracker
    tracker.close()


@pytest.fixture
def network() -> Iterator[Tracker]:
    """Another server that keeps what it is sent: the SDK excepts the tracker itself."""
    network = Tracker()
    yield network
    network.close()


@pytest.fixture
def away(request: pytest.FixtureRequest) -> Iterator[Tracker]:
    """One that is not there, or takes what is sent and never answers."""
    tracker = Tracker(silent=True)
    if request.param == "gone":
        tracker.close()
    yield tracker
    tracker.close()


@pytest.fixture
def around(
    surroundings: dict[str, str], celery_broker_cluster: CeleryBrokerCluster
) -> dict[str, str]:
    """The environment of every process, but for the tracker."""
    return {**surroundings, "REDIS_URL": celery_broker_cluster[0].container.url}


def stopped(site: Site) -> int:
    """End it as a deploy does; its exit code."""
    assert site.process.child is not None
    site.process.child.terminate()
    return site.process.wait_for_end(30)


def test_a_page_that_breaks_off_is_told_under_its_id_and_without_secrets(
    around: dict[str, str], tracker: Tracker, tmp_path: Path
) -> None:
    names = {"SENTRY_DSN": tracker.dsn, "SENTRY_ENVIRONMENT": "rehearsal", "SENTRY_RELEASE": "r-7"}
    site = Site(tmp_path, {**around, **names})
    try:
        assert site.post("/break/7/", "request-0815").status_code == 500
        assert site.post("/question/", "request-0816").status_code == 500
        assert site.post("/line/", "request-0817").text == "all is well"
        eventually(lambda: len(tracker.events) >= 3)
    finally:
        assert stopped(site) == 0

    assert len(tracker.events) == 3, [said(one) for one in tracker.events]
    page, question, line = tracker.events
    assert [one["tags"] for one in tracker.events] == [
        {"correlation_id": f"request-081{number}"} for number in (5, 6, 7)
    ]
    assert said(page).startswith("ValueError: [redacted] was refused; the site's key is [redacted]")
    assert "BrokeOff: page 7: [redacted] of [address] at https" in said(page)
    assert "callback?[cut] (39 letters)" in said(page)
    assert (page["transaction"], page["environment"]) == ("POST /break/<int:number>/", "rehearsal")
    assert page["release"] == "r-7"
    assert page["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"] == "view"
    assert "nowhere" in said(question)
    assert "a line about [redacted]" in said(line)
    assert line["logger"] == "tests.flows.breaking"
    assert site.seen_by(tracker) == []
    assert b"alice@letters.example" not in tracker.bytes
    gathered = {"request", "user", "extra", "breadcrumbs", "modules", "contexts"}
    assert not any(gathered & one.keys() for one in tracker.events)
    assert not any("vars" in frame for frame in frames(tracker))


def frames(tracker: Tracker) -> list[dict[str, object]]:
    """Every line of code that an event names."""
    errors = [e for one in tracker.events for e in one.get("exception", {}).get("values", [])]
    return [frame for error in errors for frame in error["stacktrace"]["frames"]]


def test_a_task_that_fails_is_told_under_the_id_of_who_rang(
    around: dict[str, str], tracker: Tracker, tmp_path: Path
) -> None:
    site = Site(tmp_path / "web", {**around, "SENTRY_DSN": tracker.dsn})
    worker = WorkerProcess.launch(tmp_path / "worker", site.env, "housekeeping")
    try:
        assert worker.ready()
        assert site.post("/ring/", "request-0818").text == "rung"
        eventually(lambda: len(tracker.events) >= 2)
    finally:
        worker.teardown()
        site.process.remove()

    (line,) = tracker.told("a task's line about [redacted]")
    (told,) = tracker.told("BrokeOff: a task of")
    assert line["tags"]["correlation_id"] == "request-0818"
    assert told["tags"]["correlation_id"] == "request-0818"
    assert told["tags"]["task_id"]
    assert told["transaction"] == "tests.breaking"
    assert "postrider_correlation" in said(told), "the message's own names are to be seen here"
    assert "sentry" not in said(told), "a message carries nothing of the tracker's"
    assert "baggage" not in said(told)
    assert site.seen_by(tracker) == []


LAST_WORDS = """
import http.client, sys, threading
def other(): raise RuntimeError("the end of a thread")
thread = threading.Thread(target=other, name="ear"); thread.start(); thread.join()
network = http.client.HTTPConnection("127.0.0.1", {port}); network.request("POST", "/elsewhere")
network.getresponse().read()
raise RuntimeError("the end of a process")
"""


def test_a_process_tells_what_ended_it_or_one_of_its_threads(
    around: dict[str, str], tracker: Tracker, network: Tracker, tmp_path: Path
) -> None:
    script = LAST_WORDS.format(port=network.port)
    command = [sys.executable, "manage.py", "shell", "-c", script]
    process = Process(command, tmp_path, {**around, "SENTRY_DSN": tracker.dsn}).start()
    assert process.wait_for_end(60) == 1
    assert sorted(said(one).strip() for one in tracker.events) == [
        "RuntimeError: the end of a process",
        "RuntimeError: the end of a thread",
    ]
    assert tracker.told("of a thread")[0]["transaction"] == "thread ear"
    logs = process.logs().decode()
    assert "the end of a thread" in logs, "who was told before is told still"
    assert "the end of a process" in logs
    (elsewhere,) = network.heads
    assert "sentry" not in elsewhere.lower(), "a network is told nothing of the tracker"
    assert "baggage" not in elsewhere.lower()


LOADED = "import sys, django; django.setup(); print('sentry_sdk' in sys.modules)"


@pytest.mark.parametrize(("named", "loaded"), [(False, "False"), (True, "True")])
def test_without_a_tracker_its_library_is_not_even_loaded(
    around: dict[str, str], tracker: Tracker, named: bool, loaded: str
) -> None:
    env = {**around, "DJANGO_SETTINGS_MODULE": "project.settings"}
    process = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=ROOT,
        env={**os.environ, **env, "SENTRY_DSN": tracker.dsn if named else ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == loaded
    assert tracker.heads == []


@pytest.mark.parametrize("away", ["gone", "silent"], indirect=True)
def test_a_tracker_that_is_away_changes_no_answer(
    around: dict[str, str], away: Tracker, tmp_path: Path
) -> None:
    answers = []
    for dsn in ("", away.dsn):
        site = Site(tmp_path / f"with{len(dsn)}", {**around, "SENTRY_DSN": dsn})
        try:
            broken = [site.post("/break/7/", f"request-{number:04}") for number in range(120)]
            assert site.answers()
        finally:
            assert stopped(site) == 0
        answers.append({(one.status_code, one.text) for one in broken})
    assert answers[0] == answers[1]
    gone = away.let_go.is_set()
    assert bool(away.heads) is not gone, "the silent one was told something, the other nothing"
