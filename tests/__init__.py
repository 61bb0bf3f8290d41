"""Promises kept, room by room, then journeys across them and rules of the house."""
