"""The frame of every page."""

import re

from tests.web.pages import HOSTILE, framed

SOMEBODY = {
    "name": "Jo Marsh",
    "role": "Link worker",
    "organisation": "Northfield Practice",
    "sign_out_href": "/sign-out",
}
MENU = [{"text": "My work", "href": "/", "current": True}, {"text": "People", "href": "/people"}]


def test_words_of_a_person_are_never_markup() -> None:
    html = framed(
        said=("success", HOSTILE),
        words=HOSTILE,
        account=dict.fromkeys((*SOMEBODY, "change_role_href"), HOSTILE),
        navigation=[{"text": HOSTILE, "href": HOSTILE, "current": HOSTILE}],
        search={"href": HOSTILE, "value": HOSTILE},
        errors=[{"text": HOSTILE, "href": HOSTILE}],
        back={"text": HOSTILE, "href": HOSTILE},
        service_name=HOSTILE,
        version=HOSTILE,
        lang=HOSTILE,
        text_direction=HOSTILE,
    )
    assert "alert" in html
    assert "<script>alert" not in html


def test_the_one_inline_script_carries_the_nonce() -> None:
    html = framed(csp_nonce="n0nce")
    inline = re.findall(r"<script([^>]*)>", html)
    assert [tag for tag in inline if "src=" not in tag] == [' nonce="n0nce"']
    assert "style=" not in html


def test_signing_out_posts_with_a_token_and_is_no_link() -> None:
    html = framed(account=SOMEBODY)
    assert re.search(r'<form method="post" action="/sign-out">\s*<input[^>]*csrf_token', html)
    assert 'href="/sign-out"' not in html


def test_somebody_who_is_not_signed_in_sees_no_account() -> None:
    html = framed()
    assert "Sign out" not in html
    assert "app-header__nav" not in html


def test_the_current_page_is_marked_and_the_others_are_not() -> None:
    html = framed(navigation=MENU)
    assert re.findall(r'<a href="([^"]*)" aria-current="page">', html) == ["/"]


def test_errors_head_the_page_and_its_title() -> None:
    html = framed(errors=[{"text": "Enter a name", "href": "#name"}])
    assert "<title>Error: Drawn – Segue</title>" in html
    assert html.index("There is a problem") < html.index("<h1>")


def test_a_page_without_errors_does_not_speak_of_any() -> None:
    html = framed()
    assert "<title>Drawn – Segue</title>" in html
    assert "There is a problem" not in html


def test_what_happened_is_said_in_a_banner_that_takes_the_focus() -> None:
    html = framed(said=("success", "Sent to Ash Lane Arts."))
    assert "nhsuk-notification-banner--success" in html
    assert 'role="alert"' in html
    assert "Sent to Ash Lane Arts." in html


def test_a_message_of_another_kind_is_not_called_done() -> None:
    html = framed(said=("important", "Your sign-in ends in 2 minutes."))
    assert "nhsuk-notification-banner--success" not in html
    assert "Your sign-in ends in 2 minutes." in html


def test_neither_logo_nor_font_of_the_nhs_is_claimed() -> None:
    html = framed()
    assert "nhsuk-header__logo" not in html
    assert "Frutiger" not in html
    assert "NHS England" not in html
