"""Installs and runs the authorization server (npm `oidc-provider`) and speaks to it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.node import NotReadyError, first_line, stop

HERE = Path(__file__).resolve().parent
# Not VAR_DIR: the tests have one of their own for each run.
HOME = HERE.parents[1] / "var" / "real-oauth"
INSTALL_SECONDS = 300
START_SECONDS = 30
OLDEST_NODE = 20
ACCESS_SECONDS = 3600
PACKAGES = ("package.json", "package-lock.json")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request to the token endpoint as the server saw it; tokens only as their digests."""

    grant_type: str
    refresh: str | None
    mood: str
    status: int | None
    error: str | None
    why: str | None

    @property
    def granted(self) -> bool:
        """Whether the server did what it was asked, whatever became of its answer."""
        return self.status == 200 and self.error is None


@dataclass(frozen=True, slots=True)
class Authority:
    """The running server; `control` is the address of its control room."""

    url: str
    control: str
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def options(self) -> dict[str, str]:
        """The settings of the adapter that point at this server."""
        return {
            "OIDC_URL": self.url,
            "OIDC_CLIENT_ID": self.client_id,
            "OIDC_CLIENT_SECRET": self.client_secret,
        }

    def token_requests(self) -> list[TokenRequest]:
        """Every request to the token endpoint since the last `forget`, in order."""
        answer = line().get(self.control, timeout=5)
        answer.raise_for_status()
        return [TokenRequest(**each) for each in answer.json()["requests"]]

    def refreshes(self) -> list[TokenRequest]:
        """Those of them that presented a refresh token."""
        return [each for each in self.token_requests() if each.grant_type == "refresh_token"]

    def forget(self) -> None:
        """Begin a new story: an empty list, an open door, tokens that live an hour."""
        self._order(forget=True, ttl=ACCESS_SECONDS)

    def lives(self, seconds: float) -> None:
        """Access tokens live so long from now on."""
        self._order(ttl=seconds)

    def mood(self, kind: str, ms: int = 0, *, on: str = "token") -> None:
        """What befalls the next request `on` the token or the userinfo endpoint.

        Carried out all the same: `drop` (the answer is cut off), `delay` (it comes `ms` late),
        `broken` (it says 500), `empty` (a 200 that says nothing), `garbled` (a 200 in HTML).
        Not carried out: `unavailable` (503).
        """
        self._order(mood={"kind": kind, "ms": ms, "on": on})

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Nobody listens meanwhile."""
        self._order(door="closed")
        try:
            yield
        finally:
            self._order(door="open")

    def wait_for_refresh(self, seconds: float = 20) -> TokenRequest:
        """The first refresh that the server has carried out or refused, once there is one."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            for each in self.refreshes():
                if each.status is not None:
                    return each
            time.sleep(0.02)
        raise AssertionError("no refresh reached the server")

    def spend(self, refresh_token: str) -> requests.Response:
        """Present a refresh token by hand, past Postrider."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        who = (self.client_id, self.client_secret)
        return line().post(f"{self.url}/token", data=form, auth=who, timeout=5)

    def accepts(self, access_token: str) -> bool:
        """Whether the userinfo endpoint still knows this access token."""
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = line().get(f"{self.url}/me", headers=headers, timeout=5)
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

    def _order(self, **order: Any) -> None:
        line().post(self.control, json=order, timeout=5).raise_for_status()


def line() -> requests.Session:
    """A connection that no proxy settings of the machine lead astray."""
    session = requests.Session()
    session.trust_env = False
    return session


def install() -> Path:
    """Bring the packages of the lock file to var/real-oauth, unless they are there already."""
    node = _node()
    wanted = hashlib.sha256(node.encode())
    for name in PACKAGES:
        wanted.update((HERE / name).read_bytes())
    stamp = HOME / "installed"
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return HOME
    HOME.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    for name in PACKAGES:
        shutil.copyfile(HERE / name, HOME / name)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HOME,
        env={**os.environ, "npm_config_update_notifier": "false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}"[-2000:]
        raise NotReadyError(f"npm ci failed in {HOME}:\n{said}")
    stamp.write_text(wanted.hexdigest())
    return HOME


def _node() -> str:
    """The version of the Node.js on PATH."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NotReadyError(
            "The authorization server needs Node.js 20 with npm on PATH; there is none."
        )
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    version = said.stdout.strip().removeprefix("v")
    if int(version.split(".")[0]) < OLDEST_NODE:
        raise NotReadyError(
            f"The authorization server needs Node.js 20 or newer; the one on PATH is {version}."
        )
    return version


@contextlib.contextmanager
def running(redirect_uri: str) -> Iterator[Authority]:
    """The installed server on free ports; it ends with this process, however this one ends."""
    home = install()
    client = {
        "OIDC_CLIENT_ID": "postrider",
        "OIDC_CLIENT_SECRET": secrets.token_urlsafe(32),
        "OIDC_REDIRECT_URI": redirect_uri,
    }
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["node", str(HERE / "server.mjs"), str(ACCESS_SECONDS)],
            cwd=home,
            env={**os.environ, **client},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            where = first_line(process, said, "The authorization server")
            who = client["OIDC_CLIENT_ID"], client["OIDC_CLIENT_SECRET"]
            yield Authority(where["url"], where["control"], *who)
        finally:
            stop(process)
