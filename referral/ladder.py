"""The two ladders: who reviews an escalation at each level, who holds a concern at each rung.

A level is a rung on the tree of places; which role stands on it is data, for each place. Only who
*is* there is answered here; who may act and when to climb is decided in `workflows/`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from referral.clocks import role_key
from referral.states import Role
from referral.store import Sql, Tx


class Barred(NamedTuple):
    """Who is named as a source of harm."""

    users: frozenset[str]
    organisations: frozenset[str]


class Source(NamedTuple):
    """One who is named in a concern: an account, an organisation, or words alone."""

    id: str
    user_id: str | None
    organisation_id: str | None


# A provider that a concern is about is part of the matter, whoever else is named.
SOURCES = Sql(
    """SELECT CAST(s.id AS text), CAST(s.user_id AS text), CAST(s.organisation_id AS text)
  FROM guard.concern_source s WHERE s.concern_id = :id AND s.struck_at IS NULL
  UNION ALL SELECT NULL, NULL, CAST(pr.organisation_id AS text) FROM guard.concern c
  JOIN provider pr ON pr.id = c.provider_id WHERE c.id = :id"""
)


def named_in(tx: Tx, concern_id: str) -> tuple[tuple[Source, ...], Barred]:
    """Who is named in this concern, and who is barred by it: they, and whose provider it is
    about."""
    rows = tx.rows(SOURCES, id=concern_id)
    sources = tuple(Source(*row) for row in rows if row[0])
    return sources, Barred(
        frozenset(r[1] for r in rows if r[1]), frozenset(r[2] for r in rows if r[2])
    )


def barred(tx: Tx, concern_id: str) -> Barred:
    """Who is named in this concern, and whose provider it is about."""
    return named_in(tx, concern_id)[1]


def levels(place_path: str) -> tuple[str, str]:
    """The place of level 2 and the root, from a place's path `/system/place/...`."""
    parts = place_path.strip("/").split("/")
    return parts[min(1, len(parts) - 1)], parts[0]


class Rung(NamedTuple):
    """One level of the ladder: which role reviews there, where it stands (in the record's own
    organisation, over its place, over the system), and what it is called here."""

    level: int
    role: Role
    stands: str
    title: str = ""


FOUR: tuple[Rung, ...] = (
    Rung(1, Role.TEAM_LEAD, "organisation"),
    Rung(2, Role.GOVERNANCE_LEAD, "place"),
    Rung(3, Role.GOVERNANCE_LEAD, "root"),
    Rung(4, Role.ACCOUNTABLE_OFFICER, "root"),
)
"""The ladder of a system that has set none of its own."""
TOP = 4

# The newest rungs set for each place at or above the record's.
RUNGS_SET = """
SELECT 'rung', g.role, CAST(g.place_id AS text), g.stands, coalesce(g.title, ''), '', g.level,
  length(gp.path)
FROM ladder_rung g JOIN place gp ON gp.id = g.place_id
WHERE g.system_id = :system_id AND g.from_at <= :at
  AND substr(CAST(:path AS text), 1, length(gp.path)) = gp.path
  AND NOT EXISTS (SELECT 1 FROM ladder_rung n
    WHERE n.place_id = g.place_id AND n.from_at <= :at AND n.from_at > g.from_at)
"""
REVIEWERS = Sql(
    """
SELECT 'post', m.role, CAST(m.organisation_id AS text), coalesce(CAST(m.place_id AS text), ''),
  CAST(m.user_id AS text), CAST(m.id AS text),
  CASE WHEN m.away_from <= :at AND (m.away_until IS NULL OR m.away_until > :at)
    THEN 1 ELSE 0 END, 0
FROM membership m JOIN app_user u ON u.id = m.user_id
WHERE m.system_id = :system_id AND m.ended_at IS NULL AND u.active
  AND ((m.organisation_id = :org AND m.role IN ('team_lead','governance_lead',
      'safeguarding_lead','accountable_officer'))
    OR (m.place_id IN (:place, :root)
        AND m.role IN ('governance_lead','safeguarding_lead','accountable_officer')))
UNION ALL
"""
    + RUNGS_SET
)


def nearest(rows: Iterable[tuple[Any, ...]]) -> tuple[Rung, ...]:
    """The ladder from rows of `RUNGS_SET`: of the nearest place that has set one, else `FOUR`."""
    listed = list(rows)
    if not listed:
        return FOUR
    near = max(row[7] for row in listed)
    return tuple(sorted(Rung(r[6], Role(r[1]), r[3], r[4]) for r in listed if r[7] == near))


def accountable(rungs: Iterable[Rung]) -> Rung:
    """The accountable officer's rung of this ladder; the system's where it names none."""
    return next((r for r in rungs if r.role is Role.ACCOUNTABLE_OFFICER), FOUR[-1])


class Post(NamedTuple):
    """One account in a role that may review: in an organisation, or over a place."""

    role: str
    organisation_id: str
    place_id: str
    user_id: str
    membership_id: str
    away: bool

    def stands_on(self, role: str, where: str) -> bool:
        """Whether this is a holder of the role there."""
        return self.role == role and where in (self.place_id, self.organisation_id)


class Ladder(NamedTuple):
    """The rungs for a record of this organisation in this place, and who may stand on them."""

    organisation_id: str
    place_path: str
    rungs: tuple[Rung, ...]
    posts: tuple[Post, ...]

    def where(self, rung: Rung) -> str:
        """The id of the organisation or place this rung belongs to."""
        place, root = levels(self.place_path)
        return {"organisation": self.organisation_id, "place": place, "root": root}[rung.stands]

    def on(self, rung: Rung) -> list[Post]:
        """Everyone who stands on it, here or away."""
        spot = self.where(rung)
        return [post for post in self.posts if post.stands_on(rung.role, spot)]

    def key(self, rung: Rung) -> tuple[int, str]:
        """The level of a rung, and its owner key."""
        return rung.level, role_key(rung.role, self.where(rung))

    @property
    def top(self) -> Rung:
        """The rung of the accountable officer: where safeguarding ends too."""
        return accountable(self.rungs)

    def highest(self, ceiling: int) -> int:
        """The highest level there is, up to this one."""
        return max((rung.level for rung in self.rungs if rung.level <= ceiling), default=ceiling)

    def review(self, level: int, ceiling: int, excluding: str | None = None) -> tuple[int, str]:
        """The first level from `level` to `ceiling` with somebody to review, and its owner key.

        Whoever is away is passed over while another of these rungs has somebody. An empty post
        never lets a matter past its ceiling: the key of the highest rung up to there is given all
        the same, and the health page names a level without anybody. A conflict of interest does:
        where everyone on these rungs is `excluding` (an account or one of its roles), it goes
        further up, and from the top to the outside contact."""

        def free(post: Post) -> bool:
            return excluding is None or excluding not in (post.user_id, post.membership_id)

        within = [rung for rung in self.rungs if level <= rung.level <= ceiling]
        for here in (lambda post: free(post) and not post.away, free):
            for rung in within:
                if any(here(post) for post in self.on(rung)):
                    return self.key(rung)
        if any(self.on(rung) for rung in within):
            for rung in self.rungs:
                if rung.level > ceiling and any(free(post) for post in self.on(rung)):
                    return self.key(rung)
            return max(ceiling, level), role_key("outside", levels(self.place_path)[0])
        below = [rung for rung in self.rungs if rung.level <= ceiling]
        return self.key((within or below or list(self.rungs))[-1])


def ladder(tx: Tx, system_id: str, organisation_id: str, place_path: str, at: datetime) -> Ladder:
    """The ladder of reviews for a record of this organisation in this place, as it is now."""
    place, root = levels(place_path)
    rows = tx.rows(
        REVIEWERS,
        system_id=system_id,
        org=organisation_id,
        place=place,
        root=root,
        path=place_path,
        at=at,
    )
    posts = tuple(Post._make((*row[1:6], bool(row[6]))) for row in rows if row[0] == "post")
    rungs = nearest(row for row in rows if row[0] == "rung")
    return Ladder(organisation_id, place_path, rungs, posts)


def reviewers(
    tx: Tx,
    system_id: str,
    organisation_id: str,
    place_path: str,
    level: int,
    ceiling: int,
    at: datetime,
    excluding: str | None = None,
) -> tuple[int, str]:
    """Who reviews at `level` or above it, up to `ceiling`; see `Ladder.review`."""
    found = ladder(tx, system_id, organisation_id, place_path, at)
    return found.review(level, ceiling, excluding)


def safeguarding(
    tx: Tx,
    system_id: str,
    organisation_id: str,
    place_path: str,
    rung: int,
    named: Barred,
    at: datetime,
) -> tuple[int, str]:
    """The first rung from `rung` up that isn't barred: safeguarding lead of the organisation, of
    the place, of the system, then the accountable officer the ladder of reviews ends at, then the
    place's outside contact."""
    found = ladder(tx, system_id, organisation_id, place_path, at)
    return first_free(found, rung, named)


def first_free(found: Ladder, rung: int, named: Barred) -> tuple[int, str]:
    """The first rung of safeguarding from `rung` up on which somebody stands who isn't barred."""
    organisation_id = found.organisation_id
    place, root = levels(found.place_path)
    free = {
        (post.role, where)
        for post in found.posts
        if post.user_id not in named.users and post.organisation_id not in named.organisations
        for where in (post.organisation_id, post.place_id)
    }
    top = found.top
    rungs = (
        (1, Role.SAFEGUARDING_LEAD, organisation_id),
        (2, Role.SAFEGUARDING_LEAD, place),
        (3, Role.SAFEGUARDING_LEAD, root),
        (4, top.role, found.where(top)),
    )
    for number, role, where in rungs:
        if number >= rung and (role, where) in free:
            return number, role_key(role, where)
    # Above the top: the clock starts again there; with nobody free at all, the outside contact.
    for number, role, where in reversed(rungs):
        if (role, where) in free:
            return number, role_key(role, where)
    return 5, role_key("outside", place)
