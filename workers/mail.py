"""What waits for people is mailed to those who may act: one letter for all that is new.

A letter is claimed before it is sent, so whatever breaks off in between loses a letter and doubles
none; the notices themselves stand on the pages in any case. While the mail server does not answer
nothing is claimed: it is written later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from smtplib import SMTPException

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Mailed, Membership, Notice, User
from accounts.notify import claim
from accounts.roles import Permission, may
from workers.notices import ENDS, HELD, OCCASION
from workers.vitals import span

logger = logging.getLogger(__name__)
ABOUT_ACCOUNTS = (OCCASION, ENDS, HELD)
Letter = tuple[User, list[Notice]]


@shared_task(name="workers.mail", ignore_result=True)
def mail() -> dict[str, int]:
    """Write to everybody for whom something new waits; returns how many letters went out."""
    return {"mailed": write(timezone.now())}


def write(at: datetime) -> int:
    """One letter each, at most one in NOTICE_MAIL_EVERY_S; how many went out."""
    if not (settings.NOTICE_MAIL and settings.NOTICE_MAIL_EVERY_S):
        return 0
    every, sent = timedelta(seconds=settings.NOTICE_MAIL_EVERY_S), 0
    if not (letters := list(_letters(at - every))):
        return 0
    line: BaseEmailBackend = get_connection()
    try:
        line.open()
        for person, notices in letters:
            if fresh := claim(person, notices, at, every):
                _letter(person, fresh, line).send()
                sent += 1
    except (SMTPException, OSError) as problem:
        logger.error(  # noqa: TRY400 - a traceback may hold the server's password
            "the mail server did not take a letter (%s); the others are tried again in a minute",
            type(problem).__name__,
        )
    finally:
        with suppress(SMTPException, OSError):
            line.close()
    return sent


def _letters(since: datetime) -> Iterator[Letter]:
    """Who has got no letter after `since`, and what waits for them of which they got none."""
    waiting = Notice.objects.filter(
        Q(asks=True) | Q(key__startswith=OCCASION) | Q(key__startswith=ENDS), read_at__isnull=True
    )
    notices = list(waiting.select_related("team").order_by("team", "pk"))
    told = set(
        Mailed.objects.filter(notice__in=[n.pk for n in notices]).values_list("person", "notice")
    )
    free = Q(user__mailed_at__isnull=True) | Q(user__mailed_at__lte=since)
    rows = Membership.objects.filter(free, user__is_active=True, user__wants_mail=True)
    rows = rows.filter(team__in={n.team_id for n in notices}).select_related("user")
    found: dict[int, Letter] = {}
    for row in rows.order_by("user", "pk"):
        _, mine = found.setdefault(row.user_id, (row.user, []))
        mine += [
            notice
            for notice in notices
            if notice.team_id == row.team_id
            and may(row.role, _needed(notice))
            and (row.user_id, notice.pk) not in told
        ]
    return (letter for letter in found.values() if letter[1])


def _needed(notice: Notice) -> Permission:
    """What somebody must be allowed who is to do something about it."""
    of_account = notice.key.startswith(ABOUT_ACCOUNTS)
    return Permission.CONNECT_ACCOUNTS if of_account else Permission.WRITE_POSTS


def _letter(person: User, notices: list[Notice], line: BaseEmailBackend) -> EmailMessage:
    many = len(notices)
    subject = f"Postrider: {f'{many} things wait' if many > 1 else 'something waits'} for you"
    here, team = settings.PUBLIC_URL, None
    lines = [f"Hello {person},"]
    for notice in notices:
        lines += ["", f"{notice.team}:"] if notice.team != team else []
        lines += ["", f"* {notice.words}", f"  {here}{notice.path or '/'}"]
        team = notice.team
    every = span(timedelta(seconds=settings.NOTICE_MAIL_EVERY_S))
    lines += [
        "",
        f"You get at most one such letter in {every}, and nothing twice.",
        f"To get none, untick “E-mail me” in your settings: {here}{reverse('settings')}",
        "",
    ]
    return EmailMessage(subject, "\n".join(lines), None, [person.email], connection=line)
