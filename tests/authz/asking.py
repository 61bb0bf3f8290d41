"""One cell of the matrix, for real: a request by an actor for a record, and whether the answer is
the one kept by hand.

The world is built once and never changes: whatever a request writes is undone as its transaction
ends, so each cell finds everything as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import templating
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from referral.actors import Actor
from referral.ids import new_id
from referral.states import Noun, Role
from referral.store import Door, Sql, Store, Transaction
from tests.authz.ground import RELATIONS, TOKENS, WHO, Ground
from tests.authz.reading import (
    EVERYBODY,
    LET_IN,
    NO_SUCH,
    NOT_FOUND,
    OWN_LINK,
    REFUSED,
    UNSAID,
    Matrix,
    Row,
)
from tests.grid import reading as grid
from tests.web.api import PREFIX, document_of
from tests.web.client import Visitor, app_of, sign_in, visit
from web.app import App
from web.edge import Edge
from web.labels import MOVES
from web.link_tokens import OPENED
from web.tokens import make_token
from workflows.engine import TABLES

NOBODY = "nobody"
# Arguments of an address that aren't records.
WORDS = {
    "day": "2026-05-07",
    "slug": "contact",
    "noun": "referral",
    "language": "en",
    "purpose": "contact",
    "kind": "days",
    "name": "referral.draft",
    "report": "declines",
    "what": "show",
    "wish": "accept",
    "code": "PC-0000-00",
    "seq": "1",
    "item": "referral.draft",
}
# The noun behind an id, by where it stands in the address.
NOUNS = (
    ("/consequences", "record_id", "decided"),
    ("/proposals", "record_id", "proposed"),
    ("/holds/<", "record_id", "still"),
    ("/mine", "referral_id", "referral"),
    ("/mine", "record_id", "own_request"),
    ("/link/sheet", "person_id", "other_person"),
    ("/reminders", "record_id", "draft"),
    ("/referrals/lists", "view_id", "saved_view"),
    ("/referrals", "writing_id", "draft"),
    ("/referrals", "record_id", "referral"),
    ("/people", "record_id", "person"),
    ("/people", "other_id", "other_person"),
    ("/consents", "record_id", "consent"),
    ("/overrides", "record_id", "override"),
    ("/rights", "record_id", "rights_request"),
    ("/retention/holds", "hold_id", "legal_hold"),
    ("/retention", "review_id", "retention_review"),
    ("/rights", "proposal_id", "rights_proposal"),
    ("/emergencies", "record_id", "emergency"),
    ("/concerns", "record_id", "concern"),
    ("/escalations", "record_id", "escalation"),
    ("/confirmations", "record_id", "confirmation"),
    ("/confirmations", "proposal_id", "confirmation"),
    ("/assurance", "record_id", "assurance"),
    ("/agreements", "record_id", "agreement"),
    ("/providers", "record_id", "provider"),
    ("/activities", "record_id", "activity"),
    ("/organisations", "record_id", "organisation"),
    ("/announcements", "record_id", "announcement"),
    ("/authorities", "line_id", "authority"),
)
# The machine behind the first part of an address; assurance is one with its provider.
BY_FOLDER = {f"{noun}s": str(noun) for noun in Noun} | {
    "assurance": "assurance",
    "rights": "rights_request",
    "emergencies": "emergency",
    "providers": "assurance",
}
# What is random in every answer, and says nothing.
RANDOM = re.compile(
    rb'nonce-[^\']+|nonce="[^"]*"|name="(csrf_token|key|up_to)" value="[^"]*"'
    rb"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def plain(rule: str) -> str:
    """The address of a route as the table writes it."""
    return re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"<\1>", rule)


def noun_of(path: str, name: str) -> str:
    """The noun behind an id in this address."""
    for part, argument, noun in NOUNS:
        if argument == name and part in path:
            return noun
    return name.removesuffix("_id")


class Undone(Transaction):
    """A transaction that keeps nothing, however well it went."""

    def __exit__(self, raised: object, error: object, trace: object) -> None:
        self._undo()


class Unchanging(Store):
    """The store as requests find it: always as it was."""

    def begin(
        self,
        actor: Actor | None = None,
        door: Door | None = None,
        at: datetime | None = None,
    ) -> Transaction:
        opening = "BEGIN" if self.pg else "BEGIN IMMEDIATE"
        return Undone(self, opening, actor, door or Door.COMMAND, at)


@dataclass(frozen=True)
class Route:
    """One method of one route: its address, with `*` of the table made good."""

    method: str
    path: str
    row: Row
    endpoint: str

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(n for n in re.findall(r"<(\w+)>", self.path) if n.endswith("_id"))

    @property
    def api(self) -> bool:
        return self.path.startswith(PREFIX)


def routes(app: App, matrix: Matrix) -> tuple[list[Route], list[tuple[str, str]]]:
    """Every route with its row, and those that have none."""
    stars = [(m, p.removesuffix("*"), r) for (m, p), r in matrix.rows.items() if p.endswith("*")]
    found, missing = [], []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        path = plain(rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            row = matrix.rows.get((method, path)) or next(
                (r for m, start, r in stars if m == method and path.startswith(start)), None
            )
            if row is None:
                missing.append((method, path))
            else:
                found.append(Route(method, path, row, rule.endpoint))
    return found, missing


@dataclass(frozen=True)
class Cell:
    """One question: who asks for which address, and what must come."""

    route: Route
    who: str
    relation: str
    expected: str
    address: str

    def __str__(self) -> str:
        return f"{self.route.method} {self.route.path} by {self.who} of {self.relation}"


@dataclass
class Asking:
    """An application over an unchanging store, and everybody who asks it. In `full`: every move of
    a page, and every record for those who aren't let in whatever it is."""

    g: Ground
    matrix: Matrix
    full: bool
    app: App = field(init=False)
    client: FlaskClient = field(init=False)
    _cookies: dict[str, tuple[str, str]] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _missing: dict[tuple[str, ...], tuple[Any, ...]] = field(default_factory=dict)
    _bodies: dict[str, bytes] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)
    _drawn: Any = None

    def __post_init__(self) -> None:
        w = self.g.w
        self.app = app_of(w)
        for who in WHO.values():
            self._keep(who, sign_in(w, who))
            with w.store.begin(w.actor[who]) as tx:
                self._tokens[who] = make_token(tx, w.actor[who], w.at, "matrix", 30)
        self._keep(NOBODY, visit(w))
        self._open_own_page()
        unchanging = Unchanging(w.store.url.render_as_string(hide_password=False))
        self.app.extensions["segue"].edge = Edge(unchanging, lambda: w.at)
        self.client = self.app.test_client(use_cookies=False)
        self._drawn = templating._render
        if not self.full:
            templating._render = self._undrawn

    def _undrawn(self, app: Any, template: Any, context: dict[str, Any]) -> str:
        """A page that is let in isn't drawn: other tests draw every page, and the drills these."""
        if template.name == "error.jinja":
            return self._drawn(app, template, context)
        app.update_template_context(context)
        return ""

    def close(self) -> None:
        templating._render = self._drawn
        self.app.extensions["segue"].edge.store.dispose()

    def _keep(self, who: str, visitor: Visitor) -> None:
        token = visitor.token()
        cookie = visitor.client.get_cookie("segue")
        assert cookie is not None
        self._cookies[who] = f"segue={cookie.value}", token

    def _open_own_page(self) -> None:
        """The person's own page, opened by their link."""
        w, link = self.g.w, self.g.records["own"]["link"]
        from workflows import person_links

        with w.store.begin() as tx:
            since = person_links.open_by(tx, link, w.at)
        visitor = visit(w)
        with visitor.client.session_transaction(base_url=visitor.base) as kept:
            kept[OPENED] = [link, since.isoformat(), since.isoformat()]
        self._keep(OWN_LINK, visitor)

    # -- the cells ------------------------------------------------------------------------------

    def cells(self) -> Iterator[Cell]:
        """Every cell of every route."""
        for route in routes(self.app, self.matrix)[0]:
            for path in self._spelt(route):
                for who in self._askers(route):
                    yield from self._of(route, path, who)

    def _askers(self, route: Route) -> Iterator[str]:
        yield from WHO.values()
        yield NOBODY
        if route.row.door == OWN_LINK:
            yield OWN_LINK

    def _spelt(self, route: Route) -> Iterator[str]:
        """The address with its words in place: one for each move where a move is a word of it."""
        path = route.path
        for name in re.findall(r"<(\w+)>", path):
            if name in WORDS:
                path = path.replace(f"<{name}>", WORDS[name])
            elif name in self.g.words:
                path = path.replace(f"<{name}>", self.g.words[name])
        if "<move>" not in path:
            yield path
            return
        noun = Noun(BY_FOLDER[path.split("/")[1]])
        triggers = [t for of, t in MOVES if of == noun and _by_hand(noun, t)]
        adapter = self.app.url_map.bind("localhost")
        for trigger in triggers if self.full else triggers[:1]:
            spelt = path.replace("<move>", trigger.replace("_", "-"))
            example = re.sub(r"<\w+>", new_id(), spelt)
            if adapter.match(example, route.method)[0] == route.endpoint:
                yield spelt

    def _of(self, route: Route, path: str, who: str) -> Iterator[Cell]:
        nouns = [noun_of(route.path, name) for name in route.ids]
        if not nouns:
            yield Cell(route, who, "", self._expected(route, who, None), path)
            return
        shut = self._expected(route, who, "own") in ("sign in", "another role")
        for relation in RELATIONS if self.full or not shut else ("own",):
            ids = [self.g.find(relation, noun) for noun in nouns]
            expected = self._expected(route, who, relation)
            if None not in ids:
                yield Cell(route, who, relation, expected, filled(path, route.ids, ids))
            if len(ids) == 2 and relation != "own" and None not in ids[1:]:
                # What stands under one's own record, and belongs to another.
                mixed = [self.g.find("own", nouns[0]), ids[1]]
                told = self._expected(route, who, "own")
                if told == LET_IN:
                    told = self._second(route, who, relation)
                yield Cell(route, who, f"own, {relation}", told, filled(path, route.ids, mixed))

    def _second(self, route: Route, who: str, relation: str) -> str:
        """Without a rule of its own, what belongs to another record isn't there."""
        if len(route.row.rules) < 2:
            return NOT_FOUND
        return self._answer(route.row.rules[1], who, relation)

    def _answer(self, rule: str, who: str, relation: str) -> str:
        role = Role.PERSON if who == OWN_LINK else self.g.w.actor[who].role
        told = self.matrix.rules[rule].get(role)
        return UNSAID if told is None else told[RELATIONS.index(relation)]

    def _expected(self, route: Route, who: str, relation: str | None) -> str:
        """What the table says of this cell."""
        row = route.row
        if row.door and not (row.door == OWN_LINK and who == OWN_LINK):
            return "open"
        there = relation is None or all(
            self.g.find(relation, noun_of(route.path, name)) for name in route.ids
        )
        if not there:
            return NO_SUCH
        if who == NOBODY:
            return "sign in"
        if not row.door and self.g.w.actor[who].role not in row.who:
            return "another role"
        if not row.rules:
            return LET_IN
        return self._answer(row.rules[0], who, relation or "own")

    # -- asking ---------------------------------------------------------------------------------

    def ask(self, route: Route, who: str, address: str) -> TestResponse:
        """The answer to this actor."""
        headers: dict[str, str] = {}
        data: Any = None
        if route.api:
            if who != NOBODY:
                headers["Authorization"] = f"Bearer {self._tokens[who]}"
            if route.method != "GET":
                headers["Content-Type"] = "application/json"
                data = self._body(route)
        else:
            headers["Cookie"], token = self._cookies[who]
            if route.method == "POST" and who != NOBODY:
                data = {"csrf_token": token}
        return self.client.open(
            address, method=route.method, headers=headers, data=data, base_url="http://localhost"
        )

    def _body(self, route: Route) -> bytes:
        """A body that the route's own schema takes."""
        known = self._bodies.get(route.endpoint)
        if known is None:
            path = re.sub(r"<(\w+)>", r"{\1}", route.path)
            told = document_of(self.app)["paths"][path][route.method.lower()]
            schema = (
                told.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("schema", {})
            )
            made = example(document_of(self.app), schema, self.g) if schema else {}
            known = self._bodies[route.endpoint] = json.dumps(made).encode()
        return known

    def wrong(self, cell: Cell) -> str | None:
        """What is wrong with the answer; None when it is the one kept by hand."""
        got = self.ask(cell.route, cell.who, cell.address)
        fault = FAULTS[cell.expected](cell, got)
        if fault is None and cell.expected == NOT_FOUND:
            fault = self._tells(cell, got)
        done = got.status_code < 300 if cell.route.api else got.status_code == 303
        if fault is None and cell.expected == LET_IN and done:
            fault = self._made(cell)
        return f"{cell}: {fault}" if fault else None

    def _made(self, cell: Cell) -> str | None:
        """Whether a move was made that the grid, kept by hand too, gives to no hat of this role."""
        move = re.search(r"(/moves/|/)([a-z_-]+)$", cell.address)
        noun = BY_FOLDER.get(cell.address.removeprefix(PREFIX).split("/")[1])
        if "/moves/" not in cell.route.path and "<move>" not in cell.route.path:
            return None
        if cell.route.method != "POST" or move is None or noun is None:
            return None
        trigger = move[2].replace("-", "_")
        if trigger not in grid.TRIGGERS[noun]:
            return None
        role = str(self.g.w.actor[cell.who].role)
        source = self._state(noun, cell.address)
        hats = {hat.role for line in grid.moves(noun, trigger, source) for hat in line.hats}
        return None if role in hats else f"made {trigger} from {source}"

    def _state(self, noun: str, address: str) -> str:
        record = re.findall(ID, address)[0]
        if record not in self._states:
            column = "provider_id" if noun == "assurance" and "/providers/" in address else "id"
            with self.g.w.store.read() as tx:
                found = tx.row(Sql(f"SELECT state FROM {noun} WHERE {column} = :id"), id=record)
            assert found is not None, address
            self._states[record] = str(found[0])
        return self._states[record]

    def _tells(self, cell: Cell, got: TestResponse) -> str | None:
        """Whether the answer differs in anything from that to an id that never was."""
        own = cell.relation.startswith("own,")
        path = re.sub(ID, "<>", cell.address, count=0)
        key = cell.route.method, path, cell.who, str(own)
        known = self._missing.get(key)
        if known is None:
            ids = iter(re.findall(ID, cell.address))
            keep = {next(ids)} if own else set()
            address = re.sub(ID, lambda m: m[0] if m[0] in keep else new_id(), cell.address)
            known = self._missing[key] = shown(self.ask(cell.route, cell.who, address))
        said = shown(got)
        if said == known:
            return None
        parts = [n for n, a, b in zip(SHOWN, said, known, strict=True) if a != b]
        return f"the {' and '.join(parts)} tell that it is there"


# Moves that are made on other pages: at the end of the wizard, and beside each consequence.
ELSEWHERE = {(Noun.REFERRAL, "send"), (Noun.ESCALATION, "settle")}


def _by_hand(noun: Noun, trigger: str) -> bool:
    """Whether there is a page for this move: some human makes it, on a record that is there."""
    if (noun, trigger) in ELSEWHERE:
        return False
    moves = [m for m in TABLES[noun].moves if m.trigger == trigger and m.sources != {None}]
    return any(role in WHO for m in moves for role, _ in m.by)


ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def filled(path: str, names: tuple[str, ...], ids: list[str | None]) -> str:
    for name, record in zip(names, ids, strict=True):
        path = path.replace(f"<{name}>", str(record))
    return path


SHOWN = ("status", "headers", "body")


def shown(answer: TestResponse) -> tuple[Any, ...]:
    """Everything that comes back, without what is random."""
    headers = [
        (name, RANDOM.sub(b"", value.encode()))
        for name, value in sorted(answer.headers)
        if name != "Set-Cookie"
    ]
    body = RANDOM.sub(b"", answer.data)
    lengths = [h for h in headers if h[0] != "Content-Length"]
    return answer.status_code, lengths, body


def _open(cell: Cell, got: TestResponse) -> str | None:
    if got.status_code >= 500 or got.headers.get("Location", "").startswith("/sign-in"):
        return f"is for everybody, and answers {got.status_code}"
    return None


def _sign_in(cell: Cell, got: TestResponse) -> str | None:
    if cell.route.method == "GET" and not cell.route.api:
        good = got.status_code == 302 and got.headers["Location"].startswith("/sign-in")
    else:
        good = got.status_code == 401
    return None if good else f"nobody is signed in, and it answers {got.status_code}"


# What a refusal says to people, and where it leads them on.
DENIED = (
    b"This page is for another role",
    b"Your role does not use this page.",
    b"ask your administrator.",
    b'<p><a href="/">',
)
MISSING = (
    b"Page not found",
    b"Check the address or the reference, or search for it.",
    b'<p><a href="/">',
)


def _another(cell: Cell, got: TestResponse) -> str | None:
    words = (b"Your role doesn't use this.",) if cell.route.api else DENIED
    if got.status_code != 403 or not all(word in got.data for word in words):
        return f"isn't for this role, and answers {got.status_code}"
    return None


def _not_found(cell: Cell, got: TestResponse) -> str | None:
    if got.status_code != 404:
        return f"isn't there for them, and answers {got.status_code}"
    if cell.route.method == "GET" and not cell.route.api:
        unsaid = [word for word in MISSING if word not in got.data]
        return f"isn't there for them, and doesn't say {unsaid}" if unsaid else None
    return None


def _let_in(cell: Cell, got: TestResponse) -> str | None:
    status = got.status_code
    if cell.route.method == "GET":
        away = got.headers.get("Location", "").startswith("/sign-in")
        return None if status in (200, 302, 303) and not away else f"answers {status}"
    if _another(cell, got) is None:
        return "is refused as for another role"
    return None if status in (200, 201, 202, 302, 303, 403, 409, 412, 422) else f"answers {status}"


def _refused(cell: Cell, got: TestResponse) -> str | None:
    status = got.status_code
    return None if status in (403, 409, 422) else f"must be refused, and answers {status}"


FAULTS = {
    "open": _open,
    "sign in": _sign_in,
    "another role": _another,
    NOT_FOUND: _not_found,
    LET_IN: _let_in,
    REFUSED: _refused,
    UNSAID: lambda cell, got: f"answers {got.status_code}, and the table says nothing",
}

# What is said in a body, by its name, where the schema alone can't tell.
GIVEN: dict[str, Callable[[Ground], Any]] = {
    "died_on": lambda g: "2026-05-04",
    "day": lambda g: "2026-05-07",
    "asked_on": lambda g: "2026-05-07",
    "satisfied": lambda g: 5,
    "told_at": lambda g: "2026-05-11T09:00:00+01:00",
    "valid_from": lambda g: "2026-05-01",
    "asked": lambda g: f"member@{g.w.actor['sam'].membership_id}",
    "holder": lambda g: f"safeguarding_lead@{g.w.place['harbour']}",
    "link_worker_id": lambda g: g.w.actor["sam"].membership_id,
    "group_id": lambda g: g.w.group["choir"],
    "place_id": lambda g: g.w.place["harbour"],
    "parent_id": lambda g: g.w.place["harbour"],
    "about_id": lambda g: g.records["own"]["referral"],
    "provider_id": lambda g: g.w.provider["singers"],
    "organisation_id": lambda g: g.w.org["singers"],
    "person_id": lambda g: g.records["own"]["person"],
    "reported_to": lambda g: "The council",
    "other": lambda g: g.records["own"]["other_person"],
    "referrals": lambda g: [],
    "sources": lambda g: [{"words": "A neighbour"}],
    "from_at": lambda g: "2026-05-01",
    "until": lambda g: "2026-05-20",
    "cause": lambda g: "person_asked",
    "consequence_id": lambda g: g.records["own"]["consequence"],
}


# What is wanted though the document can't say so: in one case, or by one move of several.
ALWAYS = frozenset({"died_on", "note", "reported_to", "told_at", "satisfied"})


def example(document: Any, schema: Any, g: Ground) -> Any:
    """The least that a schema of the API's document takes."""
    if "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return example(document, found, g)
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value is not None)
    if "object" in kinds or "properties" in schema:
        return {
            name: GIVEN[name](g) if name in GIVEN else example(document, told, g)
            for name, told in schema["properties"].items()
            if name in schema.get("required", ()) or name in ALWAYS
        }
    if schema.get("examples"):
        return schema["examples"][0]
    if "array" in kinds:
        return [example(document, schema["items"], g)]
    if "boolean" in kinds:
        return False
    if "integer" in kinds or "number" in kinds:
        return max(1, schema.get("minimum", 1))
    form = schema.get("format")
    if form == "uuid":
        return g.w.group["choir"]
    if form == "date":
        return (g.w.at + timedelta(days=7)).date().isoformat()
    if form == "email":
        return "someone@example.org"
    return "Words."


__all__ = ["EVERYBODY", "TOKENS", "Asking", "Cell", "Route", "routes"]
