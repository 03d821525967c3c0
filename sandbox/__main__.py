"""Open the practice street: `python -m sandbox --port 8100 --state var/street.sqlite`."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from sandbox.kit.server import Street


def main() -> None:
    """Serve until told to stop."""
    options = argparse.ArgumentParser(prog="sandbox", description="The practice street.")
    options.add_argument("--port", type=int, default=8100)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--state", type=Path, default=None, help="file that outlives a restart")
    chosen = options.parse_args()
    over = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: over.set())
    with Street(port=chosen.port, host=chosen.host, state=chosen.state) as street:
        print(f"The practice street is open: {street.url}", flush=True)
        over.wait()


if __name__ == "__main__":
    main()
