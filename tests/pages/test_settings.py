"""Settings, what was done and by whom, and the first owner of an installation."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.activity import PAGE, Kind
from accounts.models import Activity, Membership, Team, User
from accounts.roles import Role
from posting.models import Post
from posting.states import State
from tests.cast import Cast
from tests.pages.conftest import Put, read
from tokens.models import SocialAccount


def mine(zone: str, name: str = "Alice L.") -> dict[str, str]:
    """The form of one's own settings."""
    return {"you-name": name, "you-time_zone": zone}


def test_alice_reads_in_her_own_zone(alice: Client, cast: Cast) -> None:
    answer = alice.post(reverse("settings"), mine("europe/paris"), follow=True)
    assert "Times are now shown in Europe/Paris" in read(answer).text
    cast.alice.refresh_from_db()
    assert (cast.alice.name, cast.alice.time_zone) == ("Alice L.", "Europe/Paris")


def test_an_unknown_zone_is_named_and_nothing_typed_is_lost(alice: Client, cast: Cast) -> None:
    answer = alice.post(reverse("settings"), mine("Mars/Olympus"))
    assert answer.status_code == 422
    page = read(answer)
    assert "There is no time zone “Mars/Olympus”" in page.text
    assert [i["value"] for i in page.all("input", name="you-time_zone")] == ["Mars/Olympus"]
    cast.alice.refresh_from_db()
    assert cast.alice.name == "Alice"


def test_the_teams_zone_is_its_owners(alice: Client, bob: Client, cast: Cast) -> None:
    zone = {"team-time_zone": "America/New York"}
    assert bob.post(reverse("team-zone"), zone).status_code == 404
    assert alice.post(reverse("team-zone"), {"team-time_zone": "Nowhere"}).status_code == 422
    assert alice.post(reverse("team-zone"), zone)["Location"] == reverse("settings")
    assert Team.objects.get(pk=cast.team.pk).time_zone == "America/New_York"
    assert not read(bob.get(reverse("settings"))).all("form", action=reverse("team-zone"))


def test_what_was_done_is_told_with_who_and_when(
    cast: Cast, alice: Client, post: Post, put: Put, account: SocialAccount
) -> None:
    alice.post(reverse("cancel-post", args=[post.pk]))
    alice.post(reverse("pause-account", args=[account.pk]))
    page = read(alice.get(reverse("activity")))
    assert "Cancelled: “The lamp is lit again.”" in page.text
    assert f"Paused {account}" in page.text
    assert page.all("a", href=reverse("post", args=[post.pk]))
    kinds = [li["data-kind"] for li in page.all("li") if "data-kind" in li]
    assert kinds == ["paused", "stopped"]


def test_a_post_is_told_once_however_often_its_form_is_sent(
    alice: Client, account: SocialAccount
) -> None:
    form = {
        "key": "3f1f4f6e-9a7e-4d3e-8a54-0a9c7be0b001",
        "text": "Once.",
        "accounts": [account.pk],
        "when": "",
        "late_after": "3600",
        "when_late": "hold",
    }
    for _ in range(2):
        assert alice.post(reverse("new-post"), form).status_code == 302
    assert [row.words for row in Activity.objects.all()] == ["Wrote: “Once.”"]


def test_nothing_is_told_of_what_did_not_happen(alice: Client, post: Post, put: Put) -> None:
    put(State.POSTED)
    alice.post(reverse("cancel-post", args=[post.pk]))
    alice.post(reverse("try-again", args=[post.pk]))
    assert not Activity.objects.exists()


def test_it_is_filtered_by_person_and_kind_and_read_page_by_page(cast: Cast, alice: Client) -> None:
    at = timezone.now()
    for number in range(PAGE + 5):
        activity.note(cast.team, cast.alice, Kind.WROTE, f"Letter {number}", at)
    activity.note(cast.team, cast.bob, Kind.SETTINGS, "The clocks", at)

    def told(**query: Any) -> list[str]:
        page = read(alice.get(reverse("activity"), query))
        return [li["data-kind"] for li in page.all("li") if "data-kind" in li]

    assert told(person=cast.bob.pk) == told(kind="settings") == ["settings"]
    assert told(person=cast.bob.pk, kind="wrote") == []
    assert len(told()) == PAGE
    [older] = read(alice.get(reverse("activity"))).all("a", rel="next")
    activity.note(cast.team, cast.alice, Kind.WROTE, "Meanwhile", at)
    rest = read(alice.get(older["href"]))
    assert "Letter 0" in rest.text
    assert "Meanwhile" not in rest.text
    assert len(told(kind="nonsense", person="x", before="y")) == PAGE


def test_charlie_reads_nothing_of_alices_team(cast: Cast, charlie: Client, alice: Client) -> None:
    activity.note(cast.team, cast.alice, Kind.WROTE, "Letter <b>one</b>", timezone.now())
    assert (
        "Letter" not in charlie.get(reverse("activity"), {"person": cast.alice.pk}).content.decode()
    )
    assert "Letter <b>one</b>" in read(alice.get(reverse("activity"))).text


def test_who_has_left_is_still_named(cast: Cast, alice: Client) -> None:
    activity.note(cast.team, cast.bob, Kind.WROTE, "Letter", timezone.now())
    cast.bob.delete()
    assert "Bob (has left)" in read(alice.get(reverse("activity"))).text


def test_a_copy_is_a_draft_and_made_once(alice: Client, post: Post, bob: Client) -> None:
    [key] = read(alice.get(reverse("post", args=[post.pk]))).all("input", name="copy")
    url = reverse("copy-post", args=[post.pk])
    first, again = (alice.post(url, {"copy": key["value"]}) for _ in range(2))
    assert first["Location"] == again["Location"]
    draft = Post.objects.exclude(pk=post.pk).get()
    assert (draft.draft, draft.text) == (True, post.text)
    assert "Draft" in read(alice.get(first["Location"])).text


def test_what_somebody_deleted_has_no_page(alice: Client, post: Post) -> None:
    Post.objects.filter(pk=post.pk).update(deleted_at=timezone.now())
    assert alice.get(reverse("post", args=[post.pk])).status_code == 404


def owner(password: str, monkeypatch: pytest.MonkeyPatch, **options: str) -> str:
    """The command, with a password on its standard input."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    given = {"email": "first@example.org", "team": "The first team", **options}
    call_command("first_owner", stdout=out, **given)
    return out.getvalue()


@pytest.mark.django_db
def test_the_first_owner_is_made_by_whoever_has_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "first_owner" in read(Client().get(reverse("login"))).text
    said = owner("a lantern in the window", monkeypatch)
    assert "first@example.org owns the team" in said
    assert "lantern" not in said
    assert Membership.objects.get().role == Role.OWNER
    assert "first_owner" not in read(Client().get(reverse("login"))).text
    assert Client().login(username="first@example.org", password="a lantern in the window")
    with pytest.raises(CommandError, match="already"):
        owner("another lantern there", monkeypatch, email="second@example.org")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "field"),
    [({"email": "nobody"}, "--email"), ({"team": " "}, "--team"), ({}, "password")],
)
def test_the_first_owner_is_refused_by_the_name_of_the_field(
    options: dict[str, str], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match=f"^{field}"):
        owner("short" if not options else "a lantern in the window", monkeypatch, **options)
    assert not User.objects.exists()
