"""What people type to keep templates and labels, and to put labels on a post."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Team
from posting.forms.writing import MOST_TEXT, lines
from posting.library import COLOURS, LONGEST_LABEL, LONGEST_TEMPLATE
from posting.models import Label


class KeptForm(forms.Form):
    """A form whose verb says what is wrong."""

    def say(self, problems: dict[str, list[str]]) -> None:
        """Each problem at its field."""
        for field, said in problems.items():
            self.add_error(field if field in self.fields else None, said)


class TemplateForm(KeptForm):
    """A name and a text."""

    name = forms.CharField(
        max_length=LONGEST_TEMPLATE,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give it a name."},
    )
    text = forms.CharField(
        strip=False,
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 7}),
        error_messages={"required": "Write something first."},
    )

    def clean_text(self) -> str:
        """Line ends as networks count them."""
        return lines(str(self.cleaned_data["text"]))


class LabelForm(KeptForm):
    """A name and a colour."""

    name = forms.CharField(
        max_length=LONGEST_LABEL,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give it a name."},
    )
    colour = forms.ChoiceField(
        choices=[(one, one.capitalize()) for one in COLOURS],
        initial=COLOURS[0],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a colour.", "invalid_choice": "Choose a colour."},
    )


class MergeForm(KeptForm):
    """The label that another one is to become."""

    into = forms.ModelChoiceField(
        queryset=Label.objects.none(),
        label="Give its posts the label",
        empty_label="Choose a label…",
        error_messages={
            "required": "Choose a label.",
            "invalid_choice": "This label is not there any more.",
        },
    )

    def __init__(self, *args: Any, team: Team, pk: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        into = self.fields["into"]
        assert isinstance(into, forms.ModelChoiceField)  # noqa: S101 - for mypy
        into.queryset = Label.objects.filter(team=team).exclude(pk=pk)
