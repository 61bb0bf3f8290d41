"""Directory feeds to read, and what came out of them."""

import json
from pathlib import Path
from typing import Any

from web.directory.feed import (
    FeedActivity,
    FeedOrganisation,
    FeedTaxonomy,
    FeedTerm,
    Problem,
    read_feed,
)

DATA = Path(__file__).parents[1] / "data" / "directory"
FEED, SERVICES, FULL, ROTTEN = (
    DATA / name for name in ("feed", "services.json", "full.json", "rotten.json")
)
SINGING = "07606082-e056-4342-9cb3-e320f493d39a"
OTHER_ID = "5a2d8c0e-61b0-4c6b-9d2e-0c2f9d6f7a11"


def load(path: Path) -> Any:
    return json.loads(path.read_text())


class Read:
    """What came out of a feed, by kind."""

    def __init__(self, source: str | Path, **options: Any) -> None:
        self.everything = list(read_feed(source, **options))
        self.activities = [x for x in self.everything if isinstance(x, FeedActivity)]
        self.organisations = [x for x in self.everything if isinstance(x, FeedOrganisation)]
        self.terms = [x for x in self.everything if isinstance(x, FeedTerm)]
        self.taxonomies = [x for x in self.everything if isinstance(x, FeedTaxonomy)]
        self.problems = [x for x in self.everything if isinstance(x, Problem)]

    def activity(self, name: str) -> FeedActivity:
        (found,) = [one for one in self.activities if one.name == name]
        return found

    def names(self) -> set[str]:
        return {one.name for one in self.activities}

    def codes(self) -> list[str]:
        return [one.code for one in self.problems]

    def about(self, name: str | None) -> list[Problem]:
        return [one for one in self.problems if one.name == name]


def service(name: str = "Clay", **fields: Any) -> dict[str, Any]:
    return {"id": OTHER_ID, "name": name, "status": "active", **fields}


def envelope(items: list[Any], **said: Any) -> dict[str, Any]:
    head = {"total_items": len(items), "total_pages": 1, "page_number": 1, "size": len(items)}
    flags = {"first_page": True, "last_page": True, "empty": not items}
    return {**head, **flags, **said, "contents": items}
