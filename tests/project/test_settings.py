"""Every variable is listed with its default; a half-configured start says which one is wrong."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import providers
from deploy import keep

ROOT = Path(__file__).resolve().parents[2]
READERS = {"str", "bool", "int", "list", "db", "needed", "seconds", "one_of", "dsn"}


def read_in_code() -> dict[str, str | None]:
    """Every variable that settings.py reads, with its default as text (None: computed there)."""
    found: dict[str, str | None] = {}
    for node in ast.walk(ast.parse((ROOT / "project" / "settings.py").read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else None
        name = node.func.id if isinstance(node.func, ast.Name) else name
        first = node.args[0]
        if name not in READERS or not isinstance(first, ast.Constant):
            continue
        default = next((k.value for k in node.keywords if k.arg == "default"), None)
        found[str(first.value)] = as_text(default)
    for each in providers.names():
        found |= {s.name: s.default for s in providers.adapter(each).settings}
    processes = re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", (ROOT / "Procfile").read_text())
    beside = {"FLOWER_BASIC_AUTH": "", "KEEP_GRACE_S": f"{keep.GRACE:.0f}"}
    return {**dict(processes), **beside, **found}


def as_text(default: ast.expr | None) -> str | None:
    if default is None:
        return ""
    try:
        value = ast.literal_eval(default)
    except ValueError:
        return None
    if isinstance(value, list):
        return ",".join(value)
    return str(value)


def listed() -> dict[str, str]:
    """Every line `NAME=default` of .env.example, commented out or not."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.lstrip("# ").split("=", 1) for line in lines if "=" in line]
    return {name: value for name, value in pairs if name.isupper()}


def test_the_example_lists_every_variable_with_its_default() -> None:
    code, example = read_in_code(), listed()
    assert set(code) == set(example)
    for name, default in code.items():
        if default is not None:
            assert example[name] == default, name


CHECK = (sys.executable, "manage.py", "check")
WORKER = (sys.executable, "-m", "celery", "-q", "-A", "project", "worker", "-Q", "dispatch")


def start(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **changes}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"TOKEN_KEYS": ""}, "TOKEN_KEYS"),
        ({"TOKEN_KEYS_FILE": "/nowhere/keys"}, "TOKEN_KEYS_FILE"),
        ({"LEASE_S": "3"}, "LEASE_S"),
        ({"HTTP_READ_S": "soon"}, "HTTP_READ_S"),
        ({"CAPS": "nowhere:5/60/app"}, "CAPS"),
        ({"ACCOUNT_SHARE": "0"}, "ACCOUNT_SHARE"),
        ({"DATABASE_URL": "mysql://u@h/d"}, "DATABASE_URL"),
        ({"S3_BUCKET": "files"}, "S3_REGION"),
        ({"S3_BUCKET": "files", "S3_REGION": "eu-central-1", "S3_KEY": "a"}, "S3_SECRET"),
        ({"S3_ENDPOINT": "minio:9000"}, "S3_ENDPOINT"),
        ({"S3_UPLOADS": "ftp"}, "S3_UPLOADS"),
        ({"SENTRY_DSN": "https://tracker.example.org/1"}, "SENTRY_DSN"),
        ({"PICTURE_MAX_MB": "0"}, "PICTURE_MAX_MB"),
    ],
)
@pytest.mark.parametrize("command", [CHECK, WORKER], ids=["manage.py", "worker"])
def test_a_half_configured_start_refuses_in_one_sentence(
    command: tuple[str, ...], changes: dict[str, str], named: str
) -> None:
    done = start(*command, **changes)
    assert done.returncode != 0
    said = done.stderr.strip().splitlines()
    assert len(said) == 1, done.stderr
    assert named in said[0]


def test_a_whole_configuration_starts() -> None:
    assert start(*CHECK).returncode == 0
