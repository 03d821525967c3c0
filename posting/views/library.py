"""The library: templates, labels, and the files that were brought; labels on a post."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import MemberRequest, member
from accounts.roles import Permission
from posting import library
from posting.forms import LabelForm, MergeForm, TemplateForm
from posting.library import CannotKeep
from posting.models import Label, Post, Template

TEMPLATES, FILES = 25, 24


@require_GET
@member(Permission.READ)
def template_list(request: MemberRequest) -> HttpResponse:
    """Texts to begin posts with."""
    rows = Paginator(library.templates_of(request.team), TEMPLATES)
    context = {"page": rows.get_page(request.GET.get("page"))}
    return render(request, "posting/library.html", context)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def new_template(request: MemberRequest) -> HttpResponse:
    """A new text to begin with; `post` takes that of a post."""
    if request.method == "POST":
        return _kept(request, TemplateForm(request.POST), None)
    asked = request.GET.get("post", "")
    known = Post.objects.kept(request.team)
    post = known.filter(pk=asked).first() if _is_number(asked) else None
    form = TemplateForm(initial={"text": post.text if post else ""})
    return render(request, "posting/template.html", {"form": form})


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def template_page(request: MemberRequest, pk: int) -> HttpResponse:
    """Another name or text for a template."""
    one = get_object_or_404(library.templates_of(request.team), pk=pk)
    if request.method == "POST":
        return _kept(request, TemplateForm(request.POST), one)
    form = TemplateForm(initial={"name": one.name, "text": one.text})
    return render(request, "posting/template.html", {"form": form, "one": one})


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def delete_template(request: MemberRequest, pk: int) -> HttpResponse:
    """Asks once, then forgets a template."""
    one = get_object_or_404(library.templates_of(request.team), pk=pk)
    if request.method == "POST":
        library.forget_template(request.team, pk)
        messages.info(request, f"The template “{one.name}” is deleted. Posts keep their text.")
        return redirect("library")
    return render(request, "posting/template_delete.html", {"one": one})


@require_GET
@member(Permission.READ)
def label_list(request: MemberRequest) -> HttpResponse:
    """Words to find posts by, with how many carry each."""
    return _labels(request, LabelForm(), 200)


@require_POST
@member(Permission.WRITE_POSTS)
def new_label(request: MemberRequest) -> HttpResponse:
    """A further word."""
    form = LabelForm(request.POST)
    if form.is_valid() and _label_kept(request, form, None):
        return redirect("labels")
    return _labels(request, form, 422)


@require_http_methods(["GET", "POST"])
@member(Permission.WRITE_POSTS)
def label_page(request: MemberRequest, pk: int) -> HttpResponse:
    """Another name or colour for a label; merge it into another one, or delete it."""
    one = get_object_or_404(library.labels_of(request.team), pk=pk)
    do = request.POST.get("do", "")
    form = LabelForm(initial={"name": one.name, "colour": one.colour})
    merge = MergeForm(team=request.team, pk=pk)
    if request.method == "POST":
        if do == "merge":
            merge = MergeForm(request.POST, team=request.team, pk=pk)
            done = merge.is_valid() and _merged(request, merge, one)
        elif do == "delete":
            done = _forgotten(request, one)
        else:
            form = LabelForm(request.POST)
            done = form.is_valid() and _label_kept(request, form, one)
        if done:
            return redirect("labels")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "merge": merge, "one": one}
    return render(request, "posting/label.html", context, status=status)


@require_GET
@member(Permission.READ)
def file_list(request: MemberRequest) -> HttpResponse:
    """Pictures and videos of the team, with their descriptions and the posts that use them."""
    page = Paginator(library.files_of(request.team), FILES).get_page(request.GET.get("page"))
    return render(request, "posting/files.html", {"page": page})


@require_POST
@member(Permission.WRITE_POSTS)
def label_post(request: MemberRequest, pk: int) -> HttpResponse:
    """Let a post carry the chosen labels, and a new one that was typed."""
    post = get_object_or_404(Post.objects.kept(request.team), pk=pk)
    chosen = [int(one) for one in request.POST.getlist("labels") if _is_number(one)]
    if name := request.POST.get("name", "").strip():
        known = Label.objects.filter(team=request.team, name__iexact=name).first()
        try:
            new = known or library.keep_label(request.team, name, library.COLOURS[0])
        except CannotKeep as problem:
            messages.warning(request, str(problem))
            return redirect("post", pk=pk)
        chosen.append(new.pk)
    found = library.labelled(post, chosen)
    names = ", ".join(label.name for label in found)
    messages.success(request, f"Labelled: {names}." if names else "It carries no label now.")
    return redirect("post", pk=pk)


def _labels(request: MemberRequest, form: LabelForm, status: int) -> HttpResponse:
    context = {"labels": library.labels_of(request.team), "form": form}
    return render(request, "posting/labels.html", context, status=status)


def _kept(request: MemberRequest, form: TemplateForm, one: Template | None) -> HttpResponse:
    if form.is_valid():
        data = form.cleaned_data
        try:
            library.keep_template(
                request.team, data["name"], data["text"], pk=one.pk if one else None
            )
        except CannotKeep as problem:
            form.say(problem.problems)
        else:
            messages.success(request, f"The template “{data['name'].strip()}” is kept.")
            return redirect("library")
    return render(request, "posting/template.html", {"form": form, "one": one}, status=422)


def _label_kept(request: MemberRequest, form: LabelForm, one: Label | None) -> bool:
    data: dict[str, Any] = form.cleaned_data
    pk = one.pk if one else None
    try:
        library.keep_label(request.team, data["name"], data["colour"], pk=pk)
    except CannotKeep as problem:
        form.say(problem.problems)
        return False
    messages.success(request, f"The label “{data['name'].strip()}” is kept.")
    return True


def _merged(request: MemberRequest, form: MergeForm, one: Label) -> bool:
    into = form.cleaned_data["into"]
    try:
        count = library.merge_labels(request.team, one.pk, into.pk)
    except CannotKeep as problem:
        form.say(problem.problems)
        return False
    posts = "1 post carries" if count == 1 else f"{count} posts carry"
    messages.success(request, f"“{one.name}” is gone; {posts} “{into.name}” instead.")
    return True


def _forgotten(request: MemberRequest, one: Label) -> bool:
    if not library.forget_label(request.team, one.pk):
        raise Http404("no such label")
    messages.info(request, f"The label “{one.name}” is deleted. Its posts stay, without it.")
    return True


def _is_number(words: str) -> bool:
    return words.isascii() and words.isdigit() and len(words) < 18
