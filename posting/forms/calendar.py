"""What people ask of the calendar, and what they type to move posts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from accounts.models import Team
from posting import calendar, sift
from posting.bulk import MOST
from posting.calendar import Filter, Span
from posting.forms.sifting import asked
from posting.models import Label
from posting.schedule import EXAMPLES, WEEK, Moment, NotUnderstood, typed
from posting.states import State

VIEWS = ("month", "week", "day", "list")
TOO_MANY = f"Choose {MOST} posts at most at a time."
FIRST, LAST = date(1970, 1, 1), date(2200, 1, 1)
SPAN = re.compile(r"([+-])\s?(\d{1,3})\s?(d|days?|w|weeks?)")


@dataclass(frozen=True, slots=True)
class Look:
    """What of the calendar is looked at; everything that is not understood is left out."""

    view: str
    day: date
    chosen: Filter
    selecting: bool = False

    @classmethod
    def of(cls, asked: QueryDict, today: date) -> Look:
        """As the address says."""
        view = asked.get("view", "")
        states = [State(one) for one in asked.getlist("state") if one in set(State)]
        chosen = Filter(_numbers(asked, "account"), tuple(states), _numbers(asked, "label"))
        day = _day(asked.get("day", ""), today)
        return cls(view if view in VIEWS else VIEWS[0], day, chosen, bool(asked.get("select")))

    @property
    def span(self) -> Span:
        """The days that are shown."""
        match self.view:
            case "day":
                return calendar.day_of(self.day)
            case "week":
                return calendar.week_of(self.day)
        return calendar.month_of(self.day, whole_weeks=self.view == "month")

    @property
    def before(self) -> date:
        """A day of the span before this one."""
        match self.view:
            case "day":
                return self.day - timedelta(days=1)
            case "week":
                return self.day - timedelta(days=WEEK)
        return (self.day.replace(day=1) - timedelta(days=1)).replace(day=1)

    @property
    def after(self) -> date:
        """A day of the span after this one."""
        match self.view:
            case "day" | "week":
                return self.span.end
        return (self.day.replace(day=1) + timedelta(days=32)).replace(day=1)

    @property
    def title(self) -> str:
        """Which days these are, in words."""
        first, last = self.span.first, self.span.end - timedelta(days=1)
        match self.view:
            case "day":
                return f"{first:%A} {first.day} {first:%B %Y}"
            case "week":
                start = f"{first.day}" if first.month == last.month else f"{first.day} {first:%b}"
                return f"{start} – {last.day} {last:%b %Y}"
        return f"{self.day:%B %Y}"

    def query(self, **change: Any) -> str:
        """The address of the same with a change, "?…"."""
        said: list[tuple[str, Any]] = [
            ("view", change.get("view", self.view)),
            ("day", change.get("day", self.day)),
            *(("account", pk) for pk in self.chosen.accounts),
            *(("state", state.value) for state in self.chosen.states),
            *(("label", pk) for pk in self.chosen.labels),
        ]
        if change.get("selecting", self.selecting):
            said.append(("select", "1"))
        return f"?{urlencode(said)}"


class MoveForm(forms.Form):
    """Another moment in words; `seen` is the version that the person saw."""

    when = forms.CharField(
        label="Move to",
        max_length=80,
        help_text=EXAMPLES,
        error_messages={"required": f"Write a time. {EXAMPLES}"},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    result = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, zone: ZoneInfo, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.at = zone, at
        self.moment: Moment | None = None

    def clean_when(self) -> str:
        """The words, understood as a moment ahead."""
        words = str(self.cleaned_data["when"])
        self.moment = _understood(words, self.zone, self.at)
        return words


class BulkForm(forms.Form):
    """What is to be done with many posts: those that are named, or `every` one that fits `match`.

    `check` asks what would become of them first.
    """

    do = forms.ChoiceField(
        choices=[(one, one) for one in ("move", "cancel", "delete", "again", "label")]
    )
    posts = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": "Choose at least one post."}
    )
    when = forms.CharField(required=False, max_length=80, label="Move to")
    check = forms.BooleanField(required=False)
    label = forms.ModelChoiceField(
        queryset=Label.objects.none(),
        required=False,
        error_messages={"invalid_choice": "This label is not there any more."},
    )

    def __init__(self, data: QueryDict, *, team: Team, zone: ZoneInfo, at: datetime) -> None:
        super().__init__(data)
        self.zone, self.at = zone, at
        self.to: datetime | timedelta = at
        posts, label = self.fields["posts"], self.fields["label"]
        assert isinstance(posts, forms.TypedMultipleChoiceField)  # noqa: S101 - for mypy
        assert isinstance(label, forms.ModelChoiceField)  # noqa: S101 - for mypy
        self.sent = _numbers(data, "posts")
        self.every = bool(data.get("every"))
        posts.required = not self.every
        if self.every:
            wish = asked(QueryDict(data.get("match", "")))
            self.sent = tuple(sift.found(sift.sifted(team, wish, zone, at)))
        posts.choices = [(pk, str(pk)) for pk in self.sent]
        label.queryset = Label.objects.filter(team=team)

    def clean_posts(self) -> list[int]:
        """Not more than can be done at once."""
        chosen: list[int] = list(self.sent) if self.every else self.cleaned_data["posts"]
        if not chosen:
            raise forms.ValidationError("No post fits this filter any more.")
        if len(chosen) > MOST:
            raise forms.ValidationError(f"{TOO_MANY} Narrow the filter, or tick some of them.")
        return chosen

    def clean(self) -> dict[str, Any]:
        """What the chosen act needs besides the posts."""
        data = super().clean() or {}
        match data.get("do"):
            case "move" if "when" in data:
                self._clean_move(data["when"])
            case "label" if not data.get("label") and "label" not in self.errors:
                self.add_error("label", "Choose a label.")
        return data

    def _clean_move(self, words: str) -> None:
        found = SPAN.fullmatch(words.strip().casefold())
        if found:
            days = int(found[2]) * (WEEK if found[3][0] == "w" else 1)
            self.to = timedelta(days=days if found[1] == "+" else -days)
            return
        try:
            self.to = _understood(words, self.zone, self.at).at
        except forms.ValidationError as problem:
            self.add_error("when", problem)


def _understood(words: str, zone: ZoneInfo, at: datetime) -> Moment:
    try:
        return typed(words, zone, at)
    except NotUnderstood as problem:
        raise forms.ValidationError(str(problem)) from None


def _numbers(asked: QueryDict, name: str) -> tuple[int, ...]:
    """The ids among these values; one that no row can have is none."""
    said = [one for one in asked.getlist(name) if one.isascii() and one.isdigit()]
    return tuple(int(one) for one in said if len(one) <= 18)


def _day(words: str, today: date) -> date:
    try:
        day = date.fromisoformat(words)
    except ValueError:
        return today
    return day if FIRST <= day <= LAST else today
