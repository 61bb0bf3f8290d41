"""Rules for every template: nothing unescaped or inline, and all words translatable."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
FILES = sorted(path for path in TEMPLATES.rglob("*") if path.is_file())
ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
WORD = re.compile(r"[^\W\d_]{2,}")
READ_BY_PEOPLE = {"alt", "aria-label", "aria-description", "placeholder", "title"}
# What a component of the library shows, by the name of its parameter.
SHOWN_BY_COMPONENTS = {"text", "html", "titleText", "visuallyHiddenText", "ariaLabel", "caption"}


class Literals(HTMLParser):
    """Collects what people would read, from the parts of a template that are no expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.closed_to_people = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.closed_to_people += tag in {"script", "style"}
        self.found += [value or "" for name, value in attrs if name in READ_BY_PEOPLE]

    def handle_endtag(self, tag: str) -> None:
        self.closed_to_people -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self.closed_to_people:
            self.found.append(data)


def words_outside_gettext(source: str) -> Iterator[str]:
    markup = [text for _, kind, text in ENVIRONMENT.lex(source) if kind == "data"]
    literals = Literals()
    literals.feed("\N{OBJECT REPLACEMENT CHARACTER}".join(markup))
    literals.close()
    yield from (text.strip() for text in literals.found if WORD.search(text))
    for pair in ENVIRONMENT.parse(source).find_all(nodes.Pair):
        key, value = pair.key, pair.value
        if isinstance(key, nodes.Const) and isinstance(value, nodes.Const):
            shown = key.value in SHOWN_BY_COMPONENTS and isinstance(value.value, str)
            if shown and WORD.search(value.value):
                yield value.value


def unsafe_parts(source: str) -> list[str]:
    return re.findall(
        r"""\|\s*safe\b | \bMarkup\b | \sstyle= | \son[a-z]+=["'] | autoescape\s+false
            | <script(?![^>]*\bsrc=)[^>]*> | javascript: | https?://(?!www\.w3\.org)""",
        source,
        re.VERBOSE,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_nothing_is_unescaped_inline_or_from_elsewhere(path: Path) -> None:
    assert unsafe_parts(path.read_text()) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_every_word_can_be_translated(path: Path) -> None:
    assert list(words_outside_gettext(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ name | safe }}",
        '<p style="color: red">',
        '<a onclick="go()">',
        "<script>go()</script>",
        '<img src="https://example.org/x.png">',
    ],
)
def test_an_unsafe_template_would_be_noticed(source: str) -> None:
    assert unsafe_parts(source)


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        '<nav aria-label="Menu"></nav>',
        '{{ button({"text": "Send"}) }}',
        "{% block title %}My work{% endblock %}",
    ],
)
def test_a_word_outside_gettext_would_be_noticed(source: str) -> None:
    assert list(words_outside_gettext(source))


@pytest.mark.parametrize(
    "source",
    [
        '<p class="app-quiet">{{ _("Hello") }}</p>',
        '{{ button({"text": _("Send"), "href": "/send"}) }}',
        "{# A note for the next reader #}",
    ],
)
def test_a_translatable_template_passes(source: str) -> None:
    assert not list(words_outside_gettext(source))
    assert not unsafe_parts(source)
