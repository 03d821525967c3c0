"""What people type to give an account its places in the week."""

from __future__ import annotations

from typing import Any

from django import forms

from posting.schedule import LONG_DAYS, NotUnderstood, zone_named


class SlotForm(forms.Form):
    """Days, a time, and the clocks it is read on; an empty zone is the team's."""

    weekdays = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=[(number, name.title()) for number, name in enumerate(LONG_DAYS)],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day."},
    )
    wall_time = forms.TimeField(
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"required": "Choose a time."},
    )
    zone = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].widget.attrs |= {"list": "zones", "autocomplete": "off"}

    def clean_zone(self) -> str:
        """A zone that exists, or none."""
        name = str(self.cleaned_data["zone"]).strip()
        if name:
            try:
                zone_named(name)
            except NotUnderstood as problem:
                raise forms.ValidationError(str(problem)) from None
        return name
