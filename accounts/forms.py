"""What people type to log in, and what a team's owner chooses for its posts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm

from accounts.access import zone_like
from accounts.models import Team, User
from accounts.states import WISHES, WhenLate, patience_choices, span_words


class LoginForm(AuthenticationForm):
    """E-mail and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "autofocus": True}
        )


class TeamForm(forms.Form):
    """What new posts of a team begin with."""

    late_after = forms.ChoiceField(required=False, label="publish anyway up to")
    when_late = forms.ChoiceField(label="after that", choices=WISHES)

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        chosen = f"{team.late_after.total_seconds():g}" if team.late_after else ""
        kwargs.setdefault("initial", {"late_after": chosen, "when_late": team.when_late})
        super().__init__(*args, **kwargs)
        usual = span_words(timedelta(seconds=settings.LATE_S))
        after = self.fields["late_after"]
        assert isinstance(after, forms.ChoiceField)  # noqa: S101 - for mypy
        others = [team.late_after] if team.late_after else []
        after.choices = [("", f"as usual on this site ({usual} late)"), *patience_choices(*others)]

    @property
    def wish(self) -> tuple[timedelta | None, WhenLate]:
        """What was chosen; no span means the site's own."""
        after = self.cleaned_data["late_after"]
        span = timedelta(seconds=float(after)) if after else None
        return span, WhenLate(self.cleaned_data["when_late"])


class ZoneField(forms.CharField):
    """The name of a time zone, offered from a list and typed as one likes."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        attrs = {"list": "zones", "autocomplete": "off", "spellcheck": "false"}
        super().__init__(label=label, max_length=64, widget=forms.TextInput(attrs), **kwargs)

    def clean(self, value: Any) -> str:
        """The zone's own spelling."""
        typed = super().clean(value)
        zone = zone_like(typed)
        if not zone:
            raise forms.ValidationError(
                f"There is no time zone “{typed}”. Choose one of the list, such as Europe/Paris."
            )
        return zone


class ProfileForm(forms.Form):
    """What a person is called, on which clocks they read, and whether they get mail."""

    name = forms.CharField(
        label="Your name",
        max_length=120,
        required=False,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    time_zone = ZoneField("Your time zone")
    wants_mail = forms.BooleanField(required=False, label="E-mail me when something waits for me")

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        known = {"name": person.name, "time_zone": person.time_zone}
        kwargs.setdefault("initial", {**known, "wants_mail": person.wants_mail})
        kwargs["prefix"] = "you"
        super().__init__(*args, **kwargs)


class TeamZoneForm(forms.Form):
    """On which clocks a team's weekly slots are read."""

    time_zone = ZoneField("The team's time zone")

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"time_zone": team.time_zone})
        kwargs["prefix"] = "team"
        super().__init__(*args, **kwargs)
