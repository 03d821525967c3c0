"""Keys of their own: refused, derived anew, or waiting for an owner while the siblings go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from posting.models import PostResult
from posting.states import State
from providers.kit.contract import Message
from providers.kit.errors import Unauthorized
from tests.cast import Cast, Street, only, written
from tests.offers.conftest import Visit
from tests.workers.engine import run, turn
from tokens.derive import derive
from tokens.models import OAuthToken, SocialAccount
from tokens.refresh import mark_dead
from tokens.speak import publish
from tokens.standing import Health, standing
from tokens.states import AccountState
from workers.notices import notices

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def lamps(fair: Visit) -> SocialAccount:
    """Lamps and Letters are connected behind one grant; this is the first."""
    return fair.chosen(fair.settled(), "Lamps", "Letters").accounts[0]


def listings(street: Street, name: str = "fair") -> int:
    return len([r for r in street.requests_of(name) if r["path"] == "/stalls"])


def test_a_refused_key_is_derived_anew_once(
    cast: Cast, street: Street, fair: Visit, lamps: SocialAccount
) -> None:
    before = lamps.key_sealed
    assert fair.town.change_locks("Lamps") == 1
    assert run(written(cast, "With the new key.", [lamps])) == ["posted"]
    assert fair.account("Lamps").key_sealed not in ("", before)
    assert listings(street) == 2
    assert run(written(cast, "And again.", [fair.account("Lamps")])) == ["posted"]
    assert listings(street) == 2
    assert street.texts() == ["And again.", "With the new key."]


def test_an_account_that_is_no_longer_offered_waits_alone(
    cast: Cast, street: Street, fair: Visit, lamps: SocialAccount
) -> None:
    fair.town.runs("Letters")
    fair.town.change_locks("Lamps")
    post = written(cast, "From both.", [lamps, fair.account("Letters")])
    assert sorted(run(post)) == ["held", "posted"]
    assert fair.account("Lamps").state == AccountState.RECONNECT
    assert "invalid_token" in fair.account("Lamps").problem
    assert fair.account("Letters").state == AccountState.CONNECTED
    assert OAuthToken.objects.get().state == "good"
    assert standing(fair.account("Lamps"), timezone.now()).word is Health.RECONNECT
    fair.town.runs("Lamps", "Letters")
    fair.settled()
    turn()
    assert sorted(run(post)) == ["posted", "posted"]


def test_a_new_key_that_is_refused_as_well_ends_it(
    cast: Cast, street: Street, fair: Visit, lamps: SocialAccount
) -> None:
    fair.town.change_locks("Lamps")
    street.trouble("fair", "unauthorized", on="publish", times=2)
    assert run(written(cast, "No luck.", [lamps])) == ["held"]
    assert fair.account("Lamps").state == AccountState.RECONNECT
    assert listings(street) == 2
    assert street.board() == []


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "throttled", "garbage"])
def test_a_network_that_cannot_be_asked_now_is_asked_later(
    cast: Cast, street: Street, fair: Visit, lamps: SocialAccount, kind: str
) -> None:
    fair.town.change_locks("Lamps")
    street.trouble("fair", kind, on="identity")
    post = written(cast, "A little later.", [lamps])
    turn()
    assert only(post).state == State.SCHEDULED
    assert only(post).doubts == 0
    assert fair.account("Lamps").state == AccountState.CONNECTED
    SocialAccount.objects.update(blocked_until=None)
    PostResult.objects.update(due_at=timezone.now())
    assert run(post) == ["posted"]


def test_a_grant_that_has_ended_gives_no_new_key_and_spares_the_siblings(
    cast: Cast, street: Street, plaza: Visit
) -> None:
    lamps, letters = plaza.chosen(plaza.settled(), "Lamps", "Letters").accounts
    plaza.town.age(61 * DAY)
    OAuthToken.objects.update(expires_at=timezone.now() - DAY)
    plaza.town.change_locks("Lamps")
    assert sorted(run(written(cast, "Half of us.", [lamps, letters]))) == ["held", "posted"]
    assert plaza.account("Lamps").state == AccountState.RECONNECT
    assert plaza.account("Letters").state == AccountState.CONNECTED
    assert listings(street, "plaza") == 1


def test_a_dead_grant_takes_its_accounts_with_it(
    cast: Cast, street: Street, fair: Visit, lamps: SocialAccount
) -> None:
    token = OAuthToken.objects.get()
    mark_dead(token, token.version, "The person changed the password.")
    assert standing(fair.account("Lamps"), timezone.now()).word is Health.RECONNECT
    assert run(written(cast, "Not now.", [lamps])) == ["held"]
    message = Message("Not now.", "0", timezone.now())
    with pytest.raises(Unauthorized, match="changed the password"):
        publish(fair.account("Lamps"), message, timezone.now(), may_send=lambda: True)
    assert [r for r in street.requests_of("fair") if r["purpose"] == "publish"] == []


def test_whoever_comes_second_uses_the_key_of_the_first(
    street: Street, fair: Visit, lamps: SocialAccount
) -> None:
    fair.town.change_locks("Lamps")
    second = SocialAccount.objects.get(pk=lamps.pk)
    assert derive(lamps, timezone.now())
    assert derive(second, timezone.now())
    assert second.key_sealed == lamps.key_sealed
    assert listings(street) == 2


def test_the_end_of_a_grant_is_no_warning_for_a_key_of_its_own(
    street: Street, plaza: Visit, lodge: Visit
) -> None:
    plaza.chosen(plaza.settled(), "Lamps")
    OAuthToken.objects.update(expires_at=timezone.now() + DAY)
    assert standing(plaza.account("Lamps"), timezone.now()).word is Health.CONNECTED
    assert notices(timezone.now()) == 0
    lodge.settled()
    OAuthToken.objects.update(expires_at=timezone.now() + DAY, can_refresh=False)
    assert notices(timezone.now()) == 1
