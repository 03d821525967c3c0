"""Alice's keys at a real authorization server: renewed, fought over, lost, refused."""

from __future__ import annotations

import time
import uuid
from collections import Counter

import pytest
from django.utils import timezone
from pytest_django import Settings

from providers.kit.contract import Message
from providers.kit.errors import Forbidden, Unauthorized, Unavailable
from tokens import networks, speak
from tokens.models import OAuthToken, SocialAccount
from tokens.refresh import Outcome, fresh, refresh

from .adapter import Oidc
from .conftest import THREADS, Dance
from .elsewhere import Answer, Launch
from .server import Authority
from .sight import (
    MINUTE,
    SECOND,
    assert_none_sent_twice,
    assert_silent,
    assert_unmarked,
    assert_waits_for_its_owner,
    digest,
    ends,
    keys_of,
    works,
)
from .visitor import Visitor

pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]

PROCESSES = 4


def test_every_renewal_brings_a_new_pair_that_works(
    authority: Authority, token: OAuthToken
) -> None:
    pairs = [keys_of(token)]

    for version in (2, 3, 4):
        assert refresh(token, timezone.now()) is Outcome.REFRESHED
        pairs.append(keys_of(token))
        assert token.version == version
        assert works(authority, token)

    assert len({key for pair in pairs for key in pair}) == 8
    sent = [each.refresh for each in authority.refreshes()]
    assert sent == [digest(renewal) for _, renewal in pairs[:3]]


def test_a_used_refresh_token_in_other_hands_ends_the_grant_and_we_say_so(
    authority: Authority, account: SocialAccount, token: OAuthToken
) -> None:
    _, used = keys_of(token)
    assert refresh(token, timezone.now()) is Outcome.REFRESHED
    assert works(authority, token)

    replay = authority.spend(used)

    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    assert authority.refreshes()[-1].why == "refresh token already used"
    assert not works(authority, token)
    assert refresh(token, timezone.now()) is Outcome.DEAD
    assert_waits_for_its_owner(account, "no longer accepts this connection")
    with pytest.raises(Unauthorized):
        fresh(OAuthToken.objects.get(pk=token.pk), timezone.now())
    assert len(authority.refreshes()) == 3


def test_a_key_that_is_refused_before_its_time_is_renewed_once_and_used(
    authority: Authority, dance: Dance
) -> None:
    authority.lives(1)
    account = dance.end(dance.back(Visitor("ada")))
    assert account.token is not None
    ends(account.token, timezone.now() + 60 * MINUTE)
    time.sleep(1.5)
    authority.lives(3600)

    with pytest.raises(Forbidden, match="Nothing can be published here"):
        speak.publish(
            SocialAccount.objects.get(pk=account.pk),
            Message("Morning", str(uuid.uuid4()), timezone.now()),
            timezone.now(),
            may_send=lambda: True,
        )

    assert [each.granted for each in authority.refreshes()] == [True]
    assert works(authority, account.token)
    assert_unmarked(account)


def test_64_callers_from_four_processes_spend_one_refresh_token(
    authority: Authority, token: OAuthToken, elsewhere: Launch
) -> None:
    ends(token, timezone.now() - SECOND)
    others = [elsewhere(token, "--threads", str(THREADS)) for _ in range(PROCESSES)]
    for other in others:
        other.ready()

    for other in others:
        other.go()
    answers = [answer for other in others for answer in other.answers()]

    assert Counter(answers) == {Answer(2, "", ""): PROCESSES * THREADS}
    assert [each.granted for each in authority.refreshes()] == [True]
    assert works(authority, token)


# --- lost answers -------------------------------------------------------------------------------
def test_after_a_lost_answer_the_key_works_to_its_end_and_then_the_owner_is_asked(
    authority: Authority, dance: Dance
) -> None:
    authority.lives(6)
    account = dance.end(dance.back(Visitor("ada")))
    token = account.token
    assert token is not None
    assert token.expires_at is not None
    authority.mood("drop")

    assert refresh(token, timezone.now()) is Outcome.TRANSIENT

    token.refresh_from_db()
    assert fresh(token, timezone.now()).version == 1
    assert works(authority, token)
    assert_unmarked(account)
    time.sleep(max(0, (token.expires_at - timezone.now()).total_seconds()) + 1)
    assert not works(authority, token)
    with pytest.raises(Unauthorized, match="got lost"):
        fresh(token, timezone.now())
    assert_waits_for_its_owner(account, "got lost", "connect the account again")
    assert [each.granted for each in authority.refreshes()] == [True]
    assert_none_sent_twice(authority)


@pytest.mark.parametrize("mood", ["broken", "garbled", "empty", "unavailable"])
def test_an_answer_that_tells_nothing_is_asked_again_when_nothing_is_left_to_lose(
    authority: Authority, account: SocialAccount, token: OAuthToken, mood: str
) -> None:
    """Only "unavailable" answers before doing anything; after the others the token is spent."""
    ends(token, timezone.now() + MINUTE)
    authority.mood(mood)

    assert refresh(token, timezone.now()) is Outcome.TRANSIENT

    for _ in range(3):
        assert fresh(OAuthToken.objects.get(pk=token.pk), timezone.now()).version == 1
    assert works(authority, token)
    assert_unmarked(account)
    assert len(authority.refreshes()) <= 1
    OAuthToken.objects.update(expires_at=timezone.now(), refresh_at=timezone.now())
    token.refresh_from_db()
    if mood == "unavailable":
        assert works(authority, fresh(token, timezone.now()))
        return
    with pytest.raises(Unauthorized):
        fresh(token, timezone.now())
    assert_waits_for_its_owner(account, "no longer accepts this connection")


def test_an_answer_that_comes_too_late_leaves_the_same_doubt(
    authority: Authority, account: SocialAccount, token: OAuthToken
) -> None:
    ends(token, timezone.now() + MINUTE)
    authority.mood("delay", 3_000)

    assert refresh(token, timezone.now()) is Outcome.TRANSIENT

    assert fresh(token, timezone.now()).version == 1
    assert works(authority, token)
    assert_unmarked(account)
    ends(token, timezone.now() - SECOND)
    with pytest.raises(Unauthorized, match="got lost"):
        fresh(token, timezone.now())
    assert_waits_for_its_owner(account, "got lost", "connect the account again")
    assert len(authority.refreshes()) == 1


def test_a_doubtful_key_that_is_refused_asks_for_its_owner_at_once(
    authority: Authority, account: SocialAccount, token: OAuthToken
) -> None:
    _, used = keys_of(token)
    authority.mood("drop")
    assert refresh(token, timezone.now()) is Outcome.TRANSIENT
    assert authority.spend(used).status_code == 400  # somebody else: the grant is gone
    token.refresh_from_db()

    with pytest.raises(Unauthorized, match="got lost"):
        fresh(token, timezone.now(), refused_version=1)

    assert_waits_for_its_owner(account, "got lost", "connect the account again")
    assert len(authority.refreshes()) == 2


def test_whoever_connects_again_has_a_key_that_works(
    authority: Authority, account: SocialAccount, token: OAuthToken, dance: Dance
) -> None:
    authority.mood("drop")
    ends(token, timezone.now() - SECOND)
    with pytest.raises(Unavailable):
        fresh(token, timezone.now())
    with pytest.raises(Unauthorized):
        fresh(OAuthToken.objects.get(pk=token.pk), timezone.now())

    again = dance.end(dance.back(Visitor("ada")))

    assert again.pk == account.pk
    assert_unmarked(again)
    assert again.token is not None
    assert refresh(again.token, timezone.now()) is Outcome.REFRESHED
    assert works(authority, again.token)
    assert_none_sent_twice(authority)


# --- trouble that is nobody's key ---------------------------------------------------------------
def test_a_server_that_is_down_marks_nobody(
    authority: Authority, account: SocialAccount, token: OAuthToken
) -> None:
    ends(token, timezone.now() - SECOND)

    with authority.stopped():
        assert refresh(token, timezone.now()) is Outcome.TRANSIENT
        token.refresh_from_db()
        with pytest.raises(Unavailable):
            fresh(token, timezone.now())
        assert_unmarked(account)

    assert authority.refreshes() == []
    OAuthToken.objects.update(refresh_at=timezone.now())  # the pause is over
    token.refresh_from_db()
    assert fresh(token, timezone.now()).version == 2
    assert works(authority, token)
    assert_unmarked(account)


def test_a_wrong_secret_of_ours_marks_nobody(
    authority: Authority, account: SocialAccount, token: OAuthToken, settings: Settings
) -> None:
    ends(token, timezone.now() - SECOND)
    wrong = "a secret that was changed yesterday"
    options = settings.PROVIDER_OPTIONS
    settings.PROVIDER_OPTIONS = {
        **options,
        Oidc.name: {**authority.options, "OIDC_CLIENT_SECRET": wrong},
    }
    networks.forget()

    assert refresh(token, timezone.now()) is Outcome.TRANSIENT

    assert [(each.status, each.error) for each in authority.refreshes()] == [
        (401, "invalid_client")
    ]
    _, renewal = keys_of(token)
    assert_silent(token.problem, wrong, renewal)
    assert_unmarked(account)
    settings.PROVIDER_OPTIONS = options
    networks.forget()
    with pytest.raises(Unavailable):
        fresh(token, timezone.now())
    assert len(authority.refreshes()) == 1
    OAuthToken.objects.update(refresh_at=timezone.now())  # the pause is over
    token.refresh_from_db()
    assert fresh(token, timezone.now()).version == 2
    assert works(authority, token)
    assert_unmarked(account)
