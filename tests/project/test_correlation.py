"""One id ties a request, its log lines and the tasks it rang for together."""

from __future__ import annotations

import logging
import threading

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.test import Client

from project.celery import app as ours
from project.log import CorrelationFilter, RedactingFormatter
from providers.kit.http import correlation


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("request-0815", True),
        ("", False),
        ("short", False),
        ("x" * 65, False),
        ("a b\nInjected: yes", False),
    ],
)
def test_a_request_keeps_a_good_id_and_is_given_one_else(
    client: Client, given: str, kept: bool
) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer["X-Request-ID"] == given) is kept
    assert len(answer["X-Request-ID"]) >= 8
    assert correlation.get() == ""


def test_a_log_line_names_the_id() -> None:
    record = logging.LogRecord("house", logging.INFO, "f", 1, "said", None, None)
    token = correlation.set("request-0815")
    try:
        assert CorrelationFilter().filter(record)
    finally:
        correlation.reset(token)
    assert "[request-0815] said" in RedactingFormatter().format(record)


def test_a_task_goes_by_the_id_of_who_rang_and_a_job_by_its_own() -> None:
    seen: list[str] = []
    done = threading.Semaphore(0)
    app = Celery("aside", broker="memory://", set_as_current=False)  # the handlers hear every app
    app.conf.update(worker_hijack_root_logger=False, task_ignore_result=True)

    @app.task(name="aside.look")
    def look() -> None:
        seen.append(correlation.get())
        done.release()

    try:
        with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
            token = correlation.set("request-0815")
            look.delay()
            correlation.reset(token)
            job = look.delay()
            for _ in range(2):
                assert done.acquire(timeout=20)
    finally:  # a worker makes its app that of the process
        ours.set_current()
        ours.set_default()
    assert seen == ["request-0815", job.id.replace("-", "")]


def test_a_task_that_is_called_leaves_the_id_as_it_was() -> None:
    seen: list[str] = []
    app = Celery("here", broker="memory://", set_as_current=False)

    @app.task(name="here.look")
    def look() -> None:
        seen.append(correlation.get())

    token = correlation.set("request-0815")
    try:
        look.apply()
        assert correlation.get() == "request-0815"
    finally:
        correlation.reset(token)
    assert seen == ["request-0815"]
