"""Two worlds that differ only in why there is a full hold: somebody is named in a concern as a
source of harm, or a team lead is putting records right. To the one it closes the record to, each
page, each answer of the API, each refusal and each notice is the same, byte for byte (I56)."""

from __future__ import annotations

import difflib
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from referral import ids
from referral.models import Base
from referral.states import Noun, Purpose
from referral.store import Sql, Store
from tests.races.rounds import rounds
from tests.web.api import Program, program
from tests.web.client import Visitor, sign_in
from tests.winding import sweep
from tests.world import World, build
from workflows.holds import place_hold
from workflows.working_time import ENGLAND, add, local_day

STATES = (
    "draft",
    "sent",
    "queried",
    "waiting",
    "accepted",
    "active",
    "paused",
    "returned",
    "completed",
    "closed",
    "withdrawn",
)
# Who it is closed to, how a concern names them, and the side it is for records put right.
WHO = {
    "priya": ("user", "link_worker"),
    "sol": ("user", "provider"),
    "rae": ("organisation", "provider"),
    "olu": ("user", "link_worker"),  # of another team: it is closed to them out of their reach
}
# What is random in every answer, and says nothing.
RANDOM = re.compile(
    r'nonce-[^\']+|nonce="[^"]*"|name="(csrf_token|key|up_to)" value="[^"]*"|after=[\w-]{40,}'
)


@dataclass(frozen=True)
class Kept:
    """Everything there is before the two worlds part."""

    folder: Path
    world: World
    records: dict[str, dict[str, str]]
    known: frozenset[str]


def _referral(w: World, state: str) -> str:
    soon = (w.at + timedelta(days=9)).date()
    if state == "draft":
        return w.draft(w.consented())
    if state in ("accepted", "active", "completed"):
        found: str = getattr(w, state)()
        return found
    if state == "closed":
        record = w.completed()
        w.referral(record, "confirm", "priya")
        return record
    if state == "paused":
        record = w.active()
        w.referral(record, "pause", "sol", given={"paused_until": soon})
        return record
    record = w.sent()
    after: dict[str, tuple[str, str, dict[str, Any]]] = {
        "queried": ("ask", "sol", {"note": "Can she climb stairs?"}),
        "waiting": ("put_on_waiting_list", "sol", {"expected_date": soon}),
        "returned": ("decline", "sol", {"reason": "full"}),
        "withdrawn": ("withdraw", "priya", {"reason": "person_asked"}),
    }
    if state in after:
        trigger, who, given = after[state]
        w.referral(record, trigger, who, given=given)
    return record


def _kept(template: Path, folder: Path) -> Kept:
    shutil.copy(template, folder / "base.db")
    w = build(Store(f"sqlite:///{folder / 'base.db'}"))
    records = {}
    for state in STATES:
        record = _referral(w, state)
        with w.store.read() as tx:
            row = tx.row(
                Sql(
                    "SELECT pe.id, pe.reference, pe.family_name FROM person pe"
                    " JOIN referral r ON r.person_id = pe.id WHERE r.id = :id"
                ),
                id=record,
            )
        assert row is not None
        person = str(row[0])
        asked = w.consent(person, "practice", purpose=Purpose.TELL_PRACTICE).id
        raised = {"kind": "other", "about": "referral", "about_id": record, "note": "Help"}
        records[state] = {
            "referral": record,
            "person": person,
            "reference": str(row[1]),
            "family_name": str(row[2]),
            "consent": asked,
            "priya": w.step(Noun.ESCALATION, None, "raise", "priya", given=raised).id,
            "sol": w.step(Noun.ESCALATION, None, "raise", "sol", given=raised).id,
        }
        w.later(minutes=7)
    w.later(days=1)
    known = known_in(w)
    w.store.dispose()
    return Kept(folder, w, records, known)


@pytest.fixture(scope="module")
def kept(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return _kept(sqlite_template, tmp_path_factory.mktemp("worlds"))


# -- what somebody may try ----------------------------------------------------------------------

Ask = tuple[str, str, dict[str, str] | None]
MOVES = {
    "link_worker": ("send", "answer", "recall", "redirect", "close_unmet", "withdraw", "confirm",
                    "reopen", "pause", "resume", "mark_in_error", "discard"),
    "provider": ("ask", "put_on_waiting_list", "accept", "decline", "contact", "start", "update",
                 "pause", "resume", "give_back", "complete", "review_wait", "reopen"),
}  # fmt: skip
GIVEN = {"reason": "other", "note": "Words."}


def asks_from_elsewhere(records: dict[str, str]) -> list[Ask]:
    """What somebody of another team may try: to open the record in an emergency, above all."""
    r, person, api = f"/referrals/{records['referral']}", f"/people/{records['person']}", "/api/v1"
    said = {"reference": records["reference"], "reason": "danger_now", "why": "He rang."}
    known = {"given_name": "Margaret", "family_name": records["family_name"], "reason": "other",
             "phone": "07700 900982", "why": "He rang."}  # fmt: skip
    consent = f"/consents/{records['consent']}"
    gets = ("/", "/notices", "/emergencies", "/emergencies?state=opened", "/emergencies/open",
            "/people", "/concerns", person, f"{person}/concern", f"{person}/change", r,
            f"{r}/history", f"{r}/concern", consent, f"{api}/emergencies", f"{api}{person}",
            f"{api}{r}", f"{api}{consent}", f"{api}/people")  # fmt: skip
    opening: list[Ask] = [
        (method, path, body)
        for body in (said, known, said, known)
        for method, path in (("POST", "/emergencies/open"), ("POST", f"{api}/emergencies"))
    ]
    return [*(("GET", path, None) for path in gets), *opening]


def asks(records: dict[str, str], who: str, side: str) -> list[Ask]:
    """Pages, forms and calls of the API that somebody of this side may try."""
    if who == "olu":
        return asks_from_elsewhere(records)
    r, person = f"/referrals/{records['referral']}", f"/people/{records['person']}"
    api = "/api/v1"
    found: list[Ask] = [
        ("GET", path, None)
        for path in ("/", "/?show=open", "/?show=waiting", "/notices", "/escalations", r,
                     f"{r}/history", f"{r}/escalate", f"{r}/concern", f"{r}/hold", f"{api}{r}",
                     f"{api}{r}/moves", f"{api}{r}/steps", f"{api}{r}/holds", f"{api}/referrals",
                     f"{api}/referrals?state=sent&state=active", f"{api}/escalations",
                     f"{api}/concerns", "/concerns")
    ]  # fmt: skip
    mine = records["priya" if who == "priya" else "sol"]
    found += [("GET", f"/escalations/{mine}", None), ("GET", f"{api}/escalations/{mine}", None)]
    for trigger in MOVES[side]:
        found.append(("GET", f"{r}/{trigger.replace('_', '-')}", None))
        found.append(("POST", f"{r}/{trigger.replace('_', '-')}", GIVEN))
        found.append(("POST", f"{api}{r}/moves/{trigger}", {}))
        found.append(("POST", f"{api}{r}/moves/{trigger}", GIVEN))
    found.append(("POST", "/search", {"words": "Okoro"}))
    if side == "provider":
        return [*found, ("GET", "/sessions", None), ("GET", "/?show=taking-part", None)]
    consent = f"/consents/{records['consent']}"
    found += [
        ("GET", path, None)
        for path in ("/people", person, f"{person}/change", f"{person}/consent", f"{person}/share",
                     f"{person}/consent?purpose=contact", f"{person}/concern", consent,
                     f"{consent}/withdraw", f"{r}/write", f"{r}/write/check", f"{api}/people",
                     f"{api}{person}", f"{api}{consent}", f"{api}{consent}/moves",
                     f"{api}/consents", f"{api}/overrides", "/overrides", "/?show=drafts")
    ]  # fmt: skip
    found += [
        ("POST", f"{person}/refer", {}),
        ("POST", f"{consent}/withdraw", {"reason": "not_said"}),
        ("POST", f"{api}{consent}/moves/withdraw", {}),
        ("POST", f"{api}{r}/holds", {"cause": "hospital", "until": "2026-05-20"}),
        ("POST", "/people", {"words": "Okoro"}),
    ]
    return found


# -- ids --------------------------------------------------------------------------------------


class Counted:
    """In the place of chance: ids and references in the order in which they are made, so that what
    happens at one moment stands in the same order in both worlds."""

    def __init__(self) -> None:
        self.number, self.digits = 1 << 40, 0

    def randbits(self, bits: int) -> int:
        self.number += 1
        return self.number

    def choice(self, letters: str) -> str:
        made, place = divmod(self.digits, 5)
        self.digits += 1
        return letters[((20_000_000 + made) >> 5 * (4 - place)) & 31]


ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|SG-[0-9A-Z]{4}-[0-9A-Z]{2}")


class Names:
    """Ids and references of what came after the worlds parted, by the order in which they are
    first seen; those of before stay as they are."""

    def __init__(self, known: frozenset[str]) -> None:
        self.known = known
        self.seen: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        return ID.sub(self._name, RANDOM.sub("", text))

    def _name(self, found: re.Match[str]) -> str:
        text = found[0]
        return text if text in self.known else self.seen.setdefault(text, f"new {len(self.seen)}")


def known_in(w: World) -> frozenset[str]:
    """Every id and reference there is."""
    found: set[str] = set()
    with w.store.read() as tx:
        for table in Base.metadata.sorted_tables:
            for name in {"id", "reference"} & set(table.columns.keys()):
                rows = tx.rows(Sql(f"SELECT {name} FROM {table.name}"))
                found |= {row[0] for row in rows if isinstance(row[0], str)}
    return frozenset(found)


# -- the two worlds -----------------------------------------------------------------------------


def named_in_a_concern(w: World, records: dict[str, str], who: str, chance: random.Random) -> None:
    how, _ = WHO[who]
    actor = w.actor[who]
    source = {"user_id": actor.user_id} if how == "user" else {
        "organisation_id": actor.organisation_id
    }  # fmt: skip
    given = {"person_id": records["person"], "seen": "Bruises."}
    raiser, danger = chance.choice(("sam", "gwen", "tess")), chance.random() < 0.5
    later = chance.random() < 0.5
    given |= {"danger": danger, "sources": [] if later else [source]}
    made = w.step(Noun.CONCERN, None, "raise", raiser, given=given)
    if chance.random() < 0.5:
        w.step(Noun.CONCERN, made.id, "acknowledge", "gwen", given={"hold_stays": not later})
    if later:
        said = {"sources": [source], "note": "She said so."}
        w.step(Noun.CONCERN, made.id, "name_source", "gwen", given=said)


def records_put_right(w: World, records: dict[str, str], who: str, chance: random.Random) -> None:
    _, side = WHO[who]
    tess = w.actor["tess"]
    until = local_day(add(w.at, chance.randint(2, 20), ENGLAND))
    with w.store.begin(tess) as tx:
        place_hold(
            tx, tess, w.at, referral_id=records["referral"], cause="records", until=until, side=side
        )


Cause = Callable[[World, dict[str, str], str, random.Random], None]


def story(kept: Kept, cause: Cause, seed: int, states: tuple[str, ...], asked: int) -> list[Any]:
    """What one of them is told in one of the worlds, in the order they ask."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "secrets", Counted())
        return _story(kept, cause, seed, states, asked)


def _story(kept: Kept, cause: Cause, seed: int, states: tuple[str, ...], asked: int) -> list[Any]:
    chance = random.Random(seed)
    who, state = chance.choice(sorted(WHO)), chance.choice(states)
    records, side = kept.records[state], WHO[who][1]
    may_ask = asks(records, who, side)
    wanted = chance.sample(may_ask, min(asked, len(may_ask)))
    opened_before = who == "olu" and chance.random() < 0.5
    days, own = chance.choice((0, 0, 3, 8)), random.Random(seed + 1)
    path = kept.folder / f"{cause.__name__}.db"
    for old in kept.folder.glob(f"{cause.__name__}.db*"):
        old.unlink()
    shutil.copy(kept.folder / "base.db", path)
    w = replace(kept.world, store=Store(f"sqlite:///{path}"))
    if opened_before:
        w.emergency(records["person"], who)
    cause(w, records, who, own)
    if days:
        sweep(w, add(w.at, days, ENGLAND))
    visitor, client = sign_in(w, who), program(w, who)
    names = Names(kept.known)
    told: list[Any] = [(who, state, days)]
    for method, address, body in wanted:
        w.at += timedelta(seconds=20)
        told.append((method, address, *_answer(visitor, client, method, address, body, names)))
    w.store.dispose()
    return told


def _answer(
    visitor: Visitor,
    client: Program,
    method: str,
    address: str,
    body: dict[str, str] | None,
    names: Names,
) -> tuple[int, list[tuple[str, str]], str]:
    if address.startswith("/api/"):
        response = client.client.open(
            address,
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {client.token}"},
        )
    elif method == "GET":
        response = visitor.get(address, follow=False).response
    else:
        response = visitor.post(address, body, follow=False).response
    headers = [(n, names(v)) for n, v in response.headers if n != "Set-Cookie"]
    return response.status_code, headers, names(response.get_data(as_text=True))


def difference(first: Any, second: Any) -> str:
    """The lines in which two answers differ."""
    both = [str(told[3]) + "\n" + str(told[4]) for told in (first, second)]
    lines = difflib.unified_diff(*(text.splitlines() for text in both), n=0, lineterm="")
    return "\n".join([str(second[2]), *lines][:40])


def same(kept: Kept, seed: int, asked: int, states: tuple[str, ...] = STATES) -> int:
    """Tell the story in both worlds; how many of the answers were of a record they see at all."""
    one = story(kept, named_in_a_concern, seed, states, asked)
    two = story(kept, records_put_right, seed, states, asked)
    assert one[0] == two[0]
    for first, second in zip(one[1:], two[1:], strict=True):
        assert first[2] < 500, (seed, one[0], first[:3])
        assert first == second, f"seed {seed}, {one[0]}, {first[:3]}: {difference(first, second)}"
    return sum(told[2] == 200 for told in one[1:])


# -- the tests ----------------------------------------------------------------------------------

OPEN = tuple(state for state in STATES if state not in ("closed", "withdrawn"))


def test_nothing_tells_a_concern_from_records_being_put_right(kept: Kept) -> None:
    seen = sum(same(kept, seed, 7, OPEN) for seed in range(rounds(50)))
    assert seen > rounds(50)


def test_a_difference_would_be_noticed(kept: Kept) -> None:
    """With an ordinary hold in the place of the full one, the worlds differ."""

    def in_hospital(w: World, records: dict[str, str], who: str, chance: random.Random) -> None:
        tess, until = w.actor["tess"], local_day(add(w.at, 9, ENGLAND))
        with w.store.begin(tess) as tx:
            place_hold(
                tx, tess, w.at, referral_id=records["referral"], cause="hospital", until=until
            )

    different = 0
    for seed in range(5):
        one = story(kept, named_in_a_concern, seed, OPEN, 12)
        different += one != story(kept, in_hospital, seed, OPEN, 12)
    assert different >= 4
