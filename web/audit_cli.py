"""What `segue audit ...` does, without the command line around it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import click

from referral import sequencer, tree
from referral.actors import the_system
from referral.audit import log
from referral.notes import Kind, NotAKey, NotANote, NotSigned, Signer, Verifier, open_checkpoint
from referral.proofs import record_named
from referral.sequencer import Refused
from referral.store import Door, Tx
from referral.verify import Report, rebuild, verify
from referral.verify_tree import Known, check_tree
from web import audit_keys
from web.audit_export import Exported, export
from web.audit_keys import Keys, NoKey
from web.audit_outlets import Address, Folder, Webhook
from web.audit_proofs import NotFound, Proved, prove
from web.auditing import LogKeeper, Outlet
from web.edge import Edge
from web.settings import AuditSettings, SettingWrong, audit_settings
from web.witnessing import WitnessOutlet
from workflows.organisations import the_only_system
from workflows.rules_for_verify import rules_for_verify

Progress = Callable[[str, int, int | None], None]
KEY_ACTION = "audit_key"


def stop(says: str, status: int = 2) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    click.echo(says)
    sys.exit(status)


# -- keys ---------------------------------------------------------------------------------------


def keeper_of(edge: Edge, settings: AuditSettings | None = None) -> LogKeeper:
    """What sees to the log of this store, with the key and the places the settings name."""
    settings = settings or audit_settings()
    try:
        keys, no_key = audit_keys.read(settings.key), ""
    except NoKey as why:
        keys, no_key = None, str(why)
    return LogKeeper(edge, keys, outlets_of(settings), no_key)


def outlets_of(settings: AuditSettings) -> tuple[Outlet, ...]:
    """The places heads go to. Raises SettingWrong."""
    found: list[Outlet] = []
    if settings.folder is not None:
        found.append(Folder(settings.folder))
    if settings.webhook is not None:
        found.append(Webhook(Address(settings.webhook, settings.private)))
    if settings.witness is not None:
        found.append(WitnessOutlet(Address(settings.witness, settings.private), _witness(settings)))
    return tuple(found)


def _witness(settings: AuditSettings) -> Verifier:
    try:
        key = Verifier.read(settings.witness_key or "")
    except NotAKey as wrong:
        raise SettingWrong(f"SEGUE_AUDIT_WITNESS_KEY isn't a public key: {wrong}.") from wrong
    if key.kind != Kind.COSIGNATURE:
        raise SettingWrong("SEGUE_AUDIT_WITNESS_KEY is the key of a log, not of a witness.")
    return key


def keys_now(
    edge: Edge, origin: str | None, past: Iterable[str], rotate: bool, retire: bool
) -> tuple[Keys, Path, list[str]]:
    """The keys of the key file, made or changed as asked; where it is, and what was done. Every
    change is an entry of the log."""
    path = audit_settings().key
    try:
        here: Keys | None = audit_keys.read(path)
    except NoKey:
        here = None
    known = audit_keys.verifiers_named(past)
    if here is None:
        if rotate or retire:
            stop(
                f"There is no key file at {path} yet. Make one with: segue audit key --origin NAME"
            )
        made, says = _new(origin or _origin_of_the_address(), known), f"Made the key file {path}."
    elif rotate:
        made = here.with_new(origin or here.origin)
        says = "Made a new key. The old one signs beside it until: segue audit key --retire"
        if made.origin != here.origin:
            says = f"Made a new key for {made.origin}. The heads of {here.origin} stay verifiable."
    elif retire:
        made, says = here.retired(), "Only the newest key signs from now on."
    elif origin is not None and origin != here.origin:
        stop(f"There is a key for {here.origin} already. For another name, add --rotate.")
    else:
        made, says = here, ""
    if known:
        old = [one for one in known if one not in made.verifiers]
        made, says = Keys(made.signers, (*made.past, *old)), says or "Added to the known keys."
    if made != here:
        _change(edge, path, here, made)
    return made, path, [says] if says else []


def _new(origin: str, past: tuple[Verifier, ...]) -> Keys:
    try:
        return Keys((Signer.new(origin),), past)
    except NotAKey as error:
        stop(f"{origin!r} can't name a log: {error}. Use a name like audit.example.org/segue")


def _origin_of_the_address() -> str:
    host = urlsplit(os.environ.get("SEGUE_PUBLIC_URL", "")).hostname
    return f"{host or 'segue.local'}/audit"


def _change(edge: Edge, path: Path, before: Keys | None, after: Keys) -> None:
    with edge.store.begin(door=Door.WHOLE) as tx:
        system = the_only_system(tx)
        if system is not None:
            details = {
                "file": path.name,
                "was": [one.text for one in before.verifiers] if before else [],
            }
            said = {"keys": [one.verifier.text for one in after.signers]}
            actor = the_system(system, "segue audit key")
            log(tx, actor, edge.clock(), KEY_ACTION, "system", system, details, **said)
        audit_keys.write(path, after)


def key_for_setup(edge: Edge, path: Path | None = None) -> list[str]:
    """Make the key file where there is none; what to tell about it. It never stands in the way of
    a set-up."""
    path = path or audit_settings().key
    try:
        if path.exists():
            return [f"Heads of the audit log are signed with the key file {path}, as it was."]
        made = _new(_origin_of_the_address(), ())
        _change(edge, path, None, made)
    except (OSError, SettingWrong) as error:
        return [f"The audit log has no key yet ({error}). Make one with: segue audit key"]
    return [
        f"Heads of the audit log are signed with the key file {path}. Keep a copy of it apart from"
        " the backups of the database.",
        f"Its public key, to give to your auditors: {made.signers[0].verifier.text}",
    ]


def key_lines(keys: Keys) -> list[str]:
    """The public keys, for people."""
    return [
        f"Log: {keys.origin}",
        *(f"Signs: {one.verifier.text}" for one in keys.signers),
        *(f"Signed before: {one.text}" for one in keys.past),
        "Give these to those who check the log. They are no secret.",
    ]


# -- verify -------------------------------------------------------------------------------------


def verifiers_for(tx: Tx, named: Sequence[str]) -> tuple[Verifier, ...]:
    """The keys whose signatures count: those that were named, or those of the key file. Ends with
    what to do where heads stand in the store and no key is known."""
    if named:
        return audit_keys.verifiers_named(named)
    path = audit_settings().key
    try:
        return audit_keys.read(path).verifiers
    except NoKey:
        if tree.last_checkpoint(tx) is None:
            return ()
        stop(
            f"Which key signed the heads of this log? There is no key file at {path}. Name the"
            " public key with --key, as you were given it."
        )


def heads_kept(paths: Iterable[str], verifiers: Sequence[Verifier]) -> list[Known]:
    """The heads in these files and folders. Ends with what to do where one can't be read."""
    found = []
    for named in paths:
        path = Path(named)
        inside = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else []
        for file in inside or [path]:
            if file.name.startswith("."):
                continue
            try:
                head, _ = open_checkpoint(file.read_text(encoding="utf-8"), verifiers)
            except (NotANote, UnicodeDecodeError):
                if not inside:
                    stop(f"{file} isn't a signed head of a log.")
                continue
            except NotSigned as error:
                stop(
                    f"{file}: {error}. Name the key it was signed with: --key NAME+ID+KEY. If that"
                    " is the right key already, this head is forged."
                )
            except OSError as error:
                stop(f"{file} can't be read: {error.strerror}.")
            found.append(Known(str(file), head.size, head.root))
    return found


def verified(
    tx: Tx,
    verifiers: Sequence[Verifier],
    known: Sequence[Known],
    only_tree: bool,
    progress: Progress | None,
) -> Report:
    """What a check of the store comes to."""
    if not only_tree:
        return verify(tx, rules_for_verify(), progress, verifiers, known)
    report = Report()
    report.tree = check_tree(tx, report, verifiers, known, progress)
    report.entries = report.tree.size + report.tree.unplaced
    return report


# -- replay -------------------------------------------------------------------------------------


def replayed(
    tx: Tx, reference: str | None, progress: Progress | None
) -> tuple[Any, list[str], bool]:
    """What the log alone makes of every record, or of one, against what stands."""
    record = _record(tx, reference) if reference else None
    report, states, history = rebuild(tx, rules_for_verify(), progress, record)
    found: dict[str, Any] = {
        "whole": report.whole,
        "entries": report.entries,
        "records": report.records,
        "states": {f"{noun} {state}": count for (noun, state), count in sorted(states.items())},
        "findings": [finding._asdict() for finding in report.findings],
    }
    if record is not None:
        found["history"] = history
    says = "as they stand" if report.whole else f"unlike in {report.found} places"
    lines = [
        f"{'Whole' if report.whole else 'Broken'}: {report.records} records rebuilt from"
        f" {report.entries} entries, {says}."
    ]
    lines += [finding.line for finding in report.findings]
    if record is not None:
        lines += [
            f"{one['at']} {one['trigger']}: {one['from'] or 'new'} to {one['to']}, by {one['role']}"
            for one in history
        ]
    else:
        by_noun: Counter[str] = Counter()
        for (noun, _), count in states.items():
            by_noun[noun] += count
        lines += [
            f"  {noun}: {total}, "
            + ", ".join(
                f"{count} {state}" for (n, state), count in sorted(states.items()) if n == noun
            )
            for noun, total in sorted(by_noun.items())
        ]
    return found, lines, report.whole


def _record(tx: Tx, reference: str) -> str:
    record = record_named(tx, reference)
    if record is None:
        stop(f"No record has the reference {reference!r}. References look like SG-7K4Q-2M.")
    return record


# -- prove, export, settle ----------------------------------------------------------------------


def proved(tx: Tx, what: str, out: str, progress: Progress | None) -> tuple[Any, list[str]]:
    """Write the proofs; what was written."""
    try:
        found: Proved = prove(tx, what.strip(), Path(out), progress)
    except NotFound as why:
        stop(str(why), 1)
    except OSError as error:
        stop(f"{out} can't be written to: {error.strerror}.", 1)
    return found.as_json(), found.lines()


def exported(tx: Tx, folder: str, progress: Progress | None) -> tuple[Any, list[str]]:
    """Write or go on with the export; what was written."""
    try:
        verifiers = audit_keys.read(audit_settings().key).verifiers
    except NoKey:
        verifiers = ()
    try:
        found: Exported = export(tx, Path(folder), verifiers, progress)
    except Refused as why:
        stop(str(why), 1)
    except OSError as error:
        stop(f"{folder} can't be written to: {error.strerror}. Run it again to go on.", 1)
    return found.as_json(), found.lines()


def settled(edge: Edge, progress: Progress | None) -> tuple[Any, list[str]]:
    """Place every entry that has no place; how many there were."""
    total = 0
    while True:
        try:
            with edge.store.begin(door=Door.WHOLE) as tx:
                count = sequencer.settle(tx)
        except Refused as why:
            stop(str(why), 1)
        total += count
        if progress is not None:
            progress("entries", total, None)
        if not count:
            break
    says = f"{total} entries got their place by their number." if total else "Every entry had one."
    return {"settled": total}, [says, "Next: segue audit verify --since a head kept outside."]
