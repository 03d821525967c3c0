"""Sealed texts open for their own row and nowhere else."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tokens.vault import CannotOpen, new_key, seal, unseal


@given(st.text(min_size=1))
def test_what_is_sealed_opens_again_and_does_not_show(clear: str) -> None:
    sealed = seal(clear, "token:1:access")
    assert unseal(sealed, "token:1:access") == clear
    assert len(clear) < 4 or clear not in sealed


def test_a_sealed_text_copied_to_another_row_does_not_open() -> None:
    sealed = seal("secret", "token:1:access")
    for elsewhere in ("token:2:access", "token:1:refresh"):
        with pytest.raises(CannotOpen) as caught:
            unseal(sealed, elsewhere)
        assert "secret" not in str(caught.value)
        assert sealed not in str(caught.value)


def test_two_seals_of_the_same_text_differ() -> None:
    assert seal("secret", "a") != seal("secret", "a")


def test_an_altered_text_does_not_open() -> None:
    sealed = seal("secret", "a")
    for broken in (sealed[:-4] + "AAAA", sealed[:10], "t1.", "t1.not base64", "nothing"):
        with pytest.raises(CannotOpen):
            unseal(broken, "a")


def test_an_old_key_still_opens_and_the_first_one_seals(settings: Settings) -> None:
    old, new = new_key("old"), new_key("new")
    settings.TOKEN_KEYS = old
    sealed = seal("secret", "a")
    settings.TOKEN_KEYS = f"{new},{old}"
    assert unseal(sealed, "a") == "secret"
    assert seal("secret", "a").startswith("new.")
    settings.TOKEN_KEYS = new
    with pytest.raises(CannotOpen, match="'old'"):
        unseal(sealed, "a")


@pytest.mark.parametrize("wrong", ["k1", "k1:short", "k1:!!!!", ":abc", "k 1:" + "A" * 43 + "="])
def test_a_wrong_setting_is_refused_by_name(settings: Settings, wrong: str) -> None:
    settings.TOKEN_KEYS = wrong
    with pytest.raises(ImproperlyConfigured, match="TOKEN_KEYS"):
        seal("secret", "a")
