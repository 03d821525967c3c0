"""The connect form, made from the blanks an adapter declares."""

from __future__ import annotations

from django import forms

from providers.kit.contract import Provider, SignsInByOAuth
from tokens.models import SocialAccount


class ConnectForm(forms.Form):
    """What a network needs to know before it can be connected; may be empty."""

    def __init__(self, provider: Provider, data: dict[str, str] | None = None) -> None:
        super().__init__(data, auto_id=f"{provider.name}-%s")
        for blank in provider.fields:
            widget = forms.PasswordInput() if blank.secret else forms.TextInput()
            self.fields[blank.name] = forms.CharField(
                label=blank.label,
                help_text=blank.help,
                max_length=500,
                widget=widget,
                initial=provider.options.get(blank.default, ""),
            )


def filled_in(provider: Provider, account: SocialAccount) -> dict[str, str] | None:
    """What the connect form of `provider` is sent with to connect `account` once more.

    None if a person must type something: a form network, a secret, more than one blank.
    """
    if not isinstance(provider, SignsInByOAuth):
        return None
    if not provider.fields:
        return {}
    host = (account.token.host if account.token else "") or account.realm
    [blank, *others] = provider.fields
    return {blank.name: host} if host and not others and not blank.secret else None
