"""Seal everything again under the current key: online, in batches, and again from where it ended.

Every column that holds a sealed text is listed here; rooms to the left add theirs. A row that
somebody else writes meanwhile is left alone: what is written now is sealed by the current key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models

from tokens.models import ClientApp, Handshake, OAuthToken, Offered, Revocation, SocialAccount
from tokens.vault import CannotOpen, current_key_id, seal, unseal

BATCH = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column of sealed texts; `bound_to` has {pk} where the row's key goes."""

    model: type[models.Model]
    name: str
    bound_to: str


COLUMNS = [
    Column(OAuthToken, "access_sealed", "token:{pk}:access"),
    Column(OAuthToken, "refresh_sealed", "token:{pk}:refresh"),
    Column(OAuthToken, "proof_sealed", "token:{pk}:proof"),
    Column(SocialAccount, "key_sealed", "account:{pk}:key"),
    Column(Offered, "key_sealed", "offered:{pk}:key"),
    Column(ClientApp, "secret_sealed", "app:{pk}:secret"),
    Column(Handshake, "verifier_sealed", "handshake:{pk}:verifier"),
    Column(Handshake, "proof_sealed", "handshake:{pk}:proof"),
    Column(Handshake, "memory_sealed", "handshake:{pk}:memory"),
    Column(Revocation, "access_sealed", "revocation:{pk}:access"),
    Column(Revocation, "refresh_sealed", "revocation:{pk}:refresh"),
    Column(Revocation, "proof_sealed", "revocation:{pk}:proof"),
]


def left() -> int:
    """How many sealed texts are not under the current key."""
    return sum(_old(column).count() for column in COLUMNS)


def rotate() -> Iterator[tuple[int, list[str]]]:
    """Seal again what is left; yields after every batch how many were done and what did not open.

    What did not open is named by row and key, and stays as it is.
    """
    for column in COLUMNS:
        last: object = None
        while True:
            rows = _old(column).order_by("pk")
            rows = rows.filter(pk__gt=last) if last else rows
            batch = list(rows.values_list("pk", column.name)[:BATCH])
            if not batch:
                break
            last = batch[-1][0]
            results = [_again(column, pk, sealed) for pk, sealed in batch]
            yield len(batch), [words for words in results if words]


def _old(column: Column) -> models.QuerySet[models.Model]:
    rows = column.model._default_manager.exclude(**{column.name: ""})
    return rows.exclude(**{f"{column.name}__startswith": f"{current_key_id()}."})


def _again(column: Column, pk: object, sealed: str) -> str:
    """Seal one text again; what stands in the way in words, else ""."""
    bound_to = column.bound_to.format(pk=pk)
    try:
        clear = unseal(sealed, bound_to)
    except CannotOpen as problem:
        return f"{column.model.__name__} {pk}: {problem}"
    unchanged = column.model._default_manager.filter(pk=pk, **{column.name: sealed})
    unchanged.update(**{column.name: seal(clear, bound_to)})
    return ""
