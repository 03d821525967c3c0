"""Part: what follows the first text of a post, as an answer to what stands before it."""

from __future__ import annotations

from django.db import models

from posting.models.post import Post


class Part(models.Model):
    """One more text of a thread, or a first comment. `Post.text` is part 0, these follow from 1."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveSmallIntegerField()
    text = models.TextField()

    class Meta:
        """In their order, each number once."""

        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["post", "number"], name="one_part_per_number")
        ]

    def __str__(self) -> str:
        return self.text[:60]
