"""What people type to write a post."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from accounts.models import Team, User
from posting.compose import check
from tokens.models import SocialAccount


class PostForm(forms.Form):
    """Text, accounts, moment; `key` makes a form that is sent twice one post."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 7, "autofocus": True}),
    )
    accounts = forms.ModelMultipleChoiceField(
        queryset=SocialAccount.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "One of these accounts is not yours.",
            "invalid_pk_value": "One of these accounts is not yours.",
        },
    )
    when = forms.DateTimeField(
        required=False,
        label="When",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )

    def __init__(self, *args: Any, team: Team, author: User, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"key": uuid.uuid4()})
        super().__init__(*args, **kwargs)
        self.team = team
        self.zone = ZoneInfo(author.time_zone)
        accounts = self.fields["accounts"]
        assert isinstance(accounts, forms.ModelMultipleChoiceField)  # noqa: S101 - for mypy
        accounts.queryset = SocialAccount.objects.for_team(team)
        when = self.fields["when"]
        when.help_text = f"Empty means now. Your time zone: {author.time_zone}."

    def clean_text(self) -> str:
        """Line ends as networks count them; browsers send CR LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def clean_when(self) -> datetime | None:
        """The typed wall time in the author's own zone."""
        typed: datetime | None = self.cleaned_data["when"]
        if typed is None:
            return None
        return timezone.make_naive(typed).replace(tzinfo=self.zone)

    def clean(self) -> dict[str, Any]:
        """All rules at once, each problem at its field."""
        data = super().clean() or {}
        if not self.errors:
            accounts, when = list(data["accounts"]), data.get("when")
            wrong = check(data["text"], accounts, self.team, when, timezone.now())
            for field, said in wrong.items():
                self.add_error(field, said)
        return data
