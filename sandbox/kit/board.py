"""What was received: every post that stands on a twin, for tests and for the street's page."""

from __future__ import annotations

from sandbox.kit.store import Document, Store

BARE: Document = {"media": [], "reply_to": "", "link": ""}
"""What a post has beside its text unless it says otherwise."""


class Board:
    """The posts of all twins; each names the path of its page, reading adds the address."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def pin(self, network: str, post: Document) -> None:
        """Put up a post, or its new version under the same id."""
        before = self.store.get(network, "post", post["id"]) or {}
        received_at = before.get("received_at", post["received_at"])
        whole = {"network": network, **post, "received_at": received_at}
        self.store.put(network, "post", post["id"], whole, post["account"])

    def take_down(self, network: str, post_id: str) -> bool:
        """Remove a post; says whether it was there. The board remembers it as gone."""
        post = self.post(network, post_id)
        if post is not None:
            self.store.put(network, "gone", post_id, post, post["account"])
        return self.store.drop(network, "post", post_id)

    def post(self, network: str, post_id: str) -> Document | None:
        """One post."""
        found = self.store.get(network, "post", post_id)
        return {**BARE, **found} if found else None

    def of(self, network: str, account: str, limit: int = -1) -> list[Document]:
        """One account's posts, the newest first."""
        return [{**BARE, **post} for post in self.store.owned(network, "post", account, limit)]

    def count(self, network: str) -> int:
        """How many posts stand on a network."""
        return self.store.count(network, "post")

    def everything(self, root: str, network: str = "", limit: int = -1) -> list[Document]:
        """All posts, the newest first, with the links a reader can open."""
        posts = self.store.newest("post", network, limit=limit)
        return [self.linked(post, root) for post in posts]

    def gone(self, root: str, network: str = "", limit: int = -1) -> list[Document]:
        """The posts that were deleted, the newest first."""
        posts = self.store.newest("gone", network, limit=limit)
        return [self.linked(post, root) for post in posts]

    def linked(self, post: Document, root: str) -> Document:
        """A post as the board shows it."""
        shown = {k: v for k, v in {**BARE, **post}.items() if k != "path"}
        files = [{**m, "url": f"{root}/_street/files/{m['sha256']}"} for m in shown["media"]]
        return {**shown, "media": files, "url": f"{root}/{post['network']}{post['path']}"}
