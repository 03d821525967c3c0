"""Is the process alive, and does the house do its work?"""

from __future__ import annotations

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from workers import vitals
from workers.vitals import Finding, TookTooLong

FINE = "ok"


@require_GET
def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_GET
def ready(request: HttpRequest) -> HttpResponse:
    """200 when everything is there, at work and on time, else 503 naming what is not.

    Every question has its time limit. For monitors and deploys; a load balancer asks `alive`,
    because the pages work on while a worker is away.
    """
    checks = {"database": _words(vitals.database()), "broker": _words(vitals.broker())}
    if checks["database"] == FINE:
        checks |= {"migrations": _words(vitals.migrations()), **_at_work()}
    well = all(words == FINE for words in checks.values())
    return JsonResponse(checks, status=200 if well else 503)


def _words(finding: Finding | None) -> str:
    return str(finding) if finding else FINE


def _at_work() -> dict[str, str]:
    """Due posts, dispatchers, beat and the pools behind each queue."""
    about = {"overdue": FINE, "dispatcher": FINE, "beat": FINE, "queue": FINE}
    try:
        found = vitals.at_work()
    except (Error, TookTooLong) as problem:
        return dict.fromkeys(about, f"unknown ({type(problem).__name__})")
    return about | {finding.about: str(finding) for finding in found}
