"""The forms of the Mastodon API, which other servers of the fediverse speak too.

From `networks.md` of 2026-11-21, sections 1.5 and 12; the shape of an attachment and of the
configuration from mastodon/documentation @01783b27. The words of a refusal are the server's where
its clients quote them (attachments that are unknown or too many), else this street's own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from sandbox.kit.network import Answer, Person, RefusalError, Request, as_json, route
from sandbox.kit.oauth import OAuthTwin
from sandbox.kit.shelf import Sort, sight
from sandbox.kit.store import Document

LONGEST = 500
URL_LENGTH = 23
MOST = 4
LONGEST_ALT = 1500
PICTURES = Sort(("image/jpeg", "image/png", "image/webp", "image/gif"), 16_777_216)
VIDEOS = Sort(("video/mp4", "video/quicktime", "video/webm"), 41_943_040)


class FediverseTwin(OAuthTwin):
    """An instance that takes attachments and tells its limits, which its house may have changed."""

    @property
    def longest(self) -> int:
        """How many characters its house lets a status have."""
        own = self.get("house", "longest")
        return int(own["characters"]) if own else LONGEST

    @route("GET", "/api/v2/instance", "limits")
    def instance(self, request: Request) -> Answer:
        statuses = {"max_characters": self.longest, "max_media_attachments": MOST}
        statuses["characters_reserved_per_url"] = URL_LENGTH
        files: Document = {"description_limit": LONGEST_ALT, "image_matrix_limit": 33_177_600}
        files |= {"supported_mime_types": [*PICTURES.types, *VIDEOS.types]}
        files |= {"image_size_limit": PICTURES.max_bytes, "video_size_limit": VIDEOS.max_bytes}
        limits = {"statuses": statuses, "media_attachments": files}
        domain = request.base.partition("://")[2]
        return as_json({"domain": domain, "title": "Practice Street", "configuration": limits})

    @route("POST", "/api/v2/media", "upload")
    def upload(self, request: Request) -> Answer:
        person, parts = self.who(request, "write:media"), request.parts()
        if "file" not in parts:
            raise invalid("File can't be blank")
        data, alt = parts["file"].data, parts["description"].text if "description" in parts else ""
        seen = sight(data)
        fault = (VIDEOS if seen.kind == "video" else PICTURES).fault(seen, len(data))
        if fault or len(alt) > LONGEST_ALT:
            words = {"type": "File content type is invalid", "size": "File file size is too large"}
            raise invalid(words.get(fault, "Description is too long"))
        name = str(self.store.next_number(self.name, request.at))
        media = self.shelf.put(name, person.id, data, request.at, alt=alt)
        working = media["kind"] == "video" and not self.shelf.is_ready(name)
        return as_json(attachment(media, request.base, working), 202 if working else 200)

    @route("GET", "/api/v1/media/{id}", "status")
    def look_at_media(self, request: Request) -> Answer:
        person = self.who(request, "write:media")
        media = self.shelf.get(request.params["id"], person.id, request.at)
        if media is None:
            raise RefusalError(error(404, "Record not found"))
        working = not self.shelf.ready(media["id"])
        return as_json(attachment(media, request.base, working), 206 if working else 200)

    def attached(self, person: Person, names: object, at: float) -> list[Document]:
        """The attachments of a status that is being written; each belongs to one status only."""
        wanted = names if isinstance(names, list) else []
        if len(wanted) > MOST:
            raise invalid(f"Cannot attach more than {MOST} files")
        found = [self.shelf.get(str(name), person.id, at) for name in wanted]
        free = [one for one in found if one and not one.get("used")]
        if len(free) < len(wanted):
            raise invalid("Media not found or already attached to another post")
        if any(not self.shelf.is_ready(one["id"]) for one in free):
            raise invalid("Cannot attach files that have not finished processing")
        if len(free) > 1 and any(one["kind"] == "video" for one in free):
            raise invalid("Cannot attach a video to a post that already contains images")
        return free


def invalid(words: str) -> RefusalError:
    """The status or the file cannot be accepted."""
    return RefusalError(error(422, f"Validation failed: {words}"))


def attachment(media: Document, base: str, working: bool = False) -> Document:
    """An attachment as the API shows it; what is still worked on has no address yet."""
    root = base.rpartition("/")[0]
    url = None if working else f"{root}/_street/files/{media['sha256']}"
    kind = {"id": media["id"], "type": media["kind"], "description": media["alt"] or None}
    return {**kind, "url": url, "preview_url": url}


def error(status: int, words: str, **more: str) -> Answer:
    """A refusal of the API."""
    return as_json({"error": words, **more}, status)


def account(person: Person, base: str) -> Document:
    """An account as the API shows it."""
    known = {"id": person.id, "username": person.handle, "acct": person.handle}
    avatar = f"{base}/people/{person.name}.svg"
    url = f"{base}/@{person.handle}"
    return {**known, "display_name": person.display, "avatar": avatar, "url": url}


def status(post: Document, person: Person, base: str) -> Document:
    """A Status as the API shows it."""
    return {
        "id": post["id"],
        "uri": f"{base}/users/{person.handle}/statuses/{post['id']}",
        "url": f"{base}{post['path']}",
        "created_at": post["created_at"],
        "content": f"<p>{escape(post['text'])}</p>",
        "visibility": post["visibility"],
        "spoiler_text": post["spoiler_text"],
        "language": post["language"],
        "in_reply_to_id": post["reply_to"] or None,
        "media_attachments": [attachment(one, base) for one in post["media"]],
        "account": account(person, base),
    }


def throttled(reset_at: float) -> Answer:
    """Too many requests; the reset is a moment with microseconds."""
    moment = datetime.fromtimestamp(reset_at, UTC).isoformat(timespec="microseconds")
    hints = {"Limit": "300", "Remaining": "0", "Reset": moment.replace("+00:00", "Z")}
    answer = error(429, "Too many requests")
    return answer.with_headers(*((f"X-RateLimit-{k}", v) for k, v in hints.items()))
