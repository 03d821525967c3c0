"""The answer to a refresh, on disk before it is in the database: a rotated pair comes only once.

Between the network's answer and our commit lies a moment in which a crash, or a database that is
away, would lose the new pair for good. So the sealed answer is first written to a file of this
machine (fsync), and removed once it is committed. `replay` commits what a crash left behind; the
row's epoch and version tell whether it still counts. The files hold sealed texts only.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from tokens.models import OAuthToken, SocialAccount
from tokens.stamps import changed
from tokens.states import AccountState, TokenState

TORN_AFTER_S = 3600.0
_KEY = OAuthToken._meta.pk
_MOMENT = OAuthToken._meta.get_field("expires_at")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Renewed:
    """One sealed answer, bound to the lease that asked for it. Moments in ISO 8601."""

    grant: str
    epoch: int
    version: int
    access_sealed: str
    refresh_sealed: str
    scopes: str
    host: str
    expires_at: str | None
    refresh_at: str | None
    renewed_at: str


def keep(renewed: Renewed) -> Path:
    """Write one answer and wait until it is on the disk; returns its file."""
    folder = _folder()
    path = folder / f"{renewed.grant}-{renewed.epoch}.json"
    handle = os.open(path.with_suffix(".part"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(renewed), file)
        file.flush()
        os.fsync(file.fileno())
    path.with_suffix(".part").replace(path)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return path


def commit(answers: Sequence[Renewed]) -> set[str]:
    """Write answers into their rows, where the lease that asked for them still counts.

    Returns the grants whose answer stands in its row now: also those that `replay` of another
    process had written already.
    """
    if not answers:
        return set()
    with transaction.atomic():
        written = {renewed.grant for renewed in answers if _write(renewed)}
        if written:  # their owners may have been asked already, needlessly as it turns out
            SocialAccount.objects.filter(
                token_id__in=[UUID(grant) for grant in written],
                state=AccountState.RECONNECT,
                key_sealed="",  # one with a key of its own was not asked because of this grant
            ).update(state=AccountState.CONNECTED, problem="")
    return written | {r.grant for r in answers if r.grant not in written and _stands(r)}


def _write(renewed: Renewed) -> bool:
    """One answer into its row. Plain SQL: it is the hottest statement of a wave of renewals."""
    with connection.cursor() as cursor:
        cursor.execute(
            _sql(connection.ops.quote_name(OAuthToken._meta.db_table)),
            [
                TokenState.GOOD,
                renewed.access_sealed,
                renewed.refresh_sealed,
                renewed.scopes,
                renewed.host,
                *(
                    _MOMENT.get_db_prep_value(_moment(m), connection)
                    for m in (renewed.expires_at, renewed.refresh_at, renewed.renewed_at)
                ),
                False,
                _KEY.get_db_prep_value(UUID(renewed.grant), connection),
                renewed.epoch,
                renewed.version,
            ],
        )
        return bool(cursor.rowcount == 1)


def _sql(table: str) -> str:
    return (
        f"UPDATE {table} SET state = %s, access_sealed = %s, refresh_sealed = %s,"  # noqa: S608
        " scopes = %s, host = %s, expires_at = %s, refresh_at = %s, refreshed_at = %s,"
        " provisional = %s, version = version + 1, refresh_lease_until = NULL,"
        " refresh_sent_at = NULL, refresh_failures = 0, problem = ''"
        " WHERE id = %s AND refresh_epoch = %s AND version = %s"
    )


def _stands(renewed: Renewed) -> bool:
    """Whether this very answer is in its row already."""
    return OAuthToken.objects.filter(
        pk=UUID(renewed.grant), refresh_epoch=renewed.epoch, version=renewed.version + 1
    ).exists()


def replay() -> int:
    """Commit what a crash of this machine left behind; returns how many pairs were saved."""
    saved = 0
    for torn in _folder().glob("*.part"):
        if torn.stat().st_mtime < time.time() - TORN_AFTER_S:
            torn.unlink(missing_ok=True)
    for path in sorted(_folder().glob("*.json")):
        try:
            renewed = Renewed(**json.loads(path.read_text()))
        except FileNotFoundError:  # its own writer has just committed it
            continue
        except (ValueError, TypeError):
            logger.warning("the spooled answer %s cannot be read; it is left there", path.name)
            continue
        if commit([renewed]):
            saved += 1
            mine = OAuthToken.objects.filter(pk=UUID(renewed.grant))
            changed(mine.values_list("team_id", flat=True))
            logger.warning("a renewed key of token %s was saved after a crash", renewed.grant)
        path.unlink(missing_ok=True)
    return saved


def _folder() -> Path:
    folder = Path(settings.VAR_DIR) / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else timezone.make_aware(moment)
