"""People are mailed what waits for them: all that is new in one letter, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.access import want_mail
from accounts.models import Mailed, Membership, Notice, User
from accounts.notify import claim, settle, tell
from accounts.roles import Role
from deploy.broker import free_port
from tests.cast import Cast
from tests.flows.post_office import MailServer, open_office
from workers.mail import write

pytestmark = pytest.mark.django_db(transaction=True)
EVERY = timedelta(minutes=15)
SECOND = timedelta(seconds=1)


@pytest.fixture
def office(settings: Settings) -> Iterator[MailServer]:
    """A mail server, and a site that knows it."""
    with open_office() as (mail, _):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail.server_address[1]
        settings.NOTICE_MAIL, settings.NOTICE_MAIL_EVERY_S = True, 900
        yield mail


@pytest.fixture
def at() -> datetime:
    """Now."""
    return timezone.now()


def waits(cast: Cast, key: str, words: str = "Something waits.") -> Notice:
    """A notice that asks for something."""
    tell(cast.team, key, words, timezone.now(), path="/posts/causes/", asks=True)
    return Notice.objects.get(team=cast.team, key=key)


def letters(office: MailServer) -> dict[str, list[str]]:
    """What everybody has got, in order."""
    found: dict[str, list[str]] = {}
    for mail in office.mails:
        body = mail.get_payload(decode=True)
        assert isinstance(body, bytes)
        found.setdefault(str(mail["To"]), []).append(body.decode())
    return found


def test_all_that_is_new_comes_in_one_letter_to_those_who_may_act(
    cast: Cast, office: MailServer, at: datetime
) -> None:
    waits(cast, "failed:1", "Two posts did not go out.")
    waits(cast, "held:1", "Resume the account.")
    tell(cast.team, "news", "Nobody has to do anything.", at)
    assert write(at) == 2
    got = letters(office)
    assert set(got) == {"alice@example.org", "bob@example.org"}
    [to_alice], [to_bob] = got["alice@example.org"], got["bob@example.org"]
    assert "Two posts did not go out." in to_alice
    assert "Resume the account." in to_alice
    assert "Resume the account." not in to_bob  # an editor connects no accounts
    assert "http://127.0.0.1:8000/posts/causes/" in to_bob
    assert "Nobody has to do anything." not in to_alice + to_bob
    assert {str(mail["Subject"]) for mail in office.mails} == {
        "Postrider: 2 things wait for you",
        "Postrider: something waits for you",
    }


def test_a_person_gets_one_letter_in_a_while_and_nothing_twice(
    cast: Cast, office: MailServer, at: datetime
) -> None:
    Membership.objects.filter(user=cast.bob).delete()
    waits(cast, "failed:1", "The first.")
    assert write(at) == 1
    waits(cast, "failed:2", "The second.")
    assert write(at + EVERY - SECOND) == 0
    assert write(at + EVERY) == 1
    assert write(at + 9 * EVERY) == 0
    first, second = letters(office)["alice@example.org"]
    assert "The first." in first
    assert "The first." not in second
    assert "The second." in second


def test_what_is_settled_before_anybody_was_told_is_not_mailed(
    cast: Cast, office: MailServer, at: datetime
) -> None:
    settle([waits(cast, "failed:1")], at)
    assert write(at) == 0
    assert office.mails == []


def test_viewers_strangers_and_who_wants_none_get_none(
    cast: Cast, office: MailServer, at: datetime
) -> None:
    waits(cast, "failed:1")
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    want_mail(cast.alice, wants=False)
    assert write(at) == 0
    want_mail(cast.alice, wants=True)
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert write(at) == 0
    User.objects.filter(pk=cast.alice.pk).update(is_active=True)
    assert write(at) == 1
    assert set(letters(office)) == {"alice@example.org"}


def test_while_the_mail_server_is_away_nothing_is_claimed(
    cast: Cast, office: MailServer, at: datetime, settings: Settings
) -> None:
    waits(cast, "failed:1")
    here, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    assert write(at) == 0
    assert not Mailed.objects.exists()
    settings.EMAIL_PORT = here
    assert write(at + SECOND) == 2


def test_a_letter_that_broke_off_is_lost_and_not_doubled(
    cast: Cast, office: MailServer, at: datetime
) -> None:
    """It was claimed by somebody who died before the mail server had it."""
    notice = waits(cast, "failed:1")
    assert claim(cast.alice, [notice], at, EVERY) == [notice]
    assert write(at + EVERY) == 1
    assert set(letters(office)) == {"bob@example.org"}


def test_of_two_who_claim_the_same_one_gets_it(cast: Cast, at: datetime) -> None:
    notice = waits(cast, "failed:1")
    assert claim(cast.alice, [notice], at, EVERY) == [notice]
    assert claim(cast.alice, [notice], at, EVERY) == []
    assert claim(cast.alice, [notice], at + EVERY, EVERY) == []


@pytest.mark.parametrize("off", [{"NOTICE_MAIL": False}, {"NOTICE_MAIL_EVERY_S": 0}])
def test_a_site_without_a_mail_server_mails_nobody(
    cast: Cast, office: MailServer, at: datetime, settings: Settings, off: dict[str, int]
) -> None:
    for name, value in off.items():
        setattr(settings, name, value)
    waits(cast, "failed:1")
    assert write(at) == 0
    assert office.mails == []


def test_everybody_switches_their_own_letters_off(cast: Cast) -> None:
    browser = Client()
    browser.force_login(cast.bob)
    said = {"you-name": "Bob", "you-time_zone": "UTC"}
    assert browser.post(reverse("settings"), said).status_code == 302
    wants = dict(User.objects.values_list("email", "wants_mail"))
    assert (wants["bob@example.org"], wants["alice@example.org"]) == (False, True)
    browser.post(reverse("settings"), {**said, "you-wants_mail": "on"})
    assert User.objects.get(pk=cast.bob.pk).wants_mail
