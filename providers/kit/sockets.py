"""The sockets under the HTTP client: addresses are checked, and no call outlives its deadline.

A read time-out restarts with every byte, so a network that drips bytes could hold a worker for
ever. The watchdog therefore shuts the socket of a call that passed its deadline.
"""

from __future__ import annotations

import contextlib
import heapq
import ipaddress
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar

import requests.adapters
import urllib3
import urllib3.connection
import urllib3.exceptions

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PrivateAddress(urllib3.exceptions.HTTPError):
    """A host name leads to an address that is not public."""


class _Call:
    """One HTTP call under way in this thread."""

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.connection: Any = None
        self.sock: socket.socket | None = None
        self.over = False

    def cut(self) -> None:
        sock = self.sock or getattr(self.connection, "sock", None)
        if not self.over and sock is not None:
            with contextlib.suppress(OSError):
                # Not the TLS socket's own shutdown: that would pull its state from under a read.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Watchdog:
    """One thread per process that cuts the calls which pass their deadline."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[tuple[float, int, _Call]] = []
        self._number = itertools.count()
        self._pid = 0

    def watch(self, call: _Call) -> None:
        with self._changed:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="http-watchdog", daemon=True).start()
            heapq.heappush(self._calls, (call.ends_at, next(self._number), call))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._calls or self._calls[0][0] > time.monotonic():
                    first = self._calls[0][0] - time.monotonic() if self._calls else None
                    self._changed.wait(first)
                call = heapq.heappop(self._calls)[2]
            call.cut()


_watchdog = Watchdog()
_here = threading.local()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Everything this thread sends inside the block is cut off after `seconds`."""
    call = _Call(time.monotonic() + seconds)
    _watchdog.watch(call)
    _here.call = call
    try:
        yield
    finally:
        call.over = True
        _here.call = None


class _Watched:
    """A connection that shows its socket to the watchdog and sends nothing once time is up."""

    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        call = getattr(_here, "call", None)
        if call is not None and time.monotonic() > call.ends_at:
            raise urllib3.exceptions.ConnectTimeoutError(self, "connected too late")

    def request(self, *args: Any, **kwargs: Any) -> None:
        call = getattr(_here, "call", None)
        if call is not None:
            call.connection, call.sock = self, None
        super().request(*args, **kwargs)  # type: ignore[misc]
        if call is not None:
            # "Connection: close" makes the connection forget its socket while the body is read.
            call.sock = self.sock


class _Plain(_Watched, urllib3.connection.HTTPConnection):
    pass


class _Secure(_Watched, urllib3.connection.HTTPSConnection):
    pass


class _Guarded(_Secure):
    """Connects to the very address that was checked, so a name cannot change in between."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            self._dns_host = _public_address(name, self.port or 443)
            return super()._new_conn()
        except socket.gaierror as problem:
            raise urllib3.exceptions.NameResolutionError(name, self, problem) from problem
        finally:
            self._dns_host = name


def _public_address(host: str, port: int) -> str:
    """The first address of `host` if all of them are public; raises PrivateAddress else."""
    addresses = [str(i[4][0]) for i in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not all(is_public(address.split("%")[0]) for address in addresses):
        raise PrivateAddress("the address is not public")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet; a tunnel to another address is not."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and (ip.sixtofour or ip.teredo or ip in _NAT64):
        return False
    return ip.is_global and not ip.is_multicast


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class _GuardedPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Guarded


class _Adapter(requests.adapters.HTTPAdapter):
    pools: ClassVar[dict[str, type]] = {"http": _PlainPool, "https": _SecurePool}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self.pools


class _GuardedAdapter(_Adapter):
    pools: ClassVar[dict[str, type]] = {"https": _GuardedPool}


def session(agent: str, pool: int, *, guarded: bool) -> requests.Session:
    """A pooled session without retries, cookies or environment proxies.

    `guarded`: public addresses over TLS only. `pool`: connections kept per host.
    """
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.headers["User-Agent"] = agent
    kind = _GuardedAdapter if guarded else _Adapter
    for scheme in kind.pools:
        adapter = kind(pool_connections=pool, pool_maxsize=pool, max_retries=0)
        made.mount(f"{scheme}://", adapter)
    return made
