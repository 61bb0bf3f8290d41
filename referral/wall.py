"""The database's own wall: what a transaction may see of each table about people, said once more by
the database itself, in the words of `referral.scopes`, for the day a query forgets to ask.

On PostgreSQL it is row-level security, forced; on SQLite, which has none, connections that read for
somebody see views in place of the tables. Both are made from the text below, and both ask the
settings of the transaction (`referral.store`) who is reading, and by which door. What guards and
clocks must know whoever asks, they read past the wall, by the name `guard.`; only the files that
`tests/house/test_wall.py` lists may say that name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache

from referral import scopes
from referral.actors import Actor
from referral.facts import ACTOR_NAMED, IMPLICATED, closed_person, named, side_of
from referral.roles import APP, KEPT_BY_MIGRATIONS, ROLES, WALLED
from referral.schema import under
from referral.states import Noun, Role
from referral.store import Door, Sql, Tx

NOWHERE = "00000000-0000-0000-0000-000000000000"
TABLE_OF = {scopes.PERSON: "person"} | {
    str(noun): str(noun)
    for noun in (
        Noun.REFERRAL,
        Noun.CONSENT,
        Noun.OVERRIDE,
        Noun.CONCERN,
        Noun.ESCALATION,
        Noun.RIGHTS,
        Noun.EMERGENCY,
    )
}
ALIASES = {
    "person": "pe",
    "referral": "r",
    "consent": "c",
    "override": "o",
    "concern": "c",
    "escalation": "e",
    "rights_request": "q",
    "emergency": "y",
}

# -- what is asked more than once ---------------------------------------------------------------
#
# On PostgreSQL each is a function: what is asked of one table in five words isn't planned in fifty
# wherever that table is read. On SQLite it stands in place.

ASKED = {
    "closed": closed_person("{0}"),
    "implicated": re.sub(
        r"\bc\.(id|provider_id)\b", lambda f: "{0}" if f[1] == "id" else "{1}", IMPLICATED
    ),
    "barred": named("k.provider_id = {0}", ACTOR_NAMED),
}
LISTED = {
    "opened": re.sub(r"^\S+ IN \((.*)\)$", r"\1", scopes.opened_by_member("p"), flags=re.DOTALL)
    .replace("FROM emergency", "FROM guard.emergency"),
    "under": "SELECT og.id FROM organisation og JOIN place pl ON pl.id = og.place_id"
    f" WHERE {under()}",
    "providers_under": "SELECT v.id FROM provider v JOIN organisation og"
    f" ON og.id = v.organisation_id JOIN place pl ON pl.id = og.place_id WHERE {under()}",
}  # fmt: skip


def _closed(person: str) -> str:
    return f"asks_closed({person})"


def _implicated(concern: str) -> str:
    return f"asks_implicated({concern}.id, {concern}.provider_id)"


def _under(table: str) -> str:
    return f"{table}.organisation_id IN ({{under}})"


# -- what the scopes say ------------------------------------------------------------------------


def _actor(role: Role, over_a_place: bool) -> Actor:
    return Actor(role, NOWHERE, place_path="/x" if over_a_place else None)


def _said(noun: str, actor: Actor) -> str | None:
    # A record that was put together with another is left out of lists, and found from the other's.
    if noun == scopes.PERSON:
        return scopes.PEOPLE_SCOPES[scopes.people_scope(actor)]
    return scopes.condition(noun, actor)


def _and(text: str) -> list[str]:
    """The parts of a condition that must all hold."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(r"[()]|\s(?:AND|OR)\s", text):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0 and found[0].strip() == "OR":
            return [text]
        if depth == 0 and found[0].strip() == "AND":
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]


def _by_role(noun: str) -> str:
    """What the scopes say of a noun, for whichever role asks; what they say for every role once."""
    whose: dict[str, list[tuple[Role, bool]]] = {}
    for role in Role:
        for over_a_place in (False, True):
            text = _said(noun, _actor(role, over_a_place))
            if text is not None and text != scopes.NOBODY_SEES:
                whose.setdefault(text, []).append((role, over_a_place))
    said = {text: _and(text) for text in whose}
    first = next(iter(said.values()))
    always = [one for one in first if all(one in parts for parts in said.values())]
    parts = []
    for text, actors in whose.items():
        text = " AND ".join(one for one in said[text] if one not in always)
        both = {role for role, _ in actors if {(role, True), (role, False)} <= set(actors)}
        for roles, path in (
            (both, ""),
            ({role for role, over in actors if over} - both, " AND :path <> '-'"),
            ({role for role, over in actors if not over} - both, " AND :path = '-'"),
        ):
            if roles:
                listed = ", ".join(sorted(f"'{role}'" for role in roles))
                parts.append(f"(:role IN ({listed}){path} AND {_placed(noun, text)})")
    for_each = "\n   OR ".join(parts)
    if not always:
        return for_each
    return f"({_placed(noun, ' AND '.join(always))} AND ({for_each}))"


def _placed(noun: str, text: str) -> str:
    """A condition with the places and the provider it speaks of."""
    alias = ALIASES[noun]
    # A person is known there by the name of the one who is read.
    if noun != scopes.PERSON:
        text = re.sub(r"\bpe\.id\b", f"{alias}.person_id", text)
    person = f"{alias}.{'id' if noun == scopes.PERSON else 'person_id'}"
    for said, asked in (
        (under(), _under(alias)),
        (under("ppl.path"), f"{alias}.provider_id IN ({{providers_under}})"),
        (closed_person(person), _closed(person)),
        (IMPLICATED, _implicated("c")),
        (ASKED["barred"].format("pr.id"), "asks_barred(pr.id)"),
    ):
        text = text.replace(said, asked)
    if re.search(r"\bpr\.", text):
        text = (
            "EXISTS (SELECT 1 FROM provider pr"
            f" WHERE CAST(pr.id AS text) = {alias}.recipient AND ({text}))"
        )
    return re.sub(rf"\b{alias}\.(?=[a-z])", f"{TABLE_OF[noun]}.", text)


# -- table by table -----------------------------------------------------------------------------

# One's own record, by a link. The program acts as the system there; this is for the day it doesn't.
_SELF = ":role = 'person' AND {column} = :person"
# Whoever sees a record sees the person it is about.
ABOUT = (
    *("referral", "consent", "override", "escalation", "concern"),
    *("rights_request", "emergency", "legal_hold", "retention_review"),
)


def _opened(column: str) -> str:
    """That the actor has the person's record open in an emergency, and it isn't closed to them."""
    return f"({column} IN ({{opened}}) AND NOT {_closed(column)})"


def _within(table: str, column: str) -> str:
    """That a record of another table is within reach: see `_reaching`."""
    return f"reaches_{table}({column})"


def _listed_roles(roles: Iterable[Role]) -> str:
    return ", ".join(sorted(f"'{role}'" for role in roles))


def _kept(table: str) -> str:
    """Why a record is kept, and whether it may go: for those who answer for that in its place."""
    roles = _listed_roles(scopes.KEEPERS)
    return (
        f":role IN ({roles}) AND :path <> '-' AND {_under(table)}"
        f" AND NOT {_closed(f'{table}.person_id')}"
    )


def _of_record(table: str) -> str:
    """What belongs to a record of any noun is seen by whoever sees that record."""
    nouns = " ".join(
        f"WHEN '{noun}' THEN {_within(noun, f'{table}.record_id')}" for noun in TABLE_OF.values()
    )
    return f"CASE {table}.noun {nouns} ELSE 1 = 1 END"


@cache
def conditions() -> dict[str, str]:
    """What a transaction that reads for an actor sees of each table about people, beside that it is
    of their own system: a condition that names the table's columns through the table."""
    own = {table: _by_role(noun) for noun, table in TABLE_OF.items()}
    person = _within("person", "{}.person_id")
    return {
        "person": f"{own['person']}\n   OR {_SELF.format(column='person.id')}"
        f"\n   OR {_opened('person.id')}"
        f"\n   OR {_within('about', 'person.id')}",
        **{
            table: f"{own[table]}\n   OR ({_SELF.format(column=f'{table}.person_id')})"
            f"\n   OR {_opened(f'{table}.person_id')}"
            for table in ("referral", "consent", "override")
        },
        "concern": f"{own['concern']}\n   OR (:role = '{Role.SAFEGUARDING_LEAD}'"
        f" AND NOT {_implicated('concern')} AND {_opened('concern.person_id')})",
        "escalation": own["escalation"],
        "rights_request": own["rights_request"],
        "emergency": own["emergency"],
        "plan": person.format("plan"),
        "capacity_assessment": person.format("capacity_assessment"),
        "beginning": "beginning.membership_id = :member"
        " OR (:role = 'team_lead' AND beginning.organisation_id = :actor_org)",
        "reminder": "reminder.membership_id = :member",
        "saved_view": "saved_view.membership_id = :member",
        "attendance": _within("referral", "attendance.referral_id"),
        # What the team asked is the team's: not the provider's, nor a lead's who sees the referral.
        "score": f":role IN ('{Role.LINK_WORKER}', '{Role.TEAM_LEAD}')"
        f" AND {_within('referral', 'score.referral_id')}",
        # What staff write to each other is given to the person in a copy, once it was looked at.
        **{
            table: f":role <> '{Role.PERSON}' AND {_within('referral', f'{table}.referral_id')}"
            for table in ("message", "message_read")
        },
        # As `referral.documents.SEEN_BY`, roles in place of sides.
        "document": f"((document.side = 'provider' AND :role = '{Role.PROVIDER_LEADER}')"
        f" OR (document.side = 'team' AND :role IN ('{Role.LINK_WORKER}', '{Role.TEAM_LEAD}'))"
        f" OR :role = '{Role.SAFEGUARDING_LEAD}' OR (:role <> '{Role.PERSON}'"
        " AND document.shared AND document.taken_back_at IS NULL AND document.scan <> 'refused'))"
        f" AND {_within('referral', 'document.referral_id')}",
        # Somebody else's name and number, for whoever opens the person's own record.
        "relationship": f":role IN ({_listed_roles(scopes.EMERGENCY_ROLES)})"
        f" AND {person.format('relationship')}",
        # For the person's team alone, as what it asked of how they are.
        "equality_answer": f":role IN ('{Role.LINK_WORKER}', '{Role.TEAM_LEAD}')"
        f" AND {person.format('equality_answer')}",
        "concern_source": _within("concern", "concern_source.concern_id"),
        "authority_call": _within("concern", "authority_call.concern_id"),
        "consequence": _within("escalation", "consequence.escalation_id"),
        "legal_hold": _kept("legal_hold"),
        "retention_review": _kept("retention_review"),
        "blackout": _kept("blackout"),
        "rights_part": _within("rights_request", "rights_part.request_id"),
        "correction": person.format("correction"),
        "raised_outside": _within("escalation", "raised_outside.escalation_id"),
        "note": _of_record("note"),
        "hold": f"(hold.cause <> 'concern' OR {_within('concern', 'hold.concern_id')})"
        f" AND (hold.person_id IS NULL OR {person.format('hold')})",
    }


# -- who asks -----------------------------------------------------------------------------------

_NAME = re.compile(r"(?<![:\w]):([a-z_]+)")
SETTINGS = {
    "system_id": ("segue.system", "uuid"),
    "actor_org": ("segue.organisation", "uuid"),
    "member": ("segue.membership", "uuid"),
    "user_id": ("segue.user", "uuid"),
    "person": ("segue.person", "uuid"),
    "role": ("segue.role", "text"),
    "path": ("segue.path", "text"),
    "at": ("segue.at", "timestamptz"),
    "door": ("segue.door", "text"),
}
_SIDES = " ".join(
    f"WHEN '{role}' THEN '{side_of(_actor(role, False))}'"
    for role in Role
    if side_of(_actor(role, False)) != "neither"
)
SIDE = f"CASE :role {_SIDES} ELSE 'neither' END"


def _asked_of_postgresql(text: str) -> str:
    # Each in a sub-select of its own: asked once a statement, not once a row. An empty one, as a
    # connection keeps it after a commit, is none.
    def asked(found: re.Match[str]) -> str:
        name, kind = SETTINGS[found[1]]
        return f"(SELECT CAST(nullif(current_setting('{name}', true), '') AS {kind}))"

    for name in LISTED:
        text = text.replace(f"{{{name}}}", f"SELECT guard.lists_{name}()")
    text = text.replace(":side", SIDE).replace(
        "{keys}",
        "SELECT json_array_elements_text("
        "CAST(nullif(current_setting('segue.keys', true), '') AS json))",
    )
    text = _ASKS.sub(r"guard.asks_\1(\2)", text)
    return _NAME.sub(asked, _REACHES.sub(r"guard.reaches_\1(\2)", text))


_REACHES = re.compile(r"\breaches_(\w+)\(([a-z_.]+)\)")
_ASKS = re.compile(r"\basks_(\w+)\(([a-z_., ]+)\)")


def _reaching(found: re.Match[str]) -> str:
    """On SQLite in place; on PostgreSQL a function, or planning a query would plan the policies of
    every table behind every table in it."""
    table, column = found[1], found[2]
    if table == "about":
        parts = (f"EXISTS (SELECT 1 FROM {t} w WHERE w.person_id = {column})" for t in ABOUT)
        return f"({' OR '.join(parts)})"
    return f"EXISTS (SELECT 1 FROM {table} w WHERE w.id = {column})"


def _asked_of_sqlite(text: str) -> str:
    text = _REACHES.sub(_reaching, text)
    text = _ASKS.sub(lambda found: ASKED[found[1]].format(*found[2].split(", ")), text)
    for name, query in LISTED.items():
        text = text.replace(f"{{{name}}}", query)
    text = text.replace(":side", SIDE).replace(
        "{keys}", "SELECT value FROM json_each(segue_setting('segue.keys'))"
    )
    text = _NAME.sub(lambda found: f"segue_setting('{SETTINGS[found[1]][0]}')", text)
    return text.replace("guard.", "main.")


SEES = (
    f"(CASE WHEN :door = '{Door.PAGE}' THEN {{table}}.system_id = :system_id AND ({{page}})"
    " ELSE 1 = 0 END)"
)
WORKS = f"""CASE :door WHEN '{Door.COMMAND}' THEN {{table}}.system_id = :system_id
  WHEN '{Door.WHOLE}' THEN 1 = 1 ELSE 1 = 0 END"""


# -- SQLite -------------------------------------------------------------------------------------


def views() -> Iterator[str]:
    """What makes a connection of SQLite see, in place of each table about people, what the wall
    leaves of it. It is for reading: to a view nothing can be written."""
    for table, page in conditions().items():
        sees = _asked_of_sqlite(f"{WORKS} OR {SEES}".format(table=table, page=page))
        yield f"CREATE TEMP VIEW {table} AS SELECT * FROM main.{table} WHERE {sees}"


# -- PostgreSQL ---------------------------------------------------------------------------------


def _function(name: str, sources: Iterable[str]) -> str:
    # It asks as whoever called it, under the policies that hold for them; each question is planned
    # once a connection, and only when it is come to.
    asked = "".join(
        f" IF EXISTS (SELECT 1 FROM {source}) THEN RETURN true; END IF;" for source in sources
    )
    return (
        f"CREATE FUNCTION guard.reaches_{name}(wanted uuid) RETURNS boolean LANGUAGE plpgsql STABLE"
        f" AS $$ BEGIN{asked} RETURN false; END $$"
    )


def _statements(program: str | None) -> Iterator[str]:
    """What makes it. `program`: the role that works with the tables; without it nobody but the
    owner reads or writes a row of them."""
    yield "CREATE SCHEMA guard"
    mine = _asked_of_postgresql(WORKS.replace("1 = 1", "true").replace("1 = 0", "false"))
    page_too = mine.replace("WHEN 'command'", "WHEN 'page' THEN {table}.system_id = "
        + _asked_of_postgresql(":system_id") + "\n  WHEN 'command'")  # fmt: skip
    for table in conditions():
        # It runs as its owner, past the policies, on purpose: and gives the actor's own system.
        yield (
            f"CREATE VIEW guard.{table} AS SELECT * FROM public.{table}"
            f" WHERE {page_too.format(table=table)}"
        )
    for name, text in ASKED.items():
        given = re.findall(r"\{(\d)\}", text)
        said = text.format(*(f"${int(one) + 1}" for one in sorted(set(given))))
        yield (
            f"CREATE FUNCTION guard.asks_{name}({', '.join(['uuid'] * len(set(given)))})"
            f" RETURNS boolean LANGUAGE plpgsql STABLE"
            f" AS $$ BEGIN RETURN {_asked_of_postgresql(said)}; END $$"
        )
    for name, query in LISTED.items():
        yield (
            f"CREATE FUNCTION guard.lists_{name}() RETURNS SETOF uuid LANGUAGE plpgsql STABLE"
            f" AS $$ BEGIN RETURN QUERY {_asked_of_postgresql(query)}; END $$"
        )
    for table in TABLE_OF.values():
        yield _function(table, (f"public.{table} w WHERE w.id = wanted",))
    yield _function("about", (f"public.{table} w WHERE w.person_id = wanted" for table in ABOUT))
    for table, page in conditions().items():
        sees = _asked_of_postgresql(SEES.format(table=table, page=page))
        own = mine.format(table=table)
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY segue_owner ON {table} TO CURRENT_USER USING (true)"
        if program is not None:
            yield f"CREATE POLICY segue_works ON {table} TO {program} USING ({own})"
            yield f"CREATE POLICY segue_sees ON {table} FOR SELECT TO {program} USING ({sees})"


BUILT = Sql("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'guard'")
COLUMNS = Sql(
    "SELECT table_name, string_agg(column_name, ' ' ORDER BY ordinal_position)"
    " FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name"
)
OURS = Sql("SELECT tablename, policyname FROM pg_policies WHERE policyname LIKE 'segue\\_%'")
ME = Sql("SELECT current_user")
OWNED_BY = Sql("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'guard'")


SECURED = Sql(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relrowsecurity"
)


def _program(tx: Tx) -> str | None:
    return APP if APP in {row[0] for row in tx.rows(ROLES)} else None


def _mark(tx: Tx, owner: str) -> str:
    """What tells this wall from an older one, from one over other columns, or of another owner."""
    tables = conditions()
    columns = sorted(row for row in tx.rows(COLUMNS) if row[0] in tables)
    said = [*_statements(_program(tx)), repr(columns), owner]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def lift(tx: Tx) -> None:
    """Take the wall away. A revision that changes the tables under it does so in the transaction
    that builds it again. On SQLite there is nothing to take away."""
    if not tx.pg:
        return
    for table, name in tx.rows(OURS):
        tx.execute(f"DROP POLICY {name} ON {table}", ())
    for (table,) in tx.rows(SECURED):
        tx.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", ())
        tx.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY", ())
    tx.execute("DROP SCHEMA IF EXISTS guard CASCADE", ())


def build(tx: Tx) -> None:
    """Make the wall as it is said here. Nothing on SQLite, where connections carry it, nor where it
    stands already."""
    if not tx.pg:
        return
    mark = _mark(tx, tx.rows(ME)[0][0])
    standing = tx.row(BUILT)
    if standing is not None and standing[0] == mark:
        return
    lift(tx)
    for statement in _statements(_program(tx)):
        tx.execute(statement, ())
    tx.execute(f"COMMENT ON SCHEMA guard IS '{mark}'", ())


def stands(tx: Tx) -> bool:
    """Whether the database holds a wall. SQLite never does: the program brings it."""
    return tx.pg and bool(tx.rows(WALLED))


def is_ours(tx: Tx) -> bool:
    """Whether the wall that stands is the one this program would build."""
    return tx.rows(BUILT) == [(_mark(tx, tx.rows(OWNED_BY)[0][0]),)]


def printed(program: str = APP) -> str:
    """What `build` says to PostgreSQL, for whoever wants to read it first."""
    return ";\n\n".join(_statements(program)) + ";\n"


UNWALLED = Sql(
    """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity
  AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = 'r'))"""
)


# As `_statements` names them: the owner sees all, the program what its door shows.
HIDDEN = Sql(
    """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relrowsecurity
  AND NOT EXISTS (SELECT 1 FROM pg_policy p, unnest(p.polroles) AS whose (role)
    WHERE p.polrelid = c.oid AND p.polname IN ('segue_owner', 'segue_works')
      AND pg_has_role(current_user, whose.role, 'USAGE'))"""
)
DOOR = Sql("SELECT current_setting('segue.door', true)")


def shows_everything(tx: Tx) -> bool:
    """Whether this transaction came by the machine's own door and the wall is one of ours, which
    shows its role every row by it."""
    if not stands(tx) or tx.rows(DOOR) != [(Door.WHOLE,)]:
        return False
    return is_ours(tx) and not tx.rows(HIDDEN)


def gaps(tx: Tx) -> list[str]:
    """The tables about people that stand without the wall: none where this program built it."""
    return sorted({row[0] for row in tx.rows(UNWALLED)} & set(conditions()) - {KEPT_BY_MIGRATIONS})
