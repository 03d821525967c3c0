"""Another process that asks for a fresh key, from as many threads as it is told.

    python -m tests.oauth.callers TOKEN [--threads 16] [--replay]

It says "ready", waits for a line on standard input and answers with one line of JSON. `--replay`:
first it saves what a crash left behind, as every worker does.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import django
from django.db import connections

import providers
from tests.oauth.adapter import Oidc

providers.ADAPTERS[Oidc.name] = Oidc  # before the settings read its options
django.setup()

from django.utils import timezone  # noqa: E402 - models need the set-up

from providers.kit.errors import NetworkError  # noqa: E402
from tokens import spool  # noqa: E402
from tokens.models import OAuthToken  # noqa: E402
from tokens.refresh import fresh  # noqa: E402

BARRIER_S = 20


def ask(key: str, barrier: Barrier) -> dict[str, object]:
    """One caller: the version of the grant it got, or why it got none."""
    try:
        token = OAuthToken.objects.get(pk=key)
        barrier.wait(BARRIER_S)
        good = fresh(token, timezone.now())
    except NetworkError as problem:
        return {"version": None, "error": problem.outcome, "words": problem.words}
    else:
        return {"version": good.version, "error": "", "words": ""}
    finally:
        connections.close_all()


def say(words: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Wait for the word, then ask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("token")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--replay", action="store_true")
    wanted = parser.parse_args(arguments)
    say("ready")
    sys.stdin.readline()
    if wanted.replay:
        spool.replay()
    barrier = Barrier(wanted.threads)
    with ThreadPoolExecutor(wanted.threads) as threads:
        answers = list(threads.map(lambda _: ask(wanted.token, barrier), range(wanted.threads)))
    say(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1:])
