"""Posts that the storm does not type into the form: threads, and those with blanks of a network.

They go through the same verbs as the pages and the API, `take` and `compose`, in this process. What
the form has as its key `compose` has too: asked again after the database was away, it makes one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO

from django.utils import timezone

from accounts.models import Team, User
from posting.compose import CannotCompose, compose
from posting.models import Upload
from posting.uploads import CannotUpload, take
from tests.chaos.asking import Gone, asking
from tests.chaos.browser import AwayError, RefusedError
from tests.chaos.shapes import ALT, Shape, blanks, files
from tokens.models import SocialAccount


class Desk:
    """Somebody of a team who writes what the form cannot hold; every verb raises AwayError."""

    def __init__(self, email: str) -> None:
        self.email = email

    def write(
        self,
        key: uuid.UUID,
        texts: Sequence[str],
        shape: Shape,
        accounts: Sequence[int],
        due: float | None,
    ) -> int:
        """The number of the post; asked twice with the same key, it makes one post."""
        try:
            with asking():
                return self._written(key, texts, shape, accounts, due)
        except (Gone, CannotUpload) as problem:
            raise AwayError(str(problem)) from None
        except CannotCompose as problem:
            raise RefusedError(str(problem)) from None

    def _written(
        self,
        key: uuid.UUID,
        texts: Sequence[str],
        shape: Shape,
        accounts: Sequence[int],
        due: float | None,
    ) -> int:
        author = User.objects.get(email=self.email)
        team = author.teams.get()
        rows = list(SocialAccount.objects.filter(pk__in=accounts).select_related("token"))
        post = compose(
            team=team,
            author=author,
            text=texts[0],
            accounts=rows,
            at=timezone.now(),
            due_at=datetime.fromtimestamp(due, UTC) if due else None,
            key=key,
            parts=texts[1:],
            options={row.pk: blanks(row.provider, str(key)) for row in rows},
            media=[(one, ALT) for one in self._brought(team, author, shape)],
        )
        return post.pk

    def _brought(self, team: Team, author: User, shape: Shape) -> list[Upload]:
        return [
            take(team, author, name, BytesIO(data), len(data), timezone.now())
            for name, data in files(shape)
        ]
