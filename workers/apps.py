"""The workers room as a Django app: it answers the doorbell and keeps the jobs of the house."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from workers import mend


class WorkersConfig(AppConfig):
    """Loads every module that holds tasks or listens, once the models are there."""

    name = "workers"

    def ready(self) -> None:
        """Mend kombu and let the tasks, the doorbell's listener and the jobs register."""
        mend.apply()
        autodiscover_modules("dispatch", "refresh", "sweep", "ahead", "pulse", "jobs")
