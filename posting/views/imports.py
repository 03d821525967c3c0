"""Import from a table: bring it, say what its columns hold, look at what would be, confirm."""

from __future__ import annotations

import uuid
from pathlib import PurePath
from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import activity
from accounts.access import MemberRequest, member
from accounts.activity import Kind
from accounts.roles import Permission
from posting import imports
from posting.forms import MappingForm, TableForm
from posting.imports import AT_ONCE, CannotImport
from posting.models import Import
from posting.sheet import CannotRead
from posting.states import Stage
from posting.views.polled import HTMX_STOP_POLLING, polled
from tokens.models import SocialAccount

PAGE, KNOWN, SAMPLE = 50, 20, 4
MOVING = (Stage.TRYING, Stage.GOING)
BOM = "\ufeff"
"""Spreadsheets take a table for UTF-8 only if it begins with this."""


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def import_posts(request: MemberRequest) -> HttpResponse:
    """Bring a table; and the ones that were brought before, with how far they are."""
    form = TableForm(initial={"key": uuid.uuid4()})
    if request.method == "POST":
        form = TableForm(request.POST, request.FILES)
        if form.is_valid():
            try:
                return redirect("import-columns", pk=_brought(request, form).pk)
            except CannotRead as problem:
                form.add_error("file", str(problem).removeprefix("file: ").capitalize())
    tables = Import.objects.for_team(request.team)[:KNOWN]
    status = 422 if form.errors else 200
    return render(request, "posting/imports.html", {"form": form, "tables": tables}, status=status)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def import_columns(request: MemberRequest, pk: int) -> HttpResponse:
    """Say what the columns of a table hold; then its first rows are tried at once."""
    table = _table(request, pk)
    if table.confirmed_at:
        return redirect("import", pk=pk)
    about: dict[str, Any] = {"team": request.team, "columns": table.file.columns}
    if request.method == "GET":
        start = imports.suggested(table, request.user.time_zone)
        return _columns(request, table, MappingForm(initial=start, **about), 200)
    form = MappingForm(request.POST, **about)
    if not form.is_valid():
        return _columns(request, table, form, 422)
    try:
        imports.choose(table, form.mapped, timezone.now())
    except CannotImport as problem:
        form.say(problem.problems)
        return _columns(request, table, form, 422)
    imports.try_on(pk, AT_ONCE)
    return redirect("import", pk=pk)


@require_GET
@member(Permission.WRITE_POSTS)
def import_page(request: MemberRequest, pk: int) -> HttpResponse:
    """A table: what every row would become, or became; `only=wrong` shows what did not."""
    table = _table(request, pk)
    if table.stage is Stage.BROUGHT:
        return redirect("import-columns", pk=pk)
    wrong = request.GET.get("only") == "wrong"
    rows = imports.wrong_rows(table) if wrong else table.rows.order_by("number")
    page = Paginator(rows.select_related("post"), PAGE).get_page(request.GET.get("page"))
    context = {
        **_progress(table),
        "page": page,
        "only_wrong": wrong,
        "accounts": {one.pk: one for one in SocialAccount.objects.for_team(request.team)},
    }
    return render(request, "posting/import.html", context)


@require_GET
@member(Permission.WRITE_POSTS)
def import_progress(request: MemberRequest, pk: int) -> HttpResponse:
    """How far it is, for its page; when that is another stage, the page is loaded anew."""
    table = _table(request, pk)
    if table.stage in MOVING:
        return polled(request, "posting/_import.html", _progress(table))
    answer = render(request, "posting/_import.html", _progress(table), status=HTMX_STOP_POLLING)
    answer["HX-Refresh"] = "true"
    return answer


@require_POST
@member(Permission.WRITE_POSTS)
def import_confirm(request: MemberRequest, pk: int) -> HttpResponse:
    """The rows that are well become posts, by and by, whether somebody looks or not."""
    table, at = _table(request, pk), timezone.now()
    before = table.confirmed_at
    words, where = f"Imported posts from “{table.name}”", reverse("import", args=[pk])
    try:
        with transaction.atomic():
            imports.confirm(table, at)
            if before is None:
                activity.note(request.team, request.user, Kind.WROTE, words, at, where)
    except CannotImport as problem:
        messages.warning(request, str(problem))
    return redirect("import", pk=pk)


@require_POST
@member(Permission.WRITE_POSTS)
def import_discard(request: MemberRequest, pk: int) -> HttpResponse:
    """Put a table away that nobody confirmed, or stop one under way."""
    table = _table(request, pk)
    going = table.confirmed_at is not None
    made = imports.discard(table, timezone.now())
    if going:
        messages.info(request, f"Stopped. {made} posts were made; they stay as they are.")
        return redirect("import", pk=pk)
    messages.info(request, "The table is put away. No post was made of it.")
    return redirect("import-posts")


@require_GET
@member(Permission.WRITE_POSTS)
def import_wrong(request: MemberRequest, pk: int) -> HttpResponse:
    """The rows that did not become posts, as a table to repair and to bring again."""
    table = _table(request, pk)
    if not imports.wrong_rows(table).exists():
        raise Http404("nothing is wrong")
    rows = "".join(imports.to_repair(table))  # at most as much as the file that was brought
    answer = HttpResponse(f"{BOM}{rows}", content_type="text/csv; charset=utf-8")
    name = f"{PurePath(table.name).stem} - to repair.csv"
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return answer


def _brought(request: MemberRequest, form: TableForm) -> Import:
    file = form.cleaned_data["file"]
    who: dict[str, Any] = {"team": request.team, "author": request.user}
    about: dict[str, Any] = {"at": timezone.now(), "key": form.cleaned_data["key"]}
    return imports.bring(name=file.name or "table.csv", data=file.read(), **who, **about)


def _columns(request: MemberRequest, table: Import, form: MappingForm, status: int) -> HttpResponse:
    sheet = imports.sheet_of(table)
    context = {
        "table": table,
        "form": form,
        "columns": sheet.columns,
        "sample": [cells for _, cells in sheet.rows[:SAMPLE]],
        "more": max(0, len(sheet.rows) - SAMPLE),
        "chosen": {str(getattr(one, "pk", one)) for one in (form["usual"].value() or [])},
        "accounts": SocialAccount.objects.for_team(request.team).select_related("token"),
        "zones": sorted(available_timezones()),
    }
    return render(request, "posting/import_columns.html", context, status=status)


def _progress(table: Import) -> dict[str, Any]:
    return {"table": table, "stage": table.stage.value, "progress": imports.progress(table)}


def _table(request: MemberRequest, pk: int) -> Import:
    return get_object_or_404(Import.objects.for_team(request.team), pk=pk)
