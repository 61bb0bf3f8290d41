"""Numbered Alembic revisions, with one head, that build the store."""
