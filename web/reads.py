"""What each page and each answer shows of people, and the one entry of the log that says so.

Every route that can be looked at is declared here once: as a reading of one record, as a list, or
as showing nobody. A page that says itself what it showed, because it knows better, is left alone;
for the others the entry is written when the page is made and before it is sent: one, never more,
with the references of a list in its erasable half. What isn't there for who asks is an attempt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from referral.actors import Actor
from referral.audit import LISTED, READ, READING, Request, at_the_door, log, log_shown, request_now
from referral.entries import subject_of
from referral.states import Noun
from referral.store import Tx
from web.current import edge
from web.signed_in import actor_or_none
from workflows.engine import Refused

PERSON = "person"


class One(NamedTuple):
    """A page about one record: its noun, and the argument of the address that names it."""

    noun: str
    argument: str = "record_id"


def _ones(noun: str, argument: str, *endpoints: str) -> dict[str, One]:
    return dict.fromkeys(endpoints, One(str(noun), argument))


ONE: dict[str, One] = {
    **_ones(
        PERSON,
        "person_id",
        "capacity_pages.assess",
        "concern_pages.about_person",
        "consent_pages.record",
        "life_pages.death",
        "looks_pages.looked",
        "life_pages.join_these",
        "life_pages.moved",
        "life_pages.pass_on",
        "life_pages.undo_death",
        "override_pages.propose",
        "own_links.link",
        "own_links.sheet",
        "people_pages.change",
        "people_pages.person",
        "equality_pages.about",
        "equality_pages.do_not_ask",
        "relationship_pages.add",
        "rights_pages.take",
    ),
    **_ones(
        PERSON,
        "record_id",
        "api_people.assessments",
        "api_people.death",
        "api_people.looks",
        "api_people.merge_look",
        "api_people.one",
        "api_people.relationships",
    ),
    **_ones("plan", "record_id", "api_people.plans"),
    **_ones(
        Noun.REFERRAL,
        "record_id",
        "api_referrals.accountability_of_referral",
        "api_referrals.documents",
        "api_referrals.document_file",
        "api_referrals.holds",
        "api_referrals.messages",
        "api_referrals.moves",
        "api_referrals.one",
        "api_referrals.scores",
        "api_referrals.steps",
        "concern_pages.about_referral",
        "escalation_pages.raise_about_referral",
        "hold_pages.place",
        "message_pages.thread",
        "document_pages.listed",
        "document_pages.file",
        "document_pages.take_back",
        "moves.referral_move",
        "outcome_pages.add",
        "outcome_pages.outcomes",
        "reminder_pages.plan",
        "referral_pages.history",
        "referral_pages.refer_on",
        "referral_pages.show",
    ),
    **_ones(
        Noun.REFERRAL,
        "writing_id",
        "outcome_pages.start",
        "wizard.activity",
        "wizard.ask",
        "wizard.check",
        "wizard.compare",
        "wizard.consent",
        "wizard.hub",
        "wizard.leave",
    ),
    **_ones(Noun.CONSENT, "consent_id", "consent_pages.show", "consent_pages.withdraw"),
    **_ones(
        Noun.CONSENT,
        "record_id",
        "api_consents.moves",
        "api_consents.one",
        "api_consents.steps",
    ),
    **_ones(
        Noun.OVERRIDE,
        "record_id",
        "api_overrides.moves",
        "api_overrides.one",
        "api_overrides.steps",
        "moves.override_move",
        "override_pages.show",
    ),
    **_ones(
        Noun.RIGHTS,
        "record_id",
        "api_rights.moves",
        "api_rights.one",
        "api_rights.steps",
        "moves.rights_move",
        "rights_pages.show",
        "rights_doing_pages.copy",
        "rights_doing_pages.copy_json",
        "rights_doing_pages.copy_file",
        "rights_doing_pages.correct",
        "rights_doing_pages.parts",
        "rights_doing_pages.parts_read",
        "rights_doing_pages.passages",
        "rights_doing_pages.stop_use",
    ),
    **_ones(
        Noun.EMERGENCY,
        "record_id",
        "api_emergencies.moves",
        "api_emergencies.one",
        "api_emergencies.steps",
        "emergency_pages.show",
        "moves.emergency_move",
    ),
    **_ones(Noun.CONCERN, "concern_id", "concern_pages.concern_move", "concern_pages.show"),
    **_ones(
        Noun.CONCERN,
        "record_id",
        "api_concerns.accountability_of_concern",
        "api_concerns.moves",
        "api_concerns.one",
        "api_concerns.steps",
    ),
    **_ones(
        Noun.ESCALATION,
        "record_id",
        "api_escalations.accountability_of_escalation",
        "api_escalations.moves",
        "api_escalations.one",
        "api_escalations.steps",
        "escalation_pages.escalation",
        "escalation_pages.second_person",
        "escalation_pages.waive",
        "moves.escalation_move",
        "theme_pages.tag",
    ),
    **_ones("confirmation", "proposal_id", "referral_pages.confirmation"),
    **_ones("confirmation", "record_id", "api_confirmations.one"),
    **_ones("register", "activity_id", "session_pages.register", "session_pages.sheet"),
    **_ones(PERSON, "", "relationship_pages.change", "relationship_pages.end"),
    **_ones(PERSON, "", "inquiry_pages.inquiry", "inquiry_pages.passages"),
    **_ones(Noun.REFERRAL, "", "outcome_pages.correct"),
    # A page of the log says itself which entries it showed.
    **_ones("audit", "", "audit_pages.entry", "audit_pages.leaf", "audit_pages.proof"),
    # Pages behind a link say by themselves whose they were: there is nobody signed in.
    **_ones(Noun.REFERRAL, "token", "links.show"),
    **_ones(PERSON, "", "links.mine"),
}

# Lists, and searches: what they are chiefly of. Those whose list came out empty showed nobody.
LISTS: dict[str, str] = {
    "api_concerns.many": Noun.CONCERN,
    "api_consents.many": Noun.CONSENT,
    "api_emergencies.many": Noun.EMERGENCY,
    "api_escalations.many": Noun.ESCALATION,
    "api_overrides.many": Noun.OVERRIDE,
    "api_people.find": PERSON,
    "api_people.many": PERSON,
    "api_referrals.many": Noun.REFERRAL,
    "api_rights.many": Noun.RIGHTS,
    "audit_pages.explorer": "audit",
    "inquiry_pages.listed": PERSON,
    "inquiry_pages.taken": PERSON,
    "audit_pages.export": "audit",
    "concern_pages.concerns": Noun.CONCERN,
    "emergency_pages.many": Noun.EMERGENCY,
    "escalation_pages.escalations": Noun.ESCALATION,
    "home.decided_file": Noun.ESCALATION,
    "home.home": "work",
    "life_pages.join": PERSON,
    "override_pages.overrides": Noun.OVERRIDE,
    "people_pages.look_for": PERSON,
    "people_pages.people": PERSON,
    "referral_lists.referrals": Noun.REFERRAL,
    "referral_lists.download": Noun.REFERRAL,
    "referral_lists.taking_part": Noun.REFERRAL,
    "reminder_pages.later": "work",
    "referral_pages.confirmations": Noun.REFERRAL,
    "report_pages.agenda": Noun.ESCALATION,
    "report_pages.records": Noun.REFERRAL,
    "rights_pages.requests": Noun.RIGHTS,
    "search.search": PERSON,
    "team_pages.hand_over": Noun.REFERRAL,
    "theme_pages.one_theme": Noun.ESCALATION,
    "api_themes.one": Noun.ESCALATION,
    "wizard.who": PERSON,
}
ASKED_BY_POST = frozenset(
    {"api_people.find", "people_pages.look_for", "search.search", "wizard.who"}
)

# What shows nobody who is supported: why, and which.
SHOWS_NOBODY: dict[str, frozenset[str]] = {
    "the person's own page goes on: that it was opened is in the log": frozenset(
        {
            "links.about_me",
            "links.ask_about_mine",
            "links.asked",
            "links.asked_one",
            "links.complain",
            "links.contact",
            "links.how",
            "links.looked",
            "links.not_safe",
            "links.not_safe_by_link",
            "links.stop",
            "links.stop_all",
        }
    ),
    "a question before anything is shown, or the way out": frozenset(
        {
            "emergency_pages.open_one",
            "forgotten.ask",
            "forgotten.choose",
            "invitations.accept",
            "invitations.welcome",
            "links.code",
            "links.leave",
            "raised_outside_pages.raise_outside",
            "session_pages.another_day",
            "session_pages.sessions",
            "session_pages.take_back",
            "signing_in.change_role",
            "own_account.codes",
            "own_account.off",
            "own_account.prove",
            "own_account.second_step",
            "own_account.set_up",
            "own_passkeys.own",
            "own_passkeys.take_away",
            "signing_in.own_password",
            "signing_in.sign_in_code",
            "signing_in.sign_in",
            "signing_in.signed_out",
        }
    ),
    "organisations, their people at work, what they offer and agreed": frozenset(
        {
            "activities.compare",
            "activities.find",
            "activities.sheet",
            "access_pages.download",
            "access_pages.review",
            "accountability_pages.accountability",
            "account_pages.account",
            "account_pages.add",
            "account_pages.correct",
            "account_pages.give_role",
            "account_pages.invite_them",
            "account_pages.password",
            "account_pages.second_step",
            "account_pages.suspend",
            "account_pages.users",
            "agreement_pages.agreement",
            "agreement_pages.agreements",
            "agreement_pages.draft",
            "announcement_pages.announcement",
            "announcement_pages.announcements",
            "announcement_pages.write",
            "api_announcements.many",
            "api_announcements.one",
            "api_activities.accountability_of_activity",
            "api_activities.many",
            "api_activities.one",
            "api_agreements.accountability_of_agreement",
            "api_agreements.many",
            "api_agreements.moves",
            "api_agreements.one",
            "api_agreements.steps",
            "api_providers.accountability_of_provider",
            "api_providers.evidence",
            "api_providers.many",
            "api_providers.moves",
            "api_providers.one",
            "api_providers.steps",
            "concern_pages.about_provider",
            "directory_pages.directory",
            "escalation_pages.ask_place_lead",
            "escalation_pages.raise_about_provider",
            "moves.agreement_move",
            "moves.assurance_move",
            "machine_pages.machine",
            "machine_pages.machines",
            "offer_pages.add_group",
            "offer_pages.add_offer",
            "offer_pages.change_offer",
            "offer_pages.offers",
            "offer_pages.pause",
            "offer_pages.places",
            "organisation_pages.account",
            "organisation_pages.add",
            "organisation_pages.change",
            "organisation_pages.organisation",
            "organisation_pages.organisations",
            "organisation_pages.phones",
            "organisation_pages.place_add",
            "organisation_pages.rename",
            "provider_pages.add",
            "provider_pages.apply",
            "provider_pages.assurance",
            "provider_pages.evidence",
            "provider_pages.provider",
            "provider_pages.providers",
            "referral_lists.lists",
            "referral_lists.rename",
            "rota_pages.authorities",
            "rota_pages.end_authority",
            "rota_pages.end_line",
            "rota_pages.places",
            "rota_pages.rota",
            "team_pages.away",
            "team_pages.end",
            "team_pages.member_away",
            "team_pages.team",
        }
    ),
    "rules, words and the program itself": frozenset(
        {
            "api_wordings.many",
            "openapi",
            "help_pages.index",
            "help_pages.task",
            "plain.accessibility",
            "plain.health",
            "plain.privacy",
            "api_policy.changes",
            "api_policy.one",
            "api_policy.sheet",
            "api_themes.many",
            "policy_change_pages.ask",
            "policy_change_pages.changes",
            "policy_change_pages.decide",
            "policy_change_pages.have_your_say",
            "policy_change_pages.show",
            "policy_pages.change",
            "policy_pages.rule",
            "policy_pages.sheet",
            "own_account.account",
            "preferences.how",
            "static",
            "system_pages.system",
            "theme_pages.all_themes",
            "wording_pages.listed",
            "wording_pages.one",
            "wording_pages.sheet",
        }
    ),
    "numbers, of which nobody can be picked out": frozenset(
        {
            "report_pages.dashboard",
            "report_pages.report",
            "report_pages.reports",
            "report_pages.table",
        }
    ),
    "which records are due to be destroyed, by their references": frozenset(
        {"keeping_pages.due", "keeping_pages.holds", "keeping_pages.one"}
    ),
    "codes and references of what happened, never a name": frozenset({"notices.notices"}),
}


def undeclared(app: Flask) -> list[str]:
    """The routes that can be looked at and that nobody declared, or declared twice."""
    said = [*ONE, *LISTS, *(name for group in SHOWS_NOBODY.values() for name in group)]
    found = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return sorted(name for name in found if said.count(name) != 1)


# -- the request, as the log knows it -----------------------------------------------------------


def _door() -> str:
    if request.blueprint == "links":
        return "link"
    return "api" if request.path.startswith("/api/") else "page"


def begin(keep_addresses: bool) -> None:
    """From here on, every entry is of this request. Where a person's own link was opened isn't
    kept: it would say where somebody lives."""
    door = _door()
    client = request.remote_addr if keep_addresses and door != "link" else None
    at_the_door(Request(str(uuid4()), door, client))


def end(error: BaseException | None = None) -> None:
    """The request is answered."""
    at_the_door(None)


def keep(app: Flask, keep_addresses: bool) -> None:
    """Write down what is shown, of every declared route. Call it when every route is registered."""
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: begin(keep_addresses))
    app.teardown_request(end)
    for endpoint, view in app.view_functions.items():
        if endpoint in ONE or endpoint in LISTS:
            app.view_functions[endpoint] = _watched(endpoint, view)


def _watched(endpoint: str, view: Callable[..., Any]) -> Callable[..., ResponseReturnValue]:
    @wraps(view)
    def watched(*args: Any, **named: Any) -> ResponseReturnValue:
        try:
            answer: ResponseReturnValue = view(*args, **named)
        except (NotFound, Refused) as error:
            if isinstance(error, NotFound) or "not_found" in error.codes:
                _attempted(endpoint, named)
            raise
        status = _status(answer)
        if status in (400, 409, 422) or (status == 200 and _looked(endpoint)):
            _shown(endpoint, named)
        return answer

    return watched


def _looked(endpoint: str) -> bool:
    return request.method in ("GET", "HEAD") or endpoint in ASKED_BY_POST


def _status(answer: ResponseReturnValue) -> int:
    if isinstance(answer, tuple):
        return next((part for part in answer[1:] if isinstance(part, int)), 200)
    return int(getattr(answer, "status_code", 200))


def _who() -> Actor | None:
    return g.get("api_actor") or actor_or_none()


def _record(endpoint: str, named: dict[str, Any]) -> tuple[str, str | None]:
    one = ONE.get(endpoint)
    if one is None:
        return str(LISTS[endpoint]), None
    given = named.get(one.argument)
    # What isn't an id is a link's own secret, or a word of the address.
    return one.noun, str(given) if isinstance(given, UUID) else None


def _shown(endpoint: str, named: dict[str, Any]) -> None:
    now, actor = request_now(), _who()
    if now is None or actor is None or now.said & READING or "searched" in now.said:
        return
    # A form that came back with an error shows again what its page has shown.
    if not _looked(endpoint) and now.said:
        return
    noun, record_id = _record(endpoint, named)
    if endpoint in LISTS:
        if any(now.shown.values()):
            edge().perform(actor, lambda tx, at: log_shown(tx, actor, at, LISTED, noun))
        return

    def read(tx: Tx, at: datetime) -> None:
        subject = subject_of(tx, noun, record_id) if record_id else None
        # Which person it is stands in the random id alone: it can be cut loose.
        kept = None if noun == PERSON else record_id
        log(tx, actor, at, READ, noun, kept, subject=subject)

    edge().perform(actor, read)


def _attempted(endpoint: str, named: dict[str, Any]) -> None:
    """Somebody asked for what isn't there for them."""
    now, actor = request_now(), _who()
    if now is None or actor is None or now.said or endpoint in LISTS:
        return
    noun, record_id = _record(endpoint, named)
    kept = None if noun == PERSON else record_id

    def attempt(tx: Tx, at: datetime) -> None:
        log(
            tx,
            actor,
            at,
            "refused",
            noun,
            kept,
            {"codes": ["not_found"]},
            codes=["not_found"],
            state={"from": None, "to": None},
            subject=None,
            trigger=READ,
        )

    edge().perform(actor, attempt)
