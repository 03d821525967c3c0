"""One log-in, several accounts: choosing, connecting again, and what is refused."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.cast import Cast, Street, written
from tests.offers.conftest import Visit
from tests.workers.engine import run
from tokens.choose import Holder, candidates, decline
from tokens.disconnect import disconnect, forget_orphans, revoke_due
from tokens.models import OAuthToken, Offered, Revocation, SocialAccount
from tokens.problems import Problem
from tokens.refresh import mark_dead
from tokens.states import AccountState
from tokens.vault import unseal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["fair", "guild"])
def visit(request: pytest.FixtureRequest) -> Visit:
    """A town of stalls, with keys of their own and without."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Visit)
    return found


def own_key(account: SocialAccount) -> str:
    return unseal(account.key_sealed, f"account:{account.pk}:key")


# --- choosing -------------------------------------------------------------------------------------
def test_alice_chooses_two_of_three_and_posts_as_both(
    cast: Cast, street: Street, visit: Visit
) -> None:
    connected = visit.settled()
    assert connected.accounts == ()
    assert [row.name for row in connected.offered] == ["Lamps", "Letters", "Ribbons"]
    chosen = visit.chosen(connected, "Lamps", "Ribbons")
    assert {a.name for a in chosen.accounts} == {"Lamps", "Ribbons"}
    assert {a.token_id for a in chosen.accounts} == {OAuthToken.objects.get().pk}
    assert {a.connected_by for a in chosen.accounts} == {cast.alice}
    assert not Offered.objects.exists()
    assert run(written(cast, "Open till nine.", list(chosen.accounts))) == ["posted", "posted"]
    assert {post["handle"] for post in street.board()} == {"lamps", "ribbons"}


def test_keys_of_their_own_wait_sealed_and_are_bound_to_their_row(fair: Visit) -> None:
    connected = fair.settled()
    keys = [unseal(row.key_sealed, f"offered:{row.pk}:key") for row in connected.offered]
    assert len(set(keys)) == 3
    chosen = fair.chosen(connected, "Lamps", "Letters")
    assert [own_key(account) for account in chosen.accounts] == keys[:2]


def test_keys_are_derived_from_the_lasting_key_and_outlive_the_short_one(
    cast: Cast, street: Street, fair: Visit
) -> None:
    lamps, *_ = fair.chosen(fair.settled(), "Lamps").accounts
    fair.town.age(timedelta(hours=2))
    assert run(written(cast, "Still here.", [lamps])) == ["posted"]


def test_one_account_alone_is_connected_without_a_question(street: Street, visit: Visit) -> None:
    visit.town.runs("Lamps")
    connected = visit.settled()
    assert [account.name for account in connected.accounts] == ["Lamps"]
    assert connected.offered == ()
    assert not Offered.objects.exists()


def test_what_is_listed_twice_is_offered_once(visit: Visit) -> None:
    visit.town.runs("Lamps", "Letters", "Lamps")
    assert sorted(row.name for row in visit.settled().offered) == ["Lamps", "Letters"]


def test_nothing_behind_the_grant_says_what_to_check(visit: Visit) -> None:
    visit.town.runs()
    with pytest.raises(Problem, match="Check that you run at least one") as caught:
        visit.settled()
    assert caught.value.code == "NO_ACCOUNTS_OFFERED"
    assert not OAuthToken.objects.exists()


def test_a_choice_is_made_once(cast: Cast, visit: Visit) -> None:
    connected = visit.settled()
    assert candidates(connected.token.pk, cast.team, timezone.now())
    visit.chosen(connected, "Lamps")
    assert candidates(connected.token.pk, cast.team, timezone.now()) == []
    with pytest.raises(Problem) as caught:
        visit.chosen(connected, "Letters")
    assert caught.value.code == "INVALID_STATE"
    assert [account.name for account in SocialAccount.objects.all()] == ["Lamps"]


def test_a_double_click_connects_once(visit: Visit) -> None:
    connected, said = visit.settled(), list[str]()

    def click() -> None:
        try:
            said.append(f"{len(visit.chosen(connected, 'Lamps').accounts)} connected")
        except Problem as problem:
            said.append(problem.code)
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _ in range(2)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert sorted(said) == ["1 connected", "INVALID_STATE"]


def test_a_choice_of_nothing_changes_nothing(visit: Visit) -> None:
    connected = visit.settled()
    with pytest.raises(Problem) as caught:
        visit.chosen(connected)
    assert caught.value.code == "VALIDATION_ERROR"
    assert len(visit.chosen(connected, "Lamps").accounts) == 1


def test_another_team_can_neither_see_nor_make_the_choice(cast: Cast, visit: Visit) -> None:
    key = visit.settled().token.pk
    assert candidates(key, cast.other_team, timezone.now()) == []
    decline(key, cast.other_team)
    assert OAuthToken.objects.filter(pk=key).exists()


def test_whoever_cancels_leaves_nothing_behind(cast: Cast, visit: Visit) -> None:
    connected = visit.settled()
    decline(connected.token.pk, cast.team)
    assert not OAuthToken.objects.exists()
    assert not Offered.objects.exists()
    assert not Revocation.objects.exists()


def test_a_choice_that_nobody_makes_is_swept(cast: Cast, visit: Visit) -> None:
    key, at = visit.settled().token.pk, timezone.now()
    assert forget_orphans(at + timedelta(minutes=59)) == 0
    assert candidates(key, cast.team, at + timedelta(minutes=51)) == []
    assert forget_orphans(at + timedelta(minutes=61)) == 1
    assert not OAuthToken.objects.exists()
    assert not Offered.objects.exists()


def test_a_crash_before_anything_was_offered_leaves_a_grant_that_is_swept(visit: Visit) -> None:
    token = visit.granted().token  # and nobody ever asks what is behind it
    assert forget_orphans(timezone.now() + timedelta(minutes=59)) == 0
    assert forget_orphans(timezone.now() + timedelta(minutes=61)) == 1
    assert not OAuthToken.objects.filter(pk=token.pk).exists()


def test_a_network_that_does_not_tell_what_is_behind_leaves_nothing_behind(
    street: Street, guild: Visit
) -> None:
    street.trouble("guild", "error", on="identity")
    with pytest.raises(Problem) as caught:
        guild.settled()
    assert caught.value.code == "OAUTH_CALLBACK_ERROR"
    assert not OAuthToken.objects.exists()


# --- what another team has ------------------------------------------------------------------------
def test_what_another_team_has_is_refused_and_the_rest_connects(cast: Cast, visit: Visit) -> None:
    theirs = visit.settled(cast.charlie, cast.other_team)
    visit.chosen(theirs, "Letters", user=cast.charlie)
    ours = visit.settled()
    holders = {
        one.offered.name: one.holder for one in candidates(ours.token.pk, cast.team, timezone.now())
    }
    assert holders == {
        "Lamps": Holder.NOBODY,
        "Letters": Holder.OTHERS,
        "Ribbons": Holder.NOBODY,
    }
    chosen = visit.chosen(ours, "Lamps", "Letters", "Ribbons")
    assert [account.name for account in chosen.accounts] == ["Lamps", "Ribbons"]
    [refusal] = chosen.refused
    assert refusal.code == "ACCOUNT_ALREADY_CONNECTED"
    assert "@letters" in refusal.words
    assert SocialAccount.objects.get(name="Letters").team == cast.other_team


def test_when_all_is_taken_no_grant_is_kept(cast: Cast, visit: Visit) -> None:
    theirs = visit.settled(cast.charlie, cast.other_team)
    visit.chosen(theirs, "Lamps", "Letters", "Ribbons", user=cast.charlie)
    with pytest.raises(Problem) as caught:
        visit.settled()
    assert caught.value.code == "ACCOUNT_ALREADY_CONNECTED"
    assert OAuthToken.objects.filter(team=cast.team).count() == 0


def test_what_is_taken_while_alice_thinks_is_refused_and_her_grant_goes(
    cast: Cast, visit: Visit
) -> None:
    ours, theirs = visit.settled(), visit.settled(cast.charlie, cast.other_team)
    visit.chosen(theirs, "Lamps", user=cast.charlie)
    chosen = visit.chosen(ours, "Lamps")
    assert chosen.accounts == ()
    assert [problem.code for problem in chosen.refused] == ["ACCOUNT_ALREADY_CONNECTED"]
    assert OAuthToken.objects.filter(team=cast.team).count() == 0


# --- connecting again -----------------------------------------------------------------------------
def test_connecting_again_moves_all_siblings_to_the_new_grant(
    cast: Cast, street: Street, visit: Visit
) -> None:
    first = visit.chosen(visit.settled(), "Lamps", "Letters")
    mark_dead(first.token, OAuthToken.objects.get().version, "The person changed the password.")
    SocialAccount.objects.filter(name="Letters").update(state=AccountState.PAUSED)
    again = visit.settled()
    assert {account.name for account in again.accounts} == {"Lamps", "Letters"}
    lamps, letters = visit.account("Lamps"), visit.account("Letters")
    assert (lamps.state, letters.state) == (AccountState.CONNECTED, AccountState.PAUSED)
    assert lamps.token_id == letters.token_id == again.token.pk
    assert not OAuthToken.objects.filter(pk=first.token.pk).exists()
    assert [row.name for row in again.offered] == ["Lamps", "Letters", "Ribbons"]
    assert run(written(cast, "Back again.", [lamps])) == ["posted"]


def test_whoever_has_all_of_them_is_asked_nothing(visit: Visit) -> None:
    visit.chosen(visit.settled(), "Lamps", "Letters", "Ribbons")
    again = visit.settled()
    assert len(again.accounts) == 3
    assert again.offered == ()
    assert OAuthToken.objects.get().pk == again.token.pk


def test_what_is_no_longer_offered_stays_on_the_old_grant(cast: Cast, visit: Visit) -> None:
    first = visit.chosen(visit.settled(), "Lamps", "Letters")
    visit.town.runs("Lamps", "Ribbons")
    again = visit.settled()
    assert visit.account("Lamps").token_id == again.token.pk
    assert visit.account("Letters").token_id == first.token.pk
    decline(again.token.pk, cast.team)
    assert OAuthToken.objects.count() == 2
    assert not Offered.objects.exists()


def test_leftovers_of_a_choice_go_though_their_grant_is_in_use(visit: Visit) -> None:
    visit.chosen(visit.settled(), "Lamps")
    visit.settled()
    assert Offered.objects.count() == 3
    assert forget_orphans(timezone.now() + timedelta(minutes=61)) == 0
    assert not Offered.objects.exists()
    assert visit.account("Lamps").state == AccountState.CONNECTED


# --- disconnecting --------------------------------------------------------------------------------
def test_one_of_two_leaves_the_grant_and_the_last_one_revokes_it(
    cast: Cast, street: Street, visit: Visit
) -> None:
    lamps, letters = visit.chosen(visit.settled(), "Lamps", "Letters").accounts
    assert disconnect(lamps, timezone.now())
    lamps.refresh_from_db()
    assert (lamps.token, lamps.key_sealed) == (None, "")
    assert revoke_due(timezone.now())["revoked"] == 0
    assert run(written(cast, "One of us is left.", [letters])) == ["posted"]
    assert disconnect(visit.account("Letters"), timezone.now())
    assert not OAuthToken.objects.exists()
    assert revoke_due(timezone.now())["revoked"] == 1
    assert not SocialAccount.objects.exclude(key_sealed="").exists()
