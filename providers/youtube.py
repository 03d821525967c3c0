"""YouTube: videos, uploaded in pieces by a session that can be asked what became of it.

Facts: networks.md of 2026-11-21, section 10, from the discovery document of revision 20261104 and
Google's pages. A lost answer to the last piece is cleared up by asking the session, or, where that
is gone, by the list of the channel's uploads. YouTube judges a video only while it processes it: it
is asked about that for some minutes; what it rejects later is seen on YouTube alone. Days of quota
end at midnight in California. Not known: the longest video of a channel, how long a session lives.
That pieces are multiples of 256 KiB is background knowledge. Not offered: thumbnails, playlists,
comments, times set at YouTube, posts without a video.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from providers.kit.contract import (
    Account,
    App,
    Family,
    Field,
    Grant,
    Identity,
    Kind,
    Limits,
    Look,
    Message,
    Receipt,
    Setting,
    TextRule,
    Unit,
    VideoRule,
)
from providers.kit.errors import (
    Forbidden,
    NetworkError,
    Rejected,
    StillWorking,
    Unauthorized,
    Uncertain,
    Unexpected,
)
from providers.kit.http import Reply, objects_in, text_in
from providers.kit.oauth import OAuth, OAuthProvider
from providers.kit.rates import Cap
from providers.kit.reasons import refusal
from providers.kit.resumable import Resumable
from providers.kit.steps import DONE

SCOPE = "https://www.googleapis.com/auth/youtube"
DAY = timedelta(days=1)
CLOCK_SKEW = timedelta(minutes=2)
PATIENCE = timedelta(seconds=30)
MOST_LOOKS = 20
PAGE = 10
MEGABYTE = 1024 * 1024
PRIVACY = (("public", "Everybody"), ("unlisted", "Whoever has the link"), ("private", "Only you"))
KIDS = (("yes", "Yes"), ("no", "No"))


class YouTube(OAuthProvider):
    """YouTube."""

    name = "youtube"
    label = "YouTube"
    colour = "#cc0000"
    family = Family.REUSABLE
    limits = Limits(
        TextRule(limit=5000, unit=Unit.CODE_POINTS, byte_limit=5000, banned="<>"),
        video=VideoRule(("video/mp4", "video/quicktime", "video/webm"), 274_877_906_944),
        needs_media=True,
    )
    look = Look.TICKET
    caps = (Cap(100, DAY, "app"),)
    """Uploads of one project since 2026-06-01; nothing in its answers says what is left."""
    oauth: ClassVar[OAuth] = OAuth(
        scopes=(f"{SCOPE}.upload", f"{SCOPE}.readonly", f"{SCOPE}.force-ssl"),
        extra={
            "access_type": "offline",
            "prompt": "consent",  # or there is no refresh token the second time
            "include_granted_scopes": "true",
        },
    )
    settings = (
        Setting(
            "YOUTUBE_CLIENT_ID",
            "OAuth client id of your project in the Google Cloud console",
            needed=True,
            practice="practice-client",
        ),
        Setting(
            "YOUTUBE_CLIENT_SECRET",
            "OAuth client secret of the same project",
            needed=True,
            secret=True,
            practice="practice-secret",
        ),
        Setting(
            "YOUTUBE_PIECE_MB",
            "Size of the pieces in which videos are uploaded; one must take less than 45 seconds",
            default="8",
            practice="1",
        ),
        Setting(
            "YOUTUBE_API_URL",
            "Base URL of the API",
            default="https://www.googleapis.com",
            practice="{street}/youtube",
        ),
        Setting(
            "YOUTUBE_AUTHORIZE_URL",
            "Page on which people say yes",
            default="https://accounts.google.com/o/oauth2/v2/auth",
            practice="{street}/youtube/o/oauth2/v2/auth",
        ),
        Setting(
            "YOUTUBE_TOKEN_URL",
            "Where tokens are traded and revoked",
            default="https://oauth2.googleapis.com",
            practice="{street}/youtube",
        ),
        Setting(
            "YOUTUBE_WEB_URL",
            "Where videos are seen",
            default="https://www.youtube.com",
            practice="{street}/youtube",
        ),
    )
    post_fields = (
        Field("title", "Title", help="At most 100 characters", practice="A video", needed=True),
        Field("privacy", "Who sees it", help="Empty: all", practice="public", choices=PRIVACY),
        Field("kids", "Made for children", help="Empty: no", practice="no", choices=KIDS),
    )

    def authorize_endpoint(self, host: str) -> str:
        """The consent page."""
        return self.options["YOUTUBE_AUTHORIZE_URL"]

    def token_endpoint(self, host: str) -> str:
        """Where codes and refresh tokens are traded."""
        return self.options["YOUTUBE_TOKEN_URL"].rstrip("/") + "/token"

    def identify(self, grant: Grant, host: str) -> Identity:
        """GET /youtube/v3/channels: the channel that was chosen on Google's page."""
        items = self._items("channels", grant.access_token, part="snippet", mine="true")
        if not items:
            raise Forbidden("This Google account has no YouTube channel.")
        number, snippet = text_in(items[0], "id"), items[0].get("snippet")
        name, handle = text_in(snippet, "title"), text_in(snippet, "customUrl")
        if not number:
            raise Unexpected("YouTube did not say which channel this is.")
        pictures = snippet.get("thumbnails") if isinstance(snippet, dict) else None
        small = pictures.get("default") if isinstance(pictures, dict) else None
        url = self._web(f"/channel/{number}")
        return Identity(number, handle or name or number, name, url, text_in(small, "url"))

    def refresh(self, *, grant: Grant, app: App | None, host: str) -> Grant:
        """A new access token; the refresh token stays and is not repeated."""
        ours = app or self.app(host)
        if ours is None or not grant.refresh_token:
            raise Unauthorized("Google gave no refresh token; the account must connect again.")
        return self.refresh_grant(grant, ours, host)

    def revoke(self, *, grant: Grant, app: App | None, host: str) -> None:
        """POST /revoke?token=…: ends the whole grant."""
        url, token = self.options["YOUTUBE_TOKEN_URL"], grant.refresh_token or grant.access_token
        url, secrets = url.rstrip("/") + "/revoke", (token,)
        reply = self.wire.call("POST", url, safe=True, params={"token": token}, secrets=secrets)
        if not reply.ok and reply.status != 400:
            raise self.token_refusal(reply)

    def publish(self, message: Message, account: Account) -> Receipt:
        """POST /upload/youtube/v3/videos, then pieces; the last one makes it a video."""
        if len(message.media) != 1 or message.media[0].kind is not Kind.VIDEO:
            raise Rejected("YouTube takes exactly one video.")
        if not (video := message.saved.get("video")):
            upload = self._upload(message, account)
            video = upload.finish({"part": "snippet,status"}, _described(message))
            message.saved.keep("video", video)
        self._processed(video, message, account)
        return self._receipt(video)

    def _upload(self, message: Message, account: Account) -> Resumable:
        length = max(1, int(self.options["YOUTUBE_PIECE_MB"])) * MEGABYTE
        url = self._api("/upload/youtube/v3/videos")
        return Resumable(self.wire, url, account, message, length, self._refusal)

    def _processed(self, video: str, message: Message, account: Account) -> None:
        """One look at the processing; after some looks the video is left to YouTube."""
        looks = int(message.saved.get("looks") or 0)
        if message.saved.get("processed") or looks >= MOST_LOOKS:
            return
        words = "YouTube has the video and is processing it."
        try:
            items = self._items("videos", account.access_token, part="status", id=video)
        except Unauthorized:
            raise
        except NetworkError:
            items = []
        status = items[0].get("status") if items else None
        match text_in(status, "uploadStatus"):
            case "rejected":
                why = text_in(status, "rejectionReason")
                raise Rejected(f"YouTube took the video and then rejected it ({why}).")
            case "failed":
                why = text_in(status, "failureReason")
                raise Rejected(f"YouTube could not process the video ({why}).")
            case "processed":
                message.saved.keep("processed", DONE)
            case _:
                message.saved.keep("looks", str(looks + 1))
                raise StillWorking(words, wait=PATIENCE)

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE /youtube/v3/videos."""
        url, query = self._api("/youtube/v3/videos"), {"id": receipt.external_id}
        key = account.access_token
        reply = self.wire.call("DELETE", url, safe=True, params=query, bearer=key)
        if not reply.ok and reply.status != 404:
            raise self._refusal(reply)

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Ask the session; where it is gone, look through the channel's newest uploads."""
        made = self._upload(message, account).came_to()
        if made is not None:
            return self._receipt(made) if made else None
        key, since = account.access_token, message.created_at - CLOCK_SKEW
        channels = self._items("channels", key, part="contentDetails", mine="true")
        details = channels[0].get("contentDetails") if channels else None
        lists = details.get("relatedPlaylists") if isinstance(details, dict) else None
        if not (uploads := text_in(lists, "uploads")):
            raise Uncertain("YouTube does not tell where this channel's videos are listed.")
        about = {"part": "snippet", "playlistId": uploads, "maxResults": str(PAGE)}
        found = [item.get("snippet") for item in self._items("playlistItems", key, **about)]
        recent = [one for one in found if _published_at(one, message.created_at) >= since]
        for one in recent:
            resource = one.get("resourceId") if isinstance(one, dict) else None
            if _is_same(message, one) and (video := text_in(resource, "videoId")):
                return self._receipt(video)
        if len(recent) >= PAGE:
            raise Uncertain("There are too many newer videos to tell whether this one is there.")
        return None

    def _receipt(self, video: str) -> Receipt:
        return Receipt(video, self._web(f"/watch?v={video}"))

    def _api(self, path: str) -> str:
        return self.options["YOUTUBE_API_URL"].rstrip("/") + path

    def _web(self, path: str) -> str:
        return self.options["YOUTUBE_WEB_URL"].rstrip("/") + path

    def _items(self, kind: str, key: str, **query: str) -> list[dict[str, Any]]:
        """GET /youtube/v3/…: the items of a list."""
        url = self._api(f"/youtube/v3/{kind}")
        reply = self.wire.call("GET", url, params=query, bearer=key)
        if not reply.ok:
            raise self._refusal(reply)
        data = reply.json()
        if not text_in(data, "kind").startswith("youtube#"):
            raise reply.unreadable()
        return objects_in(data, "items")

    def _refusal(self, reply: Reply) -> NetworkError:
        """The error table of YouTube."""
        return refusal(reply, self.label, self.wait(reply))


def _described(message: Message) -> dict[str, Any]:
    """The video as it is announced; category 22 is that of people and blogs."""
    told = message.options
    snippet = {
        "title": told.get("title", "").strip(),
        "description": message.text,
        "categoryId": "22",
    }
    kids = told.get("kids", "").strip().casefold() == "yes"
    privacy = told.get("privacy", "").strip().casefold() or "public"
    status = {"privacyStatus": privacy, "selfDeclaredMadeForKids": kids}
    return {"snippet": snippet, "status": status}


def _published_at(item: object, default: datetime) -> datetime:
    """When an upload was listed; one that does not tell is taken for recent."""
    try:
        moment = datetime.fromisoformat(text_in(item, "publishedAt"))
    except ValueError:
        return default
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_same(message: Message, item: object) -> bool:
    """The same title and description; without a description nothing is certain."""
    wanted = (message.options.get("title", "").strip(), message.text)
    theirs = (text_in(item, "title"), text_in(item, "description"))
    if [" ".join(text.split()) for text in wanted] != [" ".join(text.split()) for text in theirs]:
        return False
    if not message.text.strip():
        raise Uncertain("A video of this title stands there; whether it is this one is not told.")
    return True
