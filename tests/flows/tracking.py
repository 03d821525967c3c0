"""An error tracker on loopback: it takes envelopes as Sentry's ingest does, and keeps every byte.

The shape of an envelope: https://develop.sentry.dev/sdk/foundations/envelopes/ (read 2026-11-21).
"""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROJECT = "/api/1/envelope/"


class Tracker:
    """Answers every envelope, or holds the answer back until `let_go` is set."""

    def __init__(self, *, silent: bool = False) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.let_go = threading.Event()
        if not silent:
            self.let_go.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.dsn = f"http://publickey@127.0.0.1:{self.port}/1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Nobody waits for it any longer."""
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """The class that `http.server` makes one of for each caller."""
        tracker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                packed = self.headers.get("Content-Encoding") == "gzip"
                tracker.heads.append(f"{self.requestline}\n{self.headers}")
                tracker.bodies.append(gzip.decompress(body) if packed else body)
                tracker.let_go.wait()
                answer = b'{"id": "taken"}' if self.path == PROJECT else b""
                self.send_response(200 if answer else 404)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Silent."""

        return Handler

    @property
    def bytes(self) -> bytes:
        """All that came in, heads and unpacked bodies."""
        return b"\n".join([*(head.encode() for head in self.heads), *self.bodies])

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in all envelopes; anything else in one is a mistake."""
        heads = zip(self.heads, self.bodies, strict=False)
        return [event(body) for head, body in heads if f"POST {PROJECT} " in head]

    def told(self, words: str) -> list[dict[str, Any]]:
        """The events whose exception or log line says this."""
        return [one for one in self.events if words in said(one)]


def event(envelope: bytes) -> dict[str, Any]:
    """The one event of an envelope: a line about it all, a line about the item, the item."""
    _, about, payload = envelope.split(b"\n", 2)
    kind = json.loads(about)
    assert kind["type"] == "event", kind
    whole: dict[str, Any] = json.loads(payload[: kind["length"]])
    assert not payload[kind["length"] :].strip(), "more than one item in an envelope"
    return whole


def said(event: dict[str, Any]) -> str:
    """What an event says in words: its exceptions, the first cause first, and its log line."""
    errors = event.get("exception", {}).get("values", [])
    line = event.get("logentry", {}).get("formatted", "")
    return "\n".join([*(f"{one['type']}: {one['value']}" for one in errors), line])
