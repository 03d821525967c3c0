"""What can be posted to a code forge: issues and comments, releases, gists, discussions.

Facts: github/docs and @octokit/openapi 23.0.2 as told in networks.md of 2026-11-21, section 14;
GraphQL as @octokit/graphql-schema 15.26.1 has it. A comment that no page shows carries the key of
the message, so a look-up is exact. A gist is known by the name of its file, since lists of gists
have no text. Whoever may post need not be allowed to delete: issues and discussions ask for more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import quote

from providers.kit.contract import Message, Receipt
from providers.kit.errors import Forbidden, Rejected, Uncertain
from providers.kit.forge import Forge, at, refusal
from providers.kit.http import Reply, objects_in, text_in
from providers.kit.steps import once

CLOCK_SKEW = timedelta(minutes=2)
PAGE, MOST_PAGES = 30, 5
PART = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}")
GONE = (404, 410)

PLACE = """query($owner:String!,$name:String!){repository(owner:$owner,name:$name){
id discussionCategories(first:50){nodes{id name}}}}"""
DISCUSS = """mutation($repository:ID!,$category:ID!,$title:String!,$body:String!,$key:String!){
createDiscussion(input:{repositoryId:$repository,categoryId:$category,title:$title,body:$body,
clientMutationId:$key}){discussion{id number url}}}"""
DISCUSSED = """query($owner:String!,$name:String!,$first:Int!){
repository(owner:$owner,name:$name){discussions(first:$first,
orderBy:{field:CREATED_AT,direction:DESC}){nodes{id url body createdAt}}}}"""
END_DISCUSSION = "mutation($id:ID!){deleteDiscussion(input:{id:$id}){clientMutationId}}"
END_ISSUE = "mutation($id:ID!){deleteIssue(input:{issueId:$id}){clientMutationId}}"


class Kind(Protocol):
    """One kind of post."""

    def create(self, forge: Forge, message: Message) -> Receipt:
        """Publish it."""

    def find(self, forge: Forge, message: Message) -> Receipt | None:
        """Look for it."""

    def delete(self, forge: Forge, name: str) -> None:
        """Take it back; `name` is the receipt's id."""


def marker(message: Message) -> str:
    """What stands behind a text and is shown to nobody."""
    return f"\n\n<!-- post {message.key} -->"


MARKER_LENGTH = len("\n\n<!-- post  -->") + 36


def body(message: Message) -> str:
    """The text with its marker."""
    return message.text + marker(message)


def is_ours(message: Message, text: str) -> bool:
    """Whether a text carries the marker of a message; line ends may have been written anew."""
    return marker(message).strip() in text


def option(message: Message, name: str, words: str) -> str:
    """A blank that has to be filled in."""
    value = message.options.get(name, "").strip()
    if not value:
        raise Rejected(words)
    return value


def repository(message: Message) -> str:
    """owner/name, out of what was typed."""
    typed = option(message, "repository", "Name the repository, as owner/name.")
    said = re.sub(r"^https?://[^/]+/", "", typed).strip("/").removesuffix(".git")
    owner, _, name = said.partition("/")
    if not PART.fullmatch(owner) or not PART.fullmatch(name):
        raise Rejected("Name the repository as owner/name.")
    return f"{owner}/{name}"


def title(message: Message) -> str:
    """The title, which has at most 256 characters."""
    return option(message, "title", "A title is needed.")


def since(message: Message) -> str:
    """From when on a look-up reads."""
    return (message.created_at - CLOCK_SKEW).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def receipt(name: str, url: object, reply: Reply) -> Receipt:
    """The receipt of a success answer; without a page and an id it cannot be read."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise reply.unreadable()
    return Receipt(name, url)


def numbered(data: Mapping[str, Any], field: str, reply: Reply) -> str:
    """The number in a success answer."""
    value = data.get(field)
    if not isinstance(value, int) or isinstance(value, bool):
        raise reply.unreadable()
    return str(value)


def listed(forge: Forge, path: str, query: Mapping[str, str]) -> list[tuple[dict[str, Any], Reply]]:
    """Everything that a list has; too much of it is a doubt."""
    found: list[tuple[dict[str, Any], Reply]] = []
    for page in range(1, MOST_PAGES + 1):
        asked = {**query, "per_page": str(PAGE), "page": str(page)}
        reply = forge.told("GET", path, params=asked)
        items = reply.items()
        found += [(item, reply) for item in items]
        if len(items) < PAGE:
            return found
    raise Uncertain("There are too many newer posts to tell whether this one is there.")


def removed(forge: Forge, name: str) -> None:
    """DELETE; what is gone already is no error."""
    reply = forge.ask("DELETE", name, safe=True)
    if not reply.ok and reply.status not in GONE:
        raise refusal(reply)


class Issue:
    """POST /repos/{owner}/{repo}/issues; what answers it is a comment."""

    def create(self, forge: Forge, message: Message) -> Receipt:
        """An issue, or a comment under one."""
        if message.reply_to:
            return self._comment(forge, message)
        path = f"repos/{repository(message)}/issues"
        sent = {"title": title(message), "body": body(message)}
        reply = forge.told("POST", path, safe=False, json=sent)
        made = reply.json()
        return receipt(f"{path}/{numbered(made, 'number', reply)}", made.get("html_url"), reply)

    def _comment(self, forge: Forge, message: Message) -> Receipt:
        path = f"{_root(message)}/comments"
        reply = forge.ask("POST", path, safe=False, json={"body": body(message)})
        if reply.status in GONE:
            raise Rejected("The issue to be answered is gone.", status=reply.status)
        if not reply.ok:
            raise refusal(reply)
        return _comment(path, reply.json(), reply)

    def find(self, forge: Forge, message: Message) -> Receipt | None:
        """By the marker, among what the account wrote, or under the issue that is answered."""
        if message.reply_to:
            path = f"{_root(message)}/comments"
            for one, reply in listed(forge, path, {"since": since(message)}):
                if is_ours(message, text_in(one, "body")):
                    return _comment(path, one, reply)
            return None
        path = f"repos/{repository(message)}/issues"
        query = {"creator": forge.login, "state": "all", "sort": "created", "direction": "desc"}
        for one, reply in listed(forge, path, {**query, "since": since(message)}):
            if is_ours(message, text_in(one, "body")):
                name = f"{path}/{numbered(one, 'number', reply)}"
                return receipt(name, one.get("html_url"), reply)
        return None

    def delete(self, forge: Forge, name: str) -> None:
        """A comment by REST; an issue by GraphQL, which only administrators may."""
        if "/issues/comments/" in name:
            return removed(forge, name)
        reply = forge.ask("GET", name)
        if reply.status in GONE:
            return None
        if not reply.ok:
            raise refusal(reply)
        try:
            forge.query(END_ISSUE, safe=True, id=text_in(reply.json(), "node_id"))
        except Forbidden as problem:
            words = f"{problem.words} Only an administrator may delete an issue; close it instead."
            raise Forbidden(words, status=problem.status) from None
        return None


def _root(message: Message) -> str:
    """The issue that a comment goes under; nothing but issues can be answered."""
    first = message.root or message.reply_to
    name = first.external_id if first else ""
    if not re.fullmatch(r"repos/[^/]+/[^/]+/issues/[0-9]+", name):
        raise Rejected("Only issues can be answered.")
    return name


def _comment(path: str, made: Mapping[str, Any], reply: Reply) -> Receipt:
    place = re.sub(r"/[0-9]+/comments$", "/comments", path)
    return receipt(f"{place}/{numbered(made, 'id', reply)}", made.get("html_url"), reply)


class Release:
    """POST /repos/{owner}/{repo}/releases; a tag has one release."""

    def create(self, forge: Forge, message: Message) -> Receipt:
        """A release under a tag, which is made if there is none."""
        alone(message)
        path, tag = f"repos/{repository(message)}/releases", self._tag(message)
        sent = {"tag_name": tag, "name": title(message), "body": body(message)}
        reply = forge.told("POST", path, safe=False, json=sent)
        return self._receipt(path, reply)

    def find(self, forge: Forge, message: Message) -> Receipt | None:
        """GET /repos/{owner}/{repo}/releases/tags/{tag}."""
        path = f"repos/{repository(message)}/releases"
        reply = forge.ask("GET", f"{path}/tags/{quote(self._tag(message), safe='')}")
        if reply.status == 404:
            return None
        if not reply.ok:
            raise refusal(reply)
        ours = is_ours(message, text_in(reply.json(), "body"))
        return self._receipt(path, reply) if ours else None

    def delete(self, forge: Forge, name: str) -> None:
        """DELETE; the tag stays."""
        removed(forge, name)

    def _tag(self, message: Message) -> str:
        return option(message, "tag", "A release needs a tag.")

    def _receipt(self, path: str, reply: Reply) -> Receipt:
        made = reply.json()
        return receipt(f"{path}/{numbered(made, 'id', reply)}", made.get("html_url"), reply)


class Gist:
    """POST /gists: one public file in Markdown."""

    def create(self, forge: Forge, message: Message) -> Receipt:
        """A gist; the title is its description."""
        alone(message)
        files = {file_name(message): {"content": body(message)}}
        sent = {"description": title(message), "public": True, "files": files}
        reply = forge.told("POST", "gists", safe=False, json=sent)
        return self._receipt(reply.json(), reply)

    def find(self, forge: Forge, message: Message) -> Receipt | None:
        """By the name of its file."""
        for one, reply in listed(forge, "gists", {"since": since(message)}):
            files = one.get("files")
            if isinstance(files, dict) and file_name(message) in files:
                return self._receipt(one, reply)
        return None

    def delete(self, forge: Forge, name: str) -> None:
        """DELETE /gists/{id}."""
        removed(forge, name)

    def _receipt(self, made: Mapping[str, Any], reply: Reply) -> Receipt:
        name = text_in(made, "id")
        if not PART.fullmatch(name):
            raise reply.unreadable()
        return receipt(f"gists/{name}", made.get("html_url"), reply)


def file_name(message: Message) -> str:
    """The name of a gist's file: one for each message."""
    return f"post-{sha256(message.key.encode()).hexdigest()[:16]}.md"


def alone(message: Message) -> None:
    """Refuse to answer something where that is not possible."""
    if message.reply_to:
        raise Rejected("Only issues can be answered.")


class Discussion:
    """createDiscussion; there is no REST path for it."""

    def create(self, forge: Forge, message: Message) -> Receipt:
        """A discussion in a category, whose ids are asked for first."""
        alone(message)
        said = title(message)
        place = json.loads(once(message.saved, "place", lambda: self._place(forge, message)))
        values = {**place, "title": said, "body": body(message), "key": message.key}
        data, reply = forge.query(DISCUSS, safe=False, **values)
        return self._receipt(at(data, "createDiscussion", "discussion"), reply)

    def find(self, forge: Forge, message: Message) -> Receipt | None:
        """Read the newest discussions of the repository."""
        owner, _, name = repository(message).partition("/")
        data, reply = forge.query(DISCUSSED, safe=True, owner=owner, name=name, first=PAGE)
        if at(data, "repository", "discussions") is None:
            raise reply.unreadable()
        recent = objects_in(at(data, "repository", "discussions"), "nodes")
        for one in recent:
            if is_ours(message, text_in(one, "body")):
                return self._receipt(one, reply)
        if len(recent) >= PAGE and text_in(recent[-1], "createdAt") >= since(message):
            raise Uncertain("There are too many newer posts to tell whether this one is there.")
        return None

    def delete(self, forge: Forge, name: str) -> None:
        """deleteDiscussion."""
        try:
            forge.query(END_DISCUSSION, safe=True, id=name.removeprefix("discussions/"))
        except Forbidden as problem:
            if "could not resolve to a node" not in problem.words.lower():
                raise

    def _place(self, forge: Forge, message: Message) -> str:
        owner, _, name = repository(message).partition("/")
        wanted = option(message, "category", "A discussion needs a category.")
        data, reply = forge.query(PLACE, safe=True, owner=owner, name=name)
        number = at(data, "repository", "id")
        if not isinstance(number, str):
            raise reply.unreadable()
        known = objects_in(at(data, "repository", "discussionCategories"), "nodes")
        for one in known:
            if text_in(one, "name").casefold() == wanted.casefold():
                return json.dumps({"repository": number, "category": text_in(one, "id")})
        names = ", ".join(text_in(one, "name") for one in known) or "discussions are switched off"
        raise Rejected(f"There is no category {wanted} in this repository ({names}).")

    def _receipt(self, made: object, reply: Reply) -> Receipt:
        if not text_in(made, "id"):
            raise reply.unreadable()
        return receipt(f"discussions/{text_in(made, 'id')}", text_in(made, "url"), reply)


KINDS: dict[str, Kind] = {
    "issue": Issue(),
    "discussion": Discussion(),
    "release": Release(),
    "gist": Gist(),
}


def kind_of(message: Message) -> Kind:
    """What shall be posted."""
    typed = message.options.get("kind", "").strip().lower()
    if typed not in KINDS:
        raise Rejected(f"The kind of a post is one of {', '.join(KINDS)}.")
    return KINDS[typed]


def kind_behind(name: str) -> Kind:
    """What a receipt's id is the id of."""
    if name.startswith("gists/"):
        return KINDS["gist"]
    if name.startswith("discussions/"):
        return KINDS["discussion"]
    return KINDS["release" if "/releases/" in name else "issue"]
