"""Pages as PDF files: the same page, for the same people, of our own files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from referral.store import Store
from tests.web.client import sign_in
from tests.world import World, build
from web import pdf


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_a_page_is_laid_out_as_a_pdf(tmp_path: Path) -> None:
    """With its whole style sheet, each page by name, this is drilled."""
    made = pdf.made("<h1>Agenda</h1>", "https://segue.example.org/", tmp_path)
    assert made is not None
    assert made.startswith(b"%PDF-")


def test_the_agenda_a_referral_and_the_words_of_consent_are_pdfs_for_those_who_read_them(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def made(html: str, root: str, static: Path) -> bytes:
        drawn.append(html)
        return b"%PDF-"

    monkeypatch.setattr(pdf, "made", made)
    record, other = w.sent(), w.draft()
    priya = sign_in(w, "priya")
    for path in (f"/referrals/{record}", "/wording/share_with_provider/en/sheet"):
        assert f'href="{path}?as=pdf"' in priya.get(path).text
        assert priya.client.get(f"{path}?as=pdf").data == b"%PDF-"
    agenda = sign_in(w, "grace").client.get("/agenda?as=pdf")
    assert agenda.content_type == "application/pdf"
    assert agenda.headers["Content-Disposition"] == "attachment; filename=agenda.pdf"
    assert len(drawn) == 3
    assert sign_in(w, "priya").get("/agenda?as=pdf").status == 403
    assert sign_in(w, "sol").get(f"/referrals/{other}?as=pdf").status == 404
    assert len(drawn) == 3, "what one may not read is not laid out either"


def test_where_none_can_be_made_the_page_says_what_to_do(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "_maker", lambda: None)
    page = sign_in(w, "grace").get("/agenda?as=pdf")
    assert page.status == 501
    assert "Save as PDF" in page.words
    assert 'href="/agenda"' in page.text
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    assert "as=pdf" not in sign_in(w, "grace").get("/agenda").text


def test_nothing_is_fetched_but_our_own_files(tmp_path: Path) -> None:
    (tmp_path / "own.css").write_text("p { color: red }")
    (tmp_path.parent / "secret.css").write_text("p { color: blue }")
    maker = pdf._maker()
    assert maker is not None
    fetcher = maker[2]("https://segue.example.org/static/", tmp_path)
    own = fetcher.fetch("https://segue.example.org/static/own.css?v=1")
    assert own.read() == b"p { color: red }"
    for url in (
        "https://segue.example.org/static/../secret.css",
        "https://elsewhere.example.org/own.css",
        f"file://{tmp_path}/own.css",
    ):
        with pytest.raises((ValueError, OSError)):
            fetcher.fetch(url)
