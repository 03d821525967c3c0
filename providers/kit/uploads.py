"""What a request carries beside words: files, pieces of files, and a multipart body around them.

A file is opened anew at each call and read while it is sent, never held in memory whole; one that
cannot be read makes the call Unavailable, since nothing was sent. RFC 7578 (multipart/form-data),
names of files as HTML writes them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO

from providers.kit.content import Media
from providers.kit.errors import Unavailable

BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class File:
    """Bytes with a name and a type, ready to be sent; `open` gives exactly `size` of them."""

    name: str
    mime: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)

    @classmethod
    def of(cls, media: Media) -> File:
        """A whole picture or video."""
        return cls(media.name, media.mime, media.size, media.open)

    @classmethod
    def holding(cls, data: bytes, name: str, mime: str) -> File:
        """These very bytes."""
        return cls(name, mime, len(data), lambda: BytesIO(data))


def pieces(size: int, length: int) -> int:
    """Into how many pieces of at most `length` bytes a file of `size` falls; at least one."""
    return max(1, -(-size // length))


def piece(media: Media, number: int, length: int) -> File:
    """One of the pieces, from 0; it is read into memory, so let `length` be a few megabytes."""
    return stretch(media, number * length, length)


def stretch(media: Media, first: int, length: int) -> File:
    """The bytes from `first` on, at most `length` of them; read into memory as a piece is."""
    try:
        with media.open() as whole:
            whole.seek(first)
            data = whole.read(length)
    except OSError:
        raise Unavailable(f"{media.name} cannot be read at the moment.") from None
    return File.holding(data, media.name, "application/octet-stream")


class Body:
    """Bytes that follow each other, read as they are sent; their number is known beforehand."""

    def __init__(self, *parts: bytes | File) -> None:
        self.size = sum(len(p) if isinstance(p, bytes) else p.size for p in parts)
        self._open = [BytesIO(p) if isinstance(p, bytes) else _opened(p) for p in parts]

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(BLOCK):
            yield data

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; b"" at the end."""
        for source in self._open:
            if data := source.read(size):
                return data
        return b""

    def close(self) -> None:
        """Let go of the files."""
        for source in self._open:
            source.close()


def _opened(file: File) -> BinaryIO:
    try:
        return file.open()
    except OSError:
        raise Unavailable(f"{file.name} cannot be read at the moment.") from None


def multipart(fields: Mapping[str, str], files: Mapping[str, File]) -> tuple[Body, str]:
    """The body of a form with files, and its Content-Type."""
    boundary = secrets.token_hex(16)
    parts: list[bytes | File] = []
    for name, value in fields.items():
        parts.append(_head(boundary, name) + value.encode() + b"\r\n")
    for name, file in files.items():
        parts += [_head(boundary, name, file), file, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Body(*parts), f"multipart/form-data; boundary={boundary}"


def _head(boundary: str, name: str, file: File | None = None) -> bytes:
    about = f'; filename="{_quoted(file.name or name)}"' if file else ""
    kind = f"Content-Type: {file.mime}\r\n" if file else ""
    disposition = f'form-data; name="{_quoted(name)}"{about}'
    return f"--{boundary}\r\nContent-Disposition: {disposition}\r\n{kind}\r\n".encode()


def _quoted(name: str) -> str:
    """A name between quotes, as browsers write it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
