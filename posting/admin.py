"""Posts, results and attempts in the admin site, to read."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from posting.models import Attempt, Post, PostResult


@admin.register(Post)
class PostAdmin(admin.ModelAdmin[Post]):
    """Posts."""

    list_display = ["__str__", "team", "author", "due_at", "created_at"]


@admin.register(PostResult)
class PostResultAdmin(admin.ModelAdmin[PostResult]):
    """Results; their state is never written here."""

    list_display = ["post", "account", "state", "due_at", "attempts", "error"]
    list_filter = ["state", "provider"]
    exclude = ["saved"]

    def has_change_permission(self, request: HttpRequest, obj: PostResult | None = None) -> bool:
        """Only the engine moves a result."""
        return False


@admin.register(Attempt)
class AttemptAdmin(admin.ModelAdmin[Attempt]):
    """Attempts: history, never changed."""

    list_display = ["result", "number", "kind", "outcome", "http_status", "started_at"]
    list_filter = ["kind", "outcome"]

    def has_change_permission(self, request: HttpRequest, obj: Attempt | None = None) -> bool:
        """History does not change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Attempt | None = None) -> bool:
        """History does not go."""
        return False
