"""Erasing a person: which rows are theirs, what goes of each, and what stays.

What stays are states, versions, clocks, steps and leaves: they hold random ids, codes and times.
The list of erasures holds the same, so that it may lie outside the store and be played again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from referral.ids import new_id
from referral.ledger import TABLES
from referral.rows import put
from referral.schema import ERASED, HOLD_LIVE, seal
from referral.states import ENDS, Noun, listed
from referral.store import Sql, Tx


class Blank(NamedTuple):
    """What happens to the rows of one table. `by` names the column they are found by, and of what
    its ids are; `gone` are the columns that are emptied (to None, or to what is given instead);
    `kept` are left, because they hold ids, codes or times."""

    by: tuple[tuple[str, str], ...]
    gone: Mapping[str, Any]
    kept: frozenset[str]


class Once(str):
    """A value each row gets of its own."""


A_NEW_ID = Once("a new id")
NOW = Once("now")
WORDS = seal(ERASED)


def _none(*columns: str) -> dict[str, Any]:
    return dict.fromkeys(columns)


def _kept(columns: str) -> frozenset[str]:
    return frozenset(columns.split())


ROW = "id system_id organisation_id state version since reason created_at "

# Every column of these tables is named, gone or kept: a new one fails a test until it is.
BLANKS: dict[str, Blank] = {
    "person": Blank(
        (("id", "person"),),
        {
            **_none(
                *("nhs_number", "no_nhs_number", "birth_date", "phone", "email", "address"),
                *("postcode", "practice", "contact_method", "contact_times", "message_safe"),
                *("through_name", "through_phone", "language", "interpreter", "access_needs"),
                *("emergency_contact", "died_on", "died_about", "death_said_by"),
                "death_recorded_at",
            ),
            "given_name": "Erased",
            "family_name": "person",
            "name_key": "",
            "subject_ref": A_NEW_ID,
            "erased_at": NOW,
        },
        # Their own reference stays: it is on their letters, and finds that they were erased.
        _kept("id system_id organisation_id reference gate version created_at")
        | _kept("merged_into merged_at"),
    ),
    "plan": Blank(
        (("person_id", "person"),),
        _none("what_matters", "goals", "needs", "access"),
        _kept("id system_id organisation_id person_id created_at updated_at"),
    ),
    "note": Blank(
        (("person_id", "person"), ("record_id", "record")),
        {"body": WORDS},
        _kept("id system_id organisation_id person_id noun record_id audience written_by at"),
    ),
    "message": Blank(
        (("person_id", "person"), ("referral_id", "referral")),
        {"body": WORDS},
        _kept("id system_id referral_id person_id side to_organisation_id written_by at read_at"),
    ),
    "document": Blank(
        (("person_id", "person"), ("referral_id", "referral")),
        {"name": WORDS, "description": WORDS, "content": None},
        _kept("id system_id referral_id person_id side shared kind attached_by at media_type size")
        | _kept("scan scan_at scanned_at taken_back_at taken_back_by taken_back_why"),
    ),
    "referral": Blank(
        (("person_id", "person"),),
        _none("safety_notes", "safety_answers", "shared", "risks", "outcome"),
        _kept(ROW + "reference person_id provider_id activity_id group_id link_worker_id plan_id")
        | _kept("urgent call_before alternatives expected_date paused_until contacted_at sent_at")
        | _kept("redirected_from redirected_to completed_at"),
    ),
    "consent": Blank(
        (("person_id", "person"),),
        _none("present"),
        _kept("id system_id organisation_id state version since reason")
        | _kept("person_id link_worker_id purpose recipient renews_id wording_id basis how")
        | _kept("capacity_note_id capacity_id asked_at answered_at until"),
    ),
    "override": Blank(
        (("person_id", "person"),),
        {"necessity": WORDS, "proportionality": WORDS, "why_not_told": None},
        _kept(ROW + "reference person_id recipient ground fields person_told danger rung holder")
        | _kept("proposed_by decided_by until finding"),
    ),
    "concern": Blank(
        (("person_id", "person"),),
        {
            "seen": WORDS,
            **_none(
                *("prompts", "wishes", "person_knows", "child", "others_at_risk", "advocate"),
                *("categories", "reported_to", "authority_reference", "authority_decision"),
                *("wishes_met", "why_not_asked"),
            ),
        },
        _kept(ROW + "reference person_id provider_id referral_id rung holder danger raised_by")
        | _kept("acknowledged_at acknowledged_by authority_route reported_at closed_at"),
    ),
    "concern_source": Blank(
        (("concern_id", "concern"),),
        _none("words"),
        # Who on staff was named as a source of harm is about them, and is theirs to have erased.
        _kept("id system_id concern_id user_id organisation_id")
        | _kept("was_user_id was_organisation_id struck_at"),
    ),
    "authority_call": Blank(
        (("concern_id", "concern"),),
        _none("whom", "reference"),
        _kept("id system_id concern_id route told_at told_by reported"),
    ),
    "escalation": Blank(
        (("person_id", "person"),),
        _none("tried"),
        _kept(
            ROW
            + "reference kind topic severity about about_id person_id level ceiling owner raiser"
        )
        | _kept("raised_by clock_id clock_period reviewer_id asked unanswered decision")
        | _kept("review_on told_at closed_at"),
    ),
    "rights_request": Blank(
        (("person_id", "person"),),
        {"asked_for": WORDS, "on_behalf": None},
        _kept(ROW + "reference person_id kind how received_on taken_by identity_how extended")
        | _kept("stopped_at stopped_days told_how ground decided_by"),
    ),
    "blackout": Blank(
        (("person_id", "person"),),
        {"words": WORDS},
        _kept("id system_id organisation_id person_id record_id ground marked_by at ended_at"),
    ),
    "legal_hold": Blank(
        (("person_id", "person"),),
        {"why": WORDS},
        _kept(
            "id system_id organisation_id person_id owner_id review_on placed_at ended_at ended_by"
            " reminded_at"
        ),
    ),
    "rights_part": Blank(
        (("request_id", "rights_request"),),
        _none("note"),
        _kept("request_id part system_id decision reason decided_by at"),
    ),
    "correction": Blank(
        (("person_id", "person"),),
        {"was": None, "now": WORDS, "why": WORDS},
        _kept("id system_id organisation_id person_id request_id field changed_by at"),
    ),
    "emergency": Blank(
        (("person_id", "person"),),
        {"why": WORDS},
        _kept(ROW + "reference person_id opened_by until finding tags"),
    ),
    "capacity_assessment": Blank(
        (("person_id", "person"),),
        {
            **dict.fromkeys(("decision", "assessor", "help", "cause", "interests"), WORDS),
            "consulted": None,
        },
        _kept("id system_id organisation_id person_id understands retains weighs communicates")
        | _kept("lacks review_on recorded_by at"),
    ),
    "confirmation": Blank(
        (("record_id", "record"),),
        {"given": "{}"},
        _kept("id system_id organisation_id noun record_id trigger proposed_by proposed_at")
        | _kept("answered_by answered_at answer"),
    ),
    "dispatch": Blank(
        (("record_id", "record"),),
        _none("service_id", "to_address"),
        _kept("id system_id key slot outbox_id to_owner channel what noun record_id at run_at")
        | _kept("lease_until tries sent_at ended result"),
    ),
    "link": Blank(
        (("record_id", "record"),),
        _none("code_hash", "word_hash", "wished", "called_at"),
        _kept("id system_id purpose record_id membership_id made_by channel token_hash wrong")
        | _kept("wrong_in_all")
        | _kept("created_at expires_at used_at used_for revoked_at"),
    ),
}
# Rows that go altogether.
REMOVED: dict[str, tuple[str, str]] = {
    "beginning": ("person_id", "person"),
    "attendance": ("referral_id", "referral"),
    "score": ("referral_id", "referral"),
    # Theirs as much as the person's: nothing of it is kept.
    "relationship": ("person_id", "person"),
    "equality_answer": ("person_id", "person"),
    "reminder": ("record_id", "record"),
    "external_id": ("record_id", "record"),
}
# Tables in which a record of a person may be named, and why nothing goes.
LEFT: dict[str, str] = {
    "announcement": "what was told to many: it never named anybody",
    "audit": "a leaf holds random ids, codes and times; the person's surrogate leads nowhere now",
    "audit_index": "a place in the tree",
    "clock": "owner keys, kinds and times",
    "consequence": "moves on records, with codes",
    "erasure": "that it was erased",
    "errand": "owner keys and codes",
    "escalation_theme": "a theme is a place's own word",
    "hold": "owner keys, causes and times",
    "message_read": "who on staff has read a message, when",
    "notice": "a code and the id of a record",
    "outbox": "owner keys and codes; what waits is taken back",
    "raised_outside": "a group that has no account: it is theirs to have erased",
    "retention_review": "that its time was over, and who decided: codes and days",
    "step": "who on staff did what, when; a reason is a code",
}


def _each(text: str, pg: bool) -> Sql:
    """A statement with `{ids}`: a list bound as one value, on either database."""
    return Sql(
        text.replace("{ids}", "= ANY(:ids)" if pg else "IN (SELECT value FROM json_each(:ids))")
    )


def _list(ids: Iterable[str], pg: bool) -> Any:
    found = sorted(set(ids))
    return found if pg else json.dumps(found)


@cache
def _statement(text: str, pg: bool) -> Sql:
    return _each(text, pg)


def each(tx: Tx, text: str, ids: Iterable[str], **more: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement that asks for these `{ids}`, on either database."""
    return tx.rows(_statement(text, tx.pg), ids=_list(ids, tx.pg), **more)


def _run(tx: Tx, text: str, ids: Iterable[str], **more: Any) -> int:
    return tx.run(_statement(text, tx.pg), ids=_list(ids, tx.pg), **more)


# -- whose rows ---------------------------------------------------------------------------------


class Found(NamedTuple):
    """A person who may be erased, with every record that was joined with theirs."""

    id: str
    system_id: str
    organisation_id: str
    place_path: str
    erased_at: datetime | None
    people: tuple[str, ...]
    subjects: tuple[str, ...]


PERSON = Sql(
    "SELECT p.id, p.system_id, p.organisation_id, pl.path, p.erased_at, p.merged_into,"
    " p.subject_ref FROM person p JOIN organisation o ON o.id = p.organisation_id"
    " JOIN place pl ON pl.id = o.place_id WHERE p.id = :id",
    times=(4,),
)
LOCKED = "SELECT id FROM person WHERE id {ids} ORDER BY id FOR UPDATE"
JOINED = "SELECT id, subject_ref FROM person WHERE merged_into {ids} ORDER BY id"


def find(tx: Tx, person_id: str, locked: bool = False) -> Found | None:
    """The person, with all records that were joined into theirs; by whichever of them is given.
    With `locked`, nobody changes what a guard of theirs rests on before this transaction ends."""
    row = tx.row(PERSON, id=person_id)
    while row is not None and row[5] is not None:
        row = tx.row(PERSON, id=row[5])
    if row is None:
        return None
    people = {str(row[0]): str(row[6])}
    further = list(people)
    while further:
        joined = {str(i): str(subject) for i, subject in each(tx, JOINED, further)}
        people |= joined
        further = list(joined)
    if locked and tx.pg:
        each(tx, LOCKED, people)
    subjects = (subject for _id, subject in sorted(people.items()))
    return Found(row[0], row[1], row[2], row[3], row[4], tuple(people), tuple(subjects))


# Records with an id of their own that belong to a person, by table.
BELONG = (
    "legal_hold",
    *("referral", "consent", "override", "concern", "escalation", "emergency"),
    *("plan", "hold", "beginning", "capacity_assessment", "rights_request", "correction"),
)


BELONGINGS = " UNION ALL ".join(
    [
        *(f"SELECT '{one}', id FROM {one} WHERE person_id {{ids}}" for one in (*BELONG, "note")),
        "SELECT 'hold', h.id FROM hold h JOIN referral r ON r.id = h.referral_id"
        " WHERE r.person_id {ids} AND h.person_id IS NULL",
    ]
)


def belongings(tx: Tx, found: Found) -> dict[str, list[str]]:
    """The ids of everything that stands under a person, by table; `person` are the people."""
    ids: dict[str, list[str]] = {"person": list(found.people)}
    ids |= {table: [] for table in (*BELONG, "note")}
    for table, record_id in each(tx, BELONGINGS, found.people):
        ids[table].append(str(record_id))
    ids["record"] = sorted({one for each in ids.values() for one in each})
    return ids


# -- what stands in the way ---------------------------------------------------------------------

_STILL_OPEN = {
    noun: f"SELECT id FROM {noun} WHERE id {{ids}} AND state NOT IN ({listed(*ENDS[noun])})"
    for noun in (
        *(Noun.REFERRAL, Noun.CONCERN, Noun.ESCALATION, Noun.OVERRIDE, Noun.CONSENT),
        *(Noun.EMERGENCY, Noun.RIGHTS),
    )
}
_LIVE_HOLD = f"SELECT id FROM hold WHERE id {{ids}} AND {HOLD_LIVE}"


def still_open(tx: Tx, noun: Noun, ids: Mapping[str, list[str]]) -> list[str]:
    """Those of the person's records of this noun on which somebody still acts."""
    return [str(row[0]) for row in each(tx, _STILL_OPEN[noun], ids[str(noun)])]


def held(tx: Tx, ids: Mapping[str, list[str]]) -> bool:
    """Whether a hold lies on the person or on one of their referrals."""
    return bool(each(tx, _LIVE_HOLD, ids["hold"]))


# -- the entries --------------------------------------------------------------------------------

_OF_RECORDS = (
    "SELECT a.seq, a.entry_id FROM audit a JOIN audit_detail d ON d.entry_id = a.entry_id"
    " WHERE a.record_id {ids}"
)
_OF_SUBJECT = Sql(
    "SELECT a.seq, a.entry_id FROM audit a JOIN audit_detail d ON d.entry_id = a.entry_id"
    " WHERE a.system_id = :system_id AND a.subject = :subject"
)


def entries(tx: Tx, found: Found, ids: Mapping[str, list[str]]) -> list[str]:
    """The entries about the person or their records whose details are still there, in order."""
    rows = each(tx, _OF_RECORDS, ids["record"])
    for subject in found.subjects:
        rows += tx.rows(_OF_SUBJECT, system_id=found.system_id, subject=subject)
    return [entry_id for _, entry_id in sorted({(row[0], str(row[1])) for row in rows})]


def forget_details(tx: Tx, entry_ids: Iterable[str]) -> int:
    """Take the payload and the salt of these entries away; how many there were."""
    return _run(tx, "DELETE FROM audit_detail WHERE entry_id {ids}", entry_ids)


# -- the rows -----------------------------------------------------------------------------------


def _value(value: Any, at: datetime) -> Any:
    if value is A_NEW_ID:
        return new_id()
    return at if value is NOW else value


def blank(tx: Tx, ids: Mapping[str, list[str]], at: datetime) -> None:
    """Empty what tells of the person, in every table; what is waiting to be sent is taken back."""
    for table, (column, of) in REMOVED.items():
        _run(tx, f"DELETE FROM {table} WHERE {column} {{ids}}", ids[of])
    for table, how in BLANKS.items():
        sets = ", ".join(f"{name} = :{name}" for name in how.gone)
        for column, of in how.by:
            # One at a time where each row gets a value of its own.
            pages = [[one] for one in ids[of]] if table == "person" else [ids[of]]
            for page in pages:
                values = {name: _value(value, at) for name, value in how.gone.items()}
                _run(tx, f"UPDATE {table} SET {sets} WHERE {column} {{ids}}", page, **values)
    records = ids["record"]
    _run(
        tx,
        "UPDATE person SET gate = gate + 1, version = version + 1 WHERE id {ids}",
        ids["person"],
    )
    _run(
        tx,
        "UPDATE link SET revoked_at = :at WHERE record_id {ids} AND revoked_at IS NULL",
        records,
        at=at,
    )
    _run(
        tx,
        "UPDATE outbox SET sent_at = :at, result = 'not_allowed_now', lease_until = NULL"
        " WHERE record_id {ids} AND sent_at IS NULL",
        records,
        at=at,
    )
    _run(
        tx,
        "UPDATE dispatch SET ended = :at, result = 'not_allowed_now', lease_until = NULL"
        " WHERE record_id {ids} AND ended IS NULL",
        records,
        at=at,
    )
    _run(
        tx,
        "UPDATE errand SET done_at = :at WHERE record_id {ids} AND done_at IS NULL",
        records,
        at=at,
    )
    _run(
        tx,
        "UPDATE confirmation SET answer = 'lapsed', answered_at = :at"
        " WHERE record_id {ids} AND answer IS NULL",
        records,
        at=at,
    )


ANSWERS = Sql("SELECT actor_id, key, answer FROM idempotency WHERE system_id = :system_id")
FORGET = Sql(
    "DELETE FROM idempotency WHERE system_id = :system_id AND actor_id = :actor_id AND key = :key"
)


def forget_answers(tx: Tx, system_id: str, ids: Mapping[str, list[str]]) -> None:
    """What was answered to requests about the person: beside it stands a hash of what was asked,
    and a name and a date of birth could be guessed from that."""
    records = set(ids["record"])
    for actor_id, key, answer in tx.rows(ANSWERS, system_id=system_id):
        try:
            said = json.loads(answer or "{}")
        except ValueError:
            continue
        if isinstance(said, dict) and records & {v for v in said.values() if isinstance(v, str)}:
            tx.run(FORGET, system_id=system_id, actor_id=actor_id, key=key)


# -- the list of erasures -----------------------------------------------------------------------


class Line(NamedTuple):
    """An erasure as it stands in the list kept outside."""

    id: str
    system_id: str
    person_id: str
    at: datetime
    ground: str
    approved_by: str | None


LINES = Sql(
    f"SELECT {', '.join(Line._fields)} FROM erasure ORDER BY at, id",
    times=(Line._fields.index("at"),),
)
LINES_AFTER = Sql(
    f"SELECT {', '.join(Line._fields)} FROM erasure WHERE person_id = :person_id ORDER BY at, id",
    times=(Line._fields.index("at"),),
)
MEMBER = Sql("SELECT 1 FROM membership WHERE id = :id AND system_id = :system_id")


def keep(tx: Tx, line: Line) -> None:
    """Put an erasure into the list."""
    put(tx, "erasure", line._asdict())


COUNT = Sql("SELECT count(*) FROM erasure")


def count(tx: Tx) -> int:
    """How many erasures there are."""
    return int(tx.rows(COUNT)[0][0])


def lines(tx: Tx) -> list[Line]:
    """Every erasure, the oldest first."""
    return [Line._make(row) for row in tx.rows(LINES)]


def of_person(tx: Tx, person_id: str) -> list[Line]:
    """The erasures of one person's record."""
    return [Line._make(row) for row in tx.rows(LINES_AFTER, person_id=person_id)]


def is_member(tx: Tx, system_id: str, membership_id: str) -> bool:
    """Whether there is such a membership in the system."""
    return tx.row(MEMBER, id=membership_id, system_id=system_id) is not None


def tables_with_people() -> frozenset[str]:
    """The tables that hold a person's id, or the id of a record of whatever kind."""
    names = {"person_id", "record_id", "referral_id", "concern_id", "escalation_id", "about_id"}
    return frozenset(
        name for name, table in TABLES.items() if names & {c.name for c in table.columns}
    )
