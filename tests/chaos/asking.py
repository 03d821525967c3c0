"""A question to a database that may be away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import Error, close_old_connections, connection


class Gone(Exception):
    """The database does not answer at this moment."""


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """A question to a database that may be away; raises Gone then."""
    try:
        yield
    except Error as problem:
        with contextlib.suppress(Error):
            connection.close()
        raise Gone(type(problem).__name__) from None
    finally:
        close_old_connections()
