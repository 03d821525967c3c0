"""What people choose to let a post come again: texts, accounts, days, a time and an end."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, time
from typing import Any, cast

from django import forms
from django.http import QueryDict

from accounts.models import Team
from posting import repeats
from posting.forms.composing import AccountsForm
from posting.forms.writing import MOST_TEXT, lines
from posting.models import Repeat
from posting.recur import Frequency, NoRule, Rule, understood
from posting.schedule import LONG_DAYS

ADVANCED = "advanced"
HOW = (
    (Frequency.DAILY, "Every day"),
    (Frequency.WEEKLY, "Every week"),
    (Frequency.MONTHLY, "Every month"),
    (ADVANCED, "By a rule"),
)
ENDS = (("never", "Never"), ("until", "On a day"), ("count", "After so many times"))
MOST_TEXTS = 20
DAY, HOUR = "%Y-%m-%d", "%H:%M"


def _on(kind: str) -> dict[str, str]:
    return {"type": kind}


class RepeatForm(AccountsForm):
    """A repeat; `key` makes a form that is sent twice one, `seen` is the revision shown."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    text = forms.CharField(required=False, strip=False)
    how = forms.ChoiceField(choices=HOW, widget=forms.RadioSelect, label="How often")
    interval = forms.IntegerField(
        required=False, label="Every how many days, weeks or months", min_value=1, max_value=365
    )
    weekdays = forms.TypedMultipleChoiceField(
        required=False,
        coerce=int,
        choices=[(number, name.title()) for number, name in enumerate(LONG_DAYS)],
        widget=forms.CheckboxSelectMultiple,
    )
    rule = forms.CharField(
        required=False,
        max_length=300,
        label="Rule",
        widget=forms.TextInput(
            attrs={"placeholder": "FREQ=MONTHLY;BYDAY=2TU", "autocomplete": "off"}
        ),
        help_text="In the words of iCalendar: FREQ=MONTHLY;BYDAY=2TU is every second Tuesday.",
    )
    starts_on = forms.DateField(label="From", widget=forms.DateInput(attrs=_on("date"), format=DAY))
    wall_time = forms.TimeField(label="At", widget=forms.TimeInput(attrs=_on("time"), format=HOUR))
    zone = forms.CharField(
        max_length=64,
        label="On the clocks of",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    ends = forms.ChoiceField(choices=ENDS, widget=forms.RadioSelect, label="It ends")
    until = forms.DateField(
        required=False, label="The last day", widget=forms.DateInput(attrs=_on("date"), format=DAY)
    )
    count = forms.IntegerField(
        required=False, label="How many times", min_value=1, max_value=10_000
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(team)
        self.chosen_rule: Rule | None = None

    @property
    def texts(self) -> list[str]:
        """The texts as they stand, with blanks."""
        if not self.is_bound:
            return list(self.initial.get("texts", [])) or [""]
        data = cast(QueryDict, self.data)
        return [lines(one)[:MOST_TEXT] for one in data.getlist("text")[:MOST_TEXTS]] or [""]

    @property
    def said_texts(self) -> list[str]:
        """Those that say something."""
        return [one for one in self.texts if one.strip()]

    def clean(self) -> dict[str, Any]:
        """The rule that was chosen, if it can be followed."""
        data = super().clean() or {}
        if data.get("ends") == "until" and not data.get("until") and "until" not in self.errors:
            self.add_error("until", "Choose the last day.")
        if data.get("ends") == "count" and not data.get("count") and "count" not in self.errors:
            self.add_error("count", "Say how many times.")
        if not self.errors:
            try:
                self.chosen_rule = _rule(data)
            except NoRule as problem:
                self.add_error("rule", str(problem))
            else:
                self.say(self.chosen_rule.problems())
        return data

    def say(self, problems: dict[str, list[str]]) -> None:
        """Each problem at its field."""
        for field, said in problems.items():
            self.add_error(field if field in self.fields else None, said)


def _rule(data: dict[str, Any]) -> Rule:
    advanced = data["how"] == ADVANCED
    weekly = data["how"] == Frequency.WEEKLY
    plain = Rule(
        frequency=Frequency.DAILY if advanced else Frequency(data["how"]),
        starts_on=data["starts_on"],
        wall_time=data["wall_time"],
        zone=data["zone"].strip(),
        interval=1 if advanced else data["interval"] or 1,
        weekdays=tuple(data["weekdays"]) if weekly else (),
        until=data["until"] if data["ends"] == "until" else None,
        count=data["count"] if data["ends"] == "count" else None,
    )
    return understood(data["rule"], plain) if advanced else plain


def blank_repeat(zone: str, day: date, at: time = time(9), texts: list[str] | None = None) -> Any:
    """What stands in the form before somebody types."""
    return {
        "key": uuid.uuid4(),
        "texts": texts or [""],
        "how": Frequency.WEEKLY.value,
        "interval": 1,
        "weekdays": [day.weekday()],
        "starts_on": day,
        "wall_time": at,
        "zone": zone,
        "ends": "never",
    }


def shown_repeat(repeat: Repeat) -> dict[str, Any]:
    """A repeat as it stands, for the form."""
    rule = repeats.rule_of(repeat)
    ends = "until" if rule.until else "count" if rule.count else "never"
    simple = not rule.pattern and rule.frequency is not Frequency.YEARLY
    return {
        "key": repeat.key,
        "seen": repeat.revision,
        "texts": list(repeat.texts),
        "accounts": [account.pk for account in repeat.accounts.all()],
        "how": rule.frequency.value if simple else ADVANCED,
        "rule": "" if simple else replace(rule, until=None, count=None).text,
        "interval": rule.interval,
        "weekdays": list(rule.weekdays),
        "starts_on": rule.starts_on,
        "wall_time": rule.wall_time,
        "zone": rule.zone,
        "ends": ends,
        "until": rule.until,
        "count": rule.count,
    }
