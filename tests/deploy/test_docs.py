"""What is generated is up to date."""

from __future__ import annotations

import pytest

from deploy.docs import pages

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path) -> None:  # type: ignore[no-untyped-def]
    assert path.read_text() == PAGES[path], "run `make docs`"
