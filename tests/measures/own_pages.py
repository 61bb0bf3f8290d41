"""Every page that the person reads, opened as they would: with much on it and little, after a
mistake, answered and refused, and closed."""

from __future__ import annotations

from collections.abc import Iterator

from referral.states import Noun
from tests.web.client import Page, Visitor, sign_in, visit
from tests.web.test_links import Links, make, path_of
from tests.winding import rows
from tests.world import World

WORD = "robin"
BEGUN = (("check_identity", {"identity_how": "own_page"}), ("start", {}))


def open_every(w: World) -> Iterator[Page]:
    """The pages, one by one."""
    k = Links(w)
    person = w.person(contact_method="text", message_safe=True)
    going = w.active(person)
    w.sent(person, "pottery")
    make(k, person, WORD)
    path = path_of(k, person)
    yield sign_in(w, "priya").get(f"/people/{person}/link/sheet")
    phone = visit(w)
    yield from _the_door(phone, path)
    yield phone.fill(path, word=WORD)
    yield visit(w).get(path)
    for one in ("about-me", "stop", "contact", "complain", "ask", "asked", "looked", "not-safe"):
        yield phone.get(f"/mine/{one}")
    yield phone.fill("/mine/contact")
    yield phone.fill("/mine/complain")
    yield phone.fill("/mine/ask")
    for one in ("how", "stop"):
        yield phone.get(f"/mine/{one}/{going}")
    yield phone.fill(f"/mine/how/{going}")
    yield phone.fill("/mine/contact", wish="no_writing")
    w.later(minutes=5)  # so many presses in a minute
    yield from _a_complaint(w, phone, person)
    w.later(minutes=5)
    yield from _a_request(w, phone)
    yield phone.get("/mine/asked")
    yield phone.fill("/mine/not-safe")
    yield phone.fill("/mine/stop")
    yield phone.get("/mine")
    w.later(minutes=40)
    yield phone.get("/mine")


def _the_door(phone: Visitor, path: str) -> Iterator[Page]:
    yield phone.get("/a/nonsense")
    yield phone.get("/code")
    yield phone.fill("/code", code="7K4Q-2M9D-P3XT")
    yield phone.get(f"{path}/not-safe")
    yield phone.get(path)
    yield phone.fill(path, word="")


def _a_complaint(w: World, phone: Visitor, person: str) -> Iterator[Page]:
    made = phone.fill("/mine/complain", about="worker", words="She was rude.")
    yield made
    (record,) = rows(w.store, "SELECT id FROM escalation")[0]
    for trigger, given in (
        ("acknowledge", {}),
        ("ask", {"asked": f"person@{person}", "note": "Which day?"}),
        ("answer", {"note": "Monday."}),
        ("decide", {"decision": "not_upheld", "note": "She was not."}),
        ("complete", {}),
    ):
        if trigger == "answer":
            yield phone.fill(made.path, words="On Monday.")
        else:
            w.step(Noun.ESCALATION, record, trigger, "tess", given=given)
        yield phone.get(made.path)


def _a_request(w: World, phone: Visitor) -> Iterator[Page]:
    made = phone.fill("/mine/ask", kind="access", asked_for="My notes.")
    yield made
    record = made.path.rpartition("/")[2]
    asking = ("ask", {"note": "Which years?", "told_how": "own_page"})
    for trigger, given in (*BEGUN, asking):
        w.step(Noun.RIGHTS, record, trigger, "ingrid", given=given)
        yield phone.get(made.path)
    yield phone.fill(made.path, form=1)
    other = phone.fill("/mine/ask", kind="erasure", asked_for="All of it.").path
    w.step(
        Noun.RIGHTS, other.rpartition("/")[2], "cannot_identify", "ingrid", given={"note": "Rang."}
    )
    yield phone.get(other)
