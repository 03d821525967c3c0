"""The street's own desk under `/_street/`: order trouble, read the board, hand out tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.kit import page
from sandbox.kit.board import Board
from sandbox.kit.network import (
    Answer,
    RefusalError,
    Request,
    Route,
    Twin,
    as_json,
    as_page,
    redirect,
    route,
    routes_of,
)
from sandbox.kit.shelf import sight
from sandbox.kit.store import Store
from sandbox.kit.trouble import OrderError, Troubles

KEPT = ("app", "person", "alias", "counter")
"""What a reset leaves alone: registered apps, people, and numbers that must keep growing."""


class Desk:
    """The control plane. Everything is JSON; a form sent by the page is answered with the page."""

    def __init__(self, twins: Mapping[str, Twin], store: Store) -> None:
        self.twins = twins
        self.store = store
        self.board = Board(store)
        self.troubles = Troubles()
        self.requests: deque[dict[str, Any]] = deque(maxlen=1000)

    @property
    def routes(self) -> list[Route]:
        """What can be asked here."""
        return [r for handler in vars(Desk).values() for r in routes_of(handler)]

    def answer(self, request: Request) -> Answer | None:
        """The desk's answer, if the path is one of its own."""
        for mine in self.routes:
            match = mine.pattern.fullmatch(request.path)
            if mine.method == request.method and match:
                handler = getattr(self, mine.handler)
                try:
                    answer: Answer = handler(replace(request, params=match.groupdict()))
                except RefusalError as no:
                    return no.answer
                return answer
        return None

    def twin(self, name: object) -> Twin:
        """A twin by name."""
        if str(name) not in self.twins:
            known = ", ".join(self.twins)
            raise RefusalError(as_json({"error": f"network must be one of {known}"}, 400))
        return self.twins[str(name)]

    @route("GET", "/")
    def street(self, request: Request) -> Answer:
        houses = list(self.twins.values())
        return as_page(page.street(houses, self.troubles.report()["pending"], request.base))

    @route("GET", "/_street/house.svg")
    def icon(self, _request: Request) -> Answer:
        return page.icon()

    @route("GET", "/_street/street.css")
    def style(self, _request: Request) -> Answer:
        return page.style(list(self.twins.values()))

    @route("POST", "/_street/trouble")
    def order(self, request: Request) -> Answer:
        try:
            self.troubles.order(request.fields(), tuple(self.twins))
        except OrderError as error:
            return as_json({"error": str(error)}, 400)
        return as_json(self.troubles.report()) if request.is_json else redirect("/")

    @route("GET", "/_street/trouble")
    def troubles_open(self, _request: Request) -> Answer:
        return as_json(self.troubles.report())

    @route("DELETE", "/_street/trouble")
    def calm(self, request: Request) -> Answer:
        self.troubles.clear(request.query.get("network", ""))
        return as_json(self.troubles.report())

    @route("GET", "/_street/board")
    def read_board(self, request: Request) -> Answer:
        network = request.query.get("network", "")
        standing = self.board.everything(request.base, network)
        return as_json({"posts": standing, "gone": self.board.gone(request.base, network)})

    @route("GET", "/_street/files/{seal}")
    def read_file(self, request: Request) -> Answer:
        body = self.store.bytes_of(request.params["seal"])
        kind = sight(body).mime or "application/octet-stream"
        safe = ("X-Content-Type-Options", "nosniff")
        return Answer(200 if body else 404, body, (("Content-Type", kind), safe))

    @route("POST", "/_street/slow_media")
    def slow_media(self, request: Request) -> Answer:
        asked = request.fields()
        polls = int(asked.get("polls", 2))
        self.twin(asked.get("network")).shelf.be_slow(polls)
        return as_json({"polls": polls})

    @route("POST", "/_street/lose_files")
    def lose_files(self, request: Request) -> Answer:
        asked = request.fields()
        times = int(asked.get("times", 1))
        self.twin(asked.get("network")).shelf.lose(times)
        return as_json({"times": times})

    @route("POST", "/_street/longest")
    def longest(self, request: Request) -> Answer:
        asked = request.fields()
        told = {"characters": int(asked.get("characters", 0))}
        self.twin(asked.get("network")).put("house", "longest", told)
        return as_json(told)

    @route("POST", "/_street/end_media")
    def end_media(self, request: Request) -> Answer:
        shelf = self.twin(request.fields().get("network")).shelf
        return as_json({"ended": shelf.end_all(request.at)})

    @route("GET", "/_street/requests")
    def read_requests(self, request: Request) -> Answer:
        network = request.query.get("network", "")
        seen = [r for r in list(self.requests) if network in ("", r["network"])]
        return as_json({"requests": seen})

    @route("POST", "/_street/grant")
    def grant(self, request: Request) -> Answer:
        asked = request.fields()
        twin = self.twin(asked.get("network"))
        host = f"{request.base}/{twin.name}"
        person = twin.person(str(asked.get("person") or "ada"))
        at_home = Request("POST", request.path, request.at, base=host)
        tokens = twin.grant(person, at_home)
        first, *_ = accounts = twin.speaks_for(person, tokens, at_home)
        return as_json(
            {
                "access_token": (key := tokens.get("access_token") or tokens.get("accessJwt", "")),
                "grant_token": key,
                "refresh_token": tokens.get("refresh_token") or tokens.get("refreshJwt", ""),
                "host": host,
                "lifetime_s": twin.lifetime_s,
                **first,
                "accounts": accounts,
            }
        )

    @route("POST", "/_street/expire")
    def expire(self, request: Request) -> Answer:
        asked = request.fields()
        twin = self.twin(asked.get("network"))
        known = twin.expire(str(asked.get("access_token", "")), request.at)
        return as_json({"expired": known}, 200 if known else 404)

    @route("POST", "/_street/kill")
    def kill(self, request: Request) -> Answer:
        asked = request.fields()
        twin = self.twin(asked.get("network"))
        if not request.is_json:  # the button on the page: whoever lives in this house
            for person in twin.people():
                twin.kill(person)
            return redirect("/")
        return as_json({"killed": twin.kill(twin.person(str(asked.get("person") or "ada")))})

    @route("POST", "/_street/reset")
    def reset(self, request: Request) -> Answer:
        self.store.clear(keep=KEPT)
        self.troubles.forget()
        self.requests.clear()
        return as_json({"reset": True}) if request.is_json or not request.body else redirect("/")
