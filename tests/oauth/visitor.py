"""A person with a browser: logs in at the server's own pages and says yes, or no."""

from __future__ import annotations

from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from deploy.page import read

from .server import line

MOST_PAGES = 12


class Visitor:
    """One person and one browser; `says_yes` decides what is pressed on the consent page."""

    def __init__(self, name: str, *, says_yes: bool = True) -> None:
        self.name = name
        self.says_yes = says_yes
        self.seen: list[str] = []
        self._browser = line()

    def walk(self, url: str, back: str) -> dict[str, str]:
        """From the authorize URL through every page; the query that comes `back`."""
        answer = self._get(url)
        for _ in range(MOST_PAGES):
            if answer.is_redirect:
                url = urljoin(answer.url, answer.headers["Location"])
                if url.startswith(back):
                    return dict(parse_qsl(urlsplit(url).query))
                answer = self._get(url)
            else:
                answer.raise_for_status()
                answer = self._press(answer)
        raise AssertionError(f"the pages never led back: {self.seen}")

    def _press(self, shown: requests.Response) -> requests.Response:
        page = read(shown.text, shown.url)
        [form] = page.forms
        blanks = {name: values[0] for name, values in form.fields.items()}
        self.seen.append(blanks["prompt"])
        if blanks["prompt"] == "login":
            blanks |= {"login": self.name, "password": "any will do"}
        elif not self.says_yes:
            links = [element["href"] for element in page.elements if "href" in element]
            return self._get(urljoin(shown.url, next(x for x in links if x.endswith("/abort"))))
        return self._browser.post(form.action, data=blanks, allow_redirects=False, timeout=5)

    def _get(self, url: str) -> requests.Response:
        return self._browser.get(url, allow_redirects=False, timeout=5)
