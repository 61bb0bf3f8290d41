"""Three roles on PostgreSQL: one owns the tables, one works with them, one may add to the log.

The program works as a role that owns nothing, so that no grant, trigger or policy can be lifted by
who is bound by it. SQLite has no roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from referral.store import Door, Sql, Store, Tx

OWNER, APP, AUDIT = "segue_owner", "segue_app", "segue_audit"
MAKING = {
    OWNER: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
    APP: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
    AUDIT: "NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
}
# What only the role of the log may add to. The program is granted that role: what is done and what
# is said of it are one transaction.
LOG = ("audit", "audit_detail")
KEPT_BY_MIGRATIONS = "alembic_version"


class WrongRole(Exception):
    """The database is reached as a role that mustn't do this. The sentence says what to do."""


ROLES = Sql(
    "SELECT rolname FROM pg_roles WHERE rolname IN ('segue_owner', 'segue_app', 'segue_audit')"
)
MYSELF = Sql(
    """SELECT current_user, r.rolsuper, r.rolcreaterole, current_database(),
  has_schema_privilege(current_user, 'public', 'CREATE')
FROM pg_roles r WHERE r.rolname = current_user"""
)
# Tables, views and sequences of no table; then functions; then schemas of ours.
NOT_THE_OWNERS = Sql(
    """SELECT 'TABLE', format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'guard') AND c.relkind IN ('r', 'p', 'v', 'S')
  AND pg_get_userbyid(c.relowner) <> 'segue_owner'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
UNION ALL SELECT 'FUNCTION', p.oid::regprocedure::text
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname IN ('public', 'guard') AND pg_get_userbyid(p.proowner) <> 'segue_owner'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL SELECT 'SCHEMA', n.nspname FROM pg_namespace n
WHERE n.nspname = 'guard' AND pg_get_userbyid(n.nspowner) <> 'segue_owner'"""
)
MEMBERS = Sql(
    "SELECT pg_has_role('segue_app', 'segue_audit', 'MEMBER'),"
    " pg_has_role(current_user, 'segue_owner', 'MEMBER'),"
    " pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
)


def statements(missing: Iterable[str] = (OWNER, APP, AUDIT)) -> Iterator[str]:
    """What makes the roles: for who may, to run by hand."""
    missing = list(missing)
    for role in (OWNER, APP, AUDIT):
        if role in missing:
            yield f"CREATE ROLE {role} {MAKING[role]}"
    if missing:
        yield f"GRANT {AUDIT} TO {APP}"


def make_roles(store: Store) -> list[str]:
    """Make the roles that aren't there, hand the database and what is in it to its owner, and grant
    the others what they need; what was done, in sentences. Done twice it does nothing new. Raises
    WrongRole when whoever is connected may not."""
    if not store.pg:
        return ["SQLite has no roles: whoever may read the file may read all of it."]
    with store.begin(door=Door.WHOLE) as tx:
        me, superuser, creates, database, _ = tx.rows(MYSELF)[0]
        there = {row[0] for row in tx.rows(ROLES)}
        missing = [role for role in (OWNER, APP, AUDIT) if role not in there]
        if missing and not (superuser or creates):
            raise WrongRole(
                f"{me} may not make roles. Ask whoever runs the database to run these, then run"
                f" this again: {'; '.join(statements(missing))};"
            )
        for statement in statements(missing):
            tx.execute(statement, ())
        done = [f"Made the role {role}." for role in missing]
        granted, mine, owner = tx.rows(MEMBERS)[0]
        if not granted:
            tx.execute(f"GRANT {AUDIT} TO {APP}", ())
        if me != OWNER and owner != OWNER:
            if not (superuser or me == owner):
                raise WrongRole(
                    f"The database {database} belongs to {owner}. Run this as {owner} or as a"
                    " superuser of the database server."
                )
            if not (superuser or mine):
                tx.execute(f"GRANT {OWNER} TO CURRENT_USER", ())
            tx.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}", ())
            tx.execute(f'ALTER DATABASE "{database}" OWNER TO {OWNER}', ())
            done.append(f"The database {database} belongs to {OWNER} now.")
        moved = 0
        for kind, name in tx.rows(NOT_THE_OWNERS):
            tx.execute(f"ALTER {kind} {name} OWNER TO {OWNER}", ())
            moved += 1
        if moved:
            done.append(f"Handed to {OWNER}: {moved} tables and what belongs to them.")
        if become_owner(tx) and tx.rows(WALLED):
            from referral.wall import build

            build(tx)  # what was made for another owner lets this one see nothing
        grant(tx)
    return [*done, f"The program works as {APP}, which owns nothing."]


WALLED = Sql("SELECT 1 FROM pg_namespace WHERE nspname = 'guard'")
HANDED_OVER = Sql(
    """SELECT pg_has_role(current_user, r.oid, 'MEMBER')
  AND has_schema_privilege(r.oid, 'public', 'CREATE')
  AND NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relowner <> r.oid)
FROM pg_roles r WHERE r.rolname = 'segue_owner'"""
)


def become_owner(tx: Tx) -> bool:
    """What the transaction makes from here on belongs to the owner, if the roles are there and the
    database was handed over; whether it is so."""
    row = tx.row(HANDED_OVER)
    if row is None or not row[0]:
        return False
    tx.execute(f"SET LOCAL ROLE {OWNER}", ())
    return True


# What a table's triggers refuse to everybody: its updates, its deletions. Bits of tgtype.
REFUSED = Sql(
    """SELECT c.relname, bool_or((t.tgtype & 16) > 0), bool_or((t.tgtype & 8) > 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgqual IS NULL
  AND t.tgfoid = (SELECT oid FROM pg_proc WHERE proname = 'refuse_change'
    AND pronamespace = n.oid)
WHERE n.nspname = 'public' AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname"""
)


PAST_THE_WALL = (
    f"GRANT USAGE ON SCHEMA guard TO {APP}",
    f"GRANT SELECT ON ALL TABLES IN SCHEMA guard TO {APP}",
)


def grant(tx: Tx) -> None:
    """Grant each role what it needs on the tables there are, and on those to come. Nothing where
    the roles aren't there."""
    if not tx.pg or len(tx.rows(ROLES)) < 3:
        return
    both = f"{APP}, {AUDIT}"
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {both}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {both}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {APP}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {both}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO {APP}",
        *PAST_THE_WALL[: 2 * len(tx.rows(WALLED))],
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {both}",
    ):
        tx.execute(statement, ())
    for table, no_update, no_delete in tx.rows(REFUSED):
        if table == KEPT_BY_MIGRATIONS:
            continue
        tx.execute(f'GRANT INSERT ON "{table}" TO {AUDIT if table in LOG else APP}', ())
        if not no_update:
            tx.execute(f'GRANT UPDATE ON "{table}" TO {APP}', ())
        if not no_delete:
            tx.execute(f'GRANT DELETE ON "{table}" TO {APP}', ())


REACHED_AS = Sql(
    """SELECT current_user, r.rolsuper OR r.rolbypassrls,
  EXISTS (SELECT 1 FROM pg_roles o WHERE (o.rolsuper OR o.rolbypassrls)
    AND pg_has_role(current_user, o.oid, 'MEMBER')),
  EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
    AND pg_has_role(current_user, c.relowner, 'MEMBER'))
FROM pg_roles r WHERE r.rolname = current_user"""
)
INSTEAD = (
    f" Run `segue db roles` once as whoever runs the database, give {APP} a password, and put"
    f" {APP} into SEGUE_DATABASE_URL."
)


def refuse_to_serve(store: Store) -> None:
    """Raises WrongRole when the database is reached as a role that its own rules don't bind."""
    from referral.wall import gaps

    if not store.pg:
        return
    with store.read(door=Door.SHUT) as tx:
        name, unbound, could_be, owns = tx.rows(REACHED_AS)[0]
        open_to_all = gaps(tx) if store.wall else []
    if unbound:
        raise WrongRole(
            f"Segue won't work as {name}: no rule of the database holds for a superuser, or for"
            f" who bypasses row-level security.{INSTEAD}"
        )
    if owns:
        raise WrongRole(
            f"Segue won't work as {name}, who owns its tables and could lift every rule.{INSTEAD}"
        )
    if could_be:
        raise WrongRole(
            f"Segue won't work as {name}, who may become a role that no rule binds.{INSTEAD}"
        )
    if open_to_all:
        raise WrongRole(
            f"Row-level security is missing on: {', '.join(open_to_all)}. Run `segue db wall on` as"
            f" {OWNER}."
        )
