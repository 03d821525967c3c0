"""A proxy on loopback that loses one answer or one request when told to."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "content-length"})


class Loss(StrEnum):
    """What gets lost: the request before the server sees it, or the server's answer."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Passage:
    """One request as the proxy saw it; `status` is None where the server never got it.

    `error` is the code in a refusal.
    """

    method: str
    path: str
    status: int | None
    loss: Loss | None
    error: str = ""
    sent: str = field(default="", repr=False)


class Lossy:
    """Stands before `upstream`; `lose` takes effect on the next request whose path has `part`."""

    def __init__(self, upstream: str, port: int = 0) -> None:
        self.passages: list[Passage] = []
        self._upstream = urlsplit(upstream)
        self._order: tuple[Loss, str] | None = None
        self._guard = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def lose(self, what: Loss, part: str) -> None:
        """Lose it once, on the next request whose path contains `part`."""
        with self._guard:
            self._order = (what, part)

    def calls(self, part: str) -> list[Passage]:
        """The passages whose path contains `part`, in order."""
        return [passage for passage in self.passages if part in passage.path]

    def lost(self) -> list[Passage]:
        """The passages on which something was lost."""
        return [passage for passage in self.passages if passage.loss]

    @contextlib.contextmanager
    def serving(self) -> Iterator[Lossy]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)

    def _loss_for(self, path: str) -> Loss | None:
        with self._guard:
            if self._order is None or self._order[1] not in path:
                return None
            loss, self._order = self._order[0], None
            return loss

    def _forward(
        self, request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        line = http.client.HTTPConnection(self._upstream.netloc, timeout=30)
        try:
            line.request(request.command, request.path, body or None, headers)
            answer = line.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            line.close()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        method, path, loss = request.command, request.path, self._loss_for(request.path)
        sent = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        said = sent.decode("utf-8", "replace")
        if loss is Loss.REQUEST:
            self.passages.append(Passage(method, path, None, loss, sent=said))
            _hang_up(request)
            return
        status, headers, body = self._forward(request, sent)
        self.passages.append(Passage(method, path, status, loss, _error(status, body), said))
        if loss is Loss.ANSWER:
            _hang_up(request)
            return
        request.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        handle = self._handle

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                handle(self)

            do_GET = do_POST = handle_any  # noqa: N815

            def log_message(self, *args: Any) -> None:
                """Say nothing; `passages` is the record."""

        return Handler


def _error(status: int, body: bytes) -> str:
    """The code in the body of a refusal."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(body).get("error", "")) if status >= 400 else ""
    return ""


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    with contextlib.suppress(OSError):
        request.connection.shutdown(socket.SHUT_RDWR)
