"""Reddit's API of things: errors inside HTTP 200, and pictures by way of a form at S3.

Facts: networks.md of 2026-11-21, section 9, from PRAW @7b69758 (8.0.0 of 2026-06-14) and its
recorded traffic: the fields of the form come with each upload, the file goes last, 201 is success.
How long such a form is good for is not known; one that is refused is asked for anew, once.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from providers.kit.content import Media
from providers.kit.contract import Account, Message
from providers.kit.errors import (
    Duplicate,
    Forbidden,
    NetworkError,
    Rejected,
    Throttled,
    Unauthorized,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, Wire, objects_in, redact, text_in
from providers.kit.likeness import loose
from providers.kit.steps import forget, once
from providers.kit.uploads import File

SPAN = re.compile(r"(\d+) (second|minute|hour)")
CLOCK_SKEW = timedelta(minutes=2)
ABOUT_WORDS = frozenset(
    {"NO_TEXT", "TOO_LONG", "NO_SELFS", "NO_LINKS", "DOMAIN_BANNED"}
    | {"SUBREDDIT_NOEXIST", "GALLERIES_DISABLED"}
)
"""Refusals that have nothing to do with uploads. How an upload that has ended is refused is not
known, so after any other refusal the files are uploaded anew, once."""
BY_CODE: Mapping[str, type[NetworkError]] = {
    "IN_TIMEOUT": Throttled,
    "SUBREDDIT_NOTALLOWED": Forbidden,
    "BAD_CAPTCHA": Forbidden,
    "USER_REQUIRED": Unauthorized,
}


def inner_error(reply: Reply) -> NetworkError | None:
    """What is wrong by an answer with 200, `{"json": {"errors": [[code, words, field]]}}`."""
    told = reply.maybe_json().get("json")
    errors = told.get("errors") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(errors, list) or not errors:
        return None
    first = errors[0] if isinstance(errors[0], list) else [errors[0]]
    code, said = (redact(str(part), reply.secrets) for part in (first[0], (*first, "")[1]))
    said = said or code
    if code == "RATELIMIT":
        wait = _wait(told.get("ratelimit"), said)
        return Throttled(said, wait=wait, status=reply.status, network_code=code)
    if code == "ALREADY_SUB":
        return Duplicate(said, status=reply.status, network_code=code)
    return BY_CODE.get(code, Rejected)(said, status=reply.status, network_code=code)


def _wait(seconds: object, said: str) -> timedelta | None:
    """How long to wait: the number of seconds, else what the words say."""
    if isinstance(seconds, int | float) and 0 < seconds < 86_400:
        return timedelta(seconds=seconds)
    found = SPAN.search(said)
    return timedelta(**{f"{found[2]}s": int(found[1])}) if found else None


def listed(reply: Reply, listing: Mapping[str, Any], first_at: datetime) -> list[Mapping[str, Any]]:
    """The posts of a listing since `first_at`; one that does not tell is taken for recent."""
    data, since = listing.get("data"), (first_at - CLOCK_SKEW).timestamp()
    if not isinstance(data, dict) or not isinstance(data.get("children"), list):
        raise Unexpected("The list of posts cannot be read.", status=reply.status)
    posts = (child.get("data") for child in objects_in(data, "children"))
    return [p for p in posts if isinstance(p, dict) and _number(p, "created_utc", since) >= since]


def _number(post: Mapping[str, Any], name: str, default: float) -> float:
    value = post.get(name)
    return float(value) if isinstance(value, int | float) else default


def place(message: Message) -> str:
    """The subreddit that the author named, without what people put before it."""
    return message.options.get("subreddit", "").strip().strip("/").removeprefix("r/")


def is_same(message: Message, post: Mapping[str, Any]) -> bool:
    """The same subreddit, title and text, and the same link or pictures."""
    title = message.options.get("title", "")
    pairs = ((title, "title"), (message.text, "selftext"))
    if place(message).casefold() != text_in(post, "subreddit").casefold():
        return False
    if any(_bare(ours) != _bare(text_in(post, name)) for ours, name in pairs):
        return False
    if message.media:
        return _same_pictures(message, post)
    return not message.link or loose(text_in(post, "url")) == loose(message.link)


def _same_pictures(message: Message, post: Mapping[str, Any]) -> bool:
    """Whether it shows our uploads, as many of them; they are named in a gallery or the address.

    Addresses may be written anew: then the words decide, and without words nothing does.
    """
    ids = [message.saved.get(f"media.{number}") for number in range(len(message.media))]
    shown = [text_in(one, "media_id") for one in objects_in(post.get("gallery_data"), "items")]
    if "" in ids or len(shown or [""]) != len(ids):
        return False
    if shown == ids or (len(ids) == 1 and ids[0] in text_in(post, "url")):
        return True
    if len(ids) > 1 or message.text.strip():
        return len(ids) == 1
    raise Uncertain("A picture with this title stands there; whether it is this one is not told.")


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def steps(message: Message) -> Iterator[str]:
    """The steps to forget where the uploads have ended."""
    for number, _ in enumerate(message.media):
        yield from (f"form.{number}", f"media.{number}")


class Pictures:
    """The pictures of one message: a form is asked for, then filled with the file."""

    def __init__(
        self,
        wire: Wire,
        base: str,
        headers: Mapping[str, str],
        account: Account,
        message: Message,
        refusal: Callable[[Reply], NetworkError],
    ) -> None:
        self.wire = wire
        self.base = base
        self.headers = headers
        self.account = account
        self.message = message
        self.saved = message.saved
        self.refusal = refusal

    def ids(self) -> list[str]:
        """The ids of all pictures, once they are uploaded."""
        return [self._id(number, media) for number, media in enumerate(self.message.media)]

    def url(self, number: int = 0) -> str:
        """The address of an uploaded picture, by which a post names it."""
        form = self._form(number, self.message.media[number])
        return f"{form['action']}/{form['fields']['key']}"

    def _id(self, number: int, media: Media) -> str:
        form = self._form(number, media)
        return once(self.saved, f"media.{number}", lambda: self._fill(number, form, media))

    def _form(self, number: int, media: Media) -> dict[str, Any]:
        told = once(self.saved, f"form.{number}", lambda: self._ask(media))
        form: dict[str, Any] = json.loads(told)
        return form

    def _ask(self, media: Media) -> str:
        """POST /api/media/asset.json."""
        reply = self.wire.call(
            "POST",
            f"{self.base}/api/media/asset.json",
            safe=True,
            form={"api_type": "json", "filepath": media.name, "mimetype": media.mime},
            headers=self.headers,
            bearer=self.account.access_token,
        )
        if reply.status in (400, 413, 415):
            raise Rejected(reply.said("explanation", "message"), status=reply.status)
        if not reply.ok:
            raise self.refusal(reply)
        if error := inner_error(reply):
            raise error
        data = reply.json()
        args, asset = data.get("args"), data.get("asset")
        fields = {text_in(f, "name"): text_in(f, "value") for f in objects_in(args, "fields")}
        action, known = text_in(args, "action"), text_in(asset, "asset_id")
        if not action or not known or "key" not in fields:
            raise reply.unreadable()
        action = f"{urlsplit(self.base).scheme}:{action}" if action.startswith("//") else action
        return json.dumps({"action": action, "fields": fields, "id": known})

    def _fill(self, number: int, form: Mapping[str, Any], media: Media) -> str:
        """The form, the file last; no key of the account goes there."""
        files = {"file": File.of(media)}
        secrets = tuple(form["fields"].values())
        reply = self.wire.call(
            "POST", form["action"], safe=True, form=form["fields"], files=files, secrets=secrets
        )
        if reply.ok:
            return str(form["id"])
        if reply.status == 403:
            words = "The network no longer takes the file by the form that it gave for it."
            names = (f"form.{number}", f"media.{number}")
            raise forget(self.saved, names, Rejected(words, status=reply.status))
        if reply.status == 401:
            raise Unauthorized(reply.words, status=reply.status)
        if reply.status >= 500 or reply.status == 408:
            raise reply.troubled()
        if reply.status in (400, 413, 415):
            raise Rejected(f"The network does not take {media.name}.", status=reply.status)
        raise Unexpected(f"The upload was answered {reply.status}.", status=reply.status)
