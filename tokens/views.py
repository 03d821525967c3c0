"""The pages of the tokens room: accounts and how they stand, connecting one, ending one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import MemberRequest, member
from accounts.roles import Permission
from providers.kit.contract import Provider, Revokes, SignsInByForm
from tokens.connect import begin, finish, sign_in
from tokens.disconnect import disconnect, pause, resume
from tokens.forms import ConnectForm, filled_in
from tokens.models import OAuthToken, SocialAccount
from tokens.networks import UnknownNetwork, everything, network
from tokens.problems import Problem
from tokens.refresh import Outcome, refresh
from tokens.standing import Health, Standing, scopes, standing
from tokens.states import AccountState, TokenState


@dataclass(frozen=True, slots=True)
class Card:
    """One network on the accounts page: its form, or what is missing to set it up."""

    provider: Provider
    form: ConnectForm
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One account on the accounts page: how it stands and what can be done about it."""

    account: SocialAccount
    how: Standing
    problem: str
    granted: tuple[str, ...]
    lacking: tuple[str, ...]
    filled_in: dict[str, str] | None

    @property
    def can_reconnect(self) -> bool:
        """A paused one is resumed first: connecting it again would let its posts go."""
        return self.how.word not in (Health.NOT_SET_UP, Health.PAUSED)

    @property
    def urgent(self) -> bool:
        """Whether somebody has to connect it again."""
        return self.how.word in (Health.RECONNECT, Health.EXPIRING)

    @property
    def can_renew(self) -> bool:
        """Whether its network renews keys."""
        token = self.account.token
        alive = token is not None and token.can_refresh and token.state == TokenState.GOOD
        return alive and self.how.word != Health.NOT_SET_UP

    @property
    def can_pause(self) -> bool:
        """Whether anything goes out there."""
        return self.account.state == AccountState.CONNECTED and self.how.word != Health.RECONNECT

    @property
    def can_resume(self) -> bool:
        """Whether somebody paused it."""
        return self.account.state == AccountState.PAUSED


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
    except Problem as problem:
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
    except Problem as problem:
        messages.error(request, problem.words)
        return redirect("accounts")
    return _connected(request, account)


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
def renew_account(request: MemberRequest, pk: int) -> HttpResponse:
    """Renew its key now, and say how that ended."""
    account = _account(request, pk)
    try:
        outcome = refresh(account.token, timezone.now()) if account.token else Outcome.DEAD
    except UnknownNetwork as problem:
        messages.error(request, str(problem))
        return redirect("accounts")
    account = _account(request, pk)
    level, words = _renewed(account, account.token, outcome)
    messages.add_message(request, level, words)
    return redirect("accounts")


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
def pause_account(request: MemberRequest, pk: int) -> HttpResponse:
    """Nothing goes out there until it is resumed."""
    account = _account(request, pk)
    if pause(account):
        messages.success(request, f"{account} is paused: nothing goes out until you resume it.")
    else:
        messages.warning(request, f"{account} is not connected, so there is nothing to pause.")
    return redirect("accounts")


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
def resume_account(request: MemberRequest, pk: int) -> HttpResponse:
    """What waited for it goes on."""
    account = _account(request, pk)
    if resume(account):
        messages.success(request, f"{account} is resumed: what waited for it goes on.")
    else:
        messages.warning(request, f"{account} is not paused, so there is nothing to resume.")
    return redirect("accounts")


@require_http_methods(["GET", "POST"])
@member(Permission.CONNECT_ACCOUNTS)
def disconnect_account(request: MemberRequest, pk: int) -> HttpResponse:
    """Asked for, it says what will happen; sent, it happens."""
    account = _account(request, pk)
    if request.method == "POST":
        if disconnect(account, timezone.now()):
            messages.success(request, f"{account} is disconnected.")
        return redirect("accounts")
    token = account.token
    shared = token.accounts.exclude(pk=pk).held() if token else SocialAccount.objects.none()
    known = _known(account)
    context = {"account": account, "shared": shared, "tells": isinstance(known, Revokes)}
    return render(request, "tokens/disconnect.html", context)


def _renewed(account: SocialAccount, token: OAuthToken | None, outcome: Outcome) -> tuple[int, str]:
    """How a renewal ended: the level of the message and its words."""
    problem = token.problem if token else ""
    if token is None or token.state == TokenState.DEAD or outcome is Outcome.DEAD:
        return messages.ERROR, f"{account} has to be connected again. {problem}".strip()
    match outcome:
        case Outcome.REFRESHED | Outcome.STILL_GOOD:
            return messages.SUCCESS, f"The key of {account} is renewed."
        case Outcome.TRANSIENT:
            words = f"The key of {account} could not be renewed now; the present key stays."
            return messages.WARNING, f"{words} {problem}"
    if not token.can_refresh:
        return messages.INFO, f"{account.label} does not renew keys."
    if token.refresh_lease_until and token.refresh_lease_until > timezone.now():
        return messages.INFO, f"The key of {account} is being renewed by somebody else just now."
    return messages.WARNING, f"The key of {account} was not renewed. {problem}".strip()


def _account(request: MemberRequest, pk: int) -> SocialAccount:
    accounts = SocialAccount.objects.for_team(request.team).select_related("token")
    return get_object_or_404(accounts, pk=pk)


def _known(account: SocialAccount) -> Provider | None:
    try:
        return network(account.provider)
    except UnknownNetwork:
        return None


def _line(account: SocialAccount, at: datetime) -> Line:
    how, provider = standing(account, at), _known(account)
    problem = account.problem or (account.token.problem if account.token else "")
    granted, lacking = scopes(account)
    blanks = filled_in(provider, account) if provider else None
    return Line(account, how, "" if problem == how.words else problem, granted, lacking, blanks)


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
    at = timezone.now()
    accounts = SocialAccount.objects.for_team(request.team).select_related("token")
    context = {"lines": [_line(account, at) for account in accounts], "cards": cards}
    return render(request, "tokens/accounts.html", context, status=status)
