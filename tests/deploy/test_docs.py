"""What is generated is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.docs import pages

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    assert path.read_text() == PAGES[path], "run `make docs`"
