"""The numbered promises that are not about which moves there are, and where each is shown.

A race, a crash, a letter or a tree of hashes is nothing that a walk over states can see. Each of
these names living tests, and a test of the house sees that they live. What is promised on paper
and not built yet is said to be so."""

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "I14": ("tests/races/test_everybody_at_once.py::test_nothing_is_torn_lost_or_made_twice",),
    "I15": ("tests/referral/test_verify.py::test_a_store_nobody_touched_is_whole",),
    "I16": (
        "tests/workflows/test_engine.py"
        "::test_a_key_used_again_gets_the_same_answer_and_no_other_effect",
    ),
    "I17": (
        "tests/web/test_edge.py"
        "::test_a_commit_whose_answer_is_lost_is_said_to_be_unknown_and_the_key_tells",
    ),
    "I18": (
        "tests/web/test_worker_kill.py"
        "::test_a_killed_worker_loses_no_miss_and_the_other_doubles_none",
    ),
    "I19": (
        "tests/workflows/test_post.py"
        "::test_nothing_new_is_announced_once_the_agreement_to_share_has_run_out",
    ),
    "I22": ("tests/grid/test_cells.py::test_every_cell_answers_as_the_grid_kept_by_hand",),
    "I26": ("tests/referral/test_verify.py::test_a_move_the_kept_text_does_not_have_is_found",),
    "I27": (
        "tests/referral/test_skew.py::test_clocks_that_are_apart_are_told_and_reorder_nothing",
    ),
    "I28": (
        "tests/referral/test_sequencer.py::test_an_inconsistent_head_is_refused",
        "tests/web/test_witness.py::test_a_log_that_was_rolled_back_is_found_every_time",
    ),
    "I29": (
        "tests/workflows/test_what_life_brings.py"
        "::test_a_sent_referral_goes_to_nobody_but_the_record_that_stands_for_its_own",
    ),
    "I31": ("tests/referral/test_verify.py::test_erased_details_need_an_entry_that_names_them",),
    "I32": (
        "tests/migrations/test_old_histories.py"
        "::test_an_older_history_replays_whole_under_this_version",
    ),
    "I57": (
        "tests/web/test_concern_pages.py"
        "::test_the_notice_stands_on_every_page_until_a_person_has_read_it",
    ),
}

# Promised on paper and not built yet, each with its reason. Nothing is, at the moment.
NOT_BUILT: dict[str, str] = {}
