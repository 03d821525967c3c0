"""The control's Celery app: workers without the fence and without the look-up.

Test code only: production has no switch for this. `celery -A tests.chaos.naive worker`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import django
from celery.signals import worker_init

from project.celery import app

__all__ = ["app"]


@worker_init.connect
def take_the_fence_away(**_: Any) -> None:
    """Before the first task: models may be imported only once Django is ready."""
    django.setup()
    import_module("tests.chaos.unfenced").replace()
