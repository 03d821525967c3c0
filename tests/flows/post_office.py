"""Where alarms arrive: a mail server and a web server on loopback that keep what they are given."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Mail(socketserver.StreamRequestHandler):
    """One SMTP session (RFC 5321), of the few commands that a client needs."""

    server: MailServer

    def handle(self) -> None:
        """Says yes to everything and keeps the mail."""
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                self._say("354 go on")
                self.server.mails.append(message_from_string(self._data()))
            if verb == "QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _data(self) -> str:
        lines: list[str] = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line.removeprefix("."))
        return "".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps the mails in the order of their coming."""

    daemon_threads = allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Mail)
        self.mails: list[Message] = []


class Hook(BaseHTTPRequestHandler):
    """Takes JSON by POST and counts what is asked for by GET."""

    server: HookServer

    def do_POST(self) -> None:
        """An alarm; refused as long as the server is told to."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusals:
            self.server.refusals -= 1
            self._answer(500)
            return
        self.server.told.append(json.loads(body))
        self._answer(200)

    def do_GET(self) -> None:
        """A ping."""
        self.server.pings.append(self.path)
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class HookServer(ThreadingHTTPServer):
    """Keeps what it was told and who called."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.told: list[dict[str, Any]] = []
        self.pings: list[str] = []
        self.refusals = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def open_office() -> Iterator[tuple[MailServer, HookServer]]:
    """Both servers, until the end of the block."""
    mail, hook = MailServer(), HookServer()
    for server in (mail, hook):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield mail, hook
    finally:
        for server in (mail, hook):
            server.shutdown()
            server.server_close()
