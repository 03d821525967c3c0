"""Writes what is generated: docs/{tree,providers,errors}.md, the networks in `.env.example`.

python -m deploy.docs        (this is what `make docs` runs)
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import providers
from deploy.surroundings import ROOT
from providers.kit.contract import (
    Deletes,
    Finds,
    Limits,
    Look,
    Offers,
    Provider,
    Refreshes,
    Registers,
    Revokes,
    TellsLimits,
    Way,
    ways,
)
from tokens.codes import DO_WITHOUT, MEANINGS

MARK = "# --- the networks (written by `make docs`)"
NOTE = "<!-- Written by `make docs`; changes made by hand are lost. -->"
ABOUT_ERRORS = """\
The verbs of `tokens/` raise nothing but a `Problem`: a code, words for the person, the network,
whether the same may work later without anybody doing anything (*try again*), the moment, and a
correlation id. The id is the request's `X-Request-ID`, taken or made, and comes back in the answer;
it stands in every log line of that request and of the tasks it rang for, and goes along to the
networks. Go by the code, never by the words.

Nothing here is retried by the caller's count: the engine backs off by itself (`tokens/refresh.py`),
and `RATE_LIMIT_ERROR` carries how long to wait. A grant's code is single use, so what fails after
it was sent (`OAUTH_CALLBACK_ERROR`) is begun again, not tried again. An API answers with the status
in the last column; pages say the words where the person stands.\
"""
PLACES = ("project", "accounts", "tokens", "posting", "workers", "providers", "sandbox", "deploy")


def first_line(path: Path) -> str:
    """What a module says of itself in its first line."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def tree() -> Iterator[str]:
    """Every module with its purpose, room by room."""
    yield from ("# The tree", "", NOTE)
    for place in PLACES:
        yield from ("", f"## {place}/", "", "| file | purpose |", "|---|---|")
        for path in sorted((ROOT / place).rglob("*.py")):
            said = "" if "migrations" in path.parts else first_line(path)
            if said:
                yield f"| `{path.relative_to(ROOT)}` | {said.replace('|', chr(92) + '|')} |"


def network(adapter: type[Provider]) -> Iterator[str]:
    """One network: its limits, what it can, what it wants to know."""
    yield from ("", f"## {adapter.label}", "", first_line(ROOT / f"providers/{adapter.name}.py"))
    doors = {Way.PAGE: "its own page", Way.FORM: "a form here"}
    yield from ("", f"* Connected by {' or '.join(doors[way] for way in ways(adapter))}")
    yield f"* Longest text: {words(adapter.limits)}"
    able, unable = abilities(adapter)
    yield f"* Can also: {', '.join(able) or 'nothing more'}"
    yield f"* Not offered: {', '.join(unable) or 'nothing of what others offer'}"
    for blank in adapter.post_fields:
        need = " (a post cannot do without it)" if blank.needed else ""
        yield f"* A post has a blank for it: {blank.label}{need}"
    if adapter.settings:
        yield from ("", "| setting | meaning | default |", "|---|---|---|")
    for setting in adapter.settings:
        need = " (needed)" if setting.needed else ""
        yield f"| `{setting.name}` | {setting.help}{need} | {setting.default} |"


def abilities(adapter: type[Provider]) -> tuple[list[str], list[str]]:
    """What a network can beside publishing a text, and what others can and it cannot."""
    limits = adapter.limits
    able = {
        "pictures": limits.images is not None,
        "descriptions of pictures": bool(limits.images and limits.images.alt_limit),
        "videos": limits.video is not None,
        "replies and threads": limits.replies,
        "a look for a post whose answer was lost": issubclass(adapter, Finds),
        "deleting posts": issubclass(adapter, Deletes),
        "renewing its keys": issubclass(adapter, Refreshes),
        "ending its keys when an account is disconnected": issubclass(adapter, Revokes),
        "several accounts behind one log-in": issubclass(adapter, Offers),
        "an app of ours at each instance": issubclass(adapter, Registers),
        "the limits of a host or an account, live": issubclass(adapter, TellsLimits),
    }
    rare = ("several accounts behind one log-in", "an app of ours at each instance")
    return [a for a in able if able[a]], [a for a in able if not able[a] and a not in rare]


def words(limits: Limits) -> str:
    """The longest text, alone and beside media."""
    unit = limits.text.unit.value.replace("_", " ")
    beside = f", {limits.caption.limit} beside media" if limits.caption else ""
    return f"{limits.text.limit} {unit}{beside}"


COLUMNS = "network|text|pictures|description|video|link|replies|delete|look-up|lost answer|keys"
LOOKS = {
    Look.MARK: "sure: by a mark of ours",
    Look.TICKET: "by its ticket, else its words",
    Look.WORDS: "by its words among the newest",
}
ABOUT_NETWORKS = """\
One row for each network; – is not offered. *Look-up* says by what a post whose answer was lost is
known again: a mark of ours that the network keeps tells it from every other post; a ticket of an
earlier step does so while the network keeps it; words are compared with the newest posts of the
account, and whoever posts the same words there by hand meanwhile may be mistaken for us. *Lost
answer* says what then follows; where a person decides, the post stays unconfirmed until somebody
has looked. A network's name leads to what has to be set up there. *Keys*: `none` do not end, or
cannot be renewed; `rotating` ones are good for one renewal, `reusable` ones for many, `self
renewing` ones are made out of themselves while they live, and `grace` gives the same successor to a
repeat.\
"""


def overview() -> Iterator[str]:
    """What every network offers, in one table."""
    heads = COLUMNS.split("|")
    yield from ("", row(heads), row(["---"] * len(heads)))
    for name in providers.names():
        adapter = providers.adapter(name)
        limits, images, video = adapter.limits, adapter.limits.images, adapter.limits.video
        link = "beside media too" if limits.links_beside_media else "without media"
        yield row(
            [
                f"[{adapter.label}](setup/{name}.md)"
                + (" (needs media)" if limits.needs_media else ""),
                words(limits),
                f"{images.most}, {size(images.max_bytes)}" if images else "",
                str(images.alt_limit or "") if images else "",
                f"{video.most}, {size(video.max_bytes)}" if video else "",
                link if limits.links else "in the text",
                "yes" if limits.replies else "",
                "yes" if issubclass(adapter, Deletes) else "",
                LOOKS[adapter.look] if issubclass(adapter, Finds) else "",
                doubt(adapter),
                adapter.family.value.replace("_", " "),
            ]
        )


def doubt(adapter: type[Provider]) -> str:
    """How a post whose answer was lost is settled."""
    looks = issubclass(adapter, Finds)
    if not adapter.resend_window:
        return "looked up" if looks else "a person decides"
    minutes = adapter.resend_window.total_seconds() / 60
    span = f"{minutes / 1440:.0f} days" if minutes >= 2880 else f"{minutes:.0f} minutes"
    return f"repeated within {span}{', then looked up' if looks else ''}"


def size(count: int) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def row(cells: Sequence[str]) -> str:
    """A line of a table; what is empty is not offered."""
    return f"| {' | '.join(cell or '–' for cell in cells)} |"


def networks() -> Iterator[str]:
    """Every network."""
    yield from ("# The networks", "", NOTE, "", ABOUT_NETWORKS)
    yield from overview()
    for name in providers.names():
        yield from network(providers.adapter(name))


def errors() -> Iterator[str]:
    """Every code of a Problem."""
    yield from ("# What can go wrong with an account's keys", "", NOTE, "", ABOUT_ERRORS, "")
    yield from ("| code | meaning | try again | HTTP |", "|---|---|---|---|")
    for code, meaning in MEANINGS.items():
        again = "yes" if meaning.retryable else "no"
        yield f"| `{code}` | {meaning.words} | {again} | {meaning.status} |"
    yield from ("", "Codes that others have and that can not come up here:", "")
    for name, why in DO_WITHOUT.items():
        yield f"* `{name}`: {why}"


def variables() -> Iterator[str]:
    """The part of `.env.example` that the adapters declare."""
    yield MARK
    for name in providers.names():
        adapter = providers.adapter(name)
        yield from ("", f"# {adapter.label}")
        for setting in adapter.settings:
            yield f"# {setting.help}{' (needed to connect)' if setting.needed else ''}"
            yield f"{setting.name}={setting.default}"


def pages() -> dict[Path, str]:
    """Every generated text by its place; `.env.example` keeps what people wrote above the mark."""
    example = ROOT / ".env.example"
    by_hand = example.read_text().partition(MARK)[0]
    return {
        ROOT / "docs" / "tree.md": "\n".join(tree()) + "\n",
        ROOT / "docs" / "providers.md": "\n".join(networks()) + "\n",
        ROOT / "docs" / "errors.md": "\n".join(errors()) + "\n",
        example: by_hand + "\n".join(variables()) + "\n",
    }


def main() -> int:
    """Writes what has changed and says what."""
    for path, text in pages().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
