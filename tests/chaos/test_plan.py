"""What is asked for is what is run, and the same seed runs it again."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos import faults
from tests.chaos.books import Wanted
from tests.chaos.feed import Account, wishes
from tests.chaos.plan import Plan, WrongOrderError, planned

ACCOUNTS = [Account(n % 3, n, f"network{n // 3 % 3}", str(n), "ada") for n in range(27)]


def test_the_same_seed_gives_the_same_posts_and_strikes() -> None:
    one, again, other = (Plan(posts=300, seed=seed) for seed in (7, 7, 8))
    assert wishes(one, ACCOUNTS) == wishes(again, ACCOUNTS) != wishes(other, ACCOUNTS)
    assert faults.for_processes(one) == faults.for_processes(again) != faults.for_processes(other)
    assert faults.for_networks(one) == faults.for_networks(again) != faults.for_networks(other)


@pytest.mark.parametrize("posts", [100, 300, 2000, 10_000])
def test_every_kind_is_ordered_oftener_than_it_must_strike(posts: int) -> None:
    plan = Plan(posts, seed=1, broker="rabbitmq", database="postgres", hosts=2)
    blows, orders = faults.for_processes(plan), faults.for_networks(plan)
    ordered = Counter(strike.kind for strike in [*blows, *orders])
    assert set(ordered) == {*faults.kinds(plan), *(faults.named(*t) for t in faults.TROUBLES)}
    assert min(ordered.values()) > plan.least
    assert max(strike.at for strike in blows) < plan.span_s
    assert max(strike.at for strike in orders) < plan.posts


def test_the_whole_run_asks_for_five_strikes_of_every_kind() -> None:
    assert [Plan(n, seed=1).least for n in (100, 300, 2000, 10_000)] == [1, 1, 5, 5]


def test_every_team_has_people_of_its_own_and_no_account_gets_too_many_posts() -> None:
    for posts in (20, 300, 2000, 10_000):
        plan = Plan(posts, seed=1)
        people = [person for team in plan.teams for person in team]
        assert len(set(people)) == len(people) >= 4
        assert all(4 <= len(team) <= 8 for team in plan.teams)
    made = wishes(Plan(2000, seed=1), ACCOUNTS)
    assert all(len({account.team for account in wish.accounts}) == 1 for wish in made)


def test_every_text_is_written_once_and_some_posts_are_stopped() -> None:
    made = wishes(Plan(2000, seed=1), ACCOUNTS)
    assert len({wish.text for wish in made}) == 2000
    assert {wish.fate for wish in made} == set(Wanted)
    assert any(wish.delay_s for wish in made)
    assert any(not wish.delay_s for wish in made)


@pytest.mark.parametrize(
    "words", [{"N": "many"}, {"BROKER": "kafka"}, {"DB": "mysql"}, {"CONTROL": "wild"}]
)
def test_an_order_that_nobody_can_carry_out_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(WrongOrderError, match=next(iter(words))):
        planned(words)


def test_what_is_asked_for_is_planned() -> None:
    words = {"N": "300", "BROKER": "rabbitmq", "DB": "postgres", "SEED": "9", "CONTROL": "naive"}
    plan = planned(words)
    assert (plan.posts, plan.broker, plan.database, plan.seed) == (300, "rabbitmq", "postgres", 9)
    assert plan.naive
    assert planned({}).posts == 2000
