"""docs/operating.md says of every alarm, state and badge what it means and what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.surroundings import ROOT
from posting.states import PostState, State
from posting.templatetags import wording
from workers.vitals import Kind

PAGE = (ROOT / "docs/operating.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("|")]
SPOKEN = (ROOT / "workers/vitals.py", ROOT / "workers/management/commands/doctor.py")
MARKS = {"NOTE", "BAD"}
SHORT = 9
BADGES = {
    *wording.RESULTS.values(),
    *wording.BECAUSE.values(),
    *wording.BEHIND.values(),
    *wording.POSTS.values(),
    wording.AGAIN,
    wording.NEXT,
    wording.CHECK_POST,
    wording.WAITING_POST,
}


def sentences(path: Path) -> Iterator[str]:
    """The longest fixed piece of each sentence that a finding or a line of the doctor says."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            known = {
                target.id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for said in spoken(function):
                node = known.get(said.id, said) if isinstance(said, ast.Name) else said
                if piece := max(pieces(node), key=len, default=""):
                    yield piece


def spoken(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What stands in the place of the words."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and named(node.func) == "Finding":
            yield node.args[1]
        elif isinstance(node, ast.Tuple) and len(node.elts) > 1 and named(node.elts[0]) in MARKS:
            yield node.elts[1]


def named(node: ast.expr) -> str:
    """The name that stands there, if it is one."""
    return node.id if isinstance(node, ast.Name) else ""


def pieces(node: ast.expr) -> list[str]:
    """The fixed pieces of a text, without what is put in and without marks at its ends."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    fixed = [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]
    whole = [re.split(r"[.:;(]", text)[0].strip() for text in fixed]
    return [text for text in whole if len(text) >= SHORT]


SAID = sorted({piece for path in SPOKEN for piece in sentences(path)})


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_alarm_has_its_row(kind: Kind) -> None:
    assert any(f"| `{kind}` |" in row for row in ROWS)


@pytest.mark.parametrize("piece", SAID)
def test_everything_that_is_said_is_explained(piece: str) -> None:
    assert any(piece in row for row in ROWS), f"docs/operating.md does not explain “{piece}”"


def test_the_sentences_are_really_read_from_the_code() -> None:
    assert {"The database answers, but not to questions", "The broker does not answer"} <= {*SAID}
    assert "is at work but cannot write to the database" in SAID
    assert len(SAID) >= 20


@pytest.mark.parametrize("state", State)
def test_every_state_of_a_delivery_has_its_row(state: State) -> None:
    assert any(re.search(rf"\b{state}\b", row.split("|")[1]) for row in ROWS)


@pytest.mark.parametrize("label", sorted({badge.label for badge in BADGES}))
def test_every_badge_has_its_row(label: str) -> None:
    firsts = [row.split("|")[1].strip() for row in ROWS]
    assert any(label in first.split(", ") for first in firsts)


@pytest.mark.parametrize("state", PostState)
def test_every_state_of_a_post_stands_among_those_of_whole_posts(state: PostState) -> None:
    _, _, table = PAGE.partition("| a whole post |")
    rows = table.partition("\n\n")[0].splitlines()
    assert any(row.startswith(f"| {wording.POSTS[state].label} |") for row in rows)
