"""Writes what is generated: docs/tree.md, docs/providers.md, the networks in `.env.example`.

python -m deploy.docs        (this is what `make docs` runs)
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import providers
from deploy.surroundings import ROOT
from providers.kit.contract import Finds, Provider, Refreshes, Registers

MARK = "# --- the networks (written by `make docs`)"
NOTE = "<!-- Written by `make docs`; changes made by hand are lost. -->"
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
    }
    offered = ", ".join(words for words, has in abilities.items() if has) or "nothing more"
    yield from ("", f"## {adapter.label}", "", first_line(ROOT / f"providers/{adapter.name}.py"))
    unit = text.unit.value.replace("_", " ")
    yield from ("", f"* Longest text: {text.limit} ({unit})", f"* Can also: {offered}")
    if adapter.settings:
        yield from ("", "| setting | meaning | default |", "|---|---|---|")
    for setting in adapter.settings:
        need = " (needed)" if setting.needed else ""
        yield f"| `{setting.name}` | {setting.help}{need} | {setting.default} |"


def networks() -> Iterator[str]:
    """Every network."""
    yield from ("# The networks", "", NOTE)
    for name in providers.names():
        yield from network(providers.adapter(name))


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
