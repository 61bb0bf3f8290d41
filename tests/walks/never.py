"""What can't be, each as a question to the store that finds nothing. The names are those of the
invariants (I01 to I59) in docs/prove.md."""

from __future__ import annotations

from referral.states import ENDS, STATES, TAKING_PART, WITH_PROVIDER, Noun, listed
from referral.store import Sql, Tx
from workflows.engine import TABLES

WITH, PART = listed(*WITH_PROVIDER), listed(*TAKING_PART)
ENDED = listed(*ENDS[Noun.REFERRAL])
OVERRIDE = """EXISTS (SELECT 1 FROM override o WHERE o.person_id = r.person_id
    AND o.recipient = CAST(r.provider_id AS text) AND o.state = 'approved')"""
SAID = """(SELECT c.state FROM consent c WHERE c.person_id = r.person_id
    AND c.recipient = CAST(r.provider_id AS text) AND c.purpose = 'share_with_provider'
    AND c.answered_at IS NOT NULL ORDER BY c.answered_at DESC, c.id DESC LIMIT 1)"""

STILL_OPEN = " OR ".join(
    f"EXISTS (SELECT 1 FROM {n} x WHERE x.person_id = pe.id"
    f" AND x.state NOT IN ({listed(*ENDS[n])}))"
    for n in (Noun.REFERRAL, Noun.CONSENT, Noun.OVERRIDE, Noun.EMERGENCY)
)

NEVER: dict[str, str] = {
    "I06: with a provider against the person's own no": f"""
        SELECT r.id FROM referral r WHERE r.state IN ({WITH})
        AND coalesce({SAID}, 'never asked') IN ('refused', 'withdrawn', 'never asked')
        AND NOT {OVERRIDE}""",
    "I12: an escalation's level fell": """
        SELECT e.id FROM escalation e WHERE e.level < 1 OR e.level > 4""",
    "I20, I40, I46: a way out of an end, of completed, or into closed, that there isn't": """
        SELECT s.record_id FROM step s WHERE s.noun = 'referral'
        AND NOT (s.trigger = 'call' AND s.from_state = s.to_state) AND (
          (s.from_state IN ('closed', 'withdrawn') AND s.to_state NOT IN ('returned', 'in_error'))
          OR s.from_state IN ('redirected', 'in_error')
          OR (s.from_state = 'completed' AND s.to_state NOT IN
              ('completed', 'closed', 'active', 'in_error'))
          OR (s.to_state = 'closed' AND s.from_state NOT IN ('completed', 'returned')))""",
    "I24: two open referrals of one person to one activity": """
        SELECT r.person_id FROM referral r WHERE r.state IN
          ('sent', 'queried', 'waiting', 'accepted', 'active', 'paused', 'returned', 'completed')
        GROUP BY r.person_id, r.provider_id, r.activity_id HAVING count(*) > 1""",
    "I25: more people than places": f"""
        SELECT g.id FROM activity_group g WHERE g.capacity - g.members_from_outside < (
          SELECT count(*) FROM referral r WHERE r.group_id = g.id AND r.state IN ({PART}))
        OR g.taken <> (
          SELECT count(*) FROM referral r WHERE r.group_id = g.id AND r.state IN ({PART}))""",
    "I33: ended by a clock": f"""
        SELECT s.record_id FROM step s WHERE s.noun = 'referral' AND s.role = 'system'
        AND s.to_state IN ({ENDED}) AND NOT (s.trigger = 'stop'
          AND s.cause IN ('consent.withdraw', 'consent.refuse'))
        AND NOT (s.trigger = 'withdraw' AND s.cause = 'person.record_death'
          AND s.reason = 'died')""",
    "I51: an ordinary hold without its clock, or beyond the end of its referral": f"""
        SELECT h.id FROM hold h LEFT JOIN referral r ON r.id = h.referral_id
        WHERE h.ended IS NULL AND h.cause <> 'concern' AND (
          r.state IN ({ENDED}) OR h.until IS NULL OR NOT EXISTS (SELECT 1 FROM clock t
            WHERE t.record_id = h.id AND t.ended IS NULL))""",
    "I38: with a provider that has left or was refused": f"""
        SELECT r.id FROM referral r JOIN assurance a ON a.provider_id = r.provider_id
        WHERE a.state IN ('left', 'refused') AND r.state IN ({WITH})""",
    "I46, I47: closed or sent by somebody who doesn't": """
        SELECT s.record_id FROM step s WHERE s.noun = 'referral' AND (
          (s.to_state = 'closed' AND s.role NOT IN ('link_worker', 'team_lead', 'governance_lead'))
          OR (s.trigger = 'send' AND s.role NOT IN ('link_worker', 'team_lead')))""",
    "I48: two people who are one, or one alone where two are asked for": """
        SELECT s.record_id FROM step s WHERE s.second_id = s.membership_id
        OR (s.noun = 'referral' AND s.trigger = 'mark_in_error' AND s.second_id IS NULL)""",
    "I49: closed with a consequence that is neither done nor waived": """
        SELECT q.id FROM consequence q JOIN escalation e ON e.id = q.escalation_id
        WHERE e.state = 'closed' AND q.state NOT IN ('done', 'waived')""",
    "I45: an unread concern let go of its hold": """
        SELECT c.id FROM concern c JOIN hold h ON h.concern_id = c.id
        WHERE c.state = 'raised' AND h.ended IS NOT NULL""",
    "I30: emergency access reviewed by whoever opened it": """
        SELECT y.id FROM emergency y JOIN step s ON s.record_id = y.id AND s.trigger = 'review'
        JOIN membership o ON o.id = y.opened_by JOIN membership m ON m.id = s.membership_id
        WHERE m.user_id = o.user_id""",
    "I30: two records open in an emergency by one member": """
        SELECT y.opened_by FROM emergency y WHERE y.state = 'opened'
        GROUP BY y.opened_by HAVING count(*) > 1""",
    "5.8: refused or erased by one alone": """
        SELECT s.record_id FROM step s WHERE s.noun = 'rights_request'
        AND s.trigger IN ('refuse', 'erase') AND s.second_id IS NULL""",
    "5.8: erased, and something about them is open": f"""
        SELECT q.id FROM rights_request q JOIN person pe ON pe.id = q.person_id
        WHERE pe.erased_at IS NOT NULL AND ({STILL_OPEN})""",
    "5.8: an erasure that is done without erasing": """
        SELECT q.id FROM rights_request q JOIN person pe ON pe.id = q.person_id
        WHERE q.kind = 'erasure' AND q.state = 'fulfilled' AND pe.erased_at IS NULL""",
    "I48: sharing without consent, approved by whoever proposed it": """
        SELECT o.id FROM override o WHERE o.decided_by = o.proposed_by""",
    "I51: sharing without consent in force, with no end": """
        SELECT o.id FROM override o WHERE o.state = 'approved' AND o.until IS NULL""",
    "I09, I51: nobody owns what is open": """
        SELECT t.record_id FROM clock t WHERE t.ended IS NULL
        AND (t.owner = '' OR t.owner LIKE 'nobody@%')""",
    "I13: one clock raised twice for one period": """
        SELECT e.clock_id FROM escalation e WHERE e.clock_id IS NOT NULL
        GROUP BY e.clock_id, e.clock_period HAVING count(*) > 1""",
    "I14: a step without its entry": """
        SELECT s.record_id FROM step s WHERE NOT EXISTS (SELECT 1 FROM audit a
          WHERE a.record_id = s.record_id AND a.version = s.version AND a.action = 'step')""",
}
QUESTIONS = {name: Sql(text) for name, text in NEVER.items()}
RUNNING = Sql("SELECT CAST(record_id AS text), kind FROM clock WHERE ended IS NULL")
RECORDS = {noun: Sql(f"SELECT CAST(id AS text), state FROM {noun}") for noun in STATES}


def wrong(tx: Tx) -> dict[str, list[str]]:
    """The names of what can't be and is, and where."""
    found = {name: [str(row[0]) for row in tx.rows(query)] for name, query in QUESTIONS.items()}
    found["I51: open and without its clock, or ended and with one"] = _clocks(tx)
    return {name: where for name, where in found.items() if where}


def _clocks(tx: Tx) -> list[str]:
    running: dict[str, list[str]] = {}
    for record, kind in tx.rows(RUNNING):
        running.setdefault(record, []).append(kind)
    found = []
    for noun, query in RECORDS.items():
        if noun not in TABLES:
            continue
        for record, state in tx.rows(query):
            clock = TABLES[noun].states[state].clock
            own = [k for k in running.get(record, []) if k != "referral.not_started"]
            if own != ([] if clock is None else [clock.kind]):
                found.append(f"{noun} {record} is {state} with {running.get(record)}")
    return found
