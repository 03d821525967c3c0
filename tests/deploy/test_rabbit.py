"""RabbitMQ as the broker: quorum queues, which keep what they confirmed when the node is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import rabbit
from deploy.broker import NotInstalledError
from deploy.rabbit import LocalRabbit

ROOT = Path(__file__).resolve().parents[2]
# RabbitMQ 3.10.8 on a single node: a quorum queue that is killed in its first second comes back
# without a leader, for ever.
YOUNG_S = 2.0
SEND = """
import django
django.setup()
from project.celery import app
from workers.dispatch import dispatch
dispatch.apply_async()
"""
LOOK = """
import json
import django
django.setup()
from project.celery import app
from workers.queues import DISPATCH, LANES
with app.connection_for_read() as line:
    message = app.amqp.queues[DISPATCH].bind(line.default_channel).get(accept=["json"])
print(json.dumps({
    "task": message.headers["task"],
    "kinds": sorted({str(app.amqp.queues[name].queue_arguments) for name in LANES}),
}))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRabbit]:
    """One node for all of these: it is slow to start."""
    try:
        made = LocalRabbit(tmp_path_factory.mktemp("node") / "rabbit")
    except NotInstalledError as problem:
        pytest.skip(str(problem))
    with made:
        yield made


def told(script: str, broker_url: str) -> str:
    """What a process of the site prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings", "BROKER_URL": broker_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_confirmed_message_survives_a_kill(server: LocalRabbit) -> None:
    told(SEND, server.url)
    time.sleep(YOUNG_S)
    server.kill()
    assert not server.answers()
    server.start()
    found = json.loads(told(LOOK, server.url))
    assert found["task"] == "workers.dispatch"
    assert found["kinds"] == ["{'x-queue-type': 'quorum'}"]


def test_stopped_it_leaves_nothing_behind(server: LocalRabbit) -> None:
    assert server.process is not None
    assert server.epmd is not None
    pids = server.process.pid, server.epmd.pid
    server.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_without_rabbitmq_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rabbit, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalledError, match="install rabbitmq-server"):
        LocalRabbit(tmp_path)


@pytest.mark.parametrize("url", ["kafka://here", "sqs://"])
def test_a_broker_that_is_none_is_refused(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "BROKER_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "BROKER_URL must begin with" in done.stderr + done.stdout
