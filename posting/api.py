"""The doors for our pages' scripts: files by ticket, drafts saved while typing, signed addresses.

Scripts get JSON whatever happens: `errors` maps a field's name to sentences for the person.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, Concatenate, ParamSpec, cast

from django.core.exceptions import SuspiciousFileOperation
from django.db import transaction
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
)
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts import activity
from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from integrations.storage import NotThere, StoreTrouble, store
from integrations.storage.disk import AlreadyThere, Disk, NotSigned, permit, shown
from posting import drafts
from posting.compose import CannotCompose
from posting.drafts import Conflict, NoDraft
from posting.forms import received
from posting.models import Post, Upload
from posting.uploads import CannotUpload, confirm, credentials
from posting.variants import THUMBNAIL, Unfit, fit

P = ParamSpec("P")
FORM_AROUND = 16_384
"""How many bytes a form may have around its file."""
SEALED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
"""What is kept was brought by people: it is shown, and nothing in it is ever run."""
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Refusal(Exception):
    """An answer with another status than 200; `errors` by field."""

    def __init__(self, status: int, **errors: str) -> None:
        super().__init__(str(status))
        self.status = status
        self.errors = {field: [words] for field, words in errors.items()}


Door = Callable[Concatenate[MemberRequest, P], JsonResponse]


def writers_json(view: Door[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Guard a JSON door: for people who may write posts; others get 401 or 404, in JSON too."""
    inside = member(Permission.WRITE_POSTS)(view)

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            words = "You are not logged in any more. Log in and try again."
            return JsonResponse({"errors": {"session": [words]}}, status=401)
        try:
            return inside(request, *args, **kwargs)
        except Refusal as refusal:
            return JsonResponse({"errors": refusal.errors}, status=refusal.status)
        except CannotUpload as problem:
            return JsonResponse({"errors": problem.problems}, status=422)
        except Http404:
            return JsonResponse({"errors": {"upload": ["Nothing here for you."]}}, status=404)

    return guarded


@require_POST
@writers_json
def upload_credentials(request: MemberRequest) -> JsonResponse:
    """A ticket for one file: {name, mime, size} → {upload, ticket: {method, url, …}}."""
    told = _told(request, name=str, mime=str, size=int)
    upload, ticket = credentials(request.team, request.user, at=timezone.now(), **told)
    way = {
        "method": ticket.method,
        "url": ticket.url,
        "fields": dict(ticket.fields),
        "headers": dict(ticket.headers),
    }
    return JsonResponse({"upload": upload.pk, "ticket": way}, status=201)


@require_POST
@writers_json
def upload_confirm(request: MemberRequest) -> JsonResponse:
    """The file is there: {upload} → what was found in it."""
    told = _told(request, upload=int)
    mine = Upload.objects.of(request.team, request.user)
    upload = confirm(get_object_or_404(mine, pk=told["upload"]), timezone.now())
    picture = reverse("thumbnail", args=[upload.pk]) if upload.is_picture else ""
    facts = ("name", "kind", "mime", "size", "width", "height", "seconds", "moving")
    found = {fact: getattr(upload, fact) for fact in facts}
    return JsonResponse({"upload": upload.pk, **found, "thumbnail": picture})


@require_POST
@writers_json
def save_draft(request: MemberRequest) -> JsonResponse:
    """What stands in the composer, saved as a draft; 409 with a dialog where another was faster."""
    got = received(request.POST, None, team=request.team, author=request.user, sending=False)
    if not got.form.is_valid():
        return JsonResponse({"errors": got.form.errors}, status=422)
    at, data, content = timezone.now(), got.form.cleaned_data, got.form.content_now()
    who: dict[str, Any] = {"team": request.team, "author": request.user, "at": at}
    try:
        with transaction.atomic():
            draft = drafts.keep(**who, key=data["key"], content=content, seen=got.form.seen)
            if draft.created_at == at:  # noted once, not at every pause of the typing
                words, path = "Began a draft", reverse("draft", args=[draft.pk])
                activity.note(request.team, request.user, Kind.WROTE, words, at, path)
    except CannotCompose as problem:
        return JsonResponse({"errors": problem.problems}, status=422)
    except NoDraft as problem:
        return JsonResponse({"errors": {"draft": [str(problem)]}}, status=410)
    except Conflict as problem:
        shown = {**vars(problem), "form": got.form}
        html = render_to_string("posting/_conflict.html", shown, request)
        return JsonResponse({"html": html, "version": problem.version}, status=409)
    url, said = reverse("draft", args=[draft.pk]), got.form.warnings
    return JsonResponse({"version": draft.version, "url": url, "warnings": said})


@require_GET
@writers_json
def kept_draft(request: MemberRequest, key: uuid.UUID) -> JsonResponse:
    """What became of the form with this number: {post, draft}, an address each, or ""."""
    made = Post.objects.kept(request.team).filter(key=key).first()
    where = {True: "", False: ""}
    if made:
        where[made.draft] = reverse("draft" if made.draft else "post", args=[made.pk])
    return JsonResponse({"post": where[False], "draft": where[True]})


def _told(request: HttpRequest, **wanted: type) -> dict[str, Any]:
    """The JSON body, field by field of the wanted types; raises Refusal naming what is wrong."""
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Refusal(400, body="This is no JSON.") from None
    if not isinstance(body, dict):
        raise Refusal(400, body="A JSON object is needed.")
    nouns = {str: "a text", int: "a whole number"}
    wrong = {
        field: f"{field} must be {nouns[kind]}."
        for field, kind in wanted.items()
        if not isinstance(body.get(field), kind) or isinstance(body.get(field), bool)
    }
    if wrong:
        raise Refusal(422, **wrong)
    return {field: body[field] for field in wanted}


@csrf_exempt  # what counts is the signature in the address, as at any S3
@require_POST
def local_upload(request: HttpRequest, policy: str) -> HttpResponse:
    """Our own end of a ticket: takes one file of exactly the signed type and size, once."""
    try:
        allowed = permit(policy)
        _refuse_length(request, allowed.size)
        sent = request.FILES.get("file")
        given = (request.POST.get("key"), request.POST.get("Content-Type"))
        if sent is None or given != (allowed.key, allowed.mime):
            return _said(403, "key, Content-Type and file must be as the ticket says.")
        if sent.size != allowed.size:
            return _said(400, f"The file must have {allowed.size} bytes; it has {sent.size}.")
        _disk().keep_new(allowed.key, cast(BinaryIO, sent.file))
    except NotSigned as problem:
        return _said(403, str(problem))
    except Refusal as problem:
        return _said(problem.status, "The body has not the size that the ticket says.")
    except AlreadyThere:
        return _said(409, "This ticket was used before.")
    except StoreTrouble:
        return _said(503, "Files cannot be taken at the moment.")
    return _said(201, "")


def _refuse_length(request: HttpRequest, size: int) -> None:
    """Before the body is read: it may not be longer than the file and a form around it."""
    try:
        length = int(request.headers.get("Content-Length", ""))
    except ValueError:
        raise Refusal(411) from None
    if length > size + FORM_AROUND:
        raise Refusal(413)


def _disk() -> Disk:
    disk = store()
    if not isinstance(disk, Disk):
        raise Http404("files are kept elsewhere")
    return disk


def _said(status: int, words: str) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")


@require_safe
def kept_file(request: HttpRequest, signature: str) -> HttpResponseBase:
    """A private file, for whoever has an address that we signed and that has not ended."""
    try:
        what = shown(signature)
        file = _disk().fetch(what.key)
    except NotSigned as problem:
        return _said(403, str(problem))
    except (NotThere, SuspiciousFileOperation):
        raise Http404("no such file") from None
    mime = what.mime or "application/octet-stream"
    return _served(request, file, mime, what.name)


@require_GET
@member(Permission.READ)
def thumbnail(request: MemberRequest, pk: int) -> HttpResponse:
    """A small picture of one of the team's uploads, for its pages."""
    upload = get_object_or_404(Upload.objects.for_team(request.team).ready(), pk=pk)
    if not upload.is_picture:
        raise Http404("no picture of this")
    try:
        small = fit(upload, THUMBNAIL)
        file = store().fetch(small.key)
    except (Unfit, NotThere, StoreTrouble):
        raise Http404("no picture of this") from None
    with file:
        answer = HttpResponse(file.read(), content_type=small.mime)
    _seal(answer)
    return answer


def _served(request: HttpRequest, file: BinaryIO, mime: str, name: str) -> HttpResponseBase:
    """The bytes, or the part of them that was asked for, and never anything that runs."""
    size = file.seek(0, 2)
    start, stop = _part(request.headers.get("Range", ""), size)
    file.seek(start)
    whole = (start, stop) == (0, size)
    body: BinaryIO = file if whole else cast(BinaryIO, Slice(file, stop - start))
    answer = FileResponse(
        body,
        status=200 if whole else 206,
        content_type=mime,
        as_attachment=bool(name),
        filename=name,
    )
    _seal(answer)
    answer["Accept-Ranges"] = "bytes"
    answer["Content-Length"] = str(stop - start)
    if not whole:
        answer["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return answer


def _seal(answer: HttpResponseBase) -> None:
    for header, value in SEALED.items():
        answer[header] = value
    answer["Cache-Control"] = "private, max-age=3600"


def _part(wanted: str, size: int) -> tuple[int, int]:
    """From where to where; everything for what is not understood, as HTTP allows."""
    found = RANGE.fullmatch(wanted.strip())
    if found is None or not any(found.groups()):
        return 0, size
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < stop else (0, size)


class Slice:
    """The next so many bytes of a file."""

    def __init__(self, file: BinaryIO, count: int) -> None:
        self.file, self.left, self.close = file, count, file.close

    def read(self, count: int = -1) -> bytes:
        """Some of what is left."""
        data = self.file.read(self.left if count < 0 else min(count, self.left))
        self.left -= len(data)
        return data
