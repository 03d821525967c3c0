"""Posts that come again: made ahead, each once, on the wall clock, withdrawn when it is over."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Notice
from posting import repeats, undo
from posting.amend import TooLate
from posting.models import Occurrence, Post, PostResult, Repeat
from posting.recur import understood
from posting.repeats import HORIZON, CannotRepeat, Frequency, Rule
from posting.states import State
from tests.cast import Cast, Street, connected, edit
from tokens.models import SocialAccount
from tokens.states import AccountState

pytestmark = pytest.mark.django_db(transaction=True)
PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2026, 10, 19, 6, 0, tzinfo=UTC)  # a Monday, a week before the clocks go back
DAILY = Rule(Frequency.DAILY, date(2026, 10, 19), time(9), PARIS.key)


def begun(
    cast: Cast, account: SocialAccount, rule: Rule = DAILY, texts: Sequence[str] = ("Hello.",)
) -> Repeat:
    """A repeat of Alice's."""
    return repeats.begin(
        team=cast.team, author=cast.alice, rule=rule, texts=texts, accounts=[account], at=AT
    )


def planned(repeat: Repeat) -> list[datetime]:
    """When its posts go out, on the clocks of Paris."""
    posts = Post.objects.filter(occurrence__repeat=repeat, deleted_at=None).order_by("due_at")
    return [post.due_at.astimezone(PARIS) for post in posts]


def test_its_posts_are_made_ahead_at_nine_o_clock_whatever_the_clocks_do(
    cast: Cast, street: Street
) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    found = planned(repeat)
    assert len(found) == 14
    assert {moment.time() for moment in found} == {time(9)}
    assert {moment.utcoffset() for moment in found} == {timedelta(hours=1), timedelta(hours=2)}


def test_a_second_run_makes_none_twice_and_a_later_one_the_next(cast: Cast, street: Street) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    assert repeats.make_ahead(AT) == 0
    assert repeats.make_ahead(AT + timedelta(days=2)) == 2
    assert len(planned(repeat)) == 16


def test_a_run_that_lost_its_mark_makes_none_twice(cast: Cast, street: Street) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    Repeat.objects.update(next_at=AT)
    assert repeats.make_ahead(AT) == 0
    assert len(planned(repeat)) == 14


def test_a_run_that_breaks_off_leaves_nothing_half_made(
    cast: Cast, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    known = len(planned(repeat))
    whole = repeats._one
    calls: list[int] = []

    def breaks(*args: object) -> int:
        calls.append(whole(*args))  # type: ignore[arg-type]
        if len(calls) == 2:
            raise RuntimeError("the machine stops here")
        return calls[-1]

    monkeypatch.setattr(repeats, "_one", breaks)
    with pytest.raises(RuntimeError):
        repeats.make_ahead(AT + timedelta(days=3))
    assert len(planned(repeat)) == known
    monkeypatch.undo()
    assert repeats.make_ahead(AT + timedelta(days=3)) == 3


def test_texts_are_taken_in_turn(cast: Cast, street: Street) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"), texts=("One.", "Two."))
    rows = Post.objects.filter(occurrence__repeat=repeat).order_by("due_at")
    assert list(rows.values_list("text", flat=True)[:3]) == ["One.", "Two.", "One."]
    assert repeats.warnings(DAILY, ("One.", "Two.")) == [repeats.SAME_TEXT]
    twice = Rule(Frequency.DAILY, AT.date(), time(9), "UTC", count=2)
    assert repeats.warnings(twice, ("One.", "Two.")) == []


def test_the_same_form_makes_one(cast: Cast, street: Street) -> None:
    account, key = connected(street, cast.team, "mastodon"), uuid.uuid4()
    form = {"team": cast.team, "author": cast.alice, "rule": DAILY, "texts": ["Hello."]}
    made = [repeats.begin(**form, accounts=[account], at=AT, key=key) for _ in range(2)]  # type: ignore[arg-type]
    assert made[0] == made[1]
    assert Repeat.objects.count() == 1


def test_what_is_wrong_is_said_by_field(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "x")
    bad = Rule(
        Frequency.WEEKLY, AT.date(), time(9), "Mars/Olympus", 0, (9,), AT.date().replace(day=1), 0
    )
    with pytest.raises(CannotRepeat) as told:
        begun(cast, account, bad, ["a" * 300])
    assert set(told.value.problems) == {"interval", "weekdays", "until", "count", "zone", "text"}
    over = Rule(Frequency.DAILY, date(2020, 1, 1), time(9), "UTC", count=3)
    with pytest.raises(CannotRepeat, match="have passed"):
        begun(cast, account, over)
    assert not Repeat.objects.exists()


def test_what_cannot_be_made_yet_is_tried_again_and_made_when_it_can(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "mastodon")
    repeat = begun(cast, account)
    SocialAccount.objects.update(state=AccountState.RECONNECT)
    day = timedelta(days=1)
    assert repeats.make_ahead(AT + day) == 0
    repeat.refresh_from_db()
    assert account.handle in repeat.problem
    SocialAccount.objects.update(state=AccountState.CONNECTED)
    assert repeats.make_ahead(AT + 2 * day) == 2
    repeat.refresh_from_db()
    assert (repeat.problem, len(planned(repeat))) == ("", 16)


def test_what_could_not_be_made_in_time_is_told_and_not_made_up_for(
    cast: Cast, street: Street
) -> None:
    account = connected(street, cast.team, "mastodon")
    repeat = begun(cast, account)
    SocialAccount.objects.update(state=AccountState.RECONNECT)
    repeats.make_ahead(AT + timedelta(days=1))
    SocialAccount.objects.update(state=AccountState.CONNECTED)
    late = AT + HORIZON + timedelta(hours=3)
    repeats.make_ahead(late)
    told = Notice.objects.get(key__startswith=f"repeat:{repeat.pk}:")
    assert "did not go out on Mon 2 Nov 09:00 Europe/Paris" in told.words
    assert account.handle in told.words
    repeats.make_ahead(late)
    assert Notice.objects.filter(key__startswith="repeat:").count() == 1


def test_pausing_withdraws_what_waits_and_keeps_what_was_changed_by_hand(
    cast: Cast, street: Street
) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    mine = Post.objects.filter(occurrence__repeat=repeat).order_by("due_at")[3]
    edit(mine, seen=1, at=AT, text="My own.")
    sent = Post.objects.filter(occurrence__repeat=repeat).order_by("due_at")[0]
    PostResult.objects.filter(post=sent).update(state=State.SENDING)
    assert repeats.pause(repeat, AT) == 12
    assert len(planned(repeat)) == 2
    assert repeats.make_ahead(AT) == 0
    assert repeats.resume(repeat, AT)
    assert len(planned(repeat)) == 14
    assert len({moment.date() for moment in planned(repeat)}) == 14
    assert not repeats.resume(repeat, AT)


def test_ending_it_withdraws_what_waits_for_good(cast: Cast, street: Street) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    assert repeats.end(repeat, AT) == 14
    assert repeats.end(repeat, AT) == 0
    assert repeats.make_ahead(AT) == 0
    assert not PostResult.objects.filter(state=State.SCHEDULED).exists()


def test_a_change_is_for_all_that_waits(cast: Cast, street: Street) -> None:
    account = connected(street, cast.team, "mastodon")
    repeat = begun(cast, account)
    evening = Rule(Frequency.DAILY, DAILY.starts_on, time(18), PARIS.key)
    change = {"rule": evening, "texts": ["Good evening."], "accounts": [account], "at": AT}
    repeats.change(repeat, seen=1, **change)  # type: ignore[arg-type]
    assert {moment.time() for moment in planned(repeat)} == {time(18)}
    assert len(planned(repeat)) == Occurrence.objects.count() == 14
    with pytest.raises(CannotRepeat, match="Somebody else"):
        repeats.change(repeat, seen=1, **change)  # type: ignore[arg-type]


def test_it_ends_by_its_own_rule(cast: Cast, street: Street) -> None:
    three = Rule(Frequency.DAILY, DAILY.starts_on, time(9), PARIS.key, count=3)
    repeat = begun(cast, connected(street, cast.team, "mastodon"), three)
    assert len(planned(repeat)) == 3
    assert repeat.next_at is None


def test_whose_author_has_left_it_is_said(cast: Cast, street: Street) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    Repeat.objects.update(author=None)
    assert repeats.make_ahead(AT + timedelta(days=1)) == 0
    repeat.refresh_from_db()
    assert "has left" in repeat.problem


def test_short_months_take_their_last_day() -> None:
    rule = Rule(Frequency.MONTHLY, date(2027, 1, 31), time(9), "UTC")
    days = [day for _, day in islice(rule.days(), 4)]
    assert days == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]


@given(
    st.sampled_from(Frequency),
    st.dates(date(2025, 1, 1), date(2030, 1, 1)),
    st.times(),
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(1, 9),
    st.sets(st.integers(0, 6)),
    st.integers(1, 12),
)
def test_any_rule_comes_in_order_as_often_as_it_says(
    frequency: Frequency,
    start: date,
    wall: time,
    zone: str,
    interval: int,
    weekdays: set[int],
    count: int,
) -> None:
    wall = wall.replace(second=0, microsecond=0)
    rule = Rule(frequency, start, wall, zone, interval, tuple(weekdays), count=count)
    assert rule.problems() == {}
    found = list(rule.occurrences(datetime(2000, 1, 1, tzinfo=UTC)))
    moments = [moment for _, _, moment in found]
    assert len(found) == count
    assert moments == sorted(set(moments))
    assert [number for number, _, _ in found] == list(range(count))
    half = moments[count // 2]
    assert [m for _, _, m in rule.occurrences(half)] == moments[count // 2 :]


def test_the_next_one_is_left_out_and_can_be_brought_back(cast: Cast, street: Street) -> None:
    repeat = begun(cast, connected(street, cast.team, "mastodon"))
    coming = repeats.upcoming(repeat, AT)
    assert [one.day.day for one in coming] == [19, 20, 21]
    act = repeats.skip(repeat, coming[0].day, AT)
    assert act
    assert [one.day.day for one in repeats.upcoming(repeat, AT)] == [20, 21, 22]
    assert repeats.make_ahead(AT) == 0
    assert len(planned(repeat)) == 13
    repeats.pause(repeat, AT)
    repeats.resume(repeat, AT)
    assert [one.day.day for one in repeats.upcoming(repeat, AT)] == [20, 21, 22]
    assert undo.undo(cast.team, act.token, AT)
    assert [one.day.day for one in repeats.upcoming(repeat, AT)] == [19, 20, 21]
    PostResult.objects.filter(post=repeats.upcoming(repeat, AT)[0].post).update(state=State.SENDING)
    with pytest.raises(TooLate):
        repeats.skip(repeat, coming[0].day, AT)


def test_a_day_whose_post_is_not_made_yet_is_left_out(cast: Cast, street: Street) -> None:
    monthly = Rule(Frequency.MONTHLY, date(2026, 11, 19), time(9), PARIS.key)
    repeat = begun(cast, connected(street, cast.team, "mastodon"), monthly)
    assert not planned(repeat)
    day = repeats.upcoming(repeat, AT)[0].day
    assert repeats.skip(repeat, day, AT) is None
    with pytest.raises(CannotRepeat, match="not among"):
        repeats.skip(repeat, day, AT)
    assert repeats.upcoming(repeat, AT)[0].day == date(2026, 12, 19)
    at = datetime(2026, 11, 10, tzinfo=UTC)
    assert repeats.make_ahead(at) == 0
    assert repeats.unskip(repeat, day, at)
    assert not repeats.unskip(repeat, day, at)
    assert [moment.date() for moment in planned(repeat)] == [date(2026, 11, 19)]


def test_a_rule_in_the_words_of_icalendar_is_kept_and_followed(cast: Cast, street: Street) -> None:
    rule = understood("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", DAILY)
    repeat = begun(cast, connected(street, cast.team, "mastodon"), rule)
    assert repeats.rule_of(Repeat.objects.get()) == rule
    assert [one.day for one in repeats.upcoming(repeat, AT)] == [
        date(2026, 10, 30),
        date(2026, 11, 27),
    ]
