"""Is the process alive, and can it do its work?"""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET


@require_GET
def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_GET
def ready(request: HttpRequest) -> HttpResponse:
    """200 when database, migrations and broker are there, else 503 naming what is not."""
    checks = {"database": _database(), "broker": _broker()}
    return JsonResponse(checks, status=200 if all(v == "ok" for v in checks.values()) else 503)


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as problem:
        return f"does not answer ({type(problem).__name__})"
    return f"{len(plan)} migrations are missing" if plan else "ok"


def _broker() -> str:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=None
    )
    try:
        client.ping()
    except redis.RedisError as problem:
        return f"does not answer ({type(problem).__name__})"
    finally:
        client.close()
    return "ok"
