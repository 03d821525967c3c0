"""The twin of X (Twitter API v2).

Every fact on the wire is from `networks.md` of 2026-11-21, sections 1.3 to 1.5, 2 and 21, and from
the X OpenAPI file v2.167 that its section 1.1 names. Media are played by
`sandbox.kit.segments`. Not played: rate limits by themselves (order them as trouble), quotes
beyond the shape of the request. That a listed text ends with a link to the media is no fact of the
sheet; the twin plays it because it is the harder case.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from hashlib import sha256
from typing import Any

from sandbox.kit import page
from sandbox.kit.network import (
    Answer,
    Person,
    Request,
    Scene,
    as_json,
    number_of,
    route,
)
from sandbox.kit.oauth import Client, Why
from sandbox.kit.problem import invalid, problem
from sandbox.kit.segments import SegmentedTwin, media_key
from sandbox.kit.store import Document
from sandbox.kit.text import URL, weighted

KEYS = frozenset(
    {
        "card_uri", "community_id", "direct_message_deep_link", "edit_options",
        "for_super_followers_only", "geo", "made_with_ai", "media", "nullcast",
        "paid_partnership", "poll", "quote_tweet_id", "reply", "reply_settings",
        "share_with_followers", "text",
    }
)  # fmt: skip
REPLY_SETTINGS = (None, "following", "mentionedUsers", "subscribers", "verified")


def shortened(text: str) -> str:
    """The text as X gives it back: every URL became a t.co address."""
    return URL.sub(lambda m: f"https://t.co/{sha256(m[0].encode()).hexdigest()[:10]}", text)


REFUSALS = {
    "unauthorized": (401, "unsupported-authentication", "Unauthorized", "Unauthorized"),
    "forbidden": (403, "user-suspended", "Forbidden", "Your account is suspended."),
    "weak_scope": (
        *(403, "not-authorized-for-resource", "Forbidden"),
        "You are not permitted to perform this action.",
    ),
    "rejected": (400, "invalid-request", "Invalid Request", "The text is not acceptable."),
    "misconfigured": (403, "client-forbidden", "Client Forbidden", "Client Forbidden"),
    "error": (500, "internal-error", "Internal Server Error", "Practice trouble."),
}


class X(SegmentedTwin):
    """X: rotating single-use refresh tokens, no idempotency key, duplicates refused."""

    name = "x"
    label = "X"
    colour = "#0f1419"
    hint = "App: practice-client, secret practice-secret."
    lifetime_s = 7200
    code_s = 30
    rotates = True
    pkce_required = True
    pkce_methods = ("S256", "plain")
    client_auth = ("basic",)
    scopes = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")

    def describe(self, name: str, display: str) -> Person:
        return Person(name, display, f"{name}_practice", number_of(name))

    def client(self, client_id: str) -> Client | None:
        if client_id != "practice-client":
            return None
        return Client(client_id, "practice-secret", "Postrider")

    def no(self, why: Why) -> Answer:
        if why == "bad_client":
            words = {"error": "unauthorized_client"}
            return as_json(
                {**words, "error_description": "Missing valid authorization header"}, 401
            )
        words = {"error": "invalid_request"}
        return as_json(
            {**words, "error_description": "Value passed for the token was invalid."}, 400
        )

    def dialect(self, kind: str, scene: Scene) -> Answer:
        if kind == "throttled":
            return throttled(scene.reset_at)
        if kind == "invalid_grant" or (kind == "misconfigured" and scene.purpose == "token"):
            return self.no("bad_client" if kind == "misconfigured" else "bad_grant")
        return problem(*REFUSALS.get(kind, REFUSALS["error"]))

    # The dance

    @route("GET", "/i/oauth2/authorize")
    @route("POST", "/i/oauth2/authorize")
    def authorize(self, request: Request) -> Answer:
        return self.consent(request)

    @route("POST", "/2/oauth2/token", "token")
    def token(self, request: Request) -> Answer:
        return self.token_answer(request)

    def issue(self, grant: Document, at: float) -> Document:
        return {"token_type": "bearer", "expires_in": 7200, **super().issue(grant, at)}

    @route("POST", "/2/oauth2/revoke", "revoke")
    def revoke(self, request: Request) -> Answer:
        client = self.checked_client(request, request.form())
        self.revoke_token(request.form().get("token", ""), client)
        return as_json({"revoked": True})

    # The API

    @route("GET", "/2/users/me", "identity")
    def me(self, request: Request) -> Answer:
        person = self.who(request, "users.read")
        data = {"id": person.id, "name": person.display, "username": person.handle}
        if "profile_image_url" in request.query.get("user.fields", ""):
            data["profile_image_url"] = f"{request.base}/people/{person.name}.svg"
        return as_json({"data": data})

    @route("POST", "/2/tweets", "publish")
    def create(self, request: Request) -> Answer:
        person = self.who(request, "tweet.write")
        text, asked = acceptable(request), request.json()
        media = self.attached(person, asked["media"], request.at) if "media" in asked else []
        above = str(asked.get("reply", {}).get("in_reply_to_tweet_id", ""))
        if above and self.board.post(self.name, above) is None:
            return missing(above)
        whole = json.dumps([person.id, text, [m["sha256"] for m in media]])
        said = sha256(whole.encode()).hexdigest()
        if self.get("said", said):
            words = "You are not allowed to create a Tweet with duplicate content."
            return problem(403, "", "Forbidden", words)
        post_id = str(self.store.next_number(self.name, request.at))
        self.put("said", said, {"id": post_id})
        path = f"/{person.handle}/status/{post_id}"
        more = {"said": said, "media": media, "reply_to": above}
        self.receive(person, post_id, text, path, request.at, **more)
        data = {"id": post_id, "text": text, "edit_history_post_ids": [post_id]}
        return as_json({"data": data}, 201)

    @route("DELETE", "/2/tweets/{id}", "delete")
    def delete(self, request: Request) -> Answer:
        person = self.who(request, "tweet.write")
        post = self.board.post(self.name, request.params["id"])
        if post is None or post["account"] != person.id:
            return missing(request.params["id"])
        self.store.drop(self.name, "said", post["said"])
        self.board.take_down(self.name, post["id"])
        return as_json({"data": {"deleted": True}})

    @route("GET", "/2/users/{id}/tweets", "find")
    def timeline(self, request: Request) -> Answer:
        self.who(request, "tweet.read")
        asked = request.query
        most = asked.get("max_results", "10")
        if not most.isdigit() or not 5 <= int(most) <= 100:
            raise invalid(
                f"The `max_results` query parameter value [{most}] is not between 5 and 100"
            )
        since_id = asked.get("since_id", "0")
        if not re.fullmatch("[0-9]{1,19}", since_id):
            raise invalid("The `since_id` query parameter value is not an id")
        posts = [
            seen(post, asked.get("tweet.fields", "") + asked.get("post.fields", ""))
            for post in self.board.of(self.name, request.params["id"])
            if int(post["id"]) > int(since_id) and post["received_at"] >= start(asked)
            if not post["reply_to"] or "replies" not in asked.get("exclude", "")
        ][: int(most)]
        # The schema makes `data` optional: an empty result has only its count.
        meta = {"meta": {"result_count": len(posts)}}
        return as_json({"data": posts, **meta} if posts else meta)

    @route("GET", "/{handle}/status/{id}")
    def show(self, request: Request) -> Answer:
        return page.permalink(self, self.board.post(self.name, request.params["id"]))


def acceptable(request: Request) -> str:
    """The text of a create request, once the request is found to be in order."""
    body = request.json()
    extra = sorted(set(body) - KEYS)
    text = body.get("text", "")
    media = body.get("media", {})
    checks = (
        (request.is_json and bool(body), "The request body is not a JSON object."),
        (not extra, f"Additional properties are not allowed: {', '.join(extra)}"),
        (isinstance(text, str), "text is not a string."),
        (bool(text) or bool(media), "text is required unless media is given."),
        (body.get("reply_settings") in REPLY_SETTINGS, "reply_settings is not one of its values."),
        (isinstance(text, str) and weighted(text) <= 280, "text is longer than 280."),
    )
    for fine, words in checks:
        if not fine:
            raise invalid(words)
    return str(text)


def start(asked: Any) -> float:
    """The `start_time` of a look-up in epoch seconds."""
    text = asked.get("start_time")
    if not text:
        return 0
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise invalid("The `start_time` query parameter value is not a moment") from error


def seen(post: Document, fields: str) -> Document:
    """A post as the listing shows it."""
    text = f"{shortened(post['text'])} https://t.co/{post['id'][-10:]}" if post["media"] else ""
    shown = {"id": post["id"], "text": text.strip() or shortened(post["text"])}
    shown["edit_history_post_ids"] = [post["id"]]
    if post["media"] and "attachments" in fields:
        shown["attachments"] = {"media_keys": [media_key(one) for one in post["media"]]}
    return {**shown, "created_at": post["created_at"]} if "created_at" in fields else shown


def missing(post_id: str) -> Answer:
    """There is no such post."""
    words = f"Could not find tweet with id: [{post_id}]."
    more = {"resource_type": "tweet", "resource_id": post_id}
    return problem(404, "resource-not-found", "Not Found Error", words, **more)


def throttled(reset_at: float) -> Answer:
    """Too many requests; the reset is in epoch seconds."""
    hints = {"limit": "100", "remaining": "0", "reset": str(int(-(-reset_at // 1)))}
    answer = problem(429, "", "Too Many Requests", "Too Many Requests")
    return answer.with_headers(*((f"x-rate-limit-{k}", v) for k, v in hints.items()))
