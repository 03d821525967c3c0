"""Who may come in: every page of the product is behind `member`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from zoneinfo import available_timezones

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import Membership, Team, User
from accounts.roles import Permission, Role, may
from accounts.states import WhenLate

P = ParamSpec("P")
Answer = TypeVar("Answer", bound=HttpResponseBase)
TEAM_KEY = "team"


class MemberRequest(HttpRequest):
    """A request of a person who is a member: `team` and `membership` are set."""

    user: User
    team: Team
    membership: Membership


def member(
    permission: Permission,
) -> Callable[
    [Callable[Concatenate[MemberRequest, P], Answer]],
    Callable[Concatenate[HttpRequest, P], Answer],
]:
    """Guard a view: logged in, in a team, and allowed; everyone else gets 404."""

    def guard(
        view: Callable[Concatenate[MemberRequest, P], Answer],
    ) -> Callable[Concatenate[HttpRequest, P], Answer]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
            membership = current_membership(request)
            if membership is None or not may(membership.role, permission):
                raise Http404("nothing here for you")
            request.membership = membership  # type: ignore[attr-defined]
            request.team = membership.team  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)  # type: ignore[arg-type]

        return login_required(guarded)

    return guard


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership in the team chosen in this session, else in the person's oldest team."""
    mine = (
        Membership.objects.select_related("team")
        .filter(user_id=request.user.pk or 0)
        .order_by("pk")
    )
    chosen = request.session.get(TEAM_KEY)
    return (mine.filter(team_id=chosen).first() if chosen else None) or mine.first()


def memberships(user: User) -> list[Membership]:
    """Where a person belongs, by the names of the teams."""
    mine = Membership.objects.select_related("team").filter(user=user)
    return list(mine.order_by("team__name", "pk"))


def choose_team(request: MemberRequest, pk: int) -> Team | None:
    """Another team of this person's for the rest of the session; None if it is none of theirs."""
    mine = Membership.objects.select_related("team").filter(user=request.user, team=pk).first()
    if mine is None:
        return None
    request.session[TEAM_KEY] = mine.team_id
    return mine.team


def found_team(owner: User, name: str) -> Team:
    """A new team with its owner in it."""
    team = Team.objects.create(name=name)
    Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    return team


def wish_late(team: Team, after: timedelta | None, then: WhenLate) -> None:
    """What the team's new posts begin with; `after` None: as this site says."""
    Team.objects.filter(pk=team.pk).update(late_after=after, when_late=then)


def zone_like(words: str) -> str:
    """The name of the time zone that was meant, whatever its case and blanks; "" for none."""
    meant = "_".join(words.split()).casefold()
    return next((name for name in available_timezones() if name.casefold() == meant), "")


def describe(person: User, name: str, zone: str) -> None:
    """What a person is called and on which clocks they read; raises ValueError for no such zone."""
    if zone not in available_timezones():
        raise ValueError(f"time_zone: there is no time zone “{zone}”.")
    User.objects.filter(pk=person.pk).update(name=name, time_zone=zone)


def want_mail(person: User, *, wants: bool) -> None:
    """Whether what waits for a person is mailed to them."""
    User.objects.filter(pk=person.pk).update(wants_mail=wants)


def nobody_yet() -> bool:
    """Whether this installation still waits for its first owner."""
    return not User.objects.exists()


def choose_zone(team: Team, name: str) -> None:
    """The clocks on which the team's weekly slots are read; raises ValueError for no such zone."""
    if name not in available_timezones():
        raise ValueError(f"time_zone: there is no time zone “{name}”.")
    Team.objects.filter(pk=team.pk).update(time_zone=name)


def team_of(user: User) -> Team:
    """The oldest team of a person; raises Http404 for somebody without one."""
    membership = Membership.objects.select_related("team").filter(user=user).order_by("pk").first()
    if membership is None:
        raise Http404("this person belongs to no team")
    return membership.team
