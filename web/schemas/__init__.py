"""One schema per command, for the page's form and the API's body alike.

`load` reads what was said by a schema; `schema_for` gives the schema of each move of each table."""

from web.schemas.base import Command, Wrong, load
from web.schemas.moves import schema_for

__all__ = ["Command", "Wrong", "load", "schema_for"]
