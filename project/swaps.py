"""Answers to htmx: messages travel along as toasts, and a redirect is a new page."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

Answer = Callable[[HttpRequest], HttpResponseBase]


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
            answer.content += render_to_string("frame/toasts.html", words, request).encode()
        return answer


def _elsewhere(answer: HttpResponse) -> HttpResponse:
    """A redirect for the whole page, instead of one that would be swapped into a piece of it.

    Who was logged out meanwhile sees the page anew, which leads to the door and back to itself.
    """
    moved = HttpResponse(status=204)
    place = answer["Location"]
    if place.partition("?")[0] == resolve_url(settings.LOGIN_URL):
        moved["HX-Refresh"] = "true"
    else:
        moved["HX-Redirect"] = place
    moved.cookies = answer.cookies
    return moved
