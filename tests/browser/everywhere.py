"""Connects the cast's team to networks of the street by its grants; names come as JSON on stdin.

python -m tests.browser.everywhere <street>        (with the environment of the site)
"""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from tests.browser.site import PASSWORD  # noqa: E402
from tests.cast import Street, connected, gather  # noqa: E402

if __name__ == "__main__":
    cast, street = gather(), Street(sys.argv[1])
    cast.alice.set_password(PASSWORD)
    cast.alice.save()
    for name in json.loads(sys.stdin.read()):
        connected(street, cast.team, name)
