"""Help: how each thing is done, by its title, for those who do it, and where it is done."""

from __future__ import annotations

import re

import pytest

from referral.states import Role
from referral.store import Store
from tests.web.client import app_of, sign_in, visit
from tests.world import World, build
from web import help as helping
from web.help import GROUPS, HERE, LEADERS, PERSON, TASKS, here

ACRONYM = re.compile(r"\b[A-Z]{2,}\b")


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_help_is_there_for_anybody_and_is_found_by_its_words(w: World) -> None:
    somebody = visit(w)
    page = somebody.get("/help")
    for task in TASKS.values():
        assert f'href="/help/{task.slug}"' in page.text
    page = somebody.get("/help?q=where+a+REFERRAL+goes")
    assert "Change where a referral goes to" in page.words
    assert "Open your own page" not in page.words
    nothing = somebody.get("/help?q=zebra%3Cb%3E").words
    assert "Nothing in help has “zebra<b>” in it." in nothing


def test_each_role_reads_its_own_first_and_the_rest_when_asked(w: World) -> None:
    leader = sign_in(w, "sol")
    assert "Say who came" in leader.get("/help").words
    assert "Assure a provider" not in leader.get("/help").words
    assert "Assure a provider" in leader.get("/help?all=1").words
    worker = sign_in(w, "priya").get("/help").words
    assert "Change who has a referral" in worker
    assert "Say who came" not in worker


@pytest.mark.parametrize("slug", TASKS)
def test_each_task_has_a_page_with_whom_to_ask(w: World, slug: str) -> None:
    page = visit(w).get(f"/help/{slug}")
    assert page.status == 200
    assert TASKS[slug].title in page.words
    assert "Ask a person" in page.words


def test_help_on_a_forgotten_password_says_the_link_first(w: World) -> None:
    own = visit(w).get("/help?q=forgot+password").text
    assert 'href="/help/forgot-my-password"' in own
    assert "I have forgotten my password" in visit(w).get("/help/forgot-my-password").words
    lead = visit(w).get("/help/forgotten-password").words
    assert lead.index("I have forgotten my password") < lead.index("If no email comes")


def test_there_is_no_page_for_a_task_there_is_not(w: World) -> None:
    assert visit(w).get("/help/no-such-thing").status == 404


def test_the_page_where_a_thing_is_done_names_its_help(w: World) -> None:
    priya = sign_in(w, "priya")
    record = w.sent()
    assert 'href="/help/withdraw"' in priya.get(f"/referrals/{record}/withdraw").text
    assert 'href="/help/withdraw"' not in priya.get("/notices").text
    assert len(here("/", Role.LINK_WORKER)) <= HERE
    assert here("/offers", Role.LINK_WORKER) == []
    assert [task["href"] for task in here("/offers/add", Role.PROVIDER_LEADER)] == [
        "/help/confirm-offers"
    ]


def test_help_is_named_only_on_pages_there_are(w: World) -> None:
    app = app_of(w)
    rules = [
        re.sub(r"<[^>]*>", "*", rule.rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
    ]
    for task in TASKS.values():
        for where in task.where:
            found = [
                rule
                for rule in rules
                if rule == where or re.fullmatch(re.escape(rule).replace(r"\*", "[^/]+"), where)
            ]
            assert found, (task.slug, where)


def test_titles_say_what_one_does_and_no_acronym_meets_a_provider_or_the_person() -> None:
    assert len(TASKS) == sum(len(group.tasks) for group in GROUPS)
    for task in TASKS.values():
        if task.roles is None or task.roles & (LEADERS | PERSON):
            said = " ".join((task.title, *task.steps)).replace("NHS number", "")
            assert ACRONYM.findall(said) == [], task.slug
        assert all(step.endswith(".") for step in task.steps), task.slug
    assert helping.for_role(TASKS.values(), None) == [
        task for task in TASKS.values() if task.roles is None
    ]
