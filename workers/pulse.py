"""Heartbeats by work done: canaries travel through every queue, and what answers has a pulse.

A process that only answers pings may be deaf. So a small task, the canary, goes through the broker
into each queue and through a worker's pool, like a post; a worker also sends one to itself. What
was answered is written to the database and to Redis; and the process tells whoever supervises it
(deploy.keep, systemd) that it got on, by sd_notify(3). One that falls silent is killed by them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import redis
from celery import current_app, shared_task
from celery.signals import task_postrun, worker_ready, worker_shutdown, worker_shutting_down
from celery.utils.nodenames import worker_direct
from django.conf import settings
from django.db import Error
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from workers.models import DISPATCHER, QUEUE, TURN, WORKER, Pulse, clock
from workers.queues import LANES
from workers.wake import server

AWAY = (OperationalError, RedisError, OSError)
IN_REDIS = "postrider:pulse"
OFTEN_S = 1.0
CANARIES = "canaries"
BEGAN = "canaries without a break"  # before this, nobody could be heard singing
logger = logging.getLogger(__name__)


class Supervisor:
    """Whoever started this process and wants to hear that it gets on; nobody, if nobody asked."""

    def __init__(self) -> None:
        self.told_at = 0.0
        self.introduced = False

    def feel(self) -> None:
        """Say that there was progress; at most once a second, and never in the way."""
        now, address = time.monotonic(), os.environ.get("NOTIFY_SOCKET", "")
        if not address or now - self.told_at < OFTEN_S:
            return
        self.told_at = now
        words = "WATCHDOG=1"
        if not self.introduced:
            words = f"WATCHDOG_USEC={int(settings.STALL_S * 1_000_000)}\n{words}"
        address = "\0" + address[1:] if address.startswith("@") else address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(0.1)
            line.sendto(words.encode(), address)
            self.introduced = True


class Progress:
    """What this process has done since it last wrote it down, and whether it is being stopped."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.queues: set[str] = set()
        self.stopping = False
        self.asked_at = 0.0  # when the last canary was sent to this worker; 0: it was answered

    def done(self, queue: str) -> None:
        """A task from this queue came to its end."""
        if queue in LANES and queue not in self.queues:
            with self.guard:
                self.queues.add(queue)

    def taken(self) -> list[str]:
        """The queues since the last time."""
        with self.guard:
            queues, self.queues = self.queues, set()
        return sorted(queues)


supervisor = Supervisor()
progress = Progress()


@shared_task(name="workers.canary", ignore_result=True)
def canary(queue: str) -> None:
    """Sing: that this runs is all it has to show (`_after_task` writes it down)."""


@shared_task(name="workers.own_canary", ignore_result=True)
def own_canary(node: str) -> None:
    """The worker's word to itself, by way of the broker: write down what got on since the last."""
    progress.asked_at = 0.0
    supervisor.feel()
    try:
        write_down(node, progress.taken(), clock())
    except Error as problem:
        logger.warning("a pulse could not be written down (%s)", type(problem).__name__)


def write_down(node: str, queues: list[str], at: datetime) -> None:
    """`node` is at work, and these queues are being served: to Redis, then to the database."""
    seen = [(WORKER, node), *((QUEUE, name) for name in queues)]
    with contextlib.suppress(RedisError, OSError):
        said: dict[Any, Any] = {f"{kind} {name}": at.isoformat() for kind, name in seen}
        server(settings.REDIS_URL, 0.25).hset(IN_REDIS, mapping=said)
    Pulse.objects.felt(seen, node, at)


def in_redis() -> dict[str, datetime]:
    """What Redis remembers, by "kind name"; {} while it is away."""
    try:
        found: Any = server(settings.REDIS_URL, 0.25).hgetall(IN_REDIS)
    except (redis.RedisError, OSError):
        return {}
    return {key.decode(): datetime.fromisoformat(value.decode()) for key, value in found.items()}


def send_canaries() -> int:
    """One canary into every queue; nobody has to come for it late. Returns how many were sent."""
    with current_app.producer_or_acquire() as producer:
        for name in LANES:
            canary.apply_async(
                args=[name], queue=name, expires=2 * settings.CANARY_S, producer=producer
            )
    return len(LANES)


def dispatcher_works(name: str, at: datetime) -> None:
    """A dispatcher has finished a round: its pulse, and canaries if it is its turn to send them."""
    Pulse.objects.felt([(DISPATCHER, name)], name, at)
    every = timedelta(seconds=settings.CANARY_S)
    last = Pulse.objects.of(TURN).get(CANARIES)
    if not Pulse.objects.take_turn(CANARIES, at, every):
        return
    try:
        send_canaries()
    except AWAY:
        Pulse.objects.gone(TURN, CANARIES)
        raise
    if last is None or at - last.at > 4 * every:
        Pulse.objects.felt([(TURN, BEGAN)], name, at)
    Pulse.objects.forget_old(at)


def ask_myself(node: str) -> None:
    """A canary for this worker alone, unless one is under way; with the broker away, patience."""
    now = time.monotonic()
    if progress.asked_at and now - progress.asked_at < 2 * settings.CANARY_S:
        return
    try:
        own_canary.apply_async(
            args=[node], queue=worker_direct(node), expires=2 * settings.CANARY_S
        )
    except AWAY:
        supervisor.feel()  # nothing can be asked of a worker whose broker is away
    else:
        progress.asked_at = now


def _sing(node: str) -> None:
    """The worker's own canaries, from a thread beside its pool, while it lives."""
    supervisor.feel()
    while not progress.stopping:
        ask_myself(node)
        time.sleep(settings.CANARY_S)


@worker_ready.connect(dispatch_uid="workers.pulse")
def _ready(sender: Any = None, **_: Any) -> None:
    threading.Thread(target=_sing, args=[sender.hostname], name="canary", daemon=True).start()


@task_postrun.connect(dispatch_uid="workers.pulse")
def _after_task(task: Any = None, **_: Any) -> None:
    """Every task that ends is progress, of its queue and of this process."""
    delivery = getattr(task.request, "delivery_info", None) or {}
    progress.done(str(delivery.get("routing_key", "")))
    supervisor.feel()


@worker_shutting_down.connect(dispatch_uid="workers.pulse")
def _stopping(**_: Any) -> None:
    """From now on nothing new is begun: `workers.publish` gives back the rest of its chunk."""
    progress.stopping = True


@worker_shutdown.connect(dispatch_uid="workers.pulse")
def _stopped(sender: Any = None, **_: Any) -> None:
    """It ended in order, so nobody needs to miss it."""
    with contextlib.suppress(Error):
        Pulse.objects.gone(WORKER, str(sender.hostname))
