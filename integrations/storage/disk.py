"""Files on the local disk, with an upload address of our own that has the shape of S3's.

The addresses are signed by Django. Whoever mounts them (UPLOADS, FILES) asks `permit` and `shown`
what a signature allows.
"""

from __future__ import annotations

import contextlib
import mimetypes
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.core import signing
from django.core.files.storage import FileSystemStorage

from integrations.storage import CHUNK, Kept, NotThere, StoreTrouble, Ticket

UPLOADS = "files/upload/"
FILES = "files/kept/"
UPLOAD_SALT, FILE_SALT = "integrations.storage.upload", "integrations.storage.file"


class NotSigned(Exception):
    """This address was not given out by us, or it has ended."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What an upload address allows: this key, this type, this size."""

    key: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a signed address shows: this key, as this type, as a download if it has a name."""

    key: str
    mime: str
    name: str


class AlreadyThere(Exception):
    """The ticket was used before."""


class Disk(FileSystemStorage):
    """A folder. Every file is written beside its place and then put there in one step."""

    def ticket(self, key: str, mime: str, size: int, lifetime: timedelta) -> Ticket:
        """A form for the address UPLOADS."""
        policy = _signed(UPLOAD_SALT, lifetime, key, mime, str(size))
        fields = {"key": key, "Content-Type": mime, "success_action_status": "201"}
        return Ticket("POST", f"/{UPLOADS}{policy}/", fields)

    def head(self, key: str) -> Kept | None:
        """Size of the file, and the type that its ending says."""
        path = Path(self.path(key))
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Kept(key, found.st_size, mime, datetime.fromtimestamp(found.st_mtime, UTC))

    def fetch(self, key: str) -> BinaryIO:
        """The open file."""
        try:
            return Path(self.path(key)).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotThere(key) from None

    def keep(self, key: str, file: BinaryIO, mime: str) -> None:
        """Write it, in place of what was there."""
        with self._beside(key, file) as (made, place):
            made.replace(place)

    def keep_new(self, key: str, file: BinaryIO) -> None:
        """Write it; raises AlreadyThere if something is."""
        with self._beside(key, file) as (made, place):
            try:
                os.link(made, place)
            except FileExistsError:
                raise AlreadyThere(key) from None

    @contextlib.contextmanager
    def _beside(self, key: str, file: BinaryIO) -> Iterator[tuple[Path, Path]]:
        place = Path(self.path(key))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".", delete=False) as made:
                try:
                    shutil.copyfileobj(file, made, CHUNK)
                    made.flush()
                    os.fsync(made.fileno())
                    yield Path(made.name), place
                finally:
                    Path(made.name).unlink(missing_ok=True)
        except OSError as problem:
            raise StoreTrouble(f"The folder for files: {problem.strerror}.") from problem

    def remove(self, key: str) -> None:
        """Delete the file."""
        try:
            Path(self.path(key)).unlink(missing_ok=True)
        except OSError as problem:
            raise StoreTrouble(f"The folder for files: {problem.strerror}.") from problem

    def every(self, prefix: str, page: int = 1000) -> Iterator[Kept]:
        """Walk through the folder; what is half written is not there yet."""
        root = Path(self.path(""))
        for folder, _, names in os.walk(self.path(prefix)):
            for name in sorted(names):
                key = (Path(folder) / name).relative_to(root).as_posix()
                if not name.startswith(".") and (found := self.head(key)):
                    yield found

    def address(self, key: str, lifetime: timedelta, *, mime: str = "", name: str = "") -> str:
        """One of this site, under FILES."""
        return f"/{FILES}{_signed(FILE_SALT, lifetime, key, mime, name)}/"


def permit(policy: str) -> Permit:
    """What an upload address allows; raises NotSigned."""
    key, mime, size = _read(UPLOAD_SALT, policy)
    return Permit(key, mime, int(size))


def shown(signature: str) -> Shown:
    """What a signed address shows; raises NotSigned."""
    return Shown(*_read(FILE_SALT, signature))


def _signed(salt: str, lifetime: timedelta, *values: str) -> str:
    ends = int(time.time() + lifetime.total_seconds())
    return signing.dumps([ends, *values], salt=salt)


def _read(salt: str, text: str) -> tuple[str, str, str]:
    try:
        ends, first, second, third = signing.loads(text, salt=salt)
    except (signing.BadSignature, ValueError):
        raise NotSigned("This address is not one of ours.") from None
    if ends < time.time():
        raise NotSigned("This address has ended.")
    return first, second, third
