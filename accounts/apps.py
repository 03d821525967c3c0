"""The accounts room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, teams, memberships."""

    name = "accounts"
