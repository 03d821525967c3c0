"""Log lines with a correlation id and without secrets."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from providers.kit.http import correlation, redact

_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class CorrelationFilter(logging.Filter):
    """Puts the current correlation id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through."""
        record.correlation = correlation.get() or "-"
        return True


class RedactingFormatter(logging.Formatter):
    """One line per record; whatever is shaped like a token is taken out, tracebacks included."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(correlation)s] %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The finished line without secrets."""
        return redact(super().format(record))


class CorrelationMiddleware:
    """Takes X-Request-ID from the request (or makes one) and gives it back in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request under its correlation id."""
        given = request.headers.get("X-Request-ID", "")
        token = correlation.set(given if _GOOD_ID.fullmatch(given) else uuid.uuid4().hex)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = correlation.get()
        finally:
            correlation.reset(token)
        return response
