"""The list in another order: by when posts were written or when they are due, either end first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from django.test import Client

from posting.compose import compose
from posting.models import Post
from tests.cast import Cast
from tests.pages.conftest import read
from tests.pages.test_listing import EXPORT, POSTS, listed, table
from tokens.models import SocialAccount

pytestmark = pytest.mark.django_db
NOW = datetime(2099, 11, 21, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def write(cast: Cast, account: SocialAccount, written: int, due: int) -> Post:
    """A post by the numbers of the days on which it was written and is due."""
    at, due_at = NOW + written * DAY, NOW + due * DAY
    return compose(
        team=cast.team, author=cast.alice, text=f"{written}", accounts=[account], at=at,
        due_at=due_at,
    )  # fmt: skip


def test_it_is_sorted_as_the_address_says(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    first, second, third = (
        write(cast, account, written, due).pk for written, due in ((1, 8), (2, 9), (3, 7))
    )
    asked = {
        "": [third, second, first],
        "newest": [third, second, first],
        "oldest": [first, second, third],
        "soonest": [third, first, second],
        "latest": [second, first, third],
        "sideways": [third, second, first],
    }
    for sort, order in asked.items():
        assert listed(alice, sort=sort) == order, sort
        assert listed(alice, sort=sort, account=account.pk) == order, sort
        said = [row["text"] for row in table(alice, sort=sort)]
        assert said == [Post.objects.get(pk=pk).text for pk in order], sort


def test_sorting_is_no_filter(alice: Client, cast: Cast, account: SocialAccount) -> None:
    write(cast, account, 1, 8)
    page = read(alice.get(POSTS, {"sort": "latest"}))
    [chosen] = page.all("option", value="latest")
    assert "selected" in chosen
    assert not page.all("a", **{"class": "sift-chip"})
    assert "1 post." in page.text
    assert page.all("a", href=f"{EXPORT}?sort=latest")


def test_the_order_is_kept_from_page_to_page(
    alice: Client, cast: Cast, account: SocialAccount
) -> None:
    for day in range(30):
        write(cast, account, day, 60 - day)
    asked = {"network": account.provider, "sort": "soonest"}
    page = read(alice.get(POSTS, asked))
    [onward] = page.all("a", rel="next")
    assert dict(parse_qsl(onward["href"][1:])) == {**asked, "page": "2"}
    assert "Later" in page.text
    both = listed(alice, sort="soonest") + listed(alice, sort="soonest", page=2)
    assert both == list(Post.objects.order_by("due_at").values_list("pk", flat=True))
    headers = {"HX-Request": "true", "HX-Trigger": "sift"}
    answer = alice.get(POSTS, {"sort": "soonest", "q": ""}, headers=headers)
    assert answer["HX-Push-Url"] == "/posts/?sort=soonest"


def test_what_is_due_without_a_time_says_so(alice: Client, cast: Cast) -> None:
    at = NOW - DAY
    Post.objects.create(
        team=cast.team, author=cast.alice, text="Half.", due_at=at, draft=True, saved_at=at
    )
    assert "No time yet" in read(alice.get(POSTS, {"sort": "soonest"})).text
    assert "No time yet" not in read(alice.get(POSTS)).text
