"""The Celery app: settings from Django; the tasks register when the workers room is loaded."""

from __future__ import annotations

import os
import sys
from types import TracebackType

from celery import Celery
from django.core.exceptions import ImproperlyConfigured


def in_one_sentence(
    kind: type[BaseException], problem: BaseException, trace: TracebackType | None
) -> None:
    """What is missing or wrong in the settings, without a traceback, whichever process it is."""
    if issubclass(kind, ImproperlyConfigured):
        sys.stderr.write(f"Postrider cannot start: {problem}\n")
    else:
        sys.__excepthook__(kind, problem, trace)


sys.excepthook = in_one_sentence
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

app = Celery("postrider")
app.config_from_object("django.conf:settings", namespace="CELERY")
