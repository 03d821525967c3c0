"""Importing posts: a table is brought, mapped, tried, confirmed, followed, repaired and stopped."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, User
from accounts.roles import Role
from posting import imports, sheet
from posting.models import Import, ImportRow, Post
from tests.cast import Cast
from tests.pages.conftest import read
from tests.pages.test_calendar import HX, NOW
from tokens.models import SocialAccount

HEADING = "text,when,accounts,labels\n"
START = "/posts/import/"


@pytest.fixture(autouse=True)
def clocks(cast: Cast) -> Any:
    """It is Saturday, 11:00 in Paris, where everybody lives."""
    User.objects.update(time_zone="Europe/Paris")
    with time_machine.travel(NOW, tick=False):
        yield


def bring(client: Client, *rows: str, key: uuid.UUID | None = None) -> Any:
    """Send a table, as the form does."""
    file = SimpleUploadedFile("posts.csv", (HEADING + "\n".join(rows)).encode())
    return client.post(START, {"key": str(key or uuid.uuid4()), "file": file})


def chosen(**more: Any) -> dict[str, Any]:
    """What the form of the columns sends when it is left as it was guessed."""
    names = {"text": "text", "when": "when", "accounts": "accounts", "labels": "labels"}
    return {**names, "zone": "Europe/Paris", "blank": "draft", **more}


def tried(client: Client, *rows: str) -> Import:
    """Brought and tried."""
    bring(client, *rows)
    table = Import.objects.latest("pk")
    client.post(reverse("import-columns", args=[table.pk]), chosen())
    return table


def test_a_table_is_brought_mapped_tried_confirmed_and_written(
    alice: Client, account: SocialAccount
) -> None:
    answer = bring(alice, f"Hello.,fri 9am,{account.handle},Launch", "Second.,,,")
    table = Import.objects.get()
    assert answer["Location"] == reverse("import-columns", args=[table.pk])
    page = read(alice.get(answer["Location"]))
    assert "fri 9am" in page.text
    assert page.all("option", value="when", selected="")
    answer = alice.post(reverse("import-columns", args=[table.pk]), chosen())
    assert answer["Location"] == reverse("import", args=[table.pk])
    page = read(alice.get(answer["Location"]))
    assert "Fri 27 Nov 09:00 Europe/Paris" in page.text
    assert "A draft" in page.text
    assert "Import all 2 rows" in page.text
    assert not Post.objects.exists()
    alice.post(reverse("import-confirm", args=[table.pk]))
    assert not Post.objects.exists()  # the worker writes them, not the request
    imports.go_on_all(timezone.now())
    first, second = Post.objects.order_by("pk")
    assert (first.due_at, first.labels.get().name) == (
        datetime(2026, 11, 27, 8, tzinfo=UTC),
        "Launch",
    )
    assert (second.draft, second.author) == (True, first.author)
    page = read(alice.get(reverse("import", args=[table.pk])))
    assert "2 of 2 posts made" in page.text
    assert page.all("a", href=reverse("post", args=[first.pk]))


def test_errors_are_told_by_row_and_column_and_the_good_rows_can_go(
    alice: Client, account: SocialAccount
) -> None:
    good, bad = f"Good.,fri 9am,{account.handle},", "=Bad.,yesterday,nobody,"
    table = tried(alice, good, bad)
    page = read(alice.get(reverse("import", args=[table.pk])))
    assert "Import the 1 good row" in page.text
    assert "The team has no account “nobody”." in page.text
    assert "“yesterday”" in page.text
    only = read(alice.get(reverse("import", args=[table.pk]), {"only": "wrong"}))
    assert len(only.all("li", data_row="3")) == 1
    assert not only.all("li", data_row="2")
    answer = alice.get(reverse("import-wrong", args=[table.pk]))
    whole = answer.content.decode("utf-8-sig")
    heading, row = csv.reader(io.StringIO(whole, newline=""))
    assert heading == ["text", "when", "accounts", "labels", sheet.PROBLEM]
    assert row[0] == "'=Bad."
    assert "attachment" in answer["Content-Disposition"]
    alice.post(reverse("import-confirm", args=[table.pk]))
    imports.go_on_all(timezone.now())
    assert [post.text for post in Post.objects.all()] == ["Good."]


def test_what_is_no_table_is_refused_in_words(alice: Client) -> None:
    def sent(data: bytes) -> Any:
        file = SimpleUploadedFile("posts.csv", data)
        return alice.post(START, {"key": str(uuid.uuid4()), "file": file})

    assert sent(b"\x89PNG\0\0\n\n").status_code == 422
    assert "This is no text" in read(sent(b"\x89PNG\0\0\n\n")).text
    assert "is empty" in read(sent(b"")).text
    assert "no rows" in read(sent(b"text,when\n")).text
    assert "10.0 MB; at most 10 MB" in read(sent(b"x" * (sheet.MOST_BYTES + 1))).text
    none = alice.post(START, {"key": str(uuid.uuid4())})
    assert (none.status_code, "Choose a file." in read(none).text) == (422, True)
    assert not Import.objects.exists()


def test_columns_that_do_not_fit_are_said_at_their_field(alice: Client) -> None:
    bring(alice, "Hello.,,,")
    url = reverse("import-columns", args=[Import.objects.get().pk])
    answer = alice.post(url, chosen(text="nothing", zone="Mars/Olympus"))
    page = read(answer)
    assert answer.status_code == 422
    assert "The table has no such column." in page.text
    assert "There is no time zone “Mars/Olympus”." in page.text
    assert not ImportRow.objects.exists()


def test_the_same_form_twice_is_one_table(alice: Client) -> None:
    key = uuid.uuid4()
    assert bring(alice, "A.,,,", key=key)["Location"] == bring(alice, "A.,,,", key=key)["Location"]
    assert Import.objects.count() == 1


def test_a_long_table_is_tried_and_written_by_the_worker_while_the_page_asks(
    alice: Client, account: SocialAccount
) -> None:
    count = imports.AT_ONCE + 5
    table = tried(alice, *(f"Number {n}.,fri 9am,{account.handle}," for n in range(count)))
    url = reverse("import-progress", args=[table.pk])
    page = read(alice.get(reverse("import", args=[table.pk])))
    assert page.all("section", id="progress", hx_trigger="every 1s", hx_get=url)
    assert "200 of 205 rows tried" in page.text
    answer = alice.get(url, headers=HX)
    assert (answer.status_code, "HX-Refresh" in answer) == (200, False)
    assert alice.get(url, headers={**HX, "If-None-Match": answer["ETag"]}).status_code == 304
    alice.post(reverse("import-confirm", args=[table.pk]))
    assert Import.objects.get().confirmed_at is None  # not all of it was tried
    imports.go_on_all(timezone.now())
    answer = alice.get(url, headers=HX)
    assert (answer.status_code, answer["HX-Refresh"]) == (286, "true")
    alice.post(reverse("import-confirm", args=[table.pk]))
    assert alice.get(url, headers=HX).status_code == 200
    assert read(alice.get(url)).all("progress", max=str(count), value="0")
    imports.go_on(Import.objects.get(), timezone.now())
    assert alice.get(url, headers=HX).status_code == 286
    assert Post.objects.count() == count


def test_the_queries_do_not_grow_with_the_rows(alice: Client, account: SocialAccount) -> None:
    counts = []
    for number in (3, 45):
        rows = (f"Number {n}.,fri 9am,{account.handle},A" for n in range(number))
        url = reverse("import", args=[tried(alice, *rows).pk])
        alice.get(url)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            alice.get(url)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15


def test_a_table_is_put_away_or_stopped(alice: Client, account: SocialAccount) -> None:
    table = tried(alice, "Hello.,,,")
    alice.post(reverse("import-discard", args=[table.pk]))
    assert not Import.objects.exists()
    table = tried(alice, "One.,,,", "Two.,,,")
    alice.post(reverse("import-confirm", args=[table.pk]))
    imports.go_on(Import.objects.get(), timezone.now(), limit=1)
    alice.post(reverse("import-discard", args=[table.pk]))
    imports.go_on_all(timezone.now())
    assert Post.objects.count() == 1
    page = read(alice.get(reverse("import", args=[table.pk])))
    assert "Stopped before it was written." in page.text
    assert "Download the 1 to repair" in page.text


def test_markup_in_a_table_is_shown_as_text(alice: Client) -> None:
    table = tried(alice, "<b>Hello</b> & all.,,<i>nobody</i>,<u>x</u>")
    for url in (reverse("import", args=[table.pk]), reverse("import-columns", args=[table.pk])):
        html = alice.get(url).content.decode()
        assert "&lt;b&gt;Hello&lt;/b&gt; &amp; all." in html
        assert "<i>nobody" not in html


def test_charlie_sees_nothing_and_a_viewer_may_not(
    alice: Client, bob: Client, charlie: Client, cast: Cast
) -> None:
    table = tried(alice, "Hello.,,,")
    names = ("import", "import-columns", "import-progress", "import-wrong")
    for name in names:
        assert charlie.get(reverse(name, args=[table.pk])).status_code == 404
    for name in ("import-confirm", "import-discard"):
        assert charlie.post(reverse(name, args=[table.pk])).status_code == 404
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    assert bob.get(START).status_code in (403, 404)
    assert bring(bob, "Hello.,,,").status_code in (403, 404)
    assert Import.objects.count() == 1
