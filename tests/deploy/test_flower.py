"""Flower shows nothing, metrics included, without its password."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deploy.broker import free_port, redis_command, wait_for_redis

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "flowerconfig.py"


def flower(folder: Path, broker: str, port: int, pair: str) -> subprocess.Popen[bytes]:
    """A Flower with our configuration, beside a Celery app of nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWER_")}
    line = [sys.executable, "-m", "celery", "-b", broker, "flower", "--address=127.0.0.1"]
    line += [f"--port={port}", f"--conf={CONFIG}"]
    with (folder / "flower.log").open("wb") as log:
        environment = kept | {"FLOWER_BASIC_AUTH": pair}
        return subprocess.Popen(line, cwd=folder, env=environment, stdout=log, stderr=log)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a Flower runs whose password is `demo:let-me-in`."""
    redis_port, port = free_port(), free_port()
    broker = f"redis://127.0.0.1:{redis_port}/0"
    server = subprocess.Popen(redis_command(redis_port, tmp_path / "redis"))
    wait_for_redis(broker, 10)
    process = flower(tmp_path, broker, port, "demo:let-me-in")
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                requests.get(f"http://127.0.0.1:{port}/", timeout=2)
                break
            except requests.RequestException:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        for one in (process, server):
            one.terminate()
            one.wait(10)


def test_nothing_is_shown_without_the_password(address: str) -> None:
    for path in ("/", "/metrics", "/tasks", "/api/workers", "/api/tasks"):
        bare = requests.get(address + path, timeout=5)
        assert bare.status_code == 401, path
        wrong = requests.get(address + path, auth=("demo", "let-me-out"), timeout=5)
        assert wrong.status_code == 401, path
    for path in ("/", "/metrics", "/api/tasks"):
        shown = requests.get(address + path, auth=("demo", "let-me-in"), timeout=5)
        assert shown.status_code == 200, path
    assert (
        "flower" in requests.get(address + "/metrics", auth=("demo", "let-me-in"), timeout=5).text
    )


@pytest.mark.parametrize("pair", ["", "demo", "demo:", ":secret"])
def test_flower_refuses_to_start_without_a_password(tmp_path: Path, pair: str) -> None:
    process = flower(tmp_path, "redis://127.0.0.1:1/0", free_port(), pair)
    assert process.wait(20) == 1
    last = (tmp_path / "flower.log").read_text().strip().splitlines()[-1]
    assert last == "Flower does not start without FLOWER_BASIC_AUTH=user:password."
