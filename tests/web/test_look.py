"""The files that make the look: all ours to serve, and small enough for a slow connection."""

import gzip
import re
from pathlib import Path

from tests.web.pages import pages

STATIC = Path(__file__).parents[2] / "web" / "static"


def names() -> dict[str, str]:
    module = pages().jinja_env.get_template("look.jinja").make_module()
    return {
        name: str(getattr(module, name)) for name in ("stylesheet", "script", "library", "icon")
    }


def compressed(name: str) -> int:
    return len(gzip.compress((STATIC / name).read_bytes()))


def test_every_file_that_pages_name_is_there() -> None:
    for name in names().values():
        assert (STATIC / name).is_file(), name


def test_the_starter_finds_the_library() -> None:
    look = names()
    assert f'"./{look["library"]}"' in (STATIC / look["script"]).read_text().replace("'", '"')


def test_the_stylesheet_fetches_only_what_is_served_beside_it() -> None:
    css = (STATIC / names()["stylesheet"]).read_text()
    urls = re.findall(r'url\("?([^")]+)"?\)', css)
    assert urls
    for url in urls:
        assert (STATIC / url).is_file(), url
    assert "@font-face" not in css
    assert "html{font-family:arial,sans-serif}" in css


def test_the_licence_of_the_library_lies_beside_it() -> None:
    assert "MIT License" in (STATIC / "nhsuk-frontend-licence.txt").read_text()


def test_styles_and_script_keep_to_their_budgets() -> None:
    look = names()
    assert compressed(look["stylesheet"]) <= 35 * 1024
    assert compressed(look["script"]) + compressed(look["library"]) <= 20 * 1024
