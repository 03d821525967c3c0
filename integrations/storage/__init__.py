"""Where files are kept: one interface for the local disk and for any S3.

What is kept is private. It is put there from outside with a `Ticket` only, and read from outside
by a signed address only, and both end. Keys are made by us and never from a person's file name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Literal, Protocol, cast

from django.core.files.storage import storages

CHUNK = 1 << 16


class NotThere(Exception):
    """Nothing is kept under this key."""


class StoreTrouble(Exception):
    """The store cannot be reached or refuses us; what is wrong stands in the log of the cause."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to put one file of one type and one size to one place, once, until it ends.

    POST: a form of `fields`, then the file as `file`, last. PUT: the bare bytes with `headers`.
    """

    method: Literal["POST", "PUT"]
    url: str = field(repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """One file that is there: its key, size in bytes, type, and since when."""

    key: str
    size: int
    mime: str
    at: datetime


class Store(Protocol):
    """What a place for files can do. Keys are relative to the place's own prefix."""

    def ticket(self, key: str, mime: str, size: int, lifetime: timedelta) -> Ticket:
        """The right to upload exactly `size` bytes of type `mime` to `key`."""

    def head(self, key: str) -> Kept | None:
        """Size and type of what is there; None if nothing is."""

    def fetch(self, key: str) -> BinaryIO:
        """Its bytes, to be read once and closed; raises NotThere."""

    def keep(self, key: str, file: BinaryIO, mime: str) -> None:
        """Put a file there, private, as a whole or not at all."""

    def remove(self, key: str) -> None:
        """Delete it; no error if it is gone already."""

    def every(self, prefix: str, page: int = 1000) -> Iterator[Kept]:
        """All files whose key begins so, however many; asked for page by page."""

    def address(self, key: str, lifetime: timedelta, *, mime: str = "", name: str = "") -> str:
        """An address that gives the file to anybody until it ends.

        It may begin with "/": then it is one of this site. `name` makes it a download.
        """


def store() -> Store:
    """The place that STORAGES["default"] names."""
    return cast(Store, storages["default"])
