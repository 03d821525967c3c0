"""Does this post fit these networks? Everything that would be refused, said before it is sent."""

from __future__ import annotations

from collections.abc import Iterable

import providers
from providers.kit.text import problems
from tokens.models import SocialAccount


def misfits(text: str, accounts: Iterable[SocialAccount]) -> list[str]:
    """One sentence per network that would refuse `text`; empty when it fits everywhere."""
    said: list[str] = []
    for name in dict.fromkeys(account.provider for account in accounts):
        adapter = providers.adapter(name)
        said += problems(text, adapter.limits, adapter.label)
    return said
