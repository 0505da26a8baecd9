"""The only corridor: what an actor with a purpose may do, and what is written down when they do."""

from __future__ import annotations

from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine, Settings
from muniment.session.kernel.views import Change as FieldChange
from muniment.session.kernel.views import Page, Record, Step
from muniment.session.reading.lists import Asked
from muniment.session.session import Session
from muniment.session.writing.writes import Change, Saved, write

__all__ = [
    "Acting",
    "Asked",
    "Change",
    "Engine",
    "FieldChange",
    "Page",
    "Record",
    "Saved",
    "Session",
    "Settings",
    "Step",
    "write",
]
