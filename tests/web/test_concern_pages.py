"""Raising a safeguarding concern, its receipt, and looking after it."""

from __future__ import annotations

from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.web.client import Page, sign_in
from tests.web.pages import HOSTILE
from tests.winding import rows
from tests.world import World, build

SEEN = "A bruise on her arm"


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def raised(w: World, about: str, who: str = "priya", **said: Any) -> tuple[str, Page]:
    """A concern raised from a page; its id and the receipt."""
    page = sign_in(w, who).fill(f"{about}/concern", **{"seen": SEEN, "danger": "no", **said})
    assert page.status == 200
    return page.path.split("/")[-1], page


# -- raising ------------------------------------------------------------------------------------


def test_a_concern_is_one_activation_away_and_needs_two_answers(w: World) -> None:
    rid = w.sent()
    for who in ("priya", "sol", "tess", "grace", "gwen"):
        page = sign_in(w, who).get(f"/referrals/{rid}")
        assert f'href="/referrals/{rid}/concern"' in page.text
    _, page = raised(w, f"/referrals/{rid}", "sol")
    assert "Nobody has seen this yet." in page.words


def test_the_form_and_its_pages_say_whom_it_is_about_and_no_title_does(w: World) -> None:
    person = w.person(family_name="Okoro")
    referral = w.active(person)
    about_her = {
        ("priya", f"/referrals/{referral}"): "About: Margaret Okoro, SG-",
        ("priya", f"/people/{person}"): "About: Margaret Okoro, ",
        ("sol", f"/referrals/{referral}"): "About: Margaret Okoro, SG-",
    }
    for (who, path), words in about_her.items():
        page = sign_in(w, who).get(f"{path}/concern")
        assert words in page.words, (who, path)
        assert "Okoro" not in page.text.split("</title>")[0]
    concern, _page = raised(w, f"/referrals/{referral}", "sol")
    receipt = sign_in(w, "sol").get(f"/concerns/{concern}")
    assert "About: Margaret Okoro, SG-" in receipt.words
    concern, _page = raised(w, f"/referrals/{referral}")
    for path in ("", "/acknowledge", "/name-source", "/hand-over"):
        page = sign_in(w, "gwen").get(f"/concerns/{concern}{path}")
        assert "About: Margaret Okoro" in page.words, path
        assert "Okoro" not in page.text.split("</title>")[0]


def test_who_sees_less_of_the_person_is_told_no_more_by_the_form(w: World) -> None:
    referral = w.sent(w.person(family_name="Okoro"))
    page = sign_in(w, "sol").get(f"/referrals/{referral}/concern")
    assert "About: Margaret, SG-" in page.words
    assert "Okoro" not in page.text
    w.referral(referral, "decline", "sol", given={"reason": "full"})
    page = sign_in(w, "sol").get(f"/referrals/{referral}/concern")
    assert "About: SG-" in page.words
    assert "Margaret" not in page.text


def test_the_red_card_comes_before_everything_else(w: World) -> None:
    page = sign_in(w, "priya").get(f"/referrals/{w.sent()}/concern")
    assert page.words.index("Call 999 now.") < page.words.index("Is anyone in danger now?")


def test_what_is_missing_is_asked_for_and_what_was_written_stays(w: World) -> None:
    path = f"/referrals/{w.sent()}/concern"
    page = sign_in(w, "priya").fill(path, seen=SEEN, wishes="To be left alone")
    assert page.status == 422
    assert "Say whether anyone is in danger now." in page.words
    assert SEEN in page.text
    assert "To be left alone" in page.text


def test_the_receipt_gives_the_number_that_answers_at_this_hour(w: World) -> None:
    rid = w.sent()
    _, page = raised(w, f"/referrals/{rid}")
    assert "Ring 01632 960100" in page.words
    w.later(hours=12)
    night = sign_in(w, "priya").get(page.path)
    assert "Ring 01632 960199" in night.words


@pytest.mark.invariant("I57")
def test_the_notice_stands_on_every_page_until_a_person_has_read_it(w: World) -> None:
    rid = w.sent()
    concern, _ = raised(w, f"/referrals/{rid}")
    told = "Nobody has seen your concern"
    for path in ("/", "/people", f"/referrals/{rid}", "/help"):
        assert told in sign_in(w, "priya").get(path).words, path
        assert told not in sign_in(w, "sam").get(path).words, path
    sign_in(w, "gwen").get(f"/concerns/{concern}")
    assert told in sign_in(w, "priya").get("/").words
    sign_in(w, "gwen").fill(f"/concerns/{concern}/acknowledge")
    assert told not in sign_in(w, "priya").get("/").words
    assert "Seen by Gwen Safe" in sign_in(w, "priya").get(f"/concerns/{concern}").words


def test_not_sure_about_danger_counts_as_danger(w: World) -> None:
    concern, page = raised(w, f"/referrals/{w.sent()}", danger="not_sure")
    assert "Due today by 11am" in page.words
    assert "Due tomorrow" in raised(w, f"/referrals/{w.sent()}", danger="no")[1].words
    assert concern


def test_the_same_press_twice_is_one_concern(w: World) -> None:
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{w.sent()}/concern")
    first = priya.send(page, seen=SEEN, danger="no")
    assert priya.send(page, seen=SEEN, danger="no").path == first.path
    assert count(w, "concern") == 1


def test_an_ended_session_keeps_what_was_written(w: World) -> None:
    priya = sign_in(w, "priya")
    page = priya.get(f"/referrals/{w.sent()}/concern")
    w.later(hours=1)
    asked = priya.send(page, seen=SEEN, danger="yes")
    assert asked.status == 401
    assert "What you typed is kept" in asked.words
    assert SEEN not in asked.text


def test_a_concern_about_somebody_out_of_reach_cannot_be_raised(w: World) -> None:
    person = w.person()
    rid = w.sent(person)
    assert sign_in(w, "olu").get(f"/referrals/{rid}/concern").status == 404
    assert sign_in(w, "kit").get(f"/referrals/{rid}/concern").status == 404
    assert sign_in(w, "sol").get(f"/people/{person}/concern").status == 404


def test_only_who_could_be_chosen_can_be_named(w: World) -> None:
    rid = w.sent()
    outside = w.actor["kit"].user_id
    raised(w, f"/referrals/{rid}", source_users=[outside, w.actor["sol"].user_id])
    with w.store.read() as tx:
        rows = tx.rows(Sql("SELECT user_id FROM concern_source"))
    assert rows == [(w.actor["sol"].user_id,)]


def test_a_concern_about_a_provider_holds_everybody_there(w: World) -> None:
    rid = w.sent()
    raised(w, f"/providers/{w.provider['singers']}", "priya")
    assert "On hold." in sign_in(w, "priya").get(f"/referrals/{rid}").words


# -- who sees it --------------------------------------------------------------------------------


def test_nobody_but_raiser_holder_and_ladder_finds_it(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    for who in ("sam", "tess", "sol", "rae", "grace", "gail", "olu", "ada", "art", "cora", "kit"):
        visitor = sign_in(w, who)
        for path in ("", "/acknowledge", "/close", "/told-authority"):
            status = visitor.get(f"/concerns/{concern}{path}").status
            assert status == 404, f"{who} {path}"
        assert visitor.post(f"/concerns/{concern}/acknowledge").status == 404
        assert "SG-" not in visitor.get("/concerns").words.split("Safeguarding concerns")[-1]
    for who in ("priya", "gwen", "paul", "seth", "amara"):
        assert sign_in(w, who).get(f"/concerns/{concern}").status == 200, who


def test_whoever_is_named_never_finds_it_even_as_the_lead(w: World) -> None:
    rid = w.sent()
    concern, _ = raised(w, f"/referrals/{rid}", source_users=[w.actor["gwen"].user_id])
    gwen = sign_in(w, "gwen")
    assert gwen.get(f"/concerns/{concern}").status == 404
    assert "With you" not in gwen.get("/concerns").words
    assert sign_in(w, "paul").get(f"/concerns/{concern}").status == 200
    assert "With you" in sign_in(w, "paul").get("/concerns").words


def test_the_raiser_sees_their_own_words_and_not_what_others_found(w: World) -> None:
    concern, _ = raised(
        w, f"/referrals/{w.sent()}", wishes="Be safe", source_words="The man next door"
    )
    gwen = sign_in(w, "gwen")
    gwen.fill(f"/concerns/{concern}/acknowledge", note="Known to us before.")
    raiser = sign_in(w, "priya").get(f"/concerns/{concern}").words
    assert SEEN in raiser
    assert "Known to us before." not in raiser
    assert "The man next door" not in raiser
    holder = gwen.get(f"/concerns/{concern}").words
    assert "Known to us before." in holder
    assert "The man next door" in holder


def test_a_raiser_in_a_named_organisation_sees_their_words_and_the_feedback_only(
    w: World,
) -> None:
    rid = w.active()
    concern, page = raised(w, f"/referrals/{rid}", "rae", source_organisations=[w.org["singers"]])
    assert SEEN in page.words
    assert "Write down a call" not in page.words
    paul = sign_in(w, "paul")
    paul.fill(f"/concerns/{concern}/acknowledge")
    ending = {
        "wishes_met": "fully",
        "reason": "advice",
        "feedback": "Done.",
        "why_unreported": "The council knew already.",
    }
    paul.fill(f"/concerns/{concern}/close", **ending)
    page = sign_in(w, "rae").get(f"/concerns/{concern}")
    assert "Done." in page.words
    assert "Paul" not in page.words


def test_each_view_is_noted_and_the_page_says_so(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    before = reads(w, concern)
    page = sign_in(w, "gwen").get(f"/concerns/{concern}")
    assert "Each view of this page is noted in the log" in page.words
    assert reads(w, concern) == before + 1
    sign_in(w, "sam").get(f"/concerns/{concern}")
    assert reads(w, concern) == before + 1


def reads(w: World, concern: str) -> int:
    with w.store.read() as tx:
        row = tx.row(
            Sql("SELECT count(*) FROM audit WHERE action = 'read' AND record_id = :id"), id=concern
        )
    assert row
    return int(row[0])


def test_script_in_every_field_is_shown_as_text(w: World) -> None:
    said = {"seen": HOSTILE, "wishes": HOSTILE, "source_words": HOSTILE}
    concern, page = raised(w, f"/referrals/{w.sent()}", **said)
    assert "<script>alert" not in page.text
    gwen = sign_in(w, "gwen")
    gwen.fill(f"/concerns/{concern}/report-to-authority", reported_to=HOSTILE, note=HOSTILE)
    page = gwen.get(f"/concerns/{concern}")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


# -- looking after ------------------------------------------------------------------------------


def test_a_concern_is_read_reported_decided_and_closed_with_feedback(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    gwen = sign_in(w, "gwen")
    path = f"/concerns/{concern}"
    assert "Being decided" in gwen.fill(f"{path}/acknowledge", hold_stays="no").words
    gwen.fill(f"{path}/report-to-authority", reported_to="The council", authority_reference="A1")
    page = gwen.fill(f"{path}/authority-decides", authority_decision="none")
    assert "It makes no enquiry" in page.words
    assert gwen.fill(f"{path}/close", wishes_met="fully", reason="advice").status == 422
    page = gwen.fill(
        f"{path}/close", wishes_met="fully", reason="advice", feedback="She is safe now."
    )
    assert "Closed" in page.words
    assert "With you now" not in page.words
    assert "Nothing more is awaited" in page.words
    assert "She is safe now." in sign_in(w, "priya").get(path).words


def test_closing_says_first_that_staff_who_are_named_were_not_reported(w: World) -> None:
    rid = w.active()
    ending = {"wishes_met": "fully", "reason": "advice", "feedback": "Done."}
    warning = "Not reported yet: somebody on staff is named"
    plain, _ = raised(w, f"/referrals/{rid}")
    concern, _ = raised(w, f"/referrals/{rid}", source_users=[w.actor["sol"].user_id])
    gwen = sign_in(w, "gwen")
    for each in (plain, concern):
        gwen.fill(f"/concerns/{each}/acknowledge")
    assert warning not in gwen.get(f"/concerns/{plain}/close").words
    assert "Closed" in gwen.fill(f"/concerns/{plain}/close", **ending).words

    page = gwen.get(f"/concerns/{concern}/close")
    assert warning in page.words
    assert "people in positions of trust" in page.words
    assert "Sol" in page.words.split(warning)[1]
    for way in ("report-to-authority", "told-authority"):
        assert f'href="/concerns/{concern}/{way}"' in page.text
    page = gwen.fill(f"/concerns/{concern}/close", **ending, why_unreported=" ")
    assert page.status == 422
    assert "Report first what is said about staff, or write why" in page.words
    assert warning in page.words
    told = {"authority_route": "allegations_adults", "told_at": ""}
    gwen.fill(f"/concerns/{concern}/told-authority", **told)
    assert warning not in gwen.get(f"/concerns/{concern}/close").words
    gwen.fill(f"/concerns/{concern}/close", **ending)
    page = gwen.get(f"/concerns/{concern}")
    assert "Nothing more is awaited" in page.words
    assert "Not reported, though" not in page.words


def test_why_staff_were_not_reported_stands_in_the_history_and_its_raiser_reads_the_feedback_only(
    w: World,
) -> None:
    concern, _ = raised(w, f"/referrals/{w.active()}", source_users=[w.actor["sol"].user_id])
    gwen = sign_in(w, "gwen")
    gwen.fill(f"/concerns/{concern}/acknowledge")
    why = "The council's own officer raised it with us."
    ending = {"wishes_met": "fully", "reason": "advice", "feedback": "Sol is off the rota."}
    gwen.fill(f"/concerns/{concern}/close", **ending, why_unreported=why)
    page = gwen.get(f"/concerns/{concern}")
    assert f"Sol is off the rota. Not reported, though somebody on staff was named: {why}" in (
        page.words
    )
    assert page.words.count(why) == 1  # not in the row of the feedback
    told = sign_in(w, "priya").get(f"/concerns/{concern}").words
    assert "Sol is off the rota." in told
    assert why not in told


def test_the_closed_and_those_with_others_are_found_a_page_at_a_time(w: World) -> None:
    rid = w.sent()
    closed, _ = raised(w, f"/referrals/{rid}")
    gwen, paul = sign_in(w, "gwen"), sign_in(w, "paul")
    gwen.fill(f"/concerns/{closed}/acknowledge")
    ending = {"wishes_met": "fully", "reason": "advice", "feedback": "Done."}
    gwen.fill(f"/concerns/{closed}/close", **ending)
    line = f'href="/concerns/{closed}"'
    assert line not in gwen.get("/concerns").text
    assert line in gwen.get("/concerns?show=closed").text
    assert line not in gwen.get("/concerns?show=others").text
    assert line in paul.get("/concerns?show=closed").text  # the rung above
    assert line not in sign_in(w, "sol").get("/concerns?show=closed").text

    about = {"person_id": w.person(), "seen": SEEN, "danger": False}
    ids = [w.step(Noun.CONCERN, None, "raise", "priya", given=about).id for _ in range(27)]
    first = paul.get("/concerns?show=others").text
    older = paul.get(f"/concerns?show=others&after={sorted(ids)[2]}").text
    assert 'href="/concerns?show=others" aria-current="page">With others' in first
    assert "with Safeguarding lead, Ash Lane practice" in first
    assert "Due tomorrow" in first
    mine = sign_in(w, "priya").get("/concerns?show=others")
    assert "Due tomorrow" in mine.words
    assert "with Safeguarding lead" not in mine.words
    assert f"show=others&amp;after={sorted(ids)[2]}" in first
    assert [f'href="/concerns/{one}"' in first for one in sorted(ids)] == [False] * 2 + [True] * 25
    assert [f'href="/concerns/{one}"' in older for one in sorted(ids)] == [True] * 2 + [False] * 25
    assert all(f'href="/concerns/{one}"' not in gwen.get("/concerns?show=others").text
               for one in ids)  # fmt: skip
    assert paul.get("/concerns?show=others&after=x").status == 404


def test_a_concern_has_one_next_step_two_more_and_the_rest_as_links(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    text = sign_in(w, "gwen").get(f"/concerns/{concern}").text
    main, more = text.split("<details", 1)[0], text.split("More you can do", 1)[1]
    panel = main.split('class="app-next__actions"')[1]
    assert panel.count('class="nhsuk-button') == 3
    assert panel.count('class="nhsuk-button"') == 1
    assert "I have read this" in panel
    for path in ("told-authority", "hand-over", "climb"):
        assert f'href="/concerns/{concern}/{path}"' in text
    assert f'href="/concerns/{concern}/climb"' in more


@pytest.mark.invariant("I45")
def test_the_hold_of_an_unread_concern_cannot_be_lifted(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    gwen = sign_in(w, "gwen")
    page = gwen.get(f"/concerns/{concern}")
    assert f'href="/concerns/{concern}/release"' not in page.text
    assert "This cannot be done now" in gwen.get(f"/concerns/{concern}/release").words
    gwen.fill(f"/concerns/{concern}/acknowledge")
    held = gwen.get(f"/concerns/{concern}")
    assert f'href="/concerns/{concern}/release"' in held.text
    page = gwen.fill(f"/concerns/{concern}/release")
    assert "On hold No" in page.words
    assert f'href="/concerns/{concern}/release"' not in page.text  # there is nothing to lift
    assert 'href="/concerns"' in gwen.get("/").text  # from the menu


def test_the_hold_stays_unless_said_otherwise(w: World) -> None:
    for answer, held in (("", True), ("no", False)):
        rid = w.sent()
        concern, _ = raised(w, f"/referrals/{rid}")
        sign_in(w, "gwen").fill(f"/concerns/{concern}/acknowledge", hold_stays=answer)
        assert ("On hold." in sign_in(w, "priya").get(f"/referrals/{rid}").words) is held


def test_a_concern_is_handed_to_a_rung_that_is_not_named(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    gwen = sign_in(w, "gwen")
    wrong = gwen.fill(f"/concerns/{concern}/hand-over", holder=f"team_lead@{w.org['ash']}")
    assert wrong.status == 422
    page = gwen.fill(
        f"/concerns/{concern}/hand-over", holder=f"safeguarding_lead@{w.place['harbour']}"
    )
    assert "Handed over" in page.words
    assert "With you" in sign_in(w, "paul").get("/concerns").words


def test_somebody_is_named_later_and_taken_out_again(w: World) -> None:
    rid = w.active()
    concern, _ = raised(w, f"/referrals/{rid}", "sam")
    gwen, sol = sign_in(w, "gwen"), sign_in(w, "sol")
    gwen.fill(f"/concerns/{concern}/acknowledge", hold_stays="no")
    path = f"/concerns/{concern}/name-source"
    assert f'href="{path}"' in gwen.get(f"/concerns/{concern}").text
    nobody = gwen.fill(path, note="Heard it on the phone")
    assert nobody.status == 422
    assert "Choose who it is, or write it." in nobody.words
    assert "Heard it on the phone" in nobody.text
    assert "Margaret Okoro" in sol.get(f"/referrals/{rid}").words
    page = gwen.fill(path, source_users=[w.actor["sol"].user_id], note="She said so.")
    assert "Named as a source of harm Sol" in page.words
    assert "On hold Yes" in page.words
    assert "Margaret Okoro" not in sol.get(f"/referrals/{rid}").words
    struck = f"/concerns/{concern}/strike-source"
    source = rows(w.store, "SELECT id FROM concern_source")[0][0]
    page = gwen.fill(struck, source_id=source, note="Another Sol.")
    assert "Named by mistake Sol" in page.words
    assert "Margaret Okoro" in sol.get(f"/referrals/{rid}").words


def test_who_names_themselves_has_no_concern_to_go_back_to(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.active()}", "sam")
    gwen = sign_in(w, "gwen")
    gwen.fill(f"/concerns/{concern}/acknowledge")
    page = gwen.fill(
        f"/concerns/{concern}/name-source", source_organisations=[w.org["ash"]], note="All of us."
    )
    assert (page.status, page.path) == (200, "/concerns")
    assert gwen.get(f"/concerns/{concern}").status == 404
    assert "With you now" in sign_in(w, "paul").get(f"/concerns/{concern}").words


def test_whom_the_raiser_told_is_kept_and_leaves_it_unread(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    page = sign_in(w, "priya").fill(
        f"/concerns/{concern}/told-authority", reported_to="999 at 2.15pm"
    )
    assert "Nobody has seen this yet." in page.words
    assert "999 at 2.15pm" in sign_in(w, "gwen").get(f"/concerns/{concern}").words


def test_only_the_holder_has_the_holders_moves(w: World) -> None:
    concern, _ = raised(w, f"/referrals/{w.sent()}")
    page = sign_in(w, "priya").fill(f"/concerns/{concern}/told-authority", reported_to="999")
    assert "I have read this" not in page.words
    refused = sign_in(w, "priya").post(
        f"/concerns/{concern}/acknowledge", {"version": "2", "key": ""}
    )
    assert refused.status == 403
    assert count(w, "concern WHERE state = 'raised'") == 1


def count(w: World, what: str) -> int:
    with w.store.read() as tx:
        row = tx.row(Sql(f"SELECT count(*) FROM {what}"))
    assert row
    return int(row[0])
