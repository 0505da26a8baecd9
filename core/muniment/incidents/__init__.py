"""Incidents: the clocks of laws, and drafts of notices; pure."""

from __future__ import annotations

from muniment.incidents.laws import LAWS, Clock, Due, Law, Times, due_dates
from muniment.incidents.notices import AUDIENCES, draft_notice, notice_html, notice_markdown

__all__ = [
    "AUDIENCES",
    "LAWS",
    "Clock",
    "Due",
    "Law",
    "Times",
    "draft_notice",
    "due_dates",
    "notice_html",
    "notice_markdown",
]
