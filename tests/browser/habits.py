"""Gives the seeded team what it uses again: templates, labels, files, repeats, brought tables."""

from __future__ import annotations

import uuid
from datetime import date, time, timedelta
from io import BytesIO
from typing import Any

from django.utils import timezone

from posting import imports, library, repeats
from posting.interpret import Mapped, guess
from posting.media import attach
from posting.models import Import, Post
from posting.recur import Frequency, Rule, understood
from posting.uploads import take
from tests import files
from tests.cast import Cast
from tokens.models import SocialAccount

TEMPLATES = (
    ("Friday reading", "This Friday we read by lamplight: …\nCome at eight, bring a cushion."),
    ("New in the workshop", "New in the workshop: …\n\nIt is made of …, and it took … days."),
    ("Thank you", "Thank you for …. We answer every letter by hand, in order."),
)
LABELS = (("Launch", "teal"), ("Friday", "orange"), ("Letters from readers", "purple"))
ROWS = (
    '"Open all night, for once.",fri 9am,{handle},Launch',
    '"A picture book about lamps, read aloud.",2027-02-01 18:00,{handle},Friday;Reading',
    "No time was set for this one.,,,",
    '"Somebody forgot what day it is.",yesterday,{handle},',
    "Who is this for?,tomorrow 10:00,nobody,",
)
SIZES = ((400, 300), (300, 400), (500, 300), (320, 320))


def keep(cast: Cast, account: SocialAccount) -> None:
    """Everything once."""
    for name, text in TEMPLATES:
        library.keep_template(cast.team, name, text)
    posts = list(Post.objects.kept(cast.team).order_by("pk"))
    for number, (name, colour) in enumerate(LABELS):
        library.put_on(
            library.keep_label(cast.team, name, colour), [post.pk for post in posts[number::2]]
        )
    used = []
    for number, (width, height) in enumerate(SIZES):
        data, at = files.telling(width=width, height=height), timezone.now()
        alt = "" if number == 1 else "A gate that has not been shut since 1911."
        name = f"lantern-{number}.jpg"
        one = take(cast.team, cast.alice, name, BytesIO(data), len(data), at, alt)
        used += [(one, alt)] if number != 3 else []
    attach(posts[3], used)
    _repeat(cast, account)
    for step in range(3):
        _table(cast, account, step)


def _repeat(cast: Cast, account: SocialAccount) -> None:
    at = timezone.now()
    start, when = at.date() + timedelta(days=20), time(9)
    weekly = Rule(Frequency.WEEKLY, start, when, "Europe/Paris", 1, (0, 4))
    plain = Rule(Frequency.DAILY, date(2027, 1, 1), time(18), "America/New_York")
    monthly = understood("FREQ=MONTHLY;BYDAY=2TU", plain)
    who: dict[str, Any] = {"team": cast.team, "author": cast.alice, "at": at}
    first = "Monday and Friday: the lamp is lit at nine. Come in, it is warm."
    texts = [first, "The lamp is lit. Nine o'clock, as ever."]
    repeats.begin(rule=weekly, texts=texts, accounts=[account], **who)
    other = repeats.begin(rule=monthly, texts=["Stocktaking."], accounts=[account], **who)
    repeats.skip(other, repeats.upcoming(other, at)[0].day, at)
    third = repeats.begin(rule=weekly, texts=["For now, this rests."], accounts=[account], **who)
    repeats.pause(third, at)


def _table(cast: Cast, account: SocialAccount, step: int) -> Import:
    """A table that was only brought, one that was tried, and one that is over."""
    at = timezone.now()
    data = "\n".join(("text,when,accounts,labels", *ROWS)).format(handle=account.handle).encode()
    about: dict[str, Any] = {"at": at, "key": uuid.uuid4()}
    made = imports.bring(cast.team, cast.alice, f"winter-{step + 1}.csv", data, **about)
    if step:
        named: dict[str, Any] = guess(made.file.columns)
        imports.choose(made, Mapped(**named, zone="Europe/Paris"), at)
        imports.try_on(made.pk)
    if step > 1:
        imports.confirm(made, at)
        imports.go_on(made, at)
    return made
