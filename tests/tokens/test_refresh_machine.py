"""Renewal under every disorder we can think of: a model network, crashes, pauses, doubles, time.

Hypothesis plays schedules against `tokens.refresh` and `tokens.spool` as they are. The network is a
model that remembers every token it gave and was shown. A crash is a `Crash` (a BaseException, so
nobody catches it) at one of the code's own crash points, inside the network, or between two steps
of the spool. A pause lets the clock run and another caller act at the same places.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.db import OperationalError
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import providers
from providers.kit import errors
from tests.cast import Cast
from tests.tokens.model import (
    ANSWERS,
    BEFORE_THE_SPOOL,
    CALLS,
    LIFE,
    PAUSES,
    POINTS,
    Crash,
    Event,
    Model,
    World,
    tell,
)
from tokens import connect, crash, networks, refresh, spool
from tokens.models import OAuthToken, Renewal, SocialAccount
from tokens.states import AccountState, TokenState
from tokens.vault import unseal
from workers.refresh import refresh_tokens


@pytest.fixture
def model(cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The model network among the adapters, a clock to turn, and crash points that raise."""
    commit = spool.commit

    def committing(answers: Sequence[spool.Renewed]) -> set[str]:
        if (event := Model.world.event) and event.point == "database_away":
            Model.world.event, Model.world.struck = None, event.point
            raise OperationalError("the database is away")
        kept = commit(answers)
        Model.world.here("committed")
        return kept

    monkeypatch.setattr(spool.logger, "disabled", True)
    Model.world = World(cast.team)
    monkeypatch.setitem(providers.ADAPTERS, Model.name, Model)
    monkeypatch.setattr(project_settings, "VAR_DIR", tmp_path)
    monkeypatch.setattr(timezone, "now", lambda: Model.world.clock)
    monkeypatch.setattr(crash, "here", lambda point: Model.world.here(point))
    monkeypatch.setattr(os, "fsync", lambda handle: Model.world.fsync(handle))
    monkeypatch.setattr(spool, "commit", committing)
    monkeypatch.setattr(refresh, "WAIT_FOR_WINNER_S", 0)
    networks.forget()
    yield
    networks.forget()


EVENTS = st.builds(
    Event,
    point=st.sampled_from(POINTS),
    kind=st.sampled_from(["crash", "pause"]),
    wait=st.sampled_from(PAUSES),
    call=st.sampled_from(CALLS),
    stale=st.booleans(),
)


class Renewing(RuleBasedStateMachine):
    """One grant, many callers."""

    def __init__(self) -> None:
        super().__init__()
        for file in spool._folder().iterdir():
            file.unlink()
        self.world = Model.world = World(Model.world.team, meanwhile=self.meanwhile)
        self.forgiven = self.died_with = 0
        self.begin()

    def begin(self) -> None:
        """The owner connects the account."""
        for rows in (SocialAccount, Renewal, OAuthToken):
            rows.objects.all().delete()
        self.world.revoked, self.world.vague, self.world.asked = False, False, 0
        token = connect.keep_grant(
            networks.network("model"), self.world.team, "", self.world.issue(), self.world.clock
        )
        SocialAccount.objects.create(
            team=self.world.team, token=token, provider="model", external_id="1", handle="@model"
        )
        self.world.delivered = self.world.given
        self.copy = self.seen = self.row()

    def row(self) -> OAuthToken:
        """The grant as it stands."""
        return OAuthToken.objects.get()

    def held(self) -> int:
        """Which pair the row holds."""
        row = self.row()
        return int(unseal(row.refresh_sealed, f"token:{row.pk}:refresh").removeprefix("r-"))

    def meanwhile(self, event: Event) -> None:
        """Another process acts while this one is held up."""
        self.look()
        harmless = self.world.harmless
        self.call(event.call, stale=event.stale)
        self.world.harmless = harmless
        self.look(event.call)

    def call(self, how: str, *, stale: bool) -> None:
        """One caller: what a network says may reach it, nothing else."""
        token = self.copy if stale else self.row()
        at = self.world.clock
        ended = token.expires_at is not None and token.expires_at <= at
        self.world.harmless = self.world.vague and (ended or how == "refused")
        tell(f"{how} with version {token.version}{' (old copy)' if stale else ''} at {at}")
        match how:
            case "replay":
                spool.replay()
            case "copy":
                self.copy = self.row()
            case "due":
                refresh_tokens([str(token.pk)])
            case "renew":
                refresh.refresh(token, at)
            case _:
                refused = token.version if how == "refused" else None
                try:
                    good = refresh.fresh(token, at, refused_version=refused)
                except (errors.Unauthorized, errors.Unavailable) as problem:
                    tell(f"  {type(problem).__name__}: {problem.words}")
                else:
                    assert (good.expires_at or at) > at, "an expired key was handed out"
                    assert refused is None or good.version > refused

    @rule(
        how=st.sampled_from(CALLS),
        stale=st.booleans(),
        answers=st.lists(st.sampled_from(ANSWERS), max_size=2),
        event=st.none() | EVENTS | EVENTS,
    )
    def somebody_calls(
        self, how: str, answers: list[str], event: Event | None, *, stale: bool
    ) -> None:
        """A publisher, a refresher, the job of the house; with whatever befalls it."""
        self.look()
        world = self.world
        world.event, world.struck, world.syncs = event, "", 0
        self.world.answers = list(answers)
        open_lines = Renewal.objects.filter(outcome="").count()
        try:
            self.call(how, stale=stale)
        except Crash:
            if world.struck in BEFORE_THE_SPOOL:
                self.forgiven = self.world.delivered
        except OperationalError:
            assert world.struck == "database_away"
        world.event = None
        self.look(how)
        if not world.struck:
            assert Renewal.objects.filter(outcome="").count() == open_lines

    @rule(wait=st.sampled_from([timedelta(seconds=2), LIFE / 120, LIFE / 2, LIFE]))
    def time_passes(self, wait: timedelta) -> None:
        """The clock runs; a minute is longer than any lease."""
        self.world.clock += wait

    @rule()
    def the_owner_connects_again(self) -> None:
        if self.row().state == TokenState.DEAD:
            self.begin()

    @invariant()
    def no_spent_token_was_shown(self) -> None:
        assert self.world.burnt == []

    @invariant()
    def the_stored_pair_is_good_or_in_doubt_or_dead(self) -> None:
        row, stored = self.row(), f"r-{self.held()}"
        doubt = row.refresh_sent_at is not None or row.state == TokenState.DEAD
        if self.world.vague:  # an answer of trouble: it is kept until nothing can be lost by it
            doubt = row.refresh_failures > 0
        assert doubt or stored in self.world.good, f"{stored} is spent and nobody doubts it"

    @invariant()
    def no_delivered_pair_is_lost(self) -> None:
        """It stands in the row or is on the disk, in a file that still counts."""
        if self.world.delivered > self.forgiven and not self.waiting():
            assert self.held() >= self.world.delivered

    def waiting(self) -> bool:
        """Whether a file of the spool would be taken by the row."""
        row = self.row()
        file = spool._folder() / f"{row.pk}-{row.refresh_epoch}.json"
        return file.exists() and json.loads(file.read_text())["version"] == row.version

    @invariant()
    def a_key_that_comes_late_brings_the_connection_back(self) -> None:
        assert self.row().state == TokenState.GOOD or self.held() == self.died_with

    @invariant()
    def every_renewal_has_its_line(self) -> None:
        epochs = Renewal.objects.order_by("epoch").values_list("epoch", flat=True)
        assert list(epochs) == list(range(1, self.row().refresh_epoch + 1))
        assert self.world.asked <= len(epochs)

    def look(self, how: str = "") -> None:
        """What changed since the last look, and whether it may."""
        row, before = self.row(), self.seen
        assert row.version >= before.version
        assert row.refresh_epoch >= before.refresh_epoch
        if row.state == TokenState.DEAD and before.state == TokenState.GOOD:
            self.judge_a_death(row, how)
        self.seen = row

    def judge_a_death(self, row: OAuthToken, how: str) -> None:
        """Refused by the network, or in doubt with an access token that has ended or is refused."""
        account = SocialAccount.objects.get()
        assert account.state == AccountState.RECONNECT, account.problem
        self.died_with = self.held()
        if self.world.revoked:
            return
        assert not self.waiting(), "declared lost while it is on the disk"
        assert row.problem == refresh.LOST
        assert self.seen.refresh_sent_at, "declared lost without a doubt"
        assert how == "refused" or (row.expires_at and row.expires_at <= self.world.clock)

    def teardown(self) -> None:
        """In the end what was delivered stands in the row, and the next caller has his answer."""
        self.world.event, self.world.answers = None, []
        spool.replay()
        if self.world.delivered > self.forgiven:
            assert self.held() >= self.world.delivered
        self.world.clock += 2 * LIFE
        try:
            refresh.fresh(self.row(), self.world.clock)
        except errors.Unauthorized:
            assert self.row().state == TokenState.DEAD
        self.look()


def test_whatever_happens_no_key_is_burnt_and_none_is_lost(model: None) -> None:
    # The same schedules each time, so that a change is judged by itself; more look further.
    much = settings(
        derandomize=True, database=None, max_examples=250, stateful_step_count=30, deadline=None
    )
    kinds = [Phase.generate, Phase.shrink]
    much = settings(much, phases=kinds, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Renewing, settings=much)


def test_an_old_copy_of_the_row_never_declares_a_loss(model: None) -> None:
    """Loaded while a refresher was at the network; that one failed harmlessly afterwards."""
    here = Renewing()
    here.world.event = Event("at_the_network", "pause", timedelta(0), "copy", stale=False)
    here.world.answers = ["unavailable"]
    here.call("renew", stale=False)
    assert here.row().refresh_sent_at is None
    here.world.clock += LIFE
    assert refresh.fresh(here.copy, here.world.clock).version == 2
    assert here.row().state == TokenState.GOOD


def test_renewing_by_hand_after_an_answer_of_trouble_shows_no_spent_key(model: None) -> None:
    """The access key still lives, so the page's button must not end the grant."""
    here = Renewing()
    here.world.answers = ["trouble_after"]
    refresh.refresh(here.row(), here.world.clock)
    refresh.refresh(here.row(), here.world.clock)
    assert here.world.burnt == []
