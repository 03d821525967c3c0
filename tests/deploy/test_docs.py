"""What is generated is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

import providers
from deploy.docs import pages
from deploy.surroundings import ROOT

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    assert path.read_text() == PAGES[path], "run `make docs`"


@pytest.mark.parametrize("name", providers.names())
def test_each_network_has_a_page_that_says_how_its_app_is_set_up(name: str) -> None:
    told = (ROOT / f"docs/setup/{name}.md").read_text()
    needed = [one.name for one in providers.adapter(name).settings if one.needed]
    assert [setting for setting in needed if setting not in told] == []
    assert "goes wrong" in told
