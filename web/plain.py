"""Pages for anybody: accessibility, privacy, and whether the service is well."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from referral.health import Finding
from referral.health import health as look
from referral.states import Role
from referral.store import Door
from web.access import public
from web.current import edge, settings
from web.signed_in import actor_or_none

pages = Blueprint("plain", __name__)

# Who sees everything that isn't well, in numbers; the command line names which.
TOLD_MORE = frozenset({Role.ADMINISTRATOR, Role.ACCOUNTABLE_OFFICER})
# What an auditor is told too.
OF_THE_LOG = frozenset(
    {"audit_unsettled", "audit_unplaced", "audit_unsigned", "audit_unpublished", "audit_broken"}
)


@pages.get("/accessibility")
@public("a statement for everybody")
def accessibility() -> str:
    return render_template("accessibility.jinja", contact=settings().contact)


@pages.get("/privacy")
@public("a statement for everybody")
def privacy() -> str:
    now = settings()
    return render_template("privacy.jinja", contact=now.contact, asks_equality=now.ask_equality)


@pages.get("/health")
@public("asked by machines that watch over the service; it tells nothing about anybody")
def health() -> ResponseReturnValue:
    """Whether the store answers, and whether deadlines and messages are being seen to. Only a
    store that doesn't answer is 503: pages can be served while a worker is down."""
    findings: tuple[Finding, ...] = ()
    head = None
    try:
        with edge().reading(None, Door.WHOLE) as (tx, at):
            seen = look(tx, at, viewer=actor_or_none())
        findings, head = seen.findings, seen.head_line
        store = True
    except Exception:  # whatever is wrong with the store, the answer is no
        store = False
    wrong = {finding.code for finding in findings if not finding.warning}
    found = {
        "store": store,
        "clocks": store and "sweep_behind" not in wrong,
        "post": store and "post_behind" not in wrong,
        "log": store and not wrong & OF_THE_LOG,
    }
    status = 200 if store else 503
    # A browser takes pictures as gladly as pages: of the two we have, which does it want?
    if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
        actor = actor_or_none() if store else None
        told = _told(findings, actor.role if actor is not None else None)
        kept = head if actor is not None and actor.role in (*TOLD_MORE, Role.AUDITOR) else None
        return render_template("health.jinja", well=found, findings=told, head=kept), status
    return jsonify({"well": all(found.values()), **found}), status


def _told(findings: tuple[Finding, ...], role: Role | None) -> tuple[Finding, ...]:
    if role in TOLD_MORE:
        return findings
    if role is Role.AUDITOR:
        return tuple(one for one in findings if one.code.startswith("audit_"))
    return ()
