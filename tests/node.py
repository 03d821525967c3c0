"""Servers that run on Node.js: they say in their first line where they are, and end with stdin."""

from __future__ import annotations

import json
import select
import subprocess
from typing import IO

START_SECONDS = 60


class NotReadyError(Exception):
    """The server cannot be installed or started here; the message says what is missing."""


def first_line(process: subprocess.Popen[bytes], said: IO[bytes], name: str) -> dict[str, str]:
    """The JSON object in a server's first line; raises NotReadyError with its last words."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line:
        said.seek(0)
        words = said.read().decode("utf-8", "replace")[-2000:]
        raise NotReadyError(f"{name} did not start:\n{words}")
    return dict(json.loads(line))


def stop(process: subprocess.Popen[bytes]) -> None:
    """Close its stdin, which ends it, and wait."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
