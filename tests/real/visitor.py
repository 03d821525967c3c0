"""A person's browser at the real server's authorization page, without the page's own script.

The page is a script that speaks to an API of the server (`@atproto/oauth-provider` 0.15,
`router/create-api-middleware`); this sends what the script sends, headers included.
"""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from .pds import Person

API = "/@atproto/oauth-provider/~api"
PAGE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
SCRIPT = {"Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "empty"}
OWN = {"Sec-Fetch-Site": "same-origin"}


class Visitor:
    """Opens the page of one authorization request; then says yes or no."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        self.cookies: dict[str, str] = {}
        page = self._send("GET", url, PAGE)
        assert page.status_code == 200, page.text[:500]

    def allow(self, person: Person) -> dict[str, str]:
        """Sign in with the main password and consent; the query that comes back to the app."""
        typed = {"locale": "en", "username": person.handle, "password": person.password}
        signed_in = self._ask("sign-in", {**typed, "remember": False})
        token = signed_in["ephemeralToken"]
        answer = self._ask("consent", {"sub": signed_in["account"]["sub"]}, token)
        return self._back(answer["url"])

    def deny(self) -> dict[str, str]:
        """Say no; the query that comes back to the app."""
        return self._back(self._ask("reject", {})["url"])

    def _ask(self, name: str, body: dict[str, Any], bearer: str = "") -> dict[str, Any]:
        headers = {**SCRIPT, **OWN, "X-CSRF-Token": self.cookies["csrf-token"]}
        headers |= {"Referer": self.url, "Origin": self.origin}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        answer = self._send("POST", f"{self.origin}{API}/{name}", headers, body)
        assert answer.ok, answer.text
        return dict(answer.json())

    def _back(self, url: str) -> dict[str, str]:
        """Follow the server's redirect up to our own address, where nobody listens."""
        answer = self._send("GET", url, {**PAGE, **OWN, "Referer": self.url})
        assert answer.is_redirect, answer.text[:500]
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in query.items()}

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: object = None
    ) -> requests.Response:
        """One request; the cookies are kept here, since some are marked as for TLS only."""
        line = requests.Session()
        line.trust_env = False
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        whole = {**headers, **({"Cookie": jar} if jar else {})}
        answer = line.request(
            method, url, headers=whole, json=body, timeout=30, allow_redirects=False
        )
        for written in answer.raw.headers.getlist("Set-Cookie"):
            self.cookies |= {name: one.value for name, one in SimpleCookie(written).items()}
        return answer
