"""The project as a Django app: it owns the frame templates, static files and start-up checks."""

from __future__ import annotations

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers the start-up checks."""

    name = "project"

    def ready(self) -> None:
        """Nothing to start; the app exists so that templates and static files are found."""
