"""Reddit: posts in a subreddit or on one's own profile; errors come inside HTTP 200.

Facts: networks.md of 2026-11-21, section 9, from PRAW @7b69758 (8.0.0 of 2026-06-14: a text may
stand beside a link, a picture or a gallery) and recorded traffic. Every request names the app in
its User-Agent, or Reddit refuses it. A repeat of a link is refused (`resubmit=false`) without
naming the post, texts are simply taken twice: a post in doubt is looked for in the account's own
list. A post with one picture is answered without an id; it appears in the list a little later. Not
known: the largest picture (our own bound), how late pictures appear, which scopes a profile needs.
20 pictures in a gallery are background knowledge. Not offered: comments, videos, alternative texts
(a gallery has captions, which everybody sees), polls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from providers.kit.contract import (
    Account,
    App,
    Family,
    Field,
    Grant,
    Identity,
    ImageRule,
    Limits,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
)
from providers.kit.errors import (
    Forbidden,
    Misconfigured,
    NetworkError,
    Rejected,
    StillWorking,
    Throttled,
    Unauthorized,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, text_in
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import Cap, Meter
from providers.kit.steps import DONE, forget
from providers.kit.things import ABOUT_WORDS, Pictures, inner_error, is_same, listed, place, steps

THING = re.compile(r"t3_[0-9a-z]+", re.ASCII)
PAGE = 25
MOST_PICTURES = 20
PATIENCE = timedelta(seconds=15)


class Reddit(OAuthProvider):
    """Reddit."""

    name = "reddit"
    label = "Reddit"
    colour = "#ff4500"
    family = Family.REUSABLE
    limits = Limits(
        TextRule(limit=40_000, unit=Unit.CODE_POINTS),
        images=ImageRule(
            MOST_PICTURES,
            ("image/jpeg", "image/png", "image/gif"),
            20 * 1024 * 1024,
            alt_limit=None,
        ),
        links=True,
    )
    settle = timedelta(minutes=2)
    caps = (Cap(1000, timedelta(minutes=10), "app", cost=2),)
    meters = (Meter("X-Ratelimit-Remaining", "X-Ratelimit-Reset", clock="left", scope="app"),)
    oauth: ClassVar[OAuth] = OAuth(
        scopes=("identity", "submit", "read", "history", "edit"),
        client_auth="basic",
        extra={"duration": "permanent"},
        pkce=False,
    )
    settings = (
        Setting(
            "REDDIT_CLIENT_ID", "Client id of your app", needed=True, practice="practice-client"
        ),
        Setting(
            "REDDIT_CLIENT_SECRET",
            "Secret of the same app",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "REDDIT_USER_AGENT",
            "How the app names itself: platform:app-id:version (by /u/name)",
            needed=True,
            practice="web:practice:1.0 (by /u/ada_practice)",
        ),
        Setting(
            "REDDIT_API_URL",
            "Base URL of the API",
            default="https://oauth.reddit.com",
            practice="{street}/reddit",
        ),
        Setting(
            "REDDIT_WEB_URL",
            "Where people say yes, tokens are traded and posts are read",
            default="https://www.reddit.com",
            practice="{street}/reddit",
        ),
    )
    post_fields = (
        Field(
            "subreddit",
            "Subreddit",
            help="Its name without r/, or u_yourname for your profile",
            practice="practice",
            needed=True,
        ),
        Field("title", "Title", help="At most 300 characters", practice="A title", needed=True),
        Field(
            "flair_id", "Flair", help="Its id, where the subreddit wants one", practice="flair-1"
        ),
    )

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self._web("/api/v1/authorize")

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self._web("/api/v1/access_token")

    def calling_card(self) -> Mapping[str, str]:
        """The User-Agent that Reddit asks for."""
        return {"User-Agent": self.options["REDDIT_USER_AGENT"]}

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /api/v1/me; the picture's address is escaped and ends at its query."""
        me = self._object(self._call("GET", "/api/v1/me", grant.access_token))
        number, name = text_in(me, "id"), text_in(me, "name")
        if not number or not name:
            raise Unexpected("Reddit did not say who this is.")
        picture = text_in(me, "icon_img").partition("?")[0]
        return Identity(number, f"u/{name}", name, self._web(f"/user/{name}/"), picture)

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """A new access token; the refresh token stays, and ends a year after its last use."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("Reddit gave no refresh token; the account must connect again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """POST /api/v1/revoke_token, for both tokens; unknown ones are no error."""
        ours = app or self.app(host)
        tokens = {"refresh_token": grant.refresh_token, "access_token": grant.access_token}
        for hint, token in tokens.items():
            if ours and token:
                form = {"token": token, "token_type_hint": hint}
                self.revoke_token(self._web("/api/v1/revoke_token"), form, ours)

    def read_grant(self, reply: Reply) -> Grant:
        """A used code is answered with HTTP 200 and an error."""
        if text_in(reply.maybe_json(), "error"):
            raise self.token_refusal(reply)
        return super().read_grant(reply)

    def grant_is_dead(self, reply: Reply) -> bool:
        """A dead refresh token is a bare 400 without any code."""
        return super().grant_is_dead(reply) or reply.status == 400

    def token_refusal(self, reply: Reply) -> NetworkError:
        """401 is about the app's own credentials, 403 about the way it calls."""
        if reply.status in (401, 403):
            words = f"Reddit does not accept our app's credentials or User-Agent ({reply.status})."
            return Misconfigured(words, status=reply.status)
        return super().token_refusal(reply)

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /api/submit, or a gallery; one picture alone is found in the list afterwards."""
        form = {"sr": place(message), "title": message.options.get("title", "").strip()}
        if not all(form.values()):
            raise Rejected("Reddit needs a subreddit and a title.")
        if len(message.media) > MOST_PICTURES:
            raise Rejected(f"Reddit takes at most {MOST_PICTURES} pictures.")
        if flair := message.options.get("flair_id", ""):
            form["flair_id"] = flair
        if not message.saved.get("submitted"):
            reply = self._submitted(message, account, {**form, "api_type": "json"})
            data = self._data(reply, message)
            if THING.fullmatch(text_in(data, "name")):
                return Receipt(text_in(data, "name"), text_in(data, "url"))
            if found := re.search(r"/comments/([0-9a-z]+)", text_in(data, "url")):
                return Receipt(f"t3_{found[1]}", text_in(data, "url"))
            if len(message.media) != 1:
                raise reply.unreadable()
            message.saved.keep("submitted", DONE)
        return self._appeared(message, account)

    def _submitted(self, message: Message, account: Account, form: dict[str, str]) -> Reply:
        base, card = self.options["REDDIT_API_URL"].rstrip("/"), self.calling_card()
        pictures = Pictures(self.wire, base, card, account, message, self._refusal)
        ids, key = pictures.ids(), account.access_token
        text = {"text": message.text} if message.text else {}
        if len(ids) > 1:
            items = [{"media_id": one, "caption": "", "outbound_url": ""} for one in ids]
            body = {**form, **text, "items": items, "show_error_list": True}
            more = {"sendreplies": True, "nsfw": False, "spoiler": False}
            path = "/api/submit_gallery_post.json"
            return self._call("POST", path, key, safe=False, json={**body, **more})
        form |= {"resubmit": "false", "sendreplies": "true", **text}
        if ids:
            form |= {"kind": "image", "url": pictures.url()}
        elif message.link:
            form |= {"kind": "link", "url": message.link}
        else:
            form |= {"kind": "self", "text": message.text}
        return self._call("POST", "/api/submit", key, safe=False, form=form)

    def _appeared(self, message: Message, account: Account) -> Receipt:
        """The post is out or on its way: until it is listed, whatever goes wrong is a not yet."""
        words, wait = "Reddit has the picture and has not shown the post yet.", PATIENCE
        try:
            receipt = self.find(message, account)
        except Unauthorized:
            raise
        except NetworkError as problem:
            raise StillWorking(words, wait=problem.wait or wait, status=problem.status) from None
        if receipt is None:
            raise StillWorking(words, wait=wait)
        return receipt

    def delete(self, receipt: Receipt, account: Account) -> None:
        """POST /api/del; it says {} whatever was there."""
        form = {"id": receipt.external_id}
        reply = self._call("POST", "/api/del", account.access_token, safe=True, form=form)
        if not reply.ok:
            raise self._refusal(reply)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """GET /user/{name}/submitted, newest first; pictures may appear there late."""
        path = f"/user/{account.handle.removeprefix('u/')}/submitted"
        query = {"sort": "new", "limit": str(PAGE), "raw_json": "1"}
        reply = self._call("GET", path, account.access_token, params=query)
        recent = listed(reply, self._object(reply), message.created_at)
        for post in recent:
            if THING.fullmatch(text_in(post, "name")) and is_same(message, post):
                return Receipt(text_in(post, "name"), self._web(text_in(post, "permalink")))
        if len(recent) >= PAGE:
            raise Uncertain("There are too many newer posts to tell whether this one is there.")
        return None

    def _call(self, method: str, path: str, key: str, **load: Any) -> Reply:
        url = self.options["REDDIT_API_URL"].rstrip("/") + path
        return self.wire.call(method, url, headers=self.calling_card(), bearer=key, **load)

    def _web(self, path: str) -> str:
        return self.options["REDDIT_WEB_URL"].rstrip("/") + path

    def _object(self, reply: Reply) -> dict[str, Any]:
        if not reply.ok:
            raise self._refusal(reply)
        return reply.json()

    def _data(self, reply: Reply, message: Message) -> Mapping[str, Any]:
        """What a submit came to, once no error stands inside."""
        told = self._object(reply).get("json")
        problem = inner_error(reply)
        about_files = message.media and not ABOUT_WORDS & {problem.network_code if problem else ""}
        if isinstance(problem, Rejected) and about_files:
            raise forget(message.saved, tuple(steps(message)), problem)
        if problem:
            raise problem
        data = told.get("data") if isinstance(told, dict) else None
        if not isinstance(data, dict):
            raise reply.unreadable()
        return data

    def _refusal(self, reply: Reply) -> NetworkError:
        """The error table of Reddit, by statuses; see `inner_error` for the rest."""
        said, status = reply.said("explanation", "message", "reason"), reply.status
        asked = reply.headers.get("WWW-Authenticate", "")
        if status == 401 or (status == 403 and "insufficient_scope" in asked):
            return Unauthorized(said, status=status)
        if status == 403 and not reply.maybe_json():
            words = f"Reddit blocks our app; look at REDDIT_USER_AGENT: {said}"
            return Misconfigured(words, status=status)
        if status == 403:
            return Forbidden(said, status=status)
        if status == 429:
            return Throttled(said, wait=self.wait(reply), status=status)
        if status >= 500 or status == 408:
            return reply.troubled()
        if status in (400, 404, 413, 422) and not reply.safe:
            return Rejected(said, status=status)
        return Unexpected(f"Reddit answered {status}: {said}", status=status)
