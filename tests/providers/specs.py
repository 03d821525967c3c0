"""Official API descriptions, read where they are at hand; a test that misses them is skipped."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import regex

HERE = Path(__file__).resolve().parents[2]
SPECS = Path(os.environ.get("SPECS_DIR") or HERE.parent / "shared" / "specs")
Lexicon = dict[str, Any]


def spec(name: str) -> Path:
    """The file of this name; skips the test where it is not at hand."""
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand: set SPECS_DIR to the folder that holds it")
    return path


@cache
def openapi(name: str) -> dict[str, Any]:
    """An OpenAPI description."""
    found: dict[str, Any] = json.loads(spec(name).read_text())
    return found


@cache
def lexicon(name: str) -> Lexicon:
    """A lexicon by its dotted name."""
    path = spec("atproto-lexicons").joinpath(*name.split(".")).with_suffix(".json")
    found: Lexicon = json.loads(path.read_text())
    return found


def definition(reference: str, home: str) -> tuple[Lexicon, str]:
    """What "name#part", "name" or "#part" refers to, and the lexicon it stands in."""
    name, _, part = reference.partition("#")
    found: Lexicon = lexicon(name or home)["defs"][part or "main"]
    return found, name or home


def faults(value: object, wanted: Lexicon, home: str, path: str = "$") -> list[str]:
    """Why `value` is not what a lexicon definition wants; empty where it is."""
    match wanted["type"]:
        case "ref":
            return faults(value, *definition(wanted["ref"], home), path)
        case "record":
            return faults(value, wanted["record"], home, path)
        case "union":
            return _union(value, wanted, home, path)
        case "object" | "params":
            return _object(value, wanted, home, path)
        case "array":
            return _array(value, wanted, home, path)
        case "string":
            return _string(value, wanted, path)
        case "blob":
            return _blob(value, wanted, path)
        case _:
            return _plain(value, wanted, path)


def _plain(value: object, wanted: Lexicon, path: str) -> list[str]:
    kinds: dict[str, type] = {"integer": int, "boolean": bool, "unknown": dict}
    if type(value) is not kinds.get(wanted["type"]):
        return [f"{path} is no {wanted['type']}"]
    if isinstance(value, int) and not wanted.get("minimum", value) <= value <= 2**53:
        return [f"{path} is too small or too large"]
    return []


def _union(value: object, wanted: Lexicon, home: str, path: str) -> list[str]:
    kind = value.get("$type") if isinstance(value, dict) else None
    known = {(r if not r.startswith("#") else home + r): r for r in wanted["refs"]}
    if kind not in known:
        return [f"{path} is of the kind {kind}, not one of {sorted(known)}"]
    return faults(value, *definition(known[kind], home), path)


def _object(value: object, wanted: Lexicon, home: str, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path} is no object"]
    found = [
        f"{path}.{name} is missing" for name in wanted.get("required", []) if name not in value
    ]
    parts = wanted.get("properties", {})
    # Lexicons are open: fields nobody described are allowed by the protocol, but not from us.
    found += [f"{path}.{n} is not described" for n in value if n not in parts and n != "$type"]
    for name, part in parts.items():
        empty = value.get(name) is None and name in wanted.get("nullable", [])
        if name in value and not empty:
            found += faults(value[name], part, home, f"{path}.{name}")
    return found


def _array(value: object, wanted: Lexicon, home: str, path: str) -> list[str]:
    if not isinstance(value, list) or len(value) > wanted.get("maxLength", 10**6):
        return [f"{path} is no such array"]
    items = wanted["items"]
    return [f for i, item in enumerate(value) for f in faults(item, items, home, f"{path}[{i}]")]


def _blob(value: object, wanted: Lexicon, path: str) -> list[str]:
    """A reference to a file: `{"$type":"blob","ref":{"$link":…},"mimeType":…,"size":…}`."""
    if not isinstance(value, dict) or set(value) != {"$type", "ref", "mimeType", "size"}:
        return [f"{path} is no blob"]
    kinds = [kind.removesuffix("*") for kind in wanted.get("accept", [""])]
    good = value["$type"] == "blob" and set(value["ref"]) == {"$link"}
    good = good and any(str(value["mimeType"]).startswith(kind) for kind in kinds)
    return [] if good and 0 < value["size"] <= wanted["maxSize"] else [f"{path} is no such blob"]


FORMATS = {
    "datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "uri": r"[a-z][a-z.-]{0,80}:\S+",
    "did": r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]",
    "at-identifier": r"did:[a-z]+:[A-Za-z0-9._:%-]+|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
    "nsid": r"[a-z0-9-]+(\.[A-Za-z0-9-]+){2,}",
    "record-key": r"[A-Za-z0-9._:~-]{1,512}",
    "tid": r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}",
    "cid": r"[A-Za-z0-9+=]{8,256}",
}


def _string(value: object, wanted: Lexicon, path: str) -> list[str]:
    if not isinstance(value, str):
        return [f"{path} is no string"]
    size, signs = len(value.encode()), len(regex.findall(r"\X", value))
    form = FORMATS.get(wanted.get("format", ""), r"[\s\S]*")
    checks = (
        (size <= wanted.get("maxLength", size), "has too many bytes"),
        (signs <= wanted.get("maxGraphemes", signs), "has too many graphemes"),
        (value == wanted.get("const", value), "is not the one allowed value"),
        (value in wanted.get("enum", [value]), "is not one of the allowed values"),
        (re.fullmatch(form, value) is not None, f"is no {wanted.get('format')}"),
    )
    return [f"{path} {words}" for fine, words in checks if not fine]
