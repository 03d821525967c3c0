"""What the demo stands in: its folder, its lock, its secrets, its ports, its environment."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import environ

import providers
from deploy.broker import free_port, is_free
from providers.kit.contract import practice_options

ROOT = Path(__file__).resolve().parent.parent
PORTS = {"PORT": 8000, "SANDBOX_PORT": 8100, "FLOWER_PORT": 5555}


class CannotStartError(Exception):
    """Why the demo does not start, in one sentence for the person at the screen."""


def var_folder() -> Path:
    """VAR_DIR, else ./var; made if it is missing."""
    folder = ROOT / os.environ.get("VAR_DIR", "var")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(var: Path) -> Iterator[None]:
    """Holds the demo's lock; refuses if another demo holds it. A dead one holds nothing."""
    with (var / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            raise CannotStartError(
                f"The demo is running already (process {pid}); stop that one with Ctrl-C first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def new_token_key() -> str:
    """A key for TOKEN_KEYS: its id and 32 random bytes."""
    return "demo:" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


MADE_ONCE: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "TOKEN_KEYS": new_token_key,
    "FLOWER_BASIC_AUTH": lambda: f"demo:{secrets.token_urlsafe(12)}",
    "DEMO_PASSWORD": lambda: secrets.token_urlsafe(12),
}


def read_pairs(path: Path) -> dict[str, str]:
    """The NAME=value lines of a file; nothing if there is no such file."""
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def made_once(var: Path) -> dict[str, str]:
    """The demo's own secrets, made at the first start and only readable by their owner."""
    path = var / "demo.env"
    known = read_pairs(path)
    missing = {name: make() for name, make in MADE_ONCE.items() if name not in known}
    if missing:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a") as file:
            os.fchmod(file.fileno(), 0o600)
            file.writelines(f"{name}={value}\n" for name, value in missing.items())
    return known | missing


def choose_ports() -> dict[str, str]:
    """A free port for every server; one that was asked for by name must be free."""
    chosen: dict[str, str] = {}
    for name, default in PORTS.items():
        asked = os.environ.get(name)
        if asked is not None:
            if not (asked.isdecimal() and 0 < int(asked) < 65536):
                raise CannotStartError(f"{name} must be a port number, not {asked!r}.")
            if not is_free(int(asked)):
                raise CannotStartError(f"Port {asked} ({name}) is taken; choose another one.")
            chosen[name] = asked
            continue
        port = free_port(default)
        while str(port) in chosen.values():
            port = free_port()
        if port != default:
            print(f"Port {default} is taken; {name} is {port} this time.")
        chosen[name] = str(port)
    return chosen


def redis_port(var: Path) -> int:
    """The embedded Redis' port: the same as last time if it is free; written down for others."""
    path = var / "redis.port"
    known = path.read_text().strip() if path.exists() else ""
    port = free_port(int(known) if known.isdecimal() else None)
    path.write_text(f"{port}\n")
    return port


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything the demo's processes need to know, and whether Redis is ours to start."""

    var: Path
    environment: Mapping[str, str]
    own_redis_port: int | None

    def __getitem__(self, name: str) -> str:
        return self.environment[name]


def practice(street: str) -> dict[str, str]:
    """The settings with which every network is played by its twin on the practice street."""
    options: dict[str, str] = {}
    for name in providers.names():
        options |= practice_options(providers.adapter(name), street)
    return options


def surroundings(var: Path) -> Surroundings:
    """Puts the environment together: the real one first, then `.env`, then the demo's own."""
    environ.Env.read_env(ROOT / ".env")  # does not overwrite what is set
    ports = choose_ports()
    street = os.environ.get("PRACTICE_URL", f"http://127.0.0.1:{ports['SANDBOX_PORT']}")
    ours = {
        **made_once(var),
        **practice(street),
        "PUBLIC_URL": f"http://127.0.0.1:{ports['PORT']}",
        "PRACTICE_URL": street,
        "FLOWER_URL": f"http://127.0.0.1:{ports['FLOWER_PORT']}",
        "TRUSTED_ORIGINS": street,
        "WEB_CONCURRENCY": "1",
        "PYTHONUNBUFFERED": "1",
        "LOG_LEVEL": "WARNING",
    }
    own_redis = None
    if not os.environ.get("REDIS_URL"):
        own_redis = redis_port(var)
        ours["REDIS_URL"] = f"redis://127.0.0.1:{own_redis}/0"
    real = {name: value for name, value in os.environ.items() if value or name not in ours}
    programs = str(Path(sys.executable).parent)
    fixed = {"VAR_DIR": str(var), "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
    return Surroundings(var, {**ours, **real, **ports, **fixed}, own_redis)
