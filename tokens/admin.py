"""Accounts and grants in the admin site; sealed columns are never shown."""

from __future__ import annotations

from django.contrib import admin

from tokens.models import ClientApp, OAuthToken, SocialAccount


@admin.register(SocialAccount)
class SocialAccountAdmin(admin.ModelAdmin[SocialAccount]):
    """Accounts with their health."""

    list_display = ["provider", "handle", "team", "state", "blocked_until"]
    list_filter = ["provider", "state"]
    search_fields = ["handle", "external_id"]
    exclude = ["key_sealed"]


@admin.register(OAuthToken)
class OAuthTokenAdmin(admin.ModelAdmin[OAuthToken]):
    """Grants: when they expire and what became of the last refresh."""

    list_display = ["provider", "team", "state", "expires_at", "version", "problem"]
    list_filter = ["provider", "state"]
    exclude = ["access_sealed", "refresh_sealed", "proof_sealed"]
    readonly_fields = ["version", "refresh_epoch", "refresh_lease_until"]


@admin.register(ClientApp)
class ClientAppAdmin(admin.ModelAdmin[ClientApp]):
    """Our apps at instances."""

    list_display = ["provider", "host", "created_at"]
    exclude = ["secret_sealed"]
