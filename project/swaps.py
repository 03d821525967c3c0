"""Answers to htmx: messages travel along as toasts, and a redirect is a new page."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

Answer = Callable[[HttpRequest], HttpResponseBase]
STOP = 286  # htmx: swap this, and ask no more


class SwapMiddleware:
    """Makes any view's answer right for a page that asked by htmx; others pass untouched."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, with what htmx needs besides."""
        answer = self.get_response(request)
        html = answer.get("Content-Type", "").startswith("text/html")
        if html:
            patch_vary_headers(answer, ["HX-Request"])
        if "HX-Request" not in request.headers or not isinstance(answer, HttpResponse):
            return answer
        if 300 <= answer.status_code < 400 and answer.has_header("Location"):
            return _elsewhere(answer)
        moves = {"HX-Redirect", "HX-Refresh", "HX-Location"} & set(answer.headers)
        told = [] if moves or not html else list(messages.get_messages(request))
        if told:
            words = {"messages": told, "swap": True}
            del answer["ETag"]  # what is said once must not be kept and said again
            answer.content += render_to_string("frame/toasts.html", words, request).encode()
        return answer


def _elsewhere(answer: HttpResponse) -> HttpResponse:
    """A redirect for the whole page, instead of one that would be swapped into a piece of it."""
    moved = HttpResponse(status=204)
    moved["HX-Redirect"] = answer["Location"]
    moved.cookies = answer.cookies
    return moved
