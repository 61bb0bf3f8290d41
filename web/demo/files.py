"""Where the demo keeps its files: in `var/` of the folder it is started in."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("var")
DATABASE = FOLDER / "demo.db"
KEY = FOLDER / "demo.key"
KEYS = FOLDER / "demo.wrapping.keys"
CLOCK = FOLDER / "demo.clock"
AUDIT_KEY = FOLDER / "demo.audit.key"
ERASURES = FOLDER / "demo-erasures.jsonl"
HEADS = FOLDER / "demo.heads"  # the signed heads of its log, as another machine would keep them
POST = FOLDER / "demo.post"  # what would have been mails, texts and letters
