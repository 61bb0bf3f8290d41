"""Who sees which records: each rule said once, as a condition in SQL, and which of them holds for
an actor. The reading queries take their scope from here and from nowhere else.

A condition speaks of `pl`, the place of the record's organisation, and of `ppl`, the place of the
provider's; its parameters are those of `asked`."""

from __future__ import annotations

from typing import Any

from referral.actors import Actor
from referral.facts import CLOSED_MATTER, IMPLICATED, OVERRIDE_CLOSED, closed_person
from referral.schema import EMERGENCY_OPEN, of, under
from referral.states import Noun, ReferralState, Role, listed

TEAM = (Role.LINK_WORKER, Role.TEAM_LEAD)
LADDER = (Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER)
LEADS = (Role.GOVERNANCE_LEAD, Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER)
KEEPERS = (Role.GOVERNANCE_LEAD, Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER)
SIGNERS = (*KEEPERS, Role.TEAM_LEAD, Role.PROVIDER_LEADER)
REVIEWERS = (*LEADS, Role.TEAM_LEAD, Role.PROVIDER_LEADER)
# Who may open the record of somebody outside their scope in an emergency: those who open people's
# records within it. It widens whose records, never what a role sees of one.
EMERGENCY_ROLES = (Role.LINK_WORKER, Role.TEAM_LEAD, Role.SAFEGUARDING_LEAD)
EMERGENCY_OVERSEERS = (*LEADS, Role.INFORMATION_GOVERNANCE_LEAD, Role.TEAM_LEAD)
PERSON, PROVIDER, ACTIVITY = "person", "provider", "activity"
NOBODY_SEES = "1 = 0"
AUDIT = "audit"
LOG_READERS = (Role.AUDITOR, Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER)
# Entries of the log that belong to a place: made by its people, or about a person of one of its
# teams. The whole log is for those who answer for the whole system.
OF_PLACE = f"""(EXISTS (SELECT 1 FROM place pl WHERE pl.path = :path AND pl.parent_id IS NULL)
 OR EXISTS (SELECT 1 FROM membership am JOIN organisation ao ON ao.id = am.organisation_id
   JOIN place pl ON pl.id = ao.place_id WHERE am.id = a.membership_id AND {under()})
 OR EXISTS (SELECT 1 FROM person ap JOIN organisation ao ON ao.id = ap.organisation_id
   JOIN place pl ON pl.id = ao.place_id WHERE ap.subject_ref = a.subject AND {under()}))"""
OF_ORGANISATION = """EXISTS (SELECT 1 FROM membership am WHERE am.id = a.membership_id
 AND am.organisation_id = :actor_org)"""


def ours(alias: str) -> str:
    """Of the actor's own organisation."""
    return f"{alias}.organisation_id = :actor_org"


def _answers_to(column: str) -> str:
    return f"{column} IN ({{keys}})"


def asked(actor: Actor) -> dict[str, Any]:
    """The parameters every condition may need. Nobody's place is called "-"."""
    return {
        "system_id": actor.system_id,
        "actor_org": actor.organisation_id,
        "path": actor.place_path or "-",
        "member": actor.membership_id,
    }


def _by_place(actor: Actor) -> str:
    return "team" if actor.place_path is None else "place"


# -- referrals ----------------------------------------------------------------------------------

_HIDDEN_FROM_PROVIDER = listed(ReferralState.DRAFT, ReferralState.IN_ERROR)
SCOPES = {
    "team": ours("r"),
    "provider": "r.provider_id = (SELECT v.id FROM provider v WHERE v.organisation_id = :actor_org)"
    f" AND r.sent_at IS NOT NULL AND r.state NOT IN ({_HIDDEN_FROM_PROVIDER})",
    "place": f"({under()} OR {under('ppl.path')})",
    "nobody": NOBODY_SEES,
}


def scope(actor: Actor) -> str:
    """Which referrals are within the actor's scope: the name of one of SCOPES."""
    if actor.role in TEAM:
        return "team"
    if actor.role is Role.PROVIDER_LEADER:
        return "provider"
    return _by_place(actor) if actor.role in LEADS else "nobody"


# -- people -------------------------------------------------------------------------------------

PEOPLE_SCOPES = {"team": ours("pe"), "place": under(), "nobody": NOBODY_SEES}


def people_scope(actor: Actor) -> str:
    """Which people are within the actor's scope: those of the team that holds them."""
    if actor.role in TEAM:
        return "team"
    return _by_place(actor) if actor.role is Role.SAFEGUARDING_LEAD else "nobody"


def within(actor: Actor) -> str:
    """Whether a person (`pe`) is within the actor's scope, as a condition."""
    return PEOPLE_SCOPES[people_scope(actor)]


# -- reviews ------------------------------------------------------------------------------------

# More people answer for a place than may know of a concern.
NO_CONCERN = f"(e.about IS NULL OR e.about <> '{Noun.CONCERN}')"
REVIEW_SCOPES = {
    "team": f"{ours('e')} AND ({NO_CONCERN} OR e.owner {{keys}})",
    "place": f"{under()} AND ({NO_CONCERN} OR e.owner {{keys}})",
    "nobody": NOBODY_SEES,
}


def review_scope(actor: Actor) -> str:
    """Which reviews are within the actor's scope."""
    if actor.role is Role.TEAM_LEAD:
        return "team"
    return _by_place(actor) if actor.role in LEADS else "nobody"


# -- emergency access ---------------------------------------------------------------------------

OPEN_NOW = f"{of('y', EMERGENCY_OPEN)} AND y.until > :at"


def opened_by_member(person: str) -> str:
    """Whether the member has this person's record open in an emergency now (`person`: the column
    of their id). It widens what one record's page reads, for its length; never a list, a search or
    a count, and never what may be done. A record that is closed to them stays closed."""
    return (
        f"{person} IN (SELECT y.person_id FROM emergency y"
        f" WHERE y.opened_by = :member AND {OPEN_NOW})"
    )


def opened(actor: Actor, person_id: str | None) -> bool:
    """The same, of an actor as they were read for this request."""
    return actor.glass is not None and actor.glass.person_id == person_id


# -- one condition for each noun ----------------------------------------------------------------


def condition(noun: str, actor: Actor) -> str | None:
    """What this actor may see of a noun, as a condition (`{keys}`: their owner keys); None: nothing
    at all. It says in SQL what the `hats` of the noun's table say of one record: a test holds the
    two together."""
    role = actor.role
    over = under() if actor.place_path is not None else None
    if noun == AUDIT:
        if role is Role.SYSTEM:
            return "1 = 1"
        if role not in LOG_READERS:
            return None
        return OF_ORGANISATION if over is None else OF_PLACE
    if noun in (PROVIDER, ACTIVITY):
        return "1 = 1"
    if noun == PERSON:
        name = people_scope(actor)
        return None if name == "nobody" else f"{PEOPLE_SCOPES[name]} AND pe.merged_into IS NULL"
    if noun == Noun.REFERRAL:
        name = scope(actor)
        return None if name == "nobody" else SCOPES[name]
    if noun == Noun.CONSENT:
        if role in TEAM:
            return ours("c")
        if role in (*LEADS, Role.INFORMATION_GOVERNANCE_LEAD):
            return over or ours("c")
        return None
    if noun == Noun.OVERRIDE:
        if role in (Role.PERSON, Role.SYSTEM):
            return None
        mine = ["o.proposed_by = :member"]
        if role in LADDER:
            mine.append(_answers_to("o.holder"))
        if role in (*LEADS, Role.TEAM_LEAD, Role.INFORMATION_GOVERNANCE_LEAD):
            mine.append(over or ours("o"))
        return f"NOT {OVERRIDE_CLOSED} AND ({' OR '.join(mine)})"
    if noun == Noun.AGREEMENT:
        party = (
            "EXISTS (SELECT 1 FROM agreement_party x WHERE x.agreement_id = a.id"
            " AND x.organisation_id = :actor_org)"
        )
        if role in KEEPERS:
            return f"({over or ours('a')} OR {party})"
        return party if role in SIGNERS else None
    if noun == Noun.CONCERN:
        if role in (Role.PERSON, Role.SYSTEM):
            return None
        mine = ["c.raised_by = :member", _answers_to("c.holder")]
        if role in LADDER:
            mine.append(over or f"({ours('c')} AND c.rung = 1)")
        return f"NOT {IMPLICATED} AND ({' OR '.join(mine)})"
    if noun == Noun.EMERGENCY:
        if role in (Role.PERSON, Role.SYSTEM):
            return None
        mine = []
        if role in EMERGENCY_OVERSEERS:
            mine.append(f"(NOT {closed_person('y.person_id')} AND {over or ours('y')})")
        return f"({' OR '.join(['y.opened_by = :member', *mine])})"
    if noun == Noun.ESCALATION:
        mine = [_answers_to("e.raiser"), _answers_to("e.asked")]
        if role in REVIEWERS:
            mine += [_answers_to("e.owner"), f"({over or ours('e')} AND {NO_CONCERN})"]
        return f"NOT {CLOSED_MATTER} AND ({' OR '.join(mine)})"
    if noun == Noun.RIGHTS:
        if role in (Role.PERSON, Role.SYSTEM):
            return None
        mine = ["q.taken_by = :member"] if role in TEAM else []
        if role in KEEPERS:
            mine.append(over or ours("q"))
        if not mine:
            return None
        return f"NOT {closed_person('q.person_id')} AND ({' OR '.join(mine)})"
    raise KeyError(noun)
