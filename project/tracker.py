"""Tells an error tracker what broke: a few named fields, redacted, with the correlation id.

Loaded only where SENTRY_DSN names a tracker (project/apps.py), so that nobody else pays for it.

Three doors lead here: a request that broke off, a task that failed, and every line that the log
holds at ERROR (LOGGING in the settings); what ends a thread or a process comes by Python's own
hooks. The SDK's integrations for HTTP, Django, Celery and Redis stay off: they would write headers
of the tracker into calls to networks and into messages of the broker, wrap every query, and gather
requests that would have to be cleaned again. What leaves is built anew from a list of what may, so
a field that a later SDK adds does not leave either. docs/operating.md says what that is.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import sentry_sdk
from celery.signals import task_failure
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.types import DataCollectionUserOptions, Event, Hint

import providers
from providers.kit.http import correlation, redact

# What these lines say comes by its own door, or is no fault of ours (a wrong Host, a 404).
ELSEWHERE = ("django.request", "django.server", "django.security.*", "celery.app.trace")
EVENT = (
    *("event_id", "timestamp", "level", "logger", "platform", "sdk"),
    *("environment", "release", "server_name", "transaction"),
)
ERROR = ("type", "module", "thread_id")
CHAIN = ("type", "handled", "source", "exception_id", "parent_id", "is_exception_group")
FRAME = (
    *("filename", "module", "function", "lineno", "in_app"),
    *("pre_context", "context_line", "post_context"),
)
TAGS = ("task_id",)
LONGEST = 4000  # of a text; cut after it was redacted, so that no half of a secret is left
SHORTEST = 8  # of our own secrets: a shorter one would take ordinary words out
DATABASES = ("django.db", "psycopg", "sqlite3")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+")
_QUERY = re.compile(r"\?[^\s\"'<>()?=]*=[^\s\"'<>()]*")
_QUOTED = re.compile(r":\s+\"")
# The successor of send_default_pii, which would be False: nothing is gathered in the first place.
NOTHING: DataCollectionUserOptions = {
    "user_info": False,
    "cookies": {"mode": "off"},
    "http_headers": {"request": {"mode": "off"}},
    "http_bodies": [],
    "url_query_params": {"mode": "off"},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
    "frame_context_lines": 3,
}


def start() -> None:
    """From now on this process tells the tracker; a thread of its own does the sending."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.SENTRY_ENVIRONMENT,
        release=settings.SENTRY_RELEASE,  # never None: the SDK would ask git
        integrations=[
            ExcepthookIntegration(),
            DedupeIntegration(),
            AtexitIntegration(callback=lambda _pending, _seconds: None),
        ],
        default_integrations=False,
        auto_enabling_integrations=False,
        before_send=Cleaner(ours()).only_what_may_leave,
        data_collection=NOTHING,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        trace_propagation_targets=[],
        auto_session_tracking=False,
        send_client_reports=False,
        enable_backpressure_handling=False,
        spotlight=False,
        debug=False,
        shutdown_timeout=1,
        project_root=str(settings.BASE_DIR),
    )
    for name in ELSEWHERE:
        ignore_logger(name)
    got_request_exception.connect(_a_request, dispatch_uid="project.tracker")
    task_failure.connect(_a_task, dispatch_uid="project.tracker")
    threading.excepthook = _a_thread(threading.excepthook)


def ours() -> tuple[str, ...]:
    """The secrets that this site was given: they leave in no text, whatever they look like."""
    urls = (settings.BROKER_URL, settings.REDIS_URL)
    found = [
        settings.SECRET_KEY,
        settings.S3_SECRET,
        settings.EMAIL_HOST_PASSWORD,
        settings.ALARM_WEBHOOK,
        settings.ALARM_PING_URL,
        str(settings.DATABASES["default"].get("PASSWORD") or ""),
        *(unquote(urlsplit(url).password or "") for url in urls),
        *(entry.partition(":")[2] for entry in settings.TOKEN_KEYS.split(",")),
    ]
    for name in providers.names():
        options = settings.PROVIDER_OPTIONS[name]
        found += [options[s.name] for s in providers.adapter(name).settings if s.secret]
    return tuple(secret for secret in found if len(secret) >= SHORTEST)


class Cleaner:
    """Builds what leaves anew; what it cannot read is not sent, for the SDK drops it then."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self.secrets = secrets

    def only_what_may_leave(self, event: Event, hint: Hint) -> Event:
        """The named fields of an event, cleaned, under the correlation id of this moment."""
        whole = cast("dict[str, Any]", event)
        kept = self.clean(_some(whole, EVENT))
        if said := whole.get("logentry"):
            kept["logentry"] = {
                name: self.words(str(said.get(name) or "")) for name in ("message", "formatted")
            }
        if errors := (whole.get("exception") or {}).get("values"):
            kept["exception"] = {"values": [self.error(one) for one in errors]}
        kept["tags"] = self.clean(_some(dict(whole.get("tags") or {}), TAGS))
        if correlation.get():
            kept["tags"]["correlation_id"] = self.clean(correlation.get())
        return cast("Event", kept)

    def error(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """One exception of a chain; a database's word goes without the values that it quotes."""
        text = str(one.get("value") or "")
        if str(one.get("module") or "").startswith(DATABASES):
            text = _QUOTED.split(text.partition("\n")[0])[0]
        frames = (one.get("stacktrace") or {}).get("frames") or []
        return {
            **self.clean(_some(one, ERROR)),
            "value": self.words(text),
            "mechanism": self.clean(_some(one.get("mechanism") or {}, CHAIN)),
            "stacktrace": {"frames": [self.clean(_some(frame, FRAME)) for frame in frames]},
        }

    def words(self, text: str) -> str:
        """A sentence without secrets, without addresses of people and without queries of URLs."""
        text = _QUERY.sub("?[cut]", redact(text, self.secrets))
        return _MAIL.sub("[address]", text)[:LONGEST]

    def clean(self, value: Any) -> Any:
        """Every text in it redacted, as the log's are."""
        match value:
            case str():
                return redact(value, self.secrets)[:LONGEST]
            case dict():
                return {name: self.clean(each) for name, each in value.items()}
            case list() | tuple():
                return [self.clean(each) for each in value]
            case _:
                return value


def _some(whole: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: whole[name] for name in names if whole.get(name) not in (None, "")}


def _a_request(request: HttpRequest | None = None, **_: Any) -> None:
    """A view or a middleware broke off: told under the route, which holds no ids and no query."""
    route = request.resolver_match.route if request and request.resolver_match else ""
    if problem := sys.exception():
        _tell(problem, f"{request.method if request else ''} /{route}".strip())


def _a_task(
    sender: Any = None, task_id: str = "", exception: BaseException | None = None, **_: Any
) -> None:
    """A task failed. Celery hands on a copy where the exception cannot be pickled: not that."""
    if problem := sys.exception() or exception:
        _tell(problem, str(getattr(sender, "name", "")), task_id=task_id)


Hook = Callable[[threading.ExceptHookArgs], Any]


def _a_thread(before: Hook) -> Hook:
    """A thread of ours ended; whoever was told of it before is told still."""

    def told(end: threading.ExceptHookArgs, /) -> None:
        if end.exc_value is not None:
            _tell(end.exc_value, f"thread {end.thread.name if end.thread else ''}".strip())
        before(end)

    return told


def _tell(problem: BaseException, where: str, **tags: str) -> None:
    with sentry_sdk.new_scope() as scope:
        scope.set_transaction_name(where)
        for name, value in tags.items():
            scope.set_tag(name, value)
        sentry_sdk.capture_exception(problem)
