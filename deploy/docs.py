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
from providers.kit.contract import Deletes, Finds, Provider, Refreshes, Registers, TellsLimits
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
    text = adapter.limits.text
    abilities = {
        "registers our app at each instance": issubclass(adapter, Registers),
        "renews its tokens": issubclass(adapter, Refreshes),
        "finds a post whose answer was lost": issubclass(adapter, Finds),
        "deletes posts": issubclass(adapter, Deletes),
        "tells the limits of a host or account": issubclass(adapter, TellsLimits),
    }
    offered = ", ".join(words for words, has in abilities.items() if has) or "nothing more"
    yield from ("", f"## {adapter.label}", "", first_line(ROOT / f"providers/{adapter.name}.py"))
    unit = text.unit.value.replace("_", " ")
    yield from ("", f"* Longest text: {text.limit} ({unit})", f"* Can also: {offered}")
    for blank in adapter.post_fields:
        yield f"* A post has a blank for it: {blank.label}"
    if adapter.settings:
        yield from ("", "| setting | meaning | default |", "|---|---|---|")
    for setting in adapter.settings:
        need = " (needed)" if setting.needed else ""
        yield f"| `{setting.name}` | {setting.help}{need} | {setting.default} |"


COLUMNS = "network|text|pictures|description|video|link|replies|delete|after a lost answer|keys"


def overview() -> Iterator[str]:
    """What every network offers, in one table; – is not offered."""
    heads = COLUMNS.split("|")
    yield from ("", row(heads), row(["---"] * len(heads)))
    for name in providers.names():
        adapter = providers.adapter(name)
        limits, images, video = adapter.limits, adapter.limits.images, adapter.limits.video
        caption = f", {limits.caption.limit} beside media" if limits.caption else ""
        link = "beside media too" if limits.links_beside_media else "without media"
        yield row(
            [
                adapter.label + (" (needs media)" if limits.needs_media else ""),
                f"{limits.text.limit} {limits.text.unit.value.replace('_', ' ')}{caption}",
                f"{images.most}, {size(images.max_bytes)}" if images else "",
                str(images.alt_limit or "") if images else "",
                f"{video.most}, {size(video.max_bytes)}" if video else "",
                link if limits.links else "in the text",
                "yes" if limits.replies else "",
                "yes" if issubclass(adapter, Deletes) else "",
                doubt(adapter),
                adapter.family.value.replace("_", " "),
            ]
        )


def doubt(adapter: type[Provider]) -> str:
    """How a post whose answer was lost is settled."""
    looks = issubclass(adapter, Finds)
    if not adapter.resend_window:
        return "looked up" if looks else "a person decides"
    hours = adapter.resend_window.total_seconds() / 3600
    span = f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.2g} hours"
    return f"repeated within {span}{', then looked up' if looks else ''}"


def size(count: int) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def row(cells: Sequence[str]) -> str:
    """A line of a table; what is empty is not offered."""
    return f"| {' | '.join(cell or '–' for cell in cells)} |"


def networks() -> Iterator[str]:
    """Every network."""
    yield from ("# The networks", "", NOTE)
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
