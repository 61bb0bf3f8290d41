"""The shape of governance, read from a file: places, organisations, and who reviews at each level.

A shape is data: it makes no rule of its own. The rungs it sets count from the moment it is loaded
and change nothing that was raised before. Four ship with the program as examples."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id
from referral.organisations import ORGANISATION_KINDS, REVIEWING, STANDS
from referral.rows import put
from referral.store import Sql, Tx
from workflows.moves import N_
from workflows.organisations import SETTERS, add_organisation, add_place
from workflows.rules import field, missing, require, wrong

SHIPPED = files("workflows") / "shipped_shapes"
ROOT = "root"
PLACE_KINDS = ("place", "neighbourhood")


class ShapeWrong(ValueError):
    """A file that can't be read as a shape. The sentence says where and what to do."""


@dataclass(frozen=True)
class Shape:
    """A shape as its file says it. Names may hold `{name}`: the system's own."""

    key: str
    title: str
    says: str
    places: tuple[Mapping[str, str], ...]
    organisations: tuple[Mapping[str, str], ...]
    rungs: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Loaded:
    """What loading a shape made. What was there under the same name was left as it is."""

    places: int
    organisations: int
    rungs: int


def shipped() -> list[Shape]:
    """The shapes that come with the program."""
    found = [f for f in SHIPPED.iterdir() if f.name.endswith(".toml")]
    return [
        parse(f.read_text(encoding="utf-8"), f.name.removesuffix(".toml"))
        for f in sorted(found, key=lambda f: f.name)
    ]


def shipped_text(key: str) -> str | None:
    """The file of a shape that comes with the program, as it is; None if there is none."""
    file = SHIPPED / f"{key}.toml"
    plain = key.replace("_", "").isalnum()
    return file.read_text(encoding="utf-8") if plain and file.is_file() else None


def parse(text: str, key: str) -> Shape:
    """A shape from the text of its file. Raises ShapeWrong."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ShapeWrong(f"The shape can't be read: {error}.") from error
    places = _listed(told, "places", ("key", "name"))
    known = {ROOT}
    for place in places:
        if place["key"] in known:
            raise ShapeWrong(f"Two places have the key {place['key']!r}. Give each its own.")
        if place.get("under", ROOT) not in known:
            raise ShapeWrong(f"{place['name']} lies under a place that isn't above it in the file.")
        if place.get("kind", "place") not in PLACE_KINDS:
            raise ShapeWrong(f"{place['name']}: kind is one of {', '.join(PLACE_KINDS)}.")
        known.add(place["key"])
    organisations = _listed(told, "organisations", ("name", "kind"))
    for one in organisations:
        if one["kind"] not in ORGANISATION_KINDS:
            kinds = ", ".join(ORGANISATION_KINDS)
            raise ShapeWrong(f"{one['name']}: kind is one of {kinds}.")
        _in_places(one.get("place", ROOT), known, one["name"])
    rungs = _listed(told, "rungs", ("level", "role", "stands"))
    seen: set[tuple[str, int]] = set()
    for rung in rungs:
        spot = rung.get("place", ROOT)
        _in_places(spot, known, f"Rung {rung['level']}")
        if rung["level"] not in (1, 2, 3, 4) or (spot, rung["level"]) in seen:
            raise ShapeWrong(f"A place has one rung for each level from 1 to 4, not {rung!r}.")
        if rung["role"] not in REVIEWING or rung["stands"] not in STANDS:
            raise ShapeWrong(
                f"Rung {rung['level']}: role is one of {', '.join(REVIEWING)}, and it stands in"
                f" one of {', '.join(STANDS)}."
            )
        seen.add((spot, rung["level"]))
    return Shape(
        key,
        str(told.get("title") or key),
        str(told.get("says") or ""),
        tuple(places),
        tuple(organisations),
        tuple(rungs),
    )


def _listed(told: Mapping[str, Any], name: str, needs: tuple[str, ...]) -> list[dict[str, Any]]:
    found = told.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ShapeWrong(f"Write each of the {name} under a line [[{name}]].")
    for one in found:
        lacks = [need for need in needs if need not in one]
        if lacks:
            raise ShapeWrong(f"One of the {name} lacks {lacks[0]!r}: {one!r}.")
    return found


def _in_places(key: str, known: set[str], whose: str) -> None:
    if key not in known:
        raise ShapeWrong(f"{whose}: there is no place with the key {key!r} in the file.")


# -- a system's own shape, for others to learn from ---------------------------------------------

OWN_PLACES = Sql("SELECT id, parent_id, name, kind, path FROM place WHERE system_id = :system_id")
# Who provides activities is no part of how a system is governed.
OWN_ORGANISATIONS = Sql(
    "SELECT name, kind, place_id FROM organisation WHERE system_id = :system_id"
    " AND ended_at IS NULL AND kind <> 'provider'"
)
OWN_RUNGS = Sql(
    "SELECT g.place_id, g.level, g.role, g.stands, g.title FROM ladder_rung g"
    " WHERE g.system_id = :system_id AND g.from_at <= :at AND NOT EXISTS (SELECT 1"
    " FROM ladder_rung n WHERE n.place_id = g.place_id AND n.from_at <= :at"
    " AND n.from_at > g.from_at) ORDER BY g.place_id, g.level"
)


def own_shape(tx: Tx, system_id: str, at: datetime) -> Shape:
    """The shape of a system as it stands: its places, its organisations without who provides, and
    who reviews at each level. No account and nobody's name is in it. Raises Refused: not_found."""
    system = tx.row(SYSTEM_OF, system_id=system_id)
    if system is None:
        raise missing("shape", "export")
    name, keys = str(system[0]), {str(system[1]): ROOT}
    places: list[dict[str, str]] = []
    rows = tx.rows(OWN_PLACES, system_id=system_id)
    # Each after the one it lies in, and the same whatever their ids are.
    for place_id, parent, called, kind, _ in sorted(rows, key=lambda r: (r[4].count("/"), r[2])):
        if place_id in keys:
            continue
        keys[place_id] = _key(called, set(keys.values()))
        made = {"key": keys[place_id], "name": _literal(called, name), "kind": kind}
        places.append(made if keys[parent] == ROOT else {**made, "under": keys[parent]})
    organisations = [
        {"name": _literal(called, name), "kind": kind, "place": keys[place]}
        for called, kind, place in tx.rows(OWN_ORGANISATIONS, system_id=system_id)
    ]
    organisations.sort(key=lambda one: (one["name"], one["place"]))
    rungs: list[dict[str, Any]] = []
    for place, level, role, stands, title in tx.rows(OWN_RUNGS, system_id=system_id, at=at):
        rung = {"level": level, "role": role, "stands": stands, "place": keys[place]}
        rungs.append({**rung, "title": title} if title else rung)
    rungs.sort(key=lambda one: (one["place"] != ROOT, one["place"], one["level"]))
    says = f"As it stood on {at.date().isoformat()}."
    return Shape(_key(name, set()), name, says, tuple(places), tuple(organisations), tuple(rungs))


def _key(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_") or "place"
    found, number = plain, 1
    while found in taken or found == ROOT:
        number += 1
        found = f"{plain}_{number}"
    return found


def _literal(name: str, system: str) -> str:
    """A name in which nothing is filled in as the shape is loaded, but that of the system."""
    return "{name}" if name == system else name.replace("{", "{{").replace("}", "}}")


def written(shape: Shape) -> str:
    """The file of a shape, as `parse` reads it."""
    parts = [f"title = {_said(shape.title)}\nsays = {_said(shape.says)}\n"]
    for name in ("places", "organisations", "rungs"):
        for one in getattr(shape, name):
            lines = "\n".join(f"{column} = {_said(value)}" for column, value in one.items())
            parts.append(f"[[{name}]]\n{lines}\n")
    return "\n".join(parts)


def _said(value: Any) -> str:
    # A text in JSON's quotation marks is a basic string of TOML, but for the one sign it escapes.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# -- loading ------------------------------------------------------------------------------------

SYSTEM_OF = Sql(
    "SELECT s.name, p.id FROM system s JOIN place p ON p.system_id = s.id"
    " WHERE s.id = :system_id AND p.parent_id IS NULL"
)
PLACE_NAMED = Sql(
    "SELECT id FROM place WHERE system_id = :system_id AND parent_id = :parent AND name = :name"
)
ORGANISATION_NAMED = Sql(
    "SELECT id FROM organisation WHERE system_id = :system_id AND place_id = :place"
    " AND name = :name AND ended_at IS NULL"
)


def load_shape(tx: Tx, actor: Actor, at: datetime, shape: Shape) -> Loaded:
    """Bring a shape into the actor's system: what is there by the same name stays, the rungs count
    from now. Loading it again makes nothing twice but the rungs, which say the same again."""
    require(actor, SETTERS, "shape", "load")
    system = tx.row(SYSTEM_OF, system_id=actor.system_id)
    if system is None:
        raise missing("shape", "load")
    name, root = str(system[0]), str(system[1])
    places = {ROOT: root}
    made = organisations = 0
    for place in shape.places:
        called, above = place["name"].format(name=name), places[place.get("under", ROOT)]
        row = tx.row(PLACE_NAMED, system_id=actor.system_id, parent=above, name=called)
        if row is None:
            made += 1
            places[place["key"]] = add_place(
                tx, actor, at, name=called, kind=place.get("kind", "place"), parent_id=above
            )
        else:
            places[place["key"]] = str(row[0])
    for one in shape.organisations:
        called, spot = one["name"].format(name=name), places[one.get("place", ROOT)]
        if tx.row(ORGANISATION_NAMED, system_id=actor.system_id, place=spot, name=called) is None:
            organisations += 1
            add_organisation(tx, actor, at, name=called, kind=one["kind"], place_id=spot)
    by_place: dict[str, list[Mapping[str, Any]]] = {}
    for rung in shape.rungs:
        by_place.setdefault(places[rung.get("place", ROOT)], []).append(rung)
    for place_id, rungs in by_place.items():
        set_rungs(tx, actor, at, place_id, rungs)
    log(tx, actor, at, "shape_loaded", "system", actor.system_id, {"shape": shape.key})
    return Loaded(made, organisations, len(shape.rungs))


PLACE = Sql("SELECT path FROM place WHERE id = :id AND system_id = :system_id")


def set_rungs(
    tx: Tx, actor: Actor, at: datetime, place_id: str, rungs: list[Mapping[str, Any]]
) -> None:
    """Who reviews at each level in a place and everything below it, from now on. Each rung: level,
    role, stands (organisation, place, root) and, if it has one, a title."""
    require(actor, SETTERS, "ladder", "set")
    place = tx.row(PLACE, id=place_id, system_id=actor.system_id)
    if place is None:
        raise missing("place", "change")
    if not rungs:
        raise wrong("ladder", "set", field("rungs", N_("Name at least one level.")))
    for rung in rungs:
        put(
            tx,
            "ladder_rung",
            {
                "id": new_id(at),
                "system_id": actor.system_id,
                "place_id": place_id,
                "level": rung["level"],
                "role": rung["role"],
                "stands": rung["stands"],
                "title": rung.get("title"),
                "from_at": at,
            },
        )
    said = [f"{r['level']} {r['role']} {r['stands']}" for r in rungs]
    log(tx, actor, at, "ladder_set", "place", place_id, {"rungs": said})
