"""What Reddit's API has of its own: its errors, its User-Agent rule, pictures by a form at S3.

From `networks.md` of 2026-11-21, sections 1.5 and 9, and the recordings of PRAW @7b69758. How a
file of a wrong type is refused is this street's own; the sheet gives no largest picture.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    RefusalError,
    Request,
    Scene,
    as_json,
    as_page,
    route,
)
from sandbox.kit.oauth import OAuthTwin
from sandbox.kit.shelf import Sort, sight

AGENT = re.compile(r"[\w.-]+:[\w.-]+:\S+ \(by /u/\w+\)")
LONGEST_TEXT = 40_000
PICTURES = Sort(("image/jpeg", "image/png", "image/gif"), 64 * 1024 * 1024)
REALM = 'Bearer realm="practice", error="{}"'
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
REFUSALS = {
    "unauthorized": (401, "Unauthorized", "invalid_token"),
    "weak_scope": (403, "Forbidden", "insufficient_scope"),
}


def inside(code: str, words: str, field: str, **more: Any) -> Answer:
    """An error inside a 200."""
    return as_json({"json": {"errors": [[code, words, field]], **more}})


def bare(status: int, words: str, realm: str = "", **more: Any) -> Answer:
    """An error by its status."""
    answer = as_json({"message": words, "error": status, **more}, status)
    return answer.with_headers(("WWW-Authenticate", REALM.format(realm))) if realm else answer


def refuse(code: str, words: str, field: str) -> RefusalError:
    """The submission is not acceptable."""
    return RefusalError(inside(code, words, field))


def throttled(scene: Scene) -> Answer:
    """Too fast: inside a 200 where something is submitted, else by the status."""
    left = scene.reset_at - scene.request.at
    if scene.purpose == "publish":
        words = f"you are doing that too much. try again in {left:.0f} seconds."
        return inside("RATELIMIT", words, "ratelimit", ratelimit=left)
    hints = {"Used": "100", "Remaining": "0.0", "Reset": f"{left:.0f}"}
    named = ((f"X-Ratelimit-{name}", value) for name, value in hints.items())
    return bare(429, "Too Many Requests").with_headers(*named)


def thing(number: int) -> str:
    """A number as Reddit writes it, in base 36."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text


class ThingTwin(OAuthTwin):
    """A twin that looks at the User-Agent and takes pictures."""

    def dialect(self, kind: str, scene: Scene) -> Answer:
        match kind:
            case "throttled":
                return throttled(scene)
            case "misconfigured" | "invalid_grant" if scene.purpose == "token":
                return self.no("bad_client" if kind == "misconfigured" else "bad_grant")
            case "misconfigured":
                return as_page(page.notice("Blocked", "Your request has been blocked."), 403)
            case "rejected":
                return inside("TOO_LONG", f"this is too long (max: {LONGEST_TEXT})", "text")
            case "forbidden":
                return bare(403, "Forbidden", reason="private")
            case _:
                return bare(*REFUSALS.get(kind, (500, "Internal Server Error", "")))

    def asked(self, request: Request, scope: str) -> Person:
        """Who asks, once the request has said in its User-Agent which app it comes from."""
        self.named(request)
        return self.who(request, scope)

    def named(self, request: Request) -> None:
        """Refuse the agents of libraries."""
        if not AGENT.fullmatch(request.headers.get("user-agent", "")):
            raise RefusalError(self.dialect("misconfigured", Scene(request)))

    @route("POST", "/api/media/asset.json", "upload")
    def lease(self, request: Request) -> Answer:
        person, form = self.asked(request, "submit"), request.form()
        if form.get("mimetype") not in PICTURES.types or not form.get("filepath"):
            return inside("BAD_FILE_TYPE", "this type of file is not taken", "mimetype")
        asset = thing(self.store.next_number(self.name, request.at))
        self.shelf.begin(asset, person.id, request.at)
        fields = {"acl": "private", "key": asset, "success_action_status": "201", "policy": "e30="}
        listed = [{"name": name, "value": value} for name, value in fields.items()]
        action = request.base.partition(":")[2] + "/uploaded-media"
        known = {"asset_id": asset, "websocket_url": f"wss://example.com/{asset}"}
        return as_json({"args": {"action": action, "fields": listed}, "asset": known})

    @route("POST", "/uploaded-media", "upload")
    def store_file(self, request: Request) -> Answer:
        parts = request.parts()
        key = parts["key"].text if "key" in parts else ""
        begun = self.get("media", key)
        if begun is None or begun["ends_at"] <= request.at or list(parts)[-1] != "file":
            return Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        data = parts["file"].data
        if PICTURES.fault(sight(data), len(data)):
            return Answer(400, b"<Error><Code>EntityTooLarge</Code></Error>")
        self.shelf.put(key, begun["owner"], data, request.at, polls=begun["polls"])
        return Answer(201, f"<PostResponse><Key>{key}</Key></PostResponse>".encode())
