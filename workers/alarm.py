"""When to alarm, and whom: by e-mail, by webhook, by a ping that stays away when all is not well.

An alarm is raised once when something has been wrong for two looks, again when something new comes
to it, repeated at long intervals, and taken back when all has been well for two looks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import send_mail

from providers.kit.errors import NetworkError
from providers.kit.http import Patience, Wire
from workers.vitals import Finding

LOOKS = 2
ALARM, AGAIN, CLEAR = "alarm", "again", "clear"
PING_EVERY = timedelta(seconds=60)
logger = logging.getLogger(__name__)


@dataclass
class Watch:
    """What is known to be wrong, and since when it was told."""

    repeat: timedelta
    on: set[str] = field(default_factory=set)
    told_at: datetime | None = None
    seen: dict[str, int] = field(default_factory=dict)
    clean: int = 0

    def look(self, found: Sequence[Finding], at: datetime) -> str:
        """What follows from one look: ALARM, AGAIN, CLEAR, or "" for nothing to tell."""
        about = {finding.name for finding in found}
        self.seen = {name: self.seen.get(name, 0) + 1 for name in about}
        self.clean = 0 if about else self.clean + 1
        sure = {name for name, looks in self.seen.items() if looks >= LOOKS}
        if sure - self.on:
            self.on |= sure
            self.told_at = at
            return ALARM
        if self.on and self.clean >= LOOKS:
            self.on, self.told_at = set(), None
            return CLEAR
        if self.on and sure and (self.told_at is None or at - self.told_at >= self.repeat):
            self.on, self.told_at = sure, at
            return AGAIN
        return ""

    def keep(self, path: Path) -> None:
        """On disk, so that a watchdog that was started again does not tell everything anew."""
        told_at = self.told_at.isoformat() if self.told_at else None
        path.write_text(json.dumps({"on": sorted(self.on), "told_at": told_at}))

    def recall(self, path: Path) -> None:
        """What was kept; nothing if there is nothing to read."""
        try:
            kept = json.loads(path.read_text())
            told_at = kept["told_at"]
            self.on = set(kept["on"])
            self.told_at = datetime.fromisoformat(told_at) if told_at else None
        except (OSError, ValueError, KeyError, TypeError):
            return


@dataclass(frozen=True, slots=True)
class Told:
    """One message to the operator."""

    event: str
    subject: str
    findings: tuple[Finding, ...]
    at: datetime

    @property
    def text(self) -> str:
        """As it stands in a mail."""
        lines = [f"* {finding}" for finding in self.findings] or ["Everything is at work again."]
        when = f"at {self.at:%Y-%m-%d %H:%M:%S} UTC"
        signed = f"Written by the watchdog of {settings.PUBLIC_URL} {when}."
        return "\n".join([self.subject, "", *lines, "", signed, ""])


def message(event: str, found: Sequence[Finding], at: datetime) -> Told:
    """The words for an event."""
    if event == CLEAR:
        return Told(event, "Postrider: all is well again", (), at)
    first = found[0].words if found else ""
    prefix = "Postrider: still: " if event == AGAIN else "Postrider: "
    return Told(event, f"{prefix}{first}", tuple(found), at)


def tell(told: Told) -> list[str]:
    """To the log and over every channel that is set up; returns those that did not work."""
    level = logging.WARNING if told.event == CLEAR else logging.ERROR
    logger.log(level, "%s", " / ".join([told.subject, *map(str, told.findings)]))
    return again(told, ["e-mail", "webhook"])


def again(told: Told, channels: Sequence[str]) -> list[str]:
    """Over these channels, if they are set up; returns those that did not work."""
    ways = {"e-mail": _mail, "webhook": _webhook}
    return [name for name in channels if not ways[name](told)]


def ping() -> bool:
    """Call the dead-man's switch: as long as it is called, all is well."""
    return _called("GET", settings.ALARM_PING_URL, None) if settings.ALARM_PING_URL else True


def _mail(told: Told) -> bool:
    if not settings.ALARM_EMAIL:
        return True
    try:
        send_mail(told.subject, told.text, None, settings.ALARM_EMAIL)
    except (SMTPException, OSError) as problem:
        logger.error("the alarm could not be mailed (%s)", type(problem).__name__)  # noqa: TRY400
        return False
    return True


def _webhook(told: Told) -> bool:
    if not settings.ALARM_WEBHOOK:
        return True
    body: dict[str, Any] = {
        "event": told.event,
        "subject": told.subject,
        "text": told.text,
        "at": told.at.isoformat(),
        "findings": [asdict(finding) for finding in told.findings],
    }
    return _called("POST", settings.ALARM_WEBHOOK, body)


def _called(method: str, url: str, body: dict[str, Any] | None) -> bool:
    """One call; the address may hold a secret, so only its host is ever written down."""
    parts = urlsplit(url)
    # The operator chose this address, so it may be private.
    wire = Wire(
        patience=Patience(3, 5, 8),
        trusted=frozenset([f"{parts.scheme}://{parts.netloc}"]),
    )
    try:
        reply = wire.call(method, url, json=body, safe=True)
    except NetworkError as problem:
        logger.error("%s could not be told (%s)", parts.hostname, type(problem).__name__)  # noqa: TRY400
        return False
    if not reply.ok:
        logger.error("%s could not be told (it answered %s)", parts.hostname, reply.status)
    return reply.ok
