"""The page on which passages are blacked out of what is given of somebody, and given after all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.typing import ResponseReturnValue
from marshmallow import fields

from referral.blackouts import Passage
from referral.store import Tx
from web.forms import Form, Next, answer, page
from web.labels import choices
from web.say import _
from web.schemas.base import Command
from web.words import day_words
from workflows.moves import N_

WHY: dict[str, str] = {
    "about_others": N_("It is about somebody else"),
    "serious_harm": N_("Giving it could seriously harm somebody"),
    "privileged": N_("It is legal advice"),
}
AGAIN = "again:"


class Passages(Command):
    """A passage to black out and why; or, by the button beside it, one to give after all."""

    words = fields.String(load_default="")
    ground = fields.String(load_default="")


def blackouts_page(
    href: str,
    found: list[Passage],
    mark: Callable[[Tx, Any, str, str], Any],
    unmark: Callable[[Tx, Any, str], Any],
    **context: Any,
) -> ResponseReturnValue:
    """Draw the page, black out what is asked (`mark`), and give again what is asked (`unmark`)."""

    def act(tx: Tx, at: Any, given: dict[str, Any], form: Form) -> str:
        done = str(form.value("do") or "")
        if done.startswith(AGAIN):
            unmark(tx, at, done.removeprefix(AGAIN))
            return _("It is given again.")
        mark(tx, at, given["words"], given["ground"])
        return _("Blacked out. The record itself is as it was.")

    return answer(
        lambda form: page(
            "inquiry/passages.jinja",
            form,
            rows=[
                {
                    "words": one.words,
                    "why": dict(choices(WHY))[one.ground],
                    "by": one.by,
                    "when": day_words(one.at),
                    "again": f"{AGAIN}{one.id}",
                }
                for one in found
            ],
            grounds=choices(WHY),
            **context,
        ),
        act,
        lambda says: Next(href, says),
        schema=Passages(),
    )
