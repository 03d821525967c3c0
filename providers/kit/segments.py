"""Uploads to X: a picture in one go, a video in segments, then asking until it is processed.

Facts: X API v2 OpenAPI 2.167 (`/2/media/*`), networks.md of 2026-11-21, section 2 (Media: segments
of 1 MB, since larger ones were answered 413; numbers 0 to 999). Whether an upload may be finalized
twice is not documented: after a refusal its state is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from providers.kit.content import Kind
from providers.kit.contract import Account, Media, Message
from providers.kit.errors import NetworkError, Rejected, StillWorking, Unauthorized
from providers.kit.http import Reply, Wire, text_in
from providers.kit.problem import problem
from providers.kit.steps import DONE, numbered, once
from providers.kit.uploads import File, piece, pieces

ID = re.compile(r"[0-9]{1,19}", re.ASCII)
SEGMENT = 1_000_000
LARGEST = 1000 * SEGMENT
PATIENCE = timedelta(seconds=5)  # where X does not say when to ask again


class Uploads:
    """The uploads for one message; every step is kept, none is taken twice."""

    def __init__(
        self,
        wire: Wire,
        base: str,
        account: Account,
        message: Message,
        refusal: Callable[[Reply], NetworkError],
    ) -> None:
        self.wire = wire
        self.base = base
        self.account = account
        self.message = message
        self.saved = message.saved
        self.refusal = refusal

    def ids(self) -> list[str]:
        """The ids of all pictures and videos, in order, ready to be put into a post."""
        return [self._id(number, media) for number, media in enumerate(self.message.media)]

    def names(self) -> Iterator[str]:
        """The steps to forget where the ids have ended."""
        for number in range(len(self.message.media)):
            yield from (f"{s}.{number}" for s in ("upload", "pieces", "media", "alt", "ready"))

    def _id(self, number: int, media: Media) -> str:
        if media.kind is Kind.VIDEO:
            return self._video(number, media)
        media_id = once(self.saved, f"media.{number}", lambda: self._picture(media))
        if media.alt:
            once(self.saved, f"alt.{number}", lambda: self._describe(media_id, media.alt))
        return media_id

    def _picture(self, media: Media) -> str:
        """POST /2/media/upload."""
        form = {"media_category": "tweet_image"}
        return self._named(self._call("POST", "", form=form, files={"media": File.of(media)}))

    def _describe(self, media_id: str, alt: str) -> str:
        """POST /2/media/metadata."""
        body = {"id": media_id, "metadata": {"alt_text": {"text": alt}}}
        url = self.base.removesuffix("/upload") + "/metadata"
        reply = self.wire.call("POST", url, safe=True, json=body, bearer=self.account.access_token)
        if not reply.ok:
            raise self._no(reply)
        return DONE

    def _video(self, number: int, media: Media) -> str:
        """Initialize, append each segment, finalize, and ask."""
        upload = once(self.saved, f"upload.{number}", lambda: self._begin(media))
        for segment in numbered(self.saved, f"pieces.{number}", pieces(media.size, SEGMENT)):
            self._append(upload, segment, media)
        media_id = once(self.saved, f"media.{number}", lambda: self._finish(upload))
        once(self.saved, f"ready.{number}", lambda: self._ready(media_id, media))
        return media_id

    def _begin(self, media: Media) -> str:
        about = {"media_type": media.mime, "total_bytes": media.size}
        body = {**about, "media_category": "tweet_video"}
        return self._named(self._call("POST", "/initialize", json=body))

    def _append(self, upload: str, segment: int, media: Media) -> None:
        form, files = {"segment_index": str(segment)}, {"media": piece(media, segment, SEGMENT)}
        reply = self._call("POST", f"/{upload}/append", form=form, files=files)
        if not reply.ok:
            raise self._no(reply)

    def _finish(self, upload: str) -> str:
        reply = self._call("POST", f"/{upload}/finalize", json={})
        if reply.status == 400:
            asked = self._asked(upload)
            reply = asked if asked.ok else reply
        return self._named(reply)

    def _ready(self, media_id: str, media: Media) -> str:
        """One look at the processing; no word about it means that there is none."""
        reply = self._asked(media_id)
        told = self._data(reply).get("processing_info")
        info: Mapping[str, Any] = told if isinstance(told, dict) else {}
        match text_in(info, "state"):
            case "failed":
                raise Rejected(f"X cannot process {media.name}.", status=reply.status)
            case "pending" | "in_progress":
                wait = info.get("check_after_secs")
                seconds = timedelta(seconds=wait) if isinstance(wait, int) else PATIENCE
                raise StillWorking(f"X is processing {media.name}.", wait=seconds)
            case _:
                return DONE

    def _asked(self, media_id: str) -> Reply:
        query = {"command": "STATUS", "media_id": media_id}
        return self.wire.call("GET", self.base, params=query, bearer=self.account.access_token)

    def _call(self, method: str, path: str, **load: Any) -> Reply:
        bearer = self.account.access_token
        return self.wire.call(method, self.base + path, safe=True, bearer=bearer, **load)

    def _no(self, reply: Reply) -> NetworkError:
        """What an upload refuses is the file, or a right that was never given."""
        code, said = problem(reply)
        if reply.status == 403 and code == "not-authorized-for-resource":
            words = "X was not asked yet whether files may be uploaded: connect the account again."
            return Unauthorized(words, status=403, network_code=code)
        if reply.status in (400, 404, 413, 422):
            return Rejected(said, status=reply.status, network_code=code)
        return self.refusal(reply)

    def _named(self, reply: Reply) -> str:
        found = text_in(self._data(reply), "id")
        if not ID.fullmatch(found):
            raise reply.unreadable()
        return found

    def _data(self, reply: Reply) -> Mapping[str, Any]:
        if not reply.ok:
            raise self._no(reply)
        data = reply.json().get("data")
        if not isinstance(data, dict):
            raise reply.unreadable()
        return data
