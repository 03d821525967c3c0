"""Does this post fit these networks? Everything that would be refused, said before it is sent."""

from __future__ import annotations

from collections.abc import Sequence

import providers
from posting.media import out_of_reach
from posting.models import Upload
from posting.variants import misfits as misfits_of_files
from providers.kit.contract import Provider
from providers.kit.text import problems
from tokens.models import SocialAccount

Files = Sequence[tuple[Upload, str]]


def misfits(text: str, accounts: Sequence[SocialAccount], media: Files = ()) -> list[str]:
    """Sentences of every network that would refuse `text` or `media`; empty when all fits."""
    return [*text_misfits(text, accounts, media), *media_misfits(media, accounts)]


def text_misfits(text: str, accounts: Sequence[SocialAccount], media: Files = ()) -> list[str]:
    """What is wrong with the text; beside pictures it may be empty, and other limits may hold."""
    return [
        words
        for kind in _networks(accounts)
        for words in problems(text, kind.limits, kind.label, beside_media=bool(media))
    ]


def media_misfits(media: Files, accounts: Sequence[SocialAccount]) -> list[str]:
    """What is wrong with the files, with the numbers."""
    said = [
        words
        for kind in _networks(accounts)
        for words in misfits_of_files(media, kind.limits, kind.label)
    ]
    return said or out_of_reach(media, accounts)


def _networks(accounts: Sequence[SocialAccount]) -> list[type[Provider]]:
    return [providers.adapter(name) for name in dict.fromkeys(a.provider for a in accounts)]
