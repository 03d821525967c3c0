"""The protocol under LinkedIn's API: Rest.li headers, Little Text, and uploads by URN.

Facts: networks.md of 2026-11-21, section 3 (Publish, Media), from Microsoft Learn as stored until
2026-09-19. Members' apps may not ask whether a picture is ready (403), so nobody asks for pictures:
the post itself is refused until they are. How long an upload address lives is not known; one that
is no longer taken is made anew, once.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from providers.kit.content import Kind, Media
from providers.kit.contract import Account, Message
from providers.kit.errors import (
    Forbidden,
    NetworkError,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, Wire, objects_in, redact, text_in
from providers.kit.likeness import loose, same_words
from providers.kit.steps import DONE, forget, once
from providers.kit.text import urls
from providers.kit.uploads import File, piece

RESERVED = re.compile(r"[|{}@\[\]()<>#\\*_~]")
HASHTAG = re.compile(r"(?<![\w#])#(?=\w)")
TEMPLATE = re.compile(r"\{hashtag\|\\?#\|([^}|]*)\}")
BY_STATUS = {401: Unauthorized, 403: Forbidden, 409: Unavailable}
CONTENT = (400, 404, 413, 415, 422)
ENDED = (400, 403, 404, 410)
PATIENCE = timedelta(seconds=15)
CLOCK_SKEW = timedelta(minutes=2)
PAGE, MAX_PAGES = 10, 10


def headers(version: str, method: str = "") -> dict[str, str]:
    """What every call of the versioned API carries; `method` where the verb does not say it."""
    told = {"LinkedIn-Version": version, "X-Restli-Protocol-Version": "2.0.0"}
    return told | ({"X-RestLi-Method": method} if method else {})


def address(urn: str) -> str:
    """A URN as a part of a path."""
    return quote(urn, safe="")


def little(text: str) -> str:
    """A text in Little Text Format: what is reserved gets a backslash, but the # of a hashtag."""
    tags = {match.start() for match in HASHTAG.finditer(text)}
    return RESERVED.sub(lambda m: m[0] if m.start() in tags else f"\\{m[0]}", text)


def plain(text: str) -> str:
    """The text behind Little Text Format."""
    return re.sub(r"\\(.)", r"\1", TEMPLATE.sub(r"#\1", text), flags=re.DOTALL)


def public_post(author: str, text: str) -> dict[str, Any]:
    """The body of a post that everybody sees, without what it shows beside its words."""
    spread = {"feedDistribution": "MAIN_FEED", "targetEntities": []}
    return {
        "author": author,
        "commentary": little(text),
        "visibility": "PUBLIC",
        "distribution": {**spread, "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }


def code_of(reply: Reply) -> str:
    """The code of a refusal; that of its first input error where it lists some."""
    data = reply.maybe_json()
    inputs = objects_in(data.get("errorDetails"), "inputErrors")
    code = next((text_in(one, "code") for one in inputs), "") or text_in(data, "code")
    return redact(code, reply.secrets)


def refusal(reply: Reply, label: str, wait: timedelta | None) -> NetworkError:
    """The error table, by statuses; a file that is not ready keeps its post from being taken."""
    code, said, status = code_of(reply), reply.said("message"), reply.status
    if kind := BY_STATUS.get(status):
        return kind(said, status=status, network_code=code)
    if status == 429:
        return Throttled(said, wait=wait, status=status, network_code=code)
    if status >= 500 or status == 408:
        return reply.troubled()
    if code == "MEDIA_ASSET_WAITING_UPLOAD":
        return StillWorking("The network is still working on the files.", wait=PATIENCE)
    if status in CONTENT and not reply.safe:
        return Rejected(said, status=status, network_code=code)
    return Unexpected(f"{label} answered {status}: {said}", status=status, network_code=code)


def listed(
    ask: Callable[[Mapping[str, str]], Reply], author: str, first_at: datetime
) -> Iterator[Mapping[str, Any]]:
    """The author's posts since `first_at`, the last changed first; `ask` gets one page."""
    since = (first_at - CLOCK_SKEW).timestamp() * 1000
    query = {"author": author, "q": "author", "sortBy": "LAST_MODIFIED", "count": str(PAGE)}
    for page in range(MAX_PAGES):
        reply = ask({**query, "start": str(page * PAGE)})
        data = reply.json()
        if not isinstance(data.get("elements"), list):
            raise reply.unreadable()
        posts = objects_in(data, "elements")
        yield from (post for post in posts if _moment(post, "createdAt", since) >= since)
        older = any(_moment(post, "lastModifiedAt", since) < since for post in posts)
        if older or len(posts) < PAGE:
            return
    raise Uncertain("There are too many newer posts to tell whether this one is there.")


def is_ours(message: Message, post: Mapping[str, Any]) -> bool:
    """Whether `post` has our words and shows our files, by their URNs, or our link."""
    if not same_text(message.text, text_in(post, "commentary")):
        return False
    content = post.get("content")
    shown: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if message.media:
        many = objects_in(shown.get("multiImage"), "images")
        ids = [text_in(one, "id") for one in many] or [text_in(shown.get("media"), "id")]
        wanted = range(len(message.media))
        return ids == [message.saved.get(f"media.{number}") for number in wanted]
    if message.link:
        return text_in(shown.get("article"), "source") == message.link
    return not {"media", "multiImage"} & shown.keys()


def _moment(post: Mapping[str, Any], name: str, default: float) -> float:
    """Milliseconds since 1970; a post that does not tell is taken for recent."""
    value = post.get(name)
    return float(value) if isinstance(value, int | float) else default


def same_text(ours: str, theirs: str) -> bool:
    """Whether `theirs`, as it is listed, is ours; Uncertain if only the links tell, rewritten."""
    theirs = plain(theirs)
    if not same_words(ours, theirs):
        return False
    mine, listed = ([loose(url.target) for url in urls(text)] for text in (ours, theirs))
    if mine == listed or _bare(ours) == _bare(theirs):
        return True
    if {_host(link) for link in mine} == {_host(link) for link in listed}:
        return False
    raise Uncertain("A post with these words stands there; its links were written anew.")


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def _host(link: str) -> str:
    return urlsplit(f"//{link}").netloc


class Assets:
    """The pictures and videos of one message, each uploaded and known by its URN."""

    def __init__(
        self,
        wire: Wire,
        base: str,
        version: str,
        account: Account,
        message: Message,
        refusal: Callable[[Reply], NetworkError],
    ) -> None:
        self.wire = wire
        self.base = base
        self.version = version
        self.account = account
        self.message = message
        self.saved = message.saved
        self.refusal = refusal

    def content(self) -> dict[str, Any]:
        """The `content` of the post, once everything is uploaded."""
        shown = [self._shown(number, one) for number, one in enumerate(self.message.media)]
        return {"media": shown[0]} if len(shown) == 1 else {"multiImage": {"images": shown}}

    def names(self) -> Iterator[str]:
        """The steps to forget where the URNs have ended."""
        for number, _ in enumerate(self.message.media):
            yield from self._names(number)

    def _names(self, number: int) -> Iterator[str]:
        begun = json.loads(self.saved.get(f"upload.{number}") or "{}")
        yield from (f"{step}.{number}" for step in ("upload", "media", "ready"))
        yield from (f"part.{number}.{part}" for part in range(len(begun.get("parts", ()))))

    def _shown(self, number: int, media: Media) -> dict[str, str]:
        if media.kind is Kind.VIDEO:
            return {"id": self._video(number, media)}
        known = once(self.saved, f"media.{number}", lambda: self._picture(number, media))
        return {"id": known, **({"altText": media.alt} if media.alt else {})}

    def _picture(self, number: int, media: Media) -> str:
        """POST /rest/images?action=initializeUpload, then PUT of the bytes."""
        begun = self._begun(number, "images", {})
        self._put(number, begun["url"], File.of(media), bearer=self.account.access_token)
        return str(begun["urn"])

    def _video(self, number: int, media: Media) -> str:
        """The same in parts, then finalize, then a look whether it is processed."""
        about = {"fileSizeBytes": media.size, "uploadCaptions": False, "uploadThumbnail": False}
        begun = self._begun(number, "videos", about)
        etags = [
            once(
                self.saved, f"part.{number}.{part}", partial(self._part, number, part, begun, media)
            )
            for part in range(len(begun["parts"]))
        ]
        urn = once(self.saved, f"media.{number}", lambda: self._finished(begun, etags))
        once(self.saved, f"ready.{number}", lambda: self._ready(urn, media))
        return urn

    def _begun(self, number: int, kind: str, about: Mapping[str, Any]) -> dict[str, Any]:
        told = once(self.saved, f"upload.{number}", lambda: self._begin(kind, about))
        begun: dict[str, Any] = json.loads(told)
        return begun

    def _begin(self, kind: str, about: Mapping[str, Any]) -> str:
        asked = {"initializeUploadRequest": {"owner": self.account.external_id, **about}}
        reply = self._call("POST", kind, json=asked, params={"action": "initializeUpload"})
        value = self._value(reply)
        found = {"urn": text_in(value, kind.removesuffix("s")), "url": text_in(value, "uploadUrl")}
        found["token"] = text_in(value, "uploadToken")
        parts = [
            (text_in(p, "uploadUrl"), *_span(p)) for p in objects_in(value, "uploadInstructions")
        ]
        if not found["urn"] or not (found["url"] or parts):
            raise reply.unreadable()
        return json.dumps({**found, "parts": parts})

    def _part(self, number: int, part: int, begun: Mapping[str, Any], media: Media) -> str:
        url, first, last = begun["parts"][part]
        length = begun["parts"][0][2] + 1
        if first != part * length or not 0 <= last - first < length:
            raise Rejected(f"{media.name} cannot be cut as the network asks.")
        reply = self._put(number, url, piece(media, part, length))
        etag = reply.headers.get("ETag", "").strip('"')
        if not etag:
            raise reply.unreadable()
        return etag

    def _put(self, number: int, url: str, file: File, bearer: str = "") -> Reply:
        reply = self.wire.call("PUT", url, safe=True, body=file, bearer=bearer)
        if reply.status in ENDED:
            words = "The network no longer takes the file at the address that it gave for it."
            raise forget(
                self.saved, tuple(self._names(number)), Rejected(words, status=reply.status)
            )
        if not reply.ok:
            raise self._no(reply)
        return reply

    def _finished(self, begun: Mapping[str, Any], etags: Sequence[str]) -> str:
        asked = {"video": begun["urn"], "uploadToken": begun["token"], "uploadedPartIds": etags}
        load = {"finalizeUploadRequest": asked}
        reply = self._call("POST", "videos", json=load, params={"action": "finalizeUpload"})
        if not reply.ok:
            raise self._no(reply)
        return str(begun["urn"])

    def _ready(self, urn: str, media: Media) -> str:
        """GET /rest/videos/{urn}; an app that may not ask (403) is told by the post itself."""
        reply = self._call("GET", f"videos/{address(urn)}")
        if reply.status == 403:
            return DONE
        if not reply.ok:
            raise self._no(reply)
        match text_in(reply.json(), "status"):
            case "AVAILABLE":
                return DONE
            case "PROCESSING_FAILED":
                raise Rejected(f"The network cannot process {media.name}.", status=reply.status)
            case _:
                raise StillWorking(f"The network is processing {media.name}.", wait=PATIENCE)

    def _call(self, method: str, path: str, **load: Any) -> Reply:
        url, bearer = f"{self.base}/rest/{path}", self.account.access_token
        told = headers(self.version)
        return self.wire.call(method, url, safe=True, headers=told, bearer=bearer, **load)

    def _no(self, reply: Reply) -> NetworkError:
        """What an upload refuses is the file."""
        if reply.status in CONTENT:
            return Rejected(reply.said("message"), status=reply.status)
        return self.refusal(reply)

    def _value(self, reply: Reply) -> Mapping[str, Any]:
        if not reply.ok:
            raise self._no(reply)
        value = reply.json().get("value")
        if not isinstance(value, dict):
            raise reply.unreadable()
        return value


def _span(instruction: Mapping[str, Any]) -> tuple[int, int]:
    """First and last byte of a part; (-1, -1) where they make no sense."""
    first, last = instruction.get("firstByte"), instruction.get("lastByte")
    good = isinstance(first, int) and isinstance(last, int)
    return (first, last) if good else (-1, -1)  # type: ignore[return-value]
