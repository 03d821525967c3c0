"""Bringing a file: a ticket, then the look into what has arrived; and what nobody needs goes again.

Nothing that a browser says about a file is believed. What is kept is never the object that the
ticket led to: it is a clean copy under another key, so the ticket cannot change it afterwards.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import RestrictedError

from accounts.models import Team, User
from integrations.scan import Infected, ScanTrouble, scan
from integrations.storage import Kept, NotThere, StoreTrouble, Ticket, store
from posting.clean import clean
from posting.footage import BrokenVideo, footage, hush
from posting.models import Upload, Variant, new_key
from posting.pictures import Unreadable, look, upright
from posting.sniff import ENDINGS, HEAD, TAKEN, TAKEN_WORDS, kind_of, not_taken, sniff
from posting.states import UploadStatus
from providers.kit.content import Kind

logger = logging.getLogger(__name__)
INCOMING, FILES = "incoming", "files"
TICKET_LIFE = timedelta(minutes=15)
UNFINISHED_AFTER, UNUSED_AFTER, ORPHANED_AFTER = (timedelta(days=n) for n in (1, 7, 1))
MEGABYTE = 1_000_000
BATCH, PAGE = 200, 500


class CannotUpload(Exception):
    """A file cannot be taken. `problems` maps a field's name to plain sentences."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.problems = {field: [words]}


class Refused(Exception):
    """This file will never be taken; the text says why."""


def credentials(
    team: Team, person: User, name: str, mime: str, size: int, at: datetime
) -> tuple[Upload, Ticket]:
    """A ticket for one file of this type and size; raises CannotUpload."""
    if mime not in TAKEN:
        raise CannotUpload("mime", f"Files of this type are not taken. Taken are {TAKEN_WORDS}.")
    if words := wrong_size(mime, size):
        raise CannotUpload("size", words)
    upload = _begun(team, person, name, mime, size, at)
    try:
        ticket = store().ticket(upload.key, mime, size, TICKET_LIFE)
    except StoreTrouble as trouble:
        raise _for_now(trouble) from trouble
    return upload, ticket


def confirm(upload: Upload, at: datetime, alt: str = "") -> Upload:
    """Look into what has arrived and keep a clean copy; said twice, done once.

    Raises CannotUpload: the file is not there yet, or it is refused and gone.
    """
    if upload.status == UploadStatus.REFUSED:
        raise CannotUpload("file", upload.words)
    if upload.status == UploadStatus.READY:
        return upload
    try:
        with store().fetch(upload.key) as file:
            return _taken(upload, file, at, alt)
    except NotThere:
        words = "The file has not arrived, or not completely. Choose it again."
        raise CannotUpload("file", words) from None
    except StoreTrouble as trouble:
        raise _for_now(trouble) from trouble


def take(
    team: Team, person: User, name: str, file: BinaryIO, size: int, at: datetime, alt: str = ""
) -> Upload:
    """A file that came with a form, without a ticket; raises CannotUpload."""
    mime = sniff(file.read(HEAD)) or "application/octet-stream"
    file.seek(0)
    upload = _begun(team, person, name, mime, size, at)
    try:
        return _taken(upload, file, at, alt)
    except StoreTrouble as trouble:
        raise _for_now(trouble) from trouble


def wrong_size(mime: str, size: int) -> str:
    """Why a file of this type may not be so large; "" if it may."""
    if size < 1:
        return "This file is empty."
    picture = kind_of(mime) is Kind.IMAGE
    most = settings.PICTURE_MAX_MB if picture else settings.VIDEO_MAX_MB
    if size <= most * MEGABYTE:
        return ""
    noun = "picture" if picture else "video"
    return f"This {noun} has {size / MEGABYTE:.1f} MB; at most {most} MB are taken."


def delete(upload: Upload) -> None:
    """Forget a file that is part of no post; raises CannotUpload.

    The row goes first: should the store be away then, the sweep finds files that have no row.
    """
    keys = {upload.key, *upload.variants.values_list("key", flat=True)}
    try:
        with transaction.atomic():
            Upload.objects.select_for_update().filter(pk=upload.pk).first()
            upload.delete()
    except (RestrictedError, IntegrityError):
        raise CannotUpload("upload", "This file is part of a post.") from None
    _away(keys)


def sweep(at: datetime) -> dict[str, int]:
    """Unfinished uploads and files without a row after a day, unused files after a week."""
    unfinished = Upload.objects.exclude(status=UploadStatus.READY)
    counts = {
        "unfinished": _forgotten(unfinished.filter(created_at__lt=at - UNFINISHED_AFTER)),
        "unused": _forgotten(
            Upload.objects.ready().unused().filter(created_at__lt=at - UNUSED_AFTER)
        ),
    }
    return {**counts, "orphans": sum(map(_without_row, _pages(at - ORPHANED_AFTER)))}


def _begun(team: Team, person: User, name: str, mime: str, size: int, at: datetime) -> Upload:
    return Upload.objects.create(
        team=team,
        owner=person,
        key=new_key(INCOMING, ENDINGS.get(mime, "")),
        name=shown_name(name),
        declared_mime=mime,
        declared_size=size,
        created_at=at,
    )


def shown_name(name: str) -> str:
    """A file's name as it is shown: without folders and what cannot be seen; it leads nowhere."""
    last = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    return seen.strip()[:200] or "unnamed"


def _taken(upload: Upload, file: BinaryIO, at: datetime, alt: str) -> Upload:
    """Look, clean, keep, and say so in the row; who comes second takes what the first has kept."""
    incoming = upload.key
    try:
        found = _kept(upload, file)
    except Refused as problem:
        _refuse(upload, str(problem))
        _away({incoming})
        raise CannotUpload("file", str(problem)) from None
    except ScanTrouble as trouble:
        raise _for_now(trouble) from trouble
    pending = Upload.objects.filter(pk=upload.pk, status=UploadStatus.PENDING)
    alt = alt or upload.alt
    if pending.update(status=UploadStatus.READY, ready_at=at, alt=alt, **found):
        _away({incoming})
    else:
        _away({found["key"]})
    upload.refresh_from_db()
    return upload


def _kept(upload: Upload, file: BinaryIO) -> dict[str, Any]:
    """What was found in a file of which a clean copy is kept now; raises Refused."""
    mime = _judged(upload, file)
    if kind_of(mime) is Kind.IMAGE:
        copy, found = _clean_picture(file, mime)
    else:
        copy, found = _clean_video(file, mime)
    with copy:
        key = new_key(f"{FILES}/{upload.team_id}", ENDINGS[mime])
        seal = hashlib.file_digest(cast(Any, copy), "sha256").hexdigest()
        size = copy.seek(0, 2)
        copy.seek(0)
        store().keep(key, copy, mime)
    known = {"kind": kind_of(mime).value, "mime": mime, "size": size, "sha256": seal}
    return {**found, **known, "key": key}


def _judged(upload: Upload, file: BinaryIO) -> str:
    """The type as it is; raises Refused where type or size are not as they should be."""
    head = file.read(HEAD)
    size = file.seek(0, 2)
    file.seek(0)
    mime = sniff(head)
    if size and not mime:
        raise Refused(not_taken(head))
    if words := wrong_size(mime or upload.declared_mime, size):
        raise Refused(words)
    if size != upload.declared_size:
        raise Refused(f"{size} bytes have arrived where {upload.declared_size} were announced.")
    return mime


def _clean_picture(file: BinaryIO, mime: str) -> tuple[BinaryIO, dict[str, Any]]:
    _scanned(file)
    data = file.read()
    try:
        seen = look(data, mime, settings.PICTURE_MAX_MEGAPIXELS * 1_000_000)
    except Unreadable as problem:
        raise Refused(f"This picture {problem}") from None
    try:
        whole = clean(data, mime)
    except ValueError:
        if mime == "image/gif":
            raise Refused("This picture is broken: it cannot be read as a picture.") from None
        whole = upright(data, mime)
    if seen.turned and not seen.moving:
        whole = upright(data, mime)
    return BytesIO(whole), {"width": seen.width, "height": seen.height, "moving": seen.moving}


def _clean_video(file: BinaryIO, mime: str) -> tuple[BinaryIO, dict[str, Any]]:
    copy = cast(Any, tempfile.NamedTemporaryFile())  # noqa: SIM115 - whoever asked closes it
    try:
        shutil.copyfileobj(file, copy, 1 << 20)
        copy.flush()
        copy.seek(0)
        _scanned(copy)
        told = footage(copy, mime, copy.name)
        if mime != "video/webm":
            hush(copy)
            copy.flush()
    except BrokenVideo as problem:
        copy.close()
        raise Refused(f"This video {problem}") from None
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    found = {"width": told.width, "height": told.height, "seconds": told.seconds}
    return copy, found


def _scanned(file: BinaryIO) -> None:
    """The scanner reads from a real file; what is in memory is put into one."""
    if not settings.SCAN_COMMAND:
        return
    try:
        with tempfile.TemporaryFile() as real:
            shutil.copyfileobj(file, real, 1 << 20)
            real.flush()
            real.seek(0)
            scan(settings.SCAN_COMMAND, real)
    except Infected as problem:
        raise Refused(str(problem)) from None
    finally:
        file.seek(0)


def _refuse(upload: Upload, words: str) -> None:
    pending = Upload.objects.filter(pk=upload.pk, status=UploadStatus.PENDING)
    pending.update(status=UploadStatus.REFUSED, words=words)


def _for_now(trouble: Exception) -> CannotUpload:
    logger.warning("a file could not be taken: %s", trouble)
    words = "Files cannot be taken at the moment; nothing is wrong with yours. Try again soon."
    return CannotUpload("file", words)


def _away(keys: set[str]) -> None:
    """Out of the store; what cannot be deleted now is found by the sweep later."""
    for key in keys:
        try:
            store().remove(key)
        except StoreTrouble as trouble:
            logger.warning("a file stays until the next sweep: %s", trouble)


def _forgotten(uploads: Any) -> int:
    count = 0
    for upload in uploads.order_by("pk")[:BATCH]:
        with suppress(CannotUpload):  # it came into a post at this moment
            delete(upload)
            count += 1
    return count


def _pages(before: datetime) -> Iterator[list[Kept]]:
    old = (
        kept
        for folder in (INCOMING, FILES)
        for kept in store().every(f"{folder}/")
        if kept.at < before
    )
    while page := list(islice(old, PAGE)):
        yield page


def _without_row(page: list[Kept]) -> int:
    keys = {kept.key for kept in page}
    known = set(Upload.objects.filter(key__in=keys).values_list("key", flat=True))
    known |= set(Variant.objects.filter(key__in=keys).values_list("key", flat=True))
    _away(keys - known)
    return len(keys - known)
