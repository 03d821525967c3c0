"""A server on a real socket of this machine that answers whatever a test wants it to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from providers.kit.http import Patience, Wire

SHORT = Patience(connect=1.0, read=0.5, deadline=0.8)
Talk = Callable[[socket.socket, bytes], None]


class Server:
    """Answers every request on a real socket with `talk`, and remembers what it was sent."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.requests: list[bytes] = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Take calls until the listener is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """Answer every request of one caller."""
        with suppress(OSError, ValueError), connection:
            while request := read_request(connection):
                self.requests.append(request)
                self.talk(connection, request)

    def wire(self, patience: Patience = SHORT) -> Wire:
        """A client that may call here."""
        return Wire(trusted=frozenset({self.url}), patience=patience)


def read_request(connection: socket.socket) -> bytes:
    """One request, whole; b"" once the caller has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [
        line.split(b":")[1]
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    while len(body) < int(sizes[0] if sizes else 0):
        part = connection.recv(65_536)
        if not part:
            return b""
        body += part
    return head + b"\r\n\r\n" + body


def say(answer: bytes) -> Talk:
    """The same answer to every request."""
    return lambda connection, _: connection.sendall(answer)


def tell(*bodies: object, status: int = 200) -> Talk:
    """These JSON bodies, one after the other; the last one for ever."""
    left = list(bodies)

    def answer(connection: socket.socket, _: bytes) -> None:
        body = json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode()
        head = b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        connection.sendall(head + body)

    return answer
