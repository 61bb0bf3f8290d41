"""Traps other systems fell into: for each, the tests that would fail if we did too.

The systems are named where what they did is public. A trap whose test is gone fails here; what has
none yet says why."""

from __future__ import annotations

import pytest

from tests.living import living

A, G, R, W, X = "tests/races/", "tests/grid/", "tests/referral/", "tests/workflows/", "tests/web/"
TRAPS: dict[str, tuple[str, ...]] = {
    "the right to share without consent is checked in the browser only (Primero)": (
        W + "test_overrides.py::test_each_thing_that_is_missing_refuses_the_proposal",
        W + "test_overrides.py::test_nobody_approves_without_the_right",
    ),
    "consent is checked on every save, so that nothing can be ended without it (Primero)": (
        W + "test_traps.py::test_no_way_out_asks_for_papers",
        W + "test_traps.py::test_protecting_asks_for_nothing_at_all",
        G + "test_reading.py::test_those_taking_part_go_on_without_papers",
    ),
    "any state can follow any other, for anybody with access (DfE Connect, findhelp)": (
        G + "test_cells.py::test_every_cell_answers_as_the_grid_kept_by_hand",
        G + "test_tables.py::test_each_cell_of_the_table_is_what_the_grid_says",
    ),
    "the log is written later by a job, and lost or edited unseen (Primero)": (
        X + "test_edge.py::test_what_is_logged_without_a_step_is_undone_with_its_command",
        R + "test_verify.py::test_every_row_removed_is_found",
        A + "test_everybody_at_once.py::test_nothing_is_torn_lost_or_made_twice",
    ),
    "reading is logged in a few places, or never (Mavis, BSS)": (
        X + "test_people_pages.py::test_reading_a_person_is_noted_in_the_log",
        X + "test_api_concerns.py::test_each_reading_of_a_concern_is_audited",
        X + "test_api_referrals.py::test_each_reading_and_each_refusal_is_in_the_audit_log",
    ),
    "whoever can write the log can make its sums again": (
        R + "test_verify.py::test_a_leaf_rewritten_with_its_hash_is_found",
        R + "test_verify.py::test_a_step_and_its_entry_changed_together_are_found_by_the_record",
    ),
    "the newest rows of the log are cut off, and nobody has a copy": (
        X + "test_audit_cli.py::test_only_a_head_kept_outside_shows_that_the_end_was_cut_off",
        X + "test_witness.py::test_a_log_that_was_rolled_back_is_found_every_time",
    ),
    "a proof in a form of one's own lets a lying server fool its client (immudb)": (
        R + "test_merkle.py::test_a_history_that_was_changed_has_no_proof",
        R + "test_merkle_by_another.py::test_every_inclusion_proof_is_accepted",
        R + "test_merkle_by_another.py::test_they_and_we_refuse_what_is_broken",
    ),
    "a node of the tree is passed off as an entry (second preimage)": (
        R + "test_merkle.py::test_a_node_passed_off_as_a_leaf_fools_a_tree_without_prefixes",
        R + "test_merkle.py::test_a_node_passed_off_as_a_leaf_does_not_fool_ours",
    ),
    "two requests at once roll a witness back (C2SP tlog-witness)": (
        A + "test_witness.py::test_one_wins_and_the_newest_head_is_the_one_that_was_signed",
        A + "test_witness.py::test_the_race_is_one_that_can_be_lost",
    ),
    "a withdrawal reaches too far (Mavis)": (
        W + "test_follows.py::test_a_withdrawal_stops_what_relies_on_it_and_nothing_else",
        W + "test_follows.py::test_a_withdrawal_leaves_what_is_not_with_a_provider",
    ),
    "what a job did at night looks like a person (Mavis)": (
        W + "test_traps.py::test_what_a_clock_did_is_not_taken_for_a_person",
    ),
    "no answer counts as a no, and the person is lost (Joy, referralsystem.app)": (
        W + "test_sweep.py::test_silence_of_the_provider_reminds_both_then_gives_the_person_back",
        G + "test_reading.py::test_no_clock_moves_a_referral_to_an_end",
    ),
    "consent that runs out locks both sides out (referralsystem.app)": (
        W + "test_follows.py::test_running_out_takes_nobody_out_and_lets_nobody_in",
        W + "test_disclosure.py::test_paper_leaves_those_taking_part_their_care_card_and_no_more",
    ),
    "after a no the provider loses sight of the request and its reason (DfE Connect)": (
        W + "test_disclosure.py::test_what_left_the_provider_is_a_reference_and_dates",
        W + "test_traps.py::test_every_reason_survives_what_comes_after_it",
    ),
    "alarms go on about what is closed (CareTogether)": (
        G + "test_reading.py::test_an_end_has_neither_owner_nor_clock",
        W + "test_sweep.py::test_an_alarm_is_overtaken_when_the_late_move_is_made",
    ),
    "something is closed while parts of it are open (CareTogether)": (
        W + "test_outlasts.py::test_nothing_is_closed_while_a_concern_holds",
        G + "test_reading.py::test_an_escalation_closes_only_settled_or_overtaken",
    ),
    "a reason belongs to the newest state alone (e-RS)": (
        W + "test_traps.py::test_every_reason_survives_what_comes_after_it",
        R + "test_kept.py::test_rows_are_never_edited",
    ),
    "an answer to what may be done is kept and goes stale (e-RS)": (
        X + "test_security.py::test_every_answer_carries_the_headers",
        X + "test_referral_pages.py::test_a_stale_page_says_what_changed_and_keeps_what_was_typed",
    ),
    "one person is counted twice (Joy)": (
        X + "test_wizard.py::test_a_person_who_is_here_already_is_not_added_twice",
        X + "test_api_people.py::test_a_person_is_found_before_they_are_added_twice",
    ),
    "safeguarding can be switched off (Social Rx)": (
        W + "test_traps.py::test_no_place_can_switch_safeguarding_off",
        G + "test_reading.py"
        "::test_raising_a_concern_is_never_refused_to_staff_and_told_authority_neither",
    ),
    "two lists of the same states disagree (referralsystem.app, Gravity)": (
        "tests/house/test_states_page.py::test_the_page_is_what_the_tables_say",
        X + "test_labels.py::test_every_state_has_a_tag_and_every_tag_a_state",
    ),
    "work for people has no day it is due (Spiff-Arena)": (
        G + "test_tables.py::test_every_open_state_has_an_owner_and_a_clock_and_ends_have_neither",
    ),
    "a setting is shown before it does anything (Charitylog)": (
        W + "test_policy.py::test_a_new_clock_goes_by_the_rule_and_a_running_one_keeps_its_own",
        W + "test_policy.py::test_a_place_s_own_reasons_are_asked_for_and_taken",
        W + "test_policy.py::test_a_ceiling_holds_for_what_is_raised_after_it",
        W + "test_keeping.py::test_nothing_is_on_the_list_before_its_time",
        W + "test_keeping.py::test_nothing_goes_by_a_clock_alone",
    ),
    "emergency access lasts a flat three hours, and nobody looks at it (DHIS2)": (
        W + "test_emergencies.py"
        "::test_a_record_is_open_for_its_time_and_closed_in_the_next_request_after_it",
        W + "test_emergencies.py::test_a_place_sets_the_minutes_and_who_is_told",
        W + "test_emergencies.py::test_what_was_opened_is_reviewed_by_somebody_else_or_climbs",
    ),
    "nobody decided whether the log or the work wins when the log fails (hmis)": (
        W + "test_traps.py::test_where_the_log_fails_nothing_is_done_and_nothing_is_said",
        X + "test_edge.py::test_a_refusal_that_can_not_be_noted_is_busy",
    ),
    "why something was closed is lost when the store is rewritten (CareTogether)": (
        "tests/migrations/test_old_histories.py"
        "::test_an_older_history_replays_whole_under_this_version",
    ),
}
WITHOUT: dict[str, str] = {}


@pytest.mark.parametrize("trap", TRAPS)
def test_something_would_fail_if_we_fell_into_it(trap: str) -> None:
    assert TRAPS[trap]
    assert [test for test in TRAPS[trap] if test not in living()] == []


def test_what_has_no_test_says_why() -> None:
    assert not set(WITHOUT) & set(TRAPS)
    assert all(WITHOUT.values())
