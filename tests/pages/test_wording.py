"""Every state, outcome and standing has words, and they say what a person must know first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from posting.models import Post, PostResult
from posting.results import HELD_WORDS
from posting.states import CHAIN, LATE, PostState, State
from posting.templatetags import pace, wording
from project.templatetags.frame import ICONS, distance, mark, readable_on
from project.templatetags.standing import standing
from providers.kit.errors import NetworkError
from tests.cast import Cast
from tests.pages.conftest import Put, connect, tried
from tokens.models import OAuthToken, SocialAccount

TONES = {"ok", "move", "wait", "warn", "bad", "off"}
EVERY = [*wording.RESULTS.values(), *wording.BECAUSE.values(), *wording.POSTS.values()]


def errors(parent: type[NetworkError] = NetworkError) -> Iterator[type[NetworkError]]:
    """Every way in which a network can say no."""
    for error in parent.__subclasses__():
        yield error
        yield from errors(error)


def test_every_state_has_words() -> None:
    assert set(wording.RESULTS) == set(State)
    assert set(wording.POSTS) == set(PostState)


@pytest.mark.parametrize("said", EVERY, ids=lambda said: said.label)
def test_words_are_whole(said: wording.Wording) -> None:
    assert said.label
    assert said.means.format(network="Net").endswith(".")
    assert said.tone in TONES
    assert said.icon in ICONS


def test_every_outcome_has_words() -> None:
    assert {error.outcome for error in errors()} <= set(wording.OUTCOMES)
    passing = {"throttled", "uncertain", "processing", "unauthorized"}
    ends = {error.outcome for error in errors()} - passing
    assert {(State.FAILED, outcome) for outcome in ends} <= set(wording.BECAUSE)
    assert {tone for _, tone in wording.OUTCOMES.values()} <= TONES


def test_an_outcome_that_nobody_listed_speaks_for_itself(put: Put) -> None:
    attempt = tried(put(State.FAILED), "brand new")
    assert wording.outcome_words(attempt)["label"] == "brand new"


def test_a_second_try_is_not_called_scheduled(put: Put) -> None:
    assert wording.result_words(put(State.SCHEDULED)).label == "Scheduled"
    assert wording.result_words(put(State.SCHEDULED, error="throttled")).label == "Waiting"
    assert wording.result_words(put(State.SCHEDULED, error="brand new")).label == "Trying again"


def test_a_doubtful_post_is_not_called_failed(post: Post, put: Put) -> None:
    put(State.UNCONFIRMED)
    assert wording.post_words(post).label == "Please check"


def test_a_held_post_waits_for_a_person(post: Post, put: Put) -> None:
    put(State.HELD, held_for="reconnect")
    assert wording.post_words(post).label == "Waiting for you"


def test_a_list_is_asked_for_again_only_while_it_moves(post: Post, put: Put) -> None:
    paces = []
    for state in (State.SENDING, State.SCHEDULED, State.POSTED):
        put(state)
        paces.append(pace.pace([post]))
    assert paces == [pace.QUICKLY, pace.SLOWLY, ""]


def test_a_key_that_could_not_be_renewed_is_said(cast: Cast, account: SocialAccount) -> None:
    said = [standing(account).words]
    OAuthToken.objects.filter(team=cast.team).update(problem="The network is down.")
    said.append(standing(SocialAccount.objects.get(pk=account.pk)).words)
    OAuthToken.objects.filter(team=cast.team).update(can_refresh=False, problem="")
    said.append(standing(SocialAccount.objects.get(pk=account.pk)).words)
    assert len(set(said)) == 3


@pytest.mark.parametrize(
    ("held_for", "label", "way"),
    [
        ("reconnect", "Reconnect", "account"),
        ("paused", "Paused", "account"),
        ("disconnected", "Disconnected", "connect"),
        (LATE, "Late", ""),
        ("approval", "Needs approval", ""),
    ],
)
def test_a_held_result_says_why_and_where_to_go(
    held_for: str, label: str, way: str, put: Put
) -> None:
    result = put(State.HELD, held_for=held_for)
    assert wording.result_words(result).label == label
    found = wording.way_on(result)
    assert (found.anchor.partition("-")[0] if found else "") == way


@pytest.mark.parametrize(
    ("before", "label", "says"),
    [
        (State.SCHEDULED, "Next", "as soon as part 1 is out"),
        (State.SENDING, "Next", "as soon as part 1 is out"),
        (State.FAILED, "Waiting", "part 1, which did not go out"),
        (State.UNCONFIRMED, "Waiting", "only you can tell"),
        (State.HELD, "Next", "which is waiting itself"),
    ],
)
def test_a_part_says_what_it_waits_for(before: State, label: str, says: str, put: Put) -> None:
    first = put(before, held_for="paused")
    second = PostResult.objects.create(
        post=first.post, account=first.account, provider=first.provider, part=1,
        state=State.HELD, held_for=CHAIN, due_at=first.due_at,
    )  # fmt: skip
    said = wording.result_words(second)
    assert said.label == label
    assert says in said.means
    assert wording.in_thread(second) == "part 2 of 2"
    assert wording.result_words(first).label != label


def test_who_is_still_at_work_is_said(put: Put) -> None:
    said = wording.result_words(put(State.PROCESSING, error="processing"))
    assert "still working on it" in said.means
    assert wording.kind_words(tried(put(State.PROCESSING), "processing")) == "Send"


def test_our_own_words_are_not_quoted_after_ours(put: Put) -> None:
    for reason, words in HELD_WORDS.items():
        assert not wording.quotable(put(State.HELD, held_for=reason, words=words, error=""))
    told = {"words": "Token revoked.", "error": "unauthorized"}
    assert wording.quotable(put(State.HELD, held_for="reconnect", **told))
    assert not wording.quotable(put(State.HELD, held_for=LATE, **told))
    assert wording.quotable(put(State.FAILED, **told))
    assert not wording.quotable(put(State.POSTED, **told))


def test_distances_are_words() -> None:
    now = timezone.now()
    steps = [timedelta(days=2, hours=1), timedelta(seconds=5), timedelta(0), timedelta(hours=-3)]
    said = [distance(now + step).replace("\xa0", " ") for step in steps]
    assert said == ["in 2 days", "in a moment", "just now", "3 hours ago"]
    assert distance(None) == ""


def test_a_mark_can_be_read_on_any_colour() -> None:
    assert readable_on("#000000") == "#ffffff"
    assert readable_on("#ffe000") == "#000000"
    assert "style" not in mark("gone")


def test_accounts_of_one_network_are_told_apart(cast: Cast, account: SocialAccount) -> None:
    other = connect(cast, account.provider, "second")
    assert str(other) != str(account)
