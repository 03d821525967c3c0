"""Alice posts pictures, a link and a thread to a real AT Protocol server, and takes posts back."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.bluesky import Bluesky
from providers.kit.content import InMemory, Media
from providers.kit.contract import Account, Message, Receipt
from providers.kit.errors import Rejected, Unavailable, Uncertain
from tests.providers.files import grown, picture

from .lossy import Loss, Lossy

pytestmark = pytest.mark.real
RULE = Bluesky.limits.images


def pictures(*seeds: int) -> tuple[Media, ...]:
    assert RULE
    return tuple(picture(RULE, seed) for seed in seeds)


def value_of(bluesky: Bluesky, receipt: Receipt, account: Account) -> dict[str, Any]:
    """The record behind a receipt."""
    repo, collection, rkey = receipt.external_id.removeprefix("at://").split("/")
    query = {"repo": repo, "collection": collection, "rkey": rkey}
    url = f"{account.host}/xrpc/com.atproto.repo.getRecord"
    found: dict[str, Any] = bluesky.wire.call("GET", url, params=query).json()["value"]
    return found


def test_pictures_stand_with_their_descriptions_and_sizes(
    bluesky: Bluesky, account: Account, message: Message
) -> None:
    shown = replace(message, media=pictures(1, 2), saved=InMemory())
    receipt = bluesky.publish(shown, account)
    images = value_of(bluesky, receipt, account)["embed"]["images"]
    assert [i["alt"] for i in images] == [m.alt for m in shown.media]
    assert [i["image"]["size"] for i in images] == [m.size for m in shown.media]
    assert images[0]["aspectRatio"] == {"width": shown.media[0].width, "height": 48}
    assert bluesky.publish(shown, account) == receipt
    assert bluesky.find(shown, account) == receipt


def test_a_lost_upload_is_taken_again_and_a_lost_post_stands_once(
    bluesky: Bluesky, far_account: Account, lossy: Lossy, message: Message
) -> None:
    shown = replace(message, media=pictures(3), saved=InMemory())
    lossy.lose(Loss.ANSWER, "uploadBlob")
    with pytest.raises(Unavailable):
        bluesky.publish(shown, far_account)
    assert shown.saved.get("media.0") == ""
    receipt = bluesky.publish(shown, far_account)
    kept = shown.saved.get("media.0")
    lossy.lose(Loss.ANSWER, "putRecord")
    with pytest.raises(Uncertain):
        bluesky.publish(shown, far_account)
    assert bluesky.publish(shown, far_account) == receipt
    assert shown.saved.get("media.0") == kept


def test_five_pictures_and_a_picture_that_is_none_are_refused(
    bluesky: Bluesky, account: Account, message: Message
) -> None:
    with pytest.raises(Rejected):
        bluesky.publish(replace(message, media=pictures(1, 2, 3, 4, 5), saved=InMemory()), account)
    too_large = grown(pictures(6)[0], 2_000_001)
    with pytest.raises(Rejected):
        bluesky.publish(replace(message, media=(too_large,), saved=InMemory()), account)


def test_a_blob_that_is_gone_is_uploaded_anew(
    bluesky: Bluesky, account: Account, message: Message
) -> None:
    never = '{"$type":"blob","ref":{"$link":"%s"},"mimeType":"image/jpeg","size":9}'
    cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    saved = InMemory({"media.0": never % cid})
    shown = replace(message, media=pictures(7), saved=saved)
    with pytest.raises(Unavailable):
        bluesky.publish(shown, account)
    receipt = bluesky.publish(shown, account)
    [image] = value_of(bluesky, receipt, account)["embed"]["images"]
    assert image["image"]["size"] == shown.media[0].size


def test_a_link_becomes_a_card(bluesky: Bluesky, account: Account, message: Message) -> None:
    receipt = bluesky.publish(replace(message, link="https://example.com/a?b=c"), account)
    card = value_of(bluesky, receipt, account)["embed"]["external"]
    assert (card["uri"], card["title"]) == ("https://example.com/a?b=c", "example.com")


def test_a_thread_hangs_together_and_its_end_can_be_taken_back(
    bluesky: Bluesky, account: Account, message: Message
) -> None:
    first = bluesky.publish(message, account)
    place = {"reply_to": first, "root": first, "saved": InMemory()}
    answer = Message("Second", str(uuid.uuid4()), datetime.now(UTC), **place)  # type: ignore[arg-type]
    second = bluesky.publish(answer, account)
    reply = value_of(bluesky, second, account)["reply"]
    assert (reply["parent"]["uri"], reply["root"]["uri"]) == (first.external_id, first.external_id)
    assert bluesky.publish(answer, account) == second

    bluesky.delete(second, account)
    bluesky.delete(second, account)
    assert bluesky.find(answer, account) is None
    gone = replace(answer, reply_to=second, saved=InMemory())
    with pytest.raises(Rejected):
        bluesky.publish(gone, account)
