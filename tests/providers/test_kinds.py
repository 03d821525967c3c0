"""What the contract suite does not reach of single networks: other kinds of posts, odd answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

import providers
from providers.kit import media as fitting
from providers.kit.content import Media
from providers.kit.contract import (
    Account,
    Deletes,
    Family,
    Finds,
    Message,
    Offers,
    Receipt,
    SignsInByForm,
)
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    NetworkError,
    Rejected,
    StillWorking,
    Uncertain,
)
from sandbox.kit.server import Street
from tests.providers.answers import account, adapter
from tests.providers.files import grown, picture, video
from tests.providers.loopback import Server, tell
from tests.providers.practice import Stage, refused, swept
from tests.test_providers_media import through

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
OTHER_KINDS = ("discussion", "release", "gist")


@pytest.fixture(scope="module")
def street() -> Iterator[str]:
    with Street() as open_street:
        yield open_street.url


def stage(name: str, street: str) -> Stage:
    """A network on a street that was swept."""
    return Stage(name, swept(street))


# --- a forge has four kinds of posts ------------------------------------------------------------
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_each_kind_of_post_stands_where_its_receipt_says_and_can_be_found_and_deleted(
    street: str, kind: str
) -> None:
    there = stage("github", street)
    ada, message = there.connect(), there.message(options={"kind": kind})
    assert isinstance(there.provider, Finds)
    assert isinstance(there.provider, Deletes)
    assert there.provider.find(message, ada.account) is None
    receipt = there.provider.publish(message, ada.account)
    there.provider.publish(there.message(options={"kind": kind}), ada.account)
    assert message.text in requests.get(receipt.url, timeout=5).text
    assert there.provider.find(message, ada.account) == receipt
    for _ in range(2):
        there.provider.delete(receipt, ada.account)
    assert [p["id"] for p in there.ask("board")["gone"]] == [receipt.external_id]


@pytest.mark.parametrize("trouble", ["drop_before", "drop_after", "error_after", "garbage"])
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_doubt_about_any_kind_ends_in_exactly_one_post(
    street: str, kind: str, trouble: str
) -> None:
    there = stage("github", street)
    ada, message = there.connect(), there.message(options={"kind": kind})
    there.trouble(trouble)
    with refused(Uncertain, ada.unseen):
        there.provider.publish(message, ada.account)
    receipt = there.resolve(message, ada.account)
    assert [post["id"] for post in there.board()] == [receipt.external_id]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "poem"}, "one of issue, discussion, release, gist"),
        ({"repository": "ada"}, "owner/name"),
        ({"repository": "ada/.."}, "owner/name"),
        ({"title": " "}, "title"),
        ({"kind": "discussion", "category": "Nowhere"}, "General"),
        ({"kind": "release", "tag": ""}, "tag"),
    ],
)
def test_a_blank_that_makes_no_sense_is_said_in_plain_words(
    street: str, options: Mapping[str, str], words: str
) -> None:
    there = stage("github", street)
    ada = there.connect()
    with refused(Rejected, ada.unseen) as caught:
        there.provider.publish(there.message(options=options), ada.account)
    assert words in caught.value.words
    assert there.board() == []


def test_a_tag_has_one_release_and_a_missing_repository_is_nobodys_fault(street: str) -> None:
    there = stage("github", street)
    ada, options = there.connect(), {"kind": "release", "tag": "v1"}
    there.provider.publish(there.message(options=options), ada.account)
    with refused(Rejected, ada.unseen) as caught:
        there.provider.publish(there.message(options=options), ada.account)
    assert "already_exists" in caught.value.words
    for kind in ("issue", "discussion"):
        elsewhere = there.message(options={"repository": "ada/elsewhere", "kind": kind})
        with refused(Forbidden, ada.unseen):
            there.provider.publish(elsewhere, ada.account)


def test_the_keys_of_an_oauth_app_never_end(street: str) -> None:
    there = stage("github", street)
    there.options["GITHUB_CLIENT_ID"] = "practice-oauth-app"
    ada = there.connect()
    assert (ada.family, ada.grant.refresh_token, ada.grant.lifetime) == (Family.NONE, "", None)
    assert there.provider.publish(there.message(), ada.account).url


# --- channels and chats -------------------------------------------------------------------------
def test_a_workspace_offers_all_its_channels_and_each_can_be_posted_to(street: str) -> None:
    there = stage("slack", street)
    ada = there.connect()
    assert isinstance(there.provider, Offers)
    offered = [offer.identity for offer in there.provider.offers(ada.grant, "")]
    assert [who.handle for who in offered] == ["#ada-news", "#ada-random"]
    told = there.tell("grant", {"network": "slack", "person": "ada"})
    assert [a["external_id"] for a in told["accounts"]] == [who.external_id for who in offered]
    for who in offered:
        account = Account(who.external_id, who.handle, "", told["access_token"])
        receipt = there.provider.publish(there.message(), account)
        assert requests.get(receipt.url, timeout=5).ok


def test_a_group_that_has_moved_gets_its_post_at_the_new_number(street: str) -> None:
    moved = {"ok": False, "error_code": 400, "description": "Bad Request: group chat was upgraded"}
    moved["parameters"] = {"migrate_to_chat_id": -1009}
    sent = {"message_id": 7, "chat": {"id": -1009, "type": "supergroup"}}
    statuses = iter([400, 200])
    bodies = iter([moved, {"ok": True, "result": sent}])

    def talk(connection: Any, request: bytes) -> None:
        tell(next(bodies), status=next(statuses))(connection, request)

    server = Server(talk)
    receipt = adapter("telegram", server).publish(Message("Hi", "k", AT), account("telegram"))
    server.listener.close()
    assert receipt == Receipt("7", "https://t.me/c/9/7")
    assert [b"-1009" in request for request in server.requests] == [False, True]


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({"status": "left"}, Forbidden),
        ({"status": "administrator", "can_post_messages": False}, Forbidden),
        ({"status": "administrator", "can_post_messages": True}, None),
    ],
)
def test_a_bot_that_may_not_post_does_not_connect(
    told: Mapping[str, Any], refusal: type[NetworkError] | None
) -> None:
    chat = {"id": -1007, "type": "channel", "title": "News"}
    answers = [{"id": 4}, chat, told]
    server = Server(tell(*({"ok": True, "result": one} for one in answers)))
    bot = adapter("telegram", server)
    assert isinstance(bot, SignsInByForm)
    values = {"token": "4:abc", "chat": "t.me/news"}
    try:
        if refusal is None:
            assert bot.sign_in(values)[1].external_id == "-1007"
            return
        with refused(refusal, ("4:abc",)):
            bot.sign_in(values)
    finally:
        server.listener.close()


@pytest.mark.parametrize("name", ["telegram", "discord", "discord_webhook"])
def test_pictures_that_go_up_together_may_be_too_large_together(name: str) -> None:
    limits = providers.adapter(name).limits
    rule = limits.images
    assert rule
    assert rule.most_bytes
    each = rule.max_bytes * 9 // 10
    many: tuple[Media, ...] = tuple(grown(picture(rule, n), each) for n in range(5))
    [complaint] = fitting.problems(many, limits, "Here")
    assert "too large for one post" in complaint
    assert fitting.problems(many[:2], limits, "Here") == ()


# --- articles -----------------------------------------------------------------------------------
def test_the_server_takes_no_article_twice_and_says_which_guard_stopped_it(street: str) -> None:
    there = stage("devto", street)
    ada, message = there.connect(), there.message("Words")
    there.provider.publish(message, ada.account)
    for text in ("Words", "Other words"):
        again = Message(text, "other", message.created_at, options=message.options)
        with refused(Duplicate, ada.unseen):
            there.provider.publish(again, ada.account)
    with refused(Rejected, ada.unseen):
        there.provider.publish(there.message("---\ntitle: Mine\n---\n"), ada.account)
    assert len(there.board()) == 1


# --- tickets ------------------------------------------------------------------------------------
def test_a_long_video_goes_up_in_chunks_of_which_the_last_takes_the_rest(street: str) -> None:
    there = stage("tiktok", street)
    ada, rule = there.connect(), there.kind.limits.video
    assert rule
    message = there.message(media=(video(rule, size=20_000_000),))
    with there.watched() as seen:
        there.provider.publish(message, ada.account)
    assert seen.count("upload") == 2
    places = [r["headers"]["content-range"] for r in there.requests() if r["purpose"] == "upload"]
    assert places == ["bytes 0-8388607/20000000", "bytes 8388608-19999999/20000000"]
    [post] = there.board()
    assert post["media"][0]["size"] == 20_000_000


def test_a_video_may_be_fetched_by_address_too(street: str) -> None:
    there = stage("tiktok", street)
    there.options["TIKTOK_PULLS_VIDEOS"] = "yes"
    ada, rule = there.connect(), there.kind.limits.video
    assert rule
    message = there.message(media=(video(rule),))
    with there.watched() as seen:
        there.provider.publish(message, ada.account)
    assert seen == ["limits", "publish", "status"]


def test_what_only_its_author_may_see_has_no_page(street: str) -> None:
    there = stage("tiktok", street)
    ada = there.connect()
    private = there.message(options={"privacy": "SELF_ONLY"})
    assert there.provider.publish(private, ada.account).url == ""
    with refused(Rejected, ada.unseen) as caught:
        there.provider.publish(there.message(options={"privacy": "ALL"}), ada.account)
    assert "SELF_ONLY" in caught.value.words


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("file_format_check_failed", "rejected"),
        ("photo_pull_failed", "unfetched"),
        ("internal", "unavailable"),
        ("auth_removed", "unauthorized"),
    ],
)
def test_a_post_that_came_to_nothing_begins_anew(street: str, reason: str, outcome: str) -> None:
    there = stage("tiktok", street)
    message = there.message()
    message.saved.keep("ticket", "t")
    said = {"data": {"status": "FAILED", "fail_reason": reason}, "error": {"code": "ok"}}
    server = Server(tell(said))
    with pytest.raises(NetworkError) as caught:
        adapter("tiktok", server).publish(message, account("tiktok"))
    server.listener.close()
    assert (caught.value.outcome, message.saved.get("ticket")) == (outcome, "")


def test_a_ticket_is_asked_about_and_never_thrown_away(street: str) -> None:
    there = stage("tiktok", street)
    ada, message = there.connect(), there.message()
    for trouble in ("error", "garbage", "drop_after"):
        there.trouble(trouble, on="status")
        with refused(StillWorking, ada.unseen):
            there.provider.publish(message, ada.account)
    receipt = through(there, message, ada.account)
    assert [post["id"] for post in there.board()] == [receipt.external_id]
