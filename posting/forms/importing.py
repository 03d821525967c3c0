"""What people bring and choose to import posts: a file, what its columns hold, and the rest."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from accounts.models import Team
from posting.forms.composing import NOT_YOURS
from posting.interpret import GUESSES, Blank, Mapped
from posting.schedule import NotUnderstood, zone_named
from posting.sheet import MOST_BYTES, MOST_ROWS
from tokens.models import SocialAccount

BLANKS = (
    (Blank.DRAFT, "It becomes a draft; nothing of it goes out before you say so"),
    (Blank.SLOT, "It takes the next free slot of its accounts"),
    (Blank.REFUSE, "It is an error, and the row is not imported"),
)
HOLDS = {"text": "Text", "when": "When", "accounts": "Accounts", "labels": "Labels"}
HELP = {
    "when": "Like 2027-01-31 09:00, or “fri 9am”.",
    "accounts": "Handles or networks, several with “;” between them.",
    "labels": "Several with “;” between them. What does not exist yet is made.",
}
NOWHERE = "— in no column —"


class TableForm(forms.Form):
    """A table; `key` makes a form that is sent twice one table."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(
        label="Your table",
        help_text=f"CSV, at most {MOST_BYTES // 1_000_000} MB and {MOST_ROWS:,} rows.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
        error_messages={
            "required": "Choose a file.",
            "empty": "This file is empty.",
            "missing": "Choose a file.",
        },
    )

    def clean_file(self) -> UploadedFile[Any]:
        """Not larger than is read; nobody loads what is."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            size, most = (file.size or 0) / 1_000_000, MOST_BYTES // 1_000_000
            words = f"This file has {size:.1f} MB; at most {most} MB are taken. Split it."
            raise forms.ValidationError(words)
        return file


class MappingForm(forms.Form):
    """Which column holds what, and what holds where a row says nothing."""

    zone = forms.CharField(
        max_length=64,
        label="Times are meant in",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        error_messages={"required": "Name a time zone."},
    )
    blank = forms.ChoiceField(
        choices=BLANKS, label="A row without a time", widget=forms.RadioSelect
    )
    usual = forms.ModelMultipleChoiceField(
        queryset=SocialAccount.objects.none(),
        required=False,
        label="Rows without an account go to",
        widget=forms.CheckboxSelectMultiple,
        error_messages=NOT_YOURS,
    )

    def __init__(self, *args: Any, team: Team, columns: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [("", NOWHERE), *((name, name) for name in columns if name)]
        for field in GUESSES:
            required = field == "text"
            self.fields[field] = forms.ChoiceField(
                choices=named[required:] if required else named,
                required=required,
                label=HOLDS[field],
                help_text=HELP.get(field, ""),
                error_messages={
                    "required": "Choose the column that holds the text.",
                    "invalid_choice": "The table has no such column.",
                },
            )
        usual = self.fields["usual"]
        assert isinstance(usual, forms.ModelMultipleChoiceField)  # noqa: S101 - for mypy
        usual.queryset = SocialAccount.objects.for_team(team).select_related("token", "team")

    def clean_zone(self) -> str:
        """A zone that exists."""
        name = str(self.cleaned_data["zone"]).strip()
        try:
            zone_named(name)
        except NotUnderstood as problem:
            raise forms.ValidationError(str(problem)) from None
        return name

    @property
    def mapped(self) -> Mapped:
        """What was chosen; call it on a form that is valid."""
        data = self.cleaned_data
        named = {field: data[field] for field in (*GUESSES, "zone")}
        return Mapped(**named, usual=tuple(data["usual"]), blank=Blank(data["blank"]))

    @property
    def columns(self) -> list[Any]:
        """The fields that say which column holds what."""
        return [self[field] for field in GUESSES]

    def say(self, problems: dict[str, list[str]]) -> None:
        """Each problem at its field."""
        for field, said in problems.items():
            self.add_error(field if field in self.fields else None, said)
