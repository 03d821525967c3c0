"""The pages of the tokens room: accounts, connecting one, coming back from its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import MemberRequest, member
from accounts.roles import Permission
from providers.kit.contract import Provider, SignsInByForm
from tokens.connect import ConnectError, begin, finish, sign_in
from tokens.forms import ConnectForm
from tokens.models import SocialAccount
from tokens.networks import UnknownNetwork, everything, network


@dataclass(frozen=True, slots=True)
class Card:
    """One network on the accounts page: its form, or what is missing to set it up."""

    provider: Provider
    form: ConnectForm
    missing: tuple[str, ...]


@require_GET
@member(Permission.READ)
def account_list(request: MemberRequest) -> HttpResponse:
    """The team's accounts and the networks that can be connected."""
    return _page(request)


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
def connect(request: MemberRequest, name: str) -> HttpResponse:
    """Begin a connection: off to the network's page, or done at once by form."""
    try:
        provider = network(name)
    except UnknownNetwork:
        raise Http404("no such network") from None
    form = ConnectForm(provider, request.POST.dict())
    if not form.is_valid():
        return _page(request, form=form, name=name, status=422)
    who: dict[str, Any] = {"user": request.user, "team": request.team}
    try:
        if isinstance(provider, SignsInByForm):
            account = sign_in(name, form.cleaned_data, **who, at=timezone.now())
            return _connected(request, account)
        url = begin(name, form.cleaned_data, **who, session=_session(request), at=timezone.now())
    except ConnectError as problem:
        form.add_error(None, problem.words)
        return _page(request, form=form, name=name, status=422)
    return HttpResponseRedirect(url)


@require_GET
@member(Permission.CONNECT_ACCOUNTS)
def callback(request: MemberRequest) -> HttpResponse:
    """Back from a network's page: finish the dance, or say why not."""
    try:
        account = finish(
            request.GET.dict(),
            user=request.user,
            team=request.team,
            session=_session(request),
            at=timezone.now(),
        )
    except ConnectError as problem:
        messages.error(request, problem.words)
        return redirect("accounts")
    return _connected(request, account)


def _connected(request: MemberRequest, account: SocialAccount) -> HttpResponse:
    messages.success(request, f"{account.label} {account.handle} is connected.")
    return redirect("accounts")


def _session(request: MemberRequest) -> str:
    if not request.session.session_key:
        request.session.save()
    return request.session.session_key or ""


def _page(
    request: MemberRequest, *, form: ConnectForm | None = None, name: str = "", status: int = 200
) -> HttpResponse:
    cards = [
        Card(p, form if form and p.name == name else ConnectForm(p), p.missing())
        for p in everything()
    ]
    accounts = SocialAccount.objects.for_team(request.team).select_related("token")
    return render(
        request, "tokens/accounts.html", {"accounts": accounts, "cards": cards}, status=status
    )
