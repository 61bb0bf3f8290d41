"""Answers people and programs: pages, the HTTP API, the command line and the worker."""
