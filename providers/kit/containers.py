"""Posts that are made in a container first: made, waited for, published once, and looked up.

Facts: networks.md of 2026-11-21, section 1.3 and the Publish parts of sections 6 and 7. A container
publishes once and lives for a day; the address of a post is asked for when it is out. Before every
publishing the container is asked for its state, so one that went out already is never sent again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, NoReturn

from providers.kit.content import Media
from providers.kit.contract import Account, Look, Message, Receipt
from providers.kit.errors import (
    NetworkError,
    NotFetched,
    Rejected,
    StillWorking,
    Unauthorized,
    Uncertain,
)
from providers.kit.graph import SOON, GraphProvider, id_in
from providers.kit.http import objects_in, text_in
from providers.kit.likeness import same_links, same_words
from providers.kit.steps import DONE, forget, once
from providers.kit.text import urls

CLOCK_SKEW = timedelta(minutes=2)
LISTED = 50
NOT_OUT = ("FINISHED", "IN_PROGRESS", "EXPIRED", "ERROR")
OUT = "PUBLISHED"


@dataclass(frozen=True, slots=True)
class Edges:
    """What one network calls the things that all of them have."""

    make: str
    publish: str
    state: str
    why: str
    words: str


class ContainerProvider(GraphProvider):
    """A network that publishes by containers; it says what goes into them."""

    edges: ClassVar[Edges]
    look = Look.TICKET

    @abstractmethod
    def whole(self, message: Message) -> dict[str, str]:
        """The container of a post with one medium or none."""

    @abstractmethod
    def item(self, media: Media) -> dict[str, str]:
        """The container of one of several media."""

    @abstractmethod
    def album(self, message: Message, children: Sequence[str]) -> dict[str, str]:
        """The container around them."""

    @abstractmethod
    def unfit(self, why: str) -> bool:
        """Whether a container failed for what is in it, so that a new one would fail too."""

    @abstractmethod
    def unfetched(self, why: str) -> bool:
        """Whether a container failed because a file could not be fetched, which may pass."""

    def listing(self, message: Message) -> str:
        """Where a post like this is listed."""
        return self.edges.make

    def same(self, message: Message, post: Mapping[str, Any]) -> bool:
        """Whether a listed post is this one, by its words and links."""
        theirs = text_in(post, self.edges.words)
        targets = [url.target for url in urls(theirs)]
        return same_words(message.text, theirs) and same_links(message.text, theirs, targets)

    def publish(self, message: Message, account: Account) -> Receipt:
        """Make the container, wait until it is ready, publish it, ask where it stands."""
        saved = message.saved
        if not saved.get("posted"):
            container = self._container(message, account)
            if self._ready(container, message, account) == OUT:
                return self._listed(message, account, out=True) or _unlisted()
            saved.keep("ready", DONE)
            live = self.versioned(account.host, account.external_id, self.edges.publish)
            form = {"creation_id": container}
            saved.keep("posted", self.made(live, account.access_token, form, safe=False))
        try:
            return self._receipt(saved.get("posted"), account)
        except Unauthorized:
            raise
        except NetworkError as problem:
            words = f"The post is out; where it stands is not known yet. {problem.words}"
            raise StillWorking(words, wait=problem.wait or SOON) from None

    def find(self, message: Message, account: Account) -> Receipt | None:
        """Ask the container; only if it went out look for the post among the newest."""
        if posted := message.saved.get("posted"):
            return self._receipt(posted, account)
        container = message.saved.get("container")
        if container and self._state(container, account)[0] != OUT:
            return None
        return self._listed(message, account, out=bool(container))

    def delete(self, receipt: Receipt, account: Account) -> None:
        """DELETE the post."""
        self.removed(self.versioned(account.host, receipt.external_id), account.access_token)

    # Steps

    def _container(self, message: Message, account: Account) -> str:
        """The container of the whole post, and before it those of its several media."""
        saved, several = message.saved, len(message.media) > 1
        children = []
        for number, media in enumerate(message.media if several else ()):
            form = self.item(media)
            children.append(once(saved, f"child.{number}", partial(self._make, form, account)))
        for number, child in enumerate(children):
            ready = partial(self._ready, child, message, account)
            once(saved, f"child_ready.{number}", ready)
        form = self.album(message, children) if several else self.whole(message)
        return once(saved, "container", lambda: self._make(form, account))

    def _make(self, form: Mapping[str, str], account: Account) -> str:
        url = self.versioned(account.host, account.external_id, self.edges.make)
        return self.made(url, account.access_token, {k: v for k, v in form.items() if v})

    def _ready(self, container: str, message: Message, account: Account) -> str:
        """Its state, if it is ready or out; one look, and what has ended is made anew, once."""
        state, why = self._state(container, account)
        match state:
            case "FINISHED" | "PUBLISHED":
                return state
            case "IN_PROGRESS":
                raise StillWorking(f"{self.label} is working on the post.", wait=SOON)
            case "ERROR" if self.unfit(why):
                raise Rejected(f"{self.label} cannot use this file: {why}", network_code=why[:80])
            case "ERROR" if self.unfetched(why):
                for name in self._names(message):
                    message.saved.keep(name, "")
                words = f"{self.label} could not fetch a file from this site: {why}"
                raise NotFetched(words, network_code=why[:80])
            case _:
                problem = Rejected(f"{self.label} gave the post up: {why or state}")
                raise forget(message.saved, self._names(message), problem)

    def _names(self, message: Message) -> list[str]:
        numbers = range(len(message.media))
        children = [f"{step}.{n}" for n in numbers for step in ("child", "child_ready")]
        return [*children, "container", "ready"]

    def _state(self, container: str, account: Account) -> tuple[str, str]:
        fields = f"{self.edges.state},{self.edges.why}"
        url = self.versioned(account.host, container)
        reply = self.asked(url, account.access_token, fields=fields)
        data = self.read(reply)
        state = text_in(data, self.edges.state)
        if state not in (*NOT_OUT, OUT):
            raise reply.unreadable()
        return state, text_in(data, self.edges.why)

    # Where it stands

    def _receipt(self, post_id: str, account: Account) -> Receipt:
        """The address of a post; one that has none (a flagged post) is shown by its account."""
        url = self.versioned(account.host, post_id)
        reply = self.asked(url, account.access_token, fields="id,permalink")
        data = self.read(reply)
        if not id_in(data):
            raise reply.unreadable()
        return Receipt(post_id, text_in(data, "permalink") or self.profile(account.handle))

    @abstractmethod
    def profile(self, handle: str) -> str:
        """The page of an account."""

    def _listed(self, message: Message, account: Account, *, out: bool) -> Receipt | None:
        """The one listed post that is like this; `out`: it is there, so no match is a doubt."""
        since = message.created_at - CLOCK_SKEW
        reply = self.asked(
            self.versioned(account.host, account.external_id, self.listing(message)),
            account.access_token,
            fields=self.fields_listed(),
            since=str(int(since.timestamp())),
            limit=str(LISTED),
        )
        data = self.read(reply)
        if not isinstance(data.get("data"), list):
            raise reply.unreadable()
        posts = objects_in(data, "data")
        like = [p for p in posts if moment(p, "timestamp") >= since and self.same(message, p)]
        if len(like) == 1 and (out or message.text.strip()) and id_in(like[0]):
            link = text_in(like[0], "permalink") or self.profile(account.handle)
            return Receipt(id_in(like[0]), link)
        if like or out or len(posts) >= LISTED:
            _unlisted()
        return None

    def fields_listed(self) -> str:
        """What a listing is asked for."""
        return f"id,{self.edges.words},permalink,timestamp"


def _unlisted() -> NoReturn:
    raise Uncertain("Which of the account's newest posts this one is, if any, cannot be told.")


def moment(post: Mapping[str, Any], name: str) -> datetime:
    """When a post was written; one that does not tell is taken for recent."""
    try:
        found = datetime.fromisoformat(text_in(post, name))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
