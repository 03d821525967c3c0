"""The uploads of LinkedIn's API: an address first, then the bytes, videos in parts of 4 MB.

From `networks.md` of 2026-11-21, section 3 (Media, Limits). The sheet gives no words for refusals
and no largest picture; the words are this street's own. That a video is judged when it is finalized
and a picture when it is posted is the twin's choice. Not played: documents, captions, thumbnails.
"""

from __future__ import annotations

from typing import Any

from sandbox.kit.network import Answer, Person, RefusalError, Request, as_json, route
from sandbox.kit.oauth import OAuthTwin
from sandbox.kit.shelf import Sort, sight
from sandbox.kit.store import Document

PICTURES = Sort(("image/jpeg", "image/png", "image/gif"), 64 * 1024 * 1024)
VIDEOS = Sort(("video/mp4",), 500_000_000)
MOST, MOST_PIXELS, LONGEST_ALT = 20, 36_152_320, 4086
PART = 4 * 1024 * 1024


def error(status: int, code: str, words: str, **more: Any) -> Answer:
    """A refusal of the API."""
    return as_json({"status": status, "code": code, "message": words, **more}, status)


def invalid(code: str, words: str) -> RefusalError:
    """The content is not acceptable."""
    return RefusalError(error(400, code, words))


class AssetTwin(OAuthTwin):
    """A twin with the upload endpoints."""

    def author(self, request: Request, urn: str) -> Person:
        """The member or organisation that a request speaks for."""
        raise NotImplementedError(f"{type(self).__name__}.author")

    def versioned(self, request: Request) -> None:
        """Refuse a request without a version that exists."""
        raise NotImplementedError(f"{type(self).__name__}.versioned")

    @route("POST", "/rest/images", "upload")
    def begin_picture(self, request: Request) -> Answer:
        owner, number = self.expected(request, "initializeUpload", "initializeUploadRequest")
        urn = f"urn:li:image:C{number}"
        self.shelf.begin(urn, owner.id, request.at, kind="image")
        url = f"{request.base}/dms-uploads/{urn}"
        ends = int((request.at + 86_400) * 1000)
        return as_json({"value": {"uploadUrl": url, "image": urn, "uploadUrlExpiresAt": ends}})

    @route("POST", "/rest/videos", "upload")
    def begin_video(self, request: Request) -> Answer:
        if request.query.get("action") == "finalizeUpload":
            return self.finalize(request)
        owner, number = self.expected(request, "initializeUpload", "initializeUploadRequest")
        size = request.json()["initializeUploadRequest"].get("fileSizeBytes")
        if not isinstance(size, int) or not 0 < size <= VIDEOS.max_bytes:
            raise invalid("INVALID_VALUE_FOR_FIELD", "fileSizeBytes is missing or too large")
        urn = f"urn:li:video:C{number}"
        self.shelf.begin(urn, owner.id, request.at, kind="video", expected=size)
        parts = [
            {"uploadUrl": f"{request.base}/dms-uploads/{urn}/{first // PART}"}
            | {"firstByte": first, "lastByte": min(first + PART, size) - 1}
            for first in range(0, size, PART)
        ]
        return as_json({"value": {"video": urn, "uploadToken": "", "uploadInstructions": parts}})

    def expected(self, request: Request, action: str, name: str) -> tuple[Person, int]:
        """Whose upload begins, and its number."""
        self.versioned(request)
        asked = request.json().get(name)
        if request.query.get("action") != action or not isinstance(asked, dict):
            raise invalid("MISSING_FIELD", f"{name} is missing")
        number = self.store.next_number(self.name, request.at)
        return self.author(request, str(asked.get("owner", ""))), number

    @route("PUT", "/dms-uploads/{urn}", "upload")
    def take_picture(self, request: Request) -> Answer:
        self.who(request, "w_member_social")
        begun = self.begun(request)
        self.shelf.put(begun["id"], begun["owner"], request.body, request.at, polls=begun["polls"])
        return Answer(201)

    @route("PUT", "/dms-uploads/{urn}/{part}", "upload")
    def take_part(self, request: Request) -> Answer:
        begun, part = self.begun(request), int(request.params["part"])
        if "authorization" in request.headers:
            return Answer(400, b"No Authorization is wanted here.")
        if len(request.body) > PART:
            return Answer(413)
        self.shelf.append(begun["id"], part, request.body)
        return Answer(200, b"", (("ETag", f'"part-{part}-{len(request.body)}"'),))

    def begun(self, request: Request) -> Document:
        """The upload behind an address, which is open to whoever knows it, while it lives."""
        found = self.get("media", request.params["urn"])
        if found is None or found["ends_at"] <= request.at:
            raise RefusalError(Answer(403, b"The address has expired."))
        return found

    def finalize(self, request: Request) -> Answer:
        """Put the parts together."""
        person = self.who(request, "w_member_social")
        self.versioned(request)
        asked = request.json().get("finalizeUploadRequest", {})
        begun = self.get("media", str(asked.get("video", "")))
        if begun is None or begun["ends_at"] <= request.at:
            raise invalid("INVALID_URN_ID", "The video is not known")
        self.author(request, begun["owner"])
        data = self.shelf.joined(begun["id"])
        tags = [
            f"part-{n}-{len(data[n * PART : (n + 1) * PART])}" for n in range(-(-len(data) // PART))
        ]
        if asked.get("uploadedPartIds") != tags or len(data) != begun["expected"]:
            raise invalid("INVALID_VALUE_FOR_FIELD", f"{person.handle}: the parts do not add up")
        patience = {"polls": begun["polls"], "pieces": begun["pieces"], "expected": len(data)}
        self.shelf.put(begun["id"], begun["owner"], data, request.at, **patience)
        return Answer(200)

    @route("GET", "/rest/videos/{urn}", "status")
    def look_at_video(self, request: Request) -> Answer:
        self.who(request, "r_member_social")
        self.versioned(request)
        video = self.get("media", request.params["urn"])
        if video is None:
            return error(404, "NOT_FOUND", "The video is not known")
        if "sha256" not in video:
            return as_json({"id": video["id"], "status": "WAITING_UPLOAD"})
        if not self.shelf.ready(video["id"]):
            return as_json({"id": video["id"], "status": "PROCESSING"})
        good = video["mime"] in VIDEOS.types
        return as_json({"id": video["id"], "status": "AVAILABLE" if good else "PROCESSING_FAILED"})

    def shown_files(self, author: Person, content: Document, at: float) -> list[Document]:
        """The files that a post shows, once they are found to be in order."""
        many = content.get("multiImage", {}).get("images", [])
        one = content.get("media")
        if many and not 2 <= len(many) <= MOST:
            raise invalid("INVALID_VALUE_FOR_FIELD", f"multiImage takes 2 to {MOST} images")
        if any(":image:" not in str(item.get("id")) for item in many):
            raise invalid("INVALID_VALUE_FOR_FIELD", "multiImage takes nothing but images")
        return [self.shown_file(author, item, at) for item in many or ([one] if one else [])]

    def shown_file(self, author: Person, item: Document, at: float) -> Document:
        """One file of a post, with its alternative text."""
        file = self.shelf.get(str(item.get("id", "")), author.id, at)
        if file is None or (file["kind"] == "video" and "expected" not in file):
            raise invalid("INVALID_URN_ID", "The URN is not known")
        alt, video = str(item.get("altText", "")), ":video:" in file["id"]
        if "sha256" not in file or not self.shelf.ready(file["id"]):
            raise invalid("MEDIA_ASSET_WAITING_UPLOAD", "The asset is not uploaded yet")
        fault = (VIDEOS if video else PICTURES).fault(sight(self.store.bytes_of(file["sha256"])), 1)
        if fault or file["width"] * file["height"] >= MOST_PIXELS:
            raise invalid("MEDIA_ASSET_PROCESSING_FAILED", "The asset cannot be processed")
        if len(alt) > LONGEST_ALT:
            raise invalid("FIELD_LENGTH_TOO_LONG", "altText is too long")
        self.shelf.change(file["id"], alt=alt)
        return {**file, "alt": alt}
