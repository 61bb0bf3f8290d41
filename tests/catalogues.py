"""The catalogues of words: `python -m tests.catalogues` reads every string of the code and the
templates anew and brings both catalogues up to it. What was translated stays; what is new is left
empty, to be translated; what is gone is dropped."""

from __future__ import annotations

import ast
import re
import string
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from web.say import LANGUAGES, file_of

HOME = Path(__file__).parents[1]
ROOMS = ("referral", "workflows", "web")
METHODS = [("**.py", "python"), ("**/templates/**.jinja", "jinja2")]
OPTIONS = {"**/templates/**.jinja": {"extensions": "jinja2.ext.do", "newstyle_gettext": "true"}}
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None}
HEADERS = {
    "en": "# The words of Segue in English. An empty translation is said as it stands.\n",
    "cy": "# The words of Segue in Welsh.\n"
    "# TO BE REVIEWED BY A SPEAKER: no Welsh speaker has checked these yet.\n",
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def extracted() -> Catalog:
    """Every string there is, with the files it is in."""
    found = Catalog(project="Segue", fuzzy=False, charset="utf-8")
    for room in ROOMS:
        strings = extract_from_dir(HOME / room, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True)
        for path, _line, message, _comments, context in strings:
            found.add(message, None, [(f"{room}/{path}", None)], context=context)
        for file in sorted((HOME / room).rglob("*.py")):
            for message in _inside_f_strings(ast.parse(file.read_text())):
                found.add(message, None, [(str(file.relative_to(HOME)), None)])
    return found


def _inside_f_strings(tree: ast.AST) -> Iterator[str]:
    """What the tokens don't show before Python 3.12: a sentence said inside an f-string."""
    for joined in ast.walk(tree):
        if isinstance(joined, ast.JoinedStr):
            for call in ast.walk(joined):
                match call:
                    case ast.Call(func=ast.Name(id="_"), args=[ast.Constant(value=str(text)), *_]):
                        yield text


def kept(language: str) -> Catalog:
    """The catalogue of a language as it is kept."""
    with file_of(language).open("rb") as file:
        return read_po(file, locale=language)


def written(catalogue: Catalog) -> bytes:
    """A catalogue as its file has it."""
    out = BytesIO()
    write_po(out, catalogue, width=100, ignore_obsolete=True, include_lineno=False)
    return out.getvalue()


def update(language: str) -> Catalog:
    """Bring a language's file up to the strings there are."""
    file = file_of(language)
    file.parent.mkdir(parents=True, exist_ok=True)
    now = kept(language) if file.exists() else Catalog(locale=language)
    made = Catalog(locale=language, project="Segue", charset="utf-8", fuzzy=False)
    made.header_comment = HEADERS[language].rstrip()
    made.version, made.msgid_bugs_address = "", ""
    made.creation_date, made.revision_date = now.creation_date, now.revision_date
    made.language_team = "to be reviewed by a speaker" if language == "cy" else "Segue"
    made.last_translator = "to be reviewed by a speaker" if language == "cy" else "Segue"
    for message in extracted():
        if not message.id:
            continue
        before = now.get(message.id, message.context)
        text = before.string if before is not None and _same_shape(before, message) else None
        if text is None and message.pluralizable:
            text = ("",) * made.num_plurals
        made.add(message.id, text, message.locations, context=message.context)
    file.write_bytes(written(made))
    return made


def _same_shape(before: Message, message: Message) -> bool:
    return bool(before.pluralizable) == bool(message.pluralizable)


def texts(message: Message) -> tuple[str, ...]:
    """What a message is translated to, in each of its forms."""
    said = message.string
    return tuple(said) if isinstance(said, (tuple, list)) else (str(said or ""),)


def placeholders(text: str) -> set[str]:
    """What is put into a sentence."""
    return set(PLACEHOLDER.findall(text))


def missing(catalogue: Catalog) -> list[str]:
    """The strings a language has no words for, or not in each of its plural forms."""
    return [
        name(message)
        for message in catalogue
        if message.id
        and (
            not all(texts(message))
            or (message.pluralizable and len(texts(message)) != catalogue.num_plurals)
        )
    ]


def broken(catalogue: Catalog) -> Iterator[tuple[str, str]]:
    """Translations that would put in something else than their string, or break when said."""
    for message in catalogue:
        if not message.id or not any(texts(message)):
            continue
        ids = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
        wanted = set().union(*map(placeholders, ids))
        for text in filter(None, texts(message)):
            # A form for one number may leave the number unsaid.
            free = {"num"} if message.pluralizable else set()
            if placeholders(text) - wanted or wanted - placeholders(text) - free:
                yield name(message), text
            elif wanted or "%%" in ids[0]:
                if re.search(r"%(?!%|\(\w+\)[sd])", text.replace("%%", "")):
                    yield name(message), text
            elif any(c in text for c in ("%(",)) or ("%" in text) != ("%" in ids[0]):
                yield name(message), text
            if _edges(text) != _edges(ids[0]):
                yield name(message), text


def _edges(text: str) -> tuple[bool, bool, bool]:
    """How a sentence begins and ends, which what stands beside it relies on."""
    closing = text.rstrip(string.whitespace + "”\"')")
    return text[:1].isspace(), text[-1:].isspace(), closing.endswith(".")


def name(message: Message) -> str:
    """A message by its English."""
    return str(message.id[0] if isinstance(message.id, (tuple, list)) else message.id)


def main() -> int:
    """Bring both up to date and say what is left to translate."""
    for language in LANGUAGES:
        catalogue = update(language)
        left = [] if language == "en" else missing(catalogue)
        click.echo(f"{language}: {len(catalogue)} strings, {len(left)} to translate")
        for text in left:
            click.echo(f"  {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
