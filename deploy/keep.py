"""Keeps one command running: starts it again whenever it ends, and leaves nothing behind.

    python -m deploy.keep -- command argument…

SIGTERM and SIGINT are handed on to the command once; after a grace (KEEP_GRACE_S, in seconds; more
than a request may take, so that what is under way ends well) its whole process group is killed.
If the keeper's own parent dies, the keeper ends in the same way; if the keeper is killed, the
kernel kills the command (Linux, prctl(2) PR_SET_PDEATHSIG).

A command may ask to be watched: by sd_notify(3), over the socket NOTIFY_SOCKET, it says how long it
may be silent (WATCHDOG_USEC) and then, again and again, that it gets on (WATCHDOG=1). One that is
silent for longer, stopped, deaf or stuck, is killed and started again, as systemd would do.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
GOOD_RUN = 30.0
GRACE = 50.0
PR_SET_PDEATHSIG = 1
STOPPING = (signal.SIGTERM, signal.SIGINT)


def _prctl() -> Callable[[int, int], int] | None:
    """The system call that asks for a signal at the parent's death, where there is one."""
    if not sys.platform.startswith("linux"):
        return None
    call: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl
    return call


PRCTL = _prctl()  # looked up before any fork, since little may be done between fork and exec


def die_with_parent(number: int, parent: int) -> None:
    """Asks the kernel for signal `number` when `parent` dies; at once if it is already gone."""
    if PRCTL is None:
        return
    PRCTL(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def dying_with_me(number: int) -> Callable[[], None]:
    """A `preexec_fn` after which the child gets signal `number` when this process dies."""
    me = os.getpid()
    return lambda: die_with_parent(number, me)


def kill_group(group: int) -> None:
    """Kills every process of a group; an empty group is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def next_pause(pause: float, ran_for: float) -> float:
    """How long to wait after a run: doubles up to ten seconds, starts anew after a good run."""
    return FIRST_PAUSE if ran_for >= GOOD_RUN else min(pause * 2, LONGEST_PAUSE)


@contextlib.contextmanager
def signals_as_bytes(*numbers: int) -> Iterator[int]:
    """The reading end of a pipe in which every one of these signals appears as its number."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


class Watch:
    """The socket over which a command says that it gets on, and how long it may be silent.

    Time is the keeper's own, which stands still while the machine sleeps.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="keep-"))
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.line.settimeout(0)
        self.line.bind(str(self.folder / "notify"))
        self.limit: float | None = None
        self.until = 0.0

    @property
    def address(self) -> str:
        """What NOTIFY_SOCKET has to say."""
        return str(self.folder / "notify")

    def begin(self) -> None:
        """A new run: nothing is asked of it until it asks to be watched."""
        self.hear()
        self.limit = None

    def hear(self) -> None:
        """Take in what was said."""
        with contextlib.suppress(BlockingIOError):
            while said := self.line.recv(512).decode(errors="replace"):
                for word in said.split():
                    name, _, value = word.partition("=")
                    if name == "WATCHDOG_USEC" and value.isdecimal():
                        self.limit = int(value) / 1e6
                    if self.limit is not None and name in ("WATCHDOG_USEC", "WATCHDOG"):
                        self.until = time.monotonic() + self.limit

    def left(self) -> float | None:
        """Seconds until it has been silent for too long; None if it did not ask to be watched."""
        return None if self.limit is None else max(0.0, self.until - time.monotonic())

    def close(self) -> None:
        """Leaves nothing behind."""
        self.line.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Keeper:
    """One command, the process that runs it now, and the signals that may end it."""

    def __init__(self, command: Sequence[str], bell: int, grace: float, watch: Watch) -> None:
        self.command = command
        self.bell = bell
        self.grace = grace
        self.watch = watch
        self.told: signal.Signals | None = None

    def run(self) -> int:
        """Runs the command again and again until a signal says stop."""
        pause = FIRST_PAUSE / 2
        while True:
            began = time.monotonic()
            try:
                child = self.start()
            except OSError as error:
                say(f"cannot start {self.command[0]}: {error.strerror}")
                return 127
            self.follow(child)
            if self.told:
                return self.end(child, self.told)
            kill_group(child.pid)
            pause = next_pause(pause, time.monotonic() - began)
            again = f"starting it again in {pause:g} s"
            say(f"{self.name()} ended with code {child.returncode}; {again}")
            self.rest(pause)
            if self.told:
                return 0

    def follow(self, child: subprocess.Popen[bytes]) -> None:
        """Waits until it has ended, or we are told to stop; kills it if it falls silent."""
        while child.poll() is None and not self.told:
            self.listen(self.watch.left())
            if self.watch.left() == 0:
                self.watch.hear()
            if self.watch.left() == 0 and child.poll() is None and not self.told:
                say(f"{self.name()} got nowhere for {self.watch.limit:g} s; killing it")
                kill_group(child.pid)
                child.wait()

    def name(self) -> str:
        """The program that is kept, in a word."""
        words = self.command[-1].split() if self.is_shell() else self.command
        return Path(next((word for word in words if word != "exec"), "sh")).name

    def is_shell(self) -> bool:
        """Whether the command is a line for a shell, whose last word says more than `sh`."""
        return self.command[1:2] == ["-c"] and bool(self.command[-1].strip())

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the command in a session of its own, so that its group can be killed whole."""
        self.watch.begin()
        return subprocess.Popen(
            self.command,
            env={**os.environ, "NOTIFY_SOCKET": self.watch.address},
            start_new_session=True,
            preexec_fn=dying_with_me(signal.SIGKILL),
        )

    def listen(self, seconds: float | None) -> None:
        """Waits for the next signal, at most `seconds`."""
        line = self.watch.line.fileno()
        ready, _, _ = select.select([self.bell, line], [], [], seconds)
        if line in ready:
            self.watch.hear()
        if self.bell not in ready:
            return
        for number in os.read(self.bell, 64):
            if number in STOPPING and self.told is None:
                self.told = signal.Signals(number)

    def rest(self, seconds: float) -> None:
        """Waits the whole time unless told to stop."""
        until = time.monotonic() + seconds
        while self.told is None and (left := until - time.monotonic()) > 0:
            self.listen(left)

    def end(self, child: subprocess.Popen[bytes], number: signal.Signals) -> int:
        """Hands the signal on once, waits for the grace, then kills whatever is left."""
        child.send_signal(number)
        until = time.monotonic() + self.grace
        while child.poll() is None and (left := until - time.monotonic()) > 0:
            self.listen(left)
        kill_group(child.pid)
        child.wait()
        return 0


def grace() -> float:
    """How long a command may take to end, in seconds."""
    return float(os.environ.get("KEEP_GRACE_S", GRACE))


def say(sentence: str) -> None:
    """One plain line; a reader who has gone away is no reason to fail."""
    with contextlib.suppress(OSError):
        print(f"keep: {sentence}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Reads the command line and keeps the command."""
    parent = os.getppid()
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command:
        say("say what to run: python -m deploy.keep -- command argument…")
        return 2
    watch = Watch()
    with signals_as_bytes(*STOPPING, signal.SIGCHLD) as bell, contextlib.closing(watch):
        die_with_parent(signal.SIGTERM, parent)
        return Keeper(command, bell, grace(), watch).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
