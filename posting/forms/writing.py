"""What people type into any form that writes a post."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from accounts.models import User
from accounts.states import WISHES, WhenLate, patience_choices
from posting.lateness import Lateness

MOMENT = "%Y-%m-%dT%H:%M"
MOST_TEXT = 100_000
FORMATS = [MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


def lines(words: str) -> str:
    """Line ends as networks count them; browsers send CR LF."""
    return words.replace("\r\n", "\n")


class WritingForm(forms.Form):
    """Text, moment, and what happens if it cannot go out in time."""

    text = forms.CharField(
        required=False,
        strip=False,
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 7, "autofocus": True}),
    )
    when = forms.DateTimeField(
        required=False,
        label="When",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT),
        input_formats=FORMATS,
    )
    late_after = forms.ChoiceField(required=False, label="publish anyway up to")
    when_late = forms.ChoiceField(required=False, label="after that", choices=WISHES)

    def __init__(self, *args: Any, person: User, late: Lateness, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.late = ZoneInfo(person.time_zone), late
        self.fields["when"].help_text = f"Empty means now. Your time zone: {person.time_zone}."
        after = self.fields["late_after"]
        assert isinstance(after, forms.ChoiceField)  # noqa: S101 - for mypy
        after.choices = patience_choices(late.after)
        self.initial.setdefault("late_after", f"{late.after.total_seconds():g}")
        self.initial.setdefault("when_late", late.then.value)

    def clean_text(self) -> str:
        """Line ends as networks count them."""
        return lines(str(self.cleaned_data["text"]))

    def clean_when(self) -> datetime | None:
        """The typed wall time in the author's own zone."""
        typed: datetime | None = self.cleaned_data["when"]
        if typed is None:
            return None
        return timezone.make_naive(typed).replace(tzinfo=self.zone)

    def say(self, problems: dict[str, list[str]]) -> None:
        """Each problem at its field; what is no field of this form (the files) on top of it."""
        for field, said in problems.items():
            self.add_error(field if field in self.fields else None, said)

    @property
    def lateness(self) -> Lateness:
        """What was chosen; what was not chosen stays as it was offered."""
        after, then = self.cleaned_data["late_after"], self.cleaned_data["when_late"]
        return Lateness(
            timedelta(seconds=float(after)) if after else self.late.after,
            WhenLate(then) if then else self.late.then,
        )
