"""What people type to write a post, and to change one that has not gone out yet."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Team, User
from accounts.states import WISHES, WhenLate, patience_choices
from posting import lateness
from posting.compose import check, made_by, warnings
from posting.lateness import Lateness
from posting.models import Post
from posting.rules import Files, Words
from tokens.models import SocialAccount

MOMENT = "%Y-%m-%dT%H:%M"
MOST_TEXT = 100_000
NOT_YOURS = dict.fromkeys(
    ("invalid_choice", "invalid_pk_value"), "One of these accounts is not yours."
)


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
        input_formats=[MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
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
        """Line ends as networks count them; browsers send CR LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

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


class PostForm(WritingForm):
    """A new post, with its accounts; `key` makes a form that is sent twice one post."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    accounts = forms.ModelMultipleChoiceField(
        queryset=SocialAccount.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages=NOT_YOURS,
    )

    def __init__(
        self, *args: Any, team: Team, author: User, media: Files = (), **kwargs: Any
    ) -> None:
        kwargs.setdefault("initial", {"key": uuid.uuid4()})
        self.media_chosen = media
        super().__init__(*args, person=author, late=lateness.of_team(team), **kwargs)
        self.team = team
        self.warnings: list[str] = []
        accounts = self.fields["accounts"]
        assert isinstance(accounts, forms.ModelMultipleChoiceField)  # noqa: S101 - for mypy
        accounts.queryset = SocialAccount.objects.for_team(team).select_related("token")

    @property
    def made(self) -> Post | None:
        """The post that this very form made when it came before; asked before it is judged anew.

        Its moment may have passed since, its account may have gone: none of that counts any more.
        """
        try:
            key = self.fields["key"].clean(self["key"].data)
        except ValidationError:
            return None
        return made_by(self.team, key)

    def clean(self) -> dict[str, Any]:
        """All rules at once, each problem at its field."""
        data = super().clean() or {}
        if not self.errors:
            accounts, when, at = list(data["accounts"]), data.get("when"), timezone.now()
            media = self.media_chosen
            wrong = check(Words(data["text"], media=media), accounts, self.team, when, at)
            if not {"accounts", "when"} & wrong.keys():
                self.warnings = warnings(accounts, when, at, self.zone, media=media)
            self.say(wrong)
        return data


class SplitForm(forms.Form):
    """A text that is to become a thread; `apart`: each network gets parts of its own."""

    text = forms.CharField(
        strip=False, max_length=MOST_TEXT, error_messages={"required": "Write something first."}
    )
    accounts = forms.ModelMultipleChoiceField(
        queryset=SocialAccount.objects.none(),
        error_messages={"required": "Choose at least one account.", **NOT_YOURS},
    )
    number = forms.BooleanField(required=False)
    apart = forms.BooleanField(required=False)

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = self.fields["accounts"]
        assert isinstance(accounts, forms.ModelMultipleChoiceField)  # noqa: S101 - for mypy
        accounts.queryset = SocialAccount.objects.for_team(team)

    def clean_text(self) -> str:
        """Line ends as networks count them; browsers send CR LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")


class EditForm(WritingForm):
    """What can still be changed of a post; `version` is the one that was shown."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, post: Post, person: User, **kwargs: Any) -> None:
        self.shown = post.due_at.astimezone(ZoneInfo(person.time_zone))
        now = {"text": post.text, "when": self.shown.strftime(MOMENT), "version": post.version}
        kwargs.setdefault("initial", now)
        super().__init__(*args, person=person, late=lateness.of_post(post), **kwargs)
        self.post = post
        self.warnings = [] if self.is_bound else self._forecast(post.due_at, timezone.now())

    def clean(self) -> dict[str, Any]:
        """What the new plan would make of it, as for a new post; `edit` says what is wrong."""
        data, at = super().clean() or {}, timezone.now()
        if not self.errors:
            self.warnings = self._forecast(self.moment(at) or self.post.due_at, at)
        return data

    def _forecast(self, due_at: datetime, at: datetime) -> list[str]:
        waiting = [result.account for result in self.post.results.all() if result.is_open]
        return warnings(waiting, due_at, at, self.zone, self.post)

    def moment(self, at: datetime) -> datetime | None:
        """The new moment, `at` for an emptied field; None if it was left as it was shown."""
        typed: datetime | None = self.cleaned_data["when"]
        if typed is None:
            return at
        same = typed == self.shown.replace(second=0, microsecond=0)
        return None if same else typed
