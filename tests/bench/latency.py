"""How soon a due post arrives at its network: written in the form for now, or scheduled.

python -m tests.bench.latency        (this is what `make bench WHAT=latency` runs)
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from deploy.broker import free_port
from tests.bench.servers import ROOT, House, house, process, workers

SAMPLES = int(os.environ.get("BENCH_SAMPLES", "300"))
RATE = float(os.environ.get("BENCH_RATE", "8"))
THREADS = 16
QUEUES = "publish.x,reconcile,dispatch,housekeeping"
Figures = dict[str, float]


@contextmanager
def web(here: House) -> Iterator[str]:
    """gunicorn as the Procfile starts it; its address, once it answers."""
    port = free_port()
    url = os.environ["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "project.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "8", "--no-control-socket", "--name=web"]
    with process(command, here.folder):
        until = time.monotonic() + 30
        while not answers(f"{url}/healthz"):
            assert time.monotonic() < until, "the pages do not answer"
            time.sleep(0.1)
        yield url


def answers(url: str) -> bool:
    """Whether this page is there."""
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def quantiles(samples: list[float]) -> Figures:
    """Median, 99th percentile and the worst, in milliseconds."""
    cut = statistics.quantiles(samples, n=100, method="inclusive")
    return {"p50_ms": cut[49], "p99_ms": cut[98], "worst_ms": max(samples), "n": len(samples)}


def measured(here: House) -> dict[str, list[float]]:
    """All delays, from one run of everything."""
    street = os.environ["X_API_URL"]
    with ExitStack() as stack:
        url = stack.enter_context(web(here))
        for _ in range(int(os.environ.get("BENCH_DISPATCHERS", "1"))):
            command = [sys.executable, "manage.py", "dispatch"]
            stack.enter_context(process(command, here.folder))
        stack.enter_context(workers(here, QUEUES, THREADS))
        command = [sys.executable, "-m", "tests.bench.paced", url, street, str(SAMPLES), str(RATE)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def say(line: str) -> None:
    """One line for the person at the screen."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Measure, print, save."""
    load = os.getloadavg()[0]
    say(f"load before: {load:.2f}; {SAMPLES} posts each at {RATE:g} a second")
    with (
        tempfile.TemporaryDirectory(prefix="postrider-bench-") as folder,
        house(Path(folder), "tests.bench.arrivals") as here,
    ):
        result = {name: quantiles(samples) for name, samples in measured(here).items()}
    for name, figures in result.items():
        say(f"{name:<20}" + "".join(f"{key} {value:8.1f}   " for key, value in figures.items()))
    target = ROOT / "var" / "bench" / "latency.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    loads = {"before": load, "after": os.getloadavg()[0]}
    target.write_text(json.dumps({**result, "rate_per_s": RATE, "load": loads}, indent=1))


if __name__ == "__main__":
    main()
