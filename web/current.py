"""What a request can reach of the application that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from web.edge import Edge
from web.settings import Settings
from web.ways import Ways


@dataclass
class Segue:
    """The edge, the settings, the time sessions go by, and the ways out of the house."""

    edge: Edge
    settings: Settings
    session_clock: Callable[[], datetime]
    ways: Ways


def segue() -> Segue:
    """All of it."""
    found: Segue = current_app.extensions["segue"]
    return found


def edge() -> Edge:
    """The edge of the application that answers this request."""
    return segue().edge


def settings() -> Settings:
    """The settings of the application that answers this request."""
    return segue().settings


def ways() -> Ways:
    """The ways out of the house of the application that answers this request."""
    return segue().ways
