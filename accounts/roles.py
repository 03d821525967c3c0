"""What each role may do: one table."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """One thing that a member may or may not do."""

    READ = "read"
    WRITE_POSTS = "write_posts"
    CONNECT_ACCOUNTS = "connect_accounts"
    MANAGE_TEAM = "manage_team"


class Role(StrEnum):
    """What a member is in a team."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.EDITOR: frozenset({Permission.READ, Permission.WRITE_POSTS}),
    Role.VIEWER: frozenset({Permission.READ}),
}


def may(role: str, permission: Permission) -> bool:
    """Whether a member with this role may do this; unknown roles may nothing."""
    return role in set(Role) and permission in ALLOWED[Role(role)]
