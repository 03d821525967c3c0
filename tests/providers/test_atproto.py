"""Record keys, claims and facets follow from the message alone."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kit import atproto
from providers.kit.contract import Message
from providers.kit.records import record
from tests.providers.specs import definition, faults

AT = datetime(2026, 11, 21, 10, 0, 0, 123456, UTC)
MOMENTS = st.integers(0, 7 * 10**15).map(lambda n: atproto.EPOCH + timedelta(microseconds=n))


def number(key: str) -> int:
    """A record key read back, five bits a letter."""
    value = 0
    for letter in key:
        value = value << 5 | atproto.ALPHABET.index(letter)
    return value


def jwt(claims: object) -> str:
    """A token of this shape; nobody looks at the signature."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


@given(MOMENTS, st.uuids().map(str))
def test_a_record_key_holds_its_moment_and_never_changes(at: datetime, key: str) -> None:
    tid = atproto.tid(at, key)
    assert len(tid) == 13
    assert tid[0] in atproto.ALPHABET[:16]
    assert atproto.EPOCH + timedelta(microseconds=number(tid) >> 10) == at
    assert tid == atproto.tid(at, key)


@given(MOMENTS, MOMENTS, st.uuids().map(str))
def test_record_keys_sort_as_their_moments_do(one: datetime, two: datetime, key: str) -> None:
    assert (atproto.tid(one, key) < atproto.tid(two, key)) == (one < two)


def test_two_messages_of_the_same_microsecond_rarely_meet() -> None:
    keys = {atproto.tid(AT, f"message {n}") for n in range(30)}
    assert len(keys) >= 28


def test_a_life_is_read_from_the_token_itself() -> None:
    assert atproto.lifetime(jwt({"iat": 1_000, "exp": 8_200})) == timedelta(hours=2)


@pytest.mark.parametrize(
    "token",
    ["", "a.b", "a.b.c", "a.!!!.c", jwt([]), jwt({}), jwt({"iat": "1", "exp": 2}),
     jwt({"iat": 10, "exp": 1}), jwt({"iat": 0, "exp": 10**30})],
)  # fmt: skip
def test_a_token_that_says_nothing_has_no_known_life(token: str) -> None:
    assert atproto.lifetime(token) is None


@pytest.mark.parametrize("document", [None, [], {}, {"service": {}}, {"service": ["x", {"id": 1}]}])
def test_a_document_without_a_server_names_none(document: object) -> None:
    assert atproto.service_endpoint(document) == ""


def test_the_server_of_an_account_is_the_one_with_the_right_id() -> None:
    other = {"id": "#atproto_labeler", "serviceEndpoint": "https://label.example"}
    mine = {"id": "#atproto_pds", "serviceEndpoint": "https://pds.example/"}
    assert atproto.service_endpoint({"service": [other, mine]}) == "https://pds.example"


def spans(text: str) -> list[tuple[str, str]]:
    """What the facets of a text cover, and where they lead."""
    raw = text.encode()
    found = []
    for facet in atproto.facets(text):
        index, [feature] = facet["index"], facet["features"]
        part = raw[index["byteStart"] : index["byteEnd"]].decode()
        found.append((part, feature.get("uri") or f"tag {feature['tag']}"))
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("👩‍🚀 é https://example.com/ü!", [("https://example.com/ü", "https://example.com/ü")]),
        ("see example.com", [("example.com", "https://example.com")]),
        ("#one, (#two) ##three #4 #", [("#one", "tag one"), ("#two", "tag two")]),
        ("日本 #タグ x", [("#タグ", "tag タグ")]),
        ("https://example.com/#part", [("https://example.com/#part", "https://example.com/#part")]),
        ("#" + "a" * 65, []),
        ("nothing here", []),
    ],
)
def test_links_and_tags_are_marked_by_their_bytes(text: str, found: list[tuple[str, str]]) -> None:
    assert spans(text) == found


@given(st.text(alphabet="#ab é日👩‍🚀./:\n()-", max_size=120), st.uuids().map(str))
def test_any_message_becomes_a_record_that_the_lexicon_accepts(text: str, key: str) -> None:
    message = Message(f"{text} https://example.com/é #tag", key, AT)
    made = record(message)
    assert made["createdAt"] == "2026-11-21T10:00:00.123Z"
    assert made == record(message)
    size = len(message.text.encode())
    ends = [f["index"]["byteEnd"] for f in made["facets"]]
    assert all(end <= size for end in ends)
    assert faults(made, *definition("app.bsky.feed.post", "app.bsky.feed.post")) == []


def test_the_lexicon_reader_sees_what_is_wrong() -> None:
    post = definition("app.bsky.feed.post", "app.bsky.feed.post")
    good = record(Message("Hello #tag", "key", AT))
    facet = good["facets"][0]
    bad = [
        {k: v for k, v in good.items() if k != "text"},
        {**good, "text": "a" * 301},
        {**good, "text": 1},
        {**good, "createdAt": "yesterday"},
        {**good, "langs": ["en"] * 4},
        {**good, "surprise": True},
        {**good, "facets": [{**facet, "index": {"byteStart": -1, "byteEnd": 2}}]},
        {**good, "facets": [{**facet, "features": [{"$type": "app.bsky.other"}]}]},
    ]
    assert [sample for sample in bad if not faults(sample, *post)] == []
