"""How fast 5,000 expiring tokens are renewed: by our workers, by a loop, by a bare program.

python -m tests.bench.refresh        (this is what `make bench WHAT=refresh` runs)
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import django
import psycopg

from project.celery import app
from tests.bench.servers import ROOT, THREADS, WORKERS, House, cpu_s, house, process, workers
from tokens.vault import seal

TOKENS = int(os.environ.get("BENCH_TOKENS", "5000"))
SAMPLE = 120
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
NO_LONGER_THAN_S = 300
COLUMNS = (
    "id, team_id, provider, host, access_sealed, refresh_sealed, scopes, can_refresh, expires_at,"
    " state, version, refresh_at, refresh_epoch, refresh_failures, problem, created_at"
)
RENEWED = "SELECT count(*) FROM tokens_oauthtoken WHERE version = 2"
Figures = dict[str, float]


def fill(count: int) -> None:
    """`count` tokens that are due, and nothing else."""
    at = datetime.now(UTC)
    with psycopg.connect(os.environ["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute("TRUNCATE tokens_oauthtoken, tokens_renewal, accounts_team CASCADE")
        cursor.execute("TRUNCATE django_celery_results_taskresult")
        made = "INSERT INTO accounts_team (name, created_at) VALUES ('bench', now()) RETURNING id"
        row = cursor.execute(made).fetchone()
        assert row is not None
        with cursor.copy(f"COPY tokens_oauthtoken ({COLUMNS}) FROM STDIN") as copy:
            for number in range(count):
                key = uuid4()
                access = seal(f"old-access-{number}-{'a' * 80}", f"token:{key}:access")
                refresh = seal(f"old-{key}-{'r' * 80}", f"token:{key}:refresh")
                values = (key, row[0], "x", "", access, refresh, "tweet.read", True)
                due = at - timedelta(seconds=1)
                copy.write_row((*values, at, "good", 1, due, 0, 0, "", at))


def _until_renewed(count: int) -> None:
    until = time.monotonic() + NO_LONGER_THAN_S
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        while (row := database.execute(RENEWED).fetchone()) is None or row[0] < count:
            assert time.monotonic() < until, f"only {row} of {count} were renewed"
            time.sleep(0.05)


def ours(here: House) -> Figures:
    """Due tokens to chunks to workers to the database; from the order to the last row."""
    fill(TOKENS)
    with workers(here) as pids:
        _warm()
        pids = [*pids, here.broker]
        cpu = sum(map(cpu_s, pids)) + here.postgres_s()
        started = time.monotonic()
        app.send_task("workers.refresh_expired_tokens", queue="housekeeping")
        _until_renewed(TOKENS)
        seconds = time.monotonic() - started
        cpu = sum(map(cpu_s, pids)) + here.postgres_s() - cpu
    return {"seconds": seconds, "cpu_ms_per_token": 1000 * cpu / TOKENS, "tokens": TOKENS}


def _warm() -> None:
    """The broker's connection of this process is open before the clock starts."""
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)


def told(here: House, commands: list[list[str]], count: int) -> Figures:
    """Programs that say `ready`, get the word, and end when all is done."""
    fill(count)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        children = [stack.enter_context(process(c, here.folder, **pipes)) for c in commands]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
        cpu = sum(cpu_s(child.pid) for child in children) + here.postgres_s()
        before = os.times()
        started = time.monotonic()
        for child in children:
            assert child.stdin is not None
            child.stdin.write(b"go\n")
            child.stdin.flush()
        _until_renewed(count)
        seconds = time.monotonic() - started
        ended = [child.wait(20) for child in children]
        assert ended == [0] * len(children), ended
        cpu = os.times().children_user - before.children_user - cpu + here.postgres_s()
        cpu += os.times().children_system - before.children_system
    return {"seconds": seconds, "cpu_ms_per_token": 1000 * cpu / count, "tokens": count}


def one_round(here: House) -> dict[str, Figures]:
    """Each once, one after the other."""
    module = [sys.executable, "-m"]
    loop = told(here, [[*module, "tests.bench.loop", str(SAMPLE)]], SAMPLE)
    halves = [[*module, "tests.bench.bare", str(place)] for place in range(2)]
    return {
        "ours": ours(here),
        "sequential": {**loop, "seconds": loop["seconds"] * TOKENS / SAMPLE},
        "bare": told(here, halves, TOKENS),
        "load": {"average": os.getloadavg()[0]},
    }


def summary(rounds: list[dict[str, Figures]]) -> dict[str, object]:
    """Medians over the rounds: a ratio above 1 means that ours is faster."""

    def ratio(other: str) -> float:
        return statistics.median(r[other]["seconds"] / r["ours"]["seconds"] for r in rounds)

    def cpu(who: str) -> float:
        return statistics.median(r[who]["cpu_ms_per_token"] for r in rounds)

    return {
        "ratios": {"sequential": ratio("sequential"), "bare": ratio("bare")},
        "cpu": {"ours_ms_per_token": cpu("ours"), "bare_ms_per_token": cpu("bare")},
        "setting": {"workers": WORKERS, "threads": THREADS, "tokens": TOKENS, "sample": SAMPLE},
        "rounds": rounds,
    }


def say(line: str) -> None:
    """One line for the person at the screen."""
    print(line, flush=True)  # noqa: T201


def show(number: int, figures: dict[str, Figures]) -> None:
    """One round as lines of the table."""
    for name in ("ours", "sequential", "bare"):
        one = figures[name]
        rate = TOKENS / one["seconds"]
        line = f"{number:>5}  {name:<11}{one['seconds']:>9.1f}{rate:>11.0f}"
        say(f"{line}{one['cpu_ms_per_token']:>14.2f}")


def main() -> None:
    """Measure, print, save."""
    say(f"load before: {os.getloadavg()[0]:.2f}; {WORKERS} workers with {THREADS} threads each")
    say(f"{'round':>5}  {'who':<11}{'seconds':>9}{'tokens/s':>11}{'CPU ms/token':>14}")
    rounds = []
    with (
        tempfile.TemporaryDirectory(prefix="postrider-bench-") as folder,
        house(Path(folder)) as here,
    ):
        django.setup()
        for number in range(1, ROUNDS + 1):
            rounds.append(one_round(here))
            show(number, rounds[-1])
    result = summary(rounds)
    say(json.dumps({"ratios": result["ratios"], "cpu": result["cpu"]}, indent=1))
    target = ROOT / "var" / "bench" / "refresh.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
