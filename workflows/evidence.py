"""A provider's evidence: items with dates, renewed by new ones, never edited."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from referral import policy
from referral.actors import Actor
from referral.audit import log
from referral.clocks import role_key
from referral.ids import new_id
from referral.policy import SHIPPED, Rules, rules_at
from referral.rows import bump, change, put
from referral.states import Noun, Role
from referral.store import Sql, Tx
from workflows import clocks
from workflows.activities import PROVIDER
from workflows.engine import TABLES
from workflows.letters import tell
from workflows.moves import N_
from workflows.rules import field, missing, require, wrong
from workflows.working_time import ENGLAND, Calendar, add

PLACE = Sql(
    "SELECT p.path, p.policy FROM organisation o JOIN place p ON p.id = o.place_id WHERE o.id = :id"
)
CURRENT = Sql(
    "SELECT id FROM evidence WHERE provider_id = :provider_id AND kind = :kind"
    " AND coalesce(about, '') = :about AND replaced_at IS NULL"
)
ITEM = Sql(
    "SELECT kind, until, provider_id FROM evidence WHERE id = :id AND system_id = :system_id"
    " AND replaced_at IS NULL",
    times=(1,),
)
RUNNING = Sql(
    "SELECT c.id, c.kind, a.id, a.conditions_until FROM assurance a JOIN clock c"
    " ON c.record_id = a.id WHERE a.provider_id = :provider_id AND c.ended IS NULL"
    " AND c.kind IN ('assurance.assured','assurance.conditional')",
    times=(3,),
)
RECLOCK = Sql(
    "UPDATE clock SET due = :due, look_at = :look_at, fired = :fired"
    " WHERE id = :id AND ended IS NULL"
)


def _may(tx: Tx, actor: Actor, provider_id: str, at: datetime) -> Rules:
    """What is in force where the provider works. Raises Refused for who may not."""
    require(actor, (Role.GOVERNANCE_LEAD, Role.PROVIDER_LEADER), "evidence", "add")
    provider = tx.row(PROVIDER, id=provider_id, system_id=actor.system_id)
    if provider is None:
        raise missing("provider", "evidence")
    organisation_id = str(provider[1])
    if actor.role is Role.PROVIDER_LEADER and actor.organisation_id != organisation_id:
        raise missing("provider", "evidence")
    place = tx.row(PLACE, id=organisation_id)
    if actor.role is Role.GOVERNANCE_LEAD and (
        actor.place_path is None or place is None or not place[0].startswith(actor.place_path)
    ):
        raise missing("provider", "evidence")
    return SHIPPED if place is None else rules_at(tx, place[1], place[0], at)


def add_evidence(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    provider_id: str,
    kind: str,
    from_at: datetime,
    until: datetime,
    about: str | None = None,
    reference: str | None = None,
) -> str:
    """Add one item of evidence with its dates; it takes the place of the one of the same kind.

    Checked by a governance lead, or handed in by the provider's own leader (then nobody is named
    as having checked it, and it counts only once a governance lead adds it)."""
    rules = _may(tx, actor, provider_id, at)
    faults = []
    if kind not in rules.evidence_kinds():
        faults.append(field("kind", N_("Choose what kind of evidence it is.")))
    if until <= from_at:
        faults.append(field("until", N_("The end date must be after the start date.")))
    if from_at > at:
        faults.append(field("from_at", N_("The start date can't be in the future.")))
    if faults:
        raise wrong("evidence", "add", *faults)
    # Whoever asked "is this provider assured?" before must ask again.
    bump(tx, "provider", provider_id)
    checked = actor.role is Role.GOVERNANCE_LEAD
    if checked:
        for row in tx.rows(CURRENT, provider_id=provider_id, kind=kind, about=about or ""):
            change(tx, "evidence", row[0], {"replaced_at": at})
    evidence_id = new_id(at)
    put(
        tx,
        "evidence",
        {
            "id": evidence_id,
            "system_id": actor.system_id,
            "provider_id": provider_id,
            "kind": kind,
            "about": about,
            "blocking": rules.blocks(kind),
            "from_at": from_at,
            "until": until,
            "grace_until": None,
            "reference": reference,
            "checked_by": actor.membership_id if checked else None,
            "recorded_at": at,
            "replaced_at": None if checked else at,
        },
    )
    _reclock(tx, actor, provider_id, at)
    log(
        tx,
        actor,
        at,
        "evidence_added",
        "provider",
        provider_id,
        {"kind": kind, "until": until.isoformat(), "checked": checked},
    )
    return evidence_id


EARLIEST = Sql(
    "SELECT min(coalesce(grace_until, until)) FROM evidence WHERE provider_id = :provider_id"
    " AND blocking AND replaced_at IS NULL",
    times=(0,),
)


def _reclock(tx: Tx, actor: Actor, provider_id: str, at: datetime, cal: Calendar = ENGLAND) -> None:
    """The clock of an assured provider runs to the earliest end of what blocks; with conditions,
    to their date if that is sooner."""
    row = tx.row(EARLIEST, provider_id=provider_id)
    if row is None or row[0] is None:
        return
    for clock_id, kind, assurance_id, conditions_until in tx.rows(RUNNING, provider_id=provider_id):
        conditional = kind == "assurance.conditional" and conditions_until is not None
        due = min(row[0], conditions_until) if conditional else row[0]
        clock = TABLES[Noun.ASSURANCE].clocks[kind]
        fired = clocks.passed_before(clock, due, at, cal)
        look_at = clocks.mark_at(clock, due, 1, False, fired, cal)
        tx.run(RECLOCK, due=due, fired=fired, look_at=look_at, id=clock_id)
        log(
            tx,
            actor,
            at,
            "clock",
            Noun.ASSURANCE,
            assurance_id,
            {"clock": {"kind": kind, "due": due}},
        )


# -- before the end of each paper ---------------------------------------------------------------

REMIND_BEFORE = (60, 30, 7)  # calendar days, as the clock of an assured provider has them
# The paper that ends first and blocks is left out: the provider's clock speaks of that one.
RUNNING_OUT = Sql(
    "SELECT e.id, e.system_id, pr.organisation_id, s.id, e.until, coalesce(e.reminded, 0)"
    " FROM evidence e JOIN provider pr ON pr.id = e.provider_id"
    " JOIN assurance s ON s.provider_id = e.provider_id AND s.state NOT IN ('refused','left')"
    " WHERE e.replaced_at IS NULL AND e.checked_by IS NOT NULL AND e.until > :at"
    " AND ((coalesce(e.reminded, 0) < 1 AND e.until <= :first)"
    " OR (coalesce(e.reminded, 0) < 2 AND e.until <= :second)"
    " OR (coalesce(e.reminded, 0) < 3 AND e.until <= :third))"
    " AND NOT (e.blocking AND coalesce(e.grace_until, e.until) = (SELECT"
    " min(coalesce(x.grace_until, x.until)) FROM evidence x WHERE x.provider_id = e.provider_id"
    " AND x.blocking AND x.replaced_at IS NULL))"
    " ORDER BY e.id LIMIT :n",
    times=(4,),
)
REMINDED = Sql(
    "UPDATE evidence SET reminded = :now WHERE id = :id AND coalesce(reminded, 0) = :before"
    " AND replaced_at IS NULL"
)


class Paper(NamedTuple):
    """A paper whose end is near, and how many reminders were given of it."""

    id: str
    system_id: str
    organisation_id: str
    assurance_id: str
    until: datetime
    reminded: int


def running_out(tx: Tx, at: datetime, n: int) -> list[Paper]:
    """The papers of which a reminder is due now."""
    first, second, third = (at + timedelta(days=days) for days in REMIND_BEFORE)
    rows = tx.rows(RUNNING_OUT, at=at, first=first, second=second, third=third, n=n)
    return [Paper._make(row) for row in rows]


def remind_of(tx: Tx, paper: Paper, at: datetime) -> bool:
    """Tell the provider's leaders that a paper runs out, once for each date. What passed unsaid is
    not said again. False when somebody else just did, or it was renewed."""
    passed = sum(paper.until - at <= timedelta(days=days) for days in REMIND_BEFORE)
    if tx.run(REMINDED, id=paper.id, now=passed, before=paper.reminded) != 1:
        return False
    to = role_key(Role.PROVIDER_LEADER, paper.organisation_id)
    tell(tx, paper.system_id, at, to, "paper_runs_out", Noun.ASSURANCE, paper.assurance_id)
    return True


def renewal_in_hand(
    tx: Tx, actor: Actor, at: datetime, evidence_id: str, cal: Calendar = ENGLAND
) -> datetime:
    """The provider says that the renewal of this item is in hand: ten working days' grace after
    its end, never for DBS or insurance. Returns when the grace ends."""
    row = tx.row(ITEM, id=evidence_id, system_id=actor.system_id)
    if row is None:
        raise missing("evidence", "grace")
    kind, until, provider_id = row
    rules = _may(tx, actor, provider_id, at)
    if kind in policy.NO_GRACE:
        raise wrong(
            "evidence",
            "grace",
            field(
                "kind",
                N_("Criminal records checks and insurance have no grace. Renew them in time."),
            ),
        )
    grace = add(until, rules.days("assurance.grace"), cal)
    bump(tx, "provider", provider_id)
    change(tx, "evidence", evidence_id, {"grace_until": grace})
    _reclock(tx, actor, provider_id, at)
    log(tx, actor, at, "renewal_in_hand", "provider", provider_id, {"kind": kind})
    return grace
