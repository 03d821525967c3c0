"""The Celery app: settings from Django; the tasks register when the workers room is loaded."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

app = Celery("postrider")
app.config_from_object("django.conf:settings", namespace="CELERY")
