"""How values are read from the environment: a reader refuses in one sentence what it cannot use."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

import providers
from providers.kit.rates import Cap, Scope

env = environ.Env()


def needed(name: str, hint: str) -> str:
    """The value of a variable that has no default; refuses with one sentence without it."""
    value = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; {hint}")
    return str(value)


def seconds(name: str, *, default: float) -> float:
    """A span in seconds; refuses anything that is not a positive number."""
    value = env.str(name, default=str(default))
    try:
        number = float(value)
    except ValueError:
        number = 0
    if number <= 0:
        raise ImproperlyConfigured(f"{name} must be a positive number of seconds, not {value!r}.")
    return number


def caps(wishes: list[str]) -> dict[str, tuple[Cap, ...]]:
    """What this site allows itself per network, "name:posts/seconds/app or account"."""
    found: dict[str, tuple[Cap, ...]] = {}
    for wish in wishes:
        match = re.fullmatch(r"(\w+):([1-9]\d*)/([1-9]\d*)/(app|account)", wish.strip())
        if match is None or match[1] not in providers.ADAPTERS:
            raise ImproperlyConfigured(f"CAPS: {wish!r} is not like NETWORK:50/86400/account.")
        scope: Scope = "app" if match[4] == "app" else "account"
        cap = Cap(int(match[2]), timedelta(seconds=int(match[3])), scope)
        found[match[1]] = (*found.get(match[1], ()), cap)
    return found


def one_of(name: str, *allowed: str, default: str) -> str:
    """One of these words; refuses any other."""
    value = str(env.str(name, default="")) or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def dsn(name: str) -> str:
    """The address of an error tracker, or ""; what is wrong is not shown, for it holds a key."""
    value = str(env.str(name, default=""))
    host = r"(\[[0-9A-Fa-f:]+\]|[\w.-]+)(:\d{1,5})?"
    if value and not re.fullmatch(rf"https?://[^\s:/@]+(:[^\s/@]*)?@{host}(/[\w.~-]+)*/\d+", value):
        raise ImproperlyConfigured(
            f"{name} must be like https://KEY@HOST/NUMBER, as your error tracker shows it."
        )
    return value


def key_file(path: str) -> str:
    """What stands in the file of keys, one a line; "" without a path; refuses a missing file."""
    if not path:
        return ""
    try:
        lines = Path(path).read_text().split()
    except OSError as problem:
        raise ImproperlyConfigured(
            f"TOKEN_KEYS_FILE names {path}, which cannot be read ({problem.strerror})."
        ) from None
    return ",".join(lines)
