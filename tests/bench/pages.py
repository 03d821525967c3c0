"""Whether a page takes longer in a team with 10,000 posts than in one with 100.

python -m tests.bench.pages        (this is what `make bench WHAT=pages` runs; DB=postgres)

Both teams are in the same database and take turns, so that whatever else the machine does meets
both alike. A page is asked for through the whole of Django (see `visits`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from deploy.broker import free_port, redis_command, wait_for_redis
from deploy.database import LocalPostgres
from tests.bench.servers import ROOT, process
from tokens.vault import new_key


def main() -> int:
    """A database and a Redis of our own, then every page of both teams."""
    database = os.environ.get("DB") or "sqlite"
    with tempfile.TemporaryDirectory(prefix="postrider-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        url = f"sqlite:///{folder / 'bench.sqlite3'}"
        if database == "postgres":
            server = LocalPostgres(folder / "postgres")
            stack.enter_context(server)
            url = server.url
        port = free_port()
        stack.enter_context(process(redis_command(port, folder / "redis"), folder))
        around = os.environ | {
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "DATABASE_URL": url,
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "SECRET_KEY": "bench",
            "TOKEN_KEYS": new_key(),
            "VAR_DIR": str(folder / "var"),
            "ALLOWED_HOSTS": "testserver",
            "LOG_LEVEL": "ERROR",
        }
        (folder / "var/static").mkdir(parents=True)
        wait_for_redis(around["REDIS_URL"], 10)
        for words in (["manage.py", "migrate", "-v", "0"], ["-m", "tests.bench.visits", database]):
            subprocess.run([sys.executable, *words], cwd=ROOT, env=around, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
