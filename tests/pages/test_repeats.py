"""The repeats' pages: made by choices or by a rule, looked at, changed, paused, ended, left out."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Activity, Membership, User
from accounts.roles import Role
from posting import library
from posting.models import Post, Repeat
from posting.repeats import SAME_TEXT
from tests.cast import Cast
from tests.pages.conftest import connect, read
from tests.pages.test_calendar import HX, NOW, undo_address
from tokens.models import SocialAccount

LIST = "/posts/repeats/"


@pytest.fixture(autouse=True)
def clocks(cast: Cast) -> Any:
    """It is Saturday, 11:00 in Paris, where everybody lives."""
    User.objects.update(time_zone="Europe/Paris")
    with time_machine.travel(NOW, tick=False):
        yield


def chosen(account: SocialAccount, **more: Any) -> dict[str, Any]:
    """What the form sends for every Monday and Friday at nine."""
    return {
        "key": str(uuid.uuid4()),
        "text": ["Good morning."],
        "accounts": [account.pk],
        "how": "weekly",
        "interval": "1",
        "weekdays": ["0", "4"],
        "starts_on": "2026-11-21",
        "wall_time": "09:00",
        "zone": "Europe/Paris",
        "ends": "never",
        **more,
    }


def begun(client: Client, account: SocialAccount, **more: Any) -> Repeat:
    """A repeat that Alice began."""
    answer = client.post(reverse("new-repeat"), chosen(account, **more))
    assert answer.status_code == 302
    return Repeat.objects.latest("pk")


def test_a_repeat_is_made_by_choices_and_shows_its_next_three_moments(
    alice: Client, account: SocialAccount
) -> None:
    begun(alice, account)
    page = read(alice.get(LIST))
    assert "Every week on Monday, Friday at 09:00, Europe/Paris" in page.text
    for day in ("Mon 23 Nov", "Fri 27 Nov", "Mon 30 Nov"):
        assert f"{day} 09:00 Europe/Paris" in page.text
    assert "Fri 4 Dec" not in page.text
    assert Post.objects.count() == 4
    assert Activity.objects.get().words == "Repeats from now on (a repeat): “Good morning.”"


def test_the_wall_time_stays_over_the_change_of_the_clocks(
    alice: Client, account: SocialAccount
) -> None:
    begun(alice, account, how="monthly", starts_on="2027-03-15")
    page = read(alice.get(LIST))
    for day in ("Mon 15 Mar", "Thu 15 Apr", "Sat 15 May"):
        assert f"{day} 09:00 Europe/Paris" in page.text


def test_a_rule_is_taken_and_what_is_wrong_with_it_is_said(
    alice: Client, account: SocialAccount
) -> None:
    how = {"how": "advanced", "rule": "FREQ=MONTHLY;BYDAY=2XX"}
    answer = alice.post(reverse("new-repeat"), chosen(account, **how))
    page = read(answer)
    assert answer.status_code == 422
    assert "BYDAY: “2XX” is no day" in page.text
    assert page.all("input", name="rule", value="FREQ=MONTHLY;BYDAY=2XX")
    repeat = begun(alice, account, how="advanced", rule="FREQ=MONTHLY;BYDAY=2TU")
    assert "Tue 8 Dec 09:00 Europe/Paris" in read(alice.get(LIST)).text
    form = read(alice.get(reverse("repeat", args=[repeat.pk])))
    assert form.all("input", name="rule", value="FREQ=MONTHLY;BYDAY=2TU")
    assert form.all("input", name="how", value="advanced", checked="")


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    alice: Client, account: SocialAccount
) -> None:
    bad = chosen(account, accounts=[], zone="Mars", ends="until", text=["A <b>", "B"])
    answer = alice.post(reverse("new-repeat"), bad)
    page = read(answer)
    assert answer.status_code == 422
    assert "Choose the last day." in page.text
    assert "A <b>" in page.text
    over = chosen(account, text=[""], ends="count", count="2", zone="Mars")
    page = read(alice.post(reverse("new-repeat"), over))
    assert "There is no time zone “Mars”." in page.text
    page = read(alice.post(reverse("new-repeat"), chosen(account, text=[" "], accounts=[])))
    assert "Write something first." in page.text
    assert "Choose at least one account." in page.text
    assert not Repeat.objects.exists()


def test_the_same_form_twice_makes_one(alice: Client, account: SocialAccount) -> None:
    form = chosen(account)
    for _ in range(2):
        alice.post(reverse("new-repeat"), form)
    assert Repeat.objects.count() == 1


def test_the_look_says_the_next_days_and_warns_of_the_same_words(
    alice: Client, account: SocialAccount
) -> None:
    page = read(alice.post(reverse("look-repeat"), chosen(account), headers=HX))
    assert "Mon 23 Nov 09:00 Europe/Paris" in page.text
    assert SAME_TEXT in page.text
    few = chosen(account, text=["A.", "B."], ends="count", count="2")
    assert SAME_TEXT not in read(alice.post(reverse("look-repeat"), few)).text
    unclear = read(alice.post(reverse("look-repeat"), chosen(account, wall_time="")))
    assert "This field is required." in unclear.text


def test_texts_are_added_and_taken_away_without_a_script(
    alice: Client, account: SocialAccount
) -> None:
    page = read(alice.post(reverse("new-repeat"), chosen(account, do="more")))
    assert len(page.all("textarea", name="text")) == 2
    page = read(alice.post(reverse("new-repeat"), chosen(account, text=["A.", "B."], do="cut:0")))
    assert len(page.all("textarea", name="text")) == 1
    assert "B." in page.text
    looked = read(alice.post(reverse("new-repeat"), chosen(account, do="look")))
    assert "Mon 23 Nov 09:00 Europe/Paris" in looked.text
    assert not Repeat.objects.exists()


def test_it_begins_from_a_post_or_a_template(alice: Client, post: Post, cast: Cast) -> None:
    page = read(alice.get(reverse("post", args=[post.pk])))
    [link] = page.all("a", href=f"{reverse('new-repeat')}?post={post.pk}")
    form = read(alice.get(link["href"]))
    assert post.text in form.text
    assert form.all("input", name="accounts", checked="")
    assert form.all("input", name="weekdays", value="5", checked="")
    assert "no pictures" not in form.text
    post.parts.create(number=1, text="More.")
    assert "no pictures" in read(alice.get(link["href"])).text
    one = library.keep_template(cast.team, "Friday", "Kept words.")
    assert "Kept words." in read(alice.get(f"{reverse('new-repeat')}?template={one.pk}")).text


def test_it_is_changed_and_who_saw_an_older_one_is_told(
    alice: Client, account: SocialAccount
) -> None:
    repeat = begun(alice, account)
    url = reverse("repeat", args=[repeat.pk])
    alice.post(url, chosen(account, seen="1", wall_time="18:00"))
    assert "Mon 23 Nov 18:00 Europe/Paris" in read(alice.get(LIST)).text
    answer = alice.post(url, chosen(account, seen="1", text=["Mine."]))
    page = read(answer)
    assert answer.status_code == 409
    assert "Somebody else has changed or ended it" in page.text
    assert "Mine." in page.text


def test_it_is_paused_goes_on_and_ends(alice: Client, account: SocialAccount) -> None:
    repeat = begun(alice, account)
    url = reverse("switch-repeat", args=[repeat.pk])
    page = read(alice.post(url, {"do": "pause"}, follow=True))
    assert "4 posts made ahead are withdrawn." in page.text
    assert "Paused" in page.text
    alice.post(url, {"do": "resume"})
    assert Post.objects.filter(deleted_at=None).count() == 4
    alice.post(url, {"do": "end"})
    assert not Post.objects.filter(deleted_at=None).exists()
    page = read(alice.get(LIST))
    assert "Ended" in page.text
    assert "Mon 23 Nov" not in page.text
    assert alice.post(url, {"do": "nonsense"}).status_code == 404


def test_the_next_one_is_left_out_and_undone(alice: Client, account: SocialAccount) -> None:
    repeat = begun(alice, account)
    answer = alice.post(reverse("skip-repeat", args=[repeat.pk, "2026-11-23"]), follow=True)
    page = read(answer)
    assert "Mon 23 Nov is left out." in page.text
    assert "Mon 23 Nov 09:00" not in page.text
    alice.post(undo_address(answer))
    assert "Mon 23 Nov 09:00" in read(alice.get(LIST)).text
    for day in ("2026-11-24", "nonsense"):
        url = reverse("skip-repeat", args=[repeat.pk, day])
        assert alice.post(url).status_code in (302, 404)
    assert "Mon 23 Nov 09:00" in read(alice.get(LIST)).text


def test_a_far_day_is_left_out_and_brought_back(alice: Client, account: SocialAccount) -> None:
    repeat = begun(alice, account, how="monthly", starts_on="2026-12-21")
    answer = alice.post(reverse("skip-repeat", args=[repeat.pk, "2026-12-21"]), follow=True)
    assert "Mon 21 Dec is left out" in read(answer).text
    bring_back = reverse("unskip-repeat", args=[repeat.pk, "2026-12-21"])
    assert len(read(answer).all("form", action=bring_back)) == 2  # in the toast and on the page
    alice.post(bring_back)
    assert "Mon 21 Dec 09:00" in read(alice.get(LIST)).text


def test_the_queries_do_not_grow(alice: Client, account: SocialAccount) -> None:
    counts = []
    for number in (1, 7):
        for _ in range(number):
            begun(alice, account)
        with CaptureQueriesContext(connection) as asked:
            alice.get(LIST)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 12


def test_charlie_sees_nothing_and_a_viewer_only_looks(
    alice: Client, bob: Client, charlie: Client, cast: Cast, account: SocialAccount, post: Post
) -> None:
    repeat = begun(alice, account)
    urls = [reverse("repeat", args=[repeat.pk]), reverse("switch-repeat", args=[repeat.pk])]
    urls += [reverse("skip-repeat", args=[repeat.pk, "2026-11-23"])]
    assert "Good morning." not in read(charlie.get(LIST)).text
    assert post.text not in read(charlie.get(f"{reverse('new-repeat')}?post={post.pk}")).text
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    for client in (charlie, bob):
        for url in urls:
            assert client.post(url, {"do": "end"}).status_code == 404
    assert bob.get(reverse("new-repeat")).status_code == 404
    page = read(bob.get(LIST))
    assert "Good morning." in page.text
    assert "Leave out" not in page.text
    assert Repeat.objects.get().ended_at is None
    theirs = connect(cast, account.provider, "strange")
    SocialAccount.objects.filter(pk=theirs.pk).update(team=cast.other_team)
    assert alice.post(reverse("new-repeat"), chosen(theirs)).status_code == 422
