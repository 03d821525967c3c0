"""The tokens room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class TokensConfig(AppConfig):
    """Accounts at networks and the grants behind them."""

    name = "tokens"
