"""Who may use a route at all. Every route has exactly one rule; the application doesn't start
with a route that has none.

Which *records* an actor sees is another matter, decided in `referral.visible`: what is out of
scope is not found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, abort, current_app, redirect, request
from flask.typing import ResponseReturnValue

from referral.actors import Actor
from referral.audit import log
from referral.states import Role
from web.current import edge
from web.signed_in import actor_or_none, ask_to_sign_in, must_set_up, query

View = TypeVar("View", bound=Callable[..., Any])

STAFF = frozenset(Role) - {Role.PERSON, Role.SYSTEM}
TEAM = frozenset({Role.LINK_WORKER, Role.TEAM_LEAD})
GOVERNANCE = frozenset({Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER})
REVIEWERS = GOVERNANCE | {Role.SAFEGUARDING_LEAD, Role.INFORMATION_GOVERNANCE_LEAD}

# Those with a list of work of their own, who may put off what stands on it.
WORKERS = TEAM | REVIEWERS | {Role.PROVIDER_LEADER}

# What somebody may do who has yet to set up the second step that is asked of their role.
BEFORE_THE_SECOND_STEP = frozenset(
    {
        "own_account.set_up",
        "own_account.send_link",
        "own_account.prove",
        "signing_in.change_role",
        "signing_in.stay_signed_in",
    }
)


@dataclass(frozen=True)
class Rule:
    """`roles` None: nobody needs to sign in. `because` says why such a route is open, or how it
    finds out by itself who is asking."""

    roles: frozenset[Role] | None
    because: str = ""


def access(*roles: Role | frozenset[Role]) -> Callable[[View], View]:
    """Only for those signed in with one of these roles (or groups of roles)."""
    allowed: set[Role] = set()
    for role in roles:
        allowed |= role if isinstance(role, frozenset) else {role}
    if not allowed:
        raise ValueError("Name the roles, or say why the route is public.")
    return _ruled(Rule(frozenset(allowed)))


def public(because: str) -> Callable[[View], View]:
    """For anybody, and why; or for a door that asks for its own proof (a token, a signed link)."""
    return _ruled(Rule(None, because))


def _ruled(rule: Rule) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access_rule = rule  # type: ignore[attr-defined]
        return view

    return mark


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """The rule of a route; None if somebody forgot it."""
    view = app.view_functions[endpoint]
    found = getattr(view, "access_rule", None)
    if found is None:
        found = getattr(getattr(view, "view_class", None), "access_rule", None)
    return found if isinstance(found, Rule) else None


def without_rule(app: Flask) -> list[str]:
    """The endpoints that nobody gave a rule."""
    return sorted(name for name in app.view_functions if rule_of(app, name) is None)


def guard_every_route(app: Flask) -> None:
    """Ask the rule of the route before each request. Call it when every route is registered."""
    public("files of the look")(app.view_functions["static"])
    missing = without_rule(app)
    if missing:
        raise RuntimeError(f"Routes without an access rule: {', '.join(missing)}")

    @app.before_request
    def ask_the_rule() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None
        rule = rule_of(current_app, request.endpoint)
        if rule is None:
            abort(403)
        if rule.roles is None or request.method == "OPTIONS":
            return None
        actor = actor_or_none()
        if actor is None:
            return ask_to_sign_in()
        if actor.role not in rule.roles:
            not_for_their_role(actor)
            abort(403)
        if request.endpoint not in BEFORE_THE_SECOND_STEP and must_set_up():
            here = request.full_path if request.method == "GET" else "/"
            return redirect(f"/account/second-step/set-up?{query(next=here)}", 303)
        return None


def not_for_their_role(actor: Actor) -> None:
    """Say in the log that somebody asked for a whole page that isn't for their role."""
    said = {"codes": ["not_your_role"], "page": request.endpoint}
    edge().perform(
        actor,
        lambda tx, at: log(
            tx,
            actor,
            at,
            "refused",
            "page",
            None,
            said,
            codes=["not_your_role"],
            state={"from": None, "to": None},
            subject=None,
            trigger="read" if request.method in ("GET", "HEAD") else "write",
        ),
    )


def current_actor() -> Actor:
    """Who asks. Only in a route whose rule names roles."""
    actor = actor_or_none()
    if actor is None:
        raise RuntimeError("A public route has no actor.")
    return actor
