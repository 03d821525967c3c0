"""A network that notes when each post arrives: answers POST /2/tweets, tells GET /arrivals.

python -m tests.bench.arrivals PORT        (HTTP/1.1 with keep-alive, on asyncio streams)
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time

LATENCY_S = 0.05


class Network:
    """Takes every post and remembers, by its text, the moment of its last byte."""

    def __init__(self) -> None:
        self.arrivals: dict[str, list[float]] = {}
        self.numbers = itertools.count(1)

    async def answer(self, line: str, body: bytes, at: float) -> tuple[str, object]:
        """Status line and JSON for one request."""
        if line.startswith("get /arrivals"):
            return "200 OK", self.arrivals
        text = json.loads(body)["text"]
        self.arrivals.setdefault(text, []).append(at)
        await asyncio.sleep(LATENCY_S)
        return "201 Created", {"data": {"id": str(next(self.numbers)), "text": text}}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many requests as come."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].split("\r\n")[0] or 0)
                body = await reader.readexactly(length)
                status, said = await self.answer(head, body, time.time())
                content = json.dumps(said).encode()
                lines = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                writer.write(f"{lines}Content-Length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main(port: int) -> None:
    """Serve until told to stop."""
    server = await asyncio.start_server(Network().serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
