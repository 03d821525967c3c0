"""The smoke test: starts everything in an empty folder, posts to every network, reads the result.

python -m deploy.smoke        (this is what `make smoke` runs; DATABASE_URL is respected)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

import providers
from deploy import page
from deploy.broker import free_port
from deploy.demo import DEMO_USER
from deploy.keep import dying_with_me
from deploy.surroundings import ROOT, practice, read_pairs
from providers.kit.contract import practice_values, takes_bare_words

START_SECONDS = 120.0
POST_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG_LINES = 30


class SmokeError(Exception):
    """What did not work, in one sentence."""


@dataclass(frozen=True, slots=True)
class House:
    """A running demo: its pages, its practice street, its folder."""

    url: str
    street: str
    var: Path

    @property
    def password(self) -> str:
        """The demo user's password."""
        return os.environ.get("DEMO_PASSWORD") or read_pairs(self.var / "demo.env")["DEMO_PASSWORD"]


class Person:
    """Somebody with a browser: opens pages, fills in forms, presses buttons."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.browser = requests.Session()
        self.browser.trust_env = False

    def open(self, path: str) -> page.Page:
        """Opens one of our own pages."""
        return self.seen(self.browser.get(f"{self.house.url}{path}", timeout=30))

    def send(self, form: page.Form, values: dict[str, str | list[str]]) -> requests.Response:
        """Sends a form with these values beside what it already holds."""
        data = {**form.fields, **values}
        headers = {"Referer": form.action}
        if form.method == "get":
            return self.browser.get(form.action, params=data, headers=headers, timeout=30)
        return self.browser.post(form.action, data=data, headers=headers, timeout=30)

    def seen(self, answer: requests.Response) -> page.Page:
        """The page in an answer; an error page ends the test."""
        if not answer.ok:
            raise SmokeError(f"{answer.url} answered {answer.status_code}.")
        return page.read(answer.text, answer.url)

    def log_in(self) -> None:
        """Signs in as the demo user."""
        form = self.open("/login/").form("username", "password")
        if form is None:
            raise SmokeError("The log-in page has no form.")
        answer = self.send(form, {"username": DEMO_USER, "password": self.house.password})
        self.seen(answer)
        if "/login" in answer.url:
            raise SmokeError("The demo user's password was not accepted.")

    def connect(self, network: str) -> None:
        """Connects one account, by form or by the twin's consent page."""
        form = self.open("/accounts/").form(f"/accounts/connect/{network}/")
        if form is None:
            raise SmokeError(f"The accounts page offers no way to connect {network}.")
        blanks = practice_values(providers.adapter(network), self.house.street)
        answer = self.send(form, dict(blanks))
        seen = self.seen(answer)
        if answer.url.startswith(self.house.street):
            consent = seen.form("decision")
            if consent is None:
                raise SmokeError(f"{network} showed no consent page ({answer.url}).")
            answer = self.send(consent, {"decision": "allow"})
            self.seen(answer)
        choice = page.read(answer.text, answer.url).form("chosen")
        if choice is not None:  # one log-in speaks for several: the first is taken
            answer = self.send(choice, {"chosen": choice.boxes["chosen"][:1]})
            self.seen(answer)
        if not answer.url.startswith(f"{self.house.url}/accounts/"):
            raise SmokeError(f"Connecting {network} ended at {answer.url}.")

    def write(self, text: str, accounts: int) -> str:
        """Writes a post for every account; returns the address of its page."""
        form = self.open("/posts/new/").form("text", "accounts")
        if form is None:
            raise SmokeError("The page for a new post has no form with accounts in it.")
        offered = form.boxes.get("accounts", [])
        if len(offered) != accounts:
            raise SmokeError(f"The new post offers {len(offered)} accounts instead of {accounts}.")
        answer = self.send(form, {"text": text, "accounts": offered})
        if self.seen(answer).form("text", "accounts") is not None:
            raise SmokeError("The new post was not accepted.")
        return answer.url

    def states(self, address: str) -> list[str]:
        """The states of the post's results, as its page shows them."""
        rows = self.seen(self.browser.get(address, timeout=30)).having("data-result")
        return [row.get("data-state", "") for row in rows]


def wait_until_posted(person: Person, address: str, accounts: int) -> None:
    """Watches the post's page until every result is posted."""
    until = time.monotonic() + POST_SECONDS
    states: list[str] = []
    while time.monotonic() < until:
        states = person.states(address)
        if states == ["posted"] * accounts:
            return
        if "failed" in states:
            break
        time.sleep(0.1)
    raise SmokeError(f"Not every result was posted: {', '.join(states) or 'no result is shown'}.")


def check_board(house: House, text: str, accounts: int) -> None:
    """Each network must have received the text exactly once."""
    board = requests.get(f"{house.street}/_street/board", timeout=10).json()
    got = sorted(post["network"] for post in board["posts"] if post["text"] == text)
    if len(got) != accounts or len(set(got)) != accounts:
        raise SmokeError(f"The street received the post {len(got)} times: {', '.join(got)}.")


def visit(house: House) -> str:
    """Does everything a person would do; returns the sentence of success."""
    networks = [name for name in providers.names() if takes_bare_words(providers.adapter(name))]
    person = Person(house)
    person.log_in()
    for network in networks:
        person.connect(network)
    text = f"Smoke rises {uuid.uuid4().hex[:12]}"
    began = time.monotonic()
    address = person.write(text, len(networks))
    wait_until_posted(person, address, len(networks))
    took = time.monotonic() - began
    check_board(house, text, len(networks))
    return f"smoke: {len(networks)} of {len(networks)} posted in {took:.1f} s"


def environment(var: Path) -> dict[str, str]:
    """The demo's environment: free ports, a folder of its own, a database that is asked for."""
    ports: dict[str, str] = {}
    for name in ("PORT", "SANDBOX_PORT", "FLOWER_PORT"):
        port = free_port()
        while str(port) in ports.values():
            port = free_port()
        ports[name] = str(port)
    street = f"http://127.0.0.1:{ports['SANDBOX_PORT']}"
    ours = {
        **ports,
        **practice(street),  # whatever the environment says: this never reaches a real network
        "VAR_DIR": str(var),
        "PUBLIC_URL": f"http://127.0.0.1:{ports['PORT']}",
        "PRACTICE_URL": street,
        "TRUSTED_ORIGINS": street,
        "PYTHONUNBUFFERED": "1",
    }
    database = os.environ.get("DATABASE_URL") or f"sqlite:///{var / 'smoke.sqlite3'}"
    return {**os.environ, **ours, "REDIS_URL": "", "DATABASE_URL": database}


@contextlib.contextmanager
def running(var: Path) -> Iterator[House]:
    """A demo that was started for this and is stopped at the end."""
    around = environment(var)
    with (var / "smoke.log").open("wb") as log:
        demo = subprocess.Popen(
            [sys.executable, "-m", "deploy.demo"],
            cwd=ROOT,
            env=around,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=dying_with_me(signal.SIGTERM),
        )
    try:
        house = House(around["PUBLIC_URL"], around["PRACTICE_URL"], var)
        wait_for(house, demo)
        yield house
    finally:
        with (var / "smoke.log").open(errors="replace") as log_so_far:
            (var / "smoke.tail").write_text("".join(deque(log_so_far, LOG_LINES)))
        demo.terminate()
        try:
            demo.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            demo.kill()
            demo.wait()


def wait_for(house: House, demo: subprocess.Popen[bytes]) -> None:
    """Waits until pages and street answer."""
    until = time.monotonic() + START_SECONDS
    waiting = [f"{house.url}/healthz", f"{house.street}/_street/board"]
    while waiting:
        if demo.poll() is not None:
            raise SmokeError(f"The demo ended by itself with code {demo.returncode}.")
        if time.monotonic() > until:
            raise SmokeError(f"{waiting[0]} did not answer within {START_SECONDS:g} s.")
        try:
            requests.get(waiting[0], timeout=2).raise_for_status()
            waiting.pop(0)
        except requests.RequestException:
            time.sleep(0.2)


def main() -> int:
    """Runs the smoke test; a failure is one sentence and the end of the log."""
    with tempfile.TemporaryDirectory(prefix="postrider-smoke-") as folder:
        var = Path(folder)
        try:
            with running(var) as house:
                said = visit(house)
        except (SmokeError, requests.RequestException) as problem:
            print(f"smoke: {problem}", file=sys.stderr)
            sys.stderr.write((var / "smoke.tail").read_text())
            return 1
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
