"""A virus scanner of the operator's choice: a command that reads a file from its standard input."""

from __future__ import annotations

import shlex
import subprocess
from typing import BinaryIO

LONGEST_S = 120
CLEAN, INFECTED = 0, 1
"""The exit codes of clamscan and clamdscan: 0 clean, 1 a virus was found, others a trouble."""


class Infected(Exception):
    """The scanner found something."""


class ScanTrouble(Exception):
    """The scanner could not look; nothing is known about the file."""


def scan(command: str, file: BinaryIO) -> None:
    """Let `command` read `file`, a real one with a file number; no command, nothing is scanned.

    Raises Infected or ScanTrouble.
    """
    if not command:
        return
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            shlex.split(command),
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as problem:
        raise ScanTrouble(f"The virus scanner: {type(problem).__name__}.") from None
    if done.returncode == INFECTED:
        raise Infected("The virus scanner found something in this file.")
    if done.returncode != CLEAN:
        raise ScanTrouble(f"The virus scanner ended with {done.returncode}.")
