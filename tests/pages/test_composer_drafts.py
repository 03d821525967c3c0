"""Drafts in the composer: whole, saved while typing, never overwritten; their list."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from posting import drafts, undo, uploads
from posting.compose import compose
from posting.drafts import Content
from posting.media import of_post
from posting.models import Post, PostResult, Template, Upload
from posting.states import State
from tests import files
from tests.cast import Cast
from tests.files import brought
from tests.pages.conftest import browser, read
from tests.pages.test_composer import LOOK, SAVE, TIGHT, alone, tight
from tests.pages.test_composing import NEW, typed
from tests.pages.test_uploading import rows
from tokens.models import SocialAccount

__all__ = ["alone", "tight"]
DRAFTS = "/drafts/"


def draft_of(cast: Cast, **content: Any) -> Post:
    made: dict[str, Any] = {"team": cast.team, "author": cast.alice, "at": timezone.now()}
    return drafts.begin(**made, key=uuid.uuid4(), content=Content(**content))


def shown(client: Client, draft: Post) -> dict[str, str]:
    """The blanks of a draft's page that a person leaves as they are."""
    page = read(client.get(reverse("draft", args=[draft.pk])))
    return {name: page.all("input", name=name)[0]["value"] for name in ("key", "version")}


# --- drafts --------------------------------------------------------------------------------------
@pytest.mark.usefixtures("disk")
def test_a_draft_holds_all_that_a_post_can_say_and_sends_it(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    picture = brought(cast.team, cast.alice, files.telling())
    whole: dict[str, Any] = {
        **typed(tight, text="Hello", link="https://example.org/", part=["Second"]),
        f"own-{tight.pk}": "Own",
        "when": "24 nov 2031 9am",
        **rows({"upload": picture.pk, "alt": "A tower"}),
    }
    alice.post(NEW, {**whole, "do": "save"})
    draft = Post.objects.get()
    content = drafts.content_of(draft)
    assert (content.parts, content.versions, content.link) == (
        ("Second",),
        {tight.pk: "Own"},
        "https://example.org/",
    )
    assert content.media == ((picture, "A tower"),)
    uploads.sweep(timezone.now() + timedelta(days=60))
    assert Upload.objects.filter(pk=picture.pk).exists()
    page = read(alice.get(reverse("draft", args=[draft.pk])))
    assert page.all("input", name="when")[0]["value"] == "24 Nov 2031 09:00"
    assert page.all("input", name="media-0-alt")[0]["value"] == "A tower"
    again = {**whole, **shown(alice, draft), "when": "24 Nov 2031 09:00"}
    answer = alice.post(reverse("draft", args=[draft.pk]), again)
    assert answer["Location"] == reverse("post", args=[draft.pk])
    sent = list(PostResult.objects.order_by("part").values_list("part", "text", "state"))
    if TIGHT.limits.replies:
        assert sent == [(0, "Own", State.SCHEDULED), (1, None, State.HELD)]
    assert of_post(draft.pk) == [(picture, "A tower")]
    assert Post.objects.get().link == "https://example.org/"


def test_a_draft_that_cannot_go_out_stays_one(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    draft = draft_of(cast, text="Hello", accounts=(tight,))
    sent = typed(tight, **shown(alice, draft), text="a" * 99_000)
    answer = alice.post(reverse("draft", args=[draft.pk]), sent)
    draft.refresh_from_db()
    assert (answer.status_code, draft.draft, draft.text, draft.version) == (422, True, "Hello", 1)


def test_two_windows_never_overwrite_each_other(
    alice: Client, bob: Client, cast: Cast, tight: SocialAccount
) -> None:
    draft = draft_of(cast, text="Begun", accounts=(tight,))
    place, seen = reverse("draft", args=[draft.pk]), shown(alice, draft)
    bob.post(place, typed(tight, **seen, text="Bob's words", do="save"))
    for do in ("save", "post", "slot"):
        answer = alice.post(place, typed(tight, **seen, text="Alice's words", do=do))
        assert answer.status_code == 409
        assert "Bob's words" in read(answer).text
        assert "Alice's words" in read(answer).text
        assert Post.objects.get().text == "Bob's words"
    [mine] = read(answer).all("button", name="over")
    over = typed(tight, **seen, text="Alice's words", do="save", over=mine["value"])
    assert alice.post(place, over).status_code == 302
    assert Post.objects.get().text == "Alice's words"


def test_a_discarded_draft_is_said_so_and_the_words_become_a_new_one(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    draft = draft_of(cast, text="Begun", accounts=(tight,))
    seen = shown(alice, draft)
    undo.delete(cast.team, draft.pk, at=timezone.now())
    answer = alice.post(reverse("draft", args=[draft.pk]), typed(tight, **seen, do="save"))
    page = read(answer)
    assert (answer.status_code, "discarded" in page.text) == (409, True)
    [fresh] = page.all("input", name="key")
    assert fresh["value"] != seen["key"]
    assert alice.post(NEW, typed(tight, key=fresh["value"], do="save")).status_code == 302


def test_a_scheduled_draft_leads_to_its_post_and_a_drafts_post_to_the_draft(
    alice: Client, cast: Cast, tight: SocialAccount, post: Post
) -> None:
    draft = draft_of(cast, text="Begun", accounts=(tight,))
    assert alice.get(reverse("post", args=[draft.pk]))["Location"] == reverse(
        "draft", args=[draft.pk]
    )
    assert alice.get(reverse("draft", args=[post.pk]))["Location"] == reverse(
        "post", args=[post.pk]
    )


# --- saved while typing --------------------------------------------------------------------------
def test_what_is_typed_saves_itself_and_tells_the_version(
    alice: Client, tight: SocialAccount
) -> None:
    sent = typed(tight, when="whenever")
    first = alice.post(SAVE, sent).json()
    draft = Post.objects.get()
    assert (first["version"], first["url"]) == (1, reverse("draft", args=[draft.pk]))
    assert "not saved" in first["warnings"][0]
    lost_answer = alice.post(SAVE, sent).json()
    assert Post.objects.count() == 1
    more = alice.post(SAVE, {**sent, "version": lost_answer["version"], "text": "Hello you"})
    assert (more.status_code, Post.objects.get().text) == (200, "Hello you")


def test_saving_an_older_version_is_answered_with_both(alice: Client, tight: SocialAccount) -> None:
    sent = typed(tight)
    alice.post(SAVE, sent)
    alice.post(SAVE, {**sent, "version": 1, "text": "<b>Newer</b>"})
    answer = alice.post(SAVE, {**sent, "version": 1, "text": "Mine"})
    assert answer.status_code == 409
    told = json.loads(answer.content)
    assert "&lt;b&gt;Newer&lt;/b&gt;" in told["html"]
    assert "Mine" in told["html"]
    assert Post.objects.get().text == "<b>Newer</b>"


def test_who_is_logged_out_is_told_so_and_nothing_is_saved(cast: Cast) -> None:
    answer = Client().post(SAVE, {"key": str(uuid.uuid4()), "text": "Hello"})
    assert answer.status_code == 401
    assert not Post.objects.exists()


def test_a_browser_that_kept_words_learns_what_became_of_them(
    alice: Client, charlie: Client, cast: Cast, post: Post, tight: SocialAccount
) -> None:
    draft = draft_of(cast, text="Begun")
    asked = {
        name: reverse("kept-draft", args=[one.key])
        for name, one in (("post", post), ("draft", draft))
    }
    for name, url in asked.items():
        assert [k for k, v in alice.get(url).json().items() if v] == [name]
        assert not any(charlie.get(url).json().values())


# --- the list ------------------------------------------------------------------------------------
def test_drafts_are_listed_opened_copied_and_discarded_with_undo(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    draft = draft_of(cast, text="About <moths>", accounts=(tight,), parts=("Second",))
    page = read(alice.get(DRAFTS))
    assert "About <moths>" in page.text
    keys = page.all("button", name="copy")
    answer = alice.post(reverse("copy-post", args=[draft.pk]), {"copy": keys[0]["value"]})
    twin = Post.objects.exclude(pk=draft.pk).get()
    assert answer["Location"] == reverse("draft", args=[twin.pk])
    assert drafts.content_of(twin).parts == ("Second",)
    gone = alice.post(reverse("discard-draft", args=[draft.pk]), follow=True)
    assert list(drafts.of_team(cast.team)) == [twin]
    [undo] = [f for f in read(gone).all("form") if "/undo/" in f.get("action", "")]
    alice.post(undo["action"])
    assert set(drafts.of_team(cast.team)) == {draft, twin}


def test_the_list_asks_as_often_for_sixty_drafts_as_for_three(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    counts = []
    for more in (3, 57):
        for number in range(more):
            draft_of(cast, text=f"Draft {number}", accounts=(tight,))
        with CaptureQueriesContext(connection) as asked:
            alice.get(DRAFTS)
        counts.append(len(asked))
    assert counts[0] + 1 >= counts[1]
    assert counts[1] <= 25


def test_a_copy_of_a_thread_has_each_account_once(
    alice: Client, cast: Cast, tight: SocialAccount
) -> None:
    post = compose(
        team=cast.team,
        author=cast.alice,
        text="First",
        accounts=[tight],
        at=timezone.now(),
        parts=["Second"],
        versions={tight.pk: "Own"},
    )
    copy = drafts.copy(post, author=cast.bob, key=uuid.uuid4(), at=timezone.now())
    content = drafts.content_of(copy)
    assert (content.accounts, content.parts, content.versions) == (
        (tight,),
        ("Second",),
        {tight.pk: "Own"},
    )


def test_a_template_begins_a_post(alice: Client, charlie: Client, cast: Cast) -> None:
    kept = Template.objects.create(team=cast.team, name="Weekly", text="This week: ")
    url = f"{NEW}?template={kept.pk}"
    assert "This week: " in read(alice.get(url)).text
    assert "This week: " not in read(charlie.get(url)).text


# --- who may -------------------------------------------------------------------------------------
def test_charlie_finds_no_draft_and_changes_none(
    charlie: Client, cast: Cast, tight: SocialAccount
) -> None:
    draft = draft_of(cast, text="Secret", accounts=(tight,))
    for url in (reverse("draft", args=[draft.pk]), reverse("discard-draft", args=[draft.pk])):
        assert charlie.post(url, {"key": str(draft.key), "text": "x"}).status_code in {404, 422}
    assert charlie.get(reverse("draft", args=[draft.pk])).status_code == 404
    charlie.post(SAVE, {"key": str(draft.key), "text": "Mine"})
    draft.refresh_from_db()
    assert (draft.text, draft.version, draft.deleted_at) == ("Secret", 1, None)


def test_a_viewer_writes_nothing(bob: Client, cast: Cast) -> None:
    cast.bob.memberships.update(role="viewer")
    draft = draft_of(cast, text="Begun")
    for url in (NEW, DRAFTS, reverse("draft", args=[draft.pk])):
        assert bob.get(url).status_code == 404
    assert bob.post(SAVE, {"key": str(draft.key), "text": "x"}).status_code == 404
    assert bob.post(LOOK, {"text": "x"}).status_code == 404
    assert browser(cast.alice).get(DRAFTS).status_code == 200
