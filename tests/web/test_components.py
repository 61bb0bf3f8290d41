"""The macros from which pages are built."""

import pytest

from tests.web.pages import HOSTILE, draw
from web.charts import Bar, Cell, Table, bars

TAG = {"text": HOSTILE, "colour": HOSTILE}
LINK = {"text": HOSTILE, "href": HOSTILE, "count": HOSTILE}
DUE = {"tone": HOSTILE, "text": HOSTILE, "at": HOSTILE}
FACT = {"label": HOSTILE, "value": HOSTILE}
POST = {**LINK, "post": True, "fields": {HOSTILE: HOSTILE}}
REFUSED = {
    "cannot": HOSTILE,
    "why": [{"sentence": HOSTILE, "remedy": HOSTILE, "href": HOSTILE}],
}
ENTRY = dict.fromkeys(("what", "who", "when", "at", "quote", "corrected", "href", "link"), HOSTILE)

CHART = bars(HOSTILE, HOSTILE, HOSTILE, [Bar(HOSTILE, 1, HOSTILE, "hatched")],
             Table(HOSTILE, [HOSTILE], [[Cell(HOSTILE, HOSTILE)]]))  # fmt: skip

CALLS = {
    "deadline": ("deadline", "deadline(h, h, h)"),
    "status_tag": ("status_tag", "status_tag(tag)"),
    "identity_bar": ("identity_bar", "identity_bar(h, h, tag, [tag], [fact])"),
    "work_item": ("work_item", "work_item(h, h, h, [h], due, link, tag, h)"),
    "held_notice": ("held_notice", "held_notice(h, h)"),
    "next_panel": ("next_panel", "next_panel(h, h, due, [link, post], [refused])"),
    "journey_bar": ("journey_bar", "journey_bar([h, h], 2)"),
    "timeline": ("timeline", "timeline([entry])"),
    "consent_panel": ("consent_panel", "consent_panel(tag, [fact], [link])"),
    "chart": ("chart", "chart(chart, h)"),
    "safety_strip": ("safety", "safety_strip([h])"),
    "safety_links": ("safety", "safety_links(h)"),
    "count_chips": ("links", "count_chips([link], h)"),
    "secondary_nav": ("links", "secondary_nav([link], h)"),
}


def component(name: str, call: str, **context: object) -> str:
    file, _ = CALLS[name]
    return draw(f'{{% from "components/{file}.jinja" import {name} %}}{{{{ {call} }}}}', **context)


@pytest.mark.parametrize("name", CALLS)
def test_words_of_a_person_are_never_markup(name: str) -> None:
    html = component(
        name,
        CALLS[name][1],
        h=HOSTILE,
        tag=TAG,
        link=LINK,
        due=DUE,
        fact=FACT,
        post=POST,
        refused=REFUSED,
        entry=ENTRY,
        chart=CHART,
    )
    assert "alert" in html
    assert "<script" not in html


def test_a_deadline_says_in_words_what_its_colour_says() -> None:
    html = component("deadline", 'deadline("overdue", "2 working days overdue", "2026-05-19")')
    assert "app-deadline--overdue" in html
    assert '<time datetime="2026-05-19">2 working days overdue</time>' in html


def test_the_identity_bar_shows_only_what_it_is_given() -> None:
    html = component("identity_bar", 'identity_bar("Margaret", "SG-8P2X-9C")')
    assert "Margaret" in html
    assert "SG-8P2X-9C" in html
    assert html.count("<dt>") == 1
    assert "nhsuk-tag" not in html


def test_every_hold_reads_the_same() -> None:
    sentence = "On hold. Call Sam Okafor before any contact."
    first = component("held_notice", "held_notice(sentence)", sentence=sentence)
    again = component("held_notice", "held_notice(sentence)", sentence=sentence)
    assert first == again
    assert first.count(sentence) == 1


def test_a_safety_item_is_red_whatever_its_deadline() -> None:
    call = 'work_item("/", "Derek", "Nobody has seen this yet.", deadline=due, safety=safety)'
    due = {"tone": "later", "text": "Due Thursday", "at": "2026-05-21"}
    assert "app-work-item--safety" in component("work_item", call, due=due, safety=True)
    assert "app-work-item--later" in component("work_item", call, due=due, safety=False)


def test_an_action_says_for_whom_it_is_to_those_who_hear_it_alone() -> None:
    html = component(
        "work_item", 'work_item("/", "Derek", "", action={"text": "Decide", "href": "/d"})'
    )
    assert "for Derek" in html


def test_only_the_first_action_is_the_primary_one() -> None:
    html = component(
        "next_panel",
        "next_panel('With you', actions=actions)",
        actions=[{"text": "Accept", "href": "/a"}, {"text": "Ask", "href": "/q"}],
    )
    assert '<a class="nhsuk-button" href="/a">' in html
    assert '<a class="nhsuk-button nhsuk-button--secondary" href="/q">' in html


def test_an_action_that_changes_something_at_once_posts_with_a_token_and_the_version_seen() -> None:
    html = component(
        "next_panel",
        "next_panel('', actions=[action])",
        action={"text": "Remind", "href": "/r", "post": True, "fields": {"version": 3}},
    )
    assert '<form method="post" action="/r">' in html
    assert 'name="csrf_token"' in html
    assert '<input type="hidden" name="version" value="3">' in html


def test_a_refusal_says_why_and_what_would_change_it() -> None:
    reason = {"sentence": "The provider has not replied.", "remedy": "Stop it.", "href": "/s"}
    refused = {"cannot": "You cannot close this yet.", "why": [reason]}
    html = component("next_panel", "next_panel('', refused=[refused])", refused=refused)
    assert "You cannot close this yet." in html
    assert "The provider has not replied." in html
    assert '<a href="/s">Stop it.</a>' in html


def test_the_journey_marks_one_stage_as_the_current_one() -> None:
    html = component("journey_bar", 'journey_bar(["Written", "Sent", "Taking part"], 2)')
    assert html.count('aria-current="step"') == 1
    assert "Step 2 of 3: Sent" in html
    assert html.count("app-journey__stage--done") == 1


def test_a_finished_journey_has_no_current_stage() -> None:
    html = component("journey_bar", 'journey_bar(["Written", "Sent"], 3)')
    assert "aria-current" not in html
    assert "All 2 steps are done" in html


def test_what_was_corrected_stays_and_says_why() -> None:
    html = component(
        "timeline", 'timeline([{"what": "Sent", "corrected": "another person was meant"}])'
    )
    assert "<del>Sent</del>" in html
    assert "another person was meant" in html


def test_what_was_not_corrected_is_not_struck_through() -> None:
    assert "<del>" not in component("timeline", 'timeline([{"what": "Sent"}])')
