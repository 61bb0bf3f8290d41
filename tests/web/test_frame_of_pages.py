"""The frame with somebody in it."""

from __future__ import annotations

import pytest

from referral.states import Role
from referral.store import Store
from tests.web.client import app_of, sign_in, visit
from tests.world import World, build
from web.frame import menu


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_who_is_signed_in_sees_their_first_page(w: World) -> None:
    page = sign_in(w, "priya").get("/")
    assert page.status == 200
    assert "Priya Shah" in page.words
    assert "Link worker, Ash Lane practice" in page.words


def test_who_is_not_signed_in_is_asked_to(w: World) -> None:
    page = visit(w).get("/")
    assert page.path == "/sign-in"
    assert "Priya" not in page.words


@pytest.mark.parametrize("role", sorted(frozenset(Role) - {Role.SYSTEM, Role.PERSON}))
def test_no_menu_has_more_than_six_items(w: World, role: Role) -> None:
    app = app_of(w)
    with app.test_request_context("/"):
        assert 2 <= len(menu(app, role)) <= 6
