"""Rules for every route: who may use it is said, and looking at a page changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import BuildError, Rule

from referral import links
from referral.ids import new_id
from referral.models import Base
from referral.states import Noun, Role
from referral.store import Sql, Store
from tests.web.client import HTTP, Visitor, sign_in, visit
from tests.world import World, build
from web.access import rule_of, without_rule
from web.app import create_app
from web.edge import Edge
from web.link_tokens import LinkTokens

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
# What looking may write: that somebody looked, and when they last did.
KEPT_BY_LOOKING = {"audit", "audit_detail", "sign_in"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application as it is served, without the tests' own pages."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('routes') / 'none.db'}")
    yield create_app(Edge(store), HTTP)
    store.dispose()


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def rules(app: Flask) -> list[Rule]:
    return [r for r in app.url_map.iter_rules() if r.endpoint != "static"]


def test_every_route_has_an_access_rule(app: Flask) -> None:
    assert rules(app)
    assert without_rule(app) == []


def test_every_open_route_says_why_it_is_open(app: Flask) -> None:
    for rule in rules(app):
        found = rule_of(app, rule.endpoint)
        assert found is not None
        assert found.roles or found.because, rule


@cache
def _queries() -> dict[str, Sql]:
    return {
        name: Sql(f"SELECT * FROM {name}")
        for name in sorted(Base.metadata.tables)
        if name not in KEPT_BY_LOOKING
    }


def everything(w: World) -> dict[str, list[tuple[Any, ...]]]:
    with w.store.read() as tx:
        return {name: sorted(tx.rows(q), key=repr) for name, q in _queries().items()}


def some_records(w: World) -> dict[str, str]:
    """An id for each kind of record that a route may ask for."""
    person = w.person()
    referral = w.sent(person)
    concern = w.step(
        Noun.CONCERN,
        None,
        "raise",
        "priya",
        given={"person_id": w.person(), "seen": "Bruises.", "danger": False, "sources": []},
    ).id
    escalation = w.step(
        Noun.ESCALATION,
        None,
        "raise",
        "priya",
        given={"kind": "capacity", "note": "More places.", "about": "referral",
               "about_id": referral, "level": 2},
    ).id  # fmt: skip
    override = w.override(person, by=None)
    emergency = w.emergency(person)
    with w.store.read() as tx:
        (consent,) = tx.rows(Sql("SELECT id FROM consent"))[0]
        (assurance,) = tx.rows(Sql("SELECT id FROM assurance"))[0]
        (agreement,) = tx.rows(Sql("SELECT id FROM agreement"))[0]
    return {
        "a": _link(w, referral),
        "referrals": referral,
        "people": person,
        "concerns": concern,
        "escalations": escalation,
        "consents": consent,
        "overrides": override,
        "rights": w.rights(person),
        "emergencies": emergency,
        "assurance": assurance,
        "agreements": agreement,
        "offers": w.activity["choir"],
        "activities": w.activity["choir"],
        "sessions": w.activity["choir"],
        "providers": w.provider["singers"],
        "organisations": w.org["ash"],
        "users": w.actor["priya"].user_id,
    }


def _link(w: World, referral: str) -> str:
    """The token of a link by which a leader may answer."""
    tokens, link = LinkTokens(HTTP.secret_key), new_id()
    with w.store.begin() as tx:
        links.keep(
            tx,
            link_id=link,
            system_id=w.system_id,
            purpose=links.ANSWER,
            record_id=referral,
            membership_id=w.actor["sol"].membership_id,
            made_by=None,
            channel="email",
            token_hash=tokens.token_hash(link),
            code_hash=None,
            word_hash=None,
            at=w.at,
            expires_at=w.at + timedelta(days=1),
        )
    return tokens.token(link)


MOVES = ("accept", "decline", "send", "acknowledge", "review", "withdraw", "recall", "edit")
WORDS = {"seq": "1", "day": "2026-05-12", "slug": "contact", "language": "en"}


def paths(app: Flask, records: dict[str, str], method: str = "GET") -> Iterator[str]:
    """An address for every route that answers this method, with records that are there."""
    adapter = app.url_map.bind("localhost")
    for rule in rules(app):
        if method not in (rule.methods or set()):
            continue
        noun = next((part for part in str(rule.rule).split("/") if part in records), "")
        values: dict[str, Any] = {}
        for name in rule.arguments:
            values[name] = WORDS.get(name) or records.get(noun) or new_id()
        for move in MOVES if rule.arguments & {"move", "trigger"} else ("",):
            for name in rule.arguments & {"move", "trigger"}:
                values[name] = move
            yield _built(adapter, rule, values)


def _built(adapter: Any, rule: Rule, values: dict[str, Any]) -> str:
    for word in ("activity", "contact", "x"):
        try:
            return str(adapter.build(rule.endpoint, values))
        except (BuildError, ValueError):  # another kind of word is wanted there
            values = {**values, **{n: word for n in rule.arguments if n not in WORDS}}
    return str(rule.rule)


@pytest.mark.parametrize("role", [*WHO, None])
def test_looking_changes_nothing(app: Flask, w: World, role: Role | None) -> None:
    records = some_records(w)
    visitor: Visitor = sign_in(w, WHO[role]) if role else visit(w)
    before = everything(w)
    seen = 0
    for path in paths(app, records):
        page = visitor.get(path, follow=False)
        assert page.status < 500, path
        seen += page.status == 200
    assert seen > 5
    after = everything(w)
    assert {name for name in before if before[name] != after[name]} == set()


def test_a_look_that_changed_something_would_be_noticed(w: World) -> None:
    before = everything(w)
    w.draft()
    after = everything(w)
    assert {"referral", "step", "clock"} <= {n for n in before if before[n] != after[n]}


def test_nobody_is_let_in_where_a_role_is_named(app: Flask, w: World) -> None:
    records = some_records(w)
    stranger = visit(w)
    adapter = app.url_map.bind("localhost")
    for path in paths(app, records):
        endpoint, _ = adapter.match(path)
        rule = rule_of(app, endpoint)
        assert rule is not None
        if rule.roles is not None:
            page = stranger.get(path, follow=False)
            assert page.status == 302, path
            assert page.response.headers["Location"].startswith("/sign-in"), path


def test_a_role_that_is_not_named_is_refused(app: Flask, w: World) -> None:
    records = some_records(w)
    visitors = {role: sign_in(w, who) for role, who in WHO.items()}
    adapter = app.url_map.bind("localhost")
    refused = 0
    for path in paths(app, records):
        endpoint, _ = adapter.match(path)
        rule = rule_of(app, endpoint)
        if rule is None or rule.roles is None:
            continue
        for role in set(WHO) - rule.roles:
            assert visitors[role].get(path, follow=False).status == 403, (path, role)
            refused += 1
    assert refused


def test_every_page_that_changes_something_asks_for_a_token(app: Flask, w: World) -> None:
    records = some_records(w)
    visitors = {role: sign_in(w, who) for role, who in WHO.items()}
    before = everything(w)
    asked = 0
    for path in paths(app, records, "POST"):
        # Programs bring a token of their own, and no cookie is looked at.
        if path.startswith("/api/"):
            continue
        for who in visitors.values():
            assert who.post(path, {"a": "b"}, token=False, follow=False).status == 400, path
            asked += 1
    assert asked > 20
    assert {name for name, rows in everything(w).items() if rows != before[name]} == set()


def test_templates_post_to_our_own_pages_only() -> None:
    templates = Path(__file__).parents[2] / "web" / "templates"
    for path in templates.rglob("*.jinja"):
        for action in re.findall(r'<form[^>]*action="([^"{]+)"', path.read_text()):
            assert action.startswith("/"), path
