"""Home, and everything that keeps posts from going out, gathered by cause."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET, require_POST

from accounts import activity
from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting.causes import NotFixed, causes, posts_of, release
from posting.models import PostResult
from posting.overview import overview
from posting.views.polled import polled

PAGE, MOST_CAUSES = 10, 10


@require_GET
@member(Permission.READ)
def home(request: MemberRequest) -> HttpResponse:
    """What needs attention first, then what goes out next; for htmx the changing piece alone."""
    context = {"seen": overview(request.team, zone_of(request), timezone.now())}
    if request.headers.get("HX-Request"):
        return polled(request, "posting/home.html#now", context)
    return render(request, "posting/home.html", context)


@require_GET
@member(Permission.READ)
def cause_list(request: MemberRequest) -> HttpResponse:
    """Every cause; the posts of the one that was asked for, or of the first."""
    at = timezone.now()
    found = causes(request.team, at)
    asked = request.GET.get("cause", "")
    chosen = next((one for one in found if one.key == asked), found[0] if found else None)
    rows = posts_of(request.team, chosen.key, at) if chosen else PostResult.objects.none()
    page = Paginator(rows.values_list("pk", flat=True), PAGE).get_page(request.GET.get("page"))
    query = urlencode({"cause": chosen.key}) if chosen else ""
    context: dict[str, Any] = {"causes": found, "chosen": chosen, "page": page, "query": query}
    context["results"] = rows.filter(pk__in=list(page))
    context["shown"] = found if request.GET.get("all") else found[:MOST_CAUSES]
    return render(request, "posting/causes.html", context)


@require_POST
@member(Permission.WRITE_POSTS)
def release_cause(request: MemberRequest) -> HttpResponse:
    """What was fixed goes on, in the order of its plan, paced by the gates of its networks."""
    key, at = request.POST.get("cause", ""), timezone.now()
    try:
        with transaction.atomic():
            count = release(request.team, key, at)
            posts = "1 post goes" if count == 1 else f"{count} posts go"
            words = f"{posts} on, in the order of the plan and not all at once."
            if count:
                path = reverse("causes")
                activity.note(request.team, request.user, Kind.RELEASED, words, at, path)
    except NotFixed as problem:
        messages.warning(request, str(problem))
        return redirect(f"{reverse('causes')}?{urlencode({'cause': key})}")
    if count:
        messages.success(request, words)
    else:
        messages.info(request, "Nothing waits for that any more.")
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if safe else "home")


def zone_of(request: MemberRequest) -> ZoneInfo:
    """The zone of whoever looks."""
    try:
        return ZoneInfo(request.user.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
