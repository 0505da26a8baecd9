"""Which panels about a person's rights stand beside a record."""

from __future__ import annotations

from muniment.schema import RecordType
from muniment_web.frame.call import Call

__all__ = ["rights_panels"]


def rights_panels(call: Call, record_type: RecordType) -> dict[str, bool]:
    """What of it the person may see and do; about a record that belongs to nobody there is little."""
    may = call.session.may
    personal = record_type.subject != "none"
    return {
        "may_requests": personal and may("request.read"),
        "may_clock": may("retention.read"),
        "may_restrict": personal and may("subject.restrict"),
        "may_ask_log": may("log.read"),
        "may_break": may("break_glass.begin"),
    }
