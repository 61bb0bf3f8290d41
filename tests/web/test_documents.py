"""Documents on a referral: what may be put there, who opens it, what a scanner says, and what
becomes of it."""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
import zipfile
import zlib
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from referral import copies, documents, erasures, scans
from referral.actors import the_system
from referral.documents import CLEAN, REFUSED, WAITING
from referral.store import Door, Sql, Store
from tests.counting import BUDGET, statements
from tests.web.api import program
from tests.web.client import HTTP, Page, app_of, sign_in
from tests.web.test_inquiries import given
from tests.web.test_messages import named, take_back
from tests.workflows.test_rights_doing import begun, decided
from tests.world import World, build
from web.edge import Edge
from web.scanning import Scanner
from web.worker import run
from workflows.documents import attach_document, open_document, scanned, take_back_document
from workflows.engine import Refused
from workflows.hearing import may_hear
from workflows.merges import merge_people
from workflows.uploads import MOST_BYTES, NotThis, checked

PDF = b"%PDF-1.7\nLetter about the lift at the hall.\n%%EOF\n"


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def part(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def exif(orientation: int) -> bytes:
    """As a telephone writes it: which way up, then where it was taken."""
    turned = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    place = struct.pack("<HHII", 0x8825, 4, 1, 38)
    return b"Exif\0\0II*\0\x08\0\0\0\x02\0" + turned + place + bytes(4) + b"51.4545N 2.5879W"


SEEN = part(0xDB, bytes(65)) + part(0xC2, bytes(15)) + part(0xDA, bytes(10)) + b"seen\xff\0\xff\xd0"
SEEN += part(0xDA, bytes(10)) + b"more\xff\0"  # as it comes in two goes
JFIF = part(0xE0, b"JFIF\0" + bytes(9))
JPEG = b"\xff\xd8" + JFIF + SEEN + b"\xff\xd9"
PNG_START = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13))
PNG_END = chunk(b"IDAT", b"seen") + chunk(b"IEND", b"")
PNG = PNG_START + PNG_END
SAID = "Letter about the lift, May 2026"


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def packed(*names: str, size: int = 10) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            # Without the time of day, so that each worker names a test alike.
            made.writestr(zipfile.ZipInfo(name), "0" * size, zipfile.ZIP_DEFLATED)
    return out.getvalue()


DOCX = packed("[Content_Types].xml", "word/document.xml")


def attach(w: World, record: str, who: str = "priya", /, **other: Any) -> str:
    actor = w.actor[who]
    given = {
        "kind": "letter", "description": SAID, "shared": True, "name": "lift.pdf", "content": PDF,
    }  # fmt: skip
    return w.made(
        actor,
        lambda tx: attach_document(tx, actor, w.at, referral_id=record, **{**given, **other}),
    )


def scan(w: World, code: int = 0) -> dict[str, int]:
    """The worker's turn, with a scanner that ends so after it has read what it was given."""
    said = f"import sys; sys.exit({code} if sys.stdin.buffer.read(5) == b'%PDF-' else 2)"
    command = Scanner((sys.executable, "-c", said))
    done = run(Edge(w.store, lambda: w.at), once=True, scanner=command)
    return {k: n for k, n in done.items() if k.startswith("document")}


def clean(w: World) -> None:
    """A scanner has found nothing in any of them."""
    system = the_system(w.system_id, "scanner")
    with w.store.begin(door=Door.WHOLE) as tx:
        for one in scans.to_scan(tx, w.at, 9):
            scanned(tx, system, w.at, one.id, CLEAN)


def opened(w: World, record: str, document: str, who: str, unscanned: bool = False) -> bytes:
    actor = w.actor[who]
    return w.made(
        actor,
        lambda tx: open_document(
            tx, actor, w.at, referral_id=record, document_id=document, unscanned=unscanned
        ),
    ).content


def back(w: World, record: str, document: str, why: str, who: str = "priya") -> None:
    actor = w.actor[who]
    w.made(
        actor,
        lambda tx: take_back_document(
            tx, actor, w.at, referral_id=record, document_id=document, why=why
        ),
    )


def seen(w: World, record: str, who: str) -> list[str]:
    with w.store.read() as tx:
        return [one.id for one in documents.of_referral(tx, w.actor[who], record)]


def stored(w: World) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(Sql("SELECT scan, content, name FROM document ORDER BY at, id"))


def path(record: str) -> str:
    return f"/referrals/{record}/documents"


def post(visitor: Any, record: str, name: str, content: bytes, /, **other: str) -> Page:
    form = dict(visitor.get(path(record)).forms[-1][1])
    given = {"kind": "letter", "description": SAID, "seen_by": "both", **other}
    data = {**form, **given, "file": FileStorage(io.BytesIO(content), name)}
    boundary, body = encode_multipart(data)
    kind = f"multipart/form-data; boundary={boundary}"
    answer = visitor.client.post(path(record), data=body, content_type=kind, follow_redirects=True)
    return Page(answer)


# -- what is taken ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("lift.pdf", PDF, "lift.pdf"),
        ("C:\\Users\\me\\Lift plan.PDF", PDF, "Lift plan.pdf"),
        ("../../etc/passwd.txt", b"words", "passwd.txt"),
        ("photo.jpeg", JPEG, "photo.jpg"),
        ("plan.docx", DOCX, "plan.docx"),
        ("letter.exe.pdf", PDF, "letter exe.pdf"),
        ("gpj\u202eexe.pdf", PDF, "gpj exe.pdf"),
        ('a"\r\nSet-Cookie: x=1.pdf', PDF, "a Set-Cookie x=1.pdf"),
        ("CON.txt", b"words", "document.txt"),
        (".pdf", PDF, "document.pdf"),
        ("x" * 300 + ".png", PNG, "x" * 100 + ".png"),
        ("llythyr ŵyl.txt", "Annwyl ŵyl".encode(), "llythyr ŵyl.txt"),
        ("old.txt", b"caf\xe9", "old.txt"),
    ],
)
def test_a_file_is_kept_under_a_clean_name(name: str, content: bytes, kept: str) -> None:
    assert checked(name, content).name == kept


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_is_kept_without_where_it_was_taken_and_stays_the_right_way_up(
    orientation: int,
) -> None:
    beside = part(0xE1, exif(orientation)) + part(0xED, b"51.4545N") + part(0xFE, b"51.4545N")
    taken = b"\xff\xd8" + JFIF + beside + SEEN + b"\xff\xd9" + b"a film, 51.4545N"
    kept = checked("photo.jpg", taken).content
    assert b"51.4545N" not in kept
    assert b"a film" not in kept
    assert kept.endswith(SEEN + b"\xff\xd9")
    assert (kept == JPEG) == (orientation == 1)
    assert checked("photo.jpg", kept).content == kept  # it still says which way up
    words = chunk(b"tEXt", b"51.4545N") + chunk(b"eXIf", b"51.4545N")
    assert checked("photo.png", PNG_START + words + PNG_END + b"51.4545N").content == PNG


def too_many_parts() -> bytes:
    return DOCX[:-12] + (60_000).to_bytes(2, "little") + DOCX[-10:]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photo.png", b"<html><script>alert(1)</script>", "PDF, a picture"),
        ("photo.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>", "PDF, a picture"),
        ("words.txt", b"\xef\xbb\xbf \n<!doctype html><p>", "PDF, a picture"),
        ("photo.png", PDF, "not what its name says"),
        ("letter.pdf", b"Dear Maud", "not what its name says"),
        ("letter.html", b"Dear Maud", "PDF, a picture"),
        ("letter", PDF, "PDF, a picture"),
        ("letter.exe", b"MZ\x90\x00" + bytes(50), "PDF, a picture"),
        ("letter.txt", b"MZ\x90\x00" + bytes(50), "PDF, a picture"),
        ("sheet.docx", packed("xl/workbook.xml", "[Content_Types].xml"), "PDF, a picture"),
        ("plan.docx", DOCX[:60], "PDF, a picture"),
        ("plan.docx", too_many_parts(), "PDF, a picture"),
        ("plan.zip", DOCX, "PDF, a picture"),
        ("plan.docx", packed("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
         "program in it"),
        ("photo.jpg", JPEG[:-2], "can't be read"),
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(20), "can't be read"),
        ("photo.png", PNG[:-4], "can't be read"),
        ("empty.pdf", b"", "empty"),
        ("large.pdf", PDF + bytes(MOST_BYTES), "5 MB"),
    ],
)  # fmt: skip
def test_what_is_not_what_it_says_is_refused_with_what_to_do(
    name: str, content: bytes, words: str
) -> None:
    with pytest.raises(NotThis) as refused:
        checked(name, content)
    assert words in refused.value.refusal.why


def test_a_bomb_in_a_word_document_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed("[Content_Types].xml", "word/document.xml", size=20_000_000)
    assert len(bomb) < 50_000
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    assert checked("plan.docx", bomb).content == bomb


# -- how it is kept -----------------------------------------------------------------------------


def test_it_lies_under_the_persons_key_and_the_log_says_what_was_put_there(w: World) -> None:
    record = w.active()
    document = attach(w, record)
    ((_, content, name),) = stored(w)
    assert "lift" not in name
    assert content.count(":") == 1
    assert "JVBERi" not in content
    assert opened(w, record, document, "priya") == PDF
    with w.store.read() as tx:
        actions = [
            row[0] for row in tx.rows(Sql("SELECT leaf FROM audit ORDER BY seq DESC LIMIT 2"))
        ]
    assert '"action":"read"' in actions[0]
    assert '"action":"document_attached"' in actions[1]
    assert "lift" not in "".join(actions)


def test_erasing_takes_what_is_in_it_and_leaves_that_it_was_there(w: World) -> None:
    person = w.person()
    record = w.active(person)
    document = attach(w, record)
    with w.store.begin() as tx:
        found = erasures.find(tx, person)
        assert found is not None
        erasures.blank(tx, erasures.belongings(tx, found), w.at)
    with w.store.read() as tx:
        (row,) = documents.of_referral(tx, w.actor["priya"], record)
    assert (row.id, row.there, row.name, row.description) == (document, False, "Erased", "Erased")


def test_a_copy_names_them_where_notes_are_given_and_not_otherwise(w: World) -> None:
    person = w.person()
    attach(w, w.active(person))
    for parts, held in ((frozenset({copies.NOTES}), ["lift.pdf"]), (frozenset[str](), [])):
        with w.store.read() as tx:
            copy = copies.gather(tx, person, parts, {})
        told = [row["name"] for s in copy.sections if s.table == "document" for row in s.rows]
        assert told == held


def test_the_copy_gives_each_as_a_file_where_notes_are_given_and_not_otherwise(w: World) -> None:
    for decision, number in (("give", "999 000 0018"), ("about_others", "999 000 0026")):
        person = w.person(nhs_number=number)
        document = attach(w, w.active(person))
        clean(w)
        request = begun(w, person, "access")
        visitor = sign_in(w, "ingrid")
        where = f"/rights/{request}/copy/{document}"
        assert visitor.get(where).status == 409  # undecided
        decided(w, request, notes=decision, reviews="give")
        page = visitor.get(f"/rights/{request}/copy")
        assert page.status == 200
        assert (where in page.text) is (decision == "give")
        answer = visitor.get(where)
        assert answer.status == (200 if decision == "give" else 404)
        if decision == "give":
            assert answer.response.data == PDF
            assert answer.response.headers["Content-Disposition"].startswith("attachment")
            assert visitor.get(f"/rights/{request}/copy/{request}").status == 404


def test_a_bundle_names_them_without_what_is_in_them(w: World) -> None:
    person = w.person(given_name="Ottilie", family_name="Marsh")
    attach(w, w.active(person), description="As Priya said")
    files = given(w, person)
    (one,) = json.loads(files["history.json"])["documents"]
    assert (one["kind"], one["shared"], one["words"]) == (
        "letter",
        True,
        "As [a member of staff] said",
    )
    assert "Documents that were put on the referrals" in files["index.html"].decode()
    assert not any(PDF in body for body in files.values())


# -- who opens it -------------------------------------------------------------------------------


def test_a_provider_opens_what_is_shared_once_they_gave_a_place_and_no_longer_after_a_no(
    w: World,
) -> None:
    person = w.person()
    record = w.sent(person)
    document = attach(w, record)
    clean(w)
    visitor = sign_in(w, "sol")
    where = f"{path(record)}/{document}/file"
    assert (visitor.get(path(record)).status, visitor.get(where).status) == (404, 404)
    assert path(record) not in visitor.get(f"/referrals/{record}").text
    w.referral(record, "accept", "sol")
    page = visitor.get(path(record))
    assert SAID in page.words
    assert where in page.text
    assert visitor.get(where).response.data == PDF
    with w.store.read() as tx:
        assert may_hear(tx, w.actor["sol"], documents.SHARED, "referral", record, w.at)
    take_back(w, person)
    assert (visitor.get(path(record)).status, visitor.get(where).status) == (404, 404)
    with w.store.read() as tx:
        assert not may_hear(tx, w.actor["sol"], documents.SHARED, "referral", record, w.at)


def test_what_is_for_ones_own_side_the_other_never_sees(w: World) -> None:
    record = w.active()
    ours = attach(w, record, shared=False)
    theirs = attach(w, record, "sol", shared=False)
    clean(w)
    assert (seen(w, record, "priya"), seen(w, record, "tess")) == ([ours], [ours])
    assert (seen(w, record, "sol"), seen(w, record, "rae")) == ([theirs], [theirs])
    assert set(seen(w, record, "gwen")) == {ours, theirs}
    assert seen(w, record, "grace") == []
    with pytest.raises(Refused) as refused:
        opened(w, record, ours, "sol")
    assert "not_found" in refused.value.codes
    assert sign_in(w, "sol").get(f"{path(record)}/{ours}/file").status == 404


READS = {"gwen": 200, "grace": 200, "kit": 404, "olu": 404, "cora": 403, "ada": 403}


@pytest.mark.parametrize(("who", "status"), READS.items())
def test_who_answers_for_it_opens_it_and_foreign_readers_find_nothing(
    w: World, who: str, status: int
) -> None:
    record = w.active()
    document = attach(w, record)
    clean(w)
    visitor = sign_in(w, who)
    assert visitor.get(f"{path(record)}/{document}/file").status == status
    assert visitor.get(path(record)).status == status
    for command in (
        lambda: attach(w, record, who),
        lambda: back(w, record, document, "out_of_date", who),
    ):
        with pytest.raises(Refused):
            command()
    # Nor by the address of another referral.
    other = w.active(w.person(nhs_number="999 000 0026"))
    assert sign_in(w, "priya").get(f"{path(other)}/{document}/file").status == 404


@pytest.mark.parametrize("who", ["priya", "sol"])
def test_whoever_is_named_as_a_source_of_harm_finds_none(w: World, who: str) -> None:
    record = w.active()
    document = attach(w, record)
    attach(w, record, "sol")
    clean(w)
    named(w, record, who)
    visitor = sign_in(w, who)
    assert visitor.get(path(record)).status == 404
    assert visitor.get(f"{path(record)}/{document}/file").status == 404
    assert "Documents" not in visitor.get(f"/referrals/{record}").words
    with pytest.raises(Refused):
        attach(w, record, who)
    assert "Put a document here" in sign_in(w, "tess").get(path(record)).words


# -- the scanner --------------------------------------------------------------------------------


def test_others_open_it_once_the_scanner_found_nothing_and_hear_of_it_then(w: World) -> None:
    record = w.active()
    document = attach(w, record)
    told = Sql("SELECT to_owner FROM outbox WHERE what = :what")
    with w.store.read() as tx:
        assert tx.rows(told, what=documents.SHARED) == []
    assert opened(w, record, document, "priya") == PDF
    with pytest.raises(Refused) as refused:
        opened(w, record, document, "sol")
    assert refused.value.codes == ("not_scanned",)
    assert "not checked for viruses" in sign_in(w, "sol").get(path(record)).words
    assert scan(w) == {"document clean": 1}
    assert opened(w, record, document, "sol") == PDF
    with w.store.read() as tx:
        assert tx.rows(told, what=documents.SHARED) == [(f"provider_leader@{w.org['singers']}",)]
    assert scan(w) == {}


def test_what_the_scanner_refuses_is_gone_and_who_put_it_there_is_told(w: World) -> None:
    record = w.active()
    document = attach(w, record)
    assert scan(w, 1) == {"document refused": 1}
    assert stored(w)[0][:2] == (REFUSED, None)
    assert seen(w, record, "sol") == []
    assert seen(w, record, "priya") == [document]
    assert "found something in it" in sign_in(w, "priya").get(path(record)).words
    with pytest.raises(Refused):
        opened(w, record, document, "priya")
    with w.store.read() as tx:
        ((to,),) = tx.rows(
            Sql("SELECT to_owner FROM outbox WHERE what = :what"), what=documents.SCANNED_OUT
        )
    assert to == f"member@{w.actor['priya'].membership_id}"


def test_a_scanner_that_says_nothing_is_asked_again_and_lets_nothing_through(w: World) -> None:
    record = w.active()
    document = attach(w, record)
    assert scan(w, 2) == {"document without an answer": 1}
    assert stored(w)[0][0] == WAITING
    assert scan(w) == {}
    with pytest.raises(Refused):
        opened(w, record, document, "sol")
    w.later(minutes=6)
    assert scan(w) == {"document clean": 1}


def test_a_scanner_that_is_not_there_says_nothing() -> None:
    assert Scanner(("/nowhere/scan",)).look(PDF) is None
    assert Scanner.of("  ") is None
    assert Scanner.of("clamdscan --no-summary -") == Scanner(("clamdscan", "--no-summary", "-"))


def test_without_a_scanner_the_place_says_whether_others_may_open_it(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.active()
    document = attach(w, record)
    where = f"{path(record)}/{document}/file"
    visitor = sign_in(w, "sol")
    page = visitor.get(where)
    assert page.path == path(record)
    assert "not checked for viruses yet" in page.words
    assert "nobody but you can open it" in page.words
    held = app_of(w).extensions["segue"]
    monkeypatch.setattr(held, "settings", replace(HTTP, unscanned="open"))
    assert visitor.get(where).response.data == PDF
    assert "Not checked for viruses." in visitor.get(path(record)).words
    monkeypatch.setattr(held, "settings", replace(HTTP, unscanned="open", scanner="scan"))
    assert visitor.get(where).path == path(record)


# -- taking it back -----------------------------------------------------------------------------


def test_what_is_taken_back_is_shared_no_longer_and_the_record_of_it_stays(w: World) -> None:
    record = w.active()
    document = attach(w, record)
    clean(w)
    visitor = sign_in(w, "priya")
    page = visitor.get(f"{path(record)}/{document}/take-back")
    assert visitor.fill(page.path).status == 422
    page = visitor.fill(page.path, why="out_of_date")
    assert "Taken back by Priya Shah" in page.words
    assert "It is out of date" in page.words
    assert seen(w, record, "sol") == []
    assert sign_in(w, "sol").get(f"{path(record)}/{document}/file").status == 404
    assert opened(w, record, document, "priya") == PDF
    with pytest.raises(Refused) as refused:
        back(w, record, document, "wrong_file")
    assert refused.value.codes == ("taken_back_already",)


def test_what_is_about_somebody_else_is_gone_at_once(w: World) -> None:
    record = w.active()
    document = attach(w, record)
    clean(w)
    back(w, record, document, "wrong_person")
    assert stored(w)[0][1] is None
    with pytest.raises(Refused) as refused:
        opened(w, record, document, "priya")
    assert refused.value.codes == ("no_content",)
    assert SAID not in sign_in(w, "priya").get(path(record)).words


def test_what_must_be_kept_is_kept_and_opened_by_nobody(w: World) -> None:
    person = w.person()
    record = w.active(person)
    document = attach(w, record)
    hold = Sql(
        "INSERT INTO legal_hold (id, system_id, organisation_id, person_id, owner_id, why,"
        " review_on, placed_at) SELECT r.id, r.system_id, r.organisation_id, r.person_id,"
        " r.link_worker_id, '0:why', :day, :at FROM referral r WHERE r.id = :id"
    )
    with w.store.begin() as tx:
        tx.run(hold, id=record, at=w.at, day=w.at.date())
    back(w, record, document, "wrong_person")
    assert stored(w)[0][1] is not None
    with pytest.raises(Refused):
        opened(w, record, document, "priya")
    page = sign_in(w, "priya").get(path(record))
    assert SAID not in page.words
    assert "Save this file" not in page.words


def test_nobody_takes_back_what_the_other_side_put_there(w: World) -> None:
    record = w.active()
    document = attach(w, record, "sol")
    with pytest.raises(Refused) as refused:
        back(w, record, document, "out_of_date")
    assert refused.value.codes == ("not_your_document",)
    back(w, record, document, "not_wanted", "rae")


def test_the_history_tells_what_was_put_there_and_taken_back_to_who_may_see_it(w: World) -> None:
    record = w.active()
    w.later(minutes=1)
    document = attach(w, record)
    attach(w, record, description="For ourselves", shared=False)
    w.later(minutes=5)
    back(w, record, document, "out_of_date")
    where = f"/referrals/{record}/history"
    ours = sign_in(w, "priya").get(f"{where}?show=documents").words
    assert f"Letter: {SAID}" in ours
    assert "Letter: It is out of date" in ours
    assert ours.index("Document taken back") < ours.index("Document put on the referral")
    assert "Document" not in sign_in(w, "sol").get(where).words.replace("Documents", "")
    w.later(minutes=1)
    attach(w, record, "sol", description="Our plan")
    page = sign_in(w, "priya").get(where)
    assert "Letter: Our plan" in page.words
    assert "Letter: Our plan" not in sign_in(w, "priya").get(f"{where}?show=messages").words
    assert path(record) in page.text


# -- pages --------------------------------------------------------------------------------------


def test_a_document_is_put_there_on_the_page_and_saved_as_a_file_never_shown(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.active()
    visitor = sign_in(w, "priya")
    page = post(visitor, record, "My lift.pdf", PDF)
    assert "The document is here." in page.words
    (document,) = seen(w, record, "priya")
    answer = visitor.get(f"{path(record)}/{document}/file").response
    assert answer.data == PDF
    assert answer.headers["Content-Disposition"] == 'attachment; filename="My lift.pdf"'
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "no-store"
    sent = statements(monkeypatch)
    page = visitor.get(path(record))
    assert len(sent) <= BUDGET
    assert "Documents (1)" in page.words


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photo.png", b"<script>alert(1)</script>", "Choose a PDF"),
        ("large.pdf", PDF + bytes(6_000_000), "5 MB or less"),
        ("", b"", "Choose the file."),
    ],
)
def test_what_was_typed_is_there_after_an_error(
    w: World, name: str, content: bytes, words: str
) -> None:
    record = w.active()
    page = post(sign_in(w, "priya"), record, name, content)
    assert page.status == 422
    assert words in page.words
    assert SAID in page.text
    assert seen(w, record, "priya") == []


def test_who_forgets_a_word_is_told_to_choose_the_file_again(w: World) -> None:
    record = w.active()
    page = post(sign_in(w, "priya"), record, "lift.pdf", PDF, description="")
    assert page.status == 422
    assert "Say in a few words what it is." in page.words
    assert "Choose the file again." in page.words


def test_a_second_press_puts_it_there_once(w: World) -> None:
    record = w.active()
    visitor = sign_in(w, "priya")
    key = dict(visitor.get(path(record)).forms[-1][1])["key"]
    for _ in range(2):
        post(visitor, record, "lift.pdf", PDF, key=key)
    assert len(seen(w, record, "priya")) == 1


def test_a_referral_recorded_in_error_takes_none(w: World) -> None:
    record = w.draft()
    with pytest.raises(Refused) as refused:
        attach(w, record)
    assert refused.value.codes == ("no_documents_now",)


# -- programs -----------------------------------------------------------------------------------


def test_programs_put_list_open_and_take_back(w: World) -> None:
    record = w.active()
    priya, sol = program(w, "priya"), program(w, "sol")
    where = f"/referrals/{record}/documents"
    said = {"kind": "letter", "description": SAID, "seen_by": "both", "name": "lift.pdf"}
    sent = {**said, "content": base64.b64encode(PDF).decode()}
    made = priya.post(where, sent, key="a")
    again = priya.post(where, sent, key="a")
    assert (made.status, again.json["replayed"], again.json["id"]) == (201, True, made.json["id"])
    (one,) = sol.get(where).json["items"]
    assert (one["description"], one["scan"], one["can_be_opened"]) == (SAID, "waiting", False)
    file = f"{where}/{made.json['id']}/file"
    assert sol.get(file).codes == ["not_scanned"]
    clean(w)
    assert sol.get(where).json["items"][0]["can_be_opened"] is True
    token = {"Authorization": f"Bearer {sol.token}"}
    assert sol.client.get(f"/api/v1{file}", headers=token).data == PDF
    taken = priya.post(f"{where}/{made.json['id']}/take-back", {"why": "wrong_file"})
    assert taken.json == {"taken_back": True}
    assert sol.get(where).json["items"] == []
    assert sol.get(file).status == 404
    assert priya.get(where).json["items"][0]["name"] is None


@pytest.mark.parametrize(
    ("content", "status"), [("not base64!", 422), ("", 422), ("A" * 8_100_000, 413)]
)
def test_programs_send_bytes_and_not_too_many(w: World, content: str, status: int) -> None:
    record = w.active()
    sent = {"kind": "letter", "description": SAID, "seen_by": "both", "name": "lift.pdf"}
    where = f"/referrals/{record}/documents"
    assert program(w, "priya").post(where, {**sent, "content": content}).status == status
    assert program(w, "kit").post(where, {**sent, "content": "JVBERi0="}).status == 404
    assert seen(w, record, "priya") == []


def test_of_two_records_joined_the_documents_of_both_open_and_read_as_they_did(w: World) -> None:
    stays, other = w.person(), w.person()
    mine, theirs = w.accepted(stays), w.accepted(other, "pottery")
    first, second = attach(w, mine), attach(w, theirs, content=PDF + b"Theirs.\n")
    scan(w)
    scan(w)
    lead = w.actor["tess"]
    w.made(
        lead, lambda tx: merge_people(tx, lead, w.at, stays, other, referrals=[theirs], key="join")
    )
    for who in ("priya", "sol"):
        assert opened(w, mine, first, who) == PDF, who
    for who in ("priya", "kit"):
        assert opened(w, theirs, second, who) == PDF + b"Theirs.\n", who
    with pytest.raises(Refused):
        opened(w, theirs, second, "sol")
