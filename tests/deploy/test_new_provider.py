"""A new network works before a word of its two files is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.new_provider import CannotBeginError, begin

ROOT = Path(__file__).resolve().parents[2]
NAME = "pixel_fed"
LEFT_OUT = (".*", "var", "node_modules", "__pycache__")
# What the rooms ask of every adapter, in one go; it runs where the new files are the ones found.
STORY = """
import uuid
from datetime import UTC, datetime

import requests

import providers
from providers.kit.contract import Account, Dance, Message, practice_options
from providers.kit.http import Wire
from providers.kit.oauth import new_verifier
from sandbox.kit.server import Street

adapter = providers.adapter(NAME)
with Street(port=0) as street:
    us = adapter(practice_options(adapter, street.url), Wire(trusted=frozenset({street.url})))
    app, back = us.app(""), "http://127.0.0.1:9/back"
    dance = Dance(app, "", back, state="s", verifier=new_verifier())
    consent = us.depart(dance).url
    asked = requests.utils.urlparse(consent).query
    form = dict(pair.split("=", 1) for pair in asked.split("&"))
    form = {name: requests.utils.unquote(value.replace("+", " ")) for name, value in form.items()}
    form |= {"person": "ada", "decision": "allow"}
    answer = requests.post(consent, data=form, allow_redirects=False)
    code = answer.headers["Location"].partition("code=")[2].partition("&")[0]
    grant = us.refresh(grant=us.exchange(dance, {"code": code}), app=app, host="")
    who = us.identify(grant, "")
    message = Message("hello", str(uuid.uuid4()), datetime.now(UTC))
    account = Account(who.external_id, who.handle, "", grant.access_token)
    assert us.find(message, account) is None
    receipt = us.publish(message, account)
    assert us.find(message, account) == receipt
    assert requests.get(receipt.url).ok
print("a whole life")
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The rooms of the networks and their tests, copied, with a new network among them."""
    for folder in ("providers", "sandbox"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    begin(NAME, tmp_path)
    return tmp_path


def run(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs Python where the copied rooms are the ones that are found."""
    around = os.environ | {"PYTHONPATH": str(copy)}
    return subprocess.run(
        [sys.executable, *words], cwd=copy, env=around, capture_output=True, text=True, check=False
    )


def test_the_pair_lives_a_whole_life(copy: Path) -> None:
    done = run(copy, "-c", STORY.replace("NAME", repr(NAME)))
    assert done.stdout == "a whole life\n", done.stderr


def test_the_pair_passes_the_contract_suite(copy: Path) -> None:
    shutil.copytree(ROOT, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    suite = sorted(str(path.relative_to(copy)) for path in copy.glob("tests/test_providers*.py"))
    assert len(suite) > 1
    done = run(copy, "-m", "pytest", "-v", "-p", "no:cacheprovider", *suite, "-k", NAME)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout


def test_the_pair_is_in_the_style_of_the_house(copy: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", copy)
    files = [f"{place}/{NAME}.py" for place in ("providers", "sandbox")]
    checked = run(copy, "-m", "ruff", "check", "--no-cache", *files)
    assert checked.returncode == 0, checked.stdout
    formatted = run(copy, "-m", "ruff", "format", "--no-cache", "--check", *files)
    assert formatted.returncode == 0, formatted.stdout


@pytest.mark.parametrize("name", ["", "X", "9gag", "a-b", "../x", "kit", "class", "a" * 31, "a\n"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotBeginError):
        begin(name, tmp_path)


def test_files_that_exist_are_left_alone(copy: Path) -> None:
    path = copy / "sandbox" / f"{NAME}.py"
    (copy / "providers" / f"{NAME}.py").unlink()
    path.write_text("mine")
    with pytest.raises(CannotBeginError, match="exists already; nothing was changed"):
        begin(NAME, copy)
    assert path.read_text() == "mine"
    assert not (copy / "providers" / f"{NAME}.py").exists()


def test_make_says_why_in_one_sentence() -> None:
    line = [sys.executable, "-m", "deploy.new_provider", "No Name"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("'No Name' cannot be a name:")
