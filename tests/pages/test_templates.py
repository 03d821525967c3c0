"""The rules of templates: nothing inline, daisyUI in components only, whole names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from django.test import Client
from django.urls import reverse

import providers
from posting.models import Post
from tests.cast import Cast
from tests.pages.conftest import connect, read
from tests.pages.test_look import every_answer

ROOT = Path(settings.BASE_DIR)
COTTON = ROOT / "project/templates/cotton"
TEMPLATES = {
    str(path.relative_to(ROOT)): path.read_text()
    for room in ("project", "accounts", "tokens", "posting", "workers")
    for path in sorted((ROOT / room).glob("templates/**/*.html"))
}
MODULES = sorted((ROOT / "project/static/js").glob("*.js"))
MOST_LINES = 250
DAISY = re.compile(
    r"(alert|avatar|badge|btn|card|carousel|chat|checkbox|collapse|diff|divider|dock|drawer|"
    r"dropdown|fieldset|file-input|filter|footer|hero|indicator|input|join|kbd|label|link|list|"
    r"loading|mask|menu|modal|navbar|progress|radio|range|rating|select|skeleton|stack|stat|stats|"
    r"status|steps|swap|tab|tabs|table|textarea|timeline|toast|toggle|tooltip|validator)"
    r"(-[a-z0-9-]+)?"
)
OURS = {"link-bg", "list-disc", "list-decimal", "list-none", "list-inside", "select-none",
        "menu-row", "menu-rule", "menu-label", "menu-panel", "tab-item", "timeline"}  # fmt: skip
TAG = re.compile(r"\{[{%#].*?[}%#]\}", re.S)
ELEMENT = re.compile(r"<[a-zA-Z][^<>]*(?:<[^<>]*>[^<>]*)*>", re.S)
Check = Callable[[str, str], Iterator[str]]


def classes(text: str) -> Iterator[str]:
    """Every class in the class attributes of a template, whatever its conditions say."""
    for value in re.findall(r"\sclass=\"([^\"]*)\"", TAG.sub(" ", text)):
        yield from value.split()


def daisy_in_components(path: str, text: str) -> Iterator[str]:
    """The look is decided once: daisyUI's classes stand in components and in the base page."""
    if path.startswith(("project/templates/cotton/", "project/templates/base.html")):
        return
    for name in classes(text):
        bare = name.rpartition(":")[2].strip("!")
        if DAISY.fullmatch(bare) and bare not in OURS:
            yield f"{path} uses {name}: take or write a component"


def nothing_inline(path: str, text: str) -> Iterator[str]:
    """The policy of our pages stops all of these in the browser; here they are named."""
    bare = TAG.sub("", text)
    for found in re.findall(r"\s(style|on[a-z]+|hx-on[^\s=]*|hx-vals=.js)\s*=", bare):
        yield f"{path} has an inline {found}"
    for attributes, inside in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.S):
        if "src=" not in attributes or inside.strip():
            yield f"{path} has an inline script"
    if re.search(r"<style|javascript:|\|safe\b|\{% autoescape off", text):
        yield f"{path} has a style element, a script address, or text that is not escaped"


def classes_are_whole(path: str, text: str) -> Iterator[str]:
    """The build reads names: a class that is put together is in no stylesheet."""
    for value in re.findall(r"\sclass=\"([^\"]*)\"", text):
        for found in re.findall(r"[\w-]-\{\{[^}]*\}\}", value):
            if not found.startswith("e-{{"):  # tone-{{ tone }}: the six tones are written out
                yield f"{path} puts a class together: {found}"


def known_components(path: str, text: str) -> Iterator[str]:
    """A component that does not exist would be an error on the page."""
    for name in re.findall(r"<c-([\w.-]+)", text):
        if name not in ("vars", "slot") and not component(name).exists():
            yield f"{path} uses <c-{name}>, which does not exist"


def objects_only_where_declared(path: str, text: str) -> Iterator[str]:
    """`:name` hands over a value as it is; what is not declared would reach the page unescaped."""
    for name, attributes in re.findall(r"<c-([\w.-]+)((?:\s[^<>]*)?)>", text, re.S):
        if name in ("vars", "slot") or not component(name).exists():
            continue
        declared = re.search(r"<c-vars(.*?)/>", component(name).read_text(), re.S)
        known = re.findall(r"([\w-]+)(?:=|\s|$)", declared[1]) if declared else []
        for found in re.findall(r"\s::?([\w-]+)=", attributes):
            if found.replace("-", "_") not in {one.replace("-", "_") for one in known}:
                yield f"{path} gives <c-{name}> an object as {found}, which it does not declare"


def component(name: str) -> Path:
    """The file of a component."""
    return COTTON / f"{name.replace('-', '_').replace('.', '/')}.html"


CHECKS: tuple[Check, ...] = (
    daisy_in_components, nothing_inline, classes_are_whole, known_components,
    objects_only_where_declared,
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_templates_keep_their_rules(check: Check) -> None:
    found = [words for path, text in TEMPLATES.items() for words in check(path, text)]
    assert found == []


BAD: tuple[tuple[Check, str], ...] = (
    (daisy_in_components, '<a class="mt-2 btn btn-primary">'),
    (daisy_in_components, '<p class="{% if a %}max-sm:alert{% endif %}">'),
    (nothing_inline, '<p style="color: red">'),
    (nothing_inline, '<p onclick="go()">'),
    (nothing_inline, '<p hx-on:click="go()">'),
    (nothing_inline, "<script>go()</script>"),
    (nothing_inline, "{{ text|safe }}"),
    (classes_are_whole, '<p class="text-{{ tone }}">'),
    (known_components, "<c-no-such-thing />"),
    (objects_only_where_declared, '<c-button :title="post.text">'),
)


@pytest.mark.parametrize(("check", "text"), BAD)
def test_a_bad_template_is_found(check: Check, text: str) -> None:
    assert list(check("posting/templates/posting/bad.html", text))


def test_modules_are_small_and_keep_to_the_policy() -> None:
    assert MODULES
    for path in MODULES:
        text = path.read_text()
        assert len(text.splitlines()) <= MOST_LINES
        assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML =|\.style\.cssText", text)


# --- components and partials side by side ---------------------------------------------------------
def test_no_component_reaches_the_browser_unrendered(alice: Client, post: Post) -> None:
    for answer in [*every_answer(alice, Client(), post), alice.get(reverse("find"), {"q": "a"})]:
        assert "<c-" not in answer.content.decode()
        assert b"{% " not in answer.content


def test_neither_loader_puts_the_other_aside() -> None:
    [[outer, [[cached, inner]]]] = engines["django"].engine.loaders  # type: ignore[attr-defined]
    assert outer == "template_partials.loader.Loader"
    assert cached == "django.template.loaders.cached.Loader"
    assert inner[0] == "django_cotton.cotton_loader.Loader"
    assert {"django_cotton.apps.SimpleAppConfig", "template_partials.apps.SimpleAppConfig"} <= set(
        settings.INSTALLED_APPS
    )


def test_a_partial_with_a_component_in_it_is_rendered_alone(alice: Client, post: Post) -> None:
    answer = alice.get(reverse("find"), {"q": "lamp"}, headers={"HX-Request": "true"})
    assert "<html" not in answer.content.decode()
    assert "<svg" in answer.content.decode()
    assert post.text in answer.content.decode()


def test_what_people_write_stays_text_in_the_attributes_of_components(
    alice: Client, cast: Cast
) -> None:
    evil = '"><script>alert(1)</script>'
    account = connect(cast, providers.names()[0], evil)
    for name in ("new-post", "accounts", "posts"):
        assert "<script>alert" not in alice.get(reverse(name)).content.decode()
    page = read(alice.get(reverse("new-post")))
    assert evil in page.text
    assert page.all("input", value=str(account.pk))
