"""The frame and the components as people meet them: on a phone, or without a script."""

from collections.abc import Callable

import pytest
from flask import Flask, Response, flash, render_template_string
from playwright.sync_api import Browser, expect

from tests.browser import (
    accessibility_faults,
    faults_at_any_width,
    scrolls_sideways,
    small_targets,
)
from tests.web.pages import pages

pytestmark = pytest.mark.browser

PAGE = """
{% extends "layout.jinja" %}
{% from "components/consent_panel.jinja" import consent_panel %}
{% from "components/held_notice.jinja" import held_notice %}
{% from "components/identity_bar.jinja" import identity_bar %}
{% from "components/journey_bar.jinja" import journey_bar %}
{% from "components/links.jinja" import count_chips, secondary_nav %}
{% from "components/next_panel.jinja" import next_panel %}
{% from "components/safety.jinja" import safety_links, safety_strip %}
{% from "components/timeline.jinja" import timeline %}
{% from "components/work_item.jinja" import work_item, work_list %}
{% block title %}Referral – SG-8P2X-9C{% endblock %}
{% block content %}
{{ identity_bar("Margaret Ellis", "SG-8P2X-9C", blue, [red], facts) }}
{{ journey_bar(stages, 2) }}
<div class="app-split">
  <div class="app-split__side">
    {{ next_panel("With Ash Lane Arts now", "Priya answers next.", due, links + posts, refused) }}
  </div>
  <div class="app-split__main">
    {{ secondary_nav(links, "This referral") }}
    {{ held_notice("On hold. Call Sam Okafor before any contact.", "01632 960123") }}
    {{ safety_strip(["Uses a stick."]) }}
    {{ count_chips(links, "Show") }}
    <h2>What happened</h2>
    {{ timeline(entries) }}
    <h2>Overdue</h2>
    {% call work_list() %}
    {{ work_item("/", "Margaret Ellis", "No reply yet.", ["SG-8P2X-9C"], due, links[0], blue,
                 held="On hold.") }}
    {% endcall %}
    <table class="nhsuk-table-responsive" role="table"><tbody class="nhsuk-table__body">
      <tr role="row" class="nhsuk-table__row">
      <td role="cell" class="nhsuk-table__cell">Priya Shah</td>
      <td role="cell" class="nhsuk-table__cell app-empty-cell"></td></tr></tbody></table>
  </div>
  <div class="app-split__rest">
    {{ consent_panel(blue, facts, links) }}
    {{ safety_links("/concerns/new") }}
  </div>
</div>
{% endblock %}
"""

CONTEXT: dict[str, object] = {
    "stages": ["Written", "Sent to provider", "Place given", "Taking part", "Finished", "Closed"],
    "blue": {"text": "Waiting for provider", "colour": "blue"},
    "red": {"text": "On hold", "colour": "red"},
    "facts": [
        {"label": "NHS number", "value": "999 012 3456"},
        {"label": "Prefers", "value": "A.very.long.address.without.any.room@mail.example.org"},
    ],
    "due": {"tone": "overdue", "text": "2 working days overdue", "at": "2026-05-19"},
    "links": [
        {"text": "Overview", "href": "/", "count": 4, "current": True},
        {"text": "Messages", "href": "/messages", "count": 11},
        {"text": "Everything open", "href": "/open", "count": 17},
    ],
    "posts": [{"text": "Remind them", "href": "/remind", "post": True}],
    "refused": [
        {
            "cannot": "You cannot close this yet.",
            "why": [{"sentence": "No reply.", "remedy": "Stop it.", "href": "/stop"}],
        }
    ],
    "entries": [
        {
            "what": "Sent",
            "who": "Jo Marsh",
            "when": "12 May 2026 at midday",
            "at": "2026-05-12T11:00Z",
            "quote": "She used to sing.",
            "corrected": "another person was meant",
        }
    ],
    "csp_nonce": "n0nce",
    "back": {"href": "/"},
    "version": "1.0",
    "search": {"href": "/search", "value": ""},
    "errors": [{"text": "Enter a name", "href": "#next-heading"}],
    "navigation": [
        {"text": text, "href": "/", "current": text == "People"}
        for text in ("My work", "Referrals", "People", "Find activities", "Reports", "Help")
    ],
    "account": {
        "name": "Jo Marsh",
        "role": "Link worker",
        "organisation": "Northfield Practice",
        "sign_out_href": "/sign-out",
        "change_role_href": "/role",
    },
}


def gallery() -> Flask:
    app = pages()

    @app.get("/")
    def everything() -> str:
        return render_template_string(PAGE, **CONTEXT)

    @app.get("/done")
    def done() -> str:
        flash("Sent to Ash Lane Arts.", "success")
        return render_template_string(PAGE, **(CONTEXT | {"errors": []}))

    @app.after_request
    def strict(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; script-src 'self' 'nonce-n0nce'; form-action 'self'"
        )
        return response

    return app


def test_everything_can_be_reached_and_read_at_any_width(
    chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(serve(gallery()))
    assert faults_at_any_width(page) == []
    assert complaints == []
    page.close()


def test_the_checks_can_fail(chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 320, "height": 800})
    page.set_content('<html><img src="x"><a href="/">a</a><div style="width:400px">b</div></html>')
    assert scrolls_sideways(page)
    assert small_targets(page)
    assert {"image-alt", "html-has-lang"} <= {rule for rule, _ in accessibility_faults(page)}
    told = {found.split()[1] for found in faults_at_any_width(page)}
    assert {"scrolls", "image-alt", "html-has-lang"} <= told
    page.close()


@pytest.mark.parametrize(
    ("path", "focused"),
    [("/", "nhsuk-error-summary"), ("/done", "nhsuk-notification-banner--success")],
)
def test_what_happened_takes_the_focus(
    chromium: Browser, serve: Callable[[Flask], str], path: str, focused: str
) -> None:
    page = chromium.new_page()
    page.goto(serve(gallery()) + path)
    page.wait_for_function(f"document.activeElement.classList.contains('{focused}')")
    page.close()


def test_without_a_script_everything_is_there(
    chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 320, "height": 800}
    )
    page = context.new_page()
    page.goto(serve(gallery()))
    for words in ("There is a problem", "With Ash Lane Arts now", "Sign out", "Find activities"):
        expect(page.get_by_text(words, exact=True).first).to_be_visible()
    context.close()


def test_on_a_phone_what_to_do_comes_before_what_to_read(
    chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    page = chromium.new_page(viewport={"width": 320, "height": 800})
    page.goto(serve(gallery()))
    side, main = (page.locator(f".app-split__{part}").bounding_box() for part in ("side", "main"))
    assert side is not None
    assert main is not None
    assert side["y"] + side["height"] <= main["y"]
    rest = page.locator(".app-split__rest").bounding_box()
    assert rest is not None
    assert main["y"] + main["height"] <= rest["y"]
    expect(page.get_by_role("cell", name="Priya Shah")).to_be_visible()
    expect(page.locator(".app-empty-cell")).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    main, rest = (page.locator(f".app-split__{part}").bounding_box() for part in ("main", "rest"))
    assert main is not None
    assert rest is not None
    assert main["x"] + main["width"] <= rest["x"]
    expect(page.locator(".app-empty-cell")).to_be_visible()
    page.close()
