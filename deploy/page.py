"""Reads an HTML page as a person would: its forms, their fields, what their buttons say."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin


@dataclass
class Form:
    """One form: where it goes, what it holds, and the choices it offers."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    """The checkboxes that are offered, ticked or not: the values by name."""
    buttons: list[tuple[str, str]] = field(default_factory=list)
    """The buttons that send a value with them."""


class _Reader(HTMLParser):
    """Collects forms and the attributes of every element."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self.elements: list[dict[str, str]] = []
        self.form: Form | None = None
        self.area: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append(found)
        if tag == "form":
            action = urljoin(self.address, found.get("action", ""))
            self.form = Form(action or self.address, found.get("method", "get").lower())
            self.forms.append(self.form)
        elif self.form is not None:
            self.field(tag, found, self.form)

    def field(self, tag: str, found: dict[str, str], form: Form) -> None:
        """Takes one field of a form in."""
        name, value = found.get("name", ""), found.get("value", "")
        kind = "button" if tag == "button" else found.get("type", "text").lower()
        match tag:
            case "textarea":
                self.area = name
                form.fields.setdefault(name, [""])
            case "select":
                self.select = name
            case "option" if self.select and (
                "selected" in found or self.select not in form.fields
            ):
                form.fields[self.select] = [value]
            case "input" | "button" if name and kind in ("submit", "button"):
                form.buttons.append((name, value))
            case "input" if name and kind in ("checkbox", "radio"):
                form.boxes.setdefault(name, []).append(value or "on")
                if "checked" in found:
                    form.fields.setdefault(name, []).append(value or "on")
            case "input" if name:
                form.fields[name] = [value]

    def handle_data(self, data: str) -> None:
        if self.area and self.form is not None:
            self.form.fields[self.area][0] += data

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self.form = None
            case "textarea":
                self.area = None
            case "select":
                self.select = None


@dataclass(frozen=True)
class Page:
    """A page that was read: its forms and its elements' attributes."""

    forms: list[Form]
    elements: list[dict[str, str]]

    def form(self, *needs: str) -> Form | None:
        """The first form that has all of these fields or leads to such an address."""
        for form in self.forms:
            names = {*form.fields, *form.boxes, *(name for name, _ in form.buttons)}
            if all(need in names or need in form.action for need in needs):
                return form
        return None

    def having(self, attribute: str) -> list[dict[str, str]]:
        """The attributes of all elements that have this one."""
        return [element for element in self.elements if attribute in element]


def read(html: str, address: str) -> Page:
    """Reads a page that came from this address."""
    reader = _Reader(address)
    reader.feed(html)
    reader.close()
    return Page(reader.forms, reader.elements)
