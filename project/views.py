"""Pages of the frame itself: the theme, and finding things."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts.access import MemberRequest, current_membership, member
from accounts.roles import Permission
from posting import sift
from project.pages import THEME_COOKIE, THEMES
from project.survey import survey
from tokens.models import SocialAccount

A_YEAR = 365 * 24 * 3600
MOST = 6


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Day, night, or as the system says; kept in a cookie, so that no page flashes."""
    chosen = request.POST.get("theme", "")
    if chosen not in (*THEMES, "system"):
        raise Http404("no such theme")
    back = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    answer = redirect(back)
    if chosen == "system":
        answer.delete_cookie(THEME_COOKIE, samesite="Lax")
    else:
        secure = settings.SESSION_COOKIE_SECURE
        answer.set_cookie(THEME_COOKIE, chosen, max_age=A_YEAR, samesite="Lax", secure=secure)
    return answer


@require_GET
@member(Permission.READ)
def find(request: MemberRequest) -> HttpResponse:
    """What has these words in it: places, posts and accounts; a fragment for the palette."""
    asked = request.GET.get("q", "").strip()[:100]
    context: dict[str, Any] = {
        "asked": asked,
        "posts": [],
        "accounts": [],
        "searched": sift.SEARCHED,
    }
    if asked:
        posts = sift.searched(request.team, asked)
        accounts = SocialAccount.objects.for_team(request.team)
        context["posts"] = list(posts[:MOST])
        context["accounts"] = list(accounts.filter(handle__icontains=asked)[:MOST])
    name = "find.html#found" if request.headers.get("HX-Request") else "find.html"
    return render(request, name, context)


@require_GET
@login_required
def status(request: HttpRequest) -> HttpResponse:
    """How the house stands, for whoever runs it; nobody else learns that there is such a page."""
    if not getattr(request.user, "is_staff", False):
        raise Http404("nothing here for you")
    membership = current_membership(request)
    request.membership = membership  # type: ignore[attr-defined]
    request.team = membership.team if membership else None  # type: ignore[attr-defined]
    context = {"seen": survey(), "flower_url": settings.FLOWER_URL}
    return render(request, "status.html", context)
