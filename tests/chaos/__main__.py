"""The storm as a program: `python -m tests.chaos` (this is what `make chaos` runs).

N posts, BROKER=redis|rabbitmq, DB=sqlite|postgres, SEED repeats a run, CONTROL=naive, HOSTS=2,
NETWORKS=all.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from importlib import import_module

import django

from deploy.broker import NotInstalledError
from tests.chaos import hosts
from tests.chaos.house import house
from tests.chaos.plan import Plan, WrongOrderError, planned


def main() -> int:
    """0 if the promise held (or, for the control, if it was seen to break)."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so all is tidied up
    try:
        plan = planned(os.environ)
        if plan.hosts > 1 and hosts.HUB not in os.environ:
            return _on_hosts(plan)
        return 0 if _run(plan) else 1
    except (WrongOrderError, NotInstalledError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 2


def _on_hosts(plan: Plan) -> int:
    if hosts.possible():
        return hosts.inside_a_hub("tests.chaos", plan.hosts)
    sys.stdout.write(f"{hosts.NOT_HERE.format(plan.hosts)}\n")
    return 0


def _run(plan: Plan) -> bool:
    with house(plan) as made:
        os.environ.update(made.environment)
        django.setup()
        good = bool(import_module("tests.chaos.run").main(made))
    if good:  # the logs stay, the servers' files are of use only to whoever looks for a fault
        for folder in ("postgres", "redis", "rabbitmq"):
            shutil.rmtree(plan.folder / folder, ignore_errors=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
