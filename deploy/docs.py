"""Writes the generated pages: docs/providers.md from the adapters, docs/tree.md from the modules.

python -m deploy.docs [folder]        (this is what `make docs` runs)
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import providers
from deploy.surroundings import ROOT
from providers.kit.contract import Finds, Provider, Refreshes, Registers

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


def write(folder: Path) -> None:
    """Writes both pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("tree.md", tree()), ("providers.md", networks())):
        (folder / name).write_text("\n".join(lines) + "\n")


def main(arguments: Sequence[str]) -> int:
    """Writes the pages and says where."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs"
    write(folder)
    print(f"wrote tree.md and providers.md in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
