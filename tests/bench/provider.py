"""A network for measuring: trades single-use refresh tokens for new pairs after 100 ms.

python -m tests.bench.provider PORT        (HTTP/1.1 with keep-alive, on asyncio streams)
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from urllib.parse import parse_qs

LATENCY_S = 0.1
LIFETIME_S = 7200


class Network:
    """Remembers which refresh tokens are spent; a token that is shown twice is refused."""

    def __init__(self) -> None:
        self.spent: set[str] = set()
        self.numbers = itertools.count(1)

    def trade(self, shown: str) -> tuple[str, dict[str, object]]:
        """The answer to one refresh: status line and JSON."""
        if not shown or shown in self.spent:
            return "400 Bad Request", {"error": "invalid_grant"}
        self.spent.add(shown)
        number = next(self.numbers)
        return "200 OK", {
            "token_type": "bearer",
            "access_token": f"access-{number}-{'a' * 80}",
            "refresh_token": f"refresh-{number}-{'r' * 80}",
            "expires_in": LIFETIME_S,
            "scope": "tweet.read tweet.write users.read offline.access",
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many requests as come."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].split("\r\n")[0] or 0)
                form = parse_qs((await reader.readexactly(length)).decode())
                await asyncio.sleep(LATENCY_S)
                status, answer = self.trade(form.get("refresh_token", [""])[0])
                body = json.dumps(answer).encode()
                lines = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                writer.write(f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
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
