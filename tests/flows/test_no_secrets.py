"""No secret of a network is found anywhere but sealed: database, broker, results, logs, pages.

A whole life with real processes: connected, posted, renewed, renewed in vain, disconnected. Then
everything that was written is searched for everything that was secret, base64 opened.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
import redis
from django.conf import settings as project_settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_celery_results.models import TaskResult
from pytest_celery import CeleryTestSetup

import providers
from posting.models import Post
from providers.kit.contract import Way, practice_values, ways
from tests.cast import Cast, Street, renewers, talkers
from tests.flows.nodes import Process
from tests.flows.test_one_post import submit
from tests.flows.wait import eventually, settled
from tests.tokens.dance import consent
from tokens.models import OAuthToken, Offered, Renewal, Revocation, SocialAccount
from tokens.vault import unseal
from workers.refresh import refresh_expired_tokens
from workers.sweep import sweep

pytestmark = pytest.mark.django_db(transaction=True)
WRONG = "wrong-app-password"
SECRET_NAMES = frozenset(
    {"access_token", "refresh_token", "client_secret", "password", "code", "code_verifier"}
    | {"token", "accessJwt", "refreshJwt"}
)
SHORTEST = 8
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


@pytest.fixture
def surroundings(surroundings: dict[str, str]) -> dict[str, str]:
    """Processes that say everything."""
    return {**surroundings, "LOG_LEVEL": "DEBUG"}


class Secrets(set[str]):
    """Everything that must not be seen."""

    def of_rows(self) -> None:
        """What the grants hold now."""
        for row in OAuthToken.objects.all():
            self.add(unseal(row.access_sealed, f"token:{row.pk}:access"))
            self.add(unseal(row.refresh_sealed, f"token:{row.pk}:refresh"))
            if proof_key := unseal(row.proof_sealed, f"token:{row.pk}:proof"):
                self.update({proof_key, json.loads(proof_key)["d"]})

    def of_the_wire(self, street: Street) -> None:
        """What was sent to the networks: headers, forms and JSON."""
        for request in street.requests_of(""):
            headers = {k.lower(): v for k, v in request["headers"].items()}
            kind, _, value = headers.get("authorization", "").partition(" ")
            self.update({value, headers.get("dpop", "")})
            if kind == "Basic":
                self.add(base64.b64decode(value).decode().partition(":")[2])
            sent = {**request["query"], **dict(parse_qsl(request["body"])), **_json(request)}
            self.update(str(v) for k, v in sent.items() if k in SECRET_NAMES)

    def of_the_site(self, street: Street) -> None:
        """Our apps' secrets, the app passwords that were typed, and the keys that seal."""
        for name in providers.names():
            adapter = providers.adapter(name)
            options = project_settings.PROVIDER_OPTIONS[name]
            self.update(options[s.name] for s in adapter.settings if s.secret)
            typed = practice_values(adapter, street.url)
            self.update(typed[f.name] for f in adapter.fields if f.secret)
        self.update(entry.partition(":")[2] for entry in project_settings.TOKEN_KEYS.split(","))
        self.add(WRONG)

    def seen_in(self, text: bytes) -> set[str]:
        """Those that stand in `text`, plain, quoted, or under base64."""
        whole = b"\n".join([text, *_opened(text)])
        worth = (s for s in self if len(s) >= SHORTEST)
        return {s for s in worth if s.encode() in whole or quote(s, "").encode() in whole}


def _json(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        data = json.loads(request["body"])
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _opened(text: bytes) -> Iterator[bytes]:
    """What hides under base64: messages of the broker, for example."""
    for run in BASE64.findall(text):
        padded = run.rstrip(b"=") + b"=" * (-len(run.rstrip(b"=")) % 4)
        try:
            yield base64.b64decode(padded, altchars=b"-_" if b"-" in run or b"_" in run else None)
        except binascii.Error:
            continue


def tables() -> bytes:
    """Every value of every table."""
    lines: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            lines += [f"{table} {value}" for row in cursor.fetchall() for value in row]
    lines += [str(session.get_decoded()) for session in Session.objects.all()]
    return "\n".join(lines).encode()


def files(*folders: Path) -> bytes:
    """What lies on the disk: the spool, the database with its dead pages, the broker's history."""
    found = (p for folder in folders for p in folder.rglob("*") if p.is_file())
    return b"\n".join(p.read_bytes() for p in found)


def broker(url: str) -> bytes:
    """Every key of Redis with its value, whatever its type."""
    readers = {
        b"string": lambda r, k: r.get(k),
        b"list": lambda r, k: r.lrange(k, 0, -1),
        b"set": lambda r, k: r.smembers(k),
        b"hash": lambda r, k: r.hgetall(k),
        b"zset": lambda r, k: r.zrange(k, 0, -1, withscores=True),
        b"stream": lambda r, k: r.xrange(k),
    }
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter())
        return "\n".join(f"{k} {readers[client.type(k)](client, k)}" for k in keys).encode()


class Life:
    """One team's life with its accounts, in the browser and in the workers."""

    def __init__(self, cast: Cast, street: Street, secrets: Secrets) -> None:
        self.cast, self.street, self.secrets = cast, street, secrets
        self.browser = Client()
        self.browser.force_login(cast.alice)
        self.seen: list[bytes] = []

    def post(self, url: str, data: Mapping[str, Any] | None = None) -> Any:
        """Press a button; what comes back is a page too."""
        answer = self.browser.post(url, data or {})
        self.seen.append(answer.content)
        self.secrets.of_rows()
        return answer

    def connect(self, name: str, way: Way) -> None:
        """By the dance, or by form after one mistyped password."""
        adapter, url = providers.adapter(name), f"/accounts/connect/{name}/"
        typed = {**practice_values(adapter, self.street.url), "way": way}
        if way is Way.FORM:
            secret = {f.name: WRONG for f in adapter.fields if f.secret}
            assert self.post(url, {**typed, **secret}).status_code == 422
            self.post(url, typed)
        else:
            back = consent(self.post(url, typed)["Location"])
            self.secrets.add(back["code"])
            answer = self.browser.get("/accounts/callback/", back)
            self.seen.append(answer.content)
            if offered := Offered.objects.filter(token__provider=name):
                self.post(answer["Location"], {"chosen": [str(row.pk) for row in offered]})
        assert SocialAccount.objects.filter(provider=name, state="connected").exists()
        self.secrets.of_rows()

    def publish(self) -> Post:
        """To every network that takes bare words; one answer gets lost."""
        self.street.trouble(providers.names()[0], "drop_after", on="publish")
        accounts = SocialAccount.objects.filter(provider__in=talkers())
        post = submit(self.cast, "To everybody.", list(accounts))
        eventually(lambda: settled(post), 60)
        return post

    def renew(self, name: str) -> None:
        """By a worker, then in vain: no token, our fault, refused words, and a lost answer."""
        row = OAuthToken.objects.filter(provider=name)
        for trouble in ("", "misconfigured", "error", "drop_after"):
            if trouble:
                self.street.trouble(name, trouble, on="token")
            lines = Renewal.objects.exclude(outcome="").filter(provider=name)
            before = lines.count()
            row.update(refresh_at=timezone.now() - timedelta(minutes=1))
            refresh_expired_tokens.delay()
            eventually(lambda lines=lines, before=before: lines.count() > before)  # type: ignore[misc]
            self.secrets.of_rows()

    def leave(self) -> None:
        """Every account is disconnected and its network told."""
        self.street.trouble(providers.names()[0], "error", on="revoke")
        for account in SocialAccount.objects.exclude(state="disconnected"):
            self.post(f"/accounts/{account.pk}/disconnect/")
        sweep.delay()
        eventually(lambda: not Revocation.objects.filter(tries=0).exists())

    def pages(self, post: Post) -> bytes:
        """What a person sees, now and on the way."""
        urls = (
            "/",
            "/accounts/",
            "/posts/new/",
            f"/posts/{post.pk}/",
            f"/posts/{post.pk}/results/",
        )
        now = [self.browser.get(url) for url in urls]
        assert all(200 <= answer.status_code < 300 for answer in now)
        return b"\n".join([*self.seen, *(answer.content for answer in now)])

    def whole(self) -> tuple[Post, list[bytes]]:
        """From connecting to leaving: the post, and the pages seen on the way."""
        for name in providers.names():
            for way in reversed(ways(providers.adapter(name))):
                self.connect(name, way)
        post = self.publish()
        seen = [self.pages(post)]
        for name in renewers():
            self.renew(name)
        seen.append(self.pages(post))
        self.leave()
        return post, seen


def test_no_secret_is_found_anywhere_but_sealed(
    celery_setup: CeleryTestSetup,
    dispatcher: Process,
    cast: Cast,
    street: Street,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    worker, secrets = celery_setup.worker.container, Secrets()
    assert worker.ready()
    life = Life(cast, street, secrets)
    post, seen = life.whole()
    secrets.of_the_wire(street)
    secrets.of_the_site(street)
    assert len(secrets) > 4 * len(providers.names()), "the search has nothing to look for"

    def everything() -> dict[str, bytes]:
        return {
            "database": tables(),
            "task results": "\n".join(map(str, TaskResult.objects.values_list())).encode(),
            "broker": broker(celery_setup.broker.container.url),
            "files": files(Path(project_settings.VAR_DIR), tmp_path / "redis"),
            "logs": worker.process.logs() + dispatcher.logs() + caplog.text.encode(),
            "pages": b"\n".join([*seen, life.pages(post)]),
        }

    found = {place: secrets.seen_in(text) for place, text in everything().items()}
    assert not any(found.values()), found

    planted = max(secrets, key=len)
    plant(planted, post, celery_setup)
    blind = [place for place, text in everything().items() if planted not in secrets.seen_in(text)]
    (Path(project_settings.VAR_DIR) / "planted.json").unlink()
    assert blind == [], "the search would not have seen it there"


def plant(secret: str, post: Post, celery_setup: CeleryTestSetup) -> None:
    """Leave a secret in every place that is searched."""
    hidden = base64.b64encode(f'[["{secret}"]]'.encode()).decode()
    Post.objects.filter(pk=post.pk).update(text=secret)
    TaskResult.objects.create(task_id="planted", result=json.dumps([secret]))
    (Path(project_settings.VAR_DIR) / "planted.json").write_text(secret)
    with redis.Redis.from_url(celery_setup.broker.container.url) as client:
        client.lpush("planted", json.dumps({"body": hidden}))
    with celery_setup.worker.container.process.log.open("a") as log:
        log.write(secret)
