"""Template and Label: what a team keeps to write and to find posts by."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from accounts.models import Team
from posting.models.post import Post


class Template(models.Model):
    """A text to begin posts with."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    text = models.TextField()

    class Meta:
        """A team has a name once, whatever its case."""

        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_template_per_name")]
        ordering = [Lower("name"), "pk"]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """A word and a colour for posts that belong together."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    colour = models.CharField(max_length=16)
    posts: models.ManyToManyField[Post, models.Model] = models.ManyToManyField(
        Post, related_name="labels"
    )

    class Meta:
        """A team has a name once, whatever its case."""

        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_label_per_name")]
        ordering = [Lower("name"), "pk"]

    def __str__(self) -> str:
        return self.name
