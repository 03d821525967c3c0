"""What `check_provider` sees from outside: is our app known, is its version served, who fetches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from pytest_django import Settings

import providers
from providers.kit.contract import NamesItself, Registers, SignsInByOAuth
from providers.kit.versions import Ages, month_is_over
from tests.cast import Street
from tokens import networks
from tokens.examine import examine

pytestmark = pytest.mark.django_db
REGISTERED = [
    name
    for name in providers.names()
    if issubclass(providers.adapter(name), SignsInByOAuth)
    and not issubclass(providers.adapter(name), NamesItself | Registers)
]
"""Networks at which an operator makes an app by hand."""
WITH_SECRETS = [
    name
    for name in REGISTERED
    if any(s.secret and s.needed for s in providers.adapter(name).settings)
]
FETCHING = [
    name
    for name in providers.names()
    if any(
        rule is not None and rule.by_url
        for rule in (providers.adapter(name).limits.images, providers.adapter(name).limits.video)
    )
]
Words = Callable[[str], str]


def bad(name: str) -> list[str]:
    """What stands in the way."""
    return [finding.words for finding in examine(name) if not finding.good]


@pytest.mark.parametrize("name", providers.names())
def test_a_network_of_the_street_is_in_order(name: str, street: Street) -> None:
    assert bad(name) == []


@pytest.mark.parametrize("name", REGISTERED)
def test_our_app_is_tried_with_a_code_that_nobody_gave(name: str, street: Street) -> None:
    said = [finding.words for finding in examine(name)]
    assert any("a code that nobody gave" in words for words in said)
    asked = [r["purpose"] for r in street.requests_of(name)]
    assert asked.count("token") == 1


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_a_wrong_secret_is_found_out_and_never_shown(
    name: str, street: Street, settings: Settings
) -> None:
    wrong = {
        s.name: "a-secret-of-nobody"
        for s in providers.adapter(name).settings
        if s.secret and s.needed
    }
    settings.PROVIDER_OPTIONS[name] |= wrong
    networks.forget()
    found = bad(name)
    assert len(found) == 1, found
    assert "a-secret-of-nobody" not in found[0]


def test_an_app_that_cannot_be_tried_now_is_said_so(street: Street) -> None:
    street.trouble("x", "error", on="token")
    assert "cannot be seen now" in bad("x")[0]


@pytest.mark.parametrize("name", FETCHING)
def test_who_fetches_files_needs_a_site_with_tls(
    name: str, street: Street, settings: Settings
) -> None:
    settings.PUBLIC_URL = "http://post.example.org"
    assert any("it fetches files from this site, over https only" in words for words in bad(name))


def test_a_version_that_is_over_is_named(street: Street, settings: Settings) -> None:
    [name] = [n for n in providers.names() if issubclass(providers.adapter(n), Ages)]
    [setting] = [s.name for s in providers.adapter(name).settings if s.name.endswith("_VERSION")]
    for version, words in (("202401", "set a newer one"), ("last month", "written as YYYYMM")):
        settings.PROVIDER_OPTIONS[name] |= {setting: version}
        networks.forget()
        assert any(words in said for said in bad(name))


def test_a_month_is_served_for_about_a_year() -> None:
    def over(version: str) -> str:
        return month_is_over("NAME", version, date(2026, 11, 21))

    assert over("202511") == over("202612") == ""
    assert over("202510").startswith("NAME is 202510")
    assert "YYYYMM" in over("202613")
