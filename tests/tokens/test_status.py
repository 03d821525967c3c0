"""The list of accounts is worked out once, and right in every process at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection, transaction
from django.utils import timezone

import providers
from deploy.surroundings import practice
from tests.cast import Cast, Street, connected
from tests.flows.conftest import database_url
from tests.tokens.shown import NAME, asked, word, worked_out
from tokens.disconnect import disconnect, pause
from tokens.models import OAuthToken, SocialAccount
from tokens.refresh import mark_dead, refresh
from tokens.standing import SOON, Health, standing
from tokens.status import AccountStatus, statuses

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
MINUTE = timedelta(minutes=1)


# --- once -----------------------------------------------------------------------------------------
def test_a_list_is_worked_out_once_and_comes_back_as_it_was(
    cast: Cast, street: Street, shown: SocialAccount
) -> None:
    for name in providers.names():
        connected(street, cast.team, name, "bo")
    SocialAccount.objects.filter(pk=shown.pk).update(blocked_until=timezone.now() + MINUTE)
    first, cost = asked(cast)
    assert cost == 1
    assert asked(cast) == (first, 0)
    assert len(first) == len(providers.names()) + 1
    [of_shown] = [status for status in first if status.pk == shown.pk]
    assert shown.token is not None
    assert str(of_shown) == str(shown)
    assert of_shown.how.word is Health.LIMITED
    assert of_shown.expires_at == shown.token.expires_at


def test_each_team_has_a_list_of_its_own(cast: Cast, shown: SocialAccount) -> None:
    asked(cast)
    assert statuses(cast.other_team, timezone.now()) == ()
    assert len(asked(cast)[0]) == 1


def test_accounts_behind_one_grant_name_each_other(cast: Cast, shown: SocialAccount) -> None:
    SocialAccount.objects.create(
        team=cast.team, token=shown.token, provider=NAME, external_id="2", handle="second"
    )
    found, _ = asked(cast)
    assert {s.handle: s.siblings for s in found} == {
        shown.handle: ("second",),
        "second": (shown.handle,),
    }
    assert asked(cast) == (found, 0)


def test_ten_at_once_are_told_the_same(cast: Cast, shown: SocialAccount) -> None:
    found: list[tuple[AccountStatus, ...]] = []
    at = timezone.now()

    def ask() -> None:
        try:
            found.append(statuses(cast.team, at))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [worked_out(cast, at)] * 10


def test_nothing_sealed_lies_in_the_cache(cast: Cast, shown: SocialAccount, cached: str) -> None:
    asked(cast)
    token = OAuthToken.objects.get(accounts=shown)
    with redis.Redis.from_url(cached) as client:
        kept = b"".join(bytes(client.get(key) or b"") for key in client.scan_iter())
    assert shown.handle.encode() in kept
    for sealed in (token.access_sealed, token.refresh_sealed):
        assert sealed.encode() not in kept


# --- right at once --------------------------------------------------------------------------------
def renewed(account: SocialAccount, street: Street) -> None:
    assert account.token is not None
    refresh(account.token, timezone.now())


def renewed_in_vain(account: SocialAccount, street: Street) -> None:
    street.trouble(NAME, "error", on="token")
    renewed(account, street)


def refused(account: SocialAccount, street: Street) -> None:
    street.tell("kill", network=NAME, person="ada")
    renewed(account, street)


def dead(account: SocialAccount, street: Street) -> None:
    assert account.token is not None
    mark_dead(account.token, 1, "The network said no.")


def told_to_wait(account: SocialAccount, street: Street) -> None:
    until = timezone.now() + MINUTE
    SocialAccount.objects.filter(pk=account.pk).update(blocked_until=until)


def one_more(account: SocialAccount, street: Street) -> None:
    connected(street, account.team, NAME, "bo")


def saved(account: SocialAccount, street: Street) -> None:
    account.handle = "new-name"
    account.save()


def grant_gone(account: SocialAccount, street: Street) -> None:
    OAuthToken.objects.filter(accounts=account).delete()


def less_granted(account: SocialAccount, street: Street) -> None:
    OAuthToken.objects.filter(accounts=account).update(scopes="read")


WRITERS: tuple[Callable[[SocialAccount, Street], object], ...] = (
    renewed, renewed_in_vain, refused, dead, told_to_wait, one_more, saved, grant_gone,
    less_granted, lambda account, _: pause(account),
    lambda account, _: disconnect(account, timezone.now()),
)  # fmt: skip


@pytest.mark.parametrize("write", WRITERS)
def test_whoever_writes_what_is_shown_makes_every_list_new(
    cast: Cast, street: Street, shown: SocialAccount, write: Callable[[SocialAccount, Street], Any]
) -> None:
    before, _ = asked(cast)
    assert asked(cast) == (before, 0)
    write(shown, street)
    at = timezone.now()
    after, cost = asked(cast, at)
    assert cost
    assert after == worked_out(cast, at)
    assert after != before
    assert asked(cast, at) == (after, 0)


def test_what_nobody_is_shown_leaves_the_list(cast: Cast, shown: SocialAccount) -> None:
    before, _ = asked(cast)
    OAuthToken.objects.filter(accounts=shown).update(
        access_sealed="t1.other", refresh_lease_until=timezone.now() + MINUTE
    )
    assert asked(cast) == (before, 0)


READER = """
import json, sys, django
django.setup()
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from accounts.models import Team
from tokens.disconnect import pause, resume
from tokens.models import SocialAccount
from tokens.status import statuses

for order in sys.stdin:
    with CaptureQueriesContext(connection) as queries:
        match order.split():
            case ["read", team]:
                found = statuses(Team(pk=int(team)), timezone.now())
                answer = [status.word for status in found]
            case ["resume", account]:
                answer = resume(SocialAccount.objects.get(pk=int(account)))
    print(json.dumps([answer, len(queries)]), flush=True)
"""


@pytest.fixture
def neighbour(cached: str, street: Street) -> Iterator[Callable[[str], Any]]:
    """Another process of this site; it does what it is told, one line each."""
    env = {**os.environ, **practice(street.url)}
    env |= {"DATABASE_URL": database_url(), "REDIS_URL": cached}
    env["DJANGO_SETTINGS_MODULE"] = "project.settings"
    process = subprocess.Popen(
        [sys.executable, "-c", READER],
        cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip

    def tell(order: str) -> Any:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{order}\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield tell
    process.kill()
    process.communicate()


def test_another_process_knows_at_once(
    cast: Cast, shown: SocialAccount, neighbour: Callable[[str], Any]
) -> None:
    read = f"read {cast.team.pk}"
    assert word(cast) == Health.CONNECTED
    assert neighbour(read) == [[Health.CONNECTED], 0]
    assert pause(shown)
    assert neighbour(read) == [[Health.PAUSED], 1]
    assert asked(cast)[1] == 0
    assert word(cast) == Health.PAUSED
    assert neighbour(f"resume {shown.pk}")[0] is True
    assert word(cast) == Health.CONNECTED
    assert neighbour(read) == [[Health.CONNECTED], 0]


def test_a_reader_who_looked_before_a_write_cannot_keep_what_it_saw(
    cast: Cast, shown: SocialAccount
) -> None:
    written: list[bool] = []

    def write() -> None:
        try:
            written.append(pause(shown))
        finally:
            connection.close()

    def in_between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        rows = execute(sql, params, many, context)
        if not written:  # the rows are read, the list is not kept yet
            writer = threading.Thread(target=write)
            writer.start()
            writer.join()
        return rows

    with connection.execute_wrapper(in_between):
        asked(cast)
    assert written == [True]
    assert word(cast) == Health.PAUSED
    assert asked(cast)[1] == 0


def test_what_is_not_committed_is_seen_by_its_writer_and_kept_by_nobody(
    cast: Cast, shown: SocialAccount
) -> None:
    asked(cast)

    with transaction.atomic():
        pause(shown)
        assert word(cast) == Health.PAUSED
        transaction.set_rollback(True)
    assert asked(cast)[1] == 0
    assert word(cast) == Health.CONNECTED


# --- time passes ----------------------------------------------------------------------------------
def test_a_list_does_not_outlive_what_it_says(cast: Cast, shown: SocialAccount) -> None:
    at = timezone.now()
    SocialAccount.objects.filter(pk=shown.pk).update(blocked_until=at + timedelta(seconds=5))
    assert word(cast, at) == Health.LIMITED
    assert asked(cast, at + timedelta(seconds=4))[1] == 0
    assert word(cast, at + timedelta(seconds=5)) == Health.CONNECTED


@pytest.mark.parametrize(("ahead", "word_then"), [(timedelta(0), "Reconnect"), (SOON, "Expiring")])
def test_an_end_that_comes_nearer_is_told_in_time(
    cast: Cast, shown: SocialAccount, ahead: timedelta, word_then: str
) -> None:
    at, moment = timezone.now(), timedelta(seconds=10)
    OAuthToken.objects.update(can_refresh=False, expires_at=at + ahead + moment)
    before = word(cast, at)
    assert before != word_then
    assert word(cast, at + moment) == word_then


def test_a_renewal_whose_sender_died_is_told_in_time(cast: Cast, shown: SocialAccount) -> None:
    at, moment = timezone.now(), timedelta(seconds=10)
    OAuthToken.objects.update(refresh_sent_at=at, refresh_lease_until=at + moment)
    assert word(cast, at) == Health.CONNECTED
    assert word(cast, at + moment) == Health.EXPIRING


def test_the_word_is_the_one_of_the_standing(cast: Cast, shown: SocialAccount) -> None:
    at = timezone.now()
    [status] = statuses(cast.team, at)
    account = SocialAccount.objects.select_related("token").get(pk=shown.pk)
    assert status.how == standing(account, at)
