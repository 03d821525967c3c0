"""Rest.li and its network: Little Text, organisations behind one grant, apps without refresh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kit.contract import Account, Family, Finds, Message, Offer, Offers, Refreshes
from providers.kit.errors import Duplicate, Forbidden, Misconfigured, Unauthorized, Uncertain
from providers.kit.restli import little, plain, same_text
from sandbox.kit.server import Street
from sandbox.linkedin import accepted
from tests.providers.practice import Connection, Stage, swept

SELF_SERVE = "openid profile email w_member_social"
BODY = {"visibility": "PUBLIC", "lifecycleState": "PUBLISHED"}
FEED = {"distribution": {"feedDistribution": "MAIN_FEED"}}


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


@pytest.fixture
def stage(street: str) -> Stage:
    return Stage("linkedin", swept(street))


def with_option(stage: Stage, name: str, value: str) -> Stage:
    """The same stage with another setting."""
    stage.options = {**stage.options, name: value}
    stage.provider = stage.kind(stage.options, stage.provider.wire)
    return stage


def offered(stage: Stage, ada: Connection) -> list[Offer]:
    assert isinstance(stage.provider, Offers)
    return list(stage.provider.offers(ada.grant, ada.host))


# --- Little Text ----------------------------------------------------------------------------------
@given(st.text(alphabet=st.sampled_from("ab #_\\|{}@[]()<>*~\n😀é")))
def test_whatever_is_escaped_is_read_as_it_was_written(text: str) -> None:
    assert plain(little(text)) == text
    assert accepted({**BODY, **FEED, "commentary": little(text)}) == text


def test_a_hashtag_stays_one_and_a_lone_sign_is_escaped() -> None:
    assert little("#new in C# (a_b) # @ada") == r"#new in C\# \(a\_b\) \# \@ada"
    assert plain(r"{hashtag|\#|new} day") == "#new day"


def test_a_listed_text_is_ours_another_or_cannot_be_told() -> None:
    ours = "Read https://example.com/a_b"
    assert same_text(ours, little(ours))
    assert not same_text(ours, "Read https://example.com/c")
    assert not same_text(ours, "Write https://example.com/a_b")
    with pytest.raises(Uncertain):
        same_text(ours, "Read https://short.example.org/x")


# --- organisations --------------------------------------------------------------------------------
def test_one_grant_posts_as_the_member_and_as_the_organisation(stage: Stage) -> None:
    ada = stage.connect()
    member, shop = (offer.identity for offer in offered(stage, ada))
    assert member == ada.identity
    assert shop.external_id.startswith("urn:li:organization:")
    for who in (member, shop):
        account = replace(ada.account, external_id=who.external_id, handle=who.handle)
        message = stage.message()
        receipt = stage.provider.publish(message, account)
        assert isinstance(stage.provider, Finds)
        assert stage.provider.find(message, account) == receipt
    assert {post["handle"] for post in stage.board()} == {member.handle, shop.handle}


def test_the_street_hands_out_a_grant_for_all_of_its_accounts(stage: Stage) -> None:
    told = stage.tell("grant", {"network": stage.name, "person": "ada"})
    assert [a["handle"] for a in told["accounts"]] == ["ada-practice", "ada-lamps"]
    shop = told["accounts"][1]
    account = Account(shop["external_id"], shop["handle"], told["host"], told["access_token"])
    stage.provider.publish(stage.message(), account)
    assert [post["handle"] for post in stage.board()] == ["ada-lamps"]


def test_nobody_posts_as_an_organisation_of_somebody_else(stage: Stage) -> None:
    ada = stage.connect()
    foreign = replace(ada.account, external_id="urn:li:organization:1")
    with pytest.raises(Forbidden):
        stage.provider.publish(stage.message(), foreign)


# --- apps without partnership ---------------------------------------------------------------------
def test_a_self_serve_app_has_one_account_no_renewal_and_cannot_look(stage: Stage) -> None:
    with_option(stage, "LINKEDIN_SCOPES", SELF_SERVE)
    ada = stage.connect()
    assert (ada.grant.family, ada.grant.refresh_token) == (Family.NONE, "")
    assert ada.grant.lifetime == timedelta(days=60)
    assert [offer.identity.external_id for offer in offered(stage, ada)] == [
        ada.identity.external_id
    ]
    message = stage.message()
    receipt = stage.provider.publish(message, ada.account)
    assert isinstance(stage.provider, Finds)
    with pytest.raises(Forbidden):
        stage.provider.find(message, ada.account)
    assert stage.repeat(message, ada.account) == receipt
    assert isinstance(stage.provider, Refreshes)
    with pytest.raises(Unauthorized):
        stage.provider.refresh(grant=ada.grant, app=ada.app, host=ada.host)


def test_a_repeat_names_the_post_that_stands(stage: Stage) -> None:
    ada = stage.connect()
    message = stage.message()
    receipt = stage.provider.publish(message, ada.account)
    with pytest.raises(Duplicate) as caught:
        stage.provider.publish(message, ada.account)
    assert (caught.value.external_id, caught.value.url) == (receipt.external_id, receipt.url)


@pytest.mark.parametrize("version", ["", "209913"])
def test_a_version_that_is_over_is_the_operators_business(stage: Stage, version: str) -> None:
    ada = stage.connect()
    message: Message = stage.message()
    with pytest.raises(Misconfigured, match="LINKEDIN_VERSION"):
        with_option(stage, "LINKEDIN_VERSION", version).provider.publish(message, ada.account)
