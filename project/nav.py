"""The way around: every place that the rail, the bar and the palette lead to, if its page exists.

An entry appears as soon as an address of its name exists, for whoever may go there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import Membership, Team
from accounts.roles import Permission, may
from posting.causes import attention
from posting.models import Post

MOST = 99


@dataclass(frozen=True, slots=True)
class Place:
    """An address by its name, with word, drawing and key; `bar`: it stands in the phone's bar.

    `within` names further pages that belong to it; `counted` says what of it is counted.
    """

    name: str
    label: str
    icon: str
    key: str = ""
    permission: Permission = Permission.READ
    staff: bool = False
    bar: bool = False
    within: tuple[str, ...] = ()
    counted: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A place that exists and that this person may go to, and how much waits there."""

    place: Place
    url: str
    current: bool
    count: str = ""


NEW = Place("new-post", "New post", "pen", "n", Permission.WRITE_POSTS, bar=True)
OF_POSTS = ("post", "edit-post", "late-posts", "causes")
PLACES = (
    Place("home", "Home", "home", "h", bar=True, counted="need you"),
    Place("calendar", "Calendar", "calendar", "c", bar=True),
    Place("queue", "Queue", "queue", "q", bar=True, within=("repeats", "new-repeat", "repeat")),
    Place(
        "drafts",
        "Drafts",
        "draft",
        permission=Permission.WRITE_POSTS,
        within=("draft",),
        counted="drafts",
    ),
    Place(
        "posts",
        "Posts",
        "list",
        "p",
        bar=True,
        within=(
            *("post", "edit-post", "late-posts", "causes"),
            *("import-posts", "import", "import-columns"),
        ),
    ),
    Place("accounts", "Accounts", "people", "a", within=("choose-accounts", "disconnect-account")),
    Place(
        "library",
        "Library",
        "picture",
        within=("new-template", "template", "delete-template", "labels", "label", "files"),
    ),
    Place("activity", "Activity", "pulse"),
    Place("settings", "Settings", "gear"),
    Place("team", "Team", "flag", permission=Permission.MANAGE_TEAM),
    Place("status", "Status", "gauge", staff=True),
)


def address(name: str) -> str:
    """The address of this name; "" while there is none."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def entries(request: HttpRequest) -> Iterator[Entry]:
    """The places that exist, in their order, for the person who asks."""
    for place in PLACES:
        if entry := entry_of(request, place):
            yield replace(entry, count=_count(request, place))


def _count(request: HttpRequest, place: Place) -> str:
    """How many wait there, "12" or "99+", by one short question; "" for none."""
    team: Team | None = getattr(request, "team", None)
    if not place.counted or team is None:
        return ""
    if place.name == "home":
        found = attention(team, timezone.now(), MOST + 1)
    else:
        found = Post.objects.drafts(team).order_by()[: MOST + 1].count()
    return f"{MOST}+" if found > MOST else str(found or "")


def entry_of(request: HttpRequest, place: Place) -> Entry | None:
    """One place, if it exists and the person who asks may go there."""
    url = address(place.name)
    if not url or (place.staff and not getattr(request.user, "is_staff", False)):
        return None
    membership: Membership | None = getattr(request, "membership", None)
    allowed = may(membership.role, place.permission) if membership else False
    if place.permission is not Permission.READ and not allowed:
        return None
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    return Entry(place, url, here == place.name or here in place.within)
