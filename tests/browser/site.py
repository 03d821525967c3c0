"""The real site for the browser: its own folder, database and port; the engine is not needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from deploy.broker import free_port
from deploy.keep import dying_with_me
from deploy.surroundings import ROOT

PASSWORD = "correct horse battery"  # not a secret: a test's
START_SECONDS = 60.0


@dataclass(frozen=True)
class Site:
    """Where it answers, and the environment in which its commands run."""

    url: str
    var: Path
    around: dict[str, str] = field(repr=False)


def environment(var: Path, port: int) -> dict[str, str]:
    """Everything set, so that nothing of this machine or of other tests shines through."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(var),
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": "tests-only-and-long-enough-for-anybody-who-asks",
        "TOKEN_KEYS": "t1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "VAR_DIR": str(var),
        "DATABASE_URL": f"sqlite:///{var / 'browser.sqlite3'}",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "LOG_LEVEL": "WARNING",
    }


def manage(around: dict[str, str], *words: str, typed: str = "") -> None:
    """One Python command in the site's environment; its failure is ours."""
    command = [sys.executable, *words]
    subprocess.run(command, cwd=ROOT, env=around, check=True, input=typed, text=True)


@contextmanager
def started(
    var: Path, more: Mapping[str, str] | None = None, *, seeded: bool = True
) -> Iterator[Site]:
    """The site with the cast in it, unless `seeded` says no, as gunicorn and whitenoise serve it.

    `more` joins its environment.
    """
    port = free_port()
    around = {**environment(var, port), **(more or {})}
    manage(around, "manage.py", "collectstatic", "--noinput", "--verbosity=0")
    manage(around, "manage.py", "migrate", "--noinput", "--verbosity=0")
    if seeded:
        manage(around, "-m", "tests.browser.seed")
    command = [sys.executable, "-m", "gunicorn", "project.wsgi", "--bind", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [*command, "--threads", "4", "--log-level", "warning"],
        cwd=ROOT,
        env=around,
        preexec_fn=dying_with_me(signal.SIGTERM),
    )
    try:
        site = Site(f"http://127.0.0.1:{port}", var, around)
        wait_for(site, server)
        yield site
    finally:
        server.terminate()
        server.wait(10)


def wait_for(site: Site, server: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError("the site ended before it answered; its words stand above")
        try:
            if requests.get(f"{site.url}/healthz", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError("the site did not answer")
