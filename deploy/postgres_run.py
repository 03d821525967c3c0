"""Runs a command with DATABASE_URL pointing to a PostgreSQL that lives only as long as it does.

python -m deploy.postgres_run -- pytest tests/posting
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.broker import NotInstalledError
from deploy.database import LocalPostgres
from deploy.keep import dying_with_me

OPTIONS = {
    "lock_timeout": "60s",  # a lock that is never given back is an error, not an endless wait
    # What lives as long as one command need not survive a power cut: nothing waits for the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def run_beside(server: LocalPostgres, command: Sequence[str]) -> int:
    """Runs the command to its end; SIGTERM to us is handed on to it."""
    child = subprocess.Popen(
        command,
        env=os.environ | {"DATABASE_URL": server.url},
        preexec_fn=dying_with_me(signal.SIGTERM),
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    signal.signal(signal.SIGINT, lambda *_: None)  # the terminal has told the command as well
    return child.wait()


def main(arguments: Sequence[str]) -> int:
    """Starts the server, runs the command, stops the server; the command's code is ours."""
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command:
        print("Say what to run: python -m deploy.postgres_run -- command argument…")
        return 2
    with tempfile.TemporaryDirectory(prefix="postrider-pg-") as folder:
        Path(folder).chmod(0o755)
        try:
            with LocalPostgres(Path(folder) / "server", **OPTIONS) as server:
                code = run_beside(server, command)
        except (NotInstalledError, PermissionError) as missing:
            print(missing, file=sys.stderr)
            return 1
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
