"""Puts the screenshots that the browser's stories took into docs/pictures, small enough to keep.

python -m tests.browser.album        (this is what `make album` runs, after the stories)
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from deploy.surroundings import ROOT
from tests.browser.conftest import SHOTS

PICTURES = ROOT / "docs/pictures"
SCREENS = ("calendar-1280-dark", "queue-1280-light", "causes-1280-light")
"""Screens that stand beside the steps of the journey."""
COLOURS = 128
TALLEST = 1000  # the head of a page is enough


def chosen() -> list[tuple[Path, Path]]:
    """Each screenshot and the picture it becomes; SystemExit names what was not taken."""
    journey = sorted((SHOTS / "journey").glob("*.png"))
    screens = [SHOTS / f"{name}.png" for name in SCREENS]
    missing = [str(shot.relative_to(ROOT)) for shot in screens if not shot.exists()]
    if not journey or missing:
        lost = ", ".join(missing or ["var/shots/journey"])
        raise SystemExit(f"Run `make test-browser` first; there is no {lost}.")
    return [
        *((shot, PICTURES / f"journey-{shot.name}") for shot in journey),
        *((shot, PICTURES / shot.name) for shot in screens),
    ]


def main() -> int:
    """Every picture anew, and none that is no longer taken."""
    pairs = chosen()
    PICTURES.mkdir(exist_ok=True)
    for old in set(PICTURES.glob("*.png")) - {picture for _, picture in pairs}:
        old.unlink()
    for shot, picture in pairs:
        with Image.open(shot) as seen:
            head = seen.convert("RGB").crop((0, 0, seen.width, min(seen.height, TALLEST)))
        head.quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)
    size = sum(picture.stat().st_size for _, picture in pairs)
    sys.stdout.write(f"{len(pairs)} pictures, {size / 1024:.0f} KB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
