"""What those who answer for a place do in the story: a working agreement, an announcement, themes
of what was escalated, and a community group that raised something without an account."""

from __future__ import annotations

from datetime import datetime, timedelta

from referral import themes
from referral.states import Noun
from referral.store import Door, Sql
from web.demo.telling import Story
from workflows import announcements
from workflows.engine import step
from workflows.raised_outside import raise_from_outside
from workflows.themes import set_themes

MATTERS = Sql("SELECT id, kind FROM escalation ORDER BY created_at, id LIMIT 12")
SHOWN = {
    "capacity": ["Too few places"],
    "no_reply": ["Nobody answers in time"],
    "disagreement": ["What was offered did not fit"],
    "other": ["Money for the activity ran out"],
}
TEXT = (
    "From the first of next month there is one form for the first session. It asks how somebody"
    " gets there and back, and whom to ring if they don't come home.\n\nTake it with you to each"
    " first meeting. Leaders keep it for the day only.\n\nIf a group meets after dark, say so on"
    " your page of offers, so that link workers can plan the way home."
)


def leading(s: Story) -> None:
    """Plan it all."""
    working: dict[str, str] = {}

    def agree(at: datetime) -> None:
        grace = s.actor["grace"]
        with s.store.begin(grace) as tx:
            working["id"] = step(
                tx,
                Noun.AGREEMENT,
                None,
                "draft",
                grace,
                at,
                {
                    "kind": "working",
                    "title": "Working together on singing for breathing",
                    "purposes": ["share_with_provider"],
                    "lawful_basis": "public_task",
                    "fields": ["first_name"],
                    "parties": [s.org["ash"], s.org["singers"], s.org[BOARD]],
                    "review_at": s.now + timedelta(days=250),
                    "duties": "The partnership looks after quality and pays for the hall.",
                    "employs_id": s.org["ash"],
                    "assures_id": s.org[BOARD],
                    "pays_id": s.org[BOARD],
                    "safeguards_id": s.org["ash"],
                },
            ).id

    s.on(60, agree)
    for number, who in enumerate(("tess", "sol", "grace")):

        def sign(at: datetime, who: str = who) -> None:
            with s.store.begin(s.actor[who]) as tx:
                step(tx, Noun.AGREEMENT, working["id"], "sign", s.actor[who], at)

        s.on(59 - number, sign)

    made: dict[str, str] = {}

    def announce(at: datetime) -> None:
        with s.store.begin(s.actor["grace"]) as tx:
            made["id"] = announcements.send(
                tx,
                s.actor["grace"],
                at,
                {
                    "title": "One form for the first session",
                    "body": TEXT,
                    "roles": ["link_worker", "provider_leader", "team_lead"],
                    "act_by": s.now + timedelta(days=4),
                },
            )

    s.on(3, announce, hour=9)
    for who in ("sam", "sol"):

        def read(at: datetime, who: str = who) -> None:
            with s.store.begin(s.actor[who]) as tx:
                announcements.acknowledge(tx, s.actor[who], at, made["id"])

        s.on(2, read)

    def outside(at: datetime) -> None:
        with s.store.begin(door=Door.WHOLE) as tx:
            raise_from_outside(
                tx,
                at,
                {
                    "place_id": s.actor["grace"].place_id,
                    "kind": "equity",
                    "group_name": "Harbour Men's Shed",
                    "name": "Bill",
                    "reach": "01632 960155",
                    "note": "Nobody is sent to us from the estate behind the station. The last bus"
                    " leaves at five. Could somebody look at it with us?",
                },
            )

    s.on(1, outside, hour=16)

    def tag(at: datetime) -> None:
        with s.store.read(s.actor["gail"]) as tx:
            found = tx.rows(MATTERS)
            known = {one.name: one.id for one in themes.all_of(tx, s.actor["gail"])}
        for record, kind in found:
            chosen = [known[name] for name in SHOWN.get(kind, ()) if name in known]
            if chosen:
                with s.store.begin(s.actor["gail"]) as tx:
                    set_themes(tx, s.actor["gail"], at, record, chosen)

    s.on(1, tag, hour=17)


BOARD = "harbour_board"
