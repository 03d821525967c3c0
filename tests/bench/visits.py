"""Asks for every page of two teams in turns, and says how much longer the larger one takes.

python -m tests.bench.visits sqlite|postgres        (with the environment of `tests.bench.pages`)
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.bench.crowd import RARE, Crowd, crowd  # noqa: E402
from tests.bench.servers import ROOT  # noqa: E402

FEW = int(os.environ.get("BENCH_FEW", "100"))
MANY = int(os.environ.get("BENCH_MANY", "10000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
ONLY = os.environ.get("BENCH_ONLY", "")
WARM, PAGE, GOAL = 5, 25, 1.5


def paths(of: Crowd, many: int) -> dict[str, str]:
    """Every page that shows posts or counts them, by a short name."""
    account, label = of.accounts[1].pk, of.labels[0].pk
    return {
        "home": "/",
        "calendar-month": "/calendar/?view=month",
        "calendar-week": "/calendar/?view=week",
        "calendar-day": "/calendar/?view=day",
        "calendar-list": "/calendar/?view=list",
        "calendar-filtered": f"/calendar/?view=month&account={account}&state=scheduled",
        "queue": "/queue/",
        "drafts": "/drafts/",
        "posts": "/posts/",
        "posts-deep": f"/posts/?page={max(1, many // PAGE - 1)}",
        "posts-by-state": "/posts/?state=posted",
        "posts-rare": "/posts/?state=missed",
        "posts-by-account": f"/posts/?account={account}",
        "posts-by-label": f"/posts/?label={label}",
        "posts-searched": f"/posts/?q={RARE}",
        "posts-not-found": "/posts/?q=elephant",
        "post": f"/posts/{of.post}/",
        "causes": "/posts/causes/",
        "activity": "/activity/",
        "accounts": "/accounts/",
        "status": "/status/",
        "find": f"/find/?q={RARE}",
    }


def asked(client: Client, path: str) -> tuple[float, float]:
    """Milliseconds from the question to the whole answer, which must be a page; and of our CPU."""
    started, cpu = time.perf_counter(), time.thread_time()
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    assert answer.content
    return 1000 * (time.perf_counter() - started), 1000 * (time.thread_time() - cpu)


def percentile(samples: list[float], part: float) -> float:
    """The sample below which this part of them lies."""
    return round(sorted(samples)[int(part * (len(samples) - 1))], 2)


def questions(client: Client, path: str) -> tuple[int, int]:
    """How many questions to the database a page takes, and how many bytes it has."""
    with CaptureQueriesContext(connection) as caught:
        answer = client.get(path)
    return len(caught), len(answer.content)


def figures(samples: list[tuple[float, float]], client: Client, path: str) -> dict[str, float]:
    """What is kept of one page of one team."""
    count, size = questions(client, path)
    taken, cpu = ([sample[place] for sample in samples] for place in (0, 1))
    middle, most = round(statistics.median(taken), 2), percentile(taken, 0.95)
    spent = round(statistics.median(cpu), 2)
    return {"p50_ms": middle, "p95_ms": most, "cpu_ms": spent, "questions": count, "bytes": size}


def page(name: str, small: tuple[Client, str], large: tuple[Client, str]) -> dict[str, object]:
    """Both teams in turns, each now first and now second; the ratio is that of the medians."""
    taken: tuple[list[tuple[float, float]], ...] = ([], [])
    for number in range(WARM + ROUNDS):
        for place in (0, 1) if number % 2 else (1, 0):
            spent = asked(*(small, large)[place])
            if number >= WARM:
                taken[place].append(spent)
    few, many = figures(taken[0], *small), figures(taken[1], *large)
    ratio = round(many["p50_ms"] / few["p50_ms"], 2)
    mark, cpu = " " if ratio <= GOAL else "!", round(many["cpu_ms"] / few["cpu_ms"], 2)
    say(
        f"{name:<20}{few['p50_ms']:>8.1f}{few['p95_ms']:>8.1f}{many['p50_ms']:>9.1f}"
        f"{many['p95_ms']:>8.1f}{ratio:>7.2f}{mark}{cpu:>6.2f}{few['questions']:>5}{many['questions']:>5}"
        f"{few['bytes'] // 1000:>6}{many['bytes'] // 1000:>6}"
    )
    return {"few": few, "many": many, "ratio": ratio, "cpu_ratio": cpu}


def client_of(one: Crowd) -> Client:
    """A browser in which the owner is logged in."""
    client = Client()
    client.force_login(one.owner)
    return client


def settle() -> None:
    """The database knows its rows, as it does by itself after a while."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def say(line: str) -> None:
    """One line for the person at the screen."""
    print(line, flush=True)  # noqa: T201


def main(database: str) -> None:
    """Fill, measure, print, save."""
    at = timezone.now()
    small, large = crowd(FEW, at), crowd(MANY, at)
    settle()
    say(f"{database}; load before: {os.getloadavg()[0]:.2f}; {ROUNDS} rounds after {WARM}")
    say(f"{'':<20}{f'{FEW} posts':>16}{f'{MANY} posts':>17}  ratio   CPU questions    kB")
    begun, clients = os.getloadavg()[0], (client_of(small), client_of(large))
    first, second = paths(small, FEW), paths(large, MANY)
    found = {
        name: page(name, (clients[0], first[name]), (clients[1], second[name]))
        for name in first
        if ONLY in name
    }
    load = {"before": begun, "after": os.getloadavg()[0]}
    setting = {"few": FEW, "many": MANY, "rounds": ROUNDS, "database": database}
    target = ROOT / "var" / "bench" / "pages.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(target.read_text()) if target.exists() else {}
    kept[database] = {"setting": setting, "load": load, "goal": GOAL, "pages": found}
    target.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
