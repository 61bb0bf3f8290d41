"""A copy of everything held about a person: which tables hold it, which columns are given, and what
is left out, each with its reason. A new table or column fails a test until it is named here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Boolean, Date, Dialect, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite

from referral import erasures
from referral.erasures import each
from referral.ledger import TABLES
from referral.schema import EncryptedText, Instant, day, instant
from referral.store import Sql, Tx

SQLITE: Dialect = sqlite.dialect()
POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

# What is looked at by a human before it is given: whether it would seriously harm somebody, or is
# about somebody else (Data Protection Act 2018, schedules 2 and 3).
SAFETY, REVIEWS, NOTES = "safety", "reviews", "notes"
DECIDED = (NOTES, REVIEWS, SAFETY)


class Held(NamedTuple):
    """One table about the person. `by` names the column its rows are found by, and of what its ids
    are (see `referral.erasures.belongings`); `given` are the columns copied. `part`: given only if
    it was decided to. `where` narrows the rows."""

    title: str
    by: tuple[str, str]
    given: tuple[str, ...]
    left: Mapping[str, str]
    part: str | None = None
    where: str = ""


ABOUT_US = "which installation, organisation or row it is: nothing about the person"
COUNTED = "counts changes, so that two people don't overwrite each other"
SEARCH = "the name once more, as search compares it"
SURROGATE = "a random word that stands for the person in the log"
HIDDEN = "the secret of a link, or a hash of it"
SENDING = "how a message was handed over"
THIRD = "who somebody else is"
TOLD_ABOVE = "stands with the record it belongs to"


def _plain(names: str, why: str = ABOUT_US) -> dict[str, str]:
    return dict.fromkeys(names.split(), why)


def _given(names: str) -> tuple[str, ...]:
    return tuple(names.split())


NOT_SAFETY = "audience IN ('both','ours')"
HELD: dict[str, Held] = {
    "person": Held(
        "Who you are and how to reach you",
        ("id", "person"),
        _given(
            "reference given_name family_name birth_date nhs_number no_nhs_number phone email"
            " address postcode practice contact_method contact_times through_name through_phone"
            " message_safe language interpreter access_needs emergency_contact organisation_id"
            " created_at died_on died_about death_said_by death_recorded_at merged_at erased_at"
        ),
        {
            **_plain("id system_id"),
            **_plain("gate version", COUNTED),
            "name_key": SEARCH,
            "subject_ref": SURROGATE,
            "merged_into": "the record that stands for this one: it is in this copy too",
        },
    ),
    "relationship": Held(
        "Who is close to you",
        ("person_id", "person"),
        _given(
            "kind name relation phone in_emergency may_speak said_on said_how from_on until_on"
            " recorded_by recorded_at ended_at ended_why"
        ),
        {
            **_plain("id system_id person_id"),
            "replaces_id": "which of the others it takes the place of: both stand here",
            "ended_by": "who on staff ended it",
        },
        NOTES,
    ),
    "equality_answer": Held(
        "What you said about equality",
        ("person_id", "person"),
        _given(
            "ethnic_group disability said_on said_how recorded_by recorded_at taken_back_at"
            " objected_at"
        ),
        _plain("id system_id person_id"),
    ),
    "plan": Held(
        "What matters to you",
        ("person_id", "person"),
        _given("what_matters goals needs access created_at updated_at"),
        _plain("id system_id organisation_id person_id"),
    ),
    "referral": Held(
        "Where you were referred",
        ("person_id", "person"),
        _given(
            "reference state since provider_id activity_id link_worker_id urgent risks safety_notes"
            " safety_answers call_before shared reason expected_date paused_until contacted_at"
            " outcome sent_at completed_at created_at"
        ),
        {
            **_plain("id system_id organisation_id person_id group_id plan_id"),
            **_plain("redirected_from redirected_to", "another of these: it stands here too"),
            "version": COUNTED,
            "alternatives": "other activities thought of, by their ids",
        },
    ),
    "attendance": Held(
        "When you came",
        ("referral_id", "referral"),
        _given("day came recorded_at recorded_by was why"),
        _plain("referral_id system_id"),
    ),
    "score": Held(
        "How you said your life is, from 0 to 10",
        ("referral_id", "referral"),
        _given(
            "measure measure_version stage satisfied worthwhile happy anxious asked_on how"
            " recorded_by recorded_at why"
        ),
        {
            **_plain("id referral_id system_id"),
            "corrects_id": "which of the others it puts right: both stand here, with why",
        },
    ),
    "consent": Held(
        "What you said about sharing",
        ("person_id", "person"),
        _given(
            "purpose recipient state since basis how present asked_at answered_at until reason"
            " link_worker_id"
        ),
        {
            **_plain("id system_id organisation_id person_id"),
            **_plain("renews_id wording_id capacity_note_id capacity_id", TOLD_ABOVE),
            "version": COUNTED,
        },
    ),
    "capacity_assessment": Held(
        "Whether you could decide at the time",
        ("person_id", "person"),
        _given(
            "decision assessor understands retains weighs communicates help cause lacks interests"
            " consulted review_on recorded_by at"
        ),
        _plain("id system_id organisation_id person_id"),
    ),
    "rights_request": Held(
        "What you asked for about your information",
        ("person_id", "person"),
        _given(
            "reference kind asked_for on_behalf how received_on taken_by state since identity_how"
            " extended stopped_at stopped_days told_how ground reason decided_by created_at"
        ),
        {**_plain("id system_id organisation_id person_id"), "version": COUNTED},
    ),
    "rights_part": Held(
        "What was decided about this copy",
        ("request_id", "rights_request"),
        _given("part decision reason decided_by at"),
        {**_plain("request_id system_id"), "note": "why, in words that may be about others"},
    ),
    "blackout": Held(
        "Passages that were blacked out",
        ("person_id", "person"),
        _given("ground marked_by at ended_at"),
        {
            **_plain("id system_id organisation_id person_id record_id"),
            "words": "the passage itself: it isn't given",
        },
    ),
    "correction": Held(
        "What was put right",
        ("person_id", "person"),
        _given("field was now why changed_by at"),
        _plain("id system_id organisation_id person_id request_id"),
    ),
    "note": Held(
        "Notes",
        ("id", "note"),
        _given("body written_by at noun"),
        {
            **_plain("id system_id organisation_id person_id record_id"),
            "audience": "who on staff reads it",
        },
        NOTES,
        NOT_SAFETY,
    ),
    "message": Held(
        "What your link worker and the group wrote to each other",
        ("referral_id", "referral"),
        _given("body written_by at"),
        {
            **_plain("id system_id referral_id person_id side to_organisation_id"),
            "read_at": "when staff read it: about them",
        },
        NOTES,
    ),
    "document": Held(
        "Documents that your link worker and the group put there",
        ("referral_id", "referral"),
        _given(
            "id kind name description media_type size attached_by at taken_back_at taken_back_why"
        ),
        {
            **_plain("system_id referral_id person_id side shared"),
            **_plain("scan scan_at scanned_at", "whether it was checked for viruses"),
            "taken_back_by": "who on staff took it back",
            "content": "given as a file of its own, beside this copy",
        },
        NOTES,
    ),
    "beginning": Held(
        "Begun and not sent",
        ("person_id", "person"),
        _given("answers created_at updated_at"),
        _plain("id system_id organisation_id membership_id person_id"),
    ),
    "external_id": Held(
        "What you are called in other systems",
        ("record_id", "person"),
        _given("source external"),
        _plain("system_id noun record_id"),
    ),
    "hold": Held(
        "When things stood still",
        ("id", "hold"),
        _given("started until ended"),
        {
            **_plain("id system_id organisation_id person_id provider_id referral_id concern_id"),
            "cause": "every hold reads the same, whatever its cause",
            "closed_to": "the same",
            "owner": "the same",
        },
    ),
    "link": Held(
        "Links to your own page",
        ("record_id", "person"),
        _given("channel made_by created_at expires_at used_at revoked_at"),
        {
            **_plain("id system_id purpose record_id membership_id used_for"),
            **_plain("token_hash code_hash word_hash", HIDDEN),
            **_plain("wrong wrong_in_all wished called_at", SENDING),
        },
    ),
    "dispatch": Held(
        "Messages sent to you",
        ("to_owner", "person_key"),
        _given("channel what at sent_at"),
        {
            **_plain("id system_id to_owner to_address noun record_id outbox_id"),
            **_plain("key slot run_at lease_until tries service_id ended result", SENDING),
        },
    ),
    "escalation": Held(
        "Matters that were reviewed",
        ("id", "escalation"),
        _given(
            "reference kind topic severity about state since level tried decision review_on reason"
            " told_at closed_at created_at"
        ),
        {
            **_plain("id system_id organisation_id person_id about_id clock_id clock_period"),
            **_plain("owner raiser raised_by reviewer_id asked", THIRD),
            **_plain("ceiling unanswered", TOLD_ABOVE),
            "version": COUNTED,
        },
        REVIEWS,
    ),
    "override": Held(
        "What was shared without your agreement",
        ("id", "override"),
        _given(
            "reference recipient state since ground necessity proportionality fields person_told"
            " why_not_told danger until reason finding created_at"
        ),
        {
            **_plain("id system_id organisation_id person_id rung"),
            **_plain("holder proposed_by decided_by", THIRD),
            "version": COUNTED,
        },
        SAFETY,
    ),
    "concern": Held(
        "Worries about your safety",
        ("id", "concern"),
        _given(
            "reference state since danger seen wishes person_knows child others_at_risk advocate"
            " categories acknowledged_at reported_to authority_route reported_at"
            " authority_reference authority_decision reason wishes_met why_not_asked closed_at"
            " created_at"
        ),
        {
            **_plain("id system_id organisation_id person_id provider_id referral_id rung"),
            **_plain("holder raised_by acknowledged_by", THIRD),
            "version": COUNTED,
            "prompts": "what the form asked whoever wrote it",
        },
        SAFETY,
    ),
    "authority_call": Held(
        "Authorities told of a worry",
        ("concern_id", "concern"),
        _given("route whom told_at reference reported"),
        {**_plain("id system_id concern_id"), "told_by": THIRD},
        SAFETY,
    ),
}

# Tables that name a person or a record of theirs, or may, and why none of it is in the copy.
NOT_GIVEN: dict[str, str] = {
    "concern_source": "who else is named in a worry: about them, and theirs to be given",
    "clock": "until when staff must act: it follows from the states that are given",
    "confirmation": "the same move stands in the record it was made on",
    "consequence": "moves on records, which stand with those records",
    "errand": "what staff were asked to do by hand",
    "escalation_theme": "a place's own word for what a matter shows",
    "announcement": "what was told to many; it never names a person",
    "idempotency": "kept for 48 hours, so that a press counts once",
    "message_read": "who on staff has read a message: about them",
    "notice": "that staff were told of a record",
    "outbox": "messages on their way, with no word about anybody",
    "raised_outside": "a group without an account that raised a matter: about them",
    "reminder": "when a member of staff asked to be reminded, by a code: about their own list",
    "step": "given as the history of each record, beside it",
    "audit": "who did and read what: given on its own page, by request",
    "audit_detail": "the same",
    "audit_index": "a place in the tree",
    "emergency": "who opened the record in an emergency: told with who looked at it, by request",
    "erasure": "that somebody was erased: then there is nothing left to give",
    "legal_hold": "that a record must be kept is about the law; a hold may be secret",
    "retention_review": "when the record is looked at again: said in the privacy notice",
}
# Tables about organisations, staff, rules and the program: no row belongs to a person supported.
NOT_ABOUT_PEOPLE = frozenset(
    {
        "activity",
        "activity_group",
        "agreement",
        "agreement_party",
        "announcement_reader",
        "api_token",
        "app_user",
        "area_edition",
        "area_tenth",
        "assurance",
        "authority",
        "bank_holiday",
        "data_key",
        "restored",
        "evidence",
        "ladder_rung",
        "membership",
        "move_table",
        "organisation",
        "passkey",
        "place",
        "policy_change",
        "policy_comment",
        "policy_rule",
        "postcode",
        "preference",
        "provider",
        "recovery_code",
        "residents",
        "rota_line",
        "saved_view",
        "second_step",
        "sign_in",
        "sign_in_try",
        "system",
        "tallied",
        "tally",
        "theme",
        "wording",
        "audit_check",
        "audit_checkpoint",
        "audit_cosignature",
        "audit_duty",
        "audit_node",
    }
)

STEPS = (
    "SELECT s.noun, coalesce(s.happened_at, s.at), s.trigger, s.from_state, s.to_state, s.reason"
    " FROM step s"
    " WHERE s.record_id {ids} ORDER BY s.at, s.id"
)
# What is left out of a history with its record.
OF_PART: dict[str, str] = {"concern": SAFETY, "override": SAFETY, "escalation": REVIEWS}


class Section(NamedTuple):
    """One table of the copy: its title, its rows, and the history of its records."""

    table: str
    title: str
    rows: tuple[Mapping[str, Any], ...]


class Copy(NamedTuple):
    """Everything held, and what was left out by decision: {part: reason}."""

    sections: tuple[Section, ...]
    history: tuple[Mapping[str, Any], ...]
    left_out: Mapping[str, str]


# What the rows of a table are told in the order of, the first of these that it has.
ORDERS = ("created_at", "asked_at", "at", "started")


@cache
def _everything(tables: tuple[str, ...], pg: bool) -> Sql:
    """The rows of all these tables in one statement, each row as a list with its table's name."""
    a_list = "json_build_array" if pg else "json_array"
    rows = []
    for table in tables:
        held = HELD[table]
        among = f"= ANY(:{table})" if pg else f"IN (SELECT value FROM json_each(:{table}))"
        where = f" AND {held.where}" if held.where else ""
        rows.append(
            f"SELECT '{table}', {a_list}({', '.join(held.given)}) FROM {table}"
            f" WHERE {held.by[0]} {among}{where}"
        )
    return Sql(" UNION ALL ".join(rows))


# What an id stands for in words, by the table it leads to.
NAMES: dict[str, str] = {
    "membership": "SELECT m.id, u.name || ', ' || o.name FROM membership m JOIN app_user u"
    " ON u.id = m.user_id JOIN organisation o ON o.id = m.organisation_id WHERE m.id {ids}",
    "organisation": "SELECT id, name FROM organisation WHERE id {ids}",
    "provider": "SELECT p.id, o.name FROM provider p JOIN organisation o"
    " ON o.id = p.organisation_id WHERE p.id {ids}",
    "activity": "SELECT id, name FROM activity WHERE id {ids}",
}
NAMED = " UNION ALL ".join(NAMES.values())  # an id stands in one of these tables alone
# Columns that hold such an id without a foreign key.
MEANS: dict[tuple[str, str], str] = {
    ("note", "written_by"): "membership",
    ("document", "attached_by"): "membership",
    ("attendance", "recorded_by"): "membership",
    ("link", "made_by"): "membership",
    ("capacity_assessment", "recorded_by"): "membership",
    ("consent", "recipient"): "provider",
    ("override", "recipient"): "provider",
}


def _leads_to(table: str, column: str) -> str | None:
    """The table whose names stand for the ids in this column."""
    known = MEANS.get((table, column))
    if known is not None:
        return known
    keys = TABLES[table].columns[column].foreign_keys
    found = next((key.column.table.name for key in keys), None)
    return found if found in NAMES else None


def _is_id(value: Any) -> bool:
    try:
        return str(UUID(str(value))) == str(value)
    except ValueError:
        return False


def _told(tx: Tx, table: str, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The rows of a table as they are told: text unsealed, times in UTC, in order."""
    held = HELD[table]
    kinds = [TABLES[table].columns[name].type for name in held.given]
    dialect = SQLITE if not tx.pg else POSTGRESQL
    sealed = [i for i, kind in enumerate(kinds) if isinstance(kind, EncryptedText)]
    told = [
        {
            name: _value(kind, value, dialect)
            for name, kind, value in zip(held.given, kinds, row, strict=True)
        }
        for row in tx.ring.open_rows(rows, sealed)
    ]
    order = next((name for name in ORDERS if name in held.given), None)
    return sorted(told, key=lambda row: row[order]) if order else told


def _sections(
    tx: Tx, ids: Mapping[str, list[str]], parts: frozenset[str | None]
) -> tuple[Section, ...]:
    """The tables of these parts with anything in them, with names where ids stand."""
    wanted = {t: ids.get(held.by[1], []) for t, held in HELD.items() if held.part in parts}
    found: dict[str, list[tuple[Any, ...]]] = {table: [] for table in wanted}
    asked = {t: some if tx.pg else json.dumps(some) for t, some in wanted.items()}
    for table, row in tx.rows(_everything(tuple(wanted), tx.pg), **asked):
        found[table].append(tuple(row if tx.pg else json.loads(row)))
    read = {table: _told(tx, table, rows) for table, rows in found.items()}
    told = [
        (row, name)
        for table, rows in read.items()
        for name in HELD[table].given
        if _leads_to(table, name)
        for row in rows
        if row[name] and _is_id(row[name])
    ]
    named = {str(row[name]) for row, name in told}
    names = {str(row[0]): row[1] for row in each(tx, NAMED, named)} if named else {}
    for row, name in told:
        row[name] = names.get(str(row[name]), row[name])
    return tuple(Section(t, HELD[t].title, tuple(rows)) for t, rows in read.items() if rows)


def _value(kind: Any, value: Any, dialect: Dialect) -> Any:
    """A value as the model reads it, whatever the database keeps it as."""
    if value is None:
        return None
    if isinstance(kind, Instant):
        return instant(value)
    if isinstance(kind, Date):
        return day(value)
    if isinstance(kind, Boolean):
        return bool(value)
    if isinstance(kind, EncryptedText):
        return str(value)  # opened already
    if isinstance(kind, TypeDecorator):
        return kind.process_result_value(value, dialect)
    return value


def gather(tx: Tx, person_id: str, given: frozenset[str], left_out: Mapping[str, str]) -> Copy:
    """Everything about this person and whoever's record was joined with theirs; of the parts that
    a human decides on, those `given`. Empty for nobody."""
    ids = _ids(tx, person_id)
    sections = _sections(tx, ids, frozenset({None, *given}))
    seen = [
        one
        for name, some in ids.items()
        if name in TABLES and (name not in OF_PART or OF_PART[name] in given)
        for one in some
    ]
    told = ("noun", "at", "trigger", "from", "to", "reason")
    history = tuple(
        dict(zip(told, (row[0], instant(row[1]), *row[2:]), strict=True))
        for row in each(tx, STEPS, seen)
    )
    return Copy(sections, history, left_out)


def parts(tx: Tx, person_id: str, given: frozenset[str]) -> Copy:
    """The same of these parts that a human decides on, and of nothing else."""
    return Copy(_sections(tx, _ids(tx, person_id), given), (), {})


def _ids(tx: Tx, person_id: str) -> dict[str, list[str]]:
    """The ids of what belongs to this person, by table; none for nobody."""
    found = erasures.find(tx, person_id)
    if found is None:
        return {}
    holders = [f"person@{one}" for one in found.people]
    return {**erasures.belongings(tx, found), "person_key": holders}
