"""The records that the matrix asks about: one of every noun in each relation, made by the product's
own commands, and the actors who ask.

The relations are told from Ash Lane practice and Riverside Singers in Harbour: `own` is Priya's,
`colleague` Sam's of the same practice, `near` of another practice and another provider in Harbour,
`far` in the Fen, `elsewhere` in another system, and `held` Priya's again, about a person of whom
everybody who asks is named as a source of harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from referral.actors import the_system
from referral.documents import CLEAN
from referral.ids import new_id
from referral.members import actor_of
from referral.rows import put
from referral.states import Noun, Role
from referral.store import Sql, Store, Tx
from tests.web.client import HTTP
from tests.world import SHARING, START, World, another, assure, build
from web.link_tokens import LinkTokens
from workflows import announcements, errands, person_links, policy_changes, rotas, views
from workflows.activities import add_provider, save_activity, save_group
from workflows.documents import attach_document, scanned
from workflows.engine import step
from workflows.escalations import decide_escalation
from workflows.holds import place_hold
from workflows.inquiries import ask_for_bundle
from workflows.keeping import UNDECIDED
from workflows.organisations import add_membership, add_organisation, add_user
from workflows.policy import set_rule
from workflows.referrals import propose, send_referral
from workflows.relationships import record_relationship
from workflows.reminders import plan_call
from workflows.scores import record_scores
from workflows.working_time import local_day

RELATIONS = ("own", "colleague", "near", "far", "elsewhere", "held")
WHO = {
    Role.LINK_WORKER: "priya",
    Role.TEAM_LEAD: "tess",
    Role.PROVIDER_LEADER: "sol",
    Role.SAFEGUARDING_LEAD: "gwen",
    Role.GOVERNANCE_LEAD: "grace",
    Role.INFORMATION_GOVERNANCE_LEAD: "ingrid",
    Role.ACCOUNTABLE_OFFICER: "amara",
    Role.ADMINISTRATOR: "ada",
    Role.AUDITOR: "art",
    Role.COMMISSIONER: "cora",
}
TOKENS = LinkTokens(HTTP.secret_key)
Records = dict[str, str]


@dataclass(frozen=True)
class Team:
    """Who makes the records of one relation."""

    w: World
    worker: str
    outsider: str
    lead: str
    leader: str
    keeper: str
    provider: str
    activity: str
    org: str
    place: str


@dataclass
class Ground:
    """The world, and the id of each noun by relation."""

    w: World
    records: dict[str, Records] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def find(self, relation: str, noun: str) -> str | None:
        """The record of this noun in this relation; None where there is no such thing."""
        return self.records[relation].get(noun)


def settle(store: Store) -> Ground:
    """Everything the matrix asks about."""
    w = build(store)
    g = Ground(w)
    _more_members(w)
    other = another(store, "Elsewhere", "elsewhere.example.org")
    ours = Team(w, "priya", "olu", "tess", "sol", "grace", "singers", "choir", "ash", "harbour")
    teams = {
        "own": ours,
        "colleague": Team(
            w, "sam", "olu", "tess", "sol", "grace", "singers", "choir", "ash", "harbour"
        ),
        "near": Team(w, "quin", "olu", "tia", "kit", "grace", "clay", "pottery", "quay", "harbour"),
        "far": Team(w, "olu", "quin", "tom", "wyn", "fred", "weavers", "weaving", "fenside", "fen"),
        "elsewhere": Team(
            other, "priya", "olu", "tess", "sol", "grace", "singers", "choir", "ash", "harbour"
        ),
        "held": ours,
    }
    for relation, team in teams.items():
        g.records[relation] = _of_people(team)
    for relation in ("own", "near", "far", "elsewhere"):
        g.records[relation] |= _of_providers(teams[relation])
    for relation in ("own", "far", "elsewhere"):
        g.records[relation] |= _of_places(teams[relation])
    for relation in ("own", "colleague", "near", "far", "elsewhere"):
        team = teams[relation]
        g.records[relation]["membership"] = team.w.actor[team.worker].membership_id
    _named(w, g.records["held"]["other_person"])
    g.records["held"]["concern"] = _named(w, g.records["held"]["person"])
    g.words = {"token": TOKENS.token(g.records["own"]["link"])}
    return g


def _more_members(w: World) -> None:
    """A second practice in Harbour, and a provider in the Fen with all its papers."""
    early = w.at - timedelta(days=60)
    with w.store.begin() as tx:
        for key, name, kind, place in (
            ("quay", "Quayside practice", "practice", "harbour"),
            ("weavers", "Fen Weavers", "provider", "fen"),
        ):
            w.org[key] = add_organisation(
                tx, w.system, early, name=name, kind=kind, place_id=w.place[place]
            )
        for key, name, org, role in (
            ("quin", "Quin Quay", "quay", Role.LINK_WORKER),
            ("tia", "Tia Quay", "quay", Role.TEAM_LEAD),
            ("wyn", "Wyn Fen", "weavers", Role.PROVIDER_LEADER),
        ):
            user = add_user(tx, w.system, early, name=name, email=f"{key}@example.org")
            member = add_membership(
                tx, w.system, early, user_id=user, organisation_id=w.org[org], role=role
            )
            actor = actor_of(tx, member, early)
            assert actor is not None
            w.actor[key] = actor
        w.provider["weavers"] = add_provider(tx, w.system, early, organisation_id=w.org["weavers"])
        w.activity["weaving"] = save_activity(
            tx, w.system, early, provider_id=w.provider["weavers"], values={"name": "Weaving"}
        )
        w.group["weaving"] = save_group(
            tx,
            w.system,
            early,
            activity_id=w.activity["weaving"],
            values={"name": "Mondays", "capacity": 8},
        )
        assure(tx, w, "weavers", "wyn", early, "fred")
    _agree(w, "grace", ("tia", "kit"), ("quay", "clay"))
    _agree(w, "fred", ("tom", "wyn"), ("fenside", "weavers"))


def _agree(w: World, keeper: str, signers: tuple[str, ...], parties: tuple[str, ...]) -> str:
    drafted = w.step(
        Noun.AGREEMENT,
        None,
        "draft",
        keeper,
        given={
            "title": "Sharing",
            "purposes": ["share_with_provider"],
            "lawful_basis": "public_task",
            "fields": ["everything_listed"],
            "parties": [w.org[party] for party in parties],
            "review_at": w.at + timedelta(days=300),
        },
    )
    for who in signers:
        w.step(Noun.AGREEMENT, drafted.id, "sign", who)
    return drafted.id


# -- records about people -----------------------------------------------------------------------


def _of_people(t: Team) -> Records:
    w, person, lone = t.w, t.w.person(t.worker), t.w.person(t.worker)
    actor = w.actor[t.worker]
    made = {"person": person, "other_person": lone}
    made["draft"] = w.draft(person, t.activity, t.worker)
    made["still"] = w.draft(lone, t.activity, t.worker)
    made["consent"] = w.consent(person, t.provider, t.worker).id
    made["override"] = w.override(lone, t.provider, t.worker, by=None)
    made["rights_request"], made["rights_proposal"] = _request(t, lone)
    made["own_request"] = w.rights(person, "access", t.worker)
    made["inquiry"] = _inquiry(t, person)
    made["emergency"] = w.emergency(person, t.outsider)
    made["retention_review"], made["legal_hold"] = _keeping(t, lone)
    made["referral"] = w.draft(person, t.activity, t.worker)
    w.made(actor, lambda tx: send_referral(tx, actor, w.at, made["referral"]))
    made["hold"] = w.made(
        actor,
        lambda tx: place_hold(
            tx,
            actor,
            w.at,
            referral_id=made["still"],
            cause="person_asked",
            until=(w.at + timedelta(days=7)).date(),
        ),
    )
    made["concern"] = w.step(
        Noun.CONCERN,
        None,
        "raise",
        t.worker,
        given={"person_id": w.person(t.worker), "seen": "Bruises.", "danger": False},
    ).id
    made["confirmation"] = w.made(
        actor,
        lambda tx: propose(
            tx, actor, w.at, Noun.REFERRAL, made["referral"], "mark_in_error", {"reason": "other"}
        ),
    )
    made["link"], _ = _own_page(t, person), _own_page(t, lone)
    made["errand"] = _errand(t, made["referral"])
    made["saved_view"] = _saved_view(t, made["referral"])
    made["reminder"] = _reminder(t, made["referral"])
    made["score"] = _score(t, made["referral"])
    made["relationship"] = _relationship(t, person)
    made["document"] = _document(t, made["referral"])
    return made | _escalations(t, made["referral"])


REFERENCE = Sql("SELECT reference FROM person WHERE id = :id")


def _inquiry(t: Team, person: str) -> str:
    """A bundle about the person, asked for by one who watches over the place."""
    w, asks = t.w, t.w.actor["ingrid"]
    with w.store.read() as tx:
        found = tx.row(REFERENCE, id=person)
    assert found is not None
    return w.made(
        asks,
        lambda tx: ask_for_bundle(tx, asks, w.at, reference=str(found[0]), ground="coroner"),
    )


def _request(t: Team, person: str) -> tuple[str, str]:
    """A request about the person's own data, and a refusal of it that waits for a second person."""
    w = t.w
    made = w.rights(person, "access", t.worker)
    lead = w.actor["ingrid"]
    with w.store.begin(lead) as tx:
        step(tx, Noun.RIGHTS, made, "check_identity", lead, w.at, {"identity_how": "documents"})
        said = {"reason": "unfounded", "note": "No.", "told_how": "letter"}
        return made, propose(tx, lead, w.at, Noun.RIGHTS, made, "refuse", said)


def _keeping(t: Team, person: str) -> tuple[str, str]:
    """A record on the list of those due to go, and a hold against destruction."""
    w, lead, review, hold = t.w, t.w.actor["ingrid"], new_id(t.w.at), new_id(t.w.at)
    about = {"system_id": w.system_id, "organisation_id": w.org[t.org], "person_id": person}
    with w.store.begin() as tx:
        day = w.at.date()
        listed = {"kept_as": "case", "due_on": day, "listed_at": w.at}
        put(
            tx,
            "retention_review",
            {"id": review, **about, **listed, **dict.fromkeys(UNDECIDED)},
        )
        placed = {"why": "A claim.", "owner_id": lead.membership_id, "review_on": day}
        ended = {"placed_at": w.at, "ended_at": None, "ended_by": None}
        put(tx, "legal_hold", {"id": hold, **about, **placed, **ended})
    return review, hold


def _own_page(t: Team, person: str) -> str:
    w, actor = t.w, t.w.actor[t.worker]
    return w.made(
        actor,
        lambda tx: person_links.make(
            tx,
            actor,
            w.at,
            person,
            channel=person_links.PAPER,
            word_hash="-",
            ways=frozenset(),
            token_hash=TOKENS.token_hash,
            code_hash=TOKENS.code_hash,
        ),
    )


def _saved_view(t: Team, referral: str) -> str:
    w, asks = t.w, t.w.actor[t.worker]
    name = f"With others {referral}"
    return w.made(asks, lambda tx: views.save(tx, asks, w.at, name=name, asked="with=provider"))


def _reminder(t: Team, referral: str) -> str:
    w, asks = t.w, t.w.actor[t.worker]
    tomorrow = local_day(w.at) + timedelta(days=1)
    return w.made(
        asks,
        lambda tx: plan_call(tx, asks, w.at, referral_id=referral, until=tomorrow, why="check_in"),
    )


def _score(t: Team, referral: str) -> str:
    w, asks = t.w, t.w.actor[t.worker]
    said = {"stage": "start", "how": "phone", "asked_on": local_day(w.at)}
    return w.made(
        asks,
        lambda tx: record_scores(
            tx, asks, w.at, referral_id=referral, answers={"happy": 4}, **said
        ),
    )


def _document(t: Team, referral: str) -> str:
    w, asks = t.w, t.w.actor[t.worker]
    said = {"kind": "letter", "description": "A letter", "name": "letter.txt", "content": b"Dear"}
    made = w.made(
        asks,
        lambda tx: attach_document(tx, asks, w.at, referral_id=referral, shared=True, **said),
    )
    system = the_system(asks.system_id, "scanner")
    w.made(system, lambda tx: scanned(tx, system, w.at, made, CLEAN))
    return made


def _relationship(t: Team, person: str) -> str:
    w, asks = t.w, t.w.actor[t.worker]
    said = {"kind": "carer", "name": "Ruth Okoro", "may_speak": "not_asked"}
    return w.made(
        asks, lambda tx: record_relationship(tx, asks, w.at, person_id=person, values=said)
    )


ERRAND = Sql("SELECT id FROM errand WHERE slot = :slot")


def _errand(t: Team, referral: str) -> str:
    w, slot = t.w, f"ring {referral}"
    owner = f"member@{w.actor[t.worker].membership_id}"
    whom = f"member@{w.actor[t.leader].membership_id}"
    with w.store.begin() as tx:
        errands.ask(
            tx, w.system_id, slot, owner, "ring_provider", whom, "referral", referral, w.at, "sent"
        )
        found = tx.row(ERRAND, slot=slot)
    assert found is not None
    return str(found[0])


CONSEQUENCE = Sql("SELECT id FROM consequence WHERE escalation_id = :id AND trigger = 'recall'")


def _escalations(t: Team, referral: str) -> Records:
    """One raised, one decided whose consequence waits, one whose decision waits for a second."""
    w, lead = t.w, t.w.actor[t.lead]
    raised = {"kind": "complaint", "about": "referral", "about_id": referral, "note": "Help."}
    made = {"escalation": w.step(Noun.ESCALATION, None, "raise", t.worker, given=raised).id}
    recall = {
        "noun": "referral",
        "record_id": referral,
        "trigger": "recall",
        "given": {"reason": "other"},
    }
    decision = {"decision": "uphold", "note": "It goes back.", "consequences": [recall]}
    for noun, severity in (("decided", "low"), ("proposed", "high")):
        one = w.step(
            Noun.ESCALATION, None, "raise", t.worker, given={**raised, "severity": severity}
        )
        made[noun] = one.id
        w.step(Noun.ESCALATION, one.id, "acknowledge", t.lead)
    w.made(lead, lambda tx: decide_escalation(tx, lead, w.at, made["decided"], decision))
    made["proposal"] = w.made(
        lead,
        lambda tx: propose(tx, lead, w.at, Noun.ESCALATION, made["proposed"], "decide", decision),
    )
    with w.store.read() as tx:
        found = tx.row(CONSEQUENCE, id=made["decided"])
    assert found is not None
    return {**made, "consequence": str(found[0])}


def _named(w: World, person: str) -> str:
    """A concern about this person in which everybody who asks is named as a source of harm."""
    sources = [{"user_id": w.actor[who].user_id} for who in WHO.values()]
    return w.step(
        Noun.CONCERN,
        None,
        "raise",
        "sam",
        given={"person_id": person, "seen": "Bruises.", "danger": False, "sources": sources},
    ).id


# -- providers and places -----------------------------------------------------------------------

ASSURANCE = Sql("SELECT id FROM assurance WHERE provider_id = :id")
EVIDENCE = Sql("SELECT min(CAST(id AS text)) FROM evidence WHERE provider_id = :id")
AGREEMENT = Sql(
    "SELECT agreement_id FROM agreement_party WHERE organisation_id = :org AND system_id = :system"
)
THEME = Sql("SELECT id FROM theme WHERE system_id = :system ORDER BY name LIMIT 1")
WORDING = Sql("SELECT id FROM wording WHERE system_id = :system ORDER BY purpose LIMIT 1")


def _of_providers(t: Team) -> Records:
    w = t.w

    def first(query: Sql, **asked: Any) -> str:
        with w.store.read() as tx:
            found = tx.row(query, **asked)
        assert found is not None
        return str(found[0])

    provider = w.provider[t.provider]
    return {
        "provider": provider,
        "activity": w.activity[t.activity],
        "group": w.group[t.activity],
        "organisation": w.org[t.org],
        "assurance": first(ASSURANCE, id=provider),
        "evidence": first(EVIDENCE, id=provider),
        "agreement": first(AGREEMENT, org=w.org[t.org], system=w.system_id),
    }


def _of_places(t: Team) -> Records:
    w, place, keeper = t.w, t.w.place[t.place], t.w.actor[t.keeper]
    reader = w.actor["gail"]

    def made(do: Callable[[Tx], str]) -> str:
        return w.made(keeper, do)

    rule = {"kind": "days", "name": "referral.draft", "value": 6}
    change = made(
        lambda tx: policy_changes.open_change(
            tx,
            keeper,
            w.at,
            place_id=place,
            title="Longer drafts",
            because="They take time.",
            wanted=[rule],
            closes_at=w.at + timedelta(days=30),
        )
    )
    line = {
        "name": "Duty desk",
        "phone": "01632 960188",
        "serves": "anyone",
        "days": list(range(7)),
        "opens": "09:00",
        "closes": "17:00",
    }
    told = {"title": "Ramps", "body": "The hall has a ramp.", "roles": [str(r) for r in WHO]}
    sender = {"harbour": reader, "fen": w.actor["fred"]}[t.place]
    return {
        "place": place,
        "theme": _one(w, THEME),
        "change": change,
        "comment": made(
            lambda tx: policy_changes.comment(tx, keeper, w.at, change_id=change, body="Good.")
        ),
        "rule": made(
            lambda tx: set_rule(
                tx,
                keeper,
                w.at,
                place_id=place,
                kind="days",
                name="referral.sent",
                value=7,
                from_at=w.at + timedelta(days=20),
            )
        ),
        "line": made(lambda tx: rotas.add_line(tx, keeper, w.at, place, line)),
        "authority": made(
            lambda tx: rotas.add_authority(
                tx,
                keeper,
                w.at,
                place,
                {"kind": "adult_social_care", "name": "Adult care", "phone": "01632 960177"},
            )
        ),
        "announcement": w.made(sender, lambda tx: announcements.send(tx, sender, w.at, told)),
    }


def _one(w: World, query: Sql) -> str:
    with w.store.read() as tx:
        found = tx.row(query, system=w.system_id)
    assert found is not None
    return str(found[0])


__all__ = ["RELATIONS", "SHARING", "START", "WHO", "Ground", "settle"]
