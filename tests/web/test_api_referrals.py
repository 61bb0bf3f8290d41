"""Referrals at the API's door: begun, sent, accepted, read; and everything that must not be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.web.api import Said, program
from tests.world import OUTCOME, World, build
from web.edge import Edge
from web.tokens import revoke_token, token_hash
from workflows.engine import Refused, step


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[World]:
    """The world on one database, for what doesn't get as far as it."""
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def held(w: World, person: str, by: str = "priya", **more: Any) -> str:
    given = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": [], **more}
    return w.step(Noun.CONCERN, None, "raise", by, given=given).id


def begin(w: World, who: str = "priya") -> Said:
    person = w.person()
    return program(w, who).post(
        "/referrals", {"person_id": person, "group_id": w.group["choir"], "risks": "none"}
    )


# -- the whole way ------------------------------------------------------------------------------


def test_a_referral_goes_from_nothing_to_a_closed_loop_by_api_alone(w: World) -> None:
    priya, sol = program(w, "priya"), program(w, "sol")
    person = priya.post(
        "/people",
        {
            "given_name": "Margaret",
            "family_name": "Okoro",
            "birth_date": "1951-03-15",
            "no_nhs_number": "not_known",
            "practice": "Ash Lane practice",
        },
    )
    assert person.status == 201
    who = person.json["id"]
    plan = priya.post(f"/people/{who}/plans", {"what_matters": "Singing again"})
    begun = priya.post(
        "/referrals",
        {
            "person_id": who,
            "group_id": w.group["choir"],
            "risks": "none",
            "plan_id": plan.json["id"],
        },
    )
    assert (begun.status, begun.json["state"], begun.etag) == (201, "draft", '"1"')
    path = begun.headers["Location"]
    early = priya.move(path, "send")
    assert (early.status, early.json["code"]) == (409, "ground_to_share")
    assert early.json["remedy"].startswith("Ask the person")
    assert early.json["source"].startswith("common-law duty")
    agreed = priya.post(
        "/consents",
        {
            "person_id": who,
            "purpose": "share_with_provider",
            "recipient": w.provider["singers"],
            "agreed": "yes",
            "basis": "agreement",
            "how": "phone",
        },
    )
    assert (agreed.status, agreed.json["state"]) == (201, "given")
    sent = priya.move(path, "send", version='"1"')
    assert (sent.status, sent.json["state"], sent.etag) == (200, "sent", '"2"')
    assert sol.get(path).json["what_matters"] == "Singing again"
    for trigger, body, state in (
        ("accept", None, "accepted"),
        ("contact", None, "accepted"),
        ("start", None, "active"),
        ("complete", {**OUTCOME, "goals": ["yes", "partly"]}, "completed"),
    ):
        made = sol.move(path, trigger, body)
        assert (made.status, made.json["state"]) == (200, state)
    assert priya.get(path).json["outcome"]["goals"] == ["yes", "partly"]
    closed = priya.move(path, "confirm")
    assert (closed.status, closed.json["state"]) == (200, "closed")


def test_a_draft_is_changed_by_the_one_named_on_it_only(w: World) -> None:
    draft = w.draft()
    path = f"/referrals/{draft}"
    changed = program(w, "priya").patch(path, {"urgent": True, "safety_notes": "Asthma."})
    assert changed.status == 200
    seen = program(w, "priya").get(path).json
    assert (seen["urgent"], seen["safety_notes"]) == (True, "Asthma.")
    other = program(w, "sam").patch(path, {"urgent": False})
    assert (other.status, other.codes) == (409, ["not_your_record"])
    assert program(w, "sol").patch(path, {"urgent": False}).status == 403
    assert program(w, "priya").patch(path, {"urgent": False}, version='"7"').status == 412
    assert program(w, "priya").patch(path, {"state": "sent"}).codes == ["unknown_field"]


def test_a_plan_of_somebody_else_is_not_attached(w: World) -> None:
    priya = program(w, "priya")
    one, other = w.person(), w.person()
    theirs = priya.post(f"/people/{other}/plans", {"what_matters": "Private."}).json["id"]
    body = {"person_id": one, "group_id": w.group["choir"], "plan_id": theirs}
    refused = priya.post("/referrals", body)
    assert (refused.status, refused.fields) == (422, {"plan_id": "Choose a plan of this person."})
    mine = priya.post(f"/people/{one}/plans", {"what_matters": "Singing."}).json["id"]
    assert priya.post("/referrals", {**body, "plan_id": mine}).status == 201


def test_a_referral_is_sent_on_and_says_what_came_of_it(w: World) -> None:
    record = w.sent()
    program(w, "sol").move(f"/referrals/{record}", "decline", {"reason": "full"})
    priya = program(w, "priya")
    body = {"group_id": w.group["pottery"]}
    gone = priya.move(f"/referrals/{record}", "redirect", body, key="one")
    assert (gone.status, gone.json["state"]) == (200, "redirected")
    new = gone.json["new"]
    assert (new["state"], [r["code"] for r in new["refusals"]]) == ("draft", ["ground_to_share"])
    again = priya.move(f"/referrals/{record}", "redirect", body, key="one")
    assert again.json["replayed"] is True
    assert again.json["new"]["id"] == new["id"]
    with w.store.read() as tx:
        count = tx.row(Sql("SELECT count(*) FROM referral"))
    assert count == (2,)


def test_who_came_is_said_by_the_provider(w: World) -> None:
    record = w.active()
    said = program(w, "sol").post(
        f"/referrals/{record}/attendance", {"day": "2026-05-12", "came": "came"}
    )
    assert said.status == 200
    seen = program(w, "priya").get(f"/referrals/{record}").json
    assert seen["attendance"] == [{"day": "2026-05-12", "came": "came"}]
    refused = program(w, "priya").post(
        f"/referrals/{record}/attendance", {"day": "2026-05-12", "came": "came"}
    )
    assert refused.status == 403


def test_an_update_says_something_and_saying_who_came_is_enough(w: World) -> None:
    record = w.active()
    sol = program(w, "sol")
    for body in (None, {"note": "  "}):
        empty = sol.move(f"/referrals/{record}", "update", body)
        assert (empty.status, empty.fields) == (422, {"note": "Write how it is going."})
    assert sol.move(f"/referrals/{record}", "update", {"note": "She sings."}).status == 200
    with pytest.raises(Refused), w.store.begin() as tx:
        step(tx, Noun.REFERRAL, record, "update", w.actor["sol"], w.at)


# -- moves --------------------------------------------------------------------------------------


def test_the_moves_say_what_is_allowed_and_what_would_change_the_rest(w: World) -> None:
    draft = w.draft()
    said = program(w, "priya").get(f"/referrals/{draft}/moves")
    moves = {m["trigger"]: m for m in said.json["items"]}
    assert moves["discard"]["allowed"] is True
    send = moves["send"]
    assert (send["allowed"], [r["code"] for r in send["refusals"]]) == (
        False,
        ["ground_to_share"],
    )
    assert send["refusals"][0]["remedy"]
    withdraw = moves["withdraw"]
    assert [n["name"] for n in withdraw["needs"]] == ["reason"]
    assert "person_asked" in withdraw["needs"][0]["values"]
    theirs = program(w, "sam").get(f"/referrals/{draft}/moves")
    assert [m["trigger"] for m in theirs.json["items"] if m["allowed"]] == ["call"]
    assert program(w, "sol").get(f"/referrals/{draft}/moves").status == 404


def test_all_refusals_are_told_not_just_the_first(w: World) -> None:
    person = w.person(practice=None)
    draft = w.draft(person, risks=None)
    said = program(w, "priya").move(f"/referrals/{draft}", "send")
    assert said.status == 409
    assert said.codes == ["ground_to_share", "person_identified", "risks_stated"]
    assert said.json["code"] == "ground_to_share"
    assert said.json["title"] == "Conflict"
    assert said.json["status"] == 409


def test_what_a_move_needs_is_asked_for_by_field(w: World) -> None:
    record = w.sent()
    sol = program(w, "sol")
    missing = sol.move(f"/referrals/{record}", "decline")
    assert (missing.status, missing.fields) == (422, {"reason": "Choose a reason."})
    # Which reasons there are is the place's own: the move says so, once the body can be read.
    unlisted = sol.move(f"/referrals/{record}", "decline", {"reason": "rude"})
    assert (unlisted.status, unlisted.fields) == (422, {"reason": "Choose a reason."})
    wrong = sol.move(f"/referrals/{record}", "decline", {"reason": "Rude!", "colour": "blue"})
    assert (wrong.status, set(wrong.fields)) == (422, {"reason", "colour"})
    assert sol.move(f"/referrals/{record}", "decline", {"reason": "full"}).status == 200


def test_a_move_of_another_role_is_forbidden_and_of_another_state_refused(w: World) -> None:
    record = w.sent()
    never = program(w, "priya").move(f"/referrals/{record}", "accept")
    assert (never.status, never.codes) == (403, ["not_your_role"])
    not_now = program(w, "sol").move(f"/referrals/{record}", "start")
    assert (not_now.status, not_now.codes) == (409, ["no_such_move"])
    theirs = program(w, "sam").move(f"/referrals/{record}", "recall", {"reason": "other"})
    assert (theirs.status, theirs.codes) == (409, ["not_your_record"])
    system = program(w, "priya").move(f"/referrals/{record}", "lapse")
    assert system.status == 403


def test_a_held_referral_is_not_accepted_and_one_sentence_says_so(w: World) -> None:
    person = w.person()
    record = w.sent(person)
    held(w, person)
    said = program(w, "sol").move(f"/referrals/{record}", "accept")
    assert (said.status, said.codes) == (409, ["not_held"])
    assert "concern" not in said.json["detail"].lower()
    seen = program(w, "sol").get(f"/referrals/{record}").json
    assert seen["held"] == said.json["why"]


def test_a_referral_goes_only_to_a_link_worker_of_its_team(w: World) -> None:
    record = w.sent()
    tess = program(w, "tess")
    for other in ("olu", "sol", "tess"):
        body = {"link_worker_id": w.actor[other].membership_id}
        refused = tess.move(f"/referrals/{record}", "reassign", body)
        assert (refused.status, list(refused.fields)) == (422, ["link_worker_id"])
    made = tess.move(
        f"/referrals/{record}", "reassign", {"link_worker_id": w.actor["sam"].membership_id}
    )
    assert made.status == 200
    assert program(w, "sam").get(f"/referrals/{record}").json["link_worker"]["name"] == "Sam Okafor"


# -- a repeat and a late one --------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer_and_one_effect(w: World) -> None:
    record = w.sent()
    sol = program(w, "sol")
    first = sol.move(f"/referrals/{record}", "accept", key="7f3a")
    again = sol.move(f"/referrals/{record}", "accept", key='"7f3a"')
    assert (first.json["replayed"], again.json["replayed"]) == (False, True)
    assert {**first.json, "replayed": True} == again.json
    assert first.etag == again.etag
    without = sol.move(f"/referrals/{record}", "accept")
    assert without.status == 409


def test_the_same_key_for_something_else_is_refused(w: World) -> None:
    record = w.sent()
    sol = program(w, "sol")
    sol.move(f"/referrals/{record}", "accept", key="7f3a")
    other = sol.move(f"/referrals/{record}", "start", key="7f3a")
    assert (other.status, other.codes) == (422, ["idempotency_key_reused"])
    assert program(w, "rae").move(f"/referrals/{record}", "start", key="7f3a").status == 200


def test_a_referral_begun_twice_under_one_key_is_one(w: World) -> None:
    priya = program(w, "priya")
    body = {"person_id": w.person(), "group_id": w.group["choir"]}
    first, again = (priya.post("/referrals", body, key="k1") for _ in range(2))
    assert first.json["id"] == again.json["id"]
    assert priya.post("/referrals", body, key="k2").json["id"] != first.json["id"]


@pytest.mark.parametrize("key", ["", "x" * 201, "é"])
def test_a_key_that_is_no_key_is_told(here: World, key: str) -> None:
    record = here.sent()
    said = program(here, "sol").move(f"/referrals/{record}", "accept", key=key)
    assert (said.status, said.codes) == (400, ["idempotency_key"])


def test_who_is_late_learns_what_changed_and_nothing_is_written(w: World) -> None:
    record = w.sent()
    program(w, "sol").move(f"/referrals/{record}", "ask", {"note": "Stairs?"})
    late = program(w, "priya").move(
        f"/referrals/{record}", "recall", {"reason": "other"}, version='"2"'
    )
    assert (late.status, late.codes) == (412, ["stale"])
    assert late.etag == '"3"'
    assert [(c["trigger"], c["to"]) for c in late.json["changed"]] == [("ask", "queried")]
    now = program(w, "priya").move(
        f"/referrals/{record}", "recall", {"reason": "other"}, version='"3"'
    )
    assert now.status == 200


@pytest.mark.parametrize("tag", ["3", '"x"', 'W/"2"', '"1", "2"'])
def test_a_version_that_is_no_version_is_told(here: World, tag: str) -> None:
    record = here.sent()
    said = program(here, "sol").move(f"/referrals/{record}", "accept", version=tag)
    assert (said.status, said.codes) == (400, ["if_match"])


def test_any_version_will_do_where_the_sender_says_so(w: World) -> None:
    record = w.sent()
    assert program(w, "sol").move(f"/referrals/{record}", "accept", version="*").status == 200


# -- two people ---------------------------------------------------------------------------------


def test_what_takes_two_people_waits_for_the_second(w: World) -> None:
    record = w.sent()
    path = f"/referrals/{record}"
    said = program(w, "priya").move(path, "mark_in_error", {"reason": "wrong_person"}, key="two")
    assert (said.status, said.json["state"]) == (202, "sent")
    waiting = said.headers["Location"]
    again = program(w, "priya").move(path, "mark_in_error", {"reason": "wrong_person"}, key="two")
    assert again.json["confirmation"] == said.json["confirmation"]
    own = program(w, "priya").move(waiting, "confirm")
    assert (own.status, own.codes) == (409, ["second_person_same"])
    assert program(w, "olu").get(waiting).status == 404
    assert program(w, "olu").move(waiting, "confirm").status == 404
    provider = program(w, "sol").move(waiting, "confirm")
    assert provider.status == 404, "what a team proposes is not for the provider"
    assert program(w, "tess").get(waiting).json["trigger"] == "mark_in_error"
    done = program(w, "tess").move(waiting, "confirm")
    assert (done.status, done.json["state"]) == (200, "in_error")
    assert program(w, "tess").move(waiting, "confirm").status == 404


def test_the_second_person_may_refuse(w: World) -> None:
    record = w.sent()
    said = program(w, "priya").move(
        f"/referrals/{record}", "mark_in_error", {"reason": "wrong_person"}
    )
    no = program(w, "tess").move(said.headers["Location"], "refuse")
    assert (no.status, no.json["state"]) == (200, "sent")
    seen = program(w, "tess").get(said.headers["Location"]).json
    assert seen["answer"] == "refused"


# -- what is seen -------------------------------------------------------------------------------

PERSONAL = ("name", "phone", "nhs_number", "birth_date", "address", "emergency_contact")


def test_a_provider_learns_who_it_is_only_once_a_place_is_given(w: World) -> None:
    person = w.person(emergency_contact="Her sister", postcode="LS1 4AP")
    record = w.sent(person)
    path = f"/referrals/{record}"
    before = program(w, "sol").get(path).json
    assert before["first_name"] == "Margaret"
    assert (before["age_band"], before["area"]) == ("70_79", "LS1")
    assert not [name for name in PERSONAL if name in before]
    assert "person_id" not in before
    assert "safety_notes" not in before
    program(w, "sol").move(path, "accept")
    after = program(w, "sol").get(path).json
    assert after["name"].startswith("Margaret Okoro")
    assert (after["phone"], after["emergency_contact"]) == ("+447700900982", "Her sister")
    assert "nhs_number" not in after
    assert "birth_date" not in after
    own = program(w, "priya").get(path).json
    assert own["birth_date"] == "1951-03-15"
    assert own["person_id"] == person


def test_after_consent_is_taken_back_only_the_reference_is_left(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    given = program(w, "priya").get(f"/consents?person_id={person}").json["items"][0]
    program(w, "priya").move(f"/consents/{given['id']}", "withdraw", {"reason": "person_said_no"})
    seen = program(w, "sol").get(f"/referrals/{record}").json
    assert set(seen) == {"id", "version", "reference"}
    listed = program(w, "sol").get("/referrals").json["items"]
    assert [set(item) for item in listed] == [{"id", "version", "reference"}]


def test_a_full_hold_leaves_a_first_name_one_sentence_and_whom_to_call(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    held(w, person, sources=[{"organisation_id": w.org["singers"]}])
    whom = ("team", "team_phone")
    for said in (
        program(w, "sol").get(f"/referrals/{record}").json,
        program(w, "sol").get("/referrals").json["items"][0],
    ):
        assert set(said) == {"id", "version", "reference", "first_name", "held", *whom}
    late = program(w, "sol").move(f"/referrals/{record}", "start", version='"1"')
    assert (late.status, late.codes) == (409, ["not_held"])
    assert "changed" not in late.json


def test_another_organisations_referral_is_not_there(w: World) -> None:
    record = w.sent()
    for who in ("olu", "tom", "kit", "fred"):
        other = program(w, who)
        assert other.get(f"/referrals/{record}").status == 404
        assert other.get(f"/referrals/{record}/moves").status == 404
        assert other.move(f"/referrals/{record}", "withdraw", {"reason": "other"}).status == 404
        assert other.get("/referrals").json == {"items": [], "next": None}
    assert program(w, "grace").get(f"/referrals/{record}").status == 200


@pytest.mark.parametrize("who", ["ada", "art", "cora", "ingrid"])
def test_referrals_are_not_for_every_role(here: World, who: str) -> None:
    said = program(here, who).get("/referrals")
    assert (said.status, said.codes) == (403, ["not_your_role"])


def test_what_is_not_there_answers_like_what_is_not_yours(w: World) -> None:
    record = w.sent()
    other = program(w, "olu")
    theirs = other.get(f"/referrals/{record}")
    nothing = other.get("/referrals/01890000-0000-7000-8000-000000000001")
    assert theirs.json == nothing.json
    assert other.get("/referrals/SG-7K4Q-2M").status == 404


def test_each_reading_and_each_refusal_is_in_the_audit_log(w: World) -> None:
    record = w.sent()
    program(w, "sol").get(f"/referrals/{record}")
    program(w, "olu").get(f"/referrals/{record}")
    with w.store.read() as tx:
        rows = tx.rows(
            Sql("SELECT action, membership_id FROM audit WHERE record_id = :id ORDER BY seq"),
            id=record,
        )
    assert rows[-2:] == [
        ("read", w.actor["sol"].membership_id),
        ("refused", w.actor["olu"].membership_id),
    ]


# -- lists --------------------------------------------------------------------------------------


def test_a_list_goes_on_by_its_cursor_and_ends(w: World) -> None:
    made = [w.draft() for _ in range(5)]
    priya = program(w, "priya")
    seen: list[str] = []
    path: str | None = "/referrals?limit=2"
    pages = 0
    while path is not None:
        page = priya.get(path).json
        seen += [item["id"] for item in page["items"]]
        pages += 1
        path = f"/referrals?limit=2&cursor={page['next']}" if page["next"] else None
    assert (pages, seen) == (3, sorted(made, reverse=True))


def test_a_list_is_narrowed_by_what_it_is_asked(w: World) -> None:
    draft, sent = w.draft(), w.sent()
    priya = program(w, "priya")
    assert [i["id"] for i in priya.get("/referrals?state=draft").json["items"]] == [draft]
    both = priya.get("/referrals?state=draft&state=sent").json["items"]
    assert {i["id"] for i in both} == {draft, sent}
    provider = priya.get(f"/referrals?provider_id={w.provider['clay']}").json["items"]
    assert provider == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("cursor=abc", "cursor"),
        ("state=asleep", "state.0"),
        ("person_id=7", "person_id"),
        ("name=Margaret", "name"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_list_refuses_what_it_does_not_know(here: World, query: str, field: str) -> None:
    said = program(here, "priya").get(f"/referrals?{query}")
    assert (said.status, list(said.fields)) == (422, [field])


def test_a_cursor_is_of_no_use_to_anybody_else(w: World) -> None:
    for _ in range(2):
        w.draft()
    cursor = program(w, "priya").get("/referrals?limit=1").json["next"]
    assert program(w, "sam").get(f"/referrals?cursor={cursor}").status == 422
    assert program(w, "priya").get(f"/people?cursor={cursor}").status == 422
    assert program(w, "priya").get(f"/referrals?cursor={cursor}").status == 200


# -- tokens -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic cHJpeWE6eA==", "nonsense"]
)
def test_nobody_gets_in_without_a_token_that_works(here: World, said: str | None) -> None:
    nobody = program(here, None)
    headers = {} if said is None else {"Authorization": said}
    answer = nobody.get("/referrals", **headers)
    assert (answer.status, answer.codes) == (401, ["no_token"])
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_token_ends_on_its_day(w: World) -> None:
    priya = program(w, "priya")
    w.later(days=29)
    assert priya.get("/referrals").status == 200
    w.later(days=1)
    assert priya.get("/referrals").status == 401


def test_a_token_is_dead_on_the_request_after_it_is_taken_away(w: World) -> None:
    priya, other = program(w, "priya"), program(w, "priya")
    with w.store.read() as tx:
        found = tx.rows(
            Sql("SELECT id FROM api_token WHERE token_hash = :hash"),
            hash=token_hash(priya.token or ""),
        )
    with w.store.begin(w.actor["ada"]) as tx:
        revoke_token(tx, w.actor["ada"], w.at, found[0][0])
    assert priya.get("/referrals").status == 401
    assert other.get("/referrals").status == 200


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE app_user SET active = :no WHERE id = :user",
        "UPDATE membership SET ended_at = :at WHERE user_id = :user",
    ],
)
def test_a_token_is_dead_when_its_member_is(w: World, ended: str) -> None:
    priya = program(w, "priya")
    with w.store.begin() as tx:
        tx.run(Sql(ended), no=False, at=w.at, user=w.actor["priya"].user_id)
    assert priya.get("/referrals").status == 401


def test_the_secret_of_a_token_is_kept_nowhere(w: World) -> None:
    priya = program(w, "priya")
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT name, token_hash FROM api_token"))
    assert priya.token is not None
    assert all(priya.token not in f"{row}" for row in rows)
    assert len(rows[0][1]) == 64


# -- what can't be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff\xfe",
        b'{"reason": "full", "reason": "other"}',
        b'{"reason": NaN}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_is_told(here: World, raw: bytes) -> None:
    record = here.sent()
    said = program(here, "sol").move(f"/referrals/{record}", "decline", raw=raw)
    assert (said.status, said.codes) == (400, ["bad_json"])


@pytest.mark.parametrize("raw", [b"[]", b"7", b'"full"', b"null"])
def test_a_body_that_is_no_object_is_told(here: World, raw: bytes) -> None:
    record = here.sent()
    said = program(here, "sol").move(f"/referrals/{record}", "decline", raw=raw)
    assert (said.status, said.json["why"]) == (422, "Give the fields by their names.")


def test_a_body_of_another_kind_is_told(here: World) -> None:
    record = here.sent()
    said = program(here, "sol").move(
        f"/referrals/{record}",
        "decline",
        raw=b"reason=full",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert (said.status, said.codes) == (415, ["not_json"])


def test_a_text_of_100_000_characters_is_refused_with_a_plain_sentence(w: World) -> None:
    record = w.sent()
    said = program(w, "sol").move(f"/referrals/{record}", "ask", {"note": "x" * 100_000})
    assert (said.status, said.fields) == (
        422,
        {"note": "Shorten this to 4,000 characters or fewer. Nothing has been lost."},
    )
    assert (
        program(w, "sol").move(f"/referrals/{record}", "ask", {"note": "x" * 4_000}).status == 200
    )


def test_a_body_past_all_measure_is_refused(here: World) -> None:
    record = here.sent()
    said = program(here, "sol").move(f"/referrals/{record}", "ask", {"note": "x" * 1_100_000})
    assert (said.status, said.codes) == (413, ["too_large"])


def test_a_method_that_is_not_there_names_those_that_are(here: World) -> None:
    said = program(here, "priya").send("DELETE", "/referrals")
    assert said.status == 405
    assert {"GET", "POST"} <= set(said.headers["Allow"].split(", "))


def test_a_fault_of_ours_tells_a_reference_and_nothing_else(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("Margaret Okoro")

    priya = program(here, "priya")
    monkeypatch.setattr(Edge, "perform", broken)
    said = priya.get("/referrals")
    assert (said.status, said.codes) == (500, ["broken"])
    assert said.json["reference"]
    assert "Margaret" not in str(said.json)


# -- what was done and written ------------------------------------------------------------------


def test_a_question_and_its_answer_are_read_by_both_sides(w: World) -> None:
    record = w.sent()
    path = f"/referrals/{record}"
    program(w, "sol").move(path, "ask", {"note": "Can she climb stairs?"})
    program(w, "priya").move(path, "answer", {"note": "Yes, slowly."})
    for who in ("priya", "sol"):
        steps = program(w, who).get(f"{path}/steps?after=2").json["items"]
        assert [(s["trigger"], s["note"]) for s in steps] == [
            ("answer", "Yes, slowly."),
            ("ask", "Can she climb stairs?"),
        ]
    assert program(w, "olu").get(f"{path}/steps").status == 404
    first = program(w, "priya").get(f"{path}/steps").json["items"][-1]
    assert (first["trigger"], first["to_state"]) == ("create", "draft")
    theirs = program(w, "sol").get(f"{path}/steps").json["items"]
    assert [s["trigger"] for s in theirs] == ["answer", "ask", "send"]


def test_what_is_written_for_the_team_stays_with_the_team(w: World) -> None:
    record = w.sent()
    path = f"/referrals/{record}"
    body = {"link_worker_id": w.actor["sam"].membership_id, "note": "Priya is on leave."}
    program(w, "tess").move(path, "reassign", body)
    ours = program(w, "sam").get(f"{path}/steps").json["items"][0]
    theirs = program(w, "sol").get(f"{path}/steps").json["items"][0]
    assert (ours["note"], theirs["note"]) == ("Priya is on leave.", None)


def test_nothing_was_done_for_who_may_not_know(w: World) -> None:
    person = w.person()
    record = w.accepted(person)
    held(w, person, sources=[{"organisation_id": w.org["singers"]}])
    assert program(w, "sol").get(f"/referrals/{record}/steps").json == {"items": []}
