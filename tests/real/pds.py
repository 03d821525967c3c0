"""Installs and runs a real AT Protocol server (npm `@atproto/dev-env`) and speaks to it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.node import NotReadyError, first_line, stop

from .lossy import Lossy
from .site import Site

HERE = Path(__file__).resolve().parent
# Not VAR_DIR: the tests have one of their own for each run, and this takes a minute to install.
HOME = HERE.parents[1] / "var" / "real-bluesky"
INSTALL_SECONDS = 900
POSTS = "app.bsky.feed.post"
NODE_MAJORS = (18, 20, 22)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with an account at the server, signed in with the main password."""

    did: str
    handle: str
    access_token: str = field(repr=False)
    app_password: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pds:
    """The running server; `jwt_secret` is the key it signs session tokens with.

    Everything that is sent to `url` passes `front`, which can lose it. What it asks of our own site
    (https://post.our-house.net) it gets from `site`.
    """

    url: str
    plc: str
    jwt_secret: str = field(repr=False)
    front: Lossy
    site: Site

    def ask(self, name: str, *, bearer: str = "", **params: str) -> requests.Response:
        """A query, as the server answers it."""
        headers = _headers(bearer)
        return _line().get(f"{self.url}/xrpc/{name}", params=params, headers=headers, timeout=30)

    def tell(self, name: str, body: Mapping[str, Any] | None, *, bearer: str = "") -> Any:
        """A procedure that must succeed; its answer."""
        headers = _headers(bearer)
        answer = _line().post(f"{self.url}/xrpc/{name}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def enrol(self, name: str) -> Person:
        """A new account called `name` (made unique) with one app password."""
        handle = f"{name}-{secrets.token_hex(4)}.test"
        new = {"handle": handle, "email": f"{handle}@example.com", "password": secrets.token_hex(8)}
        session = self.tell("com.atproto.server.createAccount", new)
        made = self.tell(
            "com.atproto.server.createAppPassword",
            {"name": "Postrider"},
            bearer=session["accessJwt"],
        )
        token, app_password = session["accessJwt"], made["password"]
        return Person(session["did"], handle, token, app_password, new["password"])

    def records(self, person: Person) -> list[dict[str, Any]]:
        """Every post of `person` that stands at the server."""
        answer = self.ask("com.atproto.repo.listRecords", repo=person.did, collection=POSTS)
        answer.raise_for_status()
        return list(answer.json()["records"])

    def record(self, uri: str) -> dict[str, Any]:
        """The one post that `uri` names."""
        did, collection, rkey = uri.removeprefix("at://").split("/")
        answer = self.ask("com.atproto.repo.getRecord", repo=did, collection=collection, rkey=rkey)
        answer.raise_for_status()
        return dict(answer.json()["value"])

    def aged(self, token: str) -> str:
        """`token` as it will be once its time is over, with a valid signature."""
        head, claims = token.split(".")[0], claims_of(token)
        spent = int(time.time()) - 60
        claims |= {"iat": spent - 7200, "exp": spent}
        signed = f"{head}.{_encoded(json.dumps(claims).encode())}"
        seal = hmac.digest(self.jwt_secret.encode(), signed.encode(), "sha256")
        return f"{signed}.{_encoded(seal)}"


def _line() -> requests.Session:
    """A connection that no proxy settings of the machine lead astray."""
    line = requests.Session()
    line.trust_env = False
    return line


def claims_of(token: str) -> dict[str, Any]:
    """What a session token says about itself."""
    middle = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _headers(bearer: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer}"} if bearer else {}


def install() -> Path:
    """Bring the packages of the lock file to var/real-bluesky, unless they are there already."""
    node = _node()
    wanted = hashlib.sha256(node.encode())
    for name in ("package.json", "package-lock.json"):
        wanted.update((HERE / name).read_bytes())
    stamp = HOME / "installed"
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return HOME
    HOME.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, HOME / name)
    _npm("ci", "--ignore-scripts")
    # The one package that needs its script: it fetches a binary or compiles one.
    _npm("rebuild", "better-sqlite3")
    stamp.write_text(wanted.hexdigest())
    return HOME


def _node() -> str:
    """Version and binary interface of the Node.js on PATH, and where it lies."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NotReadyError("The Bluesky server needs Node.js 20 with npm on PATH; there is none.")
    tell = "[process.versions.node, process.versions.modules, process.execPath].join(' ')"
    node = subprocess.run(["node", "-p", tell], capture_output=True, text=True, check=True).stdout
    version = node.split(" ")[0]
    if int(version.split(".")[0]) not in NODE_MAJORS:
        raise NotReadyError(f"The Bluesky server needs Node.js 20; the one on PATH is {version}.")
    return node.strip()


def _npm(*words: str) -> None:
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    # A Node.js that brings its own headers can compile without fetching them.
    around = Path(_node().split(" ", 2)[2]).parents[1]
    if (around / "include" / "node" / "node.h").exists():
        environment["npm_config_nodedir"] = str(around)
    command = ["npm", *words, "--no-audit", "--no-fund"]
    done = subprocess.run(
        command,
        cwd=HOME,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}"[-2000:]
        raise NotReadyError(f"npm {' '.join(words)} failed in {HOME}:\n{said}")


@contextlib.contextmanager
def running() -> Iterator[Pds]:
    """The installed server on free ports; it ends with this process, however this one ends."""
    home = install()
    jwt_secret = secrets.token_hex(16)
    public, plc, door = _free_ports(3)
    front, site = Lossy(f"http://127.0.0.1:{door}", int(public)), Site()
    with tempfile.TemporaryFile() as said, front.serving(), site.serving():
        process = subprocess.Popen(
            ["node", str(HERE / "pds.mjs"), public, plc, door, str(site.port)],
            cwd=home,
            env={**os.environ, "PDS_JWT_SECRET": jwt_secret},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            addresses = first_line(process, said, "The Bluesky server")
            yield Pds(addresses["pds"], addresses["plc"], jwt_secret, front, site)
        finally:
            stop(process)


def _free_ports(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [str(one.getsockname()[1]) for one in held]
