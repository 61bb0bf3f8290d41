"""Who reviews at each level: ceilings hold, and absence or a conflict of interest stops nothing."""

from __future__ import annotations

from referral.ladder import FOUR, Ladder, Post

ORG, PLACE, ROOT = "org", "place", "root"
PATH = f"/{ROOT}/{PLACE}"


def post(role: str, where: str, user: str, away: bool = False) -> Post:
    org, place = (where, "") if where == ORG else ("board", where)
    return Post(role, org, place, user, f"m-{user}", away)


LEAD = post("team_lead", ORG, "tess")
GRACE = post("governance_lead", PLACE, "grace")
GAIL = post("governance_lead", ROOT, "gail")
AMARA = post("accountable_officer", ROOT, "amara")


def ladder(*posts: Post) -> Ladder:
    return Ladder(ORG, PATH, FOUR, posts)


def test_the_first_level_with_somebody_reviews() -> None:
    assert ladder(LEAD, GRACE).review(1, 2) == (1, "team_lead@org")
    assert ladder(GRACE).review(1, 2) == (2, "governance_lead@place")


def test_an_empty_post_never_lets_a_matter_past_its_ceiling() -> None:
    assert ladder(GAIL, AMARA).review(1, 2) == (2, "governance_lead@place")
    assert ladder(AMARA).review(2, 3) == (3, "governance_lead@root")
    assert ladder(AMARA).review(1, 4) == (4, "accountable_officer@root")


def test_a_conflict_of_interest_may_pass_it() -> None:
    both = ladder(LEAD, GRACE._replace(user_id="tess"), GAIL)
    assert both.review(1, 2, excluding="tess") == (3, "governance_lead@root")
    assert ladder(LEAD).review(1, 2, excluding="m-tess") == (2, "outside@place")


def test_who_is_away_is_passed_over_only_while_somebody_else_is_here() -> None:
    away = LEAD._replace(away=True)
    assert ladder(away, GRACE).review(1, 2) == (2, "governance_lead@place")
    assert ladder(away).review(1, 2) == (1, "team_lead@org")


def test_a_ladder_without_a_level_ends_below_it() -> None:
    short = Ladder(ORG, PATH, (FOUR[0], FOUR[1], FOUR[3]), (LEAD, GRACE, AMARA))
    assert short.highest(3) == 2
    assert short.highest(4) == 4
    assert short.review(3, 3) == (2, "governance_lead@place")
