"""The project as a Django app: it owns the frame templates, static files and start-up checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string


class ProjectConfig(AppConfig):
    """The first app of every process: web, workers, beat, dispatcher, watchdog, commands."""

    name = "project"

    def ready(self) -> None:
        """Tell the error tracker if one is named; by its name, so that it is loaded only then."""
        if settings.SENTRY_DSN:
            import_string("project.tracker.start")()
