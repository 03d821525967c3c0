"""All addresses: each room mounts its own."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from project import health, views

urlpatterns = [
    path("", include("posting.urls")),
    path("", include("tokens.urls")),
    path("", include("accounts.urls")),
    path("theme/", views.choose_theme, name="theme"),
    path("status/", views.status, name="status"),
    path("find/", views.find, name="find"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("admin/", admin.site.urls),
]
