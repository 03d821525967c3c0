"""The demo: everything Postrider needs, on this machine, from nothing, until Ctrl-C.

python -m deploy.demo        (this is what `make demo` runs)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from deploy.broker import NotInstalledError, redis_command, wait_for_redis
from deploy.keep import dying_with_me
from deploy.surroundings import (
    ROOT,
    CannotStartError,
    Surroundings,
    alone,
    surroundings,
    var_folder,
)
from deploy.together import run_procfile

DEMO_USER = "demo@postrider.test"
READY_SECONDS = 90.0
REDIS_STOP_SECONDS = 5.0


@contextlib.contextmanager
def broker(around: Surroundings) -> Iterator[None]:
    """The embedded Redis, kept, in a session of its own so that Ctrl-C reaches it last."""
    if around.own_redis_port is None:
        wait_for_redis(around["REDIS_URL"], 10)
        yield
        return
    command = redis_command(around.own_redis_port, around.var / "redis")
    keeper = subprocess.Popen(
        [sys.executable, "-m", "deploy.keep", "--", *command],
        cwd=ROOT,
        env={**around.environment, "KEEP_GRACE_S": str(REDIS_STOP_SECONDS - 1)},
        start_new_session=True,
        preexec_fn=dying_with_me(signal.SIGTERM),
    )
    try:
        wait_for_redis(around["REDIS_URL"], 20)
        yield
    finally:
        keeper.terminate()
        try:
            keeper.wait(REDIS_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()


def manage(around: Surroundings, *words: str) -> str:
    """Runs one command of manage.py and returns what it printed; its failure is ours."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=dict(around.environment),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=dying_with_me(signal.SIGTERM),
    )
    if done.returncode:
        raise CannotStartError(
            f"manage.py {words[0]} failed (code {done.returncode}).\n{done.stdout}"
        )
    return done.stdout


def static_is_stale(var: Path) -> bool:
    """Whether a static file or a dependency is newer than the last collection."""
    stamp = var / "static.stamp"
    if not stamp.exists():
        return True
    sources = [ROOT / "requirements" / "run.txt", *ROOT.glob("*/static/**/*")]
    return max(s.stat().st_mtime for s in sources if s.exists()) > stamp.stat().st_mtime


def prepare(around: Surroundings) -> None:
    """Database, static files, the demo user with the password of the banner."""
    manage(around, "migrate", "--noinput", "--verbosity=0")
    if static_is_stale(around.var):
        manage(around, "collectstatic", "--noinput", "--verbosity=0")
        (around.var / "static.stamp").touch()
    manage(around, "seed_demo", "--email", DEMO_USER, f"--password={around['DEMO_PASSWORD']}")


def framed(lines: list[str]) -> str:
    """The lines in a frame."""
    width = max(len(line) for line in lines)
    inside = "\n".join(f"│  {line.ljust(width)}  │" for line in lines)
    edge = "─" * (width + 4)
    return f"\n┌{edge}┐\n{inside}\n└{edge}┘\n"


def banner(around: Surroundings) -> str:
    """Where everything is and how to get in."""
    user, _, flower_password = around["FLOWER_BASIC_AUTH"].partition(":")
    return framed(
        [
            f"Postrider        {around['PUBLIC_URL']}/",
            f"  log in as      {DEMO_USER}",
            f"  password       {around['DEMO_PASSWORD']}",
            f"Practice street  {around['PRACTICE_URL']}/",
            f"Flower           http://127.0.0.1:{around['FLOWER_PORT']}/",
            f"  log in as      {user}, password {flower_password}",
            "",
            "Ctrl-C stops everything.",
        ]
    )


def greet(around: Surroundings) -> None:
    """Waits until the pages answer, then prints the banner; says so if they do not."""
    address = f"http://127.0.0.1:{around['PORT']}/healthz"
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(requests.RequestException):
            if requests.get(address, timeout=2).ok:
                print(banner(around), flush=True)
                return
        time.sleep(0.2)
    print(f"The pages do not answer yet; the lines above say why ({address}).", flush=True)


def run() -> int:
    """Starts everything and returns when everything has stopped."""
    var = var_folder()
    with alone(var):
        around = surroundings(var)
        with broker(around):
            print("Preparing the database and the demo user …", flush=True)
            prepare(around)
            code = run_procfile(ROOT / "Procfile", around.environment, lambda: greet(around))
    return 0 if code in (128 + signal.SIGINT, 128 + signal.SIGTERM) else code


def main() -> int:
    """Runs the demo; what stands in its way is told in one sentence."""
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run()
    except (CannotStartError, NotInstalledError, TimeoutError) as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
