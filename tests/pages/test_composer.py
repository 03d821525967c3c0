"""The composer without a script: versions, threads, blanks, previews, and three ways out."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import providers
from accounts.models import User
from posting import slots
from posting.models import Post, PostResult
from posting.preview import cut, previews
from posting.rules import Words
from posting.states import CHAIN, State
from providers.kit import text as counting
from tests import files
from tests.cast import Cast
from tests.files import brought
from tests.pages.conftest import connect, read
from tests.pages.test_composing import NEW, typed
from tests.pages.test_uploading import WITH_PICTURES, rows
from tokens.models import SocialAccount

SAVE, LOOK = "/drafts/save/", "/posts/look/"
ADAPTERS = [kind for kind in providers.ADAPTERS.values() if not kind.limits.needs_media]
PLAIN = [kind for kind in ADAPTERS if not any(field.needed for field in kind.post_fields)]
TIGHT = min((k for k in PLAIN if k.limits.replies), key=lambda kind: kind.limits.text.limit)
ALONE = next(kind for kind in PLAIN if not kind.limits.replies)
ASKING = next(k for k in ADAPTERS if any(field.needed for field in k.post_fields))


@pytest.fixture
def tight(cast: Cast) -> SocialAccount:
    """An account whose posts are short and go on in threads."""
    return connect(cast, TIGHT.name, "tight")


@pytest.fixture
def alone(cast: Cast) -> SocialAccount:
    """An account whose network knows no threads."""
    return connect(cast, ALONE.name, "alone")


# --- versions, parts, blanks, link ---------------------------------------------------------------
def test_an_account_gets_its_own_words_and_the_others_the_common_ones(
    alice: Client, tight: SocialAccount, alone: SocialAccount
) -> None:
    sent = typed(tight, accounts=[tight.pk, alone.pk], **{f"own-{tight.pk}": "Only here\r\nand so"})
    assert alice.post(NEW, sent).status_code == 302
    said = dict(PostResult.objects.values_list("account", "text"))
    assert said == {tight.pk: "Only here\nand so", alone.pk: None}


def test_own_words_that_were_emptied_are_the_common_ones_again(
    alice: Client, tight: SocialAccount
) -> None:
    alice.post(NEW, typed(tight, **{f"own-{tight.pk}": "  "}))
    assert PostResult.objects.get().text is None


def test_own_words_that_are_too_long_name_the_account_and_the_number(
    alice: Client, tight: SocialAccount
) -> None:
    limit = TIGHT.limits.text.limit
    answer = alice.post(NEW, typed(tight, **{f"own-{tight.pk}": "a" * (limit + 7)}))
    assert answer.status_code == 422
    assert f"{tight}: 7 characters too long" in read(answer).text
    assert "a" * (limit + 7) in read(answer).text


def test_parts_follow_where_a_network_has_threads(alice: Client, tight: SocialAccount) -> None:
    alice.post(NEW, typed(tight, part=["Second", " ", "Third"]))
    assert list(Post.objects.get().parts.values_list("text", flat=True)) == ["Second", "Third"]
    told = PostResult.objects.order_by("part").values_list("part", "state", "held_for")
    assert list(told) == [
        (0, State.SCHEDULED, ""),
        (1, State.HELD, CHAIN),
        (2, State.HELD, CHAIN),
    ]


def test_a_thread_where_nobody_knows_threads_is_said(alice: Client, alone: SocialAccount) -> None:
    answer = alice.post(NEW, typed(alone, part=["Second"]))
    assert answer.status_code == 422
    assert f"{ALONE.label} cannot continue a thread" in read(answer).text
    assert "Second" in read(answer).text


def test_a_blank_that_a_network_needs_is_marked_asked_for_and_sent(
    alice: Client, cast: Cast
) -> None:
    account = connect(cast, ASKING.name)
    needed = [field for field in ASKING.post_fields if field.needed]
    page = read(alice.get(NEW))
    names = [f"option-{account.pk}-{field.name}" for field in needed]
    assert all(page.all("input", name=name) for name in names)
    assert "(needed)" in page.text
    answer = alice.post(NEW, typed(account))
    assert answer.status_code == 422
    assert f"fill in “{needed[0].label}”" in read(answer).text
    filled = {name: field.practice or "ada" for name, field in zip(names, needed, strict=True)}
    assert alice.post(NEW, typed(account, **filled)).status_code == 302
    assert set(PostResult.objects.get().options) == {field.name for field in needed}


@pytest.mark.parametrize(
    ("kind", "blank"),
    [(kind, one) for kind in ADAPTERS for one in kind.post_fields if one.choices],
    ids=lambda one: one.name,
)
def test_a_blank_with_choices_is_a_list_and_nothing_else_is_taken(
    kind: Any, blank: Any, alice: Client, cast: Cast
) -> None:
    account = connect(cast, kind.name)
    name = f"option-{account.pk}-{blank.name}"
    page = read(alice.get(NEW))
    assert page.all("select", name=name)
    values = [option["value"] for option in page.all("option")]
    assert set(dict(blank.choices)) <= set(values)
    filled = {f"option-{account.pk}-{b.name}": b.practice for b in kind.post_fields}
    answer = alice.post(NEW, typed(account, **{**filled, name: "myspace"}))
    assert answer.status_code == 422
    said = ", ".join(words for _, words in blank.choices)
    assert f"{account}: “{blank.label}” is one of: {said}." in read(answer).text
    assert read(answer).all("option", value="myspace", selected="")
    assert alice.post(NEW, typed(account, **filled)).status_code == 302


def test_a_link_goes_along_and_a_wrong_one_is_said_at_its_field(
    alice: Client, tight: SocialAccount
) -> None:
    page = read(alice.post(NEW, typed(tight, link="example")))
    assert page.all("input", name="link")[0]["aria-invalid"] == "true"
    alice.post(NEW, typed(tight, link="https://example.org/a"))
    assert Post.objects.get().link == "https://example.org/a"


# --- steps that save nothing ---------------------------------------------------------------------
def test_a_long_text_is_split_for_the_tightest_network(alice: Client, tight: SocialAccount) -> None:
    sent = typed(tight, text="One sentence of a long story. " * 40, do="split")
    page = read(alice.post(NEW, sent))
    parts = page.all("textarea", name="part")
    assert len(parts) > 2
    assert not Post.objects.exists()
    assert "too long" not in page.text


def test_what_cannot_be_split_is_said_and_kept(alice: Client, alone: SocialAccount) -> None:
    answer = alice.post(NEW, typed(alone, accounts=[], text="Words", do="split"))
    assert answer.status_code == 422
    assert "Choose at least one account." in read(answer).text
    assert "Words" in read(answer).text


def test_parts_are_added_and_taken_away(alice: Client, tight: SocialAccount) -> None:
    page = read(alice.post(NEW, typed(tight, part=["B", "C"], do="more")))
    assert len(page.all("textarea", name="part")) == 3
    page = read(alice.post(NEW, typed(tight, part=["B", "C"], do="cut:0")))
    assert len(page.all("textarea", name="part")) == 1
    assert "C" in page.text


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize(
    ("do", "order"), [("up:1", "ba"), ("down:0", "ba"), ("drop:0", "b"), ("up:0", "ab")]
)
def test_pictures_are_put_in_order_by_buttons(
    do: str, order: str, alice: Client, cast: Cast
) -> None:
    account = connect(cast, WITH_PICTURES)
    mine = {
        name: brought(cast.team, cast.alice, files.telling(width=60 + place))
        for place, name in enumerate("ab")
    }
    both = [{"upload": upload.pk, "alt": f"Picture {name}"} for name, upload in mine.items()]
    page = read(alice.post(NEW, typed(account, **rows(*both), do=do)))
    kept = [page.all("input", name=f"media-{place}-upload")[0]["value"] for place in range(2)]
    assert [pk for pk in kept if pk] == [str(mine[name].pk) for name in order]
    alts = [page.all("input", name=f"media-{place}-alt")[0]["value"] for place in range(2)]
    assert [alt for alt in alts if alt] == [f"Picture {name}" for name in order]


# --- how it will look ----------------------------------------------------------------------------
def test_a_preview_is_cut_where_the_network_cuts(alice: Client, tight: SocialAccount) -> None:
    limit = TIGHT.limits.text.limit
    page = read(alice.post(LOOK, typed(tight, text="x" * limit + "<b>YZ", when="fri 9am")))
    assert not page.all("b")[1:] or "<b>" in page.text
    assert page.all("mark")
    assert "5 characters too long" in page.text
    assert "09:00" in page.text


@pytest.mark.parametrize("kind", ADAPTERS, ids=lambda kind: kind.name)
def test_what_is_kept_fits_and_one_sign_more_does_not(kind: Any) -> None:
    rule = kind.limits.text
    words = ("👩‍👩‍👧 https://example.org/a ñ " * (rule.limit // 3 + 1))[: rule.limit * 2 + 40]
    fits, rest = cut(words, rule)
    assert fits + rest == words
    assert counting.fits(fits, rule)
    assert not rest or not counting.fits(fits + rest[:12], rule)


def test_a_preview_shows_parts_links_and_who_stands_alone(
    tight: SocialAccount, alone: SocialAccount
) -> None:
    words = Words("Hello", "https://example.org", ("More",), {alone.pk: "Own"})
    first, second = previews(words, [tight, alone])
    assert [piece.fits for piece in first.pieces][-1] == "More"
    assert first.link or "https://example.org" in first.pieces[0].fits
    assert (second.own, second.alone, len(second.pieces)) == (True, True, 1)


def test_a_skipped_hour_is_said_before_it_is_accepted(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    User.objects.filter(pk=cast.alice.pk).update(time_zone="Europe/Paris")
    page = read(alice.post(LOOK, typed(tight, when="28 mar 2027 2:30")))
    assert "does not exist" in page.text
    assert "Europe/Paris" in page.text


# --- three ways out ------------------------------------------------------------------------------
def test_a_typed_date_is_read_on_alices_clocks(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    User.objects.filter(pk=cast.alice.pk).update(time_zone="Europe/Paris")
    alice.post(NEW, typed(tight, when="24 nov 2031 9am"))
    assert Post.objects.get().due_at.isoformat() == "2031-11-24T08:00:00+00:00"


@pytest.mark.parametrize("words", ["someday", "fri 25:00", "yesterday"])
def test_a_date_that_nobody_understands_stands_at_its_field(
    words: str, alice: Client, tight: SocialAccount
) -> None:
    answer = alice.post(NEW, typed(tight, when=words))
    [box] = read(answer).all("input", name="when")
    assert (answer.status_code, box["aria-invalid"], box["value"]) == (422, "true", words)


def test_the_date_field_does_too_but_not_both(alice: Client, tight: SocialAccount) -> None:
    answer = alice.post(NEW, typed(tight, when="fri 9am", picked="2031-01-01T10:00"))
    assert "Two different moments" in read(answer).text
    alice.post(NEW, typed(tight, picked="2031-01-01T10:00"))
    assert Post.objects.get().due_at.year == 2031


def test_the_next_free_slot_is_taken(alice: Client, tight: SocialAccount) -> None:
    answer = alice.post(NEW, typed(tight, do="slot"))
    assert "No free slot" in read(answer).text
    slots.add(tight, range(7), time(9, 30))
    alice.post(NEW, typed(tight, do="slot", part=["And more"]))
    result = PostResult.objects.get(part=0)
    assert result.planned_at in list(
        slots.moments(
            slots.of_accounts([tight])[tight.pk], timezone.now(), timezone.now() + timedelta(days=2)
        )
    )


def test_the_button_says_which_slot_it_takes(
    alice: Client, cast: Cast, tight: SocialAccount, alone: SocialAccount
) -> None:
    User.objects.filter(pk=cast.alice.pk).update(time_zone="Europe/Paris")
    both = typed(tight, accounts=[tight.pk, alone.pk])
    told = read(alice.post(LOOK, both)).text.split("No free slot: ")[1]
    assert str(tight) in told
    assert str(alone) in told
    slots.add(tight, range(7), time(9, 30), "Europe/Paris")
    coming = slots.next_each([tight], timezone.now())[tight.pk]
    assert coming
    page = read(alice.post(LOOK, typed(tight)))
    assert f"Next free slot: {coming:%a}" in page.text
    assert "09:30 Europe/Paris" in page.text
    assert page.all("p", id="free-slot", hx_swap_oob="true")
    slots.add(alone, range(7), time(10), "Europe/Paris")
    told = read(alice.post(LOOK, both)).text
    assert f"{tight} " in told.split("Next free slots:")[1]
    assert "10:00 Europe/Paris" in told
    shown = read(alice.get(f"{NEW}?account={tight.pk}&when=24+Nov+2031+09:30"))
    assert "Next free slot:" in shown.text
    assert shown.all("input", name="when")[0]["value"] == "24 Nov 2031 09:30"
    assert [box["value"] for box in shown.all("input", name="accounts") if "checked" in box] == [
        str(tight.pk)
    ]


def test_nobody_writes_for_anothers_account_by_an_address(
    charlie: Client, tight: SocialAccount
) -> None:
    page = read(charlie.get(f"{NEW}?account={tight.pk}&account=x&account={'9' * 30}"))
    assert not page.all("input", name="accounts")


def test_saved_as_a_draft_nothing_goes_out(alice: Client, tight: SocialAccount) -> None:
    sent = typed(tight, text="", when="nonsense", do="save", link="half a li")
    answer = alice.post(NEW, sent)
    draft = Post.objects.get()
    assert answer["Location"] == reverse("draft", args=[draft.pk])
    assert (draft.draft, draft.link, PostResult.objects.get().state) == (
        True,
        "half a li",
        State.DRAFT,
    )
    assert alice.post(NEW, sent)["Location"] == answer["Location"]
