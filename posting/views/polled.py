"""Pieces of pages that are asked for again and again: sent whole only when they say something new.

Such a piece holds no form of its own: a form's token differs each time, and so would the piece.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response

from accounts.access import MemberRequest

HTMX_STOP_POLLING = 286


def polled(
    request: MemberRequest, template: str, context: dict[str, Any], *, final: bool = False
) -> HttpResponse:
    """The piece with its ETag, or 304; `final` tells htmx to ask no more."""
    answer = render(request, template, context, status=HTMX_STOP_POLLING if final else 200)
    tag = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    answer["ETag"], answer["Cache-Control"] = tag, "private, no-cache"
    if final:
        return answer
    return get_conditional_response(request, etag=tag, response=answer) or answer
