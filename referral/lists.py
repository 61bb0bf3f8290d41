"""Pages of each noun for programs: by keyset, newest first, within the actor's scope.

Each query takes its scope from `referral.scopes`. What is outside it isn't found, isn't counted and
moves no cursor."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from referral import keys
from referral.actors import Actor
from referral.facts import closed_person, side_of
from referral.schema import HOLD_LIVE, day, of
from referral.scopes import ACTIVITY as ACTIVITY
from referral.scopes import PERSON as PERSON
from referral.scopes import PROVIDER as PROVIDER
from referral.scopes import asked, condition
from referral.states import Noun, Purpose
from referral.store import Sql, Tx
from referral.visible import StepSeen, by_record, steps_in

PERSONAL = (
    "given_name family_name birth_date nhs_number no_nhs_number phone email address postcode"
    " practice contact_method contact_times through_name through_phone message_safe language"
    " interpreter access_needs emergency_contact died_on died_about"
)
PERSON_SEALED = frozenset({"through_name", "through_phone", "access_needs", "emergency_contact"})
PERSON_DAYS = frozenset({"birth_date", "died_on"})
PERSON_TRUTHS = frozenset({"message_safe", "interpreter"})
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True)
class Shape:
    """One noun's columns by name, where they come from, and how some are read: as an instant, a
    day, sealed text, JSON, or yes and no."""

    columns: Mapping[str, str]
    source: str
    filters: Mapping[str, str] = field(default_factory=dict)
    times: frozenset[str] = frozenset()
    days: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    truths: frozenset[str] = frozenset()

    def read(self, row: Sequence[Any]) -> dict[str, Any]:
        """A row by the names of its columns."""
        found = dict(zip(self.columns, row, strict=True))
        for name in self.days:
            found[name] = day(found[name])
        for name in self.json:
            found[name] = keys.parsed(found[name])
        for name in self.truths:
            found[name] = None if found[name] is None else bool(found[name])
        return found

    def narrowed(self, only: Collection[str]) -> Shape:
        """The same with these columns alone; all of them where none is named."""
        if not only:
            return self
        kinds = {
            k: getattr(self, k) & set(only) for k in ("times", "days", "sealed", "json", "truths")
        }
        return replace(self, columns={n: c for n, c in self.columns.items() if n in only}, **kinds)


def _columns(alias: str, names: str) -> dict[str, str]:
    return {name: f"{alias}.{name}" for name in names.split()}


SHAPES: dict[str, Shape] = {
    Noun.REFERRAL: Shape(
        {
            **_columns(
                "r",
                "id reference state version since urgent created_at sent_at completed_at"
                " contacted_at expected_date paused_until organisation_id person_id provider_id"
                " activity_id group_id link_worker_id plan_id risks safety_notes safety_answers"
                " call_before shared alternatives reason outcome redirected_from redirected_to",
            ),
            "activity_name": "ac.name",
            "group_name": "g.name",
            "provider_name": "pog.name",
            "organisation_name": "og.name",
            "organisation_phone": "og.phone",
            "link_worker_name": "lu.name",
            **_columns("pe", PERSONAL),
            "plan_what_matters": "plan.what_matters",
            "plan_goals": "plan.goals",
            "plan_needs": "plan.needs",
            "plan_access": "plan.access",
        },
        """referral r
JOIN provider pr ON pr.id = r.provider_id
JOIN organisation og ON og.id = r.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN organisation pog ON pog.id = pr.organisation_id
JOIN place ppl ON ppl.id = pog.place_id
JOIN activity ac ON ac.id = r.activity_id
JOIN activity_group g ON g.id = r.group_id
JOIN membership lm ON lm.id = r.link_worker_id
JOIN app_user lu ON lu.id = lm.user_id
JOIN person pe ON pe.id = r.person_id
LEFT JOIN plan ON plan.id = r.plan_id""",
        {
            "person_id": "r.person_id",
            "provider_id": "r.provider_id",
            "activity_id": "r.activity_id",
            "link_worker_id": "r.link_worker_id",
            "reference": "r.reference",
        },
        times=frozenset({"since", "created_at", "sent_at", "completed_at", "contacted_at"}),
        days=PERSON_DAYS | {"expected_date", "paused_until"},
        sealed=PERSON_SEALED
        | {"safety_notes", "safety_answers", "shared", "plan_what_matters", "plan_access"},
        json=frozenset({"alternatives", "outcome", "plan_goals", "plan_needs"}),
        truths=PERSON_TRUTHS | {"urgent", "call_before"},
    ),
    Noun.CONSENT: Shape(
        {
            **_columns(
                "c",
                "id state version since person_id purpose recipient basis how present asked_at"
                " answered_at until reason renews_id wording_id capacity_id link_worker_id"
                " organisation_id",
            ),
            "wording_number": "w.number",
            "wording_language": "w.language",
        },
        """consent c
JOIN organisation og ON og.id = c.organisation_id
JOIN place pl ON pl.id = og.place_id
LEFT JOIN wording w ON w.id = c.wording_id""",
        {"person_id": "c.person_id", "purpose": "c.purpose", "recipient": "c.recipient"},
        times=frozenset({"since", "asked_at", "answered_at", "until"}),
        sealed=frozenset({"present"}),
    ),
    Noun.OVERRIDE: Shape(
        {
            **_columns(
                "o",
                "id reference state version since person_id recipient ground necessity"
                " proportionality fields person_told why_not_told danger rung holder proposed_by"
                " decided_by until reason finding created_at organisation_id",
            ),
            "person_reference": "pe.reference",
            "given_name": "pe.given_name",
            "family_name": "pe.family_name",
            "provider_name": "pog.name",
            "organisation_name": "og.name",
            "proposed_by_name": "pu.name",
            "decided_by_name": "(SELECT du.name FROM membership dm JOIN app_user du"
            " ON du.id = dm.user_id WHERE dm.id = o.decided_by)",
        },
        """override o
JOIN organisation og ON og.id = o.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN person pe ON pe.id = o.person_id
JOIN provider pr ON CAST(pr.id AS text) = o.recipient
JOIN organisation pog ON pog.id = pr.organisation_id
JOIN membership pm ON pm.id = o.proposed_by
JOIN app_user pu ON pu.id = pm.user_id""",
        {"person_id": "o.person_id", "recipient": "o.recipient", "reference": "o.reference"},
        times=frozenset({"since", "until", "created_at"}),
        sealed=frozenset({"necessity", "proportionality", "why_not_told"}),
        json=frozenset({"fields"}),
        truths=frozenset({"person_told", "danger"}),
    ),
    Noun.EMERGENCY: Shape(
        {
            **_columns(
                "y",
                "id reference state version since person_id organisation_id opened_by reason why"
                " until finding tags created_at",
            ),
            "organisation_name": "og.name",
            "person_reference": "pe.reference",
            "opened_by_name": "yu.name",
            "opened_by_role": "ym.role",
            "opened_by_organisation": "yo.name",
        },
        """emergency y
JOIN organisation og ON og.id = y.organisation_id
JOIN place pl ON pl.id = og.place_id
JOIN person pe ON pe.id = y.person_id
JOIN membership ym ON ym.id = y.opened_by
JOIN app_user yu ON yu.id = ym.user_id
JOIN organisation yo ON yo.id = ym.organisation_id""",
        {"person_id": "y.person_id", "reference": "y.reference"},
        times=frozenset({"since", "until", "created_at"}),
        sealed=frozenset({"why"}),
        json=frozenset({"tags"}),
    ),
    PERSON: Shape(
        _columns("pe", f"id reference version created_at organisation_id {PERSONAL}"),
        """person pe
JOIN organisation og ON og.id = pe.organisation_id
JOIN place pl ON pl.id = og.place_id""",
        {"reference": "pe.reference"},
        times=frozenset({"created_at"}),
        days=PERSON_DAYS,
        sealed=PERSON_SEALED,
        truths=PERSON_TRUTHS,
    ),
    PROVIDER: Shape(
        {
            **_columns("pr", "id organisation_id tier created_at"),
            **_columns("og", "name description email phone url"),
            "place_id": "og.place_id",
            "assurance_id": "a.id",
            "state": "a.state",
            "version": "a.version",
            "since": "a.since",
            "conditions_until": "a.conditions_until",
            "conditional_activities": "a.conditional_activities",
        },
        """provider pr
JOIN organisation og ON og.id = pr.organisation_id
JOIN place pl ON pl.id = og.place_id
LEFT JOIN assurance a ON a.provider_id = pr.id""",
        {},
        times=frozenset({"created_at", "since", "conditions_until"}),
        json=frozenset({"conditional_activities"}),
    ),
    Noun.AGREEMENT: Shape(
        _columns(
            "a",
            "id reference state version since kind title purposes lawful_basis fields review_at"
            " replaces_id duties answers_for reason created_at organisation_id",
        ),
        """agreement a
JOIN organisation og ON og.id = a.organisation_id
JOIN place pl ON pl.id = og.place_id""",
        {"reference": "a.reference"},
        times=frozenset({"since", "review_at", "created_at"}),
        sealed=frozenset({"duties"}),
        json=frozenset({"purposes", "fields", "answers_for"}),
    ),
    ACTIVITY: Shape(
        {
            **_columns(
                "a",
                "id provider_id name description status location postcode when_words cost_words"
                " access_words getting_there contact_words url minimum_age maximum_age"
                " safety_questions confirmed_at paused_until created_at updated_at",
            ),
            "provider_name": "og.name",
            "organisation_id": "og.id",
        },
        """activity a
JOIN provider pr ON pr.id = a.provider_id
JOIN organisation og ON og.id = pr.organisation_id""",
        {"provider_id": "a.provider_id"},
        times=frozenset({"confirmed_at", "created_at", "updated_at"}),
        days=frozenset({"paused_until"}),
        json=frozenset({"safety_questions"}),
    ),
    Noun.CONCERN: Shape(
        _columns(
            "c",
            "id reference state version since person_id provider_id referral_id rung holder danger"
            " raised_by seen prompts wishes person_knows child others_at_risk advocate categories"
            " acknowledged_at acknowledged_by reported_to authority_route reported_at"
            " authority_reference authority_decision reason wishes_met why_not_asked closed_at"
            " created_at organisation_id",
        ),
        """concern c
JOIN organisation og ON og.id = c.organisation_id
JOIN place pl ON pl.id = og.place_id""",
        {
            "reference": "c.reference",
            "held": "CASE WHEN c.holder IN ({keys}) THEN 'yes' ELSE 'no' END",
        },
        times=frozenset({"since", "acknowledged_at", "reported_at", "closed_at", "created_at"}),
        sealed=frozenset({"seen", "wishes"}),
        json=frozenset({"prompts", "categories"}),
        truths=frozenset({"danger", "child"}),
    ),
    Noun.ESCALATION: Shape(
        _columns(
            "e",
            "id reference state version since kind severity about about_id level ceiling owner"
            " raised_by topic tried reviewer_id asked unanswered decision review_on reason told_at"
            " closed_at created_at organisation_id",
        ),
        """escalation e
JOIN organisation og ON og.id = e.organisation_id
JOIN place pl ON pl.id = og.place_id""",
        {"reference": "e.reference", "kind": "e.kind", "about_id": "e.about_id"},
        times=frozenset({"since", "told_at", "closed_at", "created_at"}),
        days=frozenset({"review_on"}),
        json=frozenset({"tried"}),
    ),
    Noun.RIGHTS: Shape(
        {
            **_columns(
                "q",
                "id reference state version since person_id kind asked_for on_behalf how"
                " received_on taken_by identity_how extended stopped_at stopped_days told_how"
                " ground reason decided_by created_at organisation_id",
            ),
            "person_reference": "pe.reference",
            "given_name": "pe.given_name",
            "family_name": "pe.family_name",
            "organisation_name": "og.name",
            "taken_by_name": "(SELECT tu.name FROM membership tm JOIN app_user tu"
            " ON tu.id = tm.user_id WHERE tm.id = q.taken_by)",
            "decided_by_name": "(SELECT du.name FROM membership dm JOIN app_user du"
            " ON du.id = dm.user_id WHERE dm.id = q.decided_by)",
        },
        """rights_request q
JOIN person pe ON pe.id = q.person_id
JOIN organisation og ON og.id = q.organisation_id
JOIN place pl ON pl.id = og.place_id""",
        {"person_id": "q.person_id", "kind": "q.kind", "reference": "q.reference"},
        times=frozenset({"since", "stopped_at", "created_at"}),
        days=frozenset({"received_on"}),
        sealed=frozenset({"asked_for", "on_behalf"}),
        truths=frozenset({"extended"}),
    ),
}
ALIAS = {
    Noun.REFERRAL: "r",
    Noun.CONSENT: "c",
    Noun.OVERRIDE: "o",
    Noun.EMERGENCY: "y",
    PERSON: "pe",
    PROVIDER: "pr",
    Noun.AGREEMENT: "a",
    ACTIVITY: "a",
    Noun.CONCERN: "c",
    Noun.ESCALATION: "e",
    Noun.RIGHTS: "q",
}
# The column each noun's state stands in; people have none.
STATE = {noun: f"{alias}.state" for noun, alias in ALIAS.items()} | {
    PROVIDER: "coalesce(a.state, 'none')",
    ACTIVITY: "a.status",
    PERSON: "''",
}


@cache
def _query(
    noun: str,
    scope: str,
    filters: tuple[str, ...],
    keys: int,
    states: int,
    only: tuple[str, ...] = (),
) -> Sql:
    shape, alias = SHAPES[noun].narrowed(only), ALIAS[noun]
    where = [f"{alias}.system_id = :system_id", f"{alias}.id < :after", scope]
    where += [f"{shape.filters[name]} = :f_{name}" for name in filters]
    if states:
        listed = ", ".join(f":s_{_letter(i)}" for i in range(states))
        where.append(f"{STATE[noun]} IN ({listed})")
    listed = ", ".join(f":k_{_letter(i)}" for i in range(keys))
    text = (
        f"SELECT {', '.join(shape.columns.values())}\nFROM {shape.source}\n"
        f"WHERE {' AND '.join(where)}\nORDER BY {alias}.id DESC LIMIT :most"
    ).replace("{keys}", listed)
    return Sql(text, _times(shape), _sealed(shape))


def _letter(number: int) -> str:
    return chr(ord("a") + number)


def _times(shape: Shape) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(shape.columns) if name in shape.times)


def _sealed(shape: Shape) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(shape.columns) if name in shape.sealed)


def _asking(actor: Actor, at: datetime) -> dict[str, Any]:
    return {
        **asked(actor),
        "at": at,
        "user_id": actor.user_id,
        "side": side_of(actor),
        **{f"k_{_letter(i)}": key for i, key in enumerate(sorted(actor.keys))},
    }


def page(
    tx: Tx,
    noun: str,
    actor: Actor,
    at: datetime,
    *,
    after: str | None = None,
    most: int = 50,
    states: Sequence[str] = (),
    filters: Mapping[str, str] | None = None,
    only: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """A page of records after the one with this id, the newest first: at most `most`. `only`: the
    columns wanted, where not all are; what is sealed and not wanted is never opened."""
    scope = condition(noun, actor)
    if scope is None:
        return []
    filters = dict(filters or {})
    query = _query(noun, scope, tuple(sorted(filters)), len(actor.keys), len(states), only)
    rows = tx.rows(
        query,
        **_asking(actor, at),
        **{f"f_{name}": value for name, value in filters.items()},
        **{f"s_{_letter(i)}": state for i, state in enumerate(states)},
        after=after or LAST,
        most=most,
    )
    shape = SHAPES[noun].narrowed(only)
    return [shape.read(row) for row in rows]


@cache
def _one(noun: str, scope: str, keys: int) -> Sql:
    shape, alias = SHAPES[noun], ALIAS[noun]
    listed = ", ".join(f":k_{_letter(i)}" for i in range(keys))
    text = (
        f"SELECT {', '.join(shape.columns.values())}\nFROM {shape.source}\n"
        f"WHERE {alias}.id = :id AND {alias}.system_id = :system_id AND {scope}"
    ).replace("{keys}", listed)
    return Sql(text, _times(shape), _sealed(shape))


def one(tx: Tx, noun: str, actor: Actor, at: datetime, record_id: str) -> dict[str, Any] | None:
    """One record within the actor's scope; None: it isn't there for them."""
    scope = condition(noun, actor)
    if scope is None:
        return None
    row = tx.row(_one(noun, scope, len(actor.keys)), **_asking(actor, at), id=record_id)
    return None if row is None else SHAPES[noun].read(row)


_OWN_WORDS = """c.raised_by = :member AND NOT EXISTS (SELECT 1 FROM guard.concern_source s
  WHERE s.concern_id = c.id AND s.user_id = :user_id)"""


def own_words(tx: Tx, actor: Actor, concern_id: str) -> dict[str, Any] | None:
    """A concern the actor raised, though their organisation is named in it; not where they are
    named themselves. What they may see of it is for the caller to leave in."""
    # The concern itself is closed to them: only by this is it found.
    past = _one(Noun.CONCERN, _OWN_WORDS, 0).text.replace("FROM concern c", "FROM guard.concern c")
    row = tx.row(
        Sql(past, _times(SHAPES[Noun.CONCERN]), _sealed(SHAPES[Noun.CONCERN])),
        id=concern_id,
        system_id=actor.system_id,
        member=actor.membership_id,
        user_id=actor.user_id,
    )
    return None if row is None else SHAPES[Noun.CONCERN].read(row)


FEEDBACK = Sql(
    "SELECT n.body FROM step s JOIN note n ON n.id = s.note_id"
    " WHERE s.record_id = :id AND s.trigger = 'close' ORDER BY s.version DESC LIMIT 1",
    sealed=(0,),
)


def feedback(tx: Tx, concern_id: str) -> str | None:
    """What the raiser of a closed concern is told."""
    row = tx.row(FEEDBACK, id=concern_id)
    return None if row is None else row[0]


# -- what belongs to one record -----------------------------------------------------------------

PARTIES = Sql(
    "SELECT p.organisation_id, o.name, p.signed_at FROM agreement_party p"
    " JOIN organisation o ON o.id = p.organisation_id"
    " WHERE p.agreement_id = :id AND p.system_id = :system_id ORDER BY o.name, o.id",
    times=(2,),
)
GROUPS = Sql(
    "SELECT g.id, g.name, g.capacity, g.taken, g.members_from_outside, g.starts_on, g.ends_on"
    " FROM activity_group g WHERE g.activity_id = :id AND g.system_id = :system_id"
    " ORDER BY g.name, g.id"
)
EVIDENCE = Sql(
    "SELECT e.id, e.kind, e.about, e.blocking, e.from_at, e.until, e.grace_until, e.reference,"
    " e.checked_by FROM evidence e WHERE e.provider_id = :id AND e.system_id = :system_id"
    " AND (e.replaced_at IS NULL OR e.checked_by IS NULL) ORDER BY e.kind, e.id",
    times=(4, 5, 6),
)
PLANS = Sql(
    "SELECT p.id, p.what_matters, p.goals, p.needs, p.access, p.created_at FROM plan p"
    " WHERE p.person_id = :id AND p.organisation_id = :org AND p.system_id = :system_id"
    " ORDER BY p.id DESC LIMIT 20",
    times=(5,),
    sealed=(1, 4),
)
CONSEQUENCES = Sql(
    "SELECT q.id, q.position, q.noun, q.record_id, q.trigger, q.state, q.refusals, q.settled_at"
    " FROM consequence q WHERE q.escalation_id = :id AND q.system_id = :system_id"
    " ORDER BY q.position",
    times=(7,),
)
SUBJECT = Sql("SELECT subject_ref FROM person WHERE id = :id AND system_id = :system_id")
PROPOSAL = Sql(
    "SELECT c.id, c.noun, c.record_id, c.trigger, c.proposed_by, c.proposed_at, c.answer"
    " FROM confirmation c WHERE c.id = :id AND c.system_id = :system_id",
    times=(5,),
)
ASSURANCE = Sql(
    "SELECT a.id FROM assurance a WHERE a.provider_id = :id AND a.system_id = :system_id"
)


# Whether a person's record is closed to the actor, and whether any hold is on the person.
PERSON_CLOSED = Sql(
    f"""SELECT
  {closed_person("p.id")},
  EXISTS (SELECT 1 FROM guard.hold h WHERE h.person_id = p.id AND {of("h", HOLD_LIVE)}
    AND h.provider_id IS NULL AND h.referral_id IS NULL)
FROM person p WHERE p.id = :id AND p.system_id = :system_id"""
)


def closed(tx: Tx, actor: Actor, person_id: str) -> tuple[bool, bool]:
    """Whether a full hold closes a person's record to the actor, and whether any hold is on the
    person. Somebody who isn't there is closed."""
    row = tx.row(
        PERSON_CLOSED,
        id=person_id,
        system_id=actor.system_id,
        user_id=actor.user_id,
        actor_org=actor.organisation_id,
        side=side_of(actor),
    )
    return (True, True) if row is None else (bool(row[0]), bool(row[1]))


def parties(tx: Tx, actor: Actor, agreement_id: str) -> list[dict[str, Any]]:
    """Who is party to an agreement that the actor was let at, and who has signed."""
    rows = tx.rows(PARTIES, id=agreement_id, system_id=actor.system_id)
    return [{"organisation_id": r[0], "name": r[1], "signed_at": r[2]} for r in rows]


def groups(tx: Tx, actor: Actor, activity_id: str) -> list[dict[str, Any]]:
    """The groups of an activity, with the places left in each."""
    rows = tx.rows(GROUPS, id=activity_id, system_id=actor.system_id)
    return [
        {
            "id": r[0],
            "name": r[1],
            "capacity": r[2],
            "places_left": max(r[2] - r[3] - r[4], 0),
            "starts_on": day(r[5]),
            "ends_on": day(r[6]),
        }
        for r in rows
    ]


def evidence(tx: Tx, actor: Actor, provider_id: str) -> list[dict[str, Any]]:
    """A provider's evidence as it counts now, and what was handed in and waits to be checked."""
    names = ("id", "kind", "about", "blocking", "from_at", "until", "grace_until", "reference")
    rows = tx.rows(EVIDENCE, id=provider_id, system_id=actor.system_id)
    return [
        {**dict(zip(names, r[:8], strict=True)), "blocking": bool(r[3]), "checked": bool(r[8])}
        for r in rows
    ]


ATTENDANCE = Sql(
    "SELECT a.day, a.came FROM attendance a WHERE a.referral_id = :id"
    " AND a.system_id = :system_id ORDER BY a.day"
)


def attendance(tx: Tx, actor: Actor, referral_id: str) -> list[dict[str, Any]]:
    """Who came on which day, of a referral that the actor was let at."""
    rows = tx.rows(ATTENDANCE, id=referral_id, system_id=actor.system_id)
    return [{"day": day(r[0]), "came": r[1]} for r in rows]


def plans(tx: Tx, actor: Actor, person_id: str) -> list[dict[str, Any]]:
    """The plans of a person of the actor's organisation, the newest first."""
    rows = tx.rows(PLANS, id=person_id, org=actor.organisation_id, system_id=actor.system_id)
    return [
        {
            "id": r[0],
            "what_matters": r[1],
            "goals": json.loads(r[2] or "[]"),
            "needs": json.loads(r[3] or "[]"),
            "access": r[4],
            "created_at": r[5],
        }
        for r in rows
    ]


def consequences(tx: Tx, actor: Actor, escalation_id: str) -> list[dict[str, Any]]:
    """What was decided to happen, and how far it has."""
    names = ("id", "position", "noun", "record_id", "trigger", "state", "refusals", "settled_at")
    rows = tx.rows(CONSEQUENCES, id=escalation_id, system_id=actor.system_id)
    return [
        {**dict(zip(names, r, strict=True)), "refusals": json.loads(r[6]) if r[6] else []}
        for r in rows
    ]


def subject(tx: Tx, actor: Actor, person_id: str) -> str | None:
    """What stands for a person in the audit log."""
    row = tx.row(SUBJECT, id=person_id, system_id=actor.system_id)
    return None if row is None else str(row[0])


def proposal(tx: Tx, actor: Actor, confirmation_id: str) -> dict[str, Any] | None:
    """A move that waits for a second person, or was answered."""
    names = ("id", "noun", "record_id", "trigger", "proposed_by", "proposed_at", "answer")
    row = tx.row(PROPOSAL, id=confirmation_id, system_id=actor.system_id)
    return None if row is None else dict(zip(names, row, strict=True))


def assurance_of(tx: Tx, actor: Actor, provider_id: str) -> str | None:
    """The id of a provider's assurance, where it has ever applied."""
    row = tx.row(ASSURANCE, id=provider_id, system_id=actor.system_id)
    return None if row is None else str(row[0])


# -- what else happened about a referral --------------------------------------------------------

_ANSWERS = (
    "SELECT c.id FROM consent c WHERE c.person_id = :person_id AND c.recipient = :provider"
    f" AND c.purpose = '{Purpose.SHARE_WITH_PROVIDER}'"
)
_BESIDE = {
    Noun.OVERRIDE: "o.person_id = :person_id AND o.recipient = :provider",
    Noun.ESCALATION: "e.about = 'referral' AND e.about_id = :about_id",
}


@cache
def _beside(scopes: tuple[tuple[Noun, str], ...], answers: bool, keys: int, pg: bool) -> Sql:
    """The steps of what was decided beside a referral, each after its noun."""
    listed = ", ".join(f":k_{_letter(i)}" for i in range(keys))
    asked = [_ANSWERS] if answers else []
    asked += [
        f"SELECT {ALIAS[noun]}.id FROM {SHAPES[noun].source}"
        f" WHERE {ALIAS[noun]}.system_id = :system_id AND {_BESIDE[noun]} AND {scope}"
        for noun, scope in scopes
    ]
    ids = " UNION ALL ".join(asked).replace("{keys}", listed)
    # As an array, so that PostgreSQL looks each up in the index.
    each = steps_in(f"= ANY(ARRAY({ids}))" if pg else f"IN ({ids})")
    text = each.text.replace("SELECT CAST(s.record_id", "SELECT s.noun, CAST(s.record_id", 1)
    return Sql(text, tuple(place + 1 for place in each.times))


def steps_beside(
    tx: Tx,
    actor: Actor,
    at: datetime,
    referral_id: str,
    sharing: tuple[str, str],
    *,
    answers: bool,
) -> dict[tuple[Noun, str], list[StepSeen]]:
    """The steps of a referral's escalations and of what was shared with its provider without
    consent, for those who may read these; and where `answers`, of each answer of the person about
    sharing with it. `sharing`: whose details, with which provider. Whether the actor sees the
    answers to one of their referrals there has been asked."""
    scopes = ((noun, condition(noun, actor)) for noun in _BESIDE)
    within = tuple((noun, scope) for noun, scope in scopes if scope is not None)
    if not within and not answers:
        return {}
    rows = tx.rows(
        _beside(within, answers, len(actor.keys), tx.pg),
        **_asking(actor, at),
        person_id=sharing[0],
        provider=sharing[1],
        about_id=referral_id,
    )
    found: dict[tuple[Noun, str], list[StepSeen]] = {}
    for noun in (Noun.CONSENT, *_BESIDE):
        mine = by_record(tx, [row[1:] for row in rows if row[0] == noun])
        found |= {(noun, record_id): told for record_id, told in mine.items()}
    return found
