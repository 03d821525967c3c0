"""How the networks count: user-perceived characters, near enough for practice, weights and URLs.

From `networks.md` of 2026-11-21, sections 2, 12 and 13 (Limits).
"""

from __future__ import annotations

import re
import unicodedata

URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?'()\[\]]")

JOINER = "\u200d"
EMOJI_STYLE = "\ufe0f"
KEYCAP = "\u20e3"

LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""The code points that weigh 1; all others weigh 2."""


def graphemes(text: str) -> list[str]:
    """The user-perceived characters: marks, joined emoji and flags stay together."""
    clusters: list[str] = []
    for char in text:
        if clusters and belongs(char, clusters[-1]):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def belongs(char: str, cluster: str) -> bool:
    """Whether a code point continues the cluster before it."""
    code = ord(char)
    if unicodedata.category(char) in ("Mn", "Me", "Mc") or char == JOINER:
        return True
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:
        return is_emoji(cluster)
    if cluster.endswith(JOINER):
        return is_emoji(char)
    if is_flag_half(char):
        return len(cluster) == 1 and is_flag_half(cluster)
    return cluster == "\r" and char == "\n"


def is_flag_half(char: str) -> bool:
    """Whether this is one of the two letters of a flag."""
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def is_emoji(cluster: str) -> bool:
    """Whether a cluster is shown as a picture."""
    return (
        any(c in cluster for c in (EMOJI_STYLE, KEYCAP))
        or 0x1F000 <= ord(cluster[0]) <= 0x1FAFF
        or 0x2600 <= ord(cluster[0]) <= 0x27BF
    )


def with_short_urls(text: str, length: int) -> str:
    """The text with every URL replaced by as many letters as the network counts for one."""
    return URL.sub("u" * length, text)


def weighted(text: str) -> int:
    """The weighted length (twitter-text configuration v3); bare domains are not seen as URLs."""
    whole = with_short_urls(unicodedata.normalize("NFC", text), 23)
    return sum(2 if is_emoji(c) else sum(map(weight, c)) for c in graphemes(whole))


def weight(char: str) -> int:
    """What one code point counts."""
    return 1 if any(first <= ord(char) <= last for first, last in LIGHT) else 2
