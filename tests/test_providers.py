"""Every network plays against its twin: one contract for all, whatever their names are."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

import providers
from providers.kit import text
from providers.kit.contract import (
    Account,
    Family,
    Finds,
    Grant,
    Message,
    Refreshes,
    SignsInByForm,
    SignsInByOAuth,
    Way,
)
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from sandbox import TWINS
from sandbox.kit.server import Street
from tests.providers.plays import EVERY, only, unlike
from tests.providers.practice import SHORT, Connection, Stage, called, plays, refused, swept, use

UNLIKE = unlike(EVERY)
DANCES = [play for play in EVERY if play.way is Way.PAGE]
PROVING = [play for play in DANCES if getattr(TWINS[play.name], "pkce_methods", ())]
FORMS = [play for play in EVERY if play.way is Way.FORM]
RENEWS, LOOKS = plays(Refreshes), plays(Finds)
REPEATS = [play for play in EVERY if providers.adapter(play.name).resend_window]
SETTLES = [play for play in EVERY if play in REPEATS or play in LOOKS]
LOST = ("drop_before", "drop_after")
SPOILT = ("error", "error_after", "html", "garbage", "empty")


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


@pytest.fixture(params=EVERY, ids=called)
def stage(request: pytest.FixtureRequest, street: str) -> Stage:
    return Stage.playing(request.param, swept(street))


@pytest.fixture
def ada(stage: Stage) -> Connection:
    return stage.connect()


# --- settings -----------------------------------------------------------------------------------
def test_on_the_practice_street_no_setting_leads_to_a_real_network(stage: Stage) -> None:
    leads = re.compile(r".*_(URL|HOST|INSTANCE)")
    for setting in stage.kind.settings:
        if leads.fullmatch(setting.name) or setting.default.startswith("https://"):
            assert stage.options[setting.name].startswith(stage.street), setting.name


def test_a_network_without_its_needed_settings_is_not_set_up(stage: Stage) -> None:
    needed = [s.name for s in stage.kind.settings if s.needed]
    assert stage.provider.missing() == ()
    bare = stage.kind(dict.fromkeys(stage.options, ""), stage.provider.wire)
    assert list(bare.missing()) == needed


# --- connecting ---------------------------------------------------------------------------------
def test_ada_connects_and_is_known(stage: Stage, ada: Connection) -> None:
    assert ada.grant.access_token
    assert ada.identity.external_id
    assert "ada" in ada.identity.handle
    needs_refresh_token = ada.family in (Family.ROTATING, Family.REUSABLE, Family.GRACE)
    assert bool(ada.grant.refresh_token) >= needs_refresh_token
    assert ada.grant.access_token not in repr(ada.grant) + repr(ada.account)


@only(DANCES)
def test_a_code_is_good_only_once(stage: Stage) -> None:
    dance, back = stage.consent()
    assert isinstance(stage.provider, SignsInByOAuth)
    assert stage.provider.exchange(dance, back).access_token
    secrets = (back["code"], dance.verifier, dance.app.client_secret, dance.proof_key)
    with refused(NetworkError, tuple(s for s in secrets if s)):
        stage.provider.exchange(dance, back)


@only(PROVING)
def test_a_stolen_code_is_worthless_without_its_verifier(stage: Stage) -> None:
    dance, back = stage.consent()
    assert isinstance(stage.provider, SignsInByOAuth)
    with refused(NetworkError, tuple(s for s in (back["code"], dance.app.client_secret) if s)):
        stage.provider.exchange(replace(dance, verifier="w" * 64), back)


@only(FORMS)
def test_a_wrong_password_does_not_connect(stage: Stage) -> None:
    assert isinstance(stage.provider, SignsInByForm)
    secret_fields = [f.name for f in stage.kind.fields if f.secret]
    wrong = uuid.uuid4().hex
    with refused(Unauthorized, (wrong,)):
        stage.provider.sign_in({**stage.values, **dict.fromkeys(secret_fields, wrong)})


@only(FORMS)
@pytest.mark.parametrize("kind", ["error", "drop_after", "html", "garbage", "empty", "no_token"])
def test_a_broken_answer_signs_nobody_in(stage: Stage, kind: str) -> None:
    assert isinstance(stage.provider, SignsInByForm)
    stage.trouble(kind, on="token")
    typed = tuple(stage.values[f.name] for f in stage.kind.fields if f.secret)
    with refused(NetworkError, typed) as caught:
        stage.provider.sign_in(stage.values)
    assert not isinstance(caught.value, Unauthorized)


@only(DANCES)
@pytest.mark.parametrize("kind", ["error", "html", "garbage", "empty", "drop_before", "throttled"])
def test_a_broken_answer_names_nobody(stage: Stage, ada: Connection, kind: str) -> None:
    assert isinstance(stage.provider, SignsInByOAuth)
    stage.trouble(kind, on="identity")
    with refused(NetworkError, ada.unseen) as caught:
        stage.provider.identify(ada.grant, ada.host)
    assert not isinstance(caught.value, (Unauthorized, Uncertain))


def test_no_secret_travels_in_an_address(stage: Stage, ada: Connection) -> None:
    message = stage.message()
    stage.provider.publish(message, ada.account)
    if isinstance(stage.provider, Finds):
        stage.provider.find(message, ada.account)
    path = "" if stage.kind.key_in_address else "path"
    lines = [f"{r.get(path)} {r['query']}" for r in stage.requests() if r["purpose"]]
    assert lines
    assert [line for line in lines for secret in ada.unseen if secret in line] == []


# --- publishing ---------------------------------------------------------------------------------
def test_a_post_stands_where_its_receipt_says(stage: Stage, ada: Connection) -> None:
    message = stage.message("Grüße 👩‍🚀 & <b>welcome</b>\nhttps://example.com/wörld #practice")
    receipt = stage.provider.publish(message, ada.account)
    [post] = stage.board()
    assert (post["id"], post["text"]) == (receipt.external_id, message.text)
    page = requests.get(receipt.url, timeout=5)
    assert page.status_code == 200
    assert "https://example.com/wörld" in page.text


def test_the_longest_text_is_taken_and_one_more_character_is_not(
    stage: Stage, ada: Connection
) -> None:
    limits, label = stage.kind.limits, stage.kind.label
    fits = "a" * limits.text.limit
    assert text.problems(fits, limits, label) == ()
    stage.provider.publish(stage.message(fits), ada.account)
    complaint, *_ = text.problems(fits + "a", limits, label)  # bytes may be counted as well
    assert complaint.startswith(f"{label}: 1 character too long")
    with refused(Rejected, ada.unseen):
        stage.provider.publish(stage.message(fits + "a"), ada.account)
    assert len(stage.board()) == 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [("unauthorized", Unauthorized), ("forbidden", Forbidden), ("rejected", Rejected)],
)
def test_each_refusal_has_its_name(
    stage: Stage, ada: Connection, kind: str, error: type[NetworkError]
) -> None:
    stage.trouble(kind)
    with refused(error, ada.unseen) as caught:
        stage.provider.publish(stage.message(), ada.account)
    assert not isinstance(caught.value, Duplicate)
    assert stage.board() == []


def test_an_expired_or_dead_key_is_unauthorized(stage: Stage, ada: Connection) -> None:
    if ada.family is not Family.NONE:
        stage.tell("expire", {"network": stage.name, "access_token": ada.grant.access_token})
        with refused(Unauthorized, ada.unseen):
            stage.provider.publish(stage.message(), ada.account)
    again = stage.connect()
    stage.tell("kill", {"network": stage.name, "person": "ada"})
    with refused(Unauthorized, again.unseen):
        stage.provider.publish(stage.message(), again.account)


@pytest.mark.parametrize("dialect", ["throttled", "retry_after", "retry_after_date"])
def test_too_fast_says_how_long_to_wait(stage: Stage, ada: Connection, dialect: str) -> None:
    stage.trouble(dialect, seconds=40)
    with refused(Throttled, ada.unseen) as caught:
        stage.provider.publish(stage.message(), ada.account)
    assert isinstance(caught.value, Throttled)
    if dialect == "throttled" and not TWINS[stage.name].hints:
        return
    assert caught.value.wait is not None  # some networks count in whole minutes
    assert timedelta(seconds=35) <= caught.value.wait <= timedelta(seconds=100)


@pytest.mark.parametrize("on", ["publish", "find", "token", "identity"])
def test_our_own_fault_is_never_blamed_on_the_account(
    stage: Stage, ada: Connection, on: str
) -> None:
    stage.trouble("misconfigured", on=on, times=3)
    with refused(NetworkError, ada.unseen) as caught:
        use(stage, ada, on)
    assert not isinstance(caught.value, (Unauthorized, Forbidden, Uncertain))
    if on in ("publish", "token"):
        assert isinstance(caught.value, Misconfigured)


# --- doubts -------------------------------------------------------------------------------------
@only(SETTLES)
@pytest.mark.parametrize("kind", [*LOST, *SPOILT])
def test_a_doubt_ends_in_exactly_one_post(stage: Stage, ada: Connection, kind: str) -> None:
    message = stage.message()
    stage.trouble(kind)
    with refused(Uncertain, ada.unseen):
        stage.provider.publish(message, ada.account)
    receipt = stage.resolve(message, ada.account)
    [post] = stage.board()
    assert (post["id"], post["text"]) == (receipt.external_id, message.text)


@pytest.mark.parametrize("kind", [*LOST, *SPOILT])
def test_a_broken_answer_is_never_a_success(stage: Stage, ada: Connection, kind: str) -> None:
    stage.trouble(kind)
    with refused(Uncertain, ada.unseen):
        stage.provider.publish(stage.message(), ada.account)


@only(UNLIKE)
@pytest.mark.parametrize("kind", ["slow", "slow_after"])
def test_an_answer_that_comes_too_late_leaves_a_doubt(
    stage: Stage, ada: Connection, kind: str
) -> None:
    message = stage.message()
    stage.trouble(kind, seconds=1.0)
    with refused(Uncertain, ada.unseen):
        stage.with_patience(SHORT).publish(message, ada.account)
    assert stage.standing(message) == 1


@only(REPEATS)
def test_a_repeat_that_overtakes_the_slow_first_request_is_still_one_post(
    stage: Stage, ada: Connection
) -> None:
    message = stage.message()
    stage.trouble("slow", seconds=1.0)
    with refused(Uncertain, ada.unseen):
        stage.with_patience(SHORT).publish(message, ada.account)
    first = stage.repeat(message, ada.account)
    marker = stage.message()
    stage.trouble("slow", seconds=1.0)
    stage.provider.publish(marker, ada.account)
    assert stage.standing(message) == 1
    assert stage.repeat(message, ada.account) == first


@only(UNLIKE)
def test_a_slow_answer_within_patience_is_a_success(stage: Stage, ada: Connection) -> None:
    message = stage.message()
    stage.trouble("slow", seconds=0.5)
    receipt = stage.provider.publish(message, ada.account)
    assert [post["id"] for post in stage.board()] == [receipt.external_id]


@only(REPEATS)
def test_a_repeat_of_a_standing_post_brings_the_same_receipt(stage: Stage, ada: Connection) -> None:
    message = stage.message("Twice is once https://example.com #practice")
    first = stage.provider.publish(message, ada.account)
    assert stage.repeat(message, ada.account) == first
    assert len(stage.board()) == 1


@only(LOOKS)
@pytest.mark.parametrize("words", ["", "Read https://example.com/a & b <c>\n\n#new", "日本語 👩‍🚀"])
def test_a_look_finds_the_post_and_no_other(stage: Stage, ada: Connection, words: str) -> None:
    assert isinstance(stage.provider, Finds)
    message = stage.message(words)
    assert stage.provider.find(message, ada.account) is None
    others = [stage.message(f"Another {n}") for n in range(8)]
    stage.provider.publish(others[0], ada.account)
    assert stage.provider.find(message, ada.account) is None
    receipt = stage.provider.publish(message, ada.account)
    for other in others[1:]:
        stage.provider.publish(other, ada.account)
    assert stage.provider.find(message, ada.account) == receipt


@only(LOOKS)
@pytest.mark.parametrize("kind", [*LOST, *SPOILT, "throttled", "unauthorized"])
def test_a_look_that_fails_never_says_not_there(stage: Stage, ada: Connection, kind: str) -> None:
    assert isinstance(stage.provider, Finds)
    message = stage.message()
    stage.provider.publish(message, ada.account)
    stage.trouble(kind, on="find")
    with refused(NetworkError, ada.unseen):
        stage.provider.find(message, ada.account)


# --- renewing -----------------------------------------------------------------------------------
def renewed(stage: Stage, ada: Connection, grant: Grant | None = None) -> Grant:
    assert isinstance(stage.provider, Refreshes)
    return stage.provider.refresh(grant=grant or ada.grant, app=ada.app, host=ada.host)


def posts_with(stage: Stage, ada: Connection, grant: Grant) -> Message:
    """Publish with the key of this grant."""
    account: Account = replace(ada.account, access_token=stage.key(grant, ada.host))
    message = stage.message()
    stage.provider.publish(message, account)
    return message


@only(RENEWS)
def test_a_renewed_key_opens_the_door(stage: Stage, ada: Connection) -> None:
    of_itself = ada.grant.provisional or ada.family is Family.SELF_RENEWING
    if not of_itself:  # a key that is made out of itself can only be renewed while it lives
        stage.tell("expire", {"network": stage.name, "access_token": ada.grant.access_token})
    fresh = renewed(stage, ada)
    assert fresh.access_token != ada.grant.access_token
    assert stage.standing(posts_with(stage, ada, fresh)) == 1
    assert of_itself or posts_with(stage, ada, renewed(stage, ada, fresh))


@only(RENEWS)
def test_the_old_key_behaves_as_its_family_says(stage: Stage, ada: Connection) -> None:
    first = renewed(stage, ada)
    match ada.family:
        case Family.ROTATING:
            assert first.refresh_token != ada.grant.refresh_token
            with refused(Unauthorized, (*ada.unseen, first.access_token, first.refresh_token)):
                renewed(stage, ada)
        case Family.GRACE:
            assert first.refresh_token != ada.grant.refresh_token
            assert renewed(stage, ada).refresh_token == first.refresh_token
        case Family.REUSABLE:
            assert first.refresh_token == ada.grant.refresh_token
            assert renewed(stage, ada).access_token
        case _:
            assert first.access_token


@only(RENEWS)
@pytest.mark.parametrize("kind", ["invalid_grant", "kill"])
def test_a_dead_grant_needs_its_owner(stage: Stage, ada: Connection, kind: str) -> None:
    if kind == "kill":
        stage.tell("kill", {"network": stage.name, "person": "ada"})
    else:
        stage.trouble(kind, on="token")
    with refused(Unauthorized, ada.unseen):
        renewed(stage, ada)


@only(RENEWS)
@pytest.mark.parametrize(
    "kind", [*LOST, *SPOILT, "no_token", "throttled", "retry_after", "misconfigured", "slow"]
)
def test_trouble_at_the_token_door_kills_no_connection(
    stage: Stage, ada: Connection, kind: str
) -> None:
    stage.trouble(kind, on="token", seconds=1.0)
    hasty = stage.with_patience(SHORT)
    assert isinstance(hasty, Refreshes)
    with refused(NetworkError, ada.unseen) as caught:
        hasty.refresh(grant=ada.grant, app=ada.app, host=ada.host)
    assert not isinstance(caught.value, (Unauthorized, Forbidden))
    if kind in (*LOST, "error", "slow", "no_token"):
        assert isinstance(caught.value, (Unavailable, Uncertain))
