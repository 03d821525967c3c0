"""The connect form, made from the blanks an adapter declares, and the choice of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict

from providers.kit.contract import Field, Provider, SignsInByForm, SignsInByOAuth, Way, blanks, ways
from tokens.choose import Candidate
from tokens.status import AccountStatus


class ConnectForm(forms.Form):
    """What a network needs to know before it can be connected in one way; may be empty."""

    def __init__(self, provider: Provider, way: Way, data: dict[str, str] | None = None) -> None:
        super().__init__(data, auto_id=f"{provider.name}-%s")
        self.way = way
        self.secret = next((b.label for b in blanks(provider, way) if b.secret), "")
        for blank in blanks(provider, way):
            self.fields[blank.name] = forms.CharField(
                label=blank.label,
                help_text=blank.help,
                max_length=500,
                widget=_widget(blank),
                initial=provider.options.get(blank.default, ""),
                validators=[partial(_refuse_others, blank)] if blank.choices else [],
            )


def _widget(blank: Field) -> forms.Widget:
    if blank.choices:
        return forms.Select(choices=blank.choices)
    return forms.PasswordInput() if blank.secret else forms.TextInput()


def _refuse_others(blank: Field, value: str) -> None:
    """Connected once more, an account brings its host, which its network judges."""
    if value in dict(blank.choices) or (blank.again == "host" and "://" in value):
        return
    said = ", ".join(words for _, words in blank.choices)
    raise ValidationError(f"{blank.label}: choose one of {said}.")


class ChoiceForm(forms.Form):
    """Which of the accounts that a grant offers are connected."""

    chosen = forms.TypedMultipleChoiceField(
        coerce=UUID,
        error_messages={
            "required": "Choose at least one, or leave without connecting any.",
            "invalid_choice": "One of these is not offered any more; choose again.",
        },
    )

    def __init__(
        self, choice: Sequence[Candidate], data: MultiValueDict[str, str] | None = None
    ) -> None:
        super().__init__(data)
        field = self.fields["chosen"]
        assert isinstance(field, forms.TypedMultipleChoiceField)  # noqa: S101 - for mypy
        field.choices = [(str(one.offered.pk), one.offered.handle) for one in choice]


def filled_in(provider: Provider, account: AccountStatus) -> dict[str, str] | None:
    """What the connect form of `provider` is sent with to connect `account` once more.

    None if a person must type something: a form network, a secret, more than one blank. Where a
    network has two ways, an account whose key is not bound came by form.
    """
    if not isinstance(provider, SignsInByOAuth):
        return None
    typed = isinstance(provider, SignsInByForm)
    if typed and not account.bound:
        return None
    way = {"way": str(Way.PAGE)} if typed else {}
    if not (asked := blanks(provider, Way.PAGE)):
        return way
    [blank, *others] = asked
    value = account.external_id if blank.again == "id" else account.host
    return {**way, blank.name: value} if value and not others and not blank.secret else None


def way_of(provider: Provider, asked: str) -> Way:
    """The way that was asked for; of a network with one way, or if none was named, the first."""
    offered = ways(provider)
    return next((way for way in offered if way == asked), offered[0])
