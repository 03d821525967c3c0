"""Workers on hosts of their own: network namespaces, and cuts between them and the servers.

The whole run moves into a namespace that is called the hub; the machine's own network is not
touched. Each host hangs on the hub by one cable. A cut cable loses everything in both directions;
a cut from one server loses that server's answers, while what the host says still arrives: the
worse case, since a commit or a message may be carried out that the sender never hears about.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field

HUB = "CHAOS_HUB"
NOT_HERE = "skipped: HOSTS={} needs root, `ip` (iproute2) and the right to make network namespaces."


@dataclass(frozen=True)
class Addresses:
    """Where the servers are reached."""

    database: str = "127.0.0.1"
    broker: str = "127.0.0.1"
    street: str = "127.0.0.1"


APART = Addresses("10.213.0.2", "10.213.0.3", "10.213.0.4")
NETWORK = "10.213.0.0/16"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def possible() -> bool:
    """Whether this machine lets us make a namespace."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"postrider-{os.getpid()}-try"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except subprocess.CalledProcessError:
        return False
    return True


def inside_a_hub(module: str, count: int) -> int:
    """Run this program once more inside a new hub; its exit code. Hub and hosts go with it."""
    hub = f"postrider-{os.getpid()}"
    _ip("netns", "add", hub)
    try:
        _ip("-n", hub, "link", "set", "lo", "up")
        for address in (APART.database, APART.broker, APART.street):
            _ip("-n", hub, "addr", "add", f"{address}/32", "dev", "lo")
        again = ["ip", "netns", "exec", hub, sys.executable, "-m", module]
        return subprocess.run(again, env={**os.environ, HUB: hub}, check=False).returncode
    finally:
        for name in (*(f"{hub}-{n}" for n in range(count)), hub):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@dataclass
class Host:
    """One host: its namespace, its cable, and until when it is cut from what."""

    number: int
    hub: str
    cuts: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its namespace."""
        return f"{self.hub}-{self.number}"

    @property
    def cable(self) -> str:
        """The hub's end of the cable."""
        return f"host{self.number}"

    @property
    def address(self) -> str:
        """Where it lives."""
        return f"10.213.{self.number + 1}.2"

    def plug_in(self) -> None:
        """Make it."""
        gate = f"10.213.{self.number + 1}.1"
        _ip("netns", "add", self.name)
        _ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("addr", "add", f"{gate}/30", "dev", self.cable)
        _ip("link", "set", self.cable, "up")
        _ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", self.name, "link", "set", device, "up")
        _ip("-n", self.name, "route", "add", "default", "via", gate)

    def on_it(self, command: list[str]) -> list[str]:
        """The command, as it is run on this host."""
        return ["ip", "netns", "exec", self.name, *command]

    def cut(self, server: str, seconds: float) -> bool:
        """Cut it from a server's address, "" for from everything; False if it is cut already."""
        if self.cuts:
            return False
        if server:
            _ip("rule", "add", "blackhole", "from", server, "to", self.address)
        else:
            _ip("link", "set", self.cable, "down")
        self.cuts[server] = time.monotonic() + seconds
        return True

    def tick(self, now: float) -> None:
        """Mend what has been cut for long enough."""
        for server in [server for server, until in self.cuts.items() if until <= now]:
            del self.cuts[server]
            if server:
                _ip("rule", "del", "blackhole", "from", server, "to", self.address)
            else:
                _ip("link", "set", self.cable, "up")

    def mend(self) -> None:
        """Mend everything now."""
        self.tick(float("inf"))

    def unplug(self) -> None:
        """Take it away."""
        _ip("netns", "del", self.name)
