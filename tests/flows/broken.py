"""The settings of a site on which things break: the house's own, with the pages of breaking.py."""

from __future__ import annotations

from project.settings import *  # noqa: F403 - a settings module built on another

ROOT_URLCONF = "tests.flows.breaking"
CELERY_IMPORTS = ["tests.flows.breaking"]
