"""Begins a new network: an adapter and its twin, which work together before a word is changed.

make provider NAME=example
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).resolve().parent / "templates"
PLACES = {"provider.txt": "providers", "twin.txt": "sandbox"}
NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
TAKEN_BY_THE_KIT = ("kit", "names", "adapter", "adapters", "twins")


class CannotBeginError(Exception):
    """Why no files were written, in one sentence."""


def check(name: str, root: Path) -> None:
    """Refuses a name that cannot be a file's name here, and one that has a file already."""
    if not name:
        raise CannotBeginError("Say the network's name: make provider NAME=example")
    if not NAME.fullmatch(name):
        raise CannotBeginError(
            f"{name!r} cannot be a name: small letters, digits and _, a letter first, at most 30."
        )
    if keyword.iskeyword(name) or name in TAKEN_BY_THE_KIT:
        raise CannotBeginError(f"{name!r} has another meaning here; choose a longer name.")
    for place in PLACES.values():
        if (root / place / f"{name}.py").exists():
            raise CannotBeginError(f"{place}/{name}.py exists already; nothing was changed.")


def filled(template: str, name: str) -> str:
    """A template with the network's name in it."""
    words = name.split("_")
    values = {
        "NAME": name,
        "UPPER": name.upper(),
        "LABEL": " ".join(word.capitalize() for word in words),
        "CLASS": "".join(word.capitalize() for word in words),
    }
    return re.sub("@([A-Z]+)@", lambda match: values[match[1]], template)


def begin(name: str, root: Path = ROOT) -> list[Path]:
    """Writes both files and returns their paths."""
    check(name, root)
    written = []
    for template, place in PLACES.items():
        path = root / place / f"{name}.py"
        path.write_text(filled((TEMPLATES / template).read_text(), name))
        written.append(path)
    return written


def main(arguments: Sequence[str]) -> int:
    """Writes the files or says why not."""
    try:
        written = begin(arguments[0] if arguments else "")
    except CannotBeginError as reason:
        print(reason, file=sys.stderr)
        return 1
    for path in written:
        print(f"wrote {path.relative_to(ROOT)}")
    print("Both work as they stand; now put your network's own values in, from top to bottom.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
