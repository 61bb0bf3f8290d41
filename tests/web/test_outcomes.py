"""How somebody says their life is, over time: what is kept, put right and shown, and to whom
not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from referral import copies, erasures, scores
from referral.scores import ANSWERS
from referral.states import Noun
from referral.store import Sql, Store
from tests.counting import BUDGET, statements
from tests.web.client import Page, Visitor, sign_in
from tests.world import World, build
from workflows.engine import Refused
from workflows.scores import correct_scores, record_scores
from workflows.working_time import local_day

FOUR = {"satisfied": 3, "worthwhile": 4, "happy": 5, "anxious": 7}


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def keep(w: World, record: str, stage: str = "start", who: str = "priya", **more: Any) -> str:
    actor = w.actor[who]
    answers = {name: more.pop(name, FOUR[name]) for name in ANSWERS}
    said = {"how": "phone", "asked_on": local_day(w.at), **more}
    return w.made(
        actor,
        lambda tx: record_scores(
            tx, actor, w.at, referral_id=record, stage=stage, answers=answers, **said
        ),
    )


def put_right(w: World, score: str, who: str = "priya", **answers: int | None) -> None:
    actor = w.actor[who]
    with w.store.begin(actor) as tx:
        correct_scores(
            tx,
            actor,
            w.at,
            score_id=score,
            why="mistyped",
            how="phone",
            asked_on=local_day(w.at),
            answers=answers,
        )


def rows(w: World, record: str) -> list[scores.ScoreSeen]:
    with w.store.read() as tx:
        return scores.of_referral(tx, w.actor["priya"], record)


def actions(w: World) -> list[str]:
    with w.store.read() as tx:
        return [row[0] for row in tx.rows(Sql("SELECT action FROM audit ORDER BY seq"))]


def filled(visitor: Visitor, path: str, **said: Any) -> Page:
    return visitor.send(visitor.get(path), follow=True, **said)


# -- what is kept -------------------------------------------------------------------------------


def test_answers_are_kept_with_the_log_and_without_a_number_in_it(w: World) -> None:
    record = w.sent()
    keep(w, record, worthwhile=None)
    (row,) = rows(w, record)
    assert [getattr(row, name) for name in ANSWERS] == [3, None, 5, 7]
    assert (row.measure, row.measure_version, row.stage) == ("ons4", 1, "start")
    assert row.recorded_by == "Priya Shah"
    assert actions(w)[-1] == "scores_recorded"


def test_the_start_and_the_end_are_recorded_once_and_reviews_as_often_as_they_are(
    w: World,
) -> None:
    record = w.sent()
    for stage in ("start", "review", "review", "end"):
        keep(w, record, stage)
    for stage in ("start", "end"):
        with pytest.raises(Refused) as refused:
            keep(w, record, stage)
        assert [r.field for r in refused.value.refusals] == ["stage"]
    assert len(rows(w, record)) == 4


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"happy": 11}, "happy"),
        ({"anxious": -1}, "anxious"),
        (dict.fromkeys(ANSWERS), "satisfied"),
        ({"how": "by_post"}, "how"),
        ({"asked_on": date(2099, 1, 1)}, "asked_on"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    w: World, wrong: dict[str, Any], field: str
) -> None:
    record = w.sent()
    with pytest.raises(Refused) as refused:
        keep(w, record, **wrong)
    assert [r.field for r in refused.value.refusals] == [field]
    assert rows(w, record) == []


def test_somebody_under_16_is_not_asked_and_somebody_of_16_is(w: World) -> None:
    today = local_day(w.at)
    young = w.person(birth_date=today.replace(year=today.year - 16) + timedelta(days=1))
    record = w.draft(young)
    with pytest.raises(Refused) as refused:
        keep(w, record)
    assert "too_young" in refused.value.codes
    w.later(days=2)
    keep(w, record)
    assert len(rows(w, record)) == 1


def test_what_is_put_right_keeps_both_and_is_put_right_once(w: World) -> None:
    record = w.sent()
    first = keep(w, record)
    put_right(w, first, who="tess", **{**FOUR, "happy": 6})
    before, after = rows(w, record)
    assert (before.happy, after.happy, after.corrects_id) == (5, 6, first)
    assert (after.stage, after.why, after.recorded_by) == ("start", "mistyped", "Tess Lead")
    assert scores.standing(rows(w, record)) == [after]
    assert actions(w)[-1] == "scores_corrected"
    with pytest.raises(Refused) as refused:
        put_right(w, first, **FOUR)
    assert "corrected_since" in refused.value.codes


def test_answers_are_taken_back_by_putting_them_right_with_none(w: World) -> None:
    record = w.sent()
    put_right(w, keep(w, record), **dict.fromkeys(ANSWERS))
    (standing,) = scores.standing(rows(w, record))
    assert not standing.answered
    page = sign_in(w, "priya").get(f"/referrals/{record}/outcomes")
    assert "Taken back: no answers." in page.words
    assert "Nothing is recorded yet" in page.words


@pytest.mark.parametrize("who", ["sol", "grace", "olu"])
def test_nobody_but_the_team_records_puts_right_or_reads(w: World, who: str) -> None:
    record = w.sent()
    score = keep(w, record)
    with pytest.raises(Refused):
        keep(w, record, "review", who=who)
    with pytest.raises(Refused):
        put_right(w, score, who=who, **FOUR)
    visitor = sign_in(w, who)
    for path in (f"/referrals/{record}/outcomes", f"/scores/{score}/correct"):
        assert visitor.get(path).status in (403, 404)
    assert "/outcomes" not in visitor.get(f"/referrals/{record}").text
    assert len(rows(w, record)) == 1


def test_erasing_takes_the_answers_away(w: World) -> None:
    person = w.person()
    w.consent(person)
    record, other = w.draft(person), w.sent(w.person(nhs_number="999 000 0026"))
    put_right(w, keep(w, record), **FOUR)
    keep(w, other)
    with w.store.begin() as tx:
        found = erasures.find(tx, person)
        assert found is not None
        erasures.blank(tx, erasures.belongings(tx, found), w.at)
    assert rows(w, record) == []
    assert len(rows(w, other)) == 1


def test_the_copy_of_all_that_is_held_has_them_and_somebody_else_s_has_not(w: World) -> None:
    person, other = w.person(), w.person(nhs_number="999 000 0026")
    w.consent(person)
    keep(w, w.draft(person))
    for one, held in ((person, [7]), (other, [])):
        with w.store.read() as tx:
            copy = copies.gather(tx, one, frozenset(), {})
        told = [row for s in copy.sections if s.table == "score" for row in s.rows]
        assert [row["anxious"] for row in told] == held


def test_nothing_is_recorded_of_somebody_who_is_closed_to_one(w: World) -> None:
    record = w.sent()
    keep(w, record)
    naming = {"sources": [{"user_id": w.actor["priya"].user_id}], "seen": "A worry."}
    with w.store.read() as tx:
        person = tx.rows(Sql("SELECT person_id FROM referral WHERE id = :id"), id=record)[0][0]
    given = {"person_id": person, "danger": False, **naming}
    w.step(Noun.CONCERN, None, "raise", "tess", given=given)
    with pytest.raises(Refused):
        keep(w, record, "review")
    assert sign_in(w, "priya").get(f"/referrals/{record}/outcomes").status == 404
    keep(w, record, "review", who="tess")
    assert len(rows(w, record)) == 2


# -- what is shown ------------------------------------------------------------------------------


def test_one_time_is_a_sentence_and_two_are_a_picture_with_its_table(w: World) -> None:
    record = w.sent()
    visitor = sign_in(w, "priya")
    path = f"/referrals/{record}/outcomes"
    assert "Nothing is recorded yet" in visitor.get(path).words
    keep(w, record)
    page = visitor.get(path)
    assert "Satisfied with life: 3 at the start." in page.words
    assert "app-chart" not in page.text
    w.later(days=30)
    keep(w, record, "review", satisfied=6, happy=None, anxious=2, worthwhile=4)
    page = sign_in(w, "priya").get(path)
    assert "Satisfied with life: 3 at the start, 6 at a review." in page.words
    assert "Happy yesterday: 5 at the start." in page.words
    assert "Better: Satisfied with life and Anxious yesterday. The same: Worthwhile." in page.words
    assert page.text.count('role="img"') == 2
    assert "Not answered" in page.words


def test_the_page_is_led_to_from_the_referral_and_asks_little_of_the_store(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.sent()
    put_right(w, keep(w, record), **{**FOUR, "happy": 6})
    keep(w, record, "review")
    visitor = sign_in(w, "priya")
    assert f'href="/referrals/{record}/outcomes"' in visitor.get(f"/referrals/{record}").text
    sent = statements(monkeypatch)
    page = visitor.get(f"/referrals/{record}/outcomes")
    assert len(sent) <= BUDGET
    assert "Put right by Priya Shah" in page.words
    assert "It was typed wrongly. It was, on" in page.words


def test_answers_are_recorded_on_a_page_and_put_right_from_it(w: World) -> None:
    record = w.sent()
    visitor = sign_in(w, "priya")
    page = filled(visitor, f"/referrals/{record}/outcomes/add", satisfied="3", how="in_person")
    assert page.path == f"/referrals/{record}/outcomes"
    assert "Satisfied with life: 3 at the start." in page.words
    (row,) = rows(w, record)
    before = actions(w).count("read")
    visitor.get(f"/scores/{row.id}/correct")
    assert actions(w).count("read") == before + 1
    page = filled(visitor, f"/scores/{row.id}/correct", satisfied="5", why="they_said")
    assert "Satisfied with life: 5 at the start." in page.words
    assert "Satisfied with life: 3; Worthwhile: Not answered" in page.words


def test_an_error_names_its_question_and_keeps_what_was_typed(w: World) -> None:
    record = w.sent()
    page = filled(
        sign_in(w, "priya"),
        f"/referrals/{record}/outcomes/add",
        satisfied="lots",
        happy="12",
        anxious="4",
    )
    assert page.status == 422
    assert "Satisfied with life: enter a whole number from 0 to 10, or nothing." in page.words
    assert "Happy yesterday: enter a whole number from 0 to 10, or nothing." in page.words
    assert "Choose how it was asked." in page.words
    for typed in ('value="lots"', 'value="12"', 'value="4"'):
        assert typed in page.text
    assert rows(w, record) == []


# -- while a referral is written ----------------------------------------------------------------


def test_the_starting_point_is_offered_and_may_wait(w: World) -> None:
    person = w.person()
    w.consent(person)
    record = w.draft(person)
    visitor = sign_in(w, "priya")
    path = f"/referrals/{record}/write/start"
    assert path in visitor.get(f"/referrals/{record}/write").text
    assert path in visitor.get(f"/referrals/{record}/write/check").text
    page = filled(visitor, path, do="later")
    assert page.path == f"/referrals/{record}/write/check"
    assert rows(w, record) == []
    page = filled(visitor, path, satisfied="2", anxious="9", how="phone")
    assert page.path == f"/referrals/{record}/write/check"
    assert "The starting point is recorded." in page.words
    (row,) = rows(w, record)
    assert (row.stage, row.satisfied, row.anxious) == ("start", 2, 9)
    assert path not in visitor.get(f"/referrals/{record}/write/check").text


def test_what_is_typed_is_kept_where_the_rest_is_done_later(w: World) -> None:
    person = w.person()
    w.consent(person)
    record = w.draft(person)
    path = f"/referrals/{record}/write/start"
    page = filled(sign_in(w, "priya"), path, satisfied="2", do="later")
    assert page.status == 422
    assert "Choose how it was asked." in page.words
    assert 'value="2"' in page.text


def test_the_same_form_sent_twice_is_kept_once(w: World) -> None:
    record = w.sent()
    visitor = sign_in(w, "priya")
    page = visitor.get(f"/referrals/{record}/outcomes/add")
    for _ in range(2):
        visitor.send(page, stage="review", satisfied="3", how="phone")
    assert len(rows(w, record)) == 1
