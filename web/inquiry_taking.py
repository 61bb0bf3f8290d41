"""Taking a bundle for an inquiry by the command line."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask_babel import Babel

from referral import entries, inquiries
from referral.actors import the_system
from referral.audit import EXPORTED, log
from referral.inquiries import NOUN
from referral.members import actor_of
from referral.store import Door
from web.edge import Edge
from web.inquiry import bundle
from workflows.inquiries import ready


class CannotGive(Exception):
    """The bundle can't be given. The sentence says what to do."""


def given(edge: Edge, inquiry_id: str, out: str) -> int:
    """Write the files of an approved bundle into a new folder; how many. That it was given is in
    the log first. Raises CannotGive."""
    at, folder = edge.clock(), Path(out)
    if folder.exists():
        raise CannotGive(f"{out} is there already: name a folder that isn't.")
    with edge.store.read(door=Door.WHOLE) as tx:
        found = inquiries.anywhere(tx, inquiry_id)
        if found is None:
            raise CannotGive("There is no such request: copy the id from the address of its page.")
        asked, system_id = found
        if not ready(asked, at):
            raise CannotGive(
                "Two people must have said yes, not more than 7 days ago: see /inquiries."
            )
        first = actor_of(tx, asked.asked_by, at)
        second = actor_of(tx, asked.answered_by or "", at)
        subject = entries.subject_of(tx, NOUN, asked.person_id)
        if any(one is None or entries.conflicted(tx, one, at) for one in (first, second)):
            raise CannotGive("One of the two may not give it any more: ask for it again.")
    actor = the_system(system_id, "segue audit bundle")
    said = {"inquiry": asked.id}
    edge.perform(actor, lambda tx, now: log(tx, actor, now, EXPORTED, NOUN, None, said,
                                            subject=subject))  # fmt: skip
    with edge.store.snapshot(actor, Door.COMMAND) as tx, _words().app_context():
        files = bundle(tx, asked, first, second, at)
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return len(files)


def _words() -> Flask:
    """Just enough of the application to draw the page."""
    app = Flask("web", template_folder="templates")
    app.jinja_env.add_extension("jinja2.ext.i18n")
    Babel(app, default_locale="en")
    return app
