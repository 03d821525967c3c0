"""What the pages are made of: template loaders, what every template knows, and their policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

THEME_COOKIE = "postrider_theme"
THEMES = ("day", "night")


def theme(request: HttpRequest) -> dict[str, str]:
    """For every template: the theme that was chosen in this browser; "" follows the system."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return {"theme": chosen if chosen in THEMES else ""}


def templates() -> list[dict[str, Any]]:
    """The one engine.

    Components and partials each bring a loader that would silently put the other's aside if it
    were left to them, and unrendered components would reach the browser: so all stand here.
    """
    files = [
        "django_cotton.cotton_loader.Loader",
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
    cached = [("django.template.loaders.cached.Loader", files)]
    options = {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
            "project.pages.theme",
        ],
        "loaders": [("template_partials.loader.Loader", cached)],
        "builtins": [
            "django_cotton.templatetags.cotton",
            "template_partials.templatetags.partials",
        ],
    }
    return [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": options}]


def policy(*, trusted: Sequence[str] = (), storage: Sequence[str] = ()) -> dict[str, Any]:
    """The Content-Security-Policy: nothing but our own files, nothing inline.

    Forms lead to networks, which are asked by redirect: any site by https, and `trusted` (the
    practice street). Pictures and uploads go to and come from `storage` besides ourselves.
    """
    own = ["'self'", *storage]
    return {
        "DIRECTIVES": {
            "default-src": ["'none'"],
            "script-src": ["'self'"],
            "style-src": ["'self'"],
            "img-src": [*own, "data:", "blob:"],
            "media-src": [*own, "blob:"],
            "connect-src": own,
            "form-action": ["'self'", "https:", *trusted],
            "frame-ancestors": ["'none'"],
            "base-uri": ["'none'"],
        }
    }
