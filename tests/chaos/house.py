"""Everything that runs, on free ports, each process kept: servers, web, workers and the rest."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

import redis
import requests

from deploy.broker import redis_command, wait_for_redis
from deploy.database import LocalPostgres
from deploy.rabbit import LocalRabbit
from tests.chaos.hosts import APART, HUB, NETWORK, Addresses, Host
from tests.chaos.kept import Kept
from tests.chaos.plan import LOOPBACK, THREADS, Plan, Ports, environment, free_ports
from workers import queues

CELERY = (sys.executable, "-m", "celery", "-q", "-A")
READY_S = 90.0
# RabbitMQ 3.10.8 on a single node: a quorum queue that is killed in its first second comes back
# without a leader, for ever. The storm begins when all of them are older.
YOUNG_S = 2.0


class House:
    """All processes of one run. `tick` keeps them; whoever breaks things reaches them by name."""

    def __init__(self, plan: Plan) -> None:
        plan.folder.mkdir(parents=True)
        (plan.folder / "var").mkdir()
        self.plan = plan
        self.hosts = [Host(n, os.environ[HUB]) for n in range(plan.hosts if plan.hosts > 1 else 0)]
        self.where = APART if self.hosts else Addresses()
        self.ports: Ports = free_ports()
        self.postgres, self.node = self._postgres(), self._node()
        broker_url = self.node.url if self.node else ""
        self.environment = environment(plan, self.ports, broker_url, self.where)
        self.redis, self.street = self._redis(), self._street()
        self.rabbit = self._rabbit(self.node) if self.node else None
        self.web = self._kept("web", self._gunicorn(self.ports.web))
        files = self._gunicorn(self.ports.files)
        self.files = self._kept("files", files) if plan.whole_street else None
        self.workers = [self._worker(n) for n in range(plan.workers)]
        dispatch = [sys.executable, "manage.py", "dispatch"]
        self.dispatchers = [self._kept(f"dispatcher-{n}", dispatch) for n in range(2)]
        beat = [*CELERY, "project", "beat", "-S", "django", "-l", "INFO"]
        self.beats = [self._kept(f"beat-{n}", beat) for n in range(2)]

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://{LOOPBACK}:{self.ports.web}"

    @property
    def street_url(self) -> str:
        """Where the practice street is."""
        return self.environment["PRACTICE_URL"]

    @property
    def ours(self) -> list[Kept]:
        """The processes of the site."""
        return [self.web, *self.workers, *self.dispatchers, *self.beats]

    @property
    def everybody(self) -> list[Kept]:
        """All that are kept: the site's processes first, then what they stand on."""
        more = [kept for kept in (self.files, self.rabbit) if kept]
        return [*self.ours, self.street, self.redis, *more]

    def _kept(self, name: str, command: list[str]) -> Kept:
        return Kept(name, command, self.environment, self.plan.folder)

    def _postgres(self) -> LocalPostgres | None:
        if self.plan.database != "postgres":
            return None
        options = {"max_connections": "200"}
        if self.hosts:
            options["listen_addresses"] = f"{LOOPBACK},{self.where.database}"
        server = LocalPostgres(self.plan.folder / "postgres", **options)
        server.port = self.ports.database
        if self.hosts:
            server.create()
            with (server.data / "pg_hba.conf").open("a") as allowed:
                allowed.write(f"host all all {NETWORK} trust\n")
        return server

    def _node(self) -> LocalRabbit | None:
        if self.plan.broker != "rabbitmq":
            return None
        return LocalRabbit(self.plan.folder / "rabbitmq", self.where.broker)

    def _rabbit(self, node: LocalRabbit) -> Kept:
        return Kept("rabbitmq", node.command, node.environment, self.plan.folder)

    def _redis(self) -> Kept:
        command = redis_command(self.ports.redis, self.plan.folder / "redis")
        if self.hosts:
            command += ["--bind", self.where.broker, "--protected-mode", "no"]
        return self._kept("redis", command)

    def _street(self) -> Kept:
        state = self.plan.folder / "street.sqlite3"
        where = [str(self.ports.street), self.where.street, str(state)]
        return self._kept("street", [sys.executable, "-m", "tests.chaos.street", *where])

    def _gunicorn(self, port: int) -> list[str]:
        bind = ["--bind", f"{LOOPBACK}:{port}", "--worker-class", "gthread"]
        size = ["--workers", "2", "--threads", "8", "--graceful-timeout", "5"]
        start = [sys.executable, "-m", "gunicorn", "project.wsgi"]
        return [*start, *bind, *size, "--no-control-socket"]

    def _worker(self, number: int) -> Kept:
        """On a host of its own where there are several; what is spooled stays on that host."""
        name = f"worker-{number}"
        kept = self._kept(name, self._celery(name))
        if self.hosts:
            host = self.hosts[number % len(self.hosts)]
            kept.command = host.on_it(kept.command)
            kept.environment["VAR_DIR"] = str(self.plan.folder / f"var-{host.number}")
        return kept

    def _celery(self, name: str) -> list[str]:
        app = "tests.chaos.naive" if self.plan.naive else "project"
        size = ["-P", "threads", "-c", str(THREADS), "-Q", ",".join(queues.LANES)]
        quiet = ["-l", "INFO", "--without-gossip", "--without-mingle"]
        return [*CELERY, app, "worker", *size, *quiet, "-n", f"{name}@%h"]

    def open_servers(self) -> None:
        """Database, brokers, street: what the site stands on."""
        for host in self.hosts:
            host.plug_in()
        if self.rabbit and self.node:
            self.node.prepare()
            self.rabbit.start()
        if self.postgres:
            self.postgres.start()
        self.redis.start()
        self.street.start()
        wait_for_redis(self.environment["REDIS_URL"], 10)
        self._until_answers(f"{self.street_url}/_street/board")
        if self.node:
            self._until(self.node.answers, "RabbitMQ")

    def open_site(self) -> None:
        """The site itself, until its pages answer."""
        for kept in self.ours:
            kept.start()
        if self.files:
            self.files.start()
            self._until_answers(f"{self.environment['PUBLIC_URL']}/healthz")
        self._until_answers(f"{self.url}/healthz")
        for worker in self.workers:
            self._until(lambda log=worker.log: b" ready." in log.read_bytes(), worker.name)  # type: ignore[misc]
        if self.rabbit:
            time.sleep(YOUNG_S)

    def _until_answers(self, url: str) -> None:
        def answers() -> bool:
            with contextlib.suppress(requests.RequestException):
                return requests.get(url, timeout=2).ok
            return False

        self._until(answers, url)

    def _until(self, answers: Callable[[], bool], name: str) -> None:
        until = time.monotonic() + READY_S
        while not answers():
            self.tick()
            if time.monotonic() > until:
                raise RuntimeError(f"{name} did not answer; see the logs in {self.plan.folder}.")
            time.sleep(0.1)

    def tick(self) -> None:
        """Thaw and start again whatever is due for it."""
        now = time.monotonic()
        for kept in self.everybody:
            kept.tick(now)
        for host in self.hosts:
            host.tick(now)

    def kill_postgres(self) -> None:
        """PostgreSQL falls and is started again at once."""
        if self.postgres:
            self.postgres.kill()
            self.postgres.start()

    def flush_redis(self) -> bool:
        """Redis forgets everything; False if it does not answer."""
        client = redis.Redis.from_url(self.environment["REDIS_URL"], socket_timeout=2)
        try:
            client.flushall()
        except redis.RedisError:
            return False
        finally:
            client.close()
        return True

    def own_exits(self) -> dict[str, int]:
        """How often a process ended although nobody killed it."""
        return {kept.name: len(kept.own_exits) for kept in self.ours if kept.own_exits}

    def close(self) -> None:
        """Stop everything, the site first."""
        for kept in self.everybody:
            kept.stop()
        if self.node:
            self.node.stop()
        if self.postgres:
            self.postgres.stop()
        for host in self.hosts:
            host.unplug()


@contextlib.contextmanager
def house(plan: Plan) -> Iterator[House]:
    """A house that is closed at the end, whatever happens in it."""
    made = House(plan)
    try:
        yield made
    finally:
        made.close()
