"""The street itself: one HTTP/1.1 server in front of all twins."""

from __future__ import annotations

import itertools
import logging
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox import TWINS
from sandbox.kit.control import Desk
from sandbox.kit.network import Answer, RefusalError, Request, Route, Twin, as_json
from sandbox.kit.store import Store
from sandbox.kit.trouble import AFTER, BEFORE, Trouble, refusal, spoil

HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?")
LARGEST_BODY = 64 * 1024 * 1024
LONGEST_NOTE = 100_000

log = logging.getLogger(__name__)


class Street:
    """All twins behind one port. `with Street() as street:` opens it and closes it again."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1", state: Path | None = None) -> None:
        self.store = Store(state)
        twins: dict[str, Twin] = {}
        self.desk = Desk(twins, self.store)
        with self.store.together():
            twins |= {name: twin(self.store, self.desk.board) for name, twin in TWINS.items()}
        self.twins: Mapping[str, Twin] = twins
        self.numbers = itertools.count(1)
        self.over = threading.Event()
        self.server = Server((host, port), self)
        self.thread = threading.Thread(target=self.serve, name="street", daemon=True)

    @property
    def url(self) -> str:
        """Where the street is; a twin is at `<url>/<name>`."""
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"

    def serve(self) -> None:
        """Answer until stopped; looks for the stop often, so that tests end soon."""
        self.server.serve_forever(poll_interval=0.05)

    def start(self) -> Self:
        """Open in the background."""
        self.thread.start()
        return self

    def stop(self) -> None:
        """Close the door and every connection that is still open."""
        self.over.set()
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
        self.server.server_close()
        self.server.hang_up()
        self.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request; None: hang up without a word."""
        with self.store.together():
            answer = self.desk.answer(request)
        if answer is not None:
            return answer
        name, _, rest = request.path.removeprefix("/").partition("/")
        twin = self.twins.get(name)
        found = twin.find_route(request.method, f"/{rest}") if twin else None
        if twin is None or found is None:
            return as_json({"error": "There is nothing at this address of the street."}, 404)
        route, params = found
        home = f"{request.base}/{name}"
        inside = replace(request, path=f"/{rest}", base=home, params=params)
        route = replace(route, purpose=twin.purpose(route, inside))
        reply = self.meet(twin, route, inside)
        self.note(twin, route, inside, reply)
        return reply

    def meet(self, twin: Twin, route: Route, request: Request) -> Answer | None:
        """Carry out a request, or meet the trouble that was ordered for it."""
        trouble = self.desk.troubles.take(twin.name, route.purpose)
        if trouble is None:
            return self.do(twin, route, request)
        if trouble.kind in BEFORE:
            return refusal(trouble, twin, request, route.purpose)
        return self.do_with(trouble, twin, route, request)

    def do_with(
        self, trouble: Trouble, twin: Twin, route: Route, request: Request
    ) -> Answer | None:
        """Carry out a request late, or carry it out and spoil the answer."""
        if trouble.kind == "slow":
            if self.over.wait(trouble.seconds):
                return None
            request = replace(request, at=time.time())
        answer = self.do(twin, route, request)
        if trouble.kind == "slow_after":
            self.over.wait(trouble.seconds)
        return spoil(trouble, answer) if trouble.kind in AFTER else answer

    def do(self, twin: Twin, route: Route, request: Request) -> Answer:
        """Carry out a request: all of it or nothing, and what a refusal wrote stays written."""
        with self.store.together():
            try:
                answer: Answer = getattr(twin, route.handler)(request)
            except RefusalError as no:
                return no.answer
        return answer

    def note(self, twin: Twin, route: Route, request: Request, answer: Answer | None) -> None:
        """Keep a request of the wire for whoever asks what was really sent; of files the size."""
        parts = {
            name: {"filename": part.filename, "mime": part.mime, "size": len(part.data)}
            | ({} if part.filename else {"text": part.text})
            for name, part in request.parts().items()
        }
        self.desk.requests.append(
            {
                "network": twin.name,
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "headers": dict(request.headers),
                "body": "" if parts else request.body[:LONGEST_NOTE].decode("utf-8", "replace"),
                "parts": parts,
                "status": answer.status if answer else 0,
                "purpose": route.purpose,
                "number": next(self.numbers),
            }
        )


class Server(ThreadingHTTPServer):
    """One thread per connection; remembers the connections, so that it can end them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], street: Street) -> None:
        self.street = street
        self.open: set[socket.socket] = set()
        super().__init__(address, Door)

    def server_bind(self) -> None:
        # HTTPServer would look up the host's name here, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def hang_up(self) -> None:
        """End every open connection, idle ones too."""
        for connection in list(self.open):
            end(connection)


class Door(BaseHTTPRequestHandler):
    """From bytes to a Request, and from an Answer to bytes."""

    protocol_version = "HTTP/1.1"
    server_version = "PracticeStreet"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        """Forget the connection; the other side may be gone already."""
        self.server.open.discard(self.connection)
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def handle(self) -> None:
        """Serve the connection until one side ends it."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def serve(self) -> None:
        """One request, one answer."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.close_connection = True
            return self.send(as_json({"error": "Send a Content-Length."}, 411))
        if int(length) > LARGEST_BODY:
            self.close_connection = True
            return self.send(as_json({"error": "Too large."}, 413))
        request = self.read(self.rfile.read(int(length)))
        try:
            answer = self.server.street.answer(request)
        except Exception:
            log.exception("the street failed at %s %s", request.method, request.path)
            answer = as_json({"error": "The street itself has a fault; see its log."}, 500)
        if answer is None:
            self.close_connection = True
            return end(self.connection)
        return self.send(answer)

    def read(self, body: bytes) -> Request:
        """The request, with the address that the caller used for us."""
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        named = self.headers.get("Host", "")
        base = f"http://{named}" if HOST.fullmatch(named) else self.server.street.url
        return Request(
            method=self.command,
            path=unquote(parts.path),
            at=time.time(),
            base=base,
            query={name: values[-1] for name, values in query.items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def send(self, answer: Answer) -> None:
        """Write the answer in one piece."""
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what was asked stands in `/_street/requests`."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 (the names are http.server's)


def end(connection: socket.socket) -> None:
    """Close both directions at once; the other side may have done so before."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
