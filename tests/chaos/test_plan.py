"""What is asked for is what is run, and the same seed runs it again."""

from __future__ import annotations

from collections import Counter

import pytest

import providers
from sandbox import TWINS
from tests.chaos import faults, shapes
from tests.chaos.books import Wanted
from tests.chaos.feed import Account, wishes
from tests.chaos.plan import THREE, Plan, WrongOrderError, planned
from tests.chaos.shapes import Shape

STREET = tuple(sorted(providers.names()))
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
    "words",
    [
        {"N": "many"},
        {"BROKER": "kafka"},
        {"DB": "mysql"},
        {"CONTROL": "wild"},
        {"NETWORKS": "some"},
        {"NETWORKS": "all", "CONTROL": "naive"},
        {"NETWORKS": "all", "HOSTS": "2"},
    ],
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
    assert planned({}).networks == planned({"NETWORKS": ""}).networks == THREE
    assert planned({"NETWORKS": "all"}).networks == STREET


# --- the whole street ---------------------------------------------------------------------------
def street_accounts(plan: Plan) -> list[Account]:
    """Two accounts of each person at each network, as behind a grant that speaks for two."""
    people = [(team, person) for team, mine in enumerate(plan.teams) for person in mine]
    each = [(*who, name, n) for who in people for name in plan.networks for n in range(2)]
    return [
        Account(team, pk, name, f"{person}-{n}", person)
        for pk, (team, person, name, n) in enumerate(each)
    ]


def test_every_network_gets_posts_of_every_shape_that_it_takes() -> None:
    plan = Plan(400, seed=1, networks=STREET)
    made = wishes(plan, street_accounts(plan))
    seen = {(account.network, wish.shape) for wish in made for account in wish.accounts}
    wanted = {(name, s) for name in STREET for s in Shape if shapes.takes(name, s)}
    assert seen == wanted
    assert {name for name, _ in wanted} == set(STREET)


@pytest.mark.parametrize("posts", [100, 400, 1600])
def test_no_account_gets_more_in_a_day_than_its_network_takes(posts: int) -> None:
    plan = Plan(posts, seed=1, networks=STREET)
    given = Counter[tuple[str, int]]()
    for wish in wishes(plan, street_accounts(plan)):
        for account in wish.accounts:
            given[account.network, account.pk] += len(shapes.texts(wish.shape, ""))
    over = {who: n for who, n in given.items() if n > shapes.most(who[0]) + shapes.PARTS}
    assert not over
    assert shapes.most("tiktok") < 15  # so that what is asked is more than nothing


def test_threads_and_blanks_go_by_the_desk_and_all_else_by_the_form() -> None:
    plan = Plan(400, seed=1, networks=STREET)
    for wish in wishes(plan, street_accounts(plan)):
        blank = any(shapes.blanks(account.network, "key") for account in wish.accounts)
        assert wish.fits_the_form is not (blank or wish.shape is Shape.THREAD)


def test_every_text_of_a_thread_is_another_one() -> None:
    plan = Plan(400, seed=1, networks=STREET)
    made = [
        text
        for wish in wishes(plan, street_accounts(plan))
        for text in shapes.texts(wish.shape, wish.text)
    ]
    assert len(set(made)) == len(made) > 400


def test_every_step_that_twins_name_meets_trouble() -> None:
    plan = Plan(400, seed=1, networks=STREET)
    steps = {purpose for purpose, _ in faults.troubles(plan)}
    known = {route.purpose for twin in TWINS.values() for route in twin.routes}
    assert known & {"upload", "describe", "container", "status", "find", "token"} <= steps
    for purpose, kind in faults.troubles(plan):
        assert faults.who_knows(purpose, kind, plan), f"nobody can be asked for {purpose}"
    assert {p for p, _ in faults.troubles(Plan(400, seed=1))} == {"publish", "find", "token"}
