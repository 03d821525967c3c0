"""The posting room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class PostingConfig(AppConfig):
    """Posts, results, attempts."""

    name = "posting"
