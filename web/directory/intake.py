"""Lets the items of a feed in: what has no id or no name is refused, the rest is shelved."""

import re
from collections.abc import Iterator
from typing import Any

from web.directory.documents import Found, TooDeep
from web.directory.fields import Report, called, clean_text, has_unseen, shorten, tidy
from web.directory.items import Json, Limits, Problem
from web.directory.shelf import Record, Shelf

ACTIVITY, ORGANISATION, TAXONOMY, TERM = "activity", "organisation", "taxonomy", "term"
LOCATION, DETAILS, UNKNOWN, FEED = "location", "details", "item", "feed"

Raw = dict[str, Json]

# The fields that tell one kind of item from another; those that many kinds have are left out.
_SIGNS = {
    LOCATION: {"location", "location_id", "service"},
    ACTIVITY: {
        "accreditations",
        "alert",
        "assured_date",
        "assurer_email",
        "cost_options",
        "eligibility_description",
        "fees",
        "languages",
        "last_modified",
        "maximum_age",
        "minimum_age",
        "organization",
        "organization_id",
        "schedules",
        "service_areas",
        "service_at_locations",
        "status",
    },
    ORGANISATION: {
        "legal_status",
        "logo",
        "organization_identifiers",
        "parent_organization_id",
        "services",
        "website",
    },
    TAXONOMY: {"taxonomy_terms", "version"},
    TERM: {"parent_id", "taxonomy", "taxonomy_id", "term", "term_uri"},
    DETAILS: {"openapi_url", "profile", "version"},
}
_FILE_NAMES = (
    (re.compile(r"service[_-]?at[_-]?location", re.I), LOCATION),
    (re.compile(r"taxonomy[_-]?term", re.I), TERM),
    (re.compile(r"taxonom", re.I), TAXONOMY),
    (re.compile(r"organi[sz]ation", re.I), ORGANISATION),
    (re.compile(r"api[_-]?details", re.I), DETAILS),
    (re.compile(r"service", re.I), ACTIVITY),
)


def kind_of(value: Any, hint: str) -> str:
    """What an item is by its fields; where they don't tell, what was expected; else UNKNOWN."""
    if not isinstance(value, dict):
        return hint or UNKNOWN
    if "$schema" in value or "$defs" in value:
        return UNKNOWN
    scores = {kind: len(signs & value.keys()) for kind, signs in _SIGNS.items()}
    best = max(scores.values())
    likely = [kind for kind, score in scores.items() if score == best]
    if best and len(likely) == 1:
        return likely[0]
    return hint or UNKNOWN


def kind_by_name(where: str) -> str:
    """What a file is expected to hold, by its own name or that of its folder, or ""."""
    for part in reversed(where.split("/")):
        for pattern, kind in _FILE_NAMES:
            if pattern.search(part):
                return kind
    return ""


class Intake:
    """Puts items on the shelf, and names what can't be put there."""

    def __init__(self, shelf: Shelf, limits: Limits) -> None:
        self._shelf = shelf
        self._limits = limits
        self.seen_any = False

    def accept(self, found: Found, kind: str) -> tuple[str | None, list[Problem]]:
        """The id of an item that was let in, or None, and what is wrong with it."""
        self.seen_any = True
        raw = None if isinstance(found.value, TooDeep) else tidy(found.value)
        if not isinstance(raw, dict):
            return None, [self._not_an_item(found.value, found.where, kind)]
        problems: list[Problem] = []
        source_id = None
        if kind == ACTIVITY:
            source_id = self._activity(raw, found.where, found.listed, problems)
        elif kind == ORGANISATION:
            source_id = self._organisation(raw, found.where, found.listed, problems)
        elif kind == LOCATION:
            self._location(raw, found.where, problems)
        elif kind == TAXONOMY:
            source_id = self._taxonomy(raw, found.where, found.listed, problems)
        elif kind == TERM:
            source_id = self._put(TERM, raw, found.where, found.listed, problems)
        elif kind == DETAILS:
            problems.extend(_form(raw, found.where))
        else:
            report = self._report(UNKNOWN, raw, found.where)
            reason = (
                "We can't tell what this is: it has none of the fields that items of a feed have."
            )
            report.add(None, "unknown_kind", reason, ", ".join(raw), refused=True)
            problems.extend(report.problems)
        return source_id, problems

    def _not_an_item(self, value: Any, where: str, kind: str) -> Problem:
        report = Report(kind, None, None, where, self._limits)
        if isinstance(value, TooDeep):
            report.add(None, "too_deep", "It is nested too deeply to be an item.", refused=True)
        else:
            reason = f"An item is a group of fields; this is {called(value)}."
            report.add(None, "not_an_item", reason, tidy(value), refused=True)
        return report.problems[0]

    def _activity(self, raw: Raw, where: str, listed: bool, problems: list[Problem]) -> str | None:
        organisation = raw.get("organization")
        if isinstance(organisation, dict):
            organisation_id = self._organisation(organisation, where, False, problems)
            if organisation_id is not None:
                del raw["organization"]  # an item of its own now; a rotten one goes to `extra`
                self._one_organisation(raw, organisation_id, where, problems)
        return self._put(ACTIVITY, raw, where, listed, problems)

    def _one_organisation(
        self, raw: Raw, organisation_id: str, where: str, problems: list[Problem]
    ) -> None:
        named = raw.get("organization_id")
        if named not in (None, "", organisation_id) and str(named) != organisation_id:
            report = self._report(ACTIVITY, raw, where)
            reason = "This is not the organisation that stands beside it, which is used."
            report.add("organization_id", "points_elsewhere", reason, named, dropped=True)
            problems.extend(report.problems)
        raw["organization_id"] = organisation_id

    def _organisation(
        self, raw: Raw, where: str, listed: bool, problems: list[Problem]
    ) -> str | None:
        services = raw.get("services")
        alone = {key: value for key, value in raw.items() if key != "services"}
        source_id = self._put(ORGANISATION, alone, where, listed, problems)
        for service in self._inner(services, "services", ORGANISATION, raw, where, problems):
            inner_id = service.get("id")
            if service.get("name") is None and _usable(inner_id):
                if source_id is not None:
                    self._shelf.put_runs(source_id, str(inner_id), where)
                continue
            if source_id is not None and not service.get("organization"):
                service.setdefault("organization_id", source_id)
            self._activity(service, where, False, problems)
        return source_id

    def _taxonomy(self, raw: Raw, where: str, listed: bool, problems: list[Problem]) -> str | None:
        terms = raw.get("taxonomy_terms")
        alone = {key: value for key, value in raw.items() if key != "taxonomy_terms"}
        source_id = self._put(TAXONOMY, alone, where, listed, problems)
        for term in self._inner(terms, "taxonomy_terms", TAXONOMY, raw, where, problems):
            if source_id is not None:
                term.setdefault("taxonomy_id", source_id)
            self._put(TERM, term, where, False, problems)
        return source_id

    def _inner(
        self, value: Json, key: str, kind: str, raw: Raw, where: str, problems: list[Problem]
    ) -> Iterator[Raw]:
        """The items that stand inside another."""
        report = self._report(kind, raw, where)
        if value is not None and not isinstance(value, list):
            reason = f"A list stands here; this is {called(value)}."
            report.add(key, "not_a_list", reason, value, dropped=True)
        for place, one in enumerate(value if isinstance(value, list) else []):
            if isinstance(one, dict):
                yield one
            else:
                reason = f"An item is a group of fields; this is {called(one)}."
                report.add(f"{key}[{place}]", "not_an_item", reason, one, dropped=True)
        problems.extend(report.problems)

    def _location(self, raw: Raw, where: str, problems: list[Problem]) -> None:
        """A place with the activity that is held there, or with its id."""
        service, place = raw.pop("service", None), raw.get("location")
        owner = raw.get("service_id")
        if isinstance(service, dict):
            if service.get("name") is None and _usable(service.get("id")):
                owner = service["id"]
            else:
                owner = self._activity(service, where, False, problems)
        link = raw.get("id") or raw.get("location_id")
        if not link and isinstance(place, dict):
            link = place.get("id")
        if _usable(owner) and _usable(link):
            self._shelf.put_location(str(owner), str(link), raw, where)
            return
        report = self._report(LOCATION, raw, where)
        if not _usable(owner):
            reason = "It can't be told which activity is held here."
            report.add("service_id", "no_id", reason, raw.get("service_id"), refused=True)
        else:
            reason = "It has no id. Without one it can't be known again."
            report.add("id", "no_id", reason, raw.get("id"), refused=True)
        problems.extend(report.problems)

    def _put(
        self, kind: str, raw: Raw, where: str, listed: bool, problems: list[Problem]
    ) -> str | None:
        """The id of the item now on the shelf; None, and a problem for each field, if refused."""
        report = self._report(kind, raw, where)
        source_id, name = self._own_id(raw, report), _own_name(raw, report)
        problems.extend(report.problems)
        if source_id is None or name is None:
            return None
        if self._shelf.put(Record(kind, source_id, name, where, raw), listed=listed) == "twice":
            again = Report(kind, source_id, name, where, self._limits)
            reason = "This id comes more than once in the list. The fuller copy is used."
            again.add("id", "twice", reason, source_id, dropped=True)
            problems.extend(again.problems)
        return source_id

    def _own_id(self, raw: Raw, report: Report) -> str | None:
        value = raw.get("id")
        if isinstance(value, int) and not isinstance(value, bool):
            report.add("id", "id_is_number", "An id is text; this number is kept as text.", value)
            return str(value)
        if value is None or (isinstance(value, str) and not value.strip()):
            code, reason = "no_id", "It has no id. Without one it can't be known again."
        elif not isinstance(value, str):
            code, reason = "not_an_id", f"An id is text; here it is {called(value)}."
        elif len(value) > self._limits.id:
            code = "too_long"
            reason = f"An id may have {self._limits.id} characters; this has {len(value):,}."
        elif has_unseen(value):
            code, reason = "not_an_id", "The id has characters that can't be shown."
        else:
            return value
        report.add("id", code, reason, value, refused=True)
        return None

    def _report(self, kind: str, raw: Raw, where: str) -> Report:
        """A report that names the item as well as what it has of id and name allows."""
        source_id, name = raw.get("id"), raw.get("name")
        return Report(
            kind,
            shorten(source_id) if isinstance(source_id, str | int) else None,
            shorten(name) if isinstance(name, str) and name.strip() else None,
            where,
            self._limits,
        )


def _own_name(raw: Raw, report: Report) -> str | None:
    value = raw.get("name")
    if value is None or (isinstance(value, str) and not clean_text(value).strip()):
        code, reason = "no_name", "It has no name, so nobody could find it."
    elif not isinstance(value, str):
        code, reason = "not_text", f"A name is text; here it is {called(value)}."
    elif len(value) > report.limits.text:
        code, limit = "too_long", report.limits.text
        reason = f"This name has {len(value):,} characters. We take up to {limit:,}."
    else:
        return " ".join(value.split())
    report.add("name", code, reason, value, refused=True)
    return None


def _form(raw: Raw, where: str) -> Iterator[Problem]:
    version = raw.get("version")
    if not (isinstance(version, str) and re.match(r"HSDS(-UK)?-3\.", version)):
        reason = "The feed names another form than HSDS-UK-3.0. It is read as if it were that."
        yield Problem(
            FEED, None, None, "version", reason, shorten(version), code="form", where=where
        )


def _usable(source_id: Json) -> bool:
    if isinstance(source_id, str):
        return bool(source_id.strip()) and not has_unseen(source_id)
    return isinstance(source_id, int) and not isinstance(source_id, bool)
