"""A kept command: restarted when it ends, stopped when told, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.keep import LONGEST_PAUSE, next_pause

ROOT = Path(__file__).resolve().parents[2]
Keep = Callable[..., subprocess.Popen[str]]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs prctl(2)")


def wait_for(truth: Callable[[], object], seconds: float = 10) -> None:
    """Waits until `truth` is true."""
    until = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def pids(path: Path) -> list[int]:
    """The process ids that the commands wrote down."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def keep() -> Iterator[Keep]:
    """Starts keepers and, at the end, kills those that still run."""
    started: list[subprocess.Popen[str]] = []

    def start(*command: str, grace: str = "12") -> subprocess.Popen[str]:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "deploy.keep", "--", *command],
            cwd=ROOT,
            env=os.environ | {"KEEP_GRACE_S": grace},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(keeper)
        return keeper

    yield start
    for keeper in started:
        keeper.kill()
        keeper.wait()
        if keeper.stdout:
            keeper.stdout.close()


def test_a_command_that_ends_is_started_again(keep: Keep, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    keeper = keep("sh", "-c", f"echo $$ >> {seen}; exit 3")
    wait_for(lambda: len(pids(seen)) >= 2)
    keeper.terminate()
    said, _ = keeper.communicate(timeout=5)
    assert keeper.returncode == 0
    assert "ended with code 3; starting it again in 0.5 s" in said.splitlines()[0]


def test_a_command_that_is_killed_is_started_again(keep: Keep, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    keep("sh", "-c", f"echo $$ >> {seen}; exec sleep 60")
    wait_for(lambda: len(pids(seen)) == 1)
    os.kill(pids(seen)[0], signal.SIGKILL)
    wait_for(lambda: len(pids(seen)) == 2)


def test_the_pause_doubles_and_starts_anew_after_a_good_run() -> None:
    pauses = [0.25]
    for _ in range(7):
        pauses.append(next_pause(pauses[-1], ran_for=0))
    assert pauses[1:] == [0.5, 1, 2, 4, 8, LONGEST_PAUSE, LONGEST_PAUSE]
    assert next_pause(LONGEST_PAUSE, ran_for=31) == 0.5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on_once(keep: Keep, tmp_path: Path, number: signal.Signals) -> None:
    seen, told = tmp_path / "seen", tmp_path / "told"
    name = number.name.removeprefix("SIG")
    script = f"trap 'echo x >> {told}; sleep 0.3; exit 0' {name}; echo $$ >> {seen}; "
    keeper = keep("sh", "-c", script + "while :; do sleep 0.05; done")
    wait_for(lambda: pids(seen))
    keeper.send_signal(number)
    time.sleep(0.1)
    keeper.send_signal(number)
    assert keeper.wait(5) == 0
    assert told.read_text() == "x\n"
    assert not alive(pids(seen)[0])


def test_what_does_not_stop_is_killed_with_its_children(keep: Keep, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    stubborn = f"trap '' TERM; sleep 60 & echo $! >> {seen}; echo $$ >> {seen}; wait; sleep 60"
    keeper = keep("sh", "-c", stubborn, grace="0.5")
    wait_for(lambda: len(pids(seen)) == 2)
    began = time.monotonic()
    keeper.terminate()
    assert keeper.wait(5) == 0
    assert 0.4 < time.monotonic() - began < 3
    wait_for(lambda: not any(alive(pid) for pid in pids(seen)))


def test_children_of_a_command_that_ended_are_not_left_behind(keep: Keep, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    keep("sh", "-c", f"sleep 60 & echo $! >> {seen}; exit 1")
    wait_for(lambda: len(pids(seen)) == 2)
    assert not alive(pids(seen)[0])


@linux
def test_a_killed_keeper_takes_its_command_with_it(keep: Keep, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    keeper = keep("sh", "-c", f"echo $$ >> {seen}; exec sleep 60")
    wait_for(lambda: pids(seen))
    keeper.kill()
    wait_for(lambda: not alive(pids(seen)[0]))


@linux
def test_a_keeper_ends_with_its_own_parent(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    inner = f"echo $PPID >> {seen}; echo $$ >> {seen}; exec sleep 60"
    line = [sys.executable, "-m", "deploy.keep", "--", "sh", "-c", inner]
    outer = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    parent = subprocess.Popen([sys.executable, "-c", outer, *line], cwd=ROOT)
    wait_for(lambda: len(pids(seen)) == 2)
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(alive(pid) for pid in pids(seen)))


def test_a_missing_program_is_told_in_one_sentence(keep: Keep) -> None:
    keeper = keep("no-such-program")
    said, _ = keeper.communicate(timeout=5)
    assert keeper.returncode == 127
    assert said == "keep: cannot start no-such-program: No such file or directory\n"


WATCHED = """
import os, socket, sys, time
with open(sys.argv[1], "a") as seen:
    seen.write(f"{os.getpid()}\\n")
line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
line.connect(os.environ["NOTIFY_SOCKET"])
line.send(b"WATCHDOG_USEC=1500000\\nWATCHDOG=1")
while True:
    time.sleep(0.1)
    if sys.argv[2] == "works":
        line.send(b"WATCHDOG=1")
"""


def test_a_process_that_falls_silent_is_killed_and_started_again(
    keep: Keep, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    keeper = keep(sys.executable, "-c", WATCHED, str(seen), "is stuck")
    wait_for(lambda: len(pids(seen)) == 2)
    assert not alive(pids(seen)[0])
    keeper.terminate()
    said, _ = keeper.communicate(timeout=5)
    assert "got nowhere for 1.5 s; killing it" in said


def test_a_stopped_process_is_killed_and_one_at_work_is_not(keep: Keep, tmp_path: Path) -> None:
    seen, working = tmp_path / "seen", tmp_path / "working"
    keep(sys.executable, "-c", WATCHED, str(working), "works")
    keep(sys.executable, "-c", WATCHED, str(seen), "works")
    wait_for(lambda: pids(seen) and pids(working))
    os.kill(pids(seen)[0], signal.SIGSTOP)
    wait_for(lambda: len(pids(seen)) == 2)
    assert len(pids(working)) == 1


def test_a_process_that_does_not_ask_to_be_watched_may_be_silent(
    keep: Keep, tmp_path: Path
) -> None:
    quiet, stuck = tmp_path / "quiet", tmp_path / "stuck"
    keep("sh", "-c", f"echo $$ >> {quiet}; exec sleep 60")
    keep(sys.executable, "-c", WATCHED, str(stuck), "is stuck")
    wait_for(lambda: len(pids(stuck)) == 2)
    assert len(pids(quiet)) == 1
