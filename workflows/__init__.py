"""Decides what may, must and then happens: tables of moves, guards and commands."""
