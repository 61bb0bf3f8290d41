"""Remembers what is true: tables, ledger, audit log and the only reading queries."""
