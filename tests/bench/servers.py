"""What a measurement stands on: PostgreSQL, Redis, the network, workers; stopped by their pids."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.broker import free_port, redis_command, wait_for_redis
from deploy.database import LocalPostgres
from deploy.keep import dying_with_me
from tokens.vault import new_key

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
WORKERS = 2
THREADS = 6
QUEUES = "refresh.x,housekeeping"


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process and its ended children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def with_children_s(pid: int) -> float:
    """The same, with the children that still live; one that ends meanwhile is counted anew."""
    while True:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return cpu_s(pid) + sum(cpu_s(int(child)) for child in children)


@contextmanager
def process(command: list[str], folder: Path, **streams: int) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own; SIGTERM at the end, then SIGKILL."""
    with (folder / f"{Path(command[-1]).name}-{time.monotonic_ns()}.log").open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            stderr=log,
            stdout=streams.get("stdout", log),
            stdin=streams.get("stdin"),
            start_new_session=True,
            preexec_fn=dying_with_me(signal.SIGKILL),
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@dataclass(frozen=True)
class House:
    """Everything that runs, by process id."""

    folder: Path
    database: LocalPostgres
    broker: int

    def postgres_s(self) -> float:
        """CPU seconds of the database so far."""
        return with_children_s(self.database.pid)


@contextmanager
def house(folder: Path, provider: str = "tests.bench.provider") -> Iterator[House]:
    """Start all servers on free ports; the environment then leads every child to them."""
    folder.chmod(0o755)
    with ExitStack() as stack:
        database = LocalPostgres(folder / "postgres", max_connections="300")
        stack.enter_context(database)
        port, redis_port = free_port(), free_port()
        url = f"http://127.0.0.1:{port}"
        os.environ.update(
            DJANGO_SETTINGS_MODULE="project.settings",
            DATABASE_URL=database.url,
            DATABASE_POOL_SIZE="24",
            REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
            SECRET_KEY="bench",
            TOKEN_KEYS=new_key(),
            VAR_DIR=str(folder / "var"),
            TRUSTED_ORIGINS=url,
            X_API_URL=url,
            X_CLIENT_ID="bench",
            X_CLIENT_SECRET="bench-secret",
            LOG_LEVEL="WARNING",
        )
        network = [sys.executable, "-m", provider, str(port)]
        stack.enter_context(process(network, folder))
        redis = redis_command(redis_port, folder / "redis")
        broker = stack.enter_context(process(redis, folder))
        wait_for_redis(os.environ["REDIS_URL"], 10)
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(migrate, cwd=ROOT, check=True)
        yield House(folder, database, broker.pid)


@contextmanager
def workers(here: House, queues: str = QUEUES, threads: int = THREADS) -> Iterator[list[int]]:
    """Celery as it runs in production, threads pool; their process ids, once both are ready."""
    base = [sys.executable, "-m", "celery", "-A", "project", "worker", "-P", "threads"]
    base += ["-c", str(threads), "-Q", queues, "-l", "INFO", "--without-gossip"]
    base += ["--without-mingle", "-n"]
    with ExitStack() as stack:
        children = []
        for number in range(WORKERS):
            command = [*base, f"bench{number}@%h"]
            children.append(stack.enter_context(process(command, here.folder)))
        until = time.monotonic() + 60
        for number in range(WORKERS):
            while not _is_ready(here.folder, number):
                assert time.monotonic() < until, "a worker did not get ready"
                time.sleep(0.1)
        yield [child.pid for child in children]


def _is_ready(folder: Path, number: int) -> bool:
    newest = max(folder.glob(f"bench{number}@*.log"), key=lambda p: p.stat().st_mtime_ns)
    return b" ready." in newest.read_bytes()
