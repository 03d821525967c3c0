"""Builds the one stylesheet of the pages, or says whether the committed one is up to date.

python -m deploy.css            (this is what `make css` runs; it needs Node.js 20 with npm)
python -m deploy.css --check    (1 and one sentence if the committed stylesheet is another)
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.surroundings import ROOT

SOURCE = ROOT / "project/css/postrider.css"
SHEET = ROOT / "project/static/css/postrider.css"
PACKAGES = ROOT / "node_modules"
LOCK = ROOT / "package-lock.json"
OUT_OF_STEP = "EUSAGE"  # what npm says when the lock does not fit package.json


class NotReadyError(Exception):
    """The stylesheet cannot be built here; the message says what is missing."""


class FailedError(Exception):
    """It could be built here, and that went wrong; the message says how."""


def ready() -> bool:
    """Whether Node.js and the packages are here, so that nothing needs to be fetched."""
    return bool(shutil.which("node")) and (PACKAGES / ".bin/tailwindcss").exists()


def install() -> None:
    """The locked packages, if they are not here yet or the lock has changed since."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NotReadyError("make css needs Node.js 20 with npm on PATH; there is none.")
    kept = PACKAGES / ".package-lock.json"
    if ready() and kept.exists() and kept.stat().st_mtime >= LOCK.stat().st_mtime:
        return
    try:
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    except FailedError as problem:
        if OUT_OF_STEP in str(problem):
            raise
        raise NotReadyError(f"The packages could not be fetched. {problem}") from None


def built() -> str:
    """The stylesheet as it must be, one rule a line, so that two people's changes can be merged."""
    told = _run([str(PACKAGES / ".bin/tailwindcss"), "-i", str(SOURCE), "--minify"])
    return told.strip().replace("}", "}\n").replace("}\n}", "}}")


def main(words: list[str]) -> int:
    """Build and write, or build and compare."""
    parser = argparse.ArgumentParser(prog="deploy.css")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(words)
    try:
        install()
        css = built()
    except NotReadyError as problem:
        print(problem, file=sys.stderr)
        return 0 if asked.check else 1  # where it cannot be built there is nothing to compare
    except FailedError as problem:
        print(problem, file=sys.stderr)
        return 1
    if not asked.check:
        SHEET.write_text(css)
        print(f"{SHEET.relative_to(ROOT)}: {len(css) / 1024:.0f} KB")
    elif SHEET.read_text() != css:
        print("The committed stylesheet is not what its source says: run `make css`.")
        return 1
    return 0


def _run(command: list[str]) -> str:
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise FailedError(f"{Path(command[0]).name} failed:\n{said}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
