"""Entries of the log for other software: as FHIR R4 has them, complete, and naming nobody."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.provenance import Provenance

from referral.leaf import leaf_hash
from referral.states import Noun
from referral.store import Sql, Store
from tests.web.client import sign_in
from tests.world import World, build
from web.audit_events import FORMATS, PURPOSES
from web.audit_taking import CannotTake, take
from web.edge import Edge

# What R4 says of each element: (least, most, kind). A kind is a pattern of a text, "boolean", or
# the elements of its own.
CODE, TEXT, URI = r"\S+( \S+)*", r"(?s).+", r"\S+"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
CODING = {"system": (0, 1, URI), "code": (0, 1, CODE), "display": (0, 1, TEXT)}
CONCEPT = {"coding": (0, None, CODING), "text": (0, 1, TEXT)}
IDENTIFIER = {"system": (0, 1, URI), "value": (0, 1, TEXT)}
REFERENCE = {
    "reference": (0, 1, TEXT),
    "type": (0, 1, URI),
    "identifier": (0, 1, IDENTIFIER),
    "display": (0, 1, TEXT),
}
AUDIT_EVENT: dict[str, Any] = {
    "resourceType": (1, 1, "AuditEvent"),
    "id": (0, 1, r"[A-Za-z0-9.-]{1,64}"),
    "type": (1, 1, CODING),
    "subtype": (0, None, CODING),
    "action": (0, 1, "[CRUDE]"),
    "recorded": (1, 1, INSTANT),
    "outcome": (0, 1, "0|4|8|12"),
    "outcomeDesc": (0, 1, TEXT),
    "purposeOfEvent": (0, None, CONCEPT),
    "agent": (
        1,
        None,
        {
            "type": (0, 1, CONCEPT),
            "role": (0, None, CONCEPT),
            "who": (0, 1, REFERENCE),
            "altId": (0, 1, TEXT),
            "name": (0, 1, TEXT),
            "requestor": (1, 1, "boolean"),
            "policy": (0, None, URI),
            "network": (0, 1, {"address": (0, 1, TEXT), "type": (0, 1, "[1-5]")}),
            "purposeOfUse": (0, None, CONCEPT),
        },
    ),
    "source": (
        1,
        1,
        {"site": (0, 1, TEXT), "observer": (1, 1, REFERENCE), "type": (0, None, CODING)},
    ),
    "entity": (
        0,
        None,
        {
            "what": (0, 1, REFERENCE),
            "type": (0, 1, CODING),
            "role": (0, 1, CODING),
            "detail": (0, None, {"type": (1, 1, TEXT), "valueString": (1, 1, TEXT)}),
        },
    ),
}
PROVENANCE: dict[str, Any] = {
    "resourceType": (1, 1, "Provenance"),
    "id": (0, 1, r"[A-Za-z0-9.-]{1,64}"),
    "target": (1, None, REFERENCE),
    "occurredDateTime": (0, 1, INSTANT),
    "recorded": (1, 1, INSTANT),
    "policy": (0, None, URI),
    "reason": (0, None, CONCEPT),
    "activity": (0, 1, CONCEPT),
    "agent": (
        1,
        None,
        {
            "type": (0, 1, CONCEPT),
            "role": (0, None, CONCEPT),
            "who": (1, 1, REFERENCE),
            "onBehalfOf": (0, 1, REFERENCE),
        },
    ),
    "entity": (
        0,
        None,
        {"role": (1, 1, "derivation|revision|quotation|source|removal"), "what": (1, 1, REFERENCE)},
    ),
}


def wrong(said: Any, known: dict[str, Any], where: str = "") -> list[str]:
    """What in this resource isn't as R4 says."""
    if not isinstance(said, dict) or not said:
        return [f"{where}: an element has elements"]
    found = [f"{where}.{name}: there is no such element" for name in said.keys() - known.keys()]
    for name, (least, most, kind) in known.items():
        value = said.get(name)
        many = most is None
        if value is None:
            found += [f"{where}.{name}: missing"] if least else []
            continue
        if many != isinstance(value, list) or value == []:
            found.append(f"{where}.{name}: one or many")
            continue
        for one in value if many else [value]:
            if isinstance(kind, dict):
                found += wrong(one, kind, f"{where}.{name}")
            elif kind == "boolean":
                found += [] if isinstance(one, bool) else [f"{where}.{name}: {one!r}"]
            elif not isinstance(one, str) or not re.fullmatch(kind, one):
                found.append(f"{where}.{name}: {one!r}")
    return found


@pytest.fixture
def w(store: Store) -> World:
    w = build(store)
    record = w.sent()
    w.referral(record, "ask", "sol", given={"note": "Can she climb stairs?"})
    w.referral(record, "answer", "priya", given={"note": "Yes."})
    w.completed()
    given = {"person_id": w.person(), "seen": "Bruises.", "danger": False, "sources": []}
    w.step(Noun.CONCERN, None, "raise", "priya", given=given)
    sign_in(w, "sol").get(f"/referrals/{record}")
    sign_in(w, "priya").get("/users")
    sign_in(w, "priya").get("/people")
    return w


def taken(w: World, form: str, **more: Any) -> list[dict[str, Any]]:
    out = StringIO()
    asked = {"reference": None, "since": None, "until": None, **more}
    number = take(Edge(w.store, lambda: w.at), out, form, **asked)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(found) == number
    return found


def test_every_entry_is_an_audit_event_as_r4_has_it(w: World) -> None:
    found = taken(w, "fhir")
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT entry_id FROM audit ORDER BY seq"))
    assert [one["id"] for one in found] == [row[0] for row in rows]
    for one in found:
        assert wrong(one, AUDIT_EVENT) == [], one
        AuditEvent.model_validate(one)
        assert [agent["requestor"] for agent in one["agent"]].count(True) == 1
    codes = {
        coding["code"]
        for one in found
        for purpose in one.get("purposeOfEvent", [])
        for coding in purpose["coding"]
    }
    assert codes <= {code for code, _words in PURPOSES.values()}
    kinds = {(one["type"]["code"], one["action"]) for one in found}
    assert {("rest", "R"), ("rest", "C"), ("rest", "U"), ("rest", "E"), ("110106", "R")} <= kinds
    assert {one["outcome"] for one in found} == {"0", "4"}


def test_every_move_is_a_provenance_as_r4_has_it(w: World) -> None:
    found = taken(w, "provenance")
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT id FROM step"))
    assert len(found) == len(rows)
    for one in found:
        assert wrong(one, PROVENANCE) == [], one
        Provenance.model_validate(one)


@pytest.mark.parametrize(
    "broken",
    [
        {"recorded": "yesterday"},
        {"recorded": None},
        {"outcome": "1"},
        {"action": "X"},
        {"agent": []},
        {"source": {"site": "x"}},
        {"agent": [{"requestor": "yes"}]},
        {"told": "x"},
    ],
)
def test_what_is_not_as_r4_has_it_is_noticed(w: World, broken: dict[str, Any]) -> None:
    one = {**taken(w, "fhir")[-1], **broken}
    one = {name: value for name, value in one.items() if value is not None}
    assert wrong(one, AUDIT_EVENT) != []


def test_a_line_holds_the_leaf_that_hashes_to_what_is_kept(w: World) -> None:
    found = taken(w, "lines")
    whole = [one for one in found if one["leaf"] is not None]
    assert len(whole) > 20
    for one in whole:
        assert leaf_hash(one["leaf"]).hex() == one["hash"]


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_no_export_names_anybody_or_tells_whom_a_concern_is_about(w: World, form: str) -> None:
    out = StringIO()
    take(Edge(w.store, lambda: w.at), out, form, reference=None, since=None, until=None)
    text = out.getvalue()
    for name in ("Okoro", "Margaret", "Priya", "Bruises", "stairs", "07700"):
        assert name not in text
    with w.store.read() as tx:
        concern = tx.row(
            Sql("SELECT c.id, p.subject_ref, c.raised_by FROM concern c"
                " JOIN person p ON p.id = c.person_id")
        )  # fmt: skip
    assert concern is not None
    about = [line for line in text.splitlines() if concern[0] in line or '"concern"' in line]
    assert all(concern[1] not in line for line in about)
    raised = [line for line in about if '"raise"' in line]
    assert all(concern[2] not in line for line in raised)


def test_an_export_is_narrowed_and_is_itself_in_the_log(w: World) -> None:
    with w.store.read() as tx:
        person = tx.row(
            Sql("SELECT p.reference, p.subject_ref FROM referral r"
                " JOIN person p ON p.id = r.person_id ORDER BY r.created_at LIMIT 1")
        )  # fmt: skip
    assert person is not None
    found = taken(w, "lines", reference=person[0])
    assert found
    assert all(json.loads(one["leaf"])["subject"] == person[1] for one in found)
    assert taken(w, "lines", since="2030-01-01") == []
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT action, noun FROM audit WHERE action = 'exported'"))
    assert rows == [("exported", "audit")] * 2
    for given in ({"reference": "nonsense"}, {"reference": "SG-0000-00"}, {"since": "May"}):
        with pytest.raises(CannotTake):
            taken(w, "lines", **given)


def test_an_auditor_takes_the_same_from_the_page(w: World) -> None:
    art = sign_in(w, "art")
    page = art.get("/audit/export?format=fhir")
    assert page.response.headers["Content-Disposition"].endswith('"audit-events.ndjson"')
    found = [json.loads(line) for line in page.text.splitlines()]
    assert [one["id"] for one in found] == [one["id"] for one in taken(w, "fhir")][: len(found)]
    assert found[-1]["type"]["code"] == "110106"
    assert art.get("/audit/export?format=nonsense").status == 404
    assert sign_in(w, "grace").get("/audit/export?format=fhir").status == 403
