"""Crash points: a process kills itself where a test told it to, to prove that crashes are safe."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def here(point: str) -> None:
    """Die by SIGKILL if CRASH_AT names this point, once: the file it names must exist, and goes.

    CRASH_AT is `point:file`; without it, as always outside of tests, this does nothing.
    """
    wanted, _, flag = os.environ.get("CRASH_AT", "").partition(":")
    if wanted != point:
        return
    try:
        Path(flag).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
