"""Weekly slots: the wall clock, who takes which, mixing them, and taking the next one when late."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.access import choose_zone
from accounts.models import Notice, Team
from accounts.states import WhenLate
from posting import lateness, slots
from posting.compose import CannotCompose, cancel, compose
from posting.enqueue import enqueue, lines, shuffle
from posting.lateness import Lateness
from posting.models import Post, PostResult, Slot
from posting.schedule import NotUnderstood
from posting.slots import NoSlot
from posting.states import LATE, State
from tests.cast import Cast, Street, connected, edit, only
from tests.workers.engine import run
from tokens.disconnect import pause, resume
from tokens.models import SocialAccount
from workers.notices import notices
from workers.sweep import deliveries

pytestmark = pytest.mark.django_db(transaction=True)
PARIS = ZoneInfo("Europe/Paris")
NINE = time(9)
EVERY_DAY = range(7)
HOUR = timedelta(hours=1)
SATURDAY = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def account_of(cast: Cast, street: Street, name: str = "mastodon") -> SocialAccount:
    """An account of Alice's team, whose clocks are those of Paris."""
    choose_zone(cast.team, PARIS.key)
    return connected(street, cast.team, name)


def put(cast: Cast, accounts: Sequence[SocialAccount], at: datetime, text: str = "Next.") -> Post:
    """A post of Alice's in the next free slot."""
    return enqueue(team=cast.team, author=cast.alice, text=text, accounts=accounts, at=at)


def planned(post: Post) -> datetime:
    """When its only result is to go out."""
    moment = only(post).planned_at
    assert moment is not None
    return moment


def paris(day: int, hour: int = 9, month: int = 11) -> datetime:
    """A moment of November 2026 on the clocks of Paris."""
    return datetime(2026, month, day, hour, tzinfo=PARIS)


def test_each_post_takes_the_next_free_slot(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    slots.add(account, [0, 4], NINE)
    found = [planned(put(cast, [account], SATURDAY)) for _ in range(3)]
    assert found == [paris(23), paris(27), paris(30)]


def test_a_cancelled_post_gives_its_slot_back(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    slots.add(account, [0], NINE)
    cancel(put(cast, [account], SATURDAY))
    assert planned(put(cast, [account], SATURDAY)) == paris(23)


def test_each_account_has_its_own_slot(cast: Cast, street: Street) -> None:
    one, other = account_of(cast, street), connected(street, cast.team, "x")
    slots.add(one, [0, 1], NINE)
    slots.add(other, [1], NINE)
    post = put(cast, [one, other], SATURDAY)
    found = dict(post.results.values_list("account", "planned_at"))
    assert found == {one.pk: paris(23), other.pk: paris(24)}
    assert Post.objects.get(pk=post.pk).due_at == paris(23)


def test_an_account_without_slots_is_named(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    with pytest.raises(CannotCompose, match=account.handle):
        put(cast, [account], SATURDAY)
    assert not Post.objects.exists()


def test_what_is_no_slot_is_refused(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    with pytest.raises(NoSlot, match="weekdays"):
        slots.add(account, [7], NINE)
    with pytest.raises(NotUnderstood, match="time zone"):
        slots.add(account, [1], NINE, "Mars/Olympus")
    slots.add(account, [1], NINE)
    assert len(slots.add(account, [1, 2], NINE)) == Slot.objects.count() == 2
    slot = Slot.objects.earliest("pk")
    assert not slots.remove(cast.other_team, slot.pk)
    assert slots.remove(cast.team, slot.pk)


def test_nine_o_clock_stays_nine_o_clock_when_the_clocks_change(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    slots.add(account, [5, 6], NINE)
    slots.add(account, [6], time(2, 30), "America/New_York")
    before = datetime(2026, 10, 23, tzinfo=UTC)
    found = list(islice(slots.free(account, before), 3))
    assert [moment.astimezone(UTC).hour for moment in found] == [
        7,
        6,
        8,
    ]  # New York: 02:30 is 06:30
    far = datetime(2027, 3, 13, tzinfo=UTC)
    skipped = [m for m in islice(slots.free(account, far), 9) if m.minute == 30]
    assert skipped[0].astimezone(ZoneInfo("America/New_York")).hour == 3


@given(
    st.lists(st.tuples(st.integers(0, 6), st.times()), min_size=1, max_size=6),
    st.datetimes(datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2030-01-01")),
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_slots_come_in_order_each_week_and_only_ahead(
    week: list[tuple[int, time]], now: datetime, zone: str
) -> None:
    team = Team(time_zone=zone)
    account = SocialAccount(team=team)
    places = [
        Slot(account=account, weekday=day, wall_time=t.replace(second=0, microsecond=0))
        for day, t in week
    ]
    at = now.replace(tzinfo=UTC)
    found = list(slots.moments(places, at, at + timedelta(days=28)))
    assert found == sorted(set(found))
    assert all(at < moment <= at + timedelta(days=28) for moment in found)
    for place in places:
        mine = [m for m in found if m.astimezone(ZoneInfo(zone)).weekday() == place.weekday]
        on_time = [m for m in mine if m.astimezone(ZoneInfo(zone)).time() == place.wall_time]
        assert len(on_time) >= 3  # four weeks, of which one at most skips this time


def test_two_people_never_get_the_same_slot(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    slots.add(account, EVERY_DAY, NINE)

    def writes(number: int) -> datetime:
        try:
            return planned(put(cast, [account], SATURDAY, f"Number {number}."))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(writes, range(8)))
    assert len(set(found)) == 8


def test_the_queue_shows_empty_slots_and_what_stands_beside_them(
    cast: Cast, street: Street
) -> None:
    account, bare = account_of(cast, street), connected(street, cast.team, "x")
    slots.add(account, [0, 1], NINE)
    post = put(cast, [account], SATURDAY)
    beside = compose(
        team=cast.team,
        author=cast.alice,
        text="At ten.",
        accounts=[account],
        at=SATURDAY,
        due_at=paris(23, 10),
    )
    line, empty = lines([account, bare], SATURDAY, days=7)
    told = [(p.moment, p.result.post_id if p.result else None, p.in_slot) for p in line.places]
    assert told == [
        (paris(23), post.pk, True),
        (paris(23, 10), beside.pk, False),
        (paris(24), None, True),
    ]
    assert (empty.places, empty.has_slots) == ((), False)


def test_mixing_keeps_the_slots_and_changes_who_is_in_them(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    slots.add(account, EVERY_DAY, NINE)
    posts = [put(cast, [account], SATURDAY, f"Number {n}.") for n in range(6)]
    fixed = compose(
        team=cast.team,
        author=cast.alice,
        text="At ten.",
        accounts=[account],
        at=SATURDAY,
        due_at=paris(24, 10),
    )
    before = [planned(post) for post in posts]
    assert shuffle(account, SATURDAY, seed=7) > 0
    after = [planned(post) for post in posts]
    assert after != before
    assert sorted(after) == sorted(before)
    assert planned(fixed) == paris(24, 10)
    assert [Post.objects.get(pk=post.pk).due_at for post in posts] == after
    late_at = [only(post).late_at for post in posts]
    assert late_at == [moment + cast.team.patience for moment in after]


def test_a_changed_text_keeps_each_accounts_slot(cast: Cast, street: Street) -> None:
    one, other = account_of(cast, street), connected(street, cast.team, "x")
    slots.add(one, [0], NINE)
    slots.add(other, [1], NINE)
    post = put(cast, [one, other], SATURDAY)
    edit(post, seen=1, at=SATURDAY, text="Better.")
    found = dict(post.results.values_list("account", "planned_at"))
    assert found == {one.pk: paris(23), other.pk: paris(24)}


# --- the wish: what is too late takes the next free slot ------------------------------------------
def hopeful(cast: Cast, account: SocialAccount) -> Post:
    """Due now; an hour later it takes the next free slot."""
    return compose(
        team=cast.team,
        author=cast.alice,
        text="Now or in a slot.",
        accounts=[account],
        at=timezone.now(),
        late=Lateness(HOUR, WhenLate.NEXT_SLOT),
    )


@pytest.mark.parametrize("state", [State.SCHEDULED, State.QUEUED])
def test_what_is_late_takes_the_next_free_slot_and_goes_out_there(
    cast: Cast, street: Street, state: State
) -> None:
    account = account_of(cast, street)
    slots.add(account, EVERY_DAY, NINE)
    post = hopeful(cast, account)
    if state == State.QUEUED:
        PostResult.objects.queue_due(timezone.now())
    later = timezone.now() + 2 * HOUR
    slot = next(slots.free(account, later))
    assert lateness.judge(later) == 1
    result = only(post)
    assert (result.state, result.planned_at, result.slotted) == (State.SCHEDULED, slot, True)
    assert result.late_at == slot + HOUR
    assert lateness.judge(later) == 0
    notices(later)
    told = Notice.objects.for_team(cast.team).get(key__startswith="late:")
    assert "1 takes the next free slot" in told.words
    with time_machine.travel(slot):
        assert run(post) == [State.POSTED]
    assert street.texts() == ["Now or in a slot."]


def test_several_that_are_late_take_different_slots_the_oldest_first(
    cast: Cast, street: Street
) -> None:
    account = account_of(cast, street)
    slots.add(account, EVERY_DAY, NINE)
    posts = [hopeful(cast, account) for _ in range(3)]
    later = timezone.now() + 2 * HOUR
    free = list(islice(slots.free(account, later), 3))
    assert lateness.judge(later) == 3
    assert [planned(post) for post in posts] == free


def test_it_takes_a_slot_once_and_then_a_person_is_asked(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    slots.add(account, EVERY_DAY, NINE)
    post = hopeful(cast, account)
    lateness.judge(timezone.now() + 2 * HOUR)
    assert lateness.judge(planned(post) + 2 * HOUR) == 1
    assert (only(post).state, only(post).held_for) == (State.HELD, LATE)
    assert only(post).words == lateness.SLOT_USED


def test_without_a_free_slot_a_person_is_asked_and_told_why(cast: Cast, street: Street) -> None:
    post = hopeful(cast, account_of(cast, street))
    assert lateness.judge(timezone.now() + 2 * HOUR) == 1
    assert (only(post).state, only(post).held_for) == (State.HELD, LATE)
    assert only(post).words == lateness.NO_SLOT


def test_what_was_ever_in_doubt_takes_no_slot(cast: Cast, street: Street) -> None:
    account = account_of(cast, street)
    slots.add(account, EVERY_DAY, NINE)
    post = hopeful(cast, account)
    PostResult.objects.filter(post=post).update(doubts=1)
    lateness.judge(timezone.now() + 2 * HOUR)
    assert (only(post).state, only(post).words) == (State.HELD, lateness.LATE_WORDS)


def test_a_paused_queue_goes_on_with_the_slots_that_are_still_ahead(
    cast: Cast, street: Street
) -> None:
    account = account_of(cast, street)
    slots.add(account, EVERY_DAY, NINE)
    post = hopeful(cast, account)
    pause(account)
    later = timezone.now() + 2 * HOUR
    deliveries(timezone.now())
    assert only(post).state == State.HELD
    resume(account)
    deliveries(later)
    assert (only(post).state, only(post).slotted) == (State.SCHEDULED, True)
    assert planned(post) > later
