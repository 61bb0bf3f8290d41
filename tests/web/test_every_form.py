"""No form loses what was typed into it: not by a mistake, an ended sign-in, a store that takes
nothing, a fault of ours, nor by somebody who was quicker."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from werkzeug.test import TestResponse

from referral.store import CannotWrite
from tests.hostile import MARK
from tests.races.rounds import rounds
from tests.robot import LONG, TYPED, Filled, Robot, shape
from tests.tour import A_MONDAY, Visit
from web.edge import Edge
from web.signed_in import kept

SAYS_WHY = re.compile("nhsuk-error-summary|app-empty|nhsuk-summary-list")
ANSWERS = re.compile(r'name="answers" value="([^"]+)"')


@pytest.fixture(scope="module")
def places(robot: Robot, visits: list[Visit]) -> list[tuple[Visit, str]]:
    return robot.every_form(visits, by_role=bool(rounds(0, 1)))


@pytest.fixture(scope="module")
def kinds(
    robot: Robot, visits: list[Visit], places: list[tuple[Visit, str]]
) -> list[tuple[Visit, str]]:
    """The same, whoever it is that comes there first."""
    return robot.every_form(visits, by_role=False) if rounds(0, 1) else places


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


@pytest.mark.parametrize(
    "words", [LONG, TYPED][: rounds(1, 2)], ids=["long", "short"][: rounds(1, 2)]
)
def test_what_is_sent_is_taken_or_stands_there_still(
    robot: Robot, places: list[tuple[Visit, str]], words: str
) -> None:
    wrong, taken = [], 0
    assert len(places) > 40
    for visit, action in places:
        client, form = robot.at(visit, action)
        form.type(words)
        answer = client.post(form.action, data=form.body)
        if 300 <= answer.status_code < 400:
            taken += 1
            robot.put_back()
            continue
        found = lost(form, answer)
        refused = answer.status_code >= 400
        if refused and not SAYS_WHY.search(answer.get_data(as_text=True)):
            found.append("does not say why")
        wrong += [(visit.rule, action, answer.status_code, what) for what in found]
    assert wrong == []
    assert taken < len(places) - 10
    assert words == LONG or taken > 10


def test_a_field_too_long_is_named(robot: Robot, kinds: list[tuple[Visit, str]]) -> None:
    """Ten thousand characters in one field, and what fits in the others: they are taken, or that
    field says so. In the drills each field of each form; each time those of one page."""
    wrong, met = [], Counter[str]()
    for visit, action in kinds if rounds(0, 1) else some_of(kinds)[:1]:
        _client, asked = robot.at(visit, action)
        for name in asked.typed:
            for day in (A_MONDAY + timedelta(days=10), A_MONDAY - timedelta(days=1)):
                client, form = robot.at(visit, action)
                robot.fit(form, "Somebody", day.date())
                form.typed[name] = form.body[name] = LONG
                answer = robot.send(client, form)
                if answer.status_code == 303:
                    break
            if answer.status_code == 303:
                met["taken"] += 1
                robot.put_back()
                continue
            met["named"] += 1
            found = lost(form, answer)
            by_state = answer.status_code in (409, 429)  # refused for another reason
            if not by_state and f'href="#{name}' not in answer.get_data(as_text=True):
                found.append(f"{name} is not named")
            wrong += [(visit.rule, action, answer.status_code, what) for what in found]
    assert wrong == []
    assert met["named"] > rounds(4, 100), met


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


# What is one's own alone, or takes the words of the one before as a beginning for more.
NOT_SHARED = {
    "/emergencies/open": "one more",
    "/notices/how": "one's own",
    "/organisations/add": "one more",
    "/providers/*/evidence/add": "a new paper",
}
# Where nothing has a history that could be told, as a list of one's own, or what is said leads to
# where it is told.
UNTOLD = {
    "/organisations/*/accounts/add",
    "/people/*/death",
    "/people/*/death/undo",
    "/referrals/*/write/safety",
    "/referrals/*/write/start",
    "/referrals/lists/*",
    "/relationships/*/change",
    "/scores/*/correct",
}

# What answers with a page however well it is filled in.
TAKES_NOTHING = {
    "/people": "a search",
    "/raise": "shows the reference there and then",
    "/rights/*/passages": "once it is decided what a copy gives",
}


def test_whoever_is_slower_writes_over_nobody(robot: Robot, kinds: list[tuple[Visit, str]]) -> None:
    """Two open the same form, and both send it: the slower one's is added to what the first said,
    or else refused, with what changed, by whom, and all they had typed. In the drills every form is
    taken from whoever is quicker, but those that take nothing."""
    wrong, met, never = [], Counter[str](), set[str]()
    for visit, action in kinds if rounds(0, 1) else some_of(kinds):
        for day in (A_MONDAY + timedelta(days=10), A_MONDAY - timedelta(days=1)):
            quick, first = robot.at(visit, action)
            slow, second = robot.at(visit, action)
            robot.fit(first, "Somebody", day.date())
            robot.fit(second, "Somebody else", day.date())
            if robot.send(quick, first).status_code == 303:
                break
        else:
            never.add(shape(action))
            continue
        answer = robot.send(slow, second)
        html = answer.get_data(as_text=True)
        where, found = shape(action), []
        if answer.status_code == 303:
            met["added"] += 1
            again = slow.get(visit.path).get_data(as_text=True)
            if where not in NOT_SHARED and len(second.lost_on(again)) < len(second.typed):
                found.append("written over")
        elif answer.status_code == 404:  # it went up, out of their sight
            met["gone"] += 1
            found += [f"{name} is lost" for name in second.typed if second.typed[name] not in html]
        else:
            met["refused"] += 1
            found += [
                f"{name} is lost" for name in second.lost_on(html) if second.typed[name] not in html
            ]
            if "changed-heading" not in html and where not in UNTOLD:
                found.append("does not say what changed")
            if answer.status_code >= 500 or not SAYS_WHY.search(html):
                found.append("does not say why")
        wrong += [(visit.rule, action, answer.status_code, what) for what in found]
        robot.put_back()
    assert wrong == []
    assert met["refused"] >= rounds(4, 25), met
    assert never == (TAKES_NOTHING.keys() if rounds(0, 1) else set())


def some_of(places: list[tuple[Visit, str]]) -> list[tuple[Visit, str]]:
    """One of each way to be too late."""
    wanted = ("/offers/*", "/people/*/change", "/people/*/consent", "/referrals/*/accept")
    return [one for one in places if shape(one[1]) in wanted]


def test_an_ended_sign_in_keeps_what_was_typed(
    robot: Robot, places: list[tuple[Visit, str]]
) -> None:
    wrong: list[tuple[str, str, int]] = []
    for visit, action in places:
        client, form = robot.at(visit, action)
        form.type(LONG)
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
