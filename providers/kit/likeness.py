"""Whether a post that a network gives back is the one that was sent.

Networks write a text anew: shortened links, escaped signs, other white space. Two posts of a feed
may share their words and differ in the link alone, so where a network tells the targets of its
links they are compared too.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote

from providers.kit.text import urls, without_urls


def same_words(ours: str, theirs: str) -> bool:
    """Whether two texts are the same but for links, escapes and white space."""
    return words(ours) == words(theirs)


def words(text: str) -> str:
    """What is left of a text without its links."""
    return without_urls(unicodedata.normalize("NFC", html.unescape(text)))


def same_links(ours: str, theirs: str, targets: Sequence[str], *, more: int = 0) -> bool:
    """Whether `theirs` has as many links as `ours`, and none that leads elsewhere.

    `targets`: where the network says that its links lead; fewer than all say nothing. `more`: how
    many links it may have put behind the text for what stands beside it.
    """
    mine = [loose(url.target) for url in urls(ours)]
    added = len(urls(theirs)) - len(mine)
    told = [loose(target) for target in targets]
    return 0 <= added <= more and (len(told) < len(mine) or told[: len(mine)] == mine)


def loose(url: str) -> str:
    """A URL without what a network may write differently: scheme, escapes, case, last slash."""
    return re.sub(r"^https?://", "", unquote(html.unescape(url)).casefold()).rstrip("/")
