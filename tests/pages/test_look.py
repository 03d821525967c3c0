"""What every page keeps: nothing inline, colours that can be read, and whole error pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.views.defaults import server_error
from pytest_django import Settings

import providers
from accounts.notify import tell
from posting.models import Post
from posting.states import State
from tests.cast import Cast
from tests.pages.conftest import Put, connect, read, tried
from tokens import networks
from tokens.models import SocialAccount

THEMES = Path(project_settings.BASE_DIR) / "project/css/themes.css"
TONES = ("ok", "move", "wait", "warn", "bad", "off")
READ_ON = [
    *[(ink, ground) for ink in ("ink", "soft", "accent", "bad") for ground in ("paper", "sheet")],
    ("ink", "well"), ("soft", "well"), ("on-accent", "accent"), ("on-accent", "accent-hover"),
    *[(tone, f"{tone}-bg") for tone in TONES], *[(tone, "sheet") for tone in TONES],
]  # fmt: skip
AA, AA_EDGE = 4.5, 3.0
PLACES = ("home", "causes", "posts", "new-post", "accounts", "activity", "settings")


def every_answer(alice: Client, stranger: Client, post: Post) -> list[Any]:
    """One answer of every kind of page."""
    urls = [reverse(name) for name in PLACES]
    urls += [reverse(name, args=[post.pk]) for name in ("post", "post-results")]
    [result] = post.results.all()
    urls += [reverse("disconnect-account", args=[result.account_id])]
    answers: list[Any] = [alice.get(url) for url in [*urls, "/nothing-here/"]]
    answers += [alice.post(reverse("new-post"), {}), stranger.get(reverse("login"))]
    answers += [server_error(RequestFactory().get("/"))]
    return answers


@pytest.mark.parametrize("state", [State.FAILED, State.UNCONFIRMED, State.HELD, State.SENDING])
def test_no_page_holds_anything_inline(
    state: State, alice: Client, post: Post, put: Put, cast: Cast
) -> None:
    tried(put(state, held_for="reconnect"), "rejected")
    connect(cast, "a-network-that-is-gone")
    tell(cast.team, "lamp", "The lamp is out.", timezone.now())
    for answer in every_answer(alice, Client(), post):
        for tag, attrs in read(answer).elements:
            assert tag != "style"
            assert tag != "script" or attrs["src"]
            assert not [
                name for name in attrs if name == "style" or name.startswith(("on", "hx-on"))
            ]


def test_every_page_has_one_heading_a_title_and_its_ids_once(
    alice: Client, post: Post, cast: Cast
) -> None:
    for number in range(5):
        tell(cast.team, str(number), "The lamp is out.", timezone.now())
    for provider in providers.names():
        connect(cast, provider, "second")
    for answer in every_answer(alice, Client(), post):
        page = read(answer)
        ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
        assert len(ids) == len(set(ids))
        if page.all("html"):
            assert len(page.all("h1")) == len(page.all("title")) == len(page.all("main")) == 1


def test_every_page_is_served_with_the_policy(alice: Client, post: Post) -> None:
    policy = alice.get(reverse("posts"))["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["img-src"] == "'self' data: blob:"
    assert "unsafe" not in policy


def test_htmx_is_told_to_keep_to_the_policy(alice: Client) -> None:
    [config] = read(alice.get(reverse("posts"))).all("meta", name="htmx-config")
    assert '"includeIndicatorStyles": false' in config["content"]
    assert '"allowEval": false' in config["content"]


def test_every_file_that_a_page_names_is_there(alice: Client) -> None:
    page = read(alice.get(reverse("posts")))
    named = [a["src"] for a in page.all("script")] + [a["href"] for a in page.all("link")]
    for url in named:
        assert alice.get(url).status_code == 200


def test_an_empty_list_says_one_sentence_and_one_action(alice: Client) -> None:
    page = read(alice.get(reverse("posts")))
    assert "Nothing has been posted here yet." in page.text
    [action] = page.all("a", **{"class": "btn btn-primary"})
    assert action["href"] == reverse("new-post")


def test_a_long_list_has_pages(alice: Client, post: Post, cast: Cast) -> None:
    Post.objects.bulk_create(
        Post(team=cast.team, author=cast.alice, text=f"Letter {n}", due_at=post.due_at)
        for n in range(30)
    )
    assert read(alice.get(reverse("posts"))).all("a", rel="next", href="?page=2")
    assert read(alice.get(reverse("posts"), {"page": 2})).all("a", rel="prev", href="?page=1")


def test_a_connect_form_that_fails_keeps_what_was_typed(alice: Client) -> None:
    name, first, second = next(
        (p.name, p.fields[0].name, p.fields[1].name)
        for p in providers.ADAPTERS.values()
        if len(p.fields) > 1
    )
    url = reverse("connect", args=[name])
    assert alice.get(url).status_code == 405
    answer = alice.post(url, {"way": "form", first: "typed by Alice", second: ""})
    page = read(answer)
    assert answer.status_code == 422
    assert page.all("input", name=first, value="typed by Alice")
    assert page.all("input", id=f"{name}-{second}")[0]["aria-invalid"] == "true"
    assert page.all("ul", id=f"{name}-{second}_error")


def test_a_network_that_is_not_set_up_says_what_is_missing(
    alice: Client, settings: Settings
) -> None:
    name, setting = next(
        (p.name, s.name) for p in providers.ADAPTERS.values() for s in p.settings if s.needed
    )
    settings.PROVIDER_OPTIONS = {}
    networks.forget()
    page = read(alice.get(reverse("accounts")))
    networks.forget()
    assert setting in page.text
    assert not page.all("form", action=reverse("connect", args=[name]))


def test_a_network_that_is_gone_still_has_a_line(alice: Client, cast: Cast) -> None:
    gone = connect(cast, "a-network-that-is-gone")
    assert "Not set up" in read(alice.get(reverse("accounts"))).text
    assert "disabled" in read(alice.get(reverse("new-post"))).all("input", value=str(gone.pk))[0]


def test_the_problem_of_an_account_is_told(alice: Client, account: SocialAccount) -> None:
    SocialAccount.objects.filter(pk=account.pk).update(state="reconnect", problem="Key revoked.")
    page = read(alice.get(reverse("accounts")))
    assert "Key revoked." in page.text
    assert page.all("a", href=f"#connect-{account.provider}")


# --- colours --------------------------------------------------------------------------------------
def palette(dark: bool) -> dict[str, str]:
    """The named colours of the stylesheet by day, or those that the night changes over them."""
    day, night = re.split(r'name: "night"', THEMES.read_text())[:2]
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", day))
    return {**found, **dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", night))} if dark else found


def luminance(colour: str) -> float:
    """How light a colour is (WCAG 2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """How far two colours stand apart (WCAG 2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
def test_everything_can_be_read_by_day_and_by_night(dark: bool) -> None:
    colours = palette(dark)
    faint = {
        f"{ink} on {ground}": round(contrast(colours[ink], colours[ground]), 2)
        for ink, ground in READ_ON
        if contrast(colours[ink], colours[ground]) < AA
    }
    assert faint == {}
    assert contrast(colours["edge"], colours["sheet"]) >= AA_EDGE
