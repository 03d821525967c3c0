"""Google's resumable uploads from the network's side, and the form of its errors.

From `networks.md` of 2026-11-21, section 10 (Publish, Limits and errors). That pieces but the last
are multiples of 256 KiB and must continue what has arrived is background knowledge: the
stricter way.
"""

from __future__ import annotations

import re

from sandbox.kit.network import Answer, Person, RefusalError, Request, Route, as_json
from sandbox.kit.oauth import OAuthTwin
from sandbox.kit.store import Document

SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
GRAIN = 256 * 1024


def error(status: int, reason: str, words: str) -> Answer:
    """A refusal of the API."""
    one = {"domain": "global", "reason": reason, "message": words}
    return as_json({"error": {"code": status, "message": words, "errors": [one]}}, status)


def invalid(reason: str, words: str) -> RefusalError:
    """The video is not acceptable as it is announced."""
    return RefusalError(error(400, reason, words))


class ResumableTwin(OAuthTwin):
    """A twin with sessions; its routes call `opened` and `taken`."""

    def accept(self, body: Document) -> Document:
        """What is kept of an announced file, once it is found to be in order."""
        raise NotImplementedError(f"{type(self).__name__}.accept")

    def made(self, person: Person, session: Document, request: Request) -> Answer:
        """What becomes of a file that is there whole; notes it as `made` with its session."""
        raise NotImplementedError(f"{type(self).__name__}.made")

    def purpose(self, route: Route, request: Request) -> str:
        """One address serves three: the question, a piece, and the piece that ends it."""
        if (request.method, route.purpose) != ("PUT", "publish"):
            return super().purpose(route, request)
        span = SPAN.fullmatch(request.headers.get("content-range", ""))
        if span is None:
            return "find"
        return "publish" if int(span[2]) + 1 == int(span[3]) else "upload"

    def opened(self, request: Request, person: Person) -> Answer:
        """A new session, at the address in Location."""
        size = request.headers.get("x-upload-content-length", "")
        kind = request.headers.get("x-upload-content-type", "")
        if request.query.get("uploadType") != "resumable":
            raise invalid("badRequest", "uploadType must be resumable")
        if not kind.startswith("video/") or not size.isdigit():
            raise invalid("mediaBodyRequired", "The request does not include the content.")
        about = self.accept(request.json())
        name = f"up{self.store.next_number(self.name, request.at)}"
        self.shelf.begin(name, person.id, request.at, size=int(size), about=about)
        where = f"{request.base}{request.path}?uploadType=resumable&upload_id={name}"
        return Answer(200, b"", (("Location", where),))

    def taken(self, request: Request, person: Person) -> Answer:
        """A piece, or the question how much has arrived."""
        session = self.shelf.get(request.query.get("upload_id", ""), person.id, request.at)
        if session is None:
            return error(404, "notFound", "The upload session is not known.")
        if "made" in session:
            return as_json(session["made"])
        have = len(self.shelf.joined(session["id"]))
        span = SPAN.fullmatch(request.headers.get("content-range", ""))
        if span is None:
            return so_far(have)
        first, last, size = (int(part) for part in span.groups())
        whole = last - first + 1 == len(request.body) and size == session["size"]
        even = last + 1 == size or len(request.body) % GRAIN == 0
        if first != have or not whole or not even:
            raise invalid("badRequest", "The range does not continue what has arrived.")
        self.shelf.append(session["id"], first, request.body)
        return self.made(person, session, request) if last + 1 == size else so_far(last + 1)


def so_far(have: int) -> Answer:
    """What has arrived; nothing has no range."""
    return Answer(308, b"", (("Range", f"bytes=0-{have - 1}"),) if have else ())
