"""What a screen reader lists of a page (its headings, its links, its forms), each without the page
around it: whoever moves by these lists must know from a name alone where it leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("br", "hr", "img", "input", "link", "meta", "source", "wbr", "area", "col"))
# Names that say nothing alone.
VAGUE = frozenset(
    ["click here", "here", "more", "read more", "see more", "details", "link", "this", "go", "show",
     "open", "learn more", "view", "edit", "change", "remove", "delete", "yes", "no", "ok"]
)  # fmt: skip


@dataclass
class Node:
    """One element."""

    tag: str
    attrs: dict[str, str]
    up: Node | None = None
    inside: list[Node | str] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator[Node]:
        """Those within it with these tags, in their order."""
        for one in self.inside:
            if isinstance(one, Node):
                if one.tag in tags:
                    yield one
                yield from one.all(*tags)

    def up_to(self, *tags: str) -> Node | None:
        """The nearest around it with one of these tags."""
        at = self.up
        while at is not None and at.tag not in tags:
            at = at.up
        return at

    @property
    def words(self) -> str:
        """What is read out of it."""
        said = [one if isinstance(one, str) else one.words for one in self.inside]
        if self.attrs.get("aria-hidden") == "true" or self.tag in ("script", "style", "svg"):
            return ""
        return " ".join(" ".join([self.attrs.get("alt", ""), *said]).split())


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.top = self.at = Node("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Node(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.inside.append(made)
        if tag not in VOID:
            self.at = made

    def handle_endtag(self, tag: str) -> None:
        at: Node | None = self.at
        while at is not None and at.tag != tag:
            at = at.up
        if at is not None and at.up is not None:
            self.at = at.up

    def handle_data(self, data: str) -> None:
        self.at.inside.append(data)


def tree(html: str) -> Node:
    """A page as the elements it is made of."""
    reader = _Tree()
    reader.feed(html)
    return reader.top


def faults(html: str) -> list[str]:
    """What couldn't be told apart, or understood, from a list of the page's headings, of its links
    or of its fields and buttons."""
    page = tree(html)
    named = {one.attrs["id"]: one for one in page.all(*_ANY) if one.attrs.get("id")}
    found = [*_headings(page), *_links(page, named)]
    for form in page.all("form"):
        found += _fields(form, named)
    return found


_ANY = ("h1", "h2", "h3", "h4", "h5", "h6", "p", "a", "span", "div", "label", "legend", "button",
        "strong", "section", "li", "dt", "dd", "caption", "th", "td", "summary")  # fmt: skip


def _headings(page: Node) -> Iterator[str]:
    heads = [(int(h.tag[1]), h.words) for h in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    if [level for level, _words in heads].count(1) != 1:
        yield "not one h1"
    before, way = 0, [""] * 7
    seen: set[tuple[str, ...]] = set()
    for level, words in heads:
        if not words:
            yield "a heading without words"
            continue
        if level > before + 1 and before:
            yield f"a level is skipped before {words!r}"
        way[level:] = [words] + [""] * (6 - level)
        before = level
        if tuple(way) in seen:
            yield f"two headings {words!r} under the same one"
        seen.add(tuple(way))


def _name(one: Node, named: dict[str, Node]) -> str:
    if one.attrs.get("aria-label"):
        return one.attrs["aria-label"]
    by = one.attrs.get("aria-labelledby", "").split()
    return " ".join(named[i].words for i in by if i in named) if by else one.words


def _links(page: Node, named: dict[str, Node]) -> Iterator[str]:
    leads: dict[str, str] = {}
    for one in page.all("a"):
        words, there = _name(one, named), one.attrs.get("href", "").replace("tel:+44", "tel:0")
        if not there:
            continue
        if re.sub(r"\W+$", "", words.casefold()) in VAGUE | {""}:
            yield f"a link says {words!r}"
        if leads.setdefault(words, there) != there:
            yield f"two links say {words!r} and lead elsewhere"


def _fields(form: Node, named: dict[str, Node]) -> Iterator[str]:
    labels = {one.attrs["for"]: one.words for one in form.all("label") if one.attrs.get("for")}
    seen: dict[tuple[str, str], str] = {}
    for one in form.all("input", "select", "textarea", "button"):
        kind = one.attrs.get("type", "") if one.tag == "input" else one.tag
        if kind == "hidden":
            continue
        if one.tag == "button":
            words = _name(one, named)
        else:
            words = labels.get(one.attrs.get("id", ""), "") or one.attrs.get("aria-label", "")
        group = one.up_to("fieldset")
        about = next(group.all("legend")).words if group and next(group.all("legend"), None) else ""
        if not words:
            yield f"a {kind or 'field'} without a name: {one.attrs.get('name')}"
        if kind == "radio" and not about:
            yield f"a choice {words!r} of no question"
        what = f"{one.attrs.get('name')}={one.attrs.get('value', '') if kind in _MANY else ''}"
        if seen.setdefault((about, words), what) != what:
            yield f"two fields are {words!r} {about and f'of {about!r}'}".strip()


_MANY = ("radio", "checkbox", "button")
