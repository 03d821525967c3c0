"""A street of one's own for every story, and a visitor who walks it with plain requests."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.kit.server import Street

BACK = "http://127.0.0.1:8000/connect/done"


class Visitor:
    """Speaks to the street over loopback, never through a proxy, never to anywhere else."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.web = requests.Session()
        self.web.trust_env = False

    def call(self, method: str, path: str, token: str = "", **more: Any) -> requests.Response:
        assert urlsplit(self.root).hostname == "127.0.0.1"
        headers = dict(more.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        more.setdefault("timeout", 5)
        return self.web.request(
            method, self.root + path, headers=headers, allow_redirects=False, **more
        )

    def get(self, path: str, token: str = "", **more: Any) -> requests.Response:
        return self.call("GET", path, token, **more)

    def post(self, path: str, token: str = "", **more: Any) -> requests.Response:
        return self.call("POST", path, token, **more)

    def delete(self, path: str, token: str = "", **more: Any) -> requests.Response:
        return self.call("DELETE", path, token, **more)

    # The desk

    def grant(self, network: str, person: str = "ada") -> dict[str, Any]:
        answer = self.post("/_street/grant", json={"network": network, "person": person})
        return dict(answer.json())

    def trouble(self, network: str, kind: str, **more: Any) -> None:
        order = {"network": network, "kind": kind, **more}
        assert self.post("/_street/trouble", json=order).status_code == 200

    def board(self, network: str = "") -> list[dict[str, Any]]:
        return list(self.get("/_street/board", params={"network": network}).json()["posts"])

    # The dance

    def consent(self, page: str, asked: dict[str, str], decision: str = "allow") -> dict[str, str]:
        """What comes back to the app after somebody pressed a button on the consent page."""
        assert self.get(page, params=asked).status_code == 200
        answer = self.post(page, data={**asked, "person": "bo", "decision": decision})
        assert answer.headers["Location"].startswith(asked["redirect_uri"])
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in back.items()}

    def asking(self, client_id: str, scope: str) -> tuple[dict[str, str], str]:
        """An authorization request with PKCE, and its verifier."""
        verifier = secrets.token_urlsafe(64)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": BACK,
            "scope": scope,
            "state": "st-1",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return asked, verifier


@pytest.fixture
def street() -> Iterator[Street]:
    with Street() as opened:
        yield opened


@pytest.fixture
def visitor(street: Street) -> Visitor:
    return Visitor(street.url)


@pytest.fixture
def visit() -> type[Visitor]:
    """For stories with more than one street."""
    return Visitor
