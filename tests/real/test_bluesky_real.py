"""Alice posts to a real AT Protocol server: connects, posts, loses answers, renews, is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from providers.bluesky import Bluesky
from providers.kit.contract import Account, Grant, Identity, Message
from providers.kit.errors import Forbidden, NetworkError, Rejected, Unauthorized, Uncertain

from .lossy import Loss, Lossy
from .pds import Pds, Person, claims_of

pytestmark = pytest.mark.real

SignedIn = tuple[Grant, Identity]


def assert_silent(problem: NetworkError, *hidden: str) -> None:
    """The error tells a person something, and none of the `hidden` values."""
    assert problem.words
    for secret in hidden:
        assert secret not in f"{problem.words} {problem!r} {problem.args}"


def test_alice_connects_with_an_app_password(signed_in: SignedIn, alice: Person, pds: Pds) -> None:
    grant, identity = signed_in

    assert (identity.external_id, identity.handle) == (alice.did, f"@{alice.handle}")
    assert grant.host == pds.url
    assert claims_of(grant.access_token)["scope"] == "com.atproto.appPass"
    assert grant.lifetime is None or timedelta(0) < grant.lifetime <= timedelta(hours=2)


def test_a_wrong_app_password_is_refused_in_clear_words(
    bluesky: Bluesky, pds: Pds, alice: Person
) -> None:
    wrong = "wrng-wrng-wrng-wrng"
    values = {"host": pds.url, "identifier": alice.handle, "password": wrong}

    with pytest.raises((Unauthorized, Forbidden)) as refusal:
        bluesky.sign_in(values)

    assert_silent(refusal.value, wrong, alice.app_password)


def test_a_withdrawn_app_password_opens_nothing(
    bluesky: Bluesky, pds: Pds, alice: Person, signed_in: SignedIn
) -> None:
    grant, _ = signed_in
    pds.tell(
        "com.atproto.server.revokeAppPassword", {"name": "Postrider"}, bearer=alice.access_token
    )

    with pytest.raises(Unauthorized) as refusal:
        bluesky.refresh(grant=grant, app=None, host=grant.host)

    assert_silent(refusal.value, grant.refresh_token, grant.access_token)


def test_a_link_after_an_emoji_is_marked_by_its_bytes(
    bluesky: Bluesky, pds: Pds, account: Account, message: Message
) -> None:
    link = "https://example.com/wörld"
    text = f"Grüße 👩‍🚀🇩🇪 from {link} today"

    receipt = bluesky.publish(replace(message, text=text), account)

    record = pds.record(receipt.external_id)
    assert record["text"] == text
    [facet] = record["facets"]
    index = facet["index"]
    assert text.encode()[index["byteStart"] : index["byteEnd"]].decode() == link
    [feature] = facet["features"]
    assert feature["$type"] == "app.bsky.richtext.facet#link"
    assert feature["uri"] == link


def test_the_same_message_twice_is_one_post(
    bluesky: Bluesky, pds: Pds, alice: Person, account: Account, message: Message
) -> None:
    first = bluesky.publish(message, account)
    again = bluesky.publish(message, account)

    assert first == again
    assert [record["uri"] for record in pds.records(alice)] == [first.external_id]


def test_the_same_message_from_eight_workers_at_once_is_one_post(
    bluesky: Bluesky, pds: Pds, alice: Person, account: Account, message: Message
) -> None:
    with ThreadPoolExecutor(8) as workers:
        receipts = set(workers.map(lambda _: bluesky.publish(message, account), range(8)))

    assert len(receipts) == 1
    assert len(pds.records(alice)) == 1


def test_a_post_that_stands_is_never_overwritten(
    bluesky: Bluesky, pds: Pds, account: Account, message: Message
) -> None:
    receipt = bluesky.publish(message, account)

    with pytest.raises(NetworkError):
        bluesky.publish(replace(message, text="Something else"), account)

    assert pds.record(receipt.external_id)["text"] == message.text


def test_two_messages_with_the_same_text_are_two_posts(
    bluesky: Bluesky, pds: Pds, alice: Person, account: Account, message: Message
) -> None:
    other = replace(message, key=f"{secrets.token_hex(4)}{message.key[8:]}")

    bluesky.publish(message, account)
    bluesky.publish(other, account)

    assert len(pds.records(alice)) == 2


def test_a_lost_answer_is_found_and_not_posted_again(
    bluesky: Bluesky,
    pds: Pds,
    lossy: Lossy,
    alice: Person,
    far_account: Account,
    message: Message,
) -> None:
    lossy.lose(Loss.ANSWER, "putRecord")

    with pytest.raises(Uncertain) as doubt:
        bluesky.publish(message, far_account)

    assert_silent(doubt.value, far_account.access_token)
    assert [passage.status for passage in lossy.lost()] == [200]
    found = bluesky.find(message, far_account)
    assert found is not None
    assert bluesky.publish(message, far_account) == found
    assert [record["uri"] for record in pds.records(alice)] == [found.external_id]


def test_a_lost_request_is_not_found_and_posted_once(
    bluesky: Bluesky,
    pds: Pds,
    lossy: Lossy,
    alice: Person,
    far_account: Account,
    message: Message,
) -> None:
    lossy.lose(Loss.REQUEST, "putRecord")

    with pytest.raises(Uncertain) as doubt:
        bluesky.publish(message, far_account)

    assert_silent(doubt.value, far_account.access_token)
    assert [passage.status for passage in lossy.lost()] == [None]
    assert bluesky.find(message, far_account) is None
    assert pds.records(alice) == []
    receipt = bluesky.publish(message, far_account)
    assert [record["uri"] for record in pds.records(alice)] == [receipt.external_id]


def test_a_refresh_brings_a_new_pair_that_works(
    bluesky: Bluesky,
    pds: Pds,
    alice: Person,
    account: Account,
    message: Message,
    signed_in: SignedIn,
) -> None:
    grant, _ = signed_in

    fresh = bluesky.refresh(grant=grant, app=None, host=grant.host)

    assert claims_of(fresh.refresh_token)["jti"] != claims_of(grant.refresh_token)["jti"]
    bluesky.publish(message, replace(account, access_token=fresh.access_token))
    assert len(pds.records(alice)) == 1


def test_a_refresh_whose_answer_was_lost_is_repeated_without_harm(
    bluesky: Bluesky, lossy: Lossy, signed_in: SignedIn
) -> None:
    grant = replace(signed_in[0], host=lossy.url)
    lossy.lose(Loss.ANSWER, "refreshSession")

    with pytest.raises(NetworkError) as loss:
        bluesky.refresh(grant=grant, app=None, host=lossy.url)

    assert loss.value.outcome in {"uncertain", "unavailable"}
    assert_silent(loss.value, grant.refresh_token)
    assert [passage.status for passage in lossy.lost()] == [200]
    second = bluesky.refresh(grant=grant, app=None, host=lossy.url)
    third = bluesky.refresh(grant=grant, app=None, host=lossy.url)
    successors = {claims_of(each.refresh_token)["jti"] for each in (second, third)}
    assert len(successors) == 1
    assert claims_of(grant.refresh_token)["jti"] not in successors


@pytest.mark.parametrize("kind", ["expired", "garbage"])
def test_a_spent_access_token_asks_for_a_refresh(
    bluesky: Bluesky, pds: Pds, alice: Person, account: Account, message: Message, kind: str
) -> None:
    token = pds.aged(account.access_token) if kind == "expired" else secrets.token_hex(40)

    with pytest.raises(Unauthorized) as refusal:
        bluesky.publish(message, replace(account, access_token=token))

    said = (refusal.value.status, refusal.value.network_code)
    assert said == (400, {"expired": "ExpiredToken", "garbage": "InvalidToken"}[kind])
    assert_silent(refusal.value, token)
    assert pds.records(alice) == []


@pytest.mark.parametrize("kind", ["expired", "garbage"])
def test_a_dead_refresh_token_asks_for_its_owner(
    bluesky: Bluesky, pds: Pds, signed_in: SignedIn, kind: str
) -> None:
    grant, _ = signed_in
    token = pds.aged(grant.refresh_token) if kind == "expired" else secrets.token_hex(40)

    with pytest.raises(Unauthorized) as refusal:
        bluesky.refresh(grant=replace(grant, refresh_token=token), app=None, host=grant.host)

    assert_silent(refusal.value, token, grant.access_token)


def test_three_hundred_graphemes_fit_and_one_more_does_not(
    bluesky: Bluesky, pds: Pds, alice: Person, account: Account, message: Message
) -> None:
    bluesky.publish(replace(message, text="é" * 299 + "👩‍🚀"), account)

    with pytest.raises(Rejected) as refusal:
        bluesky.publish(replace(message, text="é" * 300 + "👩‍🚀"), account)

    assert_silent(refusal.value, account.access_token)
    assert len(pds.records(alice)) == 1


def test_few_graphemes_of_too_many_bytes_are_rejected(
    bluesky: Bluesky, pds: Pds, alice: Person, account: Account, message: Message
) -> None:
    family = "👨‍👩‍👧‍👦"
    bluesky.publish(replace(message, text=family * (3000 // len(family.encode()))), account)

    with pytest.raises(Rejected):
        bluesky.publish(replace(message, text=family * 121), account)

    assert len(pds.records(alice)) == 1


def test_bob_may_not_post_as_alice(
    bluesky: Bluesky,
    pds: Pds,
    alice: Person,
    account: Account,
    message: Message,
    enrol: Callable[[str], Person],
) -> None:
    bob = enrol("bob")

    with pytest.raises(NetworkError) as refusal:
        bluesky.publish(message, replace(account, access_token=bob.access_token))

    assert not isinstance(refusal.value, Uncertain)
    assert_silent(refusal.value, bob.access_token)
    assert pds.records(alice) == []
