"""What people type to put pictures and videos into a post, without a script of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.utils import timezone

from accounts.models import Team, User
from posting.models import Upload
from posting.sniff import TAKEN
from posting.uploads import CannotUpload, take


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
