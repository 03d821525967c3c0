"""The only HTTP client towards networks: time-outs, a deadline, size caps, no private addresses.

Nothing here retries. What an answer means is the adapter's to say; what a missing answer means is
said here: before the request left it is Unavailable, afterwards Uncertain (unless the call is
marked as safe to repeat).
"""

from __future__ import annotations

import base64
import contextvars
import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
import urllib3.exceptions

from providers.kit.errors import NetworkError, Unavailable, Uncertain, Unexpected
from providers.kit.sockets import PrivateAddress, deadline, session
from providers.kit.uploads import Body, File, multipart

correlation: contextvars.ContextVar[str] = contextvars.ContextVar("correlation", default="")
"""The id that ties an attempt, its log lines and its HTTP requests together."""
_ears: contextvars.ContextVar[list[Reply | NetworkError] | None] = contextvars.ContextVar(
    "ears", default=None
)

Said = TypeVar("Said", bound="Reply | NetworkError")
MAX_BODY_BYTES = 1_000_000
MAX_WORDS = 400
_TOKEN_LIKE = re.compile(
    r"(?i)\b(bearer|basic|dpop)\s+[\w.~+/=-]{6,}"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*"
    r"|(?<=[?&\s\"'{,;])(?:access_token|refresh_token|client_secret|password|code_verifier|code)"
    r"\"?\s*[=:]\s*\"?[^\s&\"',;}]+"
)

_HOST_NAME = re.compile(r"localhost|[\w-]+(\.[\w-]+)+|[0-9a-f:.]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, for the next bytes, and for the whole call."""

    connect: float = 5.0
    read: float = 30.0
    deadline: float = 45.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that arrived whole, at `received_at`. `safe`: the call may be repeated."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    safe: bool
    received_at: datetime
    secrets: tuple[str, ...] = field(default=(), repr=False)
    url: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def words(self) -> str:
        """The beginning of the body as plain words, secrets taken out."""
        text = self.body.decode("utf-8", "replace")
        if "<html" in text.lower() or "<!doctype" in text.lower():
            title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
            text = f"an HTML page ({title.group(1).strip() if title else 'no title'})"
        return redact(text, self.secrets)[:MAX_WORDS]

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises `unreadable()` if it is anything else."""
        data = self._parsed()
        if not isinstance(data, dict):
            raise self.unreadable()
        return data

    def items(self) -> list[dict[str, Any]]:
        """The body as a JSON list of objects; raises `unreadable()` if it is anything else."""
        data = self._parsed()
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            raise self.unreadable()
        return data

    def maybe_json(self) -> dict[str, Any]:
        """The body as a JSON object, or {}: for reading error answers of any shape."""
        data = self._parsed()
        return data if isinstance(data, dict) else {}

    def said(self, *names: str) -> str:
        """The first of these fields that holds words, secrets taken out; else `words`."""
        data = self.maybe_json()
        for name in names:
            if isinstance(value := data.get(name), str) and value.strip():
                return redact(value.strip(), self.secrets)[:MAX_WORDS]
        return self.words or f"nothing but the status {self.status}"

    def _parsed(self) -> Any:
        """The body as JSON; None if it is none (nested too deeply counts as none)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def unreadable(self) -> NetworkError:
        """The error for an answer that makes no sense: after a create it leaves a doubt."""
        said = f"{self.status} with {self.words or 'an empty body'}"
        if self.safe or not self.ok:
            return Unexpected(f"The network answered {said}.", status=self.status)
        return Uncertain(f"The network answered {said}, so no id is known.", status=self.status)

    def troubled(self) -> NetworkError:
        """The error for a 5xx: a create may have been carried out, anything else was not."""
        if self.safe:
            return Unavailable(f"The network has trouble ({self.status}).", status=self.status)
        return Uncertain(
            f"The network has trouble ({self.status}); it may have taken the post.",
            status=self.status,
        )


@contextmanager
def listening() -> Iterator[list[Reply | NetworkError]]:
    """Collects what the networks answer within the block, in order; a lost answer as its error."""
    heard: list[Reply | NetworkError] = []
    token = _ears.set(heard)
    try:
        yield heard
    finally:
        _ears.reset(token)


def _overheard(said: Said) -> Said:
    """Passes an answer, or its loss, on to whoever listens."""
    if (heard := _ears.get()) is not None:
        heard.append(said)
    return said


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without the given secrets and without anything shaped like a token.

    Neither NUL nor half a surrogate pair is left in it, so it can be stored anywhere.
    """
    written = {
        way for s in secrets if len(s) >= 4 for way in (s, quote(s, ""), json.dumps(s)[1:-1])
    }
    for secret in sorted(written, key=len, reverse=True):
        text = text.replace(secret, "[redacted]")
    text = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return _TOKEN_LIKE.sub("[redacted]", text)


def base_url(typed: str, label: str) -> str:
    """The base URL behind what a person typed ("example.org", "https://example.org/path/").

    Raises ValueError with a sentence that names the blank by its `label`.
    """
    value = typed.strip().rstrip("/")
    value = value if "://" in value else f"https://{value}"
    problem = f"{label}: please type the address of a server, such as social.org."
    try:
        parts = urlsplit(value)
        port = f":{parts.port}" if parts.port else ""
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:  # a UnicodeError is one too
        raise ValueError(problem) from None
    strange = parts.scheme not in ("http", "https") or "@" in parts.netloc or "?" in value
    if strange or "#" in value or not _HOST_NAME.fullmatch(host):
        raise ValueError(problem)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def text_in(data: object, name: str) -> str:
    """The string under `name` in a JSON object; "" for anything else."""
    value = data.get(name) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else ""


def objects_in(data: object, name: str) -> list[dict[str, Any]]:
    """The objects of the list under `name` in a JSON object; [] for anything else."""
    value = data.get(name) if isinstance(data, Mapping) else None
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


class Wire:
    """Sends requests to one network.

    `trusted`: origins ("http://127.0.0.1:8100") that may be private and need no TLS: the practice
    street, servers of one's own. Every other address must be public and https. Thread-safe.
    """

    def __init__(
        self,
        *,
        patience: Patience | None = None,
        trusted: frozenset[str] = frozenset(),
        agent: str = "Postrider",
        pool: int = 128,
    ) -> None:
        self.patience = patience or Patience()
        self.trusted = trusted
        self._session = session(agent, pool, guarded=True)
        self._trusted_session = session(agent, pool, guarded=False)

    def call(
        self,
        method: str,
        url: str,
        *,
        safe: bool | None = None,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
        body: File | None = None,
        json: Mapping[str, Any] | Sequence[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> Reply:
        """One request, one answer; never retried, never redirected.

        `safe` says whether repeating it is harmless (default: GET only). `files` make the form a
        multipart one; `body` is sent as it is. `secrets` are values that must not come back in
        `words`; `bearer`, `basic` and form secrets are added. Raises Unavailable (certainly not
        taken), Uncertain (sent, answer lost), Unexpected (address not allowed).
        """
        safe = method == "GET" if safe is None else safe
        hidden = (*secrets, bearer, *_basic_secrets(basic), *_form_secrets(form))
        load, about = _load(form, files, body)
        request = requests.Request(
            method,
            url,
            params=params,
            data=load,
            json=json,
            headers={**about, **(headers or {}), **_calling_card(bearer)},
            auth=basic,
        )
        with closing(load) if isinstance(load, Body) else nullcontext():
            return self._send(request, safe=safe, secrets=tuple(s for s in hidden if s))

    def _send(self, request: requests.Request, *, safe: bool, secrets: tuple[str, ...]) -> Reply:
        line = self._session_for(request.url)
        try:
            prepared = line.prepare_request(request)
        except requests.RequestException:
            raise Unexpected("The network's address is not a valid URL.") from None
        ends_at = time.monotonic() + self.patience.deadline
        try:
            with deadline(self.patience.deadline):
                response = line.send(
                    prepared,
                    stream=True,
                    timeout=(self.patience.connect, self.patience.read),
                    allow_redirects=False,
                )
                with response:
                    body = _read(response, ends_at)
        except requests.RequestException as problem:
            raise _overheard(_lost(problem, safe, late=time.monotonic() >= ends_at)) from None
        except (urllib3.exceptions.HTTPError, OSError, _TooLong) as problem:
            raise _overheard(_lost(problem, safe, late=time.monotonic() >= ends_at)) from None
        at, url = datetime.now(UTC), prepared.url or ""
        return _overheard(
            Reply(response.status_code, response.headers, body, safe, at, secrets, url)
        )

    def _session_for(self, url: str) -> requests.Session:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise Unexpected("The network's address is not a valid URL.") from None
        if f"{parts.scheme}://{parts.netloc}" in self.trusted:
            return self._trusted_session
        if parts.scheme != "https" or not parts.hostname:
            raise Unexpected("The network's address must begin with https://.")
        return self._session


def _load(
    form: Mapping[str, str] | None, files: Mapping[str, File] | None, body: File | None
) -> tuple[Mapping[str, str] | Body | None, dict[str, str]]:
    """What is sent, and the headers that say what it is."""
    if files:
        load, kind = multipart(form or {}, files)
        return load, {"Content-Type": kind}
    if body:
        return Body(body), {"Content-Type": body.mime}
    return form, {}


def _calling_card(bearer: str) -> dict[str, str]:
    """The headers that say who calls, and in which attempt."""
    card = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return card | ({"X-Request-ID": correlation.get()} if correlation.get() else {})


class _TooLong(Exception):
    """The body is larger or slower than allowed."""


def _read(response: requests.Response, ends_at: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(65_536):
        size += len(part)
        if size > MAX_BODY_BYTES or time.monotonic() > ends_at:
            raise _TooLong
        parts.append(part)
    if time.monotonic() > ends_at:  # cut off: what looks like the end need not be one
        raise _TooLong
    return b"".join(parts)


def _basic_secrets(basic: tuple[str, str] | None) -> tuple[str, ...]:
    if basic is None:
        return ()
    return (basic[1], base64.b64encode(":".join(basic).encode()).decode())


def _form_secrets(form: Mapping[str, str] | None) -> tuple[str, ...]:
    names = ("client_secret", "refresh_token", "code", "code_verifier", "token", "password")
    return tuple(form[name] for name in names if form and name in form)


def _lost(problem: Exception, safe: bool, *, late: bool) -> NetworkError:
    """What a missing answer means; the problem's own text may hold secrets and is not used."""
    causes = [problem, *_causes(problem)]
    if any(isinstance(cause, PrivateAddress) for cause in causes):
        return Unexpected("The network's address is not public; it was not called.")
    before = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.NameResolutionError,
        ssl.SSLCertVerificationError,
    )
    slow = late or any(_is_timeout(cause) for cause in causes)
    if any(isinstance(cause, before) for cause in causes):
        return Unavailable("The network could not be reached.", timed_out=slow)
    if safe:
        return Unavailable("The network did not answer.", timed_out=slow)
    words = "The answer got lost; the network may have taken the request."
    return Uncertain(words, timed_out=slow)


def _is_timeout(cause: BaseException) -> bool:
    """Whether time was up; urllib3 counts a refused connection among its time-outs, we do not."""
    refused = isinstance(cause, urllib3.exceptions.NewConnectionError)
    timeouts = (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout)
    return isinstance(cause, timeouts) and not refused


def _causes(problem: BaseException) -> list[BaseException]:
    """Every exception behind `problem`: arguments, reasons, causes and contexts."""
    found: list[BaseException] = []
    queue: list[object] = [problem]
    while queue and len(found) < 20:
        current = queue.pop()
        if not isinstance(current, BaseException) or current in found:
            continue
        found.append(current)
        queue += [*current.args, getattr(current, "reason", None)]
        queue += [current.__cause__, current.__context__]
    return found
