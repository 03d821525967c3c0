"""The pages of the accounts room: dismissing what a team has read."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.access import MemberRequest, member
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
