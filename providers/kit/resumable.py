"""Google's resumable uploads: a session, pieces, and the question how much of it arrived.

Facts: networks.md of 2026-11-21, section 10 (Publish): `Location` is the session, 308 with `Range`
says what arrived, 200 or 201 brings the finished resource, 404 means that the session is gone. The
last piece is what finishes the resource; asking with `bytes */N` tells whether it did. A session is
continued by whoever knows its address, so it is kept out of all words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from providers.kit.content import Media
from providers.kit.contract import Account, Message
from providers.kit.errors import (
    Misconfigured,
    NetworkError,
    Rejected,
    Unavailable,
    Unexpected,
)
from providers.kit.http import Reply, Wire, text_in
from providers.kit.steps import forget, once
from providers.kit.uploads import File, stretch

RANGE = re.compile(r"bytes=0-(\d+)", re.ASCII)
GONE = (404, 410)
STEPS = ("session", "sent")


class Resumable:
    """The upload of one file; called again, it goes on where the network has got to."""

    def __init__(
        self,
        wire: Wire,
        url: str,
        account: Account,
        message: Message,
        length: int,
        refusal: Callable[[Reply], NetworkError],
    ) -> None:
        self.wire = wire
        self.url = url
        self.account = account
        self.saved = message.saved
        self.media: Media = message.media[0]
        self.length = length
        self.refusal = refusal

    def finish(self, params: Mapping[str, str], about: Mapping[str, Any]) -> str:
        """The id of the finished resource: begun with `about`, or continued."""
        known = bool(self.saved.get("session"))
        session = once(self.saved, "session", lambda: self._begin(params, about))
        asked = self._asked(session) if known else 0
        while isinstance(asked, int):
            self.saved.keep("sent", str(asked))
            before, asked = asked, self._sent(session, asked)
            if isinstance(asked, int) and asked <= before:
                raise Unavailable("The network took nothing of the last piece.")
        return asked

    def came_to(self) -> str | None:
        """The id if the upload is finished, "" if it is not; None if the session is not known."""
        session = self.saved.get("session")
        reply = self._ask(session) if session else None
        if reply is None or reply.status in GONE:
            return None
        asked = self._progress(reply)
        return asked if isinstance(asked, str) else ""

    def _begin(self, params: Mapping[str, str], about: Mapping[str, Any]) -> str:
        told = {"X-Upload-Content-Type": self.media.mime}
        told["X-Upload-Content-Length"] = str(self.media.size)
        key, query = self.account.access_token, {"uploadType": "resumable", **params}
        reply = self.wire.call(
            "POST", self.url, safe=True, params=query, json=about, headers=told, bearer=key
        )
        if not reply.ok:
            raise self._no(reply)
        session = reply.headers.get("Location", "")
        if urlsplit(session)[:2] != urlsplit(self.url)[:2]:
            raise reply.unreadable()
        return session

    def _sent(self, session: str, first: int) -> str | int:
        """Send the piece from `first` on; only the last one may be the end of it all."""
        file = stretch(self.media, first, self.length)
        end = first + file.size
        span = f"bytes {first}-{end - 1}/{self.media.size}"
        reply = self._put(session, span, file, safe=end < self.media.size)
        if reply.status == 308 and not RANGE.fullmatch(reply.headers.get("Range", "")):
            self.saved.keep("sent", "unsure")
            return self._asked(session)
        return self._progress(reply)

    def _asked(self, session: str) -> str | int:
        return self._progress(self._ask(session))

    def _ask(self, session: str) -> Reply:
        """How much arrived; harmless at any time."""
        return self._put(session, f"bytes */{self.media.size}", None, safe=True)

    def _put(self, session: str, span: str, file: File | None, *, safe: bool) -> Reply:
        secrets = (session, urlsplit(session).query)
        key, told = self.account.access_token, {"Content-Range": span}
        return self.wire.call(
            "PUT", session, safe=safe, body=file, headers=told, bearer=key, secrets=secrets
        )

    def _progress(self, reply: Reply) -> str | int:
        """The id of the finished resource, or from which byte on the rest is wanted."""
        if reply.status == 308:
            found = RANGE.fullmatch(reply.headers.get("Range", ""))
            return int(found[1]) + 1 if found else 0
        if reply.status in GONE:
            words = "The network no longer knows the upload that was begun."
            raise forget(self.saved, STEPS, Rejected(words, status=reply.status))
        if not reply.ok:
            raise self._no(reply)
        if not (made := text_in(reply.json(), "id")):
            raise reply.unreadable()
        return made

    def _no(self, reply: Reply) -> NetworkError:
        """What an upload refuses is the content, even where asking again would be harmless."""
        problem = self.refusal(reply)
        plain = isinstance(problem, Unexpected) and not isinstance(problem, Misconfigured)
        if plain and reply.status in (400, 403, 413):
            code = problem.network_code
            return Rejected(problem.words, status=reply.status, network_code=code)
        return problem
