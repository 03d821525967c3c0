"""What a team keeps: templates to begin posts with, labels to find them by."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Count, Prefetch, Q, QuerySet

from accounts.models import Team
from posting.models import Attachment, Label, Post, Template, Upload

COLOURS = ("grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
"""Names, not values: the pages draw each in both themes, always beside its word."""
LONGEST_TEMPLATE, LONGEST_LABEL = 80, 40
Kept = TypeVar("Kept", Template, Label)


class CannotKeep(Exception):
    """It cannot be kept like this. `problems` maps a field's name to plain sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(words for said in problems.values() for words in said))
        self.problems = problems


def templates_of(team: Team) -> QuerySet[Template]:
    """A team's templates, by name."""
    return Template.objects.filter(team=team)


def labels_of(team: Team) -> QuerySet[Label]:
    """A team's labels, by name, each with the number of `carried` posts."""
    kept = Count("posts", filter=Q(posts__deleted_at__isnull=True))
    return Label.objects.filter(team=team).annotate(carried=kept)


def files_of(team: Team) -> QuerySet[Upload]:
    """A team's pictures and videos, the newest first, with the posts that use them."""
    kept = Attachment.objects.filter(post__deleted_at__isnull=True).select_related("post")
    used = Prefetch("attachments", queryset=kept.order_by("-post", "pk"), to_attr="uses")
    return (
        Upload.objects.for_team(team).ready().prefetch_related(used).order_by("-created_at", "-pk")
    )


def keep_template(team: Team, name: str, text: str, pk: int | None = None) -> Template:
    """A new template, or another name and text for `pk`. Raises CannotKeep."""
    wrong = _name_problems(name, LONGEST_TEMPLATE)
    if not text.strip():
        wrong["text"] = ["Write something first."]
    return _keep(Template(pk=pk, team=team, name=name.strip(), text=text), wrong)


def keep_label(team: Team, name: str, colour: str, pk: int | None = None) -> Label:
    """A new label, or another name and colour for `pk`. Raises CannotKeep."""
    wrong = _name_problems(name, LONGEST_LABEL)
    if colour not in COLOURS:
        wrong["colour"] = [f"Choose one of: {', '.join(COLOURS)}."]
    return _keep(Label(pk=pk, team=team, name=name.strip(), colour=colour), wrong)


def forget_template(team: Team, pk: int) -> bool:
    """Posts that began with it keep their text; False if the team has none such."""
    return bool(Template.objects.filter(team=team, pk=pk).delete()[0])


def forget_label(team: Team, pk: int) -> bool:
    """Its posts stay, without it; False if the team has none such."""
    return bool(Label.objects.filter(team=team, pk=pk).delete()[0])


def merge_labels(team: Team, pk: int, into: int) -> int:
    """What carries one label carries the other instead, and the first is gone; how many posts.

    Raises CannotKeep.
    """
    with transaction.atomic():
        rows = Label.objects.select_for_update().filter(team=team, pk__in={pk, into})
        found = {label.pk: label for label in rows.order_by("pk")}
        if pk == into or len(found) < 2:
            raise CannotKeep({"into": ["Choose another label of the team."]})
        posts = list(found[pk].posts.values_list("pk", flat=True))
        found[into].posts.add(*posts)
        found[pk].delete()
    return len(posts)


def labelled(post: Post, labels: Collection[int]) -> list[Label]:
    """Let a post carry these labels of its team, and no others; returns them."""
    mine = list(Label.objects.filter(team=post.team, pk__in=labels))
    post.labels.set(mine)
    return mine


def put_on(label: Label, posts: Collection[int]) -> int:
    """Put a label on those of these posts that its team has; returns how many there are."""
    mine = list(Post.objects.kept(label.team).filter(pk__in=posts).values_list("pk", flat=True))
    label.posts.add(*mine)
    return len(mine)


def take_off(label: Label, posts: Collection[int]) -> int:
    """Take a label off; returns how many of its team's posts are without it now."""
    mine = list(Post.objects.kept(label.team).filter(pk__in=posts).values_list("pk", flat=True))
    label.posts.remove(*mine)
    return len(mine)


def _name_problems(name: str, most: int) -> dict[str, list[str]]:
    if not name.strip():
        return {"name": ["Give it a name."]}
    if len(name.strip()) > most:
        return {"name": [f"The name is {len(name.strip()) - most} characters too long."]}
    return {}


def _keep(row: Kept, wrong: dict[str, list[str]]) -> Kept:
    known = type(row)._default_manager.filter(team=row.team)
    if row.pk is not None and not known.filter(pk=row.pk).exists():
        wrong[""] = ["This is not there any more; save it under a new name."]
    if wrong:
        raise CannotKeep(wrong)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise CannotKeep({"name": [f"There is a “{row.name}” already."]}) from None
    return row
