"""The environment of the tests, set before the settings are read (loaded by `-p`)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

UNREACHABLE_BROKER = "redis://127.0.0.1:1/0"
_FOLDER = Path(tempfile.mkdtemp(prefix="postrider-tests-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
(_FOLDER / "static").mkdir()

os.environ.update(
    SECRET_KEY="tests-only",
    TOKEN_KEYS="t1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    VAR_DIR=str(_FOLDER),
    PUBLIC_URL="http://127.0.0.1:8000",
    ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
    REDIS_URL=UNREACHABLE_BROKER,
    HTTP_CONNECT_S="2",
    HTTP_READ_S="1",
    HTTP_DEADLINE_S="2",
    LEASE_S="10",
    SETTLE_S="1",
    BELL_PATIENCE_S="3",
    RETRY_BASE_S="0.2",
    RETRY_CAP_S="2",
    BREAKER_FIRST_S="1",
    BREAKER_CAP_S="5",
    LOG_LEVEL="WARNING",
    SENTRY_DSN="",  # whoever runs the tests tells nobody
)
