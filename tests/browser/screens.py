"""Every screen that the browser looks at, and how it looks: a new page adds a line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Screen:
    """A page by a short name and its path; `who` looks at it, nobody for a stranger."""

    name: str
    path: str
    who: str = "alice"


SCREENS = (
    Screen("login", "/login/", ""),
    Screen("home", "/"),
    Screen("home-empty", "/", "nora"),
    Screen("causes", "/posts/causes/"),
    Screen("posts", "/posts/"),
    Screen("posts-empty", "/posts/", "nora"),
    Screen("posts-sifted", "/posts/?state=failed&q=workshop&author=1"),
    Screen("posts-selecting", "/posts/?time=ahead&select=1"),
    Screen("posts-none", "/posts/?q=elephant"),
    Screen("teams", "/posts/", "tom"),
    Screen("new-post", "/posts/new/"),
    Screen("new-post-empty", "/posts/new/", "nora"),
    Screen("drafts", "/drafts/"),
    Screen("drafts-empty", "/drafts/", "nora"),
    Screen("draft", "/drafts/10/"),
    Screen("post-posted", "/posts/1/"),
    Screen("post-failed", "/posts/2/"),
    Screen("post-unconfirmed", "/posts/3/"),
    Screen("post-held", "/posts/4/"),
    Screen("post-scheduled", "/posts/6/"),
    Screen("edit", "/posts/6/edit/"),
    Screen("late", "/posts/late/"),
    Screen("calendar", "/calendar/"),
    Screen("calendar-week", "/calendar/?view=week&select=1"),
    Screen("calendar-day", "/calendar/?view=day"),
    Screen("calendar-list", "/calendar/?view=list"),
    Screen("calendar-empty", "/calendar/?view=list", "nora"),
    Screen("move", "/posts/6/move/?when=fri+9am"),
    Screen("queue", "/queue/"),
    Screen("queue-empty", "/queue/", "nora"),
    Screen("import", "/posts/import/"),
    Screen("import-columns", "/posts/import/1/columns/"),
    Screen("import-tried", "/posts/import/2/"),
    Screen("import-ended", "/posts/import/3/"),
    Screen("import-empty", "/posts/import/", "nora"),
    Screen("library", "/library/"),
    Screen("library-empty", "/library/", "nora"),
    Screen("template", "/library/templates/1/"),
    Screen("template-delete", "/library/templates/1/delete/"),
    Screen("labels", "/library/labels/"),
    Screen("label", "/library/labels/1/"),
    Screen("files", "/library/files/"),
    Screen("files-empty", "/library/files/", "nora"),
    Screen("repeats", "/posts/repeats/"),
    Screen("repeats-empty", "/posts/repeats/", "nora"),
    Screen("repeat", "/posts/repeats/1/"),
    Screen("new-repeat", "/posts/repeats/new/?post=6"),
    Screen("accounts", "/accounts/"),
    Screen("accounts-empty", "/accounts/", "nora"),
    Screen("disconnect", "/accounts/1/disconnect/"),
    Screen("team", "/team/"),
    Screen("activity", "/activity/"),
    Screen("activity-empty", "/activity/", "nora"),
    Screen("settings", "/settings/"),
    Screen("status", "/status/"),
    Screen("find", "/find/?q=lamp"),
    Screen("nothing", "/nothing-here/"),
)
WIDTHS = (360, 768, 1280)
THEMES = ("light", "dark")


@dataclass(frozen=True)
class Look:
    """How wide a page is for somebody, and by which light."""

    width: int
    theme: str

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}"


LOOKS = tuple(Look(width, theme) for width in WIDTHS for theme in THEMES)
DESK = Look(1280, "light")
