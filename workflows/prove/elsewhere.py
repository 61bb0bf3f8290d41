"""The numbered promises that are not about which moves there are, and where each is shown.

A race, a crash, a letter or a tree of hashes is nothing a walk over states can see. Each of these
names living tests; a test of the house sees that they live. What is promised on paper and not
built yet is said to be so."""

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "I14": (
        "tests/referral/test_verify.py::test_a_store_nobody_touched_is_whole",
        "tests/races/test_everybody_at_once.py::test_nothing_is_torn_lost_or_made_twice",
    ),
    "I15": (
        "tests/referral/test_verify.py::test_the_lived_in_world_has_every_move_of_every_table",
        "tests/referral/test_verify.py::test_what_the_sweep_does_leaves_the_store_whole",
    ),
    "I16": (
        "tests/workflows/test_engine.py::test_a_key_used_again_gets_the_same_answer_and_no_other_effect",
        "tests/races/test_same_key.py::test_accepting",
    ),
    "I17": (
        "tests/workflows/test_engine.py::test_a_key_whose_attempt_was_refused_is_not_used_up",
        "tests/web/test_worker_kill.py::test_a_killed_worker_loses_no_miss_and_the_other_doubles_none",
    ),
    "I18": (
        "tests/web/test_worker_kill.py::test_two_workers_at_once_double_nothing_when_one_is_killed",
        "tests/workflows/test_post.py::test_a_letter_two_workers_claimed_is_handed_over_by_the_last",
    ),
    "I19": (
        "tests/workflows/test_post.py::test_nothing_new_is_announced_once_the_agreement_to_share_has_run_out",
        "tests/workflows/test_post.py::test_what_a_provider_was_to_hear_is_not_said_once_the_person_is_taken_back",
    ),
    "I22": (
        "tests/grid/test_tables.py::test_each_cell_of_the_table_is_what_the_grid_says",
        "tests/grid/test_cells.py",
    ),
    "I26": ("tests/referral/test_verify.py::test_a_move_the_kept_text_does_not_have_is_found",),
    "I31": ("tests/referral/test_verify.py::test_erased_details_need_an_entry_that_names_them",),
    "I32": (
        "tests/referral/test_verify.py::test_the_rules_of_a_past_day_can_be_read",
        "tests/referral/test_verify.py::test_a_table_of_moves_is_read_back_from_its_text",
    ),
    # Shown by a walk, and where the database or a race matters, by these too.
    "I02": (
        "tests/races/test_one_place_one_winner.py::test_of_sixteen_who_accept_one_referral_one_wins",
    ),
    "I03": (
        "tests/races/test_provider_no_longer_right.py::test_nobody_is_accepted_after_a_suspension",
    ),
    "I06": (
        "tests/races/test_no_longer_allowed.py::test_consent_taken_back_never_leaves_anyone_with_a_provider",
    ),
    "I11": ("tests/workflows/test_every_clock.py::test_each_mark_does_what_its_row_says",),
    "I13": (
        "tests/web/test_worker.py::test_clocks_of_machines_that_differ_lose_nothing_and_double_nothing",
    ),
    "I25": (
        "tests/races/test_one_place_one_winner.py::test_of_twelve_who_accept_into_two_places_two_win",
    ),
    "I44": (
        "tests/workflows/test_sweep.py::test_a_held_clock_stands_still_and_goes_on_with_what_was_left",
    ),
}

NOT_BUILT: dict[str, str] = {
    "I27": "the log's entries get their index by the signed tree, which is not built yet",
    "I28": "there are no signed checkpoints yet",
    "I29": "two records of one person can't be merged yet",
    "I30": "there is no break-glass yet",
    "I55": "there is no FHIR door yet",
}
