"""Entries of the audit log for other people's software: FHIR R4 AuditEvent in the terms of IHE's
Basic Audit Log Patterns, FHIR R4 Provenance of each move, and lines of JSON.

Nobody's name stands in any of them: people, members and records are random ids, as in the leaves.
Of a safeguarding concern nothing tells whom it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from referral.audit import EMERGENCY_READ, EXPORTED, LISTED, LOOKED_FOR, READ
from referral.entries import EntryRow
from referral.states import Noun

Event = dict[str, Any]

HL7 = "http://terminology.hl7.org/CodeSystem"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
BALP = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
REST = "http://hl7.org/fhir/restful-interaction"
UUIDS = "urn:ietf:rfc:3986"
OURS = "urn:x-segue"  # our own codes, which are nobody else's

# Why, in the codes of HL7's purposes of use.
PURPOSES: dict[str, tuple[str, str]] = {
    "care": ("COC", "coordination of care"),
    "safety": ("PATSFTY", "patient safety"),
    "oversight": ("HOPERAT", "healthcare operations"),
    "audit": ("HCOMPL", "health compliance"),
    "administration": ("HSYSADMIN", "health system administration"),
    "own": ("PATRQT", "patient requested"),
    "operation": ("HSYSADMIN", "health system administration"),
    "emergency": ("BTG", "break the glass"),
}
OUTCOMES = {"done": "0", "refused": "4", "failed": "8"}
# What a record is in FHIR, where there is such a thing.
RESOURCES: dict[str, str] = {
    Noun.REFERRAL: "ServiceRequest",
    Noun.CONSENT: "Consent",
    Noun.ESCALATION: "Task",
    Noun.ASSURANCE: "VerificationResult",
    Noun.AGREEMENT: "Contract",
    "person": "Patient",
    "plan": "CarePlan",
    "organisation": "Organization",
    "provider": "Organization",
    "place": "Location",
    "membership": "PractitionerRole",
    "user": "Practitioner",
}


def _coding(system: str, code: str, display: str = "") -> Event:
    found = {"system": system, "code": code}
    return {**found, "display": display} if display else found


def _named(kind: str | None, value: str) -> Event:
    """A reference by a random id: what it stands for isn't in the export."""
    found: Event = {"identifier": {"system": UUIDS, "value": f"urn:uuid:{value}"}}
    return {"type": kind, **found} if kind else found


REST_EVENT = _coding(f"{HL7}/audit-event-type", "rest", "RESTful Operation")
SIGNING = _coding(DICOM, "110114", "User Authentication")
LOG_USED = _coding(DICOM, "110101", "Audit Log Used")
EXPORT = _coding(DICOM, "110106", "Export")
TOLD = _coding(f"{HL7}/iso-21089-lifecycle", "transmit", "Transmit Record Lifecycle Event")
GONE = _coding(f"{HL7}/iso-21089-lifecycle", "destroy", "Destroy/Delete Record Lifecycle Event")


def _kind(row: EntryRow, leaf: Mapping[str, Any]) -> tuple[Event, Event | None, str]:
    """(type, subtype, action) of an entry."""
    if row.action in ("sign_in", "sign_in_refused", "signed_in"):
        return SIGNING, _coding(DICOM, "110122", "Login"), "E"
    if row.action == "sign_out":
        return SIGNING, _coding(DICOM, "110123", "Logout"), "E"
    if row.action == EXPORTED:
        return EXPORT, None, "R"
    if row.noun == "audit":
        return LOG_USED, None, "R"
    if row.action.startswith(("notice_", "message_")):
        return TOLD, None, "E"
    if row.action == "erased":
        return GONE, None, "D"
    if row.action in (READ, EMERGENCY_READ) or (
        row.action == "refused" and leaf.get("trigger") == READ
    ):
        return REST_EVENT, _coding(REST, "read"), "R"
    if row.action in (LISTED, LOOKED_FOR, "searched"):
        return REST_EVENT, _coding(REST, "search-type"), "E"
    if row.action == "step" and leaf.get("version") == 1:
        return REST_EVENT, _coding(REST, "create"), "C"
    return REST_EVENT, _coding(REST, "update"), "U"


def _role(leaf: Mapping[str, Any]) -> list[Event]:
    role = str(leaf["role"])
    return [{"coding": [_coding(f"{OURS}:role", role)], "text": role.replace("_", " ")}]


def _purpose(leaf: Mapping[str, Any]) -> list[Event]:
    found = PURPOSES.get(str(leaf.get("purpose")))
    return [{"coding": [_coding(f"{HL7}/v3-ActReason", *found)]}] if found else []


def _who(row: EntryRow, leaf: Mapping[str, Any], site: str) -> Event:
    if row.member:
        return _named("PractitionerRole", row.member)
    if leaf["role"] == "person" and row.subject:
        return _named("Patient", row.subject)
    return _device(site)


def _device(site: str) -> Event:
    return {"type": "Device", "identifier": {"system": OURS, "value": site}}


def _agents(row: EntryRow, leaf: Mapping[str, Any], site: str) -> list[Event]:
    """Who acted, from where, and the server: the one agent that asked is the first."""
    user: Event = {
        "type": {
            "coding": [_coding(f"{HL7}/v3-ParticipationType", "IRCP", "information recipient")]
        },
        "role": _role(leaf),
        "who": _who(row, leaf, site),
        "requestor": True,
        **({"purposeOfUse": _purpose(leaf)} if _purpose(leaf) else {}),
    }
    if row.restricted and leaf.get("trigger") == "raise":
        user["who"] = _device(site)
    client: Event = {
        "type": {"coding": [_coding(DICOM, "110153", "Source Role ID")]},
        "who": {"display": str(leaf.get("door") or "unknown")},
        "requestor": False,
    }
    address = json.loads(row.details or "{}").get("client")
    if address:
        client["network"] = {"address": address, "type": "2"}
    server: Event = {
        "type": {"coding": [_coding(DICOM, "110152", "Destination Role ID")]},
        "who": _device(site),
        "requestor": False,
        "network": {"address": site, "type": "5" if "://" in site else "1"},
    }
    more = [
        {
            "type": {"coding": [_coding(f"{HL7}/v3-ParticipationType", code, words)]},
            "who": _named("PractitionerRole", str(leaf[key])),
            "requestor": False,
        }
        for key, code, words in (
            ("behalf", "RESP", "responsible party"),
            ("second", "VRF", "verifier"),
        )
        if leaf.get(key)
    ]
    return [user, client, server, *more]


def _detail(kind: str, value: Any) -> Event:
    return {"type": kind, "valueString": str(value)}


def _entities(row: EntryRow, leaf: Mapping[str, Any]) -> list[Event]:
    found: list[Event] = []
    details = [_detail("noun", row.noun), _detail("action", row.action)]
    for key in ("trigger", "version", "reason", "table", "cause"):
        if leaf.get(key) is not None:
            details.append(_detail(key, leaf[key]))
    for key, value in (leaf.get("state") or {}).items():
        if value is not None:
            details.append(_detail(f"state-{key}", value))
    details += [_detail("refused", code) for code in leaf.get("codes") or ()]
    details.append(_detail("leaf-sha256", row.leaf_hash.hex()))
    if row.place is not None:
        details.append(_detail("log-index", row.place))
    found.append(
        {
            "what": _named(RESOURCES.get(row.noun), row.record_id or row.id),
            "type": _coding(f"{HL7}/audit-entity-type", "2", "System Object"),
            "role": _coding(f"{HL7}/object-role", "4", "Domain Resource"),
            "detail": details,
        }
    )
    if leaf.get("consent") and not row.restricted:
        found.append(
            {
                "what": _named("Consent", str(leaf["consent"])),
                "type": _coding(f"{HL7}/audit-entity-type", "2", "System Object"),
                "role": _coding(f"{HL7}/object-role", "13", "Security Resource"),
            }
        )
    if row.subject and not row.restricted:
        found.append(
            {
                "what": _named("Patient", row.subject),
                "type": _coding(f"{HL7}/audit-entity-type", "1", "Person"),
                "role": _coding(f"{HL7}/object-role", "1", "Patient"),
            }
        )
    if leaf.get("request"):
        found.append(
            {
                "what": {"identifier": {"value": str(leaf["request"])}},
                "type": _coding(BALP, "XrequestId"),
            }
        )
    return found


def audit_event(row: EntryRow, site: str) -> Event:
    """One entry as a FHIR R4 AuditEvent. `site` is the address of the service."""
    leaf = row.said
    kind, subtype, action = _kind(row, leaf)
    return {
        "resourceType": "AuditEvent",
        "id": row.id,
        "type": kind,
        **({"subtype": [subtype]} if subtype else {}),
        "action": action,
        "recorded": leaf["at"],
        "outcome": OUTCOMES.get(str(leaf.get("outcome") or _outcome(row)), "0"),
        **({"purposeOfEvent": _purpose(leaf)} if _purpose(leaf) else {}),
        "agent": _agents(row, leaf, site),
        "source": {
            "site": site,
            "observer": _device(site),
            "type": [_coding(f"{HL7}/security-source-type", "4", "Application Server")],
        },
        "entity": _entities(row, leaf),
    }


def _outcome(row: EntryRow) -> str:
    """How an entry of form 1 went, which doesn't say."""
    return "refused" if row.action in ("refused", "sign_in_refused") else "done"


def provenance(row: EntryRow, site: str) -> Event | None:
    """One move as a FHIR R4 Provenance; None for an entry that changed no record."""
    leaf = row.said
    if row.action != "step" or row.record_id is None:
        return None
    who = _device(site) if row.restricted and leaf.get("trigger") == "raise" else None
    first: Event = {
        "type": {"coding": [_coding(f"{HL7}/provenance-participant-type", "author", "Author")]},
        "role": _role(leaf),
        "who": who or _who(row, leaf, site),
    }
    if leaf.get("behalf"):
        first["onBehalfOf"] = _named("PractitionerRole", str(leaf["behalf"]))
    agents = [first]
    if leaf.get("second"):
        agents.append(
            {
                "type": {
                    "coding": [
                        _coding(f"{HL7}/provenance-participant-type", "verifier", "Verifier")
                    ]
                },
                "who": _named("PractitionerRole", str(leaf["second"])),
            }
        )
    made = ("CREATE", "create") if leaf.get("version") == 1 else ("UPDATE", "revise")
    found: Event = {
        "resourceType": "Provenance",
        "id": row.id,
        "target": [_named(RESOURCES.get(row.noun), row.record_id)],
        "occurredDateTime": leaf["at"],
        "recorded": leaf["at"],
        "policy": [f"{OURS}:moves:{row.noun}:{leaf.get('table')}"],
        "activity": {
            "coding": [_coding(f"{HL7}/v3-DataOperation", *made)],
            "text": str(leaf.get("trigger")),
        },
        "agent": agents,
    }
    if leaf.get("reason") and not row.restricted:
        found["reason"] = [{"text": str(leaf["reason"]).replace("_", " ")}]
    if leaf.get("consent") and not row.restricted:
        found["entity"] = [{"role": "source", "what": _named("Consent", str(leaf["consent"]))}]
    return found


def line(row: EntryRow, site: str) -> Event:
    """One entry as it stands in the log: its leaf byte for byte, its hash, and its place."""
    return {
        "index": row.place,
        "entry": row.id,
        "hash": row.leaf_hash.hex(),
        "leaf": None if row.restricted else row.leaf,
        **({"said": _unnamed(row)} if row.restricted else {}),
    }


def _unnamed(row: EntryRow) -> Event:
    """What may be said of an entry about a concern; its leaf can't be shown whole."""
    leaf = row.said
    keys = ("action", "at", "noun", "organisation", "outcome", "purpose", "role", "trigger")
    found = {key: leaf.get(key) for key in keys}
    return {**found, "member": None if leaf.get("trigger") == "raise" else leaf.get("member")}


FORMATS: dict[str, Callable[[EntryRow, str], Event | None]] = {
    "fhir": audit_event,
    "provenance": provenance,
    "lines": line,
}


def written(rows: Iterable[EntryRow], form: str, site: str) -> Iterator[str]:
    """Each entry as one line of JSON, in the order in which they were written."""
    make = FORMATS[form]
    for row in rows:
        made = make(row, site)
        if made is not None:
            yield json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n"
