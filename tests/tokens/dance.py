"""The dance with a twin: begin, answer the consent page as a person would, come back."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from django.utils import timezone

import providers
from deploy.page import read
from providers.kit.contract import SignsInByForm, practice_values
from tests.cast import Cast, Street
from tokens import choose, connect
from tokens.models import SocialAccount
from tokens.networks import network

SESSION = "alices-browser"


def consent(url: str, *, allow: bool = True) -> dict[str, str]:
    """Answer the network's consent page as a person would; the query that comes back."""
    page = requests.get(url, timeout=5)
    assert page.ok, page.text
    [form] = [f for f in read(page.text, url).forms if f.buttons]
    verdict = next(b for b in form.buttons if (b[1] == "allow") is allow)
    blanks = {name: values[0] for name, values in form.fields.items()}
    for name, choices in form.boxes.items():
        blanks.setdefault(name, choices[0])
    data = {**blanks, verdict[0]: verdict[1]}
    answer = requests.post(form.action, data=data, allow_redirects=False, timeout=5)
    assert answer.is_redirect, answer.text
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {key: values[0] for key, values in query.items()}


def begun(cast: Cast, street: Street, name: str) -> str:
    values = practice_values(providers.adapter(name), street.url)
    who: Any = {"user": cast.alice, "team": cast.team}
    return connect.begin(name, values, **who, session=SESSION, at=timezone.now())


def finished(cast: Cast, params: dict[str, str], **other: Any) -> SocialAccount:
    who: Any = {"user": cast.alice, "team": cast.team, "session": SESSION, "at": timezone.now()}
    connected = choose.settle(connect.finish(params, **{**who, **other}), timezone.now())
    if connected.offered:  # a person would tick every box
        token, boxes = connected.token, [each.pk for each in connected.offered]
        who = {"team": token.team, "user": cast.alice, "at": timezone.now()}
        connected = choose.choose(token.pk, boxes, **who)
    return connected.accounts[0]


def danced(cast: Cast, street: Street, name: str) -> SocialAccount:
    """An account of Alice's team, connected as a person would."""
    if isinstance(network(name), SignsInByForm):
        values = practice_values(providers.adapter(name), street.url)
        return connect.sign_in(name, values, user=cast.alice, team=cast.team, at=timezone.now())
    return finished(cast, consent(begun(cast, street, name)))
