"""The list of a team's posts: filtered, page by page, and as a table to take along."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import MemberRequest, member
from accounts.models import User
from accounts.roles import Permission
from posting import bulk, sift
from posting.export import export
from posting.forms import asked
from posting.models import Label
from tokens.models import SocialAccount

PAGE = 25
BOM = "\ufeff"
"""What tells spreadsheets that this is UTF-8."""


@require_GET
@member(Permission.READ)
def post_list(request: MemberRequest) -> HttpResponse:
    """The team's posts that were asked for; for htmx the list alone, with its own address."""
    wish, at = asked(request.GET), timezone.now()
    rows = sift.sifted(request.team, wish, ZoneInfo(request.user.time_zone), at)
    # Without a filter all can be counted and turned to; with one the first of them.
    found = sift.found(rows) if wish.chosen else None
    over = found is not None and len(found) > sift.MOST
    pks: Any = rows.values_list("pk", flat=True) if found is None else found[: sift.MOST]
    page = Paginator(pks, PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "posts": sift.shown(list(page)), "sift": wish, "over": over}
    context |= {"selecting": bool(request.GET.get("select")), "searched": sift.SEARCHED}
    context |= {"most": bulk.MOST} | _choices(request)
    if not request.headers.get("HX-Request"):
        return render(request, "posting/posts.html", context)
    answer = render(request, "posting/posts.html#listed", context)
    if request.headers.get("HX-Trigger") == "sift":
        answer["HX-Push-Url"] = f"{reverse('posts')}?{wish.query}".rstrip("?")
    return answer


@require_GET
@member(Permission.READ)
def export_posts(request: MemberRequest) -> StreamingHttpResponse:
    """All that fits, a row for each delivery; sent while it is read."""
    zone, at = ZoneInfo(request.user.time_zone), timezone.now()
    lines = export(sift.sifted(request.team, asked(request.GET), zone, at), zone)
    answer = StreamingHttpResponse(_marked(lines), content_type="text/csv; charset=utf-8")
    day = f"{at.astimezone(zone):%Y-%m-%d}"
    answer["Content-Disposition"] = f'attachment; filename="posts-{day}.csv"'
    return answer


def _marked(lines: Any) -> Any:
    yield BOM
    yield from lines


def _choices(request: MemberRequest) -> dict[str, Any]:
    """What the filter offers."""
    return {
        "accounts": list(SocialAccount.objects.for_team(request.team)),
        "labels": list(Label.objects.filter(team=request.team)),
        "people": list(User.objects.filter(memberships__team=request.team).order_by("pk")),
    }
