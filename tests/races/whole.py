"""Whether a store is whole: read after a race, with nothing running any more."""

from __future__ import annotations

import json
from collections import Counter

from referral.leaf import commitment, leaf_hash
from referral.states import ENDS, STATES, TAKING_PART, WITH_PROVIDER, Noun, listed
from referral.store import Sql, Store, Tx
from workflows.engine import TABLES

STEPS = Sql(
    "SELECT CAST(record_id AS text), noun, version, from_state, to_state FROM step"
    " ORDER BY record_id, version"
)
ENTRIES = Sql(
    "SELECT CAST(a.record_id AS text), a.noun, a.version, a.action, a.leaf, a.leaf_hash,"
    " d.salt, d.payload FROM audit a LEFT JOIN audit_detail d ON d.entry_id = a.entry_id"
    " ORDER BY a.seq"
)
CLOCKS = Sql("SELECT CAST(record_id AS text), kind FROM clock WHERE ended IS NULL")
TAKEN = Sql(
    "SELECT g.id, g.taken, g.capacity, g.members_from_outside,"
    f" (SELECT count(*) FROM referral r WHERE r.group_id = g.id AND r.state IN"
    f" ({listed(*TAKING_PART)})) FROM activity_group g"
)
UNGROUNDED = Sql(
    f"""SELECT r.id, r.state FROM referral r WHERE r.state IN ({listed(*WITH_PROVIDER)})
  AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.person_id = r.person_id
    AND c.recipient = CAST(r.provider_id AS text) AND c.purpose = 'share_with_provider'
    AND c.state = 'given')"""
)


def faults(store: Store) -> list[str]:
    """Everything that is wrong with the store, in words. Empty when it is whole."""
    with store.read() as tx:
        return faults_seen(tx)


def faults_seen(tx: Tx) -> list[str]:
    """The same, as one transaction sees the store."""
    found: list[str] = []
    steps = tx.rows(STEPS)
    entries = list(tx.ring.details(tx.rows(ENTRIES), 6, 7))
    clocks = tx.rows(CLOCKS)
    groups = tx.rows(TAKEN)
    records = {
        noun: tx.rows(Sql(f"SELECT CAST(id AS text), state, version FROM {noun}"))
        for noun in STATES
    }
    story: dict[str, list[tuple[int, str | None, str]]] = {}
    for record, _, version, was, now in steps:
        story.setdefault(record, []).append((version, was, now))
    for noun, rows in records.items():
        for record, state, version in rows:
            told = story.get(record, [])
            if [t[0] for t in told] != list(range(1, version + 1)):
                found.append(f"{noun} {record}: version {version}, steps {[t[0] for t in told]}")
            elif told[-1][2] != state:
                found.append(f"{noun} {record} is {state}, its last step says {told[-1][2]}")
            for before, after in zip([None, *[t[2] for t in told]], told, strict=False):
                if after[1] != before:
                    found.append(f"{noun} {record}: step {after[0]} starts from {after[1]}")
            found += _clock_faults(noun, record, state, [c[1] for c in clocks if c[0] == record])
    said = Counter((record, noun, version) for record, noun, version, *_ in steps)
    logged = Counter((e[0], e[1], e[2]) for e in entries if e[3] == "step")
    if said != logged:
        found.append(f"steps and entries differ: {said - logged} {logged - said}")
    for record, _, _, _, leaf, digest, salt, payload in entries:
        if leaf_hash(leaf) != bytes(digest):
            found.append(f"the hash of an entry about {record} is wrong")
        if salt is None or commitment(bytes(salt), payload) != json.loads(leaf)["details"]:
            found.append(f"the details of an entry about {record} are not those promised")
    for group, taken, capacity, outside, there in groups:
        if taken != there:
            found.append(f"group {group}: {taken} counted as taken, {there} there")
        if there + outside > capacity:
            found.append(f"group {group}: {there} and {outside} from outside in {capacity} places")
    return found


def _clock_faults(noun: Noun, record: str, state: str, running: list[str]) -> list[str]:
    wanted = TABLES[noun].states[state].clock  # type: ignore[index]
    own = [kind for kind in running if kind != "referral.not_started"]
    found = []
    if own != ([] if wanted is None else [wanted.kind]):
        found.append(f"{noun} {record} is {state} with the clocks {running}")
    if state in ENDS[noun] and running:
        found.append(f"{noun} {record} has ended with the clocks {running}")
    if noun is Noun.REFERRAL:
        long = running.count("referral.not_started")
        if long > 1 or (long == 0 and state in ("sent", "queried", "waiting", "accepted")):
            found.append(f"{noun} {record} is {state} with {long} clocks of not being started")
    return found


def ungrounded(store: Store) -> list[tuple[str, str]]:
    """Referrals that are with a provider without a consent in force."""
    with store.read() as tx:
        return [(row[0], row[1]) for row in tx.rows(UNGROUNDED)]


def assert_whole(store: Store) -> None:
    """Raises AssertionError with each fault of the store."""
    found = faults(store)
    assert not found, "\n".join(found)
