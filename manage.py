#!/usr/bin/env python
"""Run one of Postrider's commands: `python manage.py help` lists them."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command line; a setting that is missing or wrong is told in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(f"Postrider cannot start: {problem}")


if __name__ == "__main__":
    main()
