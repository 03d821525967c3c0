"""The demo: everything from nothing, one at a time, and nothing left when it ends."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from deploy.broker import free_port
from deploy.surroundings import made_once, new_token_key, read_pairs

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen[str]]
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
OURS = ("SECRET_KEY", "TOKEN_KEYS", "REDIS_URL", "PUBLIC_URL", "DATABASE_URL", "LOG_LEVEL")


def processes() -> dict[int, tuple[int, str]]:
    """Every living process: its parent and its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
                line = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if state != "Z":
                found[int(entry.name)] = (int(parent), line)
    return found


def family(root: int) -> dict[int, str]:
    """A process' descendants, by their command lines."""
    everyone = processes()
    mine = {root}
    while more := {pid for pid, (parent, _) in everyone.items() if parent in mine} - mine:
        mine |= more
    return {pid: everyone[pid][1] for pid in mine - {root}}


def vanish(pids: dict[int, str], seconds: float) -> list[str]:
    """Waits until all of these are gone; their command lines in the order of going."""
    until = time.monotonic() + seconds
    gone: list[str] = []
    left = dict(pids)
    while left and time.monotonic() < until:
        alive = processes()
        for pid in [p for p in left if p not in alive or alive[p][1] != left[p]]:
            gone.append(left.pop(pid))
        time.sleep(0.01)
    assert left == {}
    return gone


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """An environment in which the demo stands alone."""
    ports = {name: str(free_port()) for name in ("PORT", "SANDBOX_PORT", "FLOWER_PORT")}
    real = {name: value for name, value in os.environ.items() if name not in OURS}
    timings = ("HTTP_", "LEASE_S", "SETTLE_S", "BELL_", "RETRY_")
    real = {name: value for name, value in real.items() if not name.startswith(timings)}
    return {**real, **ports, "VAR_DIR": str(tmp_path / "var"), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def start(around: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts demos and kills those that still run at the end."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        with (tmp_path / "demo.log").open("a") as log:
            line = [sys.executable, "-m", "deploy.demo"]
            demo = subprocess.Popen(line, cwd=ROOT, env=around, stdout=log, stderr=log, text=True)
        started.append(demo)
        until = time.monotonic() + 60
        while "Ctrl-C stops everything" not in (tmp_path / "demo.log").read_text():
            assert demo.poll() is None, (tmp_path / "demo.log").read_text()[-3000:]
            assert time.monotonic() < until, (tmp_path / "demo.log").read_text()[-3000:]
            time.sleep(0.1)
        return demo

    yield begin
    for demo in started:
        demo.kill()
        demo.wait()


def test_ctrl_c_stops_everything_and_redis_last(
    start: Start, around: dict[str, str], tmp_path: Path
) -> None:
    demo = start()
    said = (tmp_path / "demo.log").read_text()
    frame = said[said.index("┌") : said.index("┘")]
    for port in ("PORT", "SANDBOX_PORT", "FLOWER_PORT"):
        assert f"http://127.0.0.1:{around[port]}/" in frame
    secrets = read_pairs(tmp_path / "var" / "demo.env")
    assert secrets["DEMO_PASSWORD"] in frame
    flower = f"http://127.0.0.1:{around['FLOWER_PORT']}/metrics"
    pair = tuple(secrets["FLOWER_BASIC_AUTH"].split(":"))
    wait_for_status(flower, None, 401)
    wait_for_status(flower, (pair[0], pair[1]), 200)

    again = subprocess.run(
        [sys.executable, "-m", "deploy.demo"],
        cwd=ROOT, env=around, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert again.returncode == 1
    expected = f"The demo is running already (process {demo.pid}); stop that one with Ctrl-C first."
    assert again.stderr.strip() == expected

    everyone = family(demo.pid)
    for part in ("gunicorn", "dispatch", "worker", "beat", "flower", "sandbox", "redis-server"):
        assert any(part in line for line in everyone.values()), part
    began = time.monotonic()
    demo.send_signal(signal.SIGINT)
    gone = vanish(everyone, 15)
    assert demo.wait(15) == 0
    assert time.monotonic() - began < 15
    servers = [line for line in gone if "deploy.keep" not in line]
    assert "redis-server" in servers[-1]


def test_a_killed_worker_comes_back_and_a_killed_demo_leaves_nothing_behind(
    start: Start, around: dict[str, str]
) -> None:
    around["KEEP_GRACE_S"] = "8"
    demo = start()
    old = worker(demo.pid)
    assert old, "the demo has no worker; killing process 0 would kill the tests"
    os.kill(old, signal.SIGKILL)
    until = time.monotonic() + 10
    while worker(demo.pid) in (0, old):
        assert time.monotonic() < until
        time.sleep(0.1)
    everyone = family(demo.pid)
    assert len(everyone) > 10
    demo.kill()
    demo.wait()
    vanish(everyone, 15)


def worker(demo: int) -> int:
    """The process id of the demo's worker, 0 if there is none."""
    lines = family(demo).items()
    return next((pid for pid, line in lines if re.search(r"celery .*-A project worker", line)
                 and "deploy.keep" not in line and "sh -c" not in line), 0)  # fmt: skip


def wait_for_status(url: str, auth: tuple[str, str] | None, status: int) -> None:
    """Waits until an address answers with this status."""
    until = time.monotonic() + 20
    while True:
        try:
            got = requests.get(url, auth=auth, timeout=5).status_code
        except requests.RequestException:
            got = 0
        if got == status:
            return
        assert time.monotonic() < until, f"{url} answered {got}"
        time.sleep(0.2)


def test_a_port_that_was_asked_for_must_be_free(around: dict[str, str]) -> None:
    for port, reason in (("99999", "must be a port number"), ("nine", "must be a port number")):
        done = subprocess.run(
            [sys.executable, "-m", "deploy.demo"],
            cwd=ROOT, env={**around, "PORT": port}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_demos_secrets_are_made_once_and_are_its_owners(tmp_path: Path) -> None:
    first = made_once(tmp_path)
    assert made_once(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "demo.env").stat().st_mode) == 0o600
    assert re.fullmatch(r"demo:[\w-]{43}=", new_token_key())
