"""What a company lives through that is no table: consents given and taken back, letters, links clicked."""

from __future__ import annotations

import email
import email.policy
import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from muniment.model import rfc3339
from muniment.session.outreach.answers import Answer, answer
from muniment.session.reading import lists
from muniment.session.rights.consents import Terms

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["MOST_ASKED", "answer_survey", "ask_consents", "links_in", "settings_text"]

MOST_ASKED: Final = 2_000
"""So many customers were asked for consent at most; each consent is an act of its own, with a receipt."""

_DAY_US: Final = 86_400_000_000
_NOTICES: Final[Mapping[str, Mapping[str, object]]] = {
    "news-cn": {
        "purposes": ["DirectMarketing", "Personalisation"],
        "jurisdiction": "CN",
        "data": ["email", "interests"],
        "text_en": "May we write to you about new teas? You can take it back at any time.",
        "text_zh": "我们可以向您发送新茶资讯吗？您可随时撤回同意。",
    },
    "news-eu": {
        "purposes": ["DirectMarketing", "Personalisation"],
        "jurisdiction": "EU",
        "data": ["email", "interests"],
        "text_en": "May we write to you about new teas? Consent is free and can be withdrawn (GDPR 7).",
        "text_zh": "我们可以向您发送新茶资讯吗？同意出于自愿，可随时撤回（GDPR 第 7 条）。",
    },
}
_COMMENTS: Final = (
    (5, 10, "很满意，会推荐给朋友。"),
    (4, 8, "Good tea, friendly people."),
    (2, 4, "配送太慢了。"),
)


def settings_text(today: str) -> str:
    """What the company adds to its configuration: who sends letters, and how long talks are kept.

    Args:
        today: the day, year-month-day.
    """
    return f"""
[mail]
from = "Tea Company <shop@example.com>"
link = "https://tea.example.com"

[consent]
purposes = ["DirectMarketing", "Personalisation"]

[rights]
law = "pipl"

[retention]
accepted_by = "Chen Jing 陈静, {today}"
[[retention.rule]]
id = "TEA-1"
effect = "MAX"
maximum = "P3Y"
categories = ["communication"]
anchors = ["occurred_at"]
source = "Talks are kept for three years 沟通记录保留三年"
verified_by = "Chen Jing 陈静, {today}"
"""


def ask_consents(
    session: Session, *, seed: int = 20, progress: Callable[[int, int], None] | None = None
) -> Mapping[str, int]:
    """Ask customers for consent: most give it, under the law of where they live, some take it back or refuse.

    Args:
        session: who writes it down.
        seed: of the choices.
        progress: told how many were asked, and of how many.

    Returns:
        How many there are, by state.
    """
    draw = Random(seed)
    for key, values in _NOTICES.items():
        session.consents.write_notice(key, values)
    pages = session.pages(lists.Asked("customer", fields=["country"], limit=500))
    everybody = list(islice((one for page in pages for one in page.records), MOST_ASKED))
    counts = Counter[str]()
    now = session.engine.clock()
    for place, one in enumerate(everybody):
        chinese = one.fields.get("country") == "中国"
        for purpose, share in (("DirectMarketing", 0.7), ("Personalisation", 0.3)):
            if draw.random() >= share:
                continue
            terms = Terms(
                purpose,
                notice="news-cn" if chinese else "news-eu",
                language="zh" if chinese else "en",
                method=draw.choice(("web", "app", "paper")),
                given_at=rfc3339(now - draw.randint(20, 500) * _DAY_US),
            )
            fate = draw.choices(("given", "withdrawn", "refused"), (16, 2, 1))[0]
            if fate == "refused":
                session.consents.refuse(one.id, terms)
            else:
                session.consents.give(one.id, terms)
                if fate == "withdrawn":
                    session.consents.withdraw(one.id, purpose)
            counts[fate] += 1
        if progress is not None:
            progress(place + 1, len(everybody))
    return counts


def links_in(folder: Path, what: str) -> list[str]:
    """The ends of the links in the letters of a folder, in order of their files.

    Args:
        folder: with ``.eml`` files.
        what: ``leave`` or ``ask``.
    """
    found = []
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        text = message.as_string().replace("=\n", "")
        match = re.search(rf"/{what}/([A-Za-z0-9_-]{{43}})", text)
        if match:
            found.append(match[1])
    return found


def answer_survey(session: Session, tokens: list[str]) -> int:
    """Have some customers answer the survey whose links they got; give how many did."""
    for place, token in enumerate(tokens):
        score, recommend, comment = _COMMENTS[place % len(_COMMENTS)]
        answer(session.engine, token, Answer(score, recommend, comment))
    return len(tokens)
