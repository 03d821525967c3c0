"""One process that is started again whenever it ends, as a supervisor would; killed by its id."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.keep import dying_with_me, kill_group
from tests.chaos.plan import ROOT

PAUSE_S = 0.5


class Kept:
    """A command, the process that runs it now, and whether it is frozen.

    It lives in the thread that ticks: a child that dies with its parent dies with the thread that
    started it.
    """

    def __init__(
        self, name: str, command: list[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name, self.command, self.environment = name, command, dict(environment)
        self.log = folder / f"{name}.log"
        self.child: subprocess.Popen[bytes] | None = None
        self.own_exits: list[int] = []
        self.again_at = 0.0
        self.thaw_at = 0.0

    @property
    def runs(self) -> bool:
        """Whether it lives and is not frozen."""
        return self.child is not None and self.child.poll() is None and not self.thaw_at

    def start(self) -> None:
        """Run the command in a process group of its own."""
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dying_with_me(signal.SIGKILL),
            )

    def tick(self, now: float) -> None:
        """Thaw it when its time has come; start it again a moment after it has ended."""
        if self.child is None:
            if self.again_at and now >= self.again_at:
                self.again_at = 0.0
                self.start()
            return
        if self.thaw_at and now >= self.thaw_at:
            self.thaw()
        code = self.child.poll()
        if code is not None:
            self.own_exits.append(code)
            kill_group(self.child.pid)
            self._gone(now + PAUSE_S)

    def kill(self, down_s: float = PAUSE_S) -> None:
        """SIGKILL for the whole group; it comes back after `down_s`."""
        if self.child is not None:
            kill_group(self.child.pid)
            self.child.wait()
            self._gone(time.monotonic() + down_s)

    def _gone(self, again_at: float) -> None:
        self.child, self.thaw_at, self.again_at = None, 0.0, again_at

    def freeze(self, seconds: float) -> None:
        """SIGSTOP for the whole group; it goes on after `seconds`."""
        if self.child is not None:
            os.killpg(self.child.pid, signal.SIGSTOP)
            self.thaw_at = time.monotonic() + seconds

    def thaw(self) -> None:
        """SIGCONT."""
        if self.child is not None and self.thaw_at:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGCONT)
        self.thaw_at = 0.0

    def stop(self, grace_s: float = 3.0) -> None:
        """SIGTERM, then SIGKILL; it does not come back."""
        if self.child is not None:
            self.thaw()
            self.child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(grace_s)
            kill_group(self.child.pid)
            self.child.wait()
        self.child, self.again_at = None, 0.0
