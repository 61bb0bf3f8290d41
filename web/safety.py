"""The hazard log: what could harm somebody, why, what stands against it, and the tests that show
that it does. Printed as docs/safety/hazards.md and by `segue safety trace`.

How severe and how likely a hazard is, and whether what is left of it can be accepted, is for a
clinical safety officer to say, who is a clinician. Nothing here says it for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Control(NamedTuple):
    """What stands against a hazard. `kind`: design, test, training or business (the four kinds of
    DCB0129); those of training and business are the deployer's, and only named here."""

    kind: str
    says: str


class Hazard(NamedTuple):
    """One hazard. `tests` are the ids of tests that fail when its controls do."""

    id: str
    name: str
    causes: str
    effect: str
    controls: tuple[Control, ...]
    tests: tuple[str, ...]
    left: str = ""


def _design(says: str) -> Control:
    return Control("design", says)


def _business(says: str) -> Control:
    return Control("business", says)


def _training(says: str) -> Control:
    return Control("training", says)


HAZARDS: tuple[Hazard, ...] = (
    Hazard(
        "H01",
        "A referral is lost",
        "A crash between two steps, a job that was dropped, a record closed by the wrong person.",
        "Nobody contacts the person, who waits for help that doesn't come.",
        (
            _design("State, step, audit entry, clocks and letters are written in one transaction."),
            _design("Every open state has an owner and a clock; silence gives the person back."),
            _design("A stalled sweep shows on the health page."),
        ),
        (
            "tests/grid/test_tables.py::test_every_open_state_has_an_owner_and_a_clock_and_ends_have_neither",
            "tests/races/test_everybody_at_once.py::test_nothing_is_torn_lost_or_made_twice",
            "tests/workflows/test_sweep.py::test_silence_of_the_provider_reminds_both_then_gives_the_person_back",
            "tests/web/test_worker_kill.py::test_a_killed_worker_loses_no_miss_and_the_other_doubles_none",
        ),
    ),
    Hazard(
        "H02",
        "The wrong person",
        "A mistyped NHS number, one person recorded twice, two windows mixed up.",
        "Details go to a provider about somebody else; the one in need is not referred.",
        (
            _design("The check digit of the NHS number; the same number or name is asked about."),
            _design("A page carries the version it showed: a stale one changes nothing."),
            _design("Person, provider and activity of a referral never change once it is sent."),
            _design("Two records become one only when a human confirms each referral."),
            _training("Two identifiers are read back before a referral is sent."),
        ),
        (
            "tests/referral/test_people_checks.py::test_the_last_digit_has_to_be_the_one_the_others_give",
            "tests/web/test_wizard.py::test_a_person_who_is_here_already_is_not_added_twice",
            "tests/referral/test_kept.py::test_a_referral_that_was_sent_keeps_its_ids",
            "tests/web/test_referral_pages.py::test_a_stale_page_says_what_changed_and_keeps_what_was_typed",
            "tests/workflows/test_what_life_brings.py::test_two_records_become_one_with_everything_and_each_referral_confirmed",
        ),
    ),
    Hazard(
        "H03",
        "Details are disclosed without consent",
        "Something kept too long, another way out, a letter queued before a withdrawal.",
        "Somebody who must not know learns of the person; trust is lost, or harm done.",
        (
            _design("One list of fields for each role and stage; a new field is seen by nobody."),
            _design("A ground is asked for at the moment of sending, accepting and starting."),
            _design("A letter is checked again when it goes out, and holds no personal detail."),
        ),
        (
            "tests/workflows/test_disclosure.py::test_a_field_nobody_listed_is_seen_by_nobody",
            "tests/workflows/test_disclosure.py::test_after_a_no_there_is_only_the_reference",
            "tests/workflows/test_post.py::test_a_person_who_takes_consent_back_is_not_announced_to_the_provider",
            "tests/races/test_no_longer_allowed.py::test_consent_taken_back_never_leaves_anyone_with_a_provider",
            "tests/web/test_post_out.py::test_what_may_not_be_said_any_more_does_not_leave",
            "tests/web/test_links.py::test_a_link_shows_the_least_whatever_stage_it_has_reached",
        ),
        "Row-level security in the database itself is not there yet.",
    ),
    Hazard(
        "H04",
        "A safeguarding concern is not seen",
        "It goes to somebody who is away, is lost in a list, or the message bounces.",
        "Abuse or neglect goes on.",
        (
            _design("A concern has a holder and a clock, by the hour when there is danger."),
            _design("Unread, it climbs by itself; at the top the health page names it."),
            _design("The raiser's page stays red, with whom to ring, until a human has read it."),
            _business("Each place keeps a rota, and a number that answers outside hours."),
        ),
        (
            "tests/workflows/test_sweep.py::test_danger_climbs_by_the_hour_at_night_and_at_the_weekend",
            "tests/workflows/test_sweep.py::test_at_the_top_the_clock_of_a_concern_starts_again_and_health_names_it",
            "tests/web/test_concern_pages.py::test_the_notice_stands_on_every_page_until_a_person_has_read_it",
            "tests/referral/test_health.py::test_a_place_without_somebody_to_ring_fails",
            "tests/workflows/test_rotas.py::test_an_office_that_is_closed_is_never_said_to_answer",
            "tests/web/test_post_out.py::test_a_concern_that_can_not_be_sent_is_soon_an_errand_to_ring_and_is_tried_on",
        ),
    ),
    Hazard(
        "H05",
        "What safety needs is withheld for lack of consent",
        "A guard that is too strict; staff who think consent always comes first.",
        "Those who could protect the person don't know.",
        (
            _design("Raising a concern and telling the authority are refused to nobody on staff."),
            _design("Missing consent never blocks an end, giving back, or a concern."),
            _design("Sharing without consent: a lawful ground, two people, days, a review."),
            _training("When to share without consent, and on what ground."),
        ),
        (
            "tests/grid/test_reading.py::test_raising_a_concern_is_never_refused_to_staff_and_told_authority_neither",
            "tests/grid/test_reading.py::test_those_taking_part_go_on_without_papers",
            "tests/workflows/test_overrides.py::test_nothing_is_shared_until_a_second_person_approves",
            "tests/workflows/test_overrides.py::test_a_second_person_has_an_hour_in_danger_and_a_working_day_otherwise",
            "tests/web/test_concern_pages.py::test_a_concern_is_one_activation_away_and_needs_two_answers",
        ),
    ),
    Hazard(
        "H06",
        "A deadline passes and nobody notices",
        "The sweep is dead, an error is swallowed, a time zone is wrong.",
        "Nobody is reminded; the person waits.",
        (
            _design("What is due is asked of the rows, not of a timer that was set."),
            _design("A clock that can't be handled is tried again for ever, and stops no other."),
            _design("A sweep that stopped shows on the health page within two periods."),
        ),
        (
            "tests/referral/test_health.py::test_a_sweep_that_has_stopped_shows_within_two_periods",
            "tests/web/test_worker.py::test_a_clock_that_can_not_be_handled_is_tried_again_for_ever",
            "tests/web/test_worker.py::test_a_clock_that_fails_stops_no_other",
            "tests/workflows/test_every_clock.py::test_each_mark_does_what_its_row_says",
        ),
    ),
    Hazard(
        "H07",
        "A message is not delivered",
        "The mail server is down, the address is wrong, the message is taken for spam.",
        "Somebody doesn't know that it is their turn.",
        (
            _design("The list in the application is the truth; a message only points to it."),
            _design("Delivery is tried again with longer waits, then a human is asked to ring."),
            _design("Nothing is called told because a message was queued or sent."),
        ),
        (
            "tests/web/test_worker.py::test_a_letter_that_can_not_be_handed_over_is_given_up_and_a_human_is_told",
            "tests/web/test_worker.py::test_each_try_of_a_letter_waits_longer",
            "tests/web/test_carriers.py::test_what_a_server_did_not_say_it_took_counts_as_not_taken",
            "tests/web/test_post_out.py::test_a_refused_address_becomes_an_errand_for_the_link_worker",
            "tests/web/test_post_out.py::test_a_service_that_stays_away_for_a_day_is_given_up_and_a_person_asked",
            "tests/web/test_post_out.py::test_a_mail_that_came_back_becomes_an_errand_once",
            "tests/web/test_post_out.py::test_that_a_message_was_sent_or_delivered_is_never_called_seen",
            "tests/web/test_api_concerns.py::test_a_concern_is_raised_and_the_receipt_gives_no_false_comfort",
        ),
    ),
    Hazard(
        "H08",
        "A provider's standing is out of date",
        "Insurance or a criminal records check ran out and nobody looked.",
        "The person goes to somebody who should not be running the activity.",
        (
            _design("Evidence is asked for at the moment of sending and accepting."),
            _design("60, 30 and 7 days before it runs out, people are reminded; then it lapses."),
            _design("A lapse or suspension raises one review that names everybody there."),
        ),
        (
            "tests/workflows/test_sweep.py::test_evidence_that_runs_out_is_announced_and_then_lapses",
            "tests/races/test_provider_no_longer_right.py::test_nobody_is_accepted_or_sent_after_a_suspension",
            "tests/workflows/test_follows.py::test_a_suspension_raises_one_review_and_tells_each_link_worker",
        ),
    ),
    Hazard(
        "H09",
        "Working days are counted wrongly",
        "A time without a zone, the change of the clocks, a bank holiday nobody listed.",
        "Something is chased too late, or escalated too early.",
        (
            _design("Times are kept in UTC and counted in Europe/London."),
            _design("A table of England's bank holidays, with a warning before it runs out."),
        ),
        (
            "tests/workflows/test_sweep.py::test_a_deadline_keeps_its_hour_when_the_clocks_change",
            "tests/referral/test_bank_holidays.py::test_the_table_is_what_the_library_says_for_every_year_it_covers",
            "tests/referral/test_health.py::test_bank_holidays_that_run_out_warn_ninety_days_before",
        ),
    ),
    Hazard(
        "H10",
        "Two believe that they accepted",
        "Two people press at the same time; a page is stale.",
        "The person is expected in two places, or a place is given twice.",
        (
            _design("The version that was seen is compared when the state is written."),
            _design("A place is taken in the same statement; the last one goes once."),
        ),
        (
            "tests/races/test_one_place_one_winner.py::test_of_sixteen_who_accept_one_referral_one_wins",
            "tests/races/test_one_place_one_winner.py::test_of_twelve_who_accept_into_two_places_two_win",
        ),
    ),
    Hazard(
        "H11",
        "Something is done twice",
        "A second press, a request sent again, a message delivered again.",
        "Two appointments, two alarms, two referrals for one person.",
        (
            _design("A request carries a key: the same key gives the same answer and one effect."),
            _design("A clock raises at most once for each of its periods."),
        ),
        (
            "tests/web/test_pages_that_post.py::test_pressing_twice_counts_once",
            "tests/referral/test_kept.py::test_a_clock_raises_once_for_each_of_its_periods",
            "tests/races/test_same_key.py::test_accepting",
            "tests/web/test_worker_kill.py::test_two_workers_at_once_double_nothing_when_one_is_killed",
        ),
    ),
    Hazard(
        "H12",
        "The activity is not safe for the person",
        "A need, a risk or an access need is missing or was not asked.",
        "The person comes to harm there, or is turned away at the door.",
        (
            _design("A referral isn't sent until it is said whether there is something to know."),
            _design("The provider can decline, ask, or give back with a reason, always."),
            _business("Activities say what they can't cater for."),
        ),
        (
            "tests/workflows/test_engine.py::test_every_refusal_of_a_send_is_said_at_once",
            "tests/grid/test_reading.py::test_the_provider_can_decline_or_give_back_in_every_state_with_it",
        ),
        "Whether an activity suits a risk is judged by people: no rule compares them.",
    ),
    Hazard(
        "H13",
        "The person is left waiting after a no",
        "Nobody owns the referral once the provider has declined, left or closed down.",
        "The person waits for nothing.",
        (
            _design("What is declined, lapses or is recalled goes to a named link worker."),
            _design("When a provider leaves, everybody there is given back."),
            _design("A clock from the first sending to a start can't be stopped by passing on."),
        ),
        (
            "tests/workflows/test_follows.py::test_a_provider_that_leaves_gives_everybody_back",
            "tests/workflows/test_sweep.py::test_being_passed_on_does_not_start_that_clock_anew",
            "tests/grid/test_reading.py::test_every_open_state_has_an_owner_who_may_act_and_a_clock",
        ),
    ),
    Hazard(
        "H14",
        "The record can't be relied on at an inquiry",
        "Somebody edits the database; entries are lost.",
        "What happened can't be shown; nobody learns from it.",
        (
            _design("Tables of the log refuse edits; entries commit to their details."),
            _design("`segue audit verify` compares the whole store with its log."),
            _design("The log's signed head is published outside; a witness signs what only grew."),
        ),
        (
            "tests/referral/test_verify.py::test_every_column_edited_is_found",
            "tests/referral/test_verify.py::test_hundreds_of_random_changes_are_all_found",
            "tests/referral/test_kept.py::test_rows_are_never_edited",
            "tests/web/test_audit_cli.py"
            "::test_only_a_head_kept_outside_shows_that_the_end_was_cut_off",
            "tests/web/test_witness.py::test_a_log_that_was_rolled_back_is_found_every_time",
        ),
        "Who holds database and signing key can rewrite what nobody outside has seen yet.",
    ),
    Hazard(
        "H15",
        "The service is not there",
        "An outage, a full disk, a bad upgrade.",
        "Nobody can see who holds whom, or raise a concern here.",
        (
            _design("A locked or absent store is said plainly, and nothing is half written."),
            _design("An upgrade that fails leaves the database as it was."),
            _business("A printed list of open concerns and a telephone tree for outages."),
        ),
        (
            "tests/migrations/test_migrations.py::test_an_upgrade_that_fails_leaves_the_revision_before",
            "tests/web/test_edge.py::test_a_locked_database_is_busy_and_nothing_is_written",
            "tests/web/test_worker.py::test_a_store_that_is_away_for_a_while_does_not_end_the_worker",
        ),
        "A restore has not been drilled by this project yet; the deployer must.",
    ),
    Hazard(
        "H16",
        "Somebody sees what they must not, or can't see what they must",
        "A role that is too wide; no way in when it is urgent.",
        "A source of harm learns of a concern; or help is delayed.",
        (
            _design("What is out of scope isn't found; each route names its roles."),
            _design("Each reading of a person or a concern is in the log."),
            _design(
                "Emergency access opens one record by its reference or two identifiers, to read,"
                " for an hour; a second person is told at once; each use is reviewed by somebody"
                " else, and climbs until it is."
            ),
            _design(
                "Whoever the record is closed to opens nothing, and is told so in the words for"
                " nobody found."
            ),
        ),
        (
            "tests/workflows/test_emergencies.py::test_a_record_is_open_for_its_time_and_closed_in_the_next_request_after_it",
            "tests/workflows/test_emergencies.py::test_what_was_opened_is_reviewed_by_somebody_else_or_climbs",
            "tests/workflows/test_emergencies.py::test_every_way_it_comes_to_nothing_is_told_in_the_same_words",
            "tests/workflows/test_emergencies.py::test_a_second_person_is_told_with_it",
            "tests/web/test_emergency_pages.py::test_from_the_opening_to_the_review",
            "tests/web/test_two_worlds.py::test_nothing_tells_a_concern_from_records_being_put_right",
            "tests/house/test_routes.py::test_a_role_that_is_not_named_is_refused",
            "tests/workflows/test_reading.py::test_another_practice_and_another_provider_see_none_of_it",
            "tests/web/test_api_concerns.py::test_nobody_named_as_a_source_of_harm_finds_it_even_as_the_ladder",
        ),
        "Whether an hour is right, and who is told, is for each place to settle.",
    ),
    Hazard(
        "H17",
        "A screen is misread",
        "Words that mean two things, colour alone, a date the wrong way round.",
        "Somebody acts on the wrong state, day or person.",
        (
            _design("One table of words; states as words and shape; months by their names."),
            _design("Pages are checked at many widths, without a script, for accessibility."),
        ),
        (
            "tests/web/test_labels.py::test_every_state_has_a_tag_and_every_tag_a_state",
            "tests/web/test_pages_in_a_browser.py::test_the_pages_can_be_reached_and_read_at_any_width",
        ),
        "People with lived experience have not tried these pages yet.",
    ),
    Hazard(
        "H18",
        "Data comes back or is lost in a restore or an upgrade",
        "An old backup, half an upgrade.",
        "What was erased is there again; what was agreed is gone.",
        (
            _design("Every revision leads to the same shape; a newer database is refused."),
            _design("After a restore `segue audit verify` says what doesn't fit."),
        ),
        (
            "tests/migrations/test_migrations.py::test_every_revision_before_leads_to_the_same_shape",
            "tests/migrations/test_migrations.py::test_a_newer_database_is_refused_with_what_to_do",
        ),
        "Erasures are not replayed after a restore yet.",
    ),
    Hazard(
        "H19",
        "Too many alarms hide the one that matters",
        "Everything escalates, everything is red.",
        "The urgent one is read last.",
        (
            _design("One alarm for a record at a time; ceilings by kind; safety comes first."),
            _design("An alarm ends by itself when the late step is made."),
        ),
        (
            "tests/workflows/test_sweep.py::test_an_alarm_is_raised_at_twice_the_time_and_not_again_while_it_is_open",
            "tests/workflows/test_sweep.py::test_an_alarm_is_overtaken_when_the_late_move_is_made",
            "tests/workflows/test_reading.py::test_safety_comes_first_and_what_is_held_last",
        ),
    ),
    Hazard(
        "H20",
        "The evidence of safety is itself false",
        "A test that can't fail, or was skipped.",
        "Everybody believes in a control that isn't there.",
        (
            _design("A skipped test fails the run; a test id that names no test fails this log."),
            _design("Races are shown to go wrong without the gates they test."),
        ),
        (
            "tests/house/test_skips.py::test_a_skip_fails_the_run_and_is_named_where_skips_are_forbidden",
            "tests/races/test_no_longer_allowed.py::test_without_the_gates_the_same_moments_go_wrong",
            "tests/house/test_hazards.py::test_a_test_that_is_gone_would_be_noticed",
        ),
    ),
)

# As NHS England prints it in the UK Core hazard log; to be checked with the standard itself.
SEVERITIES = ("Minor", "Significant", "Considerable", "Major", "Catastrophic")
MATRIX: dict[str, tuple[int, ...]] = {
    "Very high": (3, 4, 4, 5, 5),
    "High": (2, 3, 3, 4, 5),
    "Medium": (2, 2, 3, 3, 4),
    "Low": (1, 2, 2, 3, 4),
    "Very low": (1, 1, 2, 2, 3),
}
ACCEPTED: dict[int, str] = {
    5: "unacceptable",
    4: "must be removed or made smaller",
    3: "undesirable: only if making it smaller is impractical",
    2: "acceptable where going further costs more than it gains",
    1: "acceptable",
}


# -- tests that live ----------------------------------------------------------------------------


@cache
def tests_in(path: Path) -> frozenset[str]:
    """The tests a file holds, found by reading it: those of a class as `Class::test`."""
    if not path.is_file():
        return frozenset()
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            found |= {
                f"{node.name}::{inner.name}"
                for inner in node.body
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_")
            }
    return frozenset(found)


def lives(test: str, root: Path = ROOT) -> bool:
    """Whether this id names a test that is there."""
    file, _colons, name = test.partition("::")
    return name in tests_in(root / file)


def gone(hazards: tuple[Hazard, ...] = HAZARDS, root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """(hazard, what is wrong) for each that no living test shows, and each id that names none."""
    for hazard in hazards:
        for test in hazard.tests:
            if not lives(test, root):
                yield hazard.id, f"{test} is no test"
        if not any(lives(test, root) for test in hazard.tests):
            yield hazard.id, "no test shows that it is controlled"


# -- printing -----------------------------------------------------------------------------------

OPENING = """# Hazard log

Printed by `segue safety trace --page`. A test fails when a hazard has no test that is there, or
names one that isn't.

**What a human must still do.** Severity and likelihood, before and after the controls, and whether
what is left can be accepted, are not in this log: they are for a clinical safety officer to say, a
clinician named by whoever makes or deploys the system (DCB0129, DCB0160). Controls of training and
business are named here and done by the deployer. The matrix at the end is for that work."""


def print_hazards() -> str:
    """The log as Markdown."""
    parts = [OPENING, *(_hazard(one) for one in HAZARDS), _matrix()]
    return "\n\n".join(parts)


def _hazard(one: Hazard) -> str:
    lines = [
        f"## {one.id} {one.name}",
        "",
        f"- **Causes.** {one.causes}",
        f"- **Effect.** {one.effect}",
        "- **Controls.**",
        *(f"  - {control.kind}: {control.says}" for control in one.controls),
        "- **Shown by.**",
        *(f"  - `{test}`" for test in one.tests),
    ]
    if one.left:
        lines.append(f"- **Known to be missing.** {one.left}")
    lines.append("- **Initial and residual risk, owner, status.** For the clinical safety officer.")
    return "\n".join(lines)


def _matrix() -> str:
    rows = ["| likelihood | " + " | ".join(SEVERITIES) + " |", "| --- " * 6 + "|"]
    rows += [
        f"| {likelihood} | " + " | ".join(map(str, risks)) + " |"
        for likelihood, risks in MATRIX.items()
    ]
    said = "; ".join(f"{risk}: {words}" for risk, words in ACCEPTED.items())
    return "\n".join(
        [
            "## Matrix",
            "",
            "As NHS England prints it in the hazard log of UK Core. Check it with the standard.",
            "",
            *rows,
            "",
            f"{said[0].upper()}{said[1:]}.",
        ]
    )
