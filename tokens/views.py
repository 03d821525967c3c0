"""The pages of the tokens room: accounts and how they stand, connecting one, ending one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import activity
from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from providers.kit.contract import Provider, Revokes, Way
from providers.kit.errors import NetworkError
from tokens.choose import Connected, Holder, candidates, choose, decline, settle
from tokens.codes import Code
from tokens.connect import begin, document, finish, offered_ways, sign_in
from tokens.disconnect import disconnect, pause, resume
from tokens.forms import ChoiceForm, ConnectForm, filled_in, way_of
from tokens.models import SocialAccount
from tokens.networks import UnknownNetwork, everything, network
from tokens.problems import Problem
from tokens.refresh import Outcome
from tokens.renew import renew_account as renew
from tokens.renew import renew_all
from tokens.status import AccountStatus, statuses

P = ParamSpec("P")
CHOOSING = "choosing"  # in the session: the grants that are being chosen from, and for which team
MOST_CHOICES = 9


@dataclass(frozen=True, slots=True)
class Card:
    """One network on the accounts page: a form for each way, or what is missing to set it up."""

    provider: Provider
    forms: tuple[ConnectForm, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One account on the accounts page, and what its connect form is sent with."""

    status: AccountStatus
    filled_in: dict[str, str] | None


def told(
    view: Callable[Concatenate[MemberRequest, P], HttpResponse],
) -> Callable[Concatenate[MemberRequest, P], HttpResponse]:
    """A Problem of the verb is said on the accounts page; what is not the team's is 404."""

    @wraps(view)
    def telling(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Problem as problem:
            if problem.code is Code.ACCOUNT_NOT_FOUND:
                raise Http404("no such account") from None
            _say(request, problem)
            return redirect("accounts")

    return telling


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
    form = ConnectForm(provider, way_of(provider, request.POST.get("way", "")), request.POST.dict())
    if not form.is_valid():
        return _page(request, form=form, name=name, status=422)
    who: dict[str, Any] = {"user": request.user, "team": request.team}
    try:
        if form.way is Way.FORM:
            account = sign_in(name, form.cleaned_data, **who, at=timezone.now())
            return _connected(request, [account])
        url = begin(name, form.cleaned_data, **who, session=_session(request), at=timezone.now())
    except Problem as problem:
        form.add_error(None, problem.words)
        return _page(request, form=form, name=name, status=422)
    return HttpResponseRedirect(url)


@require_GET
@member(Permission.CONNECT_ACCOUNTS)
@told
def callback(request: MemberRequest) -> HttpResponse:
    """Back from a network's page: finish the dance, or say why not."""
    who: dict[str, Any] = {"user": request.user, "team": request.team}
    granted = finish(request.GET.dict(), **who, session=_session(request), at=timezone.now())
    connected = settle(granted, timezone.now())
    if connected.offered:
        return _to_choice(request, connected)
    return _connected(request, connected.accounts)


@require_http_methods(["GET", "POST"])
@member(Permission.CONNECT_ACCOUNTS)
@told
def choose_accounts(request: MemberRequest, key: UUID) -> HttpResponse:
    """Asked for, it shows what a grant offers; sent, it attaches what was chosen."""
    _only_whoever_connected(request, key)
    choice = candidates(key, request.team, timezone.now())
    if not choice:
        messages.warning(request, "This choice was made already or came too late; connect again.")
        return redirect("accounts")
    form = ChoiceForm(choice, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        settled = any(one.holder is Holder.US for one in choice)
        context = {"key": key, "form": form, "choice": choice, "settled": settled}
        status = 422 if form.is_bound else 200
        return render(request, "tokens/choose.html", context, status=status)
    who: dict[str, Any] = {"user": request.user, "team": request.team, "at": timezone.now()}
    connected = choose(key, form.cleaned_data["chosen"], **who)
    return _connected(request, connected.accounts, connected.refused)


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
@told
def leave_choice(request: MemberRequest, key: UUID) -> HttpResponse:
    """Connect none of what is offered."""
    _only_whoever_connected(request, key)
    decline(key, request.team)
    messages.info(request, "Nothing more was connected.")
    return redirect("accounts")


@require_GET
def client_document(_request: HttpRequest, name: str) -> HttpResponse:
    """What this site says about itself to servers that know it by this address; for everybody."""
    try:
        said = document(name)
    except (UnknownNetwork, NetworkError):  # our signing key is none: `check_provider` says so
        said = None
    if said is None:
        raise Http404("this site is not known by a document there")
    return JsonResponse(said)


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
@told
def renew_account(request: MemberRequest, pk: int) -> HttpResponse:
    """Renew its key now, and say how that ended."""
    renewed = renew(pk, team=request.team, at=timezone.now())
    account = _account(request, pk)
    if renewed.outcome is Outcome.SKIPPED:
        messages.info(request, f"The key of {account} is being renewed by somebody else just now.")
    else:
        messages.success(request, f"The key of {account} is renewed.")
    return redirect("accounts")


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
@told
def renew_due(request: MemberRequest) -> HttpResponse:
    """Renew every key whose time has come, and say how many were and why others were not."""
    ends = renew_all(request.team, timezone.now())
    good = [end for end in ends if not end.problem and end.outcome is not Outcome.SKIPPED]
    if good or not ends:
        messages.success(request, f"{len(good)} of {len(ends)} keys that were due are renewed.")
    for end in ends:
        if end.problem:
            _say(request, end.problem)
    return redirect("accounts")


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
@told
def pause_account(request: MemberRequest, pk: int) -> HttpResponse:
    """Nothing goes out there until it is resumed."""
    account = _account(request, pk)
    if noted(request, Kind.PAUSED, f"Paused {account}", lambda: pause(account)):
        messages.success(request, f"{account} is paused: nothing goes out until you resume it.")
    else:
        messages.warning(request, f"{account} is not connected, so there is nothing to pause.")
    return redirect("accounts")


@require_POST
@member(Permission.CONNECT_ACCOUNTS)
@told
def resume_account(request: MemberRequest, pk: int) -> HttpResponse:
    """What waited for it goes on."""
    account = _account(request, pk)
    if noted(request, Kind.PAUSED, f"Resumed {account}", lambda: resume(account)):
        messages.success(request, f"{account} is resumed: what waited for it goes on.")
    else:
        messages.warning(request, f"{account} is not paused, so there is nothing to resume.")
    return redirect("accounts")


@require_http_methods(["GET", "POST"])
@member(Permission.CONNECT_ACCOUNTS)
@told
def disconnect_account(request: MemberRequest, pk: int) -> HttpResponse:
    """Asked for, it says what will happen; sent, it happens."""
    account = _account(request, pk)
    if request.method == "POST":
        words, at = f"Disconnected {account}", timezone.now()
        if noted(request, Kind.DISCONNECTED, words, lambda: disconnect(account, at)):
            messages.success(request, f"{account} is disconnected.")
        return redirect("accounts")
    token = account.token
    shared = token.accounts.exclude(pk=pk).held() if token else SocialAccount.objects.none()
    known = _known(account)
    context = {"account": account, "shared": shared, "tells": isinstance(known, Revokes)}
    return render(request, "tokens/disconnect.html", context)


def _say(request: MemberRequest, problem: Problem) -> None:
    """What went wrong, as loud as it is."""
    quiet = {Code.NO_REFRESH_TOKEN: messages.INFO, Code.OAUTH_CANCELLED: messages.INFO}
    loud = messages.WARNING if problem.retryable else messages.ERROR
    messages.add_message(request, quiet.get(problem.code, loud), problem.words)


def noted(request: MemberRequest, kind: Kind, words: str, act: Callable[[], bool]) -> bool:
    """Do it and keep in the team's activity that it was done: both or neither."""
    with transaction.atomic():
        done = act()
        if done:
            path = reverse("accounts")
            activity.note(request.team, request.user, kind, words, timezone.now(), path)
    return done


def _account(request: MemberRequest, pk: int) -> SocialAccount:
    accounts = SocialAccount.objects.for_team(request.team).select_related("token")
    return get_object_or_404(accounts, pk=pk)


def _known(account: SocialAccount | AccountStatus) -> Provider | None:
    try:
        return network(account.provider)
    except UnknownNetwork:
        return None


def _line(status: AccountStatus) -> Line:
    provider = _known(status)
    return Line(status, filled_in(provider, status) if provider else None)


def _connected(
    request: MemberRequest, accounts: Sequence[SocialAccount], refused: Sequence[Problem] = ()
) -> HttpResponse:
    if accounts:
        names = ", ".join(str(account) for account in accounts)
        messages.success(request, f"{names} {'is' if len(accounts) == 1 else 'are'} connected.")
    for problem in refused:
        messages.error(request, problem.words)
    return redirect("accounts")


def _to_choice(request: MemberRequest, connected: Connected) -> HttpResponse:
    """The page on which to choose belongs to this browser, person and team."""
    key = str(connected.token.pk)
    last = list(request.session.get(CHOOSING, {}).items())[-MOST_CHOICES:]
    request.session[CHOOSING] = {**dict(last), key: request.team.pk}
    return redirect("choose-accounts", key=key)


def _only_whoever_connected(request: MemberRequest, key: UUID) -> None:
    if request.session.get(CHOOSING, {}).get(str(key)) != request.team.pk:
        raise Http404("nothing to choose here")


def _session(request: MemberRequest) -> str:
    if not request.session.session_key:
        request.session.save()
    return request.session.session_key or ""


def _page(
    request: MemberRequest, *, form: ConnectForm | None = None, name: str = "", status: int = 200
) -> HttpResponse:
    def forms(provider: Provider) -> tuple[ConnectForm, ...]:
        sent = form if form and provider.name == name else None
        offered = offered_ways(provider)
        return tuple(sent if sent and sent.way is w else ConnectForm(provider, w) for w in offered)

    cards = [Card(p, forms(p), p.missing()) for p in everything()]
    at = timezone.now()
    accounts = statuses(request.team, at)
    due = any(account.due(at) for account in accounts)
    context = {"lines": [_line(account) for account in accounts], "cards": cards, "due": due}
    return render(request, "tokens/accounts.html", context, status=status)
