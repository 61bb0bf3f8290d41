"""Lines of accountability: for a record, who answers for it now, and who above them, rung by rung
up to the accountable officer. Several lines where there are several: the team that holds the
person, the provider, safeguarding, and whoever a working agreement names. Pure, over the rows of
`referral.accountability`; what nobody holds is named as a gap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from referral.accountability import OURS, PROVIDER, Area, Body, Everybody, Known, Seat, Team
from referral.agreements import DUTIES
from referral.clocks import member_key, role_key
from referral.ladder import Rung, accountable, levels
from referral.states import Noun, Role

SAFEGUARDING = (
    Rung(1, Role.SAFEGUARDING_LEAD, "organisation"),
    Rung(2, Role.SAFEGUARDING_LEAD, "place"),
    Rung(3, Role.SAFEGUARDING_LEAD, "root"),
)
# Who leads an organisation, the likeliest first: the first role that anybody has there.
LEADS = (
    Role.TEAM_LEAD,
    Role.PROVIDER_LEADER,
    Role.GOVERNANCE_LEAD,
    Role.ACCOUNTABLE_OFFICER,
    Role.INFORMATION_GOVERNANCE_LEAD,
)
LANES = ("work", "provider", "agreement", "safeguarding", *DUTIES)


@dataclass(frozen=True)
class Step:
    """One rung of one line: a role at an organisation or place, and who holds it."""

    level: int
    role: Role
    where: str
    title: str
    people: tuple[str, ...]
    away: tuple[str, ...]
    now: bool
    key: str

    @property
    def gap(self) -> bool:
        """Whether nobody holds it."""
        return not self.people and not self.away


@dataclass(frozen=True)
class Line:
    """One line upwards: what it is for, whose it is, by which agreement, and its rungs."""

    lane: str
    organisation: str
    kind: str
    agreement_id: str | None
    agreement: str | None
    steps: tuple[Step, ...]
    outside: str | None = None

    @property
    def gaps(self) -> tuple[Step, ...]:
        """The rungs that nobody holds."""
        return tuple(step for step in self.steps if step.gap)


def lines(noun: str, known: Known) -> tuple[Line, ...]:
    """Every line of this record, the one of whoever acts first. For a concern, safeguarding alone:
    that is its only ladder."""
    found: list[Line] = []
    primary = [i for r, i in known.concerned if r in (OURS, PROVIDER)]
    for relation, organisation_id in known.concerned:
        body = known.bodies.get(organisation_id)
        if body is None or noun == Noun.CONCERN or relation not in (OURS, PROVIDER):
            continue
        lane = "agreement" if noun == Noun.AGREEMENT else "work"
        lane = "provider" if relation == PROVIDER else lane
        found.append(_line(known, noun, lane, body))
    said: set[str] = set()
    for duties in known.duties:
        for duty in DUTIES:
            body = known.bodies.get(duties.answers_for.get(duty, ""))
            if body is None or (noun == Noun.CONCERN and duty != "safeguards"):
                continue
            said.add(duty)
            about = (duties.agreement_id, duties.reference)
            found.append(_line(known, noun, duty, body, about))
    if "safeguards" not in said and primary:
        body = known.bodies.get(primary[0])
        if body is not None:
            found.append(_line(known, noun, "safeguarding", body))
    return tuple(sorted(found, key=lambda line: not any(step.now for step in line.steps)))


def _line(
    known: Known, noun: str, lane: str, body: Body, about: tuple[str, str] | None = None
) -> Line:
    place, root = levels(body.place_path)
    spots = {"organisation": body.id, "place": place, "root": root}
    safe = lane in ("safeguarding", "safeguards")
    steps: list[Step] = []
    named = _named(known, body)
    if named is not None and not safe and lane in ("work", "employs"):
        steps.append(named)
    if not safe and not (named is not None and lane == "work"):
        steps.append(_first(known, body))
    rungs = known.rungs[body.id]
    for rung in (*SAFEGUARDING, accountable(rungs)) if safe else rungs:
        if steps and (rung.level, rung.role) == (1, steps[-1].role):
            continue
        steps.append(_step(known, rung, spots[rung.stands], noun == Noun.CONCERN and safe))
    # The first rung and those above may be the same few people: each rung is said once.
    once = {step.key: step for step in reversed(steps)}
    kept = [step for step in steps if once[step.key] is step]
    if noun == Noun.CONCERN:
        # Whoever may not hold it is left out without a word.
        kept = [step for step in kept if not step.gap]
    outside = known.outside.get(place) or known.outside.get(root)
    return Line(
        lane,
        body.name,
        body.kind,
        about[0] if about else None,
        about[1] if about else None,
        tuple(kept),
        outside if safe else None,
    )


def _named(known: Known, body: Body) -> Step | None:
    """The link worker whose step is next, if they are of this organisation."""
    for seat in known.seats:
        if seat.organisation_id == body.id and known.owner == member_key(seat.membership_id):
            return _held(0, seat.role, body.name, "", [seat], True, member_key(seat.membership_id))
    return None


def _first(known: Known, body: Body) -> Step:
    """Whoever leads the organisation itself, by the name the ladder gives them."""
    called = {r.role: r.title for r in known.rungs[body.id] if r.stands == "organisation"}
    for role in LEADS:
        seats = [s for s in known.seats if s.role is role and s.organisation_id == body.id]
        if seats:
            break
    else:
        role, seats = _expected(body), []
    key = role_key(role, body.id)
    return _held(1, role, body.name, called.get(role, ""), seats, known.owner == key, key)


def _expected(body: Body) -> Role:
    if body.kind == "provider":
        return Role.PROVIDER_LEADER
    return Role.GOVERNANCE_LEAD if body.kind in ("board", "council") else Role.TEAM_LEAD


def _step(known: Known, rung: Rung, spot: str, quiet: bool) -> Step:
    seats = [
        s for s in known.seats if s.role is rung.role and spot in (s.organisation_id, s.place_id)
    ]
    key = role_key(rung.role, spot)
    body = known.bodies.get(spot)
    where = body.name if body is not None else known.places.get(spot, "")
    return _held(rung.level, rung.role, where, rung.title, seats, known.owner == key, key)


def _held(
    level: int, role: Role, where: str, title: str, seats: Iterable[Seat], now: bool, key: str
) -> Step:
    listed = list(seats)
    return Step(
        level,
        role,
        where,
        title,
        tuple(dict.fromkeys(s.name for s in listed if not s.away)),
        tuple(dict.fromkeys(s.name for s in listed if s.away)),
        now,
        key,
    )


# -- everything in a place ----------------------------------------------------------------------


@dataclass(frozen=True)
class Gap:
    """Something nobody answers for: a code, and the organisation it is about, if it is one."""

    code: str
    organisation: str = ""
    level: int = 0
    title: str = ""
    role: Role | None = None


@dataclass(frozen=True)
class Answers:
    """Who answers for what in one place, and what nobody does."""

    area: Area
    steps: tuple[Step, ...]
    safeguarding: tuple[Step, ...]
    teams: tuple[tuple[Team, tuple[Step, ...]], ...]
    gaps: tuple[Gap, ...]


NUMBERS = (
    ("no_safeguarding_phone", "safeguarding_phone"),
    ("no_out_of_hours_phone", "out_of_hours_phone"),
    ("no_outside_contact", "outside_contact"),
)


def who_answers(everybody: Everybody) -> tuple[Answers, ...]:
    """For each place: the rungs above its records, who leads its organisations, and the gaps."""
    return tuple(_answers(everybody, area) for area in everybody.areas)


def _answers(everybody: Everybody, area: Area) -> Answers:
    place, root = levels(area.path)
    names = {one.id: one.name for one in (*everybody.above, *everybody.areas)}
    spots = {"place": place, "root": root}

    def at(rung: Rung, spot: str, where: str) -> Step:
        seats = [
            s
            for s in everybody.seats
            if s.role is rung.role and spot in (s.organisation_id, s.place_id)
        ]
        key = role_key(rung.role, spot)
        return _held(rung.level, rung.role, where, rung.title, seats, False, key)

    rungs = everybody.rungs[area.id]
    above = tuple(
        at(r, spots[r.stands], names.get(spots[r.stands], "")) for r in rungs if r.stands in spots
    )
    safe = tuple(
        at(r, spots[r.stands], names.get(spots[r.stands], ""))
        for r in (*SAFEGUARDING, accountable(rungs))
        if r.stands in spots
    )
    teams = []
    # Only what this place itself has to fill: what lies above it is said there.
    gaps = [
        Gap("empty_rung", level=s.level, title=s.title, role=s.role)
        for s in (*above, *(s for s in safe if s.role is Role.SAFEGUARDING_LEAD))
        if s.gap and s.key.endswith(f"@{area.id}")
    ]
    for team in everybody.teams:
        if team.place_id != area.id:
            continue
        wanted = [r for r in rungs if r.stands == "organisation"] if team.link_workers else []
        first = [at(r, team.id, team.name) for r in wanted]
        if team.provider_id:
            first.append(at(Rung(1, Role.PROVIDER_LEADER, "organisation"), team.id, team.name))
        for step in first:
            if step.gap:
                gaps.append(Gap("nobody_leads", team.name, step.level, step.title, step.role))
        if first:
            teams.append((team, tuple(first)))
    gaps += [
        Gap(code)
        for code, name in NUMBERS
        if area.kind != "system" and not _inherited(everybody, area, name)
    ]
    return Answers(area, above, safe, tuple(teams), tuple(dict.fromkeys(gaps)))


def _inherited(everybody: Everybody, area: Area, name: str) -> bool:
    return any(
        getattr(one, name) and area.path.startswith(one.path)
        for one in (*everybody.above, *everybody.areas)
    )
