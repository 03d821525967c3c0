"""Ask networks to renew grants, all at once; an answer is on the disk before anybody uses it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue

from providers.kit.contract import Grant
from providers.kit.errors import NetworkError
from tokens import crash, spool
from tokens.lease import Lease
from tokens.vault import seal
from tokens.windows import refresh_moment

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request came to: a problem, or a new pair that lies in `file` already."""

    lease: Lease
    problem: NetworkError | None
    renewed: spool.Renewed | None = None
    file: Path | None = None


def ask(leases: Sequence[Lease], at: datetime) -> Iterator[list[Answer]]:
    """Send all requests at the same time; the answers as they come, in groups."""
    if len(leases) == 1:
        yield [_ask(leases[0], at)]
        return
    came: SimpleQueue[Answer | BaseException] = SimpleQueue()

    def one(lease: Lease, here: Context) -> None:
        try:
            came.put(here.run(_ask, lease, at))
        except BaseException as problem:  # noqa: BLE001 - raised again where the answers are read
            came.put(problem)

    with ThreadPoolExecutor(len(leases), "renewal") as senders:
        for lease in leases:
            senders.submit(one, lease, copy_context())
        missing, broken = len(leases), list[BaseException]()
        while missing:
            group = [came.get()]
            while not came.empty():
                group.append(came.get())
            missing -= len(group)
            broken += [one for one in group if isinstance(one, BaseException)]
            yield [one for one in group if isinstance(one, Answer)]
    if broken:
        raise broken[0]


def _ask(lease: Lease, at: datetime) -> Answer:
    """Send one request; an answer with a key is on the disk when this returns. No database."""
    attempt = lease.attempt
    try:
        grant = attempt.renewer.refresh(grant=attempt.grant, app=attempt.app, host=lease.token.host)
    except NetworkError as problem:
        return Answer(lease, problem)
    crash.here("refresh_after_answer")
    renewed = _sealed(lease, grant, at)
    try:
        file = spool.keep(renewed)
    except OSError:  # a full disk must not cost the key: the database may take it
        logger.exception("the renewed key of %s is not on the disk", lease.token.pk)
        return Answer(lease, None, renewed)
    crash.here("refresh_after_spool")
    return Answer(lease, None, renewed, file)


def _sealed(lease: Lease, grant: Grant, at: datetime) -> spool.Renewed:
    """The new pair as it is stored."""
    key, ends = lease.token.pk, at + grant.lifetime if grant.lifetime else None
    ahead = refresh_moment(lease.attempt.family, at, grant.lifetime)
    return spool.Renewed(
        grant=str(key),
        epoch=lease.epoch,
        version=lease.token.version,
        access_sealed=seal(grant.access_token, f"token:{key}:access"),
        refresh_sealed=seal(grant.refresh_token, f"token:{key}:refresh"),
        scopes=" ".join(grant.scopes),
        host=grant.host or lease.token.host,
        expires_at=ends.isoformat() if ends else None,
        refresh_at=ahead.isoformat() if ahead else None,
        renewed_at=at.isoformat(),
    )
