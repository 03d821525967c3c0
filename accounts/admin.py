"""People and teams in the admin site."""

from __future__ import annotations

from django.contrib import admin

from accounts.models import Membership, Team, User


class MembershipInline(admin.TabularInline[Membership, Team]):
    """Members on the page of their team."""

    model = Membership
    extra = 0


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    """People; passwords are not shown or typed here."""

    list_display = ["email", "name", "is_staff", "is_active", "joined_at"]
    search_fields = ["email", "name"]
    exclude = ["password"]
    readonly_fields = ["last_login", "joined_at"]


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin[Team]):
    """Teams with their members."""

    list_display = ["name", "created_at"]
    inlines = [MembershipInline]
