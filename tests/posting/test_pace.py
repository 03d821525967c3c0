"""Nobody writes dozens of posts a minute by hand; who tries is told when it goes on."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from posting import drafts
from posting.compose import CannotCompose, compose, too_fast
from posting.drafts import Content
from posting.models import Import, ImportRow, Post
from tests.cast import Cast, Street, connected
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def account(cast: Cast, street: Street, settings: Settings) -> SocialAccount:
    """Three posts a minute, on this account."""
    settings.POSTS_PER_MINUTE = 3
    return connected(street, cast.team, "mastodon")


def sent(
    cast: Cast, account: SocialAccount, at: datetime, *, who: User | None = None, key: str = ""
) -> Post:
    """A post by hand."""
    return drafts.send(
        team=cast.team,
        author=who or cast.alice,
        key=uuid.UUID(key) if key else uuid.uuid4(),
        content=Content("Hello.", (account,)),
        seen=None,
        at=at,
    )


def test_the_fourth_post_of_a_minute_is_told_when_it_may_go(
    cast: Cast, account: SocialAccount
) -> None:
    at = timezone.now()
    sent(cast, account, at)
    for n in (10, 20):
        sent(cast, account, at + n * SECOND)
    with pytest.raises(CannotCompose) as refused:
        sent(cast, account, at + 25 * SECOND)
    [words] = refused.value.problems["when"]
    assert "3 posts within a minute" in words
    assert "again in 35 seconds" in words
    assert sent(cast, account, at + 60 * SECOND).pk
    assert "again in 10 seconds" in too_fast(cast.alice, at + 60 * SECOND)


def test_drafts_are_kept_at_any_pace_and_count_when_they_are_sent(
    cast: Cast, account: SocialAccount
) -> None:
    at = timezone.now()
    content = Content("Hello.", (account,))
    keys = [uuid.uuid4() for _ in range(4)]
    for key in keys:
        drafts.keep(team=cast.team, author=cast.alice, key=key, content=content, seen=None, at=at)
    later = at + timedelta(hours=1)
    for key in keys[:3]:
        sent(cast, account, later, key=str(key))
    with pytest.raises(CannotCompose, match="within a minute"):
        sent(cast, account, later, key=str(keys[3]))
    assert Post.objects.get(key=keys[3]).draft, "it stays as it was"


def test_one_persons_haste_is_not_anothers(cast: Cast, account: SocialAccount) -> None:
    at = timezone.now()
    for _ in range(3):
        sent(cast, account, at)
    assert sent(cast, account, at, who=cast.bob).author == cast.bob


def test_what_imports_and_scripts_make_is_not_refused(cast: Cast, account: SocialAccount) -> None:
    """What an import makes is not counted either: its owner may go on writing."""
    at = timezone.now()
    table = Import.objects.create(team=cast.team, author=cast.alice, name="a.csv", created_at=at)
    for n in range(5):
        post = compose(
            team=cast.team, author=cast.alice, text=f"Row {n}.", accounts=[account], at=at
        )
        ImportRow.objects.create(table=table, number=n, plan={}, post=post)
    assert too_fast(cast.alice, at) == ""


def test_zero_is_no_limit_and_the_answer_is_one_question(
    cast: Cast, account: SocialAccount, settings: Settings
) -> None:
    at = timezone.now()
    for _ in range(3):
        sent(cast, account, at)
    with CaptureQueriesContext(connection) as asked:
        assert too_fast(cast.alice, at)
    assert len(asked) == 1
    settings.POSTS_PER_MINUTE = 0
    assert too_fast(cast.alice, at) == ""


def test_the_page_keeps_what_was_typed(cast: Cast, account: SocialAccount) -> None:
    for _ in range(3):
        sent(cast, account, timezone.now())
    browser = Client()
    browser.force_login(cast.alice)
    form = {"key": str(uuid.uuid4()), "text": "Typed with care.", "accounts": [account.pk]}
    form |= {"when_late": "hold", "late_after": "3600", "when": ""}
    form |= {f"media-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
    answer = browser.post(reverse("new-post"), form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "3 posts within a minute" in page
    assert "Typed with care." in page
    assert Post.objects.count() == 3
