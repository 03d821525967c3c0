"""The pages of the accounts room: a team's wishes, and dismissing what it has read."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import MemberRequest, member, wish_late
from accounts.forms import TeamForm
from accounts.models import Notice
from accounts.notify import dismiss
from accounts.roles import Permission


@require_POST
@member(Permission.READ)
def dismiss_notice(request: MemberRequest, pk: int) -> HttpResponse:
    """Somebody has read it; dismissed twice, it stays dismissed."""
    mine = Notice.objects.filter(team=request.team, pk=pk)
    if not dismiss(request.team, pk, timezone.now()) and not mine.exists():
        raise Http404("no such notice")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = settings.LOGIN_REDIRECT_URL
    return redirect(back)


@require_http_methods(["GET", "POST"])
@member(Permission.MANAGE_TEAM)
def team_page(request: MemberRequest) -> HttpResponse:
    """How late the team's posts may be, unless a post says otherwise."""
    form = TeamForm(request.POST or None, team=request.team)
    if request.method == "POST" and form.is_valid():
        wish_late(request.team, *form.wish)
        messages.success(request, "Saved. New posts begin with this; written ones keep theirs.")
        return redirect("team")
    status = 422 if form.errors else 200
    return render(request, "accounts/team.html", {"form": form}, status=status)
