"""What those who answer for a place set up and watch over: places, organisations, accounts,
providers with their evidence, agreements with their signatures.

Each query names its scope: the place the actor answers for, or the actor's own organisation. What
is outside it isn't found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from referral.actors import Actor
from referral.policy import Rules, rules_at
from referral.schema import EVIDENCE_COUNTS, of, under
from referral.scopes import asked
from referral.states import TAKING_PART, WITH_PROVIDER, listed
from referral.store import Sql, Tx

UNDER = under()
WITHIN = f"({UNDER} OR o.id = :actor_org)"


# -- places and organisations -------------------------------------------------------------------


class Place(NamedTuple):
    """A place, and who answers there."""

    id: str
    parent_id: str | None
    kind: str
    name: str
    path: str
    safeguarding_phone: str | None
    out_of_hours_phone: str | None
    outside_contact: str | None

    @property
    def depth(self) -> int:
        """How far below the root it lies."""
        return self.path.count("/") - 1


PLACES = Sql(
    f"""
SELECT pl.id, pl.parent_id, pl.kind, pl.name, pl.path, pl.safeguarding_phone,
  pl.out_of_hours_phone, pl.outside_contact
FROM place pl WHERE pl.system_id = :system_id AND {UNDER} ORDER BY pl.path LIMIT 500
"""
)


def places(tx: Tx, actor: Actor) -> list[Place]:
    """The places below the one the actor answers for, and itself."""
    rows = tx.rows(PLACES, **asked(actor))
    return [Place._make(row) for row in rows]


class Organisation(NamedTuple):
    """An organisation, where it works, and how many accounts it has."""

    id: str
    name: str
    kind: str
    place_id: str
    place: str
    email: str | None
    phone: str | None
    provider_id: str | None
    accounts: int
    ods_code: str | None
    description: str | None
    url: str | None


_ORGANISATIONS = f"""
SELECT o.id, o.name, o.kind, o.place_id, pl.name, o.email, o.phone,
  (SELECT p.id FROM provider p WHERE p.organisation_id = o.id),
  (SELECT count(*) FROM membership m WHERE m.organisation_id = o.id
     AND (m.ended_at IS NULL OR m.ended_at > :at)),
  o.ods_code, o.description, o.url
FROM organisation o
JOIN place pl ON pl.id = o.place_id
WHERE o.system_id = :system_id AND {WITHIN}
"""
ORGANISATIONS = Sql(_ORGANISATIONS + " ORDER BY o.name, o.id LIMIT 500")
ORGANISATION = Sql(_ORGANISATIONS + " AND o.id = :id")
# Parties to an agreement may lie elsewhere in the system: names only.
EVERY_ORGANISATION = Sql(
    "SELECT o.id, o.name, o.kind FROM organisation o WHERE o.system_id = :system_id"
    " AND o.ended_at IS NULL ORDER BY o.name, o.id LIMIT 500"
)


def organisations(tx: Tx, actor: Actor, at: datetime) -> list[Organisation]:
    """The organisations in the place the actor answers for."""
    return [Organisation._make(row) for row in tx.rows(ORGANISATIONS, **asked(actor), at=at)]


def organisation(tx: Tx, actor: Actor, at: datetime, record_id: str) -> Organisation | None:
    """One organisation in the place the actor answers for."""
    row = tx.row(ORGANISATION, **asked(actor), at=at, id=record_id)
    return None if row is None else Organisation._make(row)


def names_of_organisations(tx: Tx, actor: Actor) -> list[tuple[str, str, str]]:
    """(id, name, kind) of every organisation of the system, for choosing parties."""
    rows = tx.rows(EVERY_ORGANISATION, system_id=actor.system_id)
    return [(row[0], row[1], row[2]) for row in rows]


class Account(NamedTuple):
    """One role of one account. `invited`: its holder was asked to choose a password and has none
    yet."""

    membership_id: str
    user_id: str
    name: str
    email: str
    active: bool
    role: str
    organisation_id: str
    organisation: str
    place: str | None
    started_at: datetime
    ended_at: datetime | None
    place_id: str | None
    invited: bool


ACCOUNT_COLUMNS = """m.id, u.id, u.name, u.email, u.active, m.role, o.id, o.name, mp.name,
  m.started_at, m.ended_at, mp.id, u.invited_at IS NOT NULL AND u.password_hash IS NULL"""
_ACCOUNTS = f"""
SELECT {ACCOUNT_COLUMNS}
FROM membership m
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
JOIN place pl ON pl.id = o.place_id
LEFT JOIN place mp ON mp.id = m.place_id
WHERE m.system_id = :system_id AND {WITHIN}
"""
ACCOUNTS_IN = Sql(_ACCOUNTS + " AND o.id = :id ORDER BY u.name, u.id, m.id LIMIT 500", (9, 10))


def account_made(row: tuple[Any, ...]) -> Account:
    """One account from a row of `ACCOUNT_COLUMNS`."""
    return Account._make(row)._replace(active=bool(row[4]), invited=bool(row[12]))


def accounts(tx: Tx, actor: Actor, organisation_id: str) -> list[Account]:
    """The accounts of one organisation in the place the actor answers for."""
    rows = tx.rows(ACCOUNTS_IN, **asked(actor), id=organisation_id)
    return [account_made(row) for row in rows]


ACCOUNT_OF = Sql("SELECT id FROM app_user WHERE email = :email AND system_id = :system_id")


def account_of(tx: Tx, actor: Actor, email: str) -> str | None:
    """The account in the actor's system with this address."""
    row = tx.row(ACCOUNT_OF, email=email.strip().lower(), system_id=actor.system_id)
    return None if row is None else str(row[0])


# -- providers ----------------------------------------------------------------------------------


class Provider(NamedTuple):
    """A provider, its assurance, and whom a decision about it would touch."""

    id: str
    organisation_id: str
    name: str
    place: str
    tier: str
    assurance_id: str | None
    state: str | None
    since: datetime | None
    conditions_until: datetime | None
    expires: datetime | None
    taking_part: int
    waiting: int


_PROVIDERS = f"""
SELECT pr.id, o.id AS organisation_id, o.name AS called, pl.name AS place, pr.tier,
  a.id AS assurance_id, a.state, a.since, a.conditions_until,
  (SELECT min(coalesce(e.grace_until, e.until)) FROM evidence e
     WHERE e.provider_id = pr.id AND {of("e", EVIDENCE_COUNTS)}) AS expires,
  (SELECT count(*) FROM guard.referral r WHERE r.provider_id = pr.id
     AND r.state IN ({listed(*TAKING_PART)})) AS taking_part,
  (SELECT count(*) FROM guard.referral r WHERE r.provider_id = pr.id
     AND r.state IN ({listed(*(WITH_PROVIDER - TAKING_PART))})) AS waiting
FROM provider pr
JOIN organisation o ON o.id = pr.organisation_id
JOIN place pl ON pl.id = o.place_id
LEFT JOIN assurance a ON a.provider_id = pr.id
WHERE pr.system_id = :system_id AND {WITHIN}
"""
_PROVIDER_TIMES = (7, 8, 9)
PROVIDERS = Sql(
    _PROVIDERS + " AND (o.name, o.id) > (:name, :after) ORDER BY o.name, o.id LIMIT :most",
    _PROVIDER_TIMES,
)
# Whoever has no evidence yet comes last: nothing of theirs runs out.
RUNNING_OUT = Sql(
    f"SELECT * FROM ({_PROVIDERS}) x"
    " WHERE (coalesce(x.expires, :never), x.called, x.organisation_id) > (:expires, :name, :after)"
    " ORDER BY coalesce(x.expires, :never), x.called, x.organisation_id LIMIT :most",
    _PROVIDER_TIMES,
)
PROVIDER = Sql(_PROVIDERS + " AND pr.id = :id", _PROVIDER_TIMES)
FIRST = "00000000-0000-0000-0000-000000000000"


def providers(
    tx: Tx, actor: Actor, after: tuple[str, str] = ("", FIRST), most: int = 51
) -> list[Provider]:
    """The providers in the place the actor answers for, by name. `after`: (name, organisation)."""
    name, number = after
    rows = tx.rows(PROVIDERS, **asked(actor), name=name, after=number, most=most)
    return [Provider._make(row) for row in rows]


BEGINNING, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def running_out(
    tx: Tx,
    actor: Actor,
    after: tuple[datetime, str, str] = (BEGINNING, "", FIRST),
    most: int = 51,
) -> list[Provider]:
    """The same providers, whose evidence runs out first before the others. `after`: (expires or
    NEVER, name, organisation)."""
    expires, name, number = after
    rows = tx.rows(
        RUNNING_OUT,
        **asked(actor),
        never=NEVER,
        expires=expires,
        name=name,
        after=number,
        most=most,
    )
    return [Provider._make(row) for row in rows]


def provider(tx: Tx, actor: Actor, provider_id: str) -> Provider | None:
    """One provider: the actor's own, or one in the place they answer for."""
    row = tx.row(PROVIDER, **asked(actor), id=provider_id)
    return None if row is None else Provider._make(row)


class Evidence(NamedTuple):
    """One item of evidence. Unchecked: the provider handed it in, and it doesn't count yet."""

    id: str
    kind: str
    about: str | None
    blocking: bool
    from_at: datetime
    until: datetime
    grace_until: datetime | None
    reference: str | None
    checked_by: str | None
    recorded_at: datetime

    @property
    def counts_until(self) -> datetime:
        """When it stops counting."""
        return self.grace_until or self.until


_EVIDENCE = """e.id, e.kind, e.about, e.blocking, e.from_at, e.until, e.grace_until, e.reference,
  u.name, e.recorded_at"""
# What counts, and the newest that was handed in.
_NEWEST = """(e.replaced_at IS NULL OR (e.checked_by IS NULL AND NOT EXISTS (
    SELECT 1 FROM evidence n WHERE n.provider_id = e.provider_id AND n.kind = e.kind
      AND coalesce(n.about, '') = coalesce(e.about, '') AND n.recorded_at > e.recorded_at)))"""
EVIDENCE = Sql(
    f"""
SELECT {_EVIDENCE}
FROM evidence e
LEFT JOIN membership m ON m.id = e.checked_by
LEFT JOIN app_user u ON u.id = m.user_id
WHERE e.provider_id = :provider_id AND e.system_id = :system_id AND {_NEWEST}
ORDER BY e.kind, e.recorded_at, e.id
""",
    (4, 5, 6, 9),
)
OWN_PAPERS = Sql(
    f"""
SELECT {_EVIDENCE}, pr.id, pr.tier, pl.policy, pl.path
FROM provider pr
JOIN organisation o ON o.id = pr.organisation_id
JOIN place pl ON pl.id = o.place_id
LEFT JOIN evidence e ON e.provider_id = pr.id AND e.system_id = pr.system_id AND {_NEWEST}
LEFT JOIN membership m ON m.id = e.checked_by
LEFT JOIN app_user u ON u.id = m.user_id
WHERE pr.organisation_id = :org AND pr.system_id = :system_id
ORDER BY e.kind, e.recorded_at, e.id
""",
    (4, 5, 6, 9),
)


def evidence(tx: Tx, actor: Actor, provider_id: str) -> list[Evidence]:
    """What counts for a provider the actor was let at, and the newest that was handed in."""
    rows = tx.rows(EVIDENCE, provider_id=provider_id, system_id=actor.system_id)
    return [_evidence(row) for row in rows]


def _evidence(row: tuple[Any, ...]) -> Evidence:
    return Evidence._make(row)._replace(blocking=bool(row[3]))


class OwnPapers(NamedTuple):
    """The evidence of one's own provider, and the rules it stands under."""

    provider_id: str
    tier: str
    rules: Rules
    evidence: list[Evidence]


def own_papers(tx: Tx, actor: Actor, at: datetime) -> OwnPapers | None:
    """The same of the provider that the actor's own organisation is; None where it is none."""
    rows = tx.rows(OWN_PAPERS, org=actor.organisation_id, system_id=actor.system_id)
    if not rows:
        return None
    provider_id, tier, number, path = rows[0][10:]
    papers = [_evidence(row[:10]) for row in rows if row[0] is not None]
    return OwnPapers(provider_id, tier, rules_at(tx, number, path, at), papers)


# -- agreements ---------------------------------------------------------------------------------


class Party(NamedTuple):
    """One party to an agreement, and who signed for it."""

    organisation_id: str
    name: str
    signed_at: datetime | None
    signed_by: str | None


PARTIES = Sql(
    """
SELECT p.organisation_id, o.name, p.signed_at, u.name
FROM agreement_party p
JOIN organisation o ON o.id = p.organisation_id
LEFT JOIN membership m ON m.id = p.signed_by
LEFT JOIN app_user u ON u.id = m.user_id
WHERE p.agreement_id = :id AND p.system_id = :system_id
ORDER BY o.name, o.id
""",
    (2,),
)


def parties(tx: Tx, actor: Actor, agreement_id: str) -> list[Party]:
    """The parties to an agreement the actor was let at."""
    rows = tx.rows(PARTIES, id=agreement_id, system_id=actor.system_id)
    return [Party._make(row) for row in rows]
