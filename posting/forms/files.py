"""What people type to put pictures and videos into a post, without a script of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.utils import timezone

from accounts.models import Team, User
from posting.media import Files
from posting.models import Upload
from posting.sniff import TAKEN
from posting.uploads import CannotUpload, take

MOST_PARTS = 50


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
    part = forms.IntegerField(required=False, min_value=0, max_value=MOST_PARTS, label="Goes with")
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


@dataclass(frozen=True, slots=True)
class FileRow:
    """A line of the form: a file that is here with its description, or a blank for one."""

    upload: Upload | None = None
    alt: str = ""
    problems: tuple[str, ...] = ()
    spare: bool = False
    """A blank that is only shown when it is needed."""
    part: int = 0
    """The part of the thread that it goes with; 0 is the text itself."""


class FileForms(forms.BaseFormSet[FileForm]):
    """The files of a new post, in order."""

    @property
    def fine(self) -> bool:
        """Whether all were taken, or none came."""
        return not self.is_bound or self.is_valid()

    @property
    def chosen(self) -> dict[int, Files]:
        """What was taken, with the descriptions, by the part that it goes with."""
        self.is_valid()  # this takes what came along
        found: dict[int, list[tuple[Upload, str]]] = {}
        for one in self.forms:
            if one.taken is not None:
                mine = found.setdefault(one.cleaned_data.get("part") or 0, [])
                mine.append((one.taken, one.cleaned_data.get("alt", "")))
        return dict(found)

    def rows(self, begun: Sequence[Files], step: str = "") -> list[FileRow]:
        """The lines to show: what was taken, in the order that `step` makes, then blanks.

        `begun`, part by part, stands there before anything is sent; a step is `up:2`, `down:1` or
        `drop:3`.
        """
        kept = [
            FileRow(upload, alt, part=part)
            for part, files in enumerate(begun)
            for upload, alt in files
        ]
        if self.is_bound:
            self.is_valid()
            kept = [row for one in self.forms if (row := _row(one))]
        kept = _stepped(kept, step)
        blanks = range(len(kept), MOST_FILES)
        shown = max(FEW, len(kept) + 1)
        return [*kept, *(FileRow(spare=place >= shown) for place in blanks)]


def _row(one: FileForm) -> FileRow | None:
    problems = tuple(str(words) for words in one.errors.get("file", ()))
    alt = str(one["alt"].value() or "")
    said = str(one["part"].value() or "")
    part = int(said) if said.isascii() and said.isdigit() and len(said) < 3 else 0
    return FileRow(one.taken, alt, problems, part=part) if one.taken or problems else None


def _stepped(rows: list[FileRow], step: str) -> list[FileRow]:
    """One line up, down or away."""
    way, _, number = step.partition(":")
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else -1
    if not 0 <= place < len(rows) or way not in {"up", "down", "drop"}:
        return rows
    moved = rows.pop(place)
    if way != "drop":
        rows.insert(max(0, place - 1) if way == "up" else place + 1, moved)
    return rows


MOST_FILES, FEW = 10, 4
"""How many a form takes, and how many blanks it shows; elements of the page, not a rule."""
PostFiles = cast(
    Callable[..., FileForms],
    forms.formset_factory(FileForm, formset=FileForms, extra=MOST_FILES, max_num=MOST_FILES),
)
