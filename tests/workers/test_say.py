"""What is written down today may be read tomorrow: every moment names its day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from deploy.surroundings import ROOT
from workers.say import moment

BARE = re.compile(r"\{[^{}:]+:%H:%M")


def test_a_moment_names_its_day_wherever_it_was_read() -> None:
    night = datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert moment(night) == "22 Nov 03:00:00 UTC"
    assert moment(night.astimezone(timezone(timedelta(hours=-8)))) == "22 Nov 03:00:00 UTC"


def test_no_worker_writes_an_hour_without_its_day() -> None:
    assert BARE.search('f"again at {due_at:%H:%M:%S} UTC"')
    bare = [str(p) for p in (ROOT / "workers").rglob("*.py") if BARE.search(p.read_text())]
    assert bare == []
