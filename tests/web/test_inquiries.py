"""The bundle for a coroner or an inquiry: complete, without third parties, and to be verified;
given by two people who may, and by nobody else."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from referral.merkle import NotProved
from referral.models import Base
from referral.proof_files import SUFFIX, ProofFile
from referral.states import Noun
from referral.store import Sql, Store
from tests.keeping import KEYS, keep
from tests.web.client import Page, Visitor, sign_in
from tests.winding import sweep
from tests.world import World, build
from web.edge import Edge
from web.inquiry_taking import CannotGive
from web.inquiry_taking import given as given_out
from workflows.messages import write_message
from workflows.relationships import record_relationship

STEPS = Sql("SELECT s.record_id, s.version FROM step s WHERE s.record_id IN (" + " UNION ".join(
    f"SELECT r.id FROM {noun} r WHERE r.person_id = :p" for noun in Noun
    if "person_id" in Base.metadata.tables[noun].columns
) + ")")  # fmt: skip


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def history(w: World) -> str:
    """A person with a long history, beside another with one of their own."""
    other = w.person(given_name="Hortense", family_name="Quill")
    w.sent(other)
    person = w.person(
        given_name="Ottilie", family_name="Marsh", emergency_contact="Bertram Marsh, 07700 900123"
    )
    w.consent(person)
    record = w.sent(person)
    told = "Priya says that Hortense Quill drives her, and Bertram worries."
    w.referral(record, "ask", "sol", given={"note": told})
    w.referral(record, "answer", "priya", given={"note": "Sol knows the way."})
    sol, priya = w.actor["sol"], w.actor["priya"]
    wrote = "Ottilie comes with Wilhelmina now, as Priya knows."
    w.made(sol, lambda tx: write_message(tx, sol, w.at, referral_id=record, body=wrote))
    near = {"kind": "carer", "name": "Wilhelmina Voss", "may_speak": "not_asked"}
    w.made(priya, lambda tx: record_relationship(tx, priya, w.at, person_id=person, values=near))
    w.referral(record, "decline", "sol", given={"reason": "full"})
    given = {"kind": "other", "about": "referral", "about_id": record, "note": "Help"}
    w.step(Noun.ESCALATION, None, "raise", "priya", given=given)
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": []}
    w.step(Noun.CONCERN, None, "raise", "priya", given=given)
    sign_in(w, "sam").get(f"/people/{person}")
    sign_in(w, "priya").get("/people")
    return person


def reference(w: World, person: str) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT reference FROM person WHERE id = :id"), id=person)
    assert row is not None
    return str(row[0])


def asked(w: World, person: str, who: str = "ingrid", named: str = "no") -> Page:
    return sign_in(w, who).fill(
        "/inquiries", reference=reference(w, person), ground="coroner", named=named
    )


def archive_of(visitor: Visitor, path: str) -> bytes:
    response = visitor.client.get(f"{path}/bundle", base_url=visitor.base)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/zip"
    return response.get_data()


def given(w: World, person: str, named: str = "no") -> dict[str, bytes]:
    page = asked(w, person, named=named)
    assert "Nothing is given before a second person says yes" in page.banner
    assert sign_in(w, "ingrid").get(f"{page.path}/bundle").status == 404
    amara = sign_in(w, "amara")
    assert "Ready to be taken" in amara.fill(page.path, do="yes").words
    with zipfile.ZipFile(io.BytesIO(archive_of(amara, page.path))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_step_is_in_it_with_its_ground_and_the_words_that_were_read_out(w: World) -> None:
    person = history(w)
    keep(w)
    files = given(w, person)
    told = json.loads(files["history.json"])
    with w.store.read() as tx:
        made = tx.rows(STEPS, p=person)
    assert len(made) >= 9
    assert sorted((one["record"], one["version"]) for one in told["timeline"]) == sorted(made)
    declined = next(one for one in told["timeline"] if one["move"] == "decline")
    assert (declined["from"], declined["to"], declined["ground"]) == ("sent", "returned", "full")
    consent = next(one for one in told["consents"] if one["purpose"] == "share_with_provider")
    with w.store.read() as tx:
        bodies = {row[0] for row in tx.rows(Sql("SELECT body FROM wording"))}
    assert consent["words"] in bodies
    for one in told["timeline"]:
        assert one["rules"] in files
    assert any(one["among_others"] for one in told["seen_by"])
    assert any(not one["among_others"] and one["of"] == "Person" for one in told["seen_by"])
    (message,) = told["messages"]
    assert (message["side"], message["read_at"]) == ("provider", None)
    assert (
        message["words"] == "Ottilie comes with [another person] now, as [a member of staff] knows."
    )
    page = files["index.html"].decode()
    assert "Ottilie Marsh" in page
    assert page.count("<li><p><strong>") == len(made) + 1


def test_no_third_party_is_named_in_it(w: World) -> None:
    person = history(w)
    keep(w)
    files = given(w, person)
    everything = b"\n".join(files.values()).decode()
    for name in (
        "Hortense",
        "Quill",
        "Bertram",
        "Wilhelmina",
        "Priya",
        "Sol ",
        "Sam ",
        "Ingrid",
        "Amara",
    ):
        assert name not in everything, name
    assert "drives her" in everything
    assert "[another person]" in everything
    assert "[a member of staff]" in everything
    named = given(w, person, named="yes")
    raised = next(
        one
        for one in json.loads(named["history.json"])["timeline"]
        if (one["noun"], one["move"]) == ("concern", "raise")
    )
    assert "Priya" not in raised["by"]
    assert "Priya" in named["history.json"].decode()
    assert "Hortense" not in named["history.json"].decode()


def test_what_is_in_it_can_be_verified_with_the_public_key_alone(w: World) -> None:
    person = history(w)
    keep(w)
    files = given(w, person)
    sums = json.loads(files["manifest.json"])["sha256"]
    assert sums.keys() == files.keys() - {"manifest.json", "SHA256SUMS"}
    for name, expected in sums.items():
        assert hashlib.sha256(files[name]).hexdigest() == expected
    proofs = [name for name in files if name.endswith(SUFFIX)]
    assert len(proofs) > 10
    for name in proofs:
        leaf = files[name.removesuffix(SUFFIX) + ".json"].decode()
        proof = ProofFile.read(files[name].decode())
        head, _note = proof.check(leaf, KEYS.verifiers)
        assert proof.idx < head.size
        with pytest.raises(NotProved):
            proof.check(leaf.replace('"done"', '"Done"'), KEYS.verifiers)
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT a.leaf FROM audit a JOIN person p ON p.subject_ref = a.subject"
                " WHERE p.id = :p"), p=person
        )  # fmt: skip
    kept = {files[name].decode() for name in files if re.match(r"entries/.*\.json", name)}
    assert kept <= {row[0] for row in rows}
    assert len(kept) >= len(rows) - 1  # taking it is in the log after the reading began


def test_concerns_stand_in_it_only_where_the_accountable_officer_is_one_of_the_two(
    w: World,
) -> None:
    from dataclasses import replace

    from referral.inquiries import asked as found
    from web.inquiry import bundle

    person = history(w)
    why, sources = "The council knew.", [{"user_id": w.actor["sol"].user_id}]
    given = {"person_id": person, "seen": "Shouted at.", "danger": False, "sources": sources}
    concern = w.step(Noun.CONCERN, None, "raise", "priya", given=given).id
    w.step(Noun.CONCERN, concern, "acknowledge", "gwen", given={"hold_stays": False})
    ending = {"wishes_met": "fully", "reason": "advice", "feedback": "Seen to."}
    w.step(Noun.CONCERN, concern, "close", "gwen", given={**ending, "why_unreported": why})
    path = asked(w, person).path
    ingrid, amara = w.actor["ingrid"], w.actor["amara"]
    with w.store.read() as tx, sign_in(w, "ingrid").app.test_request_context():
        one = found(tx, ingrid, path.rsplit("/", 1)[1])
        assert one is not None
        with_them = bundle(tx, one, ingrid, amara, w.at)
        without = bundle(tx, one, ingrid, replace(ingrid), w.at)
    assert '"concern"' in with_them["history.json"].decode()
    moves = json.loads(with_them["history.json"])["timeline"]
    assert [(m["words"], m["why_unreported"]) for m in moves if m["move"] == "close"] == [
        ("Seen to.", why)
    ]
    assert sum(bool(m["why_unreported"]) for m in moves) == 1
    assert why in with_them["index.html"].decode()
    assert not any(why.encode() in body for body in without.values())
    assert '"concern"' not in without["history.json"].decode()
    assert not any(b'"noun":"concern"' in body for body in without.values())


def test_one_person_alone_gets_nothing_and_neither_does_anybody_else(w: World) -> None:
    person = history(w)
    path = asked(w, person).path
    ingrid = sign_in(w, "ingrid")
    assert "Another information governance lead" in ingrid.get(path).words
    alone = ingrid.post(path, {"do": "yes"})
    assert alone.status == 409
    assert "You asked for this bundle yourself" in alone.words
    assert ingrid.get(f"{path}/bundle").status == 404
    for who in ("priya", "grace", "art", "gwen", "ada", "sol"):
        assert sign_in(w, who).get(path).status == 403
        assert sign_in(w, who).get("/inquiries").status == 403
    assert "You said no" in sign_in(w, "amara").post(path, {"do": "no"}).banner
    assert sign_in(w, "amara").get(f"{path}/bundle").status == 404


def test_a_bundle_waits_seven_days_for_a_yes_and_seven_to_be_taken(w: World) -> None:
    person = history(w)
    path = asked(w, person).path
    w.at += timedelta(days=8)
    sweep(w)
    late = sign_in(w, "amara").post(path, {"do": "yes"})
    assert late.status == 409
    path = asked(w, person).path
    sign_in(w, "amara").fill(path, do="yes")
    assert archive_of(sign_in(w, "amara"), path)
    w.at += timedelta(days=8)
    assert sign_in(w, "amara").get(f"{path}/bundle").status == 404


def test_asking_answering_and_taking_are_in_the_log(w: World) -> None:
    person = history(w)
    given(w, person)
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT a.action, a.membership_id FROM audit a WHERE a.noun = 'person'"
                " AND a.action IN ('bundle_asked', 'bundle_approved', 'exported') ORDER BY a.seq")
        )  # fmt: skip
    ingrid, amara = (w.actor[who].membership_id for who in ("ingrid", "amara"))
    assert rows == [("bundle_asked", ingrid), ("bundle_approved", amara), ("exported", amara)]


def test_what_is_asked_without_a_ground_or_a_person_is_said(w: World) -> None:
    page = sign_in(w, "ingrid").fill("/inquiries", reference="SG-0000-00", ground="")
    assert page.status == 422
    assert "Enter the reference of a person of your place" in page.words
    assert "Choose on what ground the bundle is asked for." in page.words
    assert "SG-0000-00" in page.text


def test_the_command_writes_the_same_into_a_folder_and_asks_for_two_people_too(
    w: World, tmp_path: Path
) -> None:
    person = history(w)
    keep(w)
    path = asked(w, person).path
    one, out, now = path.rsplit("/", 1)[1], tmp_path / "bundle", Edge(w.store, lambda: w.at)
    with pytest.raises(CannotGive, match="Two people must have said yes"):
        given_out(now, one, str(out))
    sign_in(w, "amara").fill(path, do="yes")
    number = given_out(now, one, str(out))
    files = [each for each in out.rglob("*") if each.is_file()]
    assert len(files) == number > 20
    for line in (out / "SHA256SUMS").read_text().splitlines():
        expected, _, name = line.partition("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == expected
    assert "History of Ottilie Marsh" in (out / "index.html").read_text()
    with pytest.raises(CannotGive, match="is there already"):
        given_out(now, one, str(out))
    with pytest.raises(CannotGive, match="no such request"):
        given_out(now, "nonsense", str(tmp_path / "other"))


def test_a_passage_is_blacked_out_wherever_it_stands_and_the_record_keeps_it(w: World) -> None:
    person = history(w)
    path = asked(w, person).path
    sign_in(w, "amara").fill(path, do="yes")
    ingrid, marks = sign_in(w, "ingrid"), f"{path}/passages"
    assert f'href="{marks}"' in ingrid.get(path).text

    def words_of_bundle() -> str:
        with zipfile.ZipFile(io.BytesIO(archive_of(ingrid, path))) as archive:
            return archive.read("history.json").decode() + archive.read("index.html").decode()

    assert "knows the way" in words_of_bundle()
    page = ingrid.fill(marks, words="knows  the\nway", ground="about_others")
    assert "The record itself is as it was" in page.banner
    assert "It is about somebody else. Marked by" in page.words
    given_now = words_of_bundle()
    assert "knows the way" not in given_now
    assert given_now.count("[blacked out: about somebody else]") == 2
    assert "1 passage was blacked out" in given_now
    # As it stands in the bundle, another's name taken out of it already.
    ingrid.fill(marks, words="says that [another person] drives her", ground="serious_harm")
    assert "drives her" not in words_of_bundle()
    with w.store.read() as tx:
        notes = [row[0] for row in tx.rows(Sql("SELECT body FROM note", sealed=(0,)))]
        told = tx.rows(Sql("SELECT leaf FROM audit WHERE action = 'blacked_out'"))
    assert "Sol knows the way." in notes
    assert len(told) == 2
    assert "the way" not in str(told)
    for again in re.findall(r'value="(again:[^"]+)"', ingrid.get(marks).text):
        assert "given again" in ingrid.fill(marks, do=again).banner
    assert "knows the way" in words_of_bundle()


def test_what_cannot_be_blacked_out_is_said_and_kept(w: World) -> None:
    person = history(w)
    path = f"{asked(w, person).path}/passages"
    page = sign_in(w, "ingrid").fill(path, words="was never said", ground="")
    assert page.status == 422
    assert "Copy them from it, letter by letter" in page.words
    assert "Choose why it is not given" in page.words
    assert "was never said" in page.text
    assert "at least 2 characters" in sign_in(w, "amara").fill(path, words="x").words
    # A concern is in the bundle only where the accountable officer is one of the two.
    assert sign_in(w, "ingrid").fill(path, words="Bruises", ground="about_others").status == 422
    for who in ("priya", "grace", "art", "sol"):
        assert sign_in(w, who).get(path).status == 403
