"""The uploads of X's API: a picture in one go, a video in segments, alt texts, processing.

From `networks.md` of 2026-11-21, section 2 (Media, Limits), and the OpenAPI file v2.167. Where the
sheet is silent the twin is strict: what is finalized cannot be finalized again, segments must make
up the announced size. Not played: GIFs, files in JSON, direct messages, subtitles.
"""

from __future__ import annotations

from sandbox.kit.network import Answer, Person, Request, as_json, route
from sandbox.kit.oauth import OAuthTwin
from sandbox.kit.problem import invalid
from sandbox.kit.shelf import DAY_S, Sort, sight
from sandbox.kit.store import Document

MEGABYTE = 1_000_000
PICTURES = Sort(("image/jpeg", "image/png", "image/webp"), 5 * MEGABYTE)
VIDEOS = Sort(("video/mp4", "video/quicktime", "video/webm"), 8_000 * MEGABYTE)
LARGEST_SEGMENT = 5 * MEGABYTE
LONGEST_ALT = 1000


class SegmentedTwin(OAuthTwin):
    """A twin with the media endpoints."""

    @route("POST", "/2/media/upload", "upload")
    def upload(self, request: Request) -> Answer:
        person, parts = self.who(request, "media.write"), request.parts()
        if set(parts) != {"media", "media_category"}:
            raise invalid("media and media_category are needed, and nothing else is allowed.")
        if parts["media_category"].text != "tweet_image":
            raise invalid("media_category is not one of its values.")
        data = parts["media"].data
        match PICTURES.fault(sight(data), len(data)):
            case "type":
                raise invalid("The file is not a picture of a supported type.")
            case "size":
                raise invalid("The file is larger than 5 MB.", 413)
        return as_json(
            {"data": about(self.shelf.put(self.new_id(request), person.id, data, request.at))}
        )

    @route("POST", "/2/media/upload/initialize", "upload")
    def initialize(self, request: Request) -> Answer:
        person, asked = self.who(request, "media.write"), request.json()
        size = asked.get("total_bytes")
        if (
            asked.get("media_type") not in VIDEOS.types
            or asked.get("media_category") != "tweet_video"
        ):
            raise invalid("media_type or media_category is not one of its values.")
        if not isinstance(size, int) or not 0 < size <= VIDEOS.max_bytes:
            raise invalid("total_bytes is missing or too large.")
        name = self.new_id(request)
        self.shelf.begin(name, person.id, request.at, expected=size, kind="session")
        return as_json({"data": {"id": name, "expires_after_secs": DAY_S}})

    @route("POST", "/2/media/upload/{id}/append", "upload")
    def append(self, request: Request) -> Answer:
        _, session = self.session(request, request.params["id"])
        parts = request.parts()
        number = parts["segment_index"].text if "segment_index" in parts else ""
        if set(parts) != {"media", "segment_index"} or not number.isdigit() or int(number) > 999:
            raise invalid("media and a segment_index from 0 to 999 are needed.")
        if len(parts["media"].data) > LARGEST_SEGMENT:
            raise invalid("The segment is too large.", 413)
        self.shelf.append(session["id"], int(number), parts["media"].data)
        return as_json({"data": {"expires_at": int(session["ends_at"])}})

    @route("POST", "/2/media/upload/{id}/finalize", "upload")
    def finalize(self, request: Request) -> Answer:
        person, session = self.session(request, request.params["id"])
        data = self.shelf.joined(session["id"])
        if session["kind"] != "session":
            raise invalid("The upload is finalized already.")
        if len(data) != session["expected"]:
            raise invalid("Segments do not add up to the provided total_bytes.")
        if VIDEOS.fault(sight(data), len(data)):
            raise invalid("The file is not a video of a supported type.")
        video = self.shelf.put(session["id"], person.id, data, request.at)
        done = self.shelf.is_ready(video["id"])
        return as_json({"data": {**about(video), **progress(video, done)}})

    @route("GET", "/2/media/upload", "status")
    def state(self, request: Request) -> Answer:
        _, media = self.session(request, request.query.get("media_id", ""))
        done = self.shelf.ready(media["id"])
        return as_json({"data": {**about(media), **progress(media, done)}})

    @route("POST", "/2/media/metadata", "describe")
    def describe_media(self, request: Request) -> Answer:
        _, media = self.session(request, str(request.json().get("id", "")))
        told = request.json().get("metadata", {}).get("alt_text", {}).get("text")
        if not isinstance(told, str) or len(told) > LONGEST_ALT:
            raise invalid("alt_text.text is missing or longer than 1000.")
        self.shelf.change(media["id"], alt=told)
        return as_json({"data": {"id": media["id"], "associated_metadata": {"alt_text": told}}})

    def session(self, request: Request, name: str) -> tuple[Person, Document]:
        """Who asks, and the upload that is asked about."""
        person = self.who(request, "media.write")
        found = self.shelf.get(name, person.id, request.at)
        if found is None:
            raise invalid("The media id is not known.")
        return person, found

    def attached(self, person: Person, asked: Document, at: float) -> list[Document]:
        """The media of a post that is being created, once they are found to be in order."""
        names = asked.get("media_ids")
        if not isinstance(names, list) or not 1 <= len(names) <= 4:
            raise invalid("media.media_ids must hold 1 to 4 ids.")
        found = [self.shelf.get(str(name), person.id, at) for name in names]
        good = [one for one in found if one and "sha256" in one and self.shelf.is_ready(one["id"])]
        if len(good) < len(names):
            wrong = {"message": "Your media IDs are invalid.", "parameters": {"media_ids": names}}
            words = "One or more parameters to your request was invalid."
            raise invalid(words, errors=[wrong])
        if len(good) > 1 and any(one["kind"] == "video" for one in good):
            raise invalid("A video must be the only media of a post.")
        return good

    def new_id(self, request: Request) -> str:
        """The next media id."""
        return str(self.store.next_number(self.name, request.at))


def about(media: Document) -> Document:
    """An upload as the API shows it."""
    known = {"id": media["id"], "media_key": media_key(media), "expires_after_secs": DAY_S}
    return {**known, "size": media["size"]} if "size" in media else known


def progress(media: Document, done: bool) -> Document:
    """How far the processing is; pictures have none."""
    if media["kind"] != "video":
        return {}
    told = {"state": "succeeded"} if done else {"state": "in_progress", "check_after_secs": 1}
    return {"processing_info": told}


def media_key(media: Document) -> str:
    """The key of a picture or video: what it is, and its id."""
    return f"{7 if media['kind'] == 'video' else 3}_{media['id']}"
