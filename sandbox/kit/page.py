"""What people see of the street: the row of houses, the consent page, one post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from sandbox.kit.network import Answer, Person, Twin, as_page
from sandbox.kit.store import Document

STYLE = Path(__file__).with_name("street.css")

BELLS = (
    ("drop_after", "lose the answer"),
    ("rejected", "refuse it"),
    ("slow", "answer slowly"),
    ("throttled", "too many requests"),
    ("error", "server error"),
)
"""The troubles that can be ordered on the page, as (kind, words on the button)."""

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<path d="M4 15 16 4l12 11v13H4z" fill="#c2573a"/>'
    '<path d="M13 28v-8h6v8z" fill="#ffe2a6"/></svg>'
)


def frame(title: str, body: str, head: str = "") -> str:
    """A whole page around its body."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="/_street/house.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="/_street/street.css">{head}'
        f"<title>{escape(title)}</title></head><body>{body}</body></html>"
    )


def style(twins: Sequence[Twin]) -> Answer:
    """The one style sheet, with the paint of every house."""
    paint = "".join(f".paint-{t.name} {{ --paint: {t.colour}; }}\n" for t in twins)
    whole = STYLE.read_text(encoding="utf-8") + paint
    return Answer(200, whole.encode(), (("Content-Type", "text/css; charset=utf-8"),))


def icon() -> Answer:
    """The little house in the browser's tab."""
    return Answer(200, ICON.encode(), (("Content-Type", "image/svg+xml"),))


def notice(title: str, words: str) -> str:
    """A page with one message."""
    sheet = f"<h1>{escape(title)}</h1><p>{escape(words)}</p>"
    return frame(title, f'<main class="alone"><div class="sheet">{sheet}</div></main>')


def portrait(twin: Twin, person: Person) -> str:
    """Somebody's picture and names."""
    return (
        f'<img class="pane" src="/{twin.name}/people/{escape(person.name)}.svg" alt="" '
        f'width="44" height="44"><span><b>{escape(person.display)}</b>'
        f"<code>@{escape(person.handle)}</code></span>"
    )


def consent(twin: Twin, app: str, people: Sequence[Person], asked: Mapping[str, str]) -> str:
    """The page on which a practice person allows an app to act, or does not."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
        if name not in ("person", "decision")
    )
    choices = "".join(
        f'<label class="who"><input type="radio" name="person" value="{escape(p.name)}"'
        f"{' checked' if i == 0 else ''}>{portrait(twin, p)}</label>"
        for i, p in enumerate(people[:6])
    )
    scopes = "".join(f"<li><code>{escape(s)}</code></li>" for s in asked.get("scope", "").split())
    title = f"{app} asks to use {twin.label}"
    return frame(
        title,
        f'<main class="alone paint-{twin.name}"><form method="post" class="sheet">'
        f'<p class="sign">{escape(twin.label)}</p><h1>{escape(app)} asks to post for you</h1>'
        f"<fieldset><legend>Who are you today?</legend>{choices}</fieldset>"
        f'<p>It asks for</p><ul class="scopes">{scopes}</ul>{hidden}'
        '<p class="answers"><button class="yes" name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Deny</button></p>'
        '<p class="quiet">This is a practice network. Nothing leaves this machine.</p>'
        "</form></main>",
    )


def permalink(twin: Twin, post: Document | None) -> Answer:
    """The page of one post."""
    if post is None:
        return as_page(notice("No such post", "It was never here, or it was deleted."), 404)
    person = twin.person_by(post["account"])
    author = portrait(twin, person) if person else escape(post["handle"])
    words = escape(post["text"]).replace("\n", "<br>")
    shown = twin.board.linked(post, "")
    above = twin.board.post(twin.name, str(post.get("reply_to", "")))
    answers = f'<p class="quiet">In answer to {quoted(above, twin)}</p>' if above else ""
    body = (
        f'<main class="alone paint-{twin.name}"><article class="sheet">'
        f'<p class="sign">{escape(twin.label)}</p><p class="who">{author}</p>'
        f'{answers}<p class="words">{words}</p>{card(shown)}{pictures(shown)}'
        f'<p class="quiet"><time>{escape(post["created_at"])}</time>'
        ' · <a href="/">Back to the street</a></p></article></main>'
    )
    return as_page(frame(f"{post['handle']} on {twin.label}", body))


def quoted(post: Document, twin: Twin) -> str:
    """A post in a few words, to be clicked on."""
    link = twin.board.linked(post, "")["url"]
    return f'<a href="{escape(link)}">{escape(post["text"][:60] or "a post without words")}</a>'


def card(post: Document) -> str:
    """The page that a post shows apart from its text."""
    link = escape(str(post.get("link", "")))
    return f'<p class="card">{link}</p>' if link else ""


def pictures(post: Document) -> str:
    """What a post shows beside its text; the alternative text is there to be read as well."""
    return "".join(
        f'<figure class="shown">{seen(one)}<figcaption>{escape(one["alt"]) or "no description"}'
        "</figcaption></figure>"
        for one in post.get("media", ())
    )


def seen(media: Document) -> str:
    """A picture, or the words for a video."""
    source, alt = escape(media["url"]), escape(media["alt"])
    if media["kind"] == "image":
        return f'<img src="{source}" alt="{alt}">'
    return f'<a href="{source}">a {escape(media["kind"])} of {media["size"]:,} bytes</a>'


def street(twins: Sequence[Twin], pending: Sequence[Mapping[str, Any]], root: str) -> str:
    """The row of houses, with what each has received and what is about to go wrong there."""
    row = "".join(house(t, [p for p in pending if p["network"] == t.name], root) for t in twins)
    return frame(
        "Practice Street",
        '<header class="sky"><h1>Practice Street</h1>'
        "<p>The networks’ twins live here. They speak the real wire, and nothing leaves this "
        'machine.</p><p><a href="/">Refresh</a></p></header>'
        f'<main class="street">{row}</main>'
        '<footer class="pavement"><form method="post" action="/_street/reset">'
        '<button name="all" value="yes">Sweep the street</button> '
        '<span class="quiet">forgets posts, tokens and trouble</span></form></footer>',
        '<meta http-equiv="refresh" content="5">',
    )


def house(twin: Twin, pending: Sequence[Mapping[str, Any]], root: str) -> str:
    """One network: its people, its bells, its letters."""
    people = "".join(f'<li class="who">{portrait(twin, p)}</li>' for p in twin.people()[:4])
    buttons = "".join(f'<button name="kind" value="{k}">{w}</button>' for k, w in BELLS)
    waiting = "".join(f"<li>{forecast(trouble)}</li>" for trouble in pending)
    posts = twin.board.everything(root, twin.name, limit=12)
    gone = twin.board.gone(root, twin.name, limit=3)
    clouds = f'<ul class="clouds" aria-label="About to happen">{waiting}</ul>' if waiting else ""
    return (
        f'<article class="house paint-{twin.name}"><div class="roof"></div><div class="front">'
        f"<h2>{escape(twin.label)}</h2><p><code>{escape(root)}/{twin.name}</code></p>"
        f'<ul class="windows">{people}</ul><p class="quiet">{escape(twin.hint)}</p>'
        '<form method="post" action="/_street/trouble" class="bells">'
        f'<input type="hidden" name="network" value="{twin.name}">'
        f"<fieldset><legend>On the next post</legend>{buttons}</fieldset>"
        '<fieldset><legend>At once</legend><button formaction="/_street/kill">end its keys</button>'
        f"</fieldset></form>{clouds}"
        f'</div><div class="letters"><h3>Received <span>{twin.board.count(twin.name)}</span></h3>'
        f"{letters(posts, gone)}</div></article>"
    )


def forecast(trouble: Mapping[str, Any]) -> str:
    """What is about to happen, in the words of the button that ordered it."""
    words = dict(BELLS).get(trouble["kind"], trouble["kind"].replace("_", " "))
    where = "" if trouble["on"] == "publish" else f" ({trouble['on']})"
    times = f" × {trouble['times']}" if trouble["times"] > 1 else ""
    return escape(f"{words}{where}{times}")


def letters(posts: Sequence[Document], gone: Sequence[Document] = ()) -> str:
    """The posts a house has received, the newest first, and the last that were deleted."""
    if not posts and not gone:
        return '<p class="quiet">The letterbox is empty.</p>'
    rows = "".join(
        f'<li><a href="{escape(p["url"])}">{reply_mark(p)}{escape(p["text"][:280])}</a>'
        f'{pictures(p)}<span class="quiet">@{escape(p["handle"])} · {clock(p["received_at"])}'
        "</span></li>"
        for p in posts
    )
    lost = "".join(f'<li class="quiet"><s>{escape(p["text"][:80])}</s> deleted</li>' for p in gone)
    return f"<ol>{rows}{lost}</ol>"


def reply_mark(post: Document) -> str:
    """Says that a post answers another one."""
    return "↳ " if post.get("reply_to") else ""


def clock(at: float) -> str:
    """The time of day."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"
