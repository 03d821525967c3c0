"""Pages and a task that end with errors which say too much."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

from celery import shared_task
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from project.urls import urlpatterns as house

logger = logging.getLogger(__name__)


class BrokeOff(Exception):
    """What they end with."""


def refuse(bearer: str) -> NoReturn:
    """The cause behind what the page ends with."""
    raise ValueError(f"{bearer} was refused; the site's key is {settings.SECRET_KEY}")


@csrf_exempt
def view(request: HttpRequest, number: int) -> NoReturn:
    """It holds secrets in its variables and writes others into the error and its cause."""
    held, bearer = request.POST["password"], request.headers["Authorization"]
    try:
        refuse(bearer)
    except ValueError as problem:
        address = f"https://network.example/callback?state={request.POST['state']}"
        raise BrokeOff(
            f"page {number}: access_token={request.POST['access']} of {request.POST['mail']} "
            f"at {address} ({len(held)} letters)"
        ) from problem


@csrf_exempt
def question(request: HttpRequest) -> HttpResponse:
    """A question to the database that it cannot answer, with a secret among its values."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM nowhere WHERE word = %s", [request.POST["password"]])
    return HttpResponse()


@csrf_exempt
def line(request: HttpRequest) -> HttpResponse:
    """No error leaves it, but the log is told of one."""
    logger.error("a line about Bearer %s", request.POST["access"])
    return HttpResponse("all is well")


@csrf_exempt
def ring(request: HttpRequest) -> HttpResponse:
    """Leaves the work to a task."""
    task.delay(request.POST["password"], access=request.POST["access"])
    return HttpResponse("rung")


@shared_task(bind=True, name="tests.breaking")
def task(self: Any, password: str, access: str) -> None:
    """It fails; what the message brought along besides its arguments stands in the error."""
    brought = sorted(vars(self.request))
    logger.error("a task's line about Bearer %s", access)
    raise BrokeOff(f"a task of {len(password)} letters: access_token={access}; with {brought}")


urlpatterns = [
    path("break/<int:number>/", view),
    path("question/", question),
    path("line/", line),
    path("ring/", ring),
    *house,
]
