"""Other processes on the same database, started and killed by their own ids."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.keep import dying_with_me
from tokens.models import OAuthToken

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What one caller got: the version of a good grant, or the outcome of an error."""

    version: int | None
    error: str
    words: str


class Elsewhere:
    """One other process that asks for a fresh key when told to go."""

    def __init__(self, token: OAuthToken, *words: str, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.oauth.callers", str(token.pk), *words],
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=dying_with_me(signal.SIGKILL),
        )

    def ready(self) -> None:
        """Wait until it stands at the line."""
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first == "ready\n", self.process.communicate()[1]

    def go(self) -> None:
        """Give it the word."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def answers(self) -> list[Answer]:
        """What its callers got, at its end."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, err
        return [Answer(**each) for each in json.loads(out)]

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        self.process.kill()

    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL, its own or ours."""
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode == -signal.SIGKILL

    def end(self) -> None:
        """Nothing of it is left."""
        self.process.kill()
        with contextlib.suppress(ValueError):  # its pipes were read to their end already
            self.process.communicate()


Launch = Callable[..., Elsewhere]
