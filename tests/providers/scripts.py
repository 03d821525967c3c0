"""The counting of the pages, run outside of a page: one process of Node for many texts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import providers
from providers.kit.contract import Limits, TextRule, Unit
from providers.kit.table import table

HERE = Path(__file__).parent
NODE = shutil.which("node")
with_node = pytest.mark.skipif(NODE is None, reason="Node is not installed here.")
TIMEOUT_S = 120


def vectors() -> tuple[dict[str, TextRule], list[dict[str, Any]]]:
    """The rules and the texts of `vectors.json`, with the length of each text by each rule."""
    read = json.loads((HERE / "vectors.json").read_text())
    rules = {n: TextRule(**{**r, "unit": Unit(r["unit"])}) for n, r in read["rules"].items()}
    return rules, read["cases"]


def rules_table() -> dict[str, Any]:
    """The table as a page gets it."""
    whole: dict[str, Any] = json.loads(json.dumps(table(providers.ADAPTERS.values())))
    return whole


def counts(asked: Sequence[tuple[str, TextRule]]) -> list[int]:
    """How long each text is by its rule, as a page counts."""
    return _run([{"text": text, "rule": asdict(rule)} for text, rule in asked])


def faults(asked: Sequence[tuple[str, Limits]]) -> list[list[dict[str, Any]]]:
    """What a page says about each text."""
    limits = [{"text": asdict(limits.text), "caption": None} for _, limits in asked]
    return _run([{"text": t, "limits": one} for (t, _), one in zip(asked, limits, strict=True)])


def _run(cases: list[dict[str, Any]]) -> list[Any]:
    assert NODE is not None
    ran = subprocess.run(
        [NODE, "--experimental-default-type=module", str(HERE / "count.mjs")],
        input=json.dumps({"table": rules_table(), "cases": cases}).encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    answers: list[Any] = json.loads(ran.stdout)
    return answers
