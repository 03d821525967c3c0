"""The loop: the very body of our task in one process, one token after the other.

python -m tests.bench.loop COUNT
"""

from __future__ import annotations

import os
import sys

import psycopg

from project.celery import app

DUE = "SELECT id FROM tokens_oauthtoken WHERE refresh_at <= now() ORDER BY refresh_at LIMIT %s"


def main(count: int) -> None:
    """Wait for the word, then renew."""
    app.loader.import_default_modules()
    task = app.tasks["workers.refresh_tokens"]
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        keys = [str(row[0]) for row in database.execute(DUE, (count,)).fetchall()]
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    outcomes = [task([key]) for key in keys]
    assert outcomes == [{"refreshed": 1}] * count, outcomes


if __name__ == "__main__":
    main(int(sys.argv[1]))
