"""The Celery app: settings from Django; a message carries the correlation id of who sent it.

The tasks register when the workers room is loaded.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

from celery import Celery
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.core.exceptions import ImproperlyConfigured

from providers.kit.http import correlation

CARRIED = "postrider_correlation"


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


@before_task_publish.connect(dispatch_uid="project.correlation")
def _send_along(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Into the message, unless it was there: a retry keeps the id of the first try."""
    if headers is not None and correlation.get():
        headers.setdefault(CARRIED, correlation.get())


@task_prerun.connect(dispatch_uid="project.correlation")
def _take_up(task: Any = None, task_id: str = "", **_: Any) -> None:
    """Out of the message; what nobody asked for, as a job of beat, goes by its own id."""
    before = correlation.get()
    carried = getattr(task.request, CARRIED, None)
    correlation.set(str(carried or before or task_id.replace("-", "")))
    task.request.postrider_before = before


@task_postrun.connect(dispatch_uid="project.correlation")
def _put_down(task: Any = None, **_: Any) -> None:
    """The next task of this thread is another story."""
    correlation.set(getattr(task.request, "postrider_before", ""))
