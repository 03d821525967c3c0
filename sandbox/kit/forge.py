"""What can be posted to a code forge: issues, comments, releases, gists, discussions.

From `networks.md` of 2026-11-21, section 14, and @octokit/openapi 23.0.2; GraphQL as
@octokit/graphql-schema 15.26.1 has it, of which only the requests of one client are understood.
Everybody owns one repository. HTML comments show on no page, so the board has texts without them.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.kit import page
from sandbox.kit.network import Answer, Person, RefusalError, Request, as_json, iso, route
from sandbox.kit.network import Route as Route
from sandbox.kit.oauth import OAuthTwin
from sandbox.kit.store import Document

LONGEST_BODY, LONGEST_TITLE = 65_536, 256
REPOSITORY = "practice"
CATEGORIES = {"General": "DIC_1", "Announcements": "DIC_2"}
HIDDEN = re.compile(r"\s*<!--.*?-->", re.S)
BEYOND = "/api/repos/{owner}/{repo}"
OPERATIONS = {
    "createDiscussion(": "publish",
    "discussionCategories(": "container",
    "discussions(": "find",
    "deleteDiscussion(": "delete",
    "deleteIssue(": "delete",
}


def no(status: int, words: str, **more: Any) -> Answer:
    """A refusal."""
    return as_json({"message": words, "documentation_url": "", **more}, status)


def invalid(resource: str, field: str, code: str) -> RefusalError:
    """What was sent is not acceptable."""
    errors = [{"resource": resource, "field": field, "code": code}]
    return RefusalError(no(422, "Validation Failed", errors=errors))


def graphql_no(kind: str, words: str) -> RefusalError:
    """A refusal of GraphQL, which comes with HTTP 200."""
    errors = [{"type": kind, "path": [], "message": words}]
    return RefusalError(as_json({"data": None, "errors": errors}))


class ForgeTwin(OAuthTwin):
    """A twin with the posts of a forge; who speaks, its subclass says (`caller`)."""

    def caller(self, request: Request, scope: str = "") -> Person:
        """Whose key it is, once the request is polite."""
        raise NotImplementedError(f"{type(self).__name__}.caller")

    def purpose(self, route: Route, request: Request) -> str:
        if not request.path.endswith("/graphql"):
            return route.purpose
        asked = str(request.json().get("query", ""))
        return next((use for mark, use in OPERATIONS.items() if mark in asked), "find")

    def place(self, request: Request) -> str:
        """The repository in the address, if there is one."""
        owner, name = request.params["owner"], request.params["repo"]
        if name != REPOSITORY or all(p.handle != owner for p in self.people()):
            raise RefusalError(no(404, "Not Found"))
        return f"{owner}/{name}"

    def accepted(self, resource: str, body: object, title: object = "-") -> str:
        """A text that is not too long, under a title that is there."""
        if not isinstance(title, str) or not title.strip() or len(title) > LONGEST_TITLE:
            raise invalid(resource, "title", "missing_field" if not title else "invalid")
        if not isinstance(body, str) or not body.strip() or len(body) > LONGEST_BODY:
            raise invalid(resource, "body", "invalid")
        return body

    def pinned(
        self, person: Person, name: str, body: str, path: str, request: Request, **more: Any
    ) -> Document:
        """Put a post on the board as readers see it."""
        shown = HIDDEN.sub("", body)
        self.put("page", path.partition("#")[0], {"id": name.partition("#")[0]})
        more |= {"body": body, "author": person.handle}
        return self.receive(person, name, shown, path, request.at, **more)

    def seen(self, post: Document, request: Request) -> Document:
        """A post as the API shows it."""
        user = {"login": post["author"]}
        known = {"id": post["number"], "number": post["number"], "node_id": post["node"]}
        known |= {"html_url": request.base + post["path"], "body": post["body"], "user": user}
        return {**known, "url": f"{request.base}/api/{post['id']}", "created_at": stamp(post)}

    def number(self, request: Request) -> int:
        """The next number."""
        return self.store.next_number(self.name, request.at)

    def recent(self, request: Request, prefix: str) -> list[Document]:
        """Posts whose id begins so, newest first, as the query of a list asks for them."""
        asked = request.query
        size, place = int(asked.get("per_page", "30")), int(asked.get("page", "1"))
        found = [
            post
            for post in self.store.newest("post", self.name)
            if post["id"].startswith(prefix) and "/" not in post["id"].removeprefix(prefix)
            if stamp(post) >= asked.get("since", "")
            if asked.get("creator", post["author"]) == post["author"]
        ]
        return found[(place - 1) * size : place * size]

    # Issues and comments

    @route("POST", BEYOND + "/issues", "publish")
    def create_issue(self, request: Request) -> Answer:
        person, place = self.caller(request, "public_repo"), self.place(request)
        asked, number = request.json(), self.number(request)
        body = self.accepted("Issue", asked.get("body"), asked.get("title"))
        path, name = f"/{place}/issues/{number}", f"repos/{place}/issues/{number}"
        more = {"number": number, "node": f"I_{number}"}
        post = self.pinned(person, name, body, path, request, **more)
        return as_json(self.seen(post, request), 201)

    @route("GET", BEYOND + "/issues", "find")
    def issues(self, request: Request) -> Answer:
        self.caller(request)
        posts = self.recent(request, f"repos/{self.place(request)}/issues/")
        return as_json([self.seen(post, request) for post in posts])

    def standing(self, request: Request) -> Document:
        """The issue in the address."""
        name = f"repos/{self.place(request)}/issues/{request.params['number']}"
        post = self.board.post(self.name, name)
        if post is None:
            raise RefusalError(no(410, "This issue was deleted"))
        return post

    @route("GET", BEYOND + "/issues/{number}", "status")
    def read_issue(self, request: Request) -> Answer:
        self.caller(request)
        return as_json(self.seen(self.standing(request), request))

    @route("POST", BEYOND + "/issues/{number}/comments", "publish")
    def create_comment(self, request: Request) -> Answer:
        person, above = self.caller(request, "public_repo"), self.standing(request)
        body, number = self.accepted("IssueComment", request.json().get("body")), 0
        number, place = self.number(request), self.place(request)
        path, name = f"{above['path']}#issuecomment-{number}", f"repos/{place}/issues/comments/"
        more = {"number": number, "node": f"IC_{number}", "reply_to": above["id"]}
        post = self.pinned(person, f"{name}{number}", body, path, request, **more)
        self.put("page", above["path"], {"id": above["id"]})
        return as_json(self.seen(post, request), 201)

    @route("GET", BEYOND + "/issues/{number}/comments", "find")
    def comments(self, request: Request) -> Answer:
        self.caller(request)
        above = self.standing(request)
        posts = self.recent(request, f"repos/{self.place(request)}/issues/comments/")
        mine = [post for post in posts if post["reply_to"] == above["id"]]
        return as_json([self.seen(post, request) for post in reversed(mine)])

    # Releases and gists

    @route("POST", BEYOND + "/releases", "publish")
    def create_release(self, request: Request) -> Answer:
        person, place = self.caller(request, "public_repo"), self.place(request)
        asked, number = request.json(), self.number(request)
        tag = str(asked.get("tag_name", ""))
        body = self.accepted("Release", asked.get("body"), asked.get("name"))
        if not tag or self.get("tag", f"{place}:{tag}"):
            raise invalid("Release", "tag_name", "already_exists" if tag else "missing_field")
        name, path = f"repos/{place}/releases/{number}", f"/{place}/releases/tag/{tag}"
        more = {"number": number, "node": f"RE_{number}", "tag": f"{place}:{tag}"}
        post = self.pinned(person, name, body, path, request, **more)
        self.put("tag", f"{place}:{tag}", {"id": name})
        return as_json({**self.seen(post, request), "tag_name": tag}, 201)

    @route("GET", BEYOND + "/releases/tags/{tag}", "find")
    def release(self, request: Request) -> Answer:
        self.caller(request)
        known = self.get("tag", f"{self.place(request)}:{request.params['tag']}")
        post = self.board.post(self.name, known["id"]) if known else None
        return as_json(self.seen(post, request)) if post else no(404, "Not Found")

    @route("POST", "/api/gists", "publish")
    def create_gist(self, request: Request) -> Answer:
        person, asked = self.caller(request, "gist"), request.json()
        [(file, held)] = asked["files"].items()
        body, number = self.accepted("Gist", held["content"]), self.number(request)
        name, path = f"gists/{number}", f"/gist/{person.handle}/{number}"
        more = {"number": number, "node": f"G_{number}", "file": file}
        post = self.pinned(person, name, body, path, request, **more)
        return as_json(self.seen_gist(post, request), 201)

    def seen_gist(self, post: Document, request: Request) -> Document:
        """A gist as lists show it: with the names of its files, without their text."""
        known = {"id": post["id"].removeprefix("gists/"), "files": {post["file"]: {}}}
        return {**known, "html_url": request.base + post["path"], "created_at": stamp(post)}

    @route("GET", "/api/gists", "find")
    def gists(self, request: Request) -> Answer:
        person = self.caller(request)
        mine = [p for p in self.recent(request, "gists/") if p["author"] == person.handle]
        return as_json([self.seen_gist(post, request) for post in mine])

    @route("DELETE", "/api/gists/{number}", "delete")
    @route("DELETE", BEYOND + "/releases/{number}", "delete")
    @route("DELETE", BEYOND + "/issues/comments/{number}", "delete")
    def delete(self, request: Request) -> Answer:
        return self.ended(self.caller(request), request.path.removeprefix("/api/"))

    def ended(self, person: Person, name: str) -> Answer:
        """Take down somebody's own post."""
        post = self.board.post(self.name, name)
        if post is None or post["account"] != person.id:
            return no(404, "Not Found")
        self.store.drop(self.name, "tag", post.get("tag", ""))
        self.board.take_down(self.name, name)
        return Answer(204)

    # GraphQL

    @route("POST", "/api/graphql", "find")
    def graphql(self, request: Request) -> Answer:
        person, asked = self.caller(request), request.json()
        text, values = str(asked.get("query", "")), asked.get("variables", {})
        mark = next((mark for mark in OPERATIONS if mark in text), "")
        if "owner" in values and (
            values["name"] != REPOSITORY or self.person_by(values["owner"]) is None
        ):
            raise graphql_no("NOT_FOUND", "Could not resolve to a Repository with that name.")
        match mark:
            case "discussionCategories(":
                nodes = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
                number = f"R_{values['owner']}/{values['name']}"
                data = {"id": number, "discussionCategories": {"nodes": nodes}}
                return as_json({"data": {"repository": data}})
            case "createDiscussion(":
                return self.discussed(person, values, request)
            case "discussions(":
                prefix = f"/{values['owner']}/{values['name']}/"
                posts = [p for p in self.recent(request, "discussions/") if prefix in p["path"]]
                nodes = [shown_discussion(p, request) for p in posts[: values["first"]]]
                return as_json({"data": {"repository": {"discussions": {"nodes": nodes}}}})
            case "deleteIssue(" | "deleteDiscussion(":
                return self.ended_by_node(person, str(values.get("id")), mark)
            case _:
                raise graphql_no("", "The twin does not understand this.")

    def discussed(self, person: Person, values: Document, request: Request) -> Answer:
        """createDiscussion."""
        place, number = str(values["repository"]).removeprefix("R_"), self.number(request)
        if values["category"] not in CATEGORIES.values():
            raise graphql_no("NOT_FOUND", "Could not resolve to a node with the category's id.")
        if len(values["body"]) > LONGEST_BODY or not values["title"]:
            raise graphql_no("UNPROCESSABLE", "Body is too long or title is missing")
        name, path = f"discussions/D_{number}", f"/{place}/discussions/{number}"
        more = {"number": number, "node": f"D_{number}"}
        post = self.pinned(person, name, values["body"], path, request, **more)
        made = {"discussion": shown_discussion(post, request)}
        return as_json({"data": {"createDiscussion": made}})

    def ended_by_node(self, person: Person, node: str, mark: str) -> Answer:
        """deleteIssue, which only who owns the repository may, and deleteDiscussion."""
        posts = self.store.newest("post", self.name)
        post = next((p for p in posts if p["node"] == node), None)
        if post is None:
            raise graphql_no(
                "NOT_FOUND", f"Could not resolve to a node with the global id of {node}"
            )
        if mark == "deleteIssue(" and f"/{person.handle}/" not in post["path"]:
            raise graphql_no("FORBIDDEN", f"{person.handle} does not have permission to delete it")
        self.board.take_down(self.name, post["id"])
        return as_json({"data": {mark.rstrip("("): {"clientMutationId": None}}})

    # Pages

    @route("GET", "/{owner}/{repo}/issues/{number}")
    @route("GET", "/{owner}/{repo}/discussions/{number}")
    @route("GET", "/{owner}/{repo}/releases/tag/{number}")
    @route("GET", "/gist/{owner}/{number}")
    def show(self, request: Request) -> Answer:
        known = self.get("page", request.path) or {"id": ""}
        return page.permalink(self, self.board.post(self.name, known["id"]))


def shown_discussion(post: Document, request: Request) -> Document:
    """A discussion as GraphQL shows it."""
    known = {"id": post["node"], "number": post["number"], "url": request.base + post["path"]}
    return {**known, "body": post["body"], "createdAt": stamp(post)}


def stamp(post: Document) -> str:
    """When it was created, as the API writes it."""
    return iso(post["received_at"])[:19] + "Z"
