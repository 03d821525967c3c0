"""Runs the lines of a Procfile together with honcho, each one kept, all of them stopped as one."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Printer
from honcho.process import Process

from deploy.keep import die_with_parent, grace

MORE_THAN_GRACE = 2  # longer than the keepers' grace, so that they do the killing


def kept(command: str) -> str:
    """The shell line that keeps `command` (itself a shell line) running."""
    inner = shlex.quote(f"exec {command}")
    return f"exec {shlex.quote(sys.executable)} -m deploy.keep -- sh -c {inner}"


class Line(Process):  # type: ignore[misc]  # honcho has no types
    """One line of the Procfile; its watcher dies with the process that started it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.starter = os.getpid()

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """As honcho runs it, but a killed starter takes this watcher with it."""
        die_with_parent(signal.SIGKILL, self.starter)
        super().run(events, ignore_signals)


class FirstLine(Printer):  # type: ignore[misc]
    """Prints as honcho does and calls `then` once, when the first line has been printed."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__(sys.stdout)
        self.then: Callable[[], None] | None = then

    def write(self, message: Any) -> None:
        """Prints one message."""
        super().write(message)
        if self.then is not None:
            threading.Thread(target=self.then, daemon=True).start()
            self.then = None


class Together(honcho.manager.Manager):  # type: ignore[misc]
    """Honcho's manager, which waits long enough and can be interrupted while it starts."""

    def __init__(self, printer: Printer) -> None:
        honcho.manager.KILL_WAIT = grace() + MORE_THAN_GRACE
        super().__init__(printer)
        self._process_ctor = Line

    def terminate(self) -> None:
        """Tells every line to stop; if some are still being started, a moment later."""
        if all("pid" in line for line in self._processes.values()):
            super().terminate()
        else:
            threading.Timer(0.2, self.terminate).start()


def run_procfile(procfile: Path, environment: Mapping[str, str], then: Callable[[], None]) -> int:
    """Runs every line until a signal or until one cannot be kept; returns the first code."""
    manager = Together(FirstLine(then))
    lines = parse_procfile(procfile.read_text()).processes
    for name, command in lines.items():
        manager.add_process(name, kept(command), env=dict(environment), cwd=str(procfile.parent))
    manager.loop()
    return int(manager.returncode or 0)
