"""Wiring: settings, addresses, the Celery app; nothing else."""

from project.celery import app as celery_app

__all__ = ["celery_app"]
