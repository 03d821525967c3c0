"""A short storm: `make chaos` with few posts, on the database that these tests run on.

Two minutes at most; the long ones are started by hand (tests/chaos/README.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as project_settings

ROOT = Path(__file__).resolve().parents[2]
POSTS = 100
SEED = 20261121


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a database server of another user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="postrider-storm-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def stormed(folder: Path, **words: str) -> subprocess.CompletedProcess[str]:
    """The program, as `make` runs it."""
    postgres = "postgresql" in project_settings.DATABASES["default"]["ENGINE"]
    return subprocess.run(
        [sys.executable, "-m", "tests.chaos"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "N": str(POSTS),
            "SEED": str(SEED),
            "DB": "postgres" if postgres else "sqlite",
            "FOLDER": str(folder),
            **words,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_after_a_storm_every_post_stands_exactly_once(open_folder: Path) -> None:
    done = stormed(open_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((open_folder / "latest.json").read_text())
    assert told["asked"] > POSTS
    wanted, doubts = told["asked"] - told["cancelled"], told["left_to_a_person"]
    assert told["posted"] == wanted - doubts  # a doubt stays only where nobody can be asked
    assert told["posted"] <= told["at_network"] <= wanted
    assert min(told["faults"].values()) >= 1
    settled = told["attempts_not_posted"]
    assert sum(n for kind, n in settled.items() if "uncertain" in kind) >= 3, "never in doubt"
