"""No form loses what was typed into it: not by a mistake, an ended sign-in, a store that takes
nothing, a fault of ours, nor by somebody who was quicker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from werkzeug.test import TestResponse

from referral.store import CannotWrite
from tests.hostile import MARK
from tests.races.rounds import rounds
from tests.robot import Filled, Robot
from tests.tour import Visit
from web.edge import Edge
from web.signed_in import kept

ANSWERS = re.compile(r'name="answers" value="([^"]+)"')


@pytest.fixture(scope="module")
def places(robot: Robot, visits: list[Visit]) -> list[tuple[Visit, str]]:
    return robot.every_form(visits, by_role=bool(rounds(0, 1)))


@pytest.fixture(autouse=True)
def as_it_was(robot: Robot) -> Iterator[None]:
    robot.put_back()
    yield
    robot.put_back()


def lost(form: Filled, answer: TestResponse) -> list[str]:
    """What is wrong with this answer to a form that was not taken."""
    html = answer.get_data(as_text=True)
    found = [f"{name} is lost" for name in form.lost_on(html)]
    return found + (["markup let through"] if MARK in html else [])


def test_what_is_sent_is_taken_or_stands_there_still(
    robot: Robot, places: list[tuple[Visit, str]]
) -> None:
    wrong, taken = [], 0
    assert len(places) > 40
    for visit, action in places:
        client, form = robot.at(visit, action)
        answer = client.post(form.action, data=form.body)
        if 300 <= answer.status_code < 400:
            taken += 1
            robot.put_back()
            continue
        wrong += [(visit.rule, action, answer.status_code, what) for what in lost(form, answer)]
    assert wrong == []
    assert 10 < taken < len(places) - 10


def test_whoever_comes_back_to_what_they_typed_has_sent_nothing(
    robot: Robot, places: list[tuple[Visit, str]]
) -> None:
    before, wrong = robot.steps(), []
    for visit, action in places:
        client, form = robot.at(visit, action)
        answer = client.post(form.action, data={**form.body.to_dict(flat=False), "again": "yes"})
        if answer.status_code not in (200, 422):
            wrong.append((visit.rule, action, answer.status_code, "went on"))
        wrong += [(visit.rule, action, answer.status_code, what) for what in lost(form, answer)]
    assert wrong == []
    assert robot.steps() == before


def test_an_ended_sign_in_keeps_what_was_typed(
    robot: Robot, places: list[tuple[Visit, str]]
) -> None:
    wrong = []
    for visit, action in places:
        client, form = robot.at(visit, action)
        robot.end_sign_ins()
        answer = client.post(form.action, data=form.body)
        found = ANSWERS.search(answer.get_data(as_text=True))
        with robot.tour.app.test_request_context():
            answers = kept(unescape(found[1])) if found else None
        if answer.status_code == 422 and not form.lost_on(answer.get_data(as_text=True)):
            continue  # a page for who has no account
        if answers is None or form.lost_among(answers.fields):
            wrong.append((visit.rule, action, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("fault", [CannotWrite("full"), RuntimeError("ours")], ids=["full", "ours"])
def test_a_fault_of_ours_keeps_what_was_typed(
    robot: Robot,
    places: list[tuple[Visit, str]],
    fault: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong, met = [], 0

    def broken(*asked: object, **more: object) -> object:
        raise fault

    for visit, action in places:
        client, form = robot.at(visit, action)
        with monkeypatch.context() as patch:
            patch.setattr(Edge, "perform", broken)
            answer = client.post(form.action, data=form.body)
        if answer.status_code >= 500:
            met += 1
        elif 300 <= answer.status_code < 400:
            wrong.append((visit.rule, action, answer.status_code, "went on"))
        wrong += [(visit.rule, action, answer.status_code, what) for what in lost(form, answer)]
    assert wrong == []
    assert met > 15
