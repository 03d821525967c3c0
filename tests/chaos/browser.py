"""A person with a browser at a site that may be away at any moment: reads pages, sends forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import requests

from deploy import page
from tests.cast import PASSWORD
from tests.chaos.shapes import ALT

TIMEOUT_S = 3  # shorter than the longest pause of the web process: so forms are sent twice
PATIENT_S = 20  # for everything else: a busy machine may need long for a log-in
POST_PAGE = re.compile(r"/posts/(\d+)/$")
ERRORS = re.compile(r'class="errorlist[^>]*>(.*?)</ul>', re.DOTALL)
OK = (200, 302, 303)
FILE, SAID = "-file", "-alt"
"""How the blanks of a file row end: the file, and what it shows in words."""
Files = Sequence[tuple[str, bytes]]
"""Names and bytes of files."""


class AwayError(Exception):
    """The site did not answer, or answered that it is in trouble: try again."""


class RefusedError(Exception):
    """The form came back with something to correct."""


class Browser:
    """One logged-in person; every verb raises AwayError while the site is away."""

    def __init__(self, url: str, email: str) -> None:
        self.url, self.email = url, email
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(
        self,
        method: str,
        url: str,
        data: page.Form | None = None,
        files: Files = (),
        timeout: float = PATIENT_S,
    ) -> requests.Response:
        """One request without following redirects; a form sends its fields, and files with them."""
        fields = dict(data.fields) if data else None
        rows = [name for name in fields or () if name.endswith(FILE)]
        for name in rows:
            fields.pop(name)  # type: ignore[union-attr]
        sent = dict(zip(rows, files, strict=False))
        try:
            answer = self.session.request(
                method,
                url,
                data=fields,
                files=sent or None,
                headers={"Referer": url},
                timeout=timeout,
                allow_redirects=False,
            )
        except requests.RequestException as problem:
            raise AwayError(type(problem).__name__) from None
        if answer.status_code >= 500 or answer.status_code in (403, 404):
            raise AwayError(str(answer.status_code))
        return answer

    def open(self, path: str) -> page.Page:
        """One of our pages, logging in first where that is asked for."""
        answer = self.ask("GET", f"{self.url}{path}")
        if answer.is_redirect:
            self.log_in()
            answer = self.ask("GET", f"{self.url}{path}")
        if answer.status_code != 200:
            raise AwayError(str(answer.status_code))
        return page.read(answer.text, answer.url)

    def log_in(self) -> None:
        """By the form, as everybody."""
        address = f"{self.url}/login/"
        answer = self.ask("GET", address)
        form = page.read(answer.text, address).form("username", "password")
        if form is None:  # logged in already
            return
        form.fields |= {"username": [self.email], "password": [PASSWORD]}
        if not self.ask("POST", address, form).is_redirect:
            raise AwayError("the log-in was not accepted")

    def blank_post(self, text: str, accounts: list[int], when: float | None) -> page.Form:
        """The form for a new post with its own key, filled in; `when` in epoch seconds."""
        form = self.open("/posts/new/").form("text", "accounts", "key")
        if form is None:
            raise AwayError("the page had no form")
        form.fields |= {"text": [text], "accounts": [str(pk) for pk in accounts]}
        moment = datetime.fromtimestamp(when, UTC) if when else None
        form.fields["when"] = [f"{moment:%Y-%m-%dT%H:%M:%S}" if moment else ""]
        return form

    def send_post(self, form: page.Form, files: Files = ()) -> int:
        """Send the form; the number of the post. Sent twice, it makes one post."""
        for name, _ in zip((n for n in form.fields if n.endswith(SAID)), files, strict=False):
            form.fields[name] = [ALT]
        answer = self.ask("POST", form.action, form, files, TIMEOUT_S)
        found = POST_PAGE.search(answer.headers.get("Location", ""))
        if answer.is_redirect and found:
            return int(found[1])
        if answer.status_code == 422:
            raise RefusedError(" ".join(ERRORS.findall(answer.text)))
        self.log_in()
        raise AwayError(f"{answer.status_code} instead of a post")

    def cancel(self, post: int) -> None:
        """Press the button on the post's page, if it is still there to be pressed."""
        address, seen = f"/posts/{post}/cancel/", self.open(f"/posts/{post}/")
        buttons = [button["formaction"] for button in seen.having("formaction")]
        form = seen.form("csrfmiddlewaretoken")
        if form is None or address not in buttons:
            return
        if not self.ask("POST", f"{self.url}{address}", form).is_redirect:
            raise AwayError("the cancellation was not taken")

    def connect(self, network: str, values: dict[str, str], person: str, street: str) -> None:
        """Connect an account again: by form, or by the network's page as `person`."""
        form = self.open("/accounts/").form(f"/accounts/connect/{network}/")
        if form is None:
            raise AwayError(f"there is no way to connect {network}")
        form.fields |= {name: [value] for name, value in values.items()}
        answer = self.ask("POST", form.action, form)
        leads_to = answer.headers.get("Location", "")
        if not leads_to.startswith(street):
            return
        consent = page.read(self.ask("GET", leads_to).text, leads_to).form("decision")
        if consent is None:
            raise AwayError("there is no page that asks for consent")
        consent.fields |= {"decision": ["allow"], "person": [person]}
        back = self.ask("POST", consent.action, consent).headers.get("Location", "")
        self._choose(self.ask("GET", back).headers.get("Location", ""))

    def _choose(self, path: str) -> None:
        """Where a grant speaks for several accounts: all that can be had."""
        if not path:
            return
        form = self.open(path).form("chosen")
        if form is not None:
            form.fields["chosen"] = form.boxes["chosen"]
            self.ask("POST", form.action, form)
