"""Turns the engine of a site a few times in its own environment, as workers would.

python -m tests.browser.turn        (with the environment of the site)
"""

from __future__ import annotations

import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from tests.workers.engine import turn  # noqa: E402

TURNS = 6

if __name__ == "__main__":
    for _ in range(TURNS):
        turn()
        time.sleep(0.1)
