"""What people type to write a post, and to change one that has not gone out yet."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from accounts.models import Team, User
from accounts.states import WISHES, WhenLate, patience_choices
from posting import lateness
from posting.compose import check, warnings
from posting.lateness import Lateness
from posting.models import Post, Upload
from posting.rules import Files
from posting.sniff import TAKEN
from posting.uploads import CannotUpload, take
from tokens.models import SocialAccount

MOMENT = "%Y-%m-%dT%H:%M"


class WritingForm(forms.Form):
    """Text, moment, and what happens if it cannot go out in time."""

    text = forms.CharField(
        required=False,
        strip=False,
        max_length=100_000,
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
        error_messages={
            "invalid_choice": "One of these accounts is not yours.",
            "invalid_pk_value": "One of these accounts is not yours.",
        },
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
        accounts.queryset = SocialAccount.objects.for_team(team)

    def clean(self) -> dict[str, Any]:
        """All rules at once, each problem at its field."""
        data = super().clean() or {}
        if not self.errors:
            accounts, when, at = list(data["accounts"]), data.get("when"), timezone.now()
            media = self.media_chosen
            wrong = check(data["text"], accounts, self.team, when, at, media)
            if not {"accounts", "when"} & wrong.keys():
                self.warnings = warnings(accounts, when, at, self.zone, media)
            self.say(wrong)
        return data


class FileForm(forms.Form):
    """One picture or video with its description; `upload` names one that has arrived already."""

    file = forms.FileField(
        required=False,
        label="Picture or video",
        widget=forms.FileInput(attrs={"accept": ",".join(TAKEN), "data-upload": ""}),
    )
    upload = forms.IntegerField(required=False, widget=forms.HiddenInput)
    alt = forms.CharField(
        required=False,
        max_length=10_000,
        label="Description",
        widget=forms.TextInput(attrs={"placeholder": "What is to be seen, for who cannot see it"}),
    )
    drop = forms.BooleanField(required=False, label="Leave it out")

    def __init__(self, *args: Any, team: Team, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team, self.person = team, person
        self.taken: Upload | None = None

    def clean(self) -> dict[str, Any]:
        """A file that came along is taken at once, so that it need not be chosen again."""
        data = super().clean() or {}
        if data.get("drop"):
            return data
        if sent := data.get("file"):
            try:
                self.taken = take(
                    self.team, self.person, sent.name, sent.file, sent.size, timezone.now()
                )
            except CannotUpload as problem:
                self.add_error("file", str(problem))
        elif number := data.get("upload"):
            ready = Upload.objects.for_team(self.team).ready()
            self.taken = ready.filter(pk=number).first()
            if self.taken is None:
                self.add_error("file", "This file is not here any more. Choose it again.")
        return data


class FileForms(forms.BaseFormSet[FileForm]):
    """The files of a new post, in order."""

    @property
    def fine(self) -> bool:
        """Whether all were taken, or none came."""
        return not self.is_bound or self.is_valid()

    @property
    def chosen(self) -> list[tuple[Upload, str]]:
        """What was taken, with the descriptions."""
        self.is_valid()  # this takes what came along
        return [
            (one.taken, one.cleaned_data.get("alt", ""))
            for one in self.forms
            if one.taken is not None
        ]


MOST_FILES = 4
"""How many the plain form offers; an element of the page, not a rule."""
PostFiles = cast(
    Callable[..., FileForms],
    forms.formset_factory(FileForm, formset=FileForms, extra=MOST_FILES, max_num=MOST_FILES),
)


class EditForm(WritingForm):
    """What can still be changed of a post; `version` is the one that was shown."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, post: Post, person: User, **kwargs: Any) -> None:
        self.shown = post.due_at.astimezone(ZoneInfo(person.time_zone))
        now = {"text": post.text, "when": self.shown.strftime(MOMENT), "version": post.version}
        kwargs.setdefault("initial", now)
        super().__init__(*args, person=person, late=lateness.of_post(post), **kwargs)

    def moment(self, at: datetime) -> datetime | None:
        """The new moment, `at` for an emptied field; None if it was left as it was shown."""
        typed: datetime | None = self.cleaned_data["when"]
        if typed is None:
            return at
        same = typed == self.shown.replace(second=0, microsecond=0)
        return None if same else typed
