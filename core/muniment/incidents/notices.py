"""Drafts of notices about an incident: for an authority and for the persons concerned.

A draft, in English or Chinese, says what the archive knows and marks plainly what it does not: a gap is
filled by a person, never by a guess. Nothing of a record stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from muniment.errors import UsageError, text_of
from muniment.incidents.laws import LAWS

__all__ = ["AUDIENCES", "draft_notice", "notice_html", "notice_markdown"]

AUDIENCES: Final = ("authority", "persons")

Labels = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Labels by record type and field, each in English and Chinese; the empty field is the type itself."""

_STYLE: Final = """
body { font: 11pt/1.5 system-ui, "Noto Sans SC", sans-serif; max-width: 46em;
margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin-top: 1.6em; }
.gap { background: #fff3c4; border: 1px dashed #8a6d00; padding: .1em .3em; }
.drill { border: 2px solid #a00; color: #a00; padding: .3em .6em; font-weight: bold; }
footer { margin-top: 2em; border-top: 1px solid #bbb; font-size: .85em; }
@media print { body { margin: 0; max-width: none; } }
"""

_SECTIONS: Final = {
    "authority": ("reporter", "facts", "data", "numbers", "harm", "measures", "clock", "contact"),
    "persons": ("facts", "data", "harm", "measures", "advice", "contact"),
}


def draft_notice(
    incident: Mapping[str, Any],
    audience: str,
    *,
    lang: str,
    law: str = "",
    organisation: str = "",
    labels: Labels | None = None,
) -> dict[str, Any]:
    """The draft of a notice.

    Args:
        incident: as ``Incident.document`` gives it.
        audience: ``authority`` or ``persons``.
        lang: ``en`` or ``zh``.
        law: key of the law under which it is made; by default the first that asks for it.
        organisation: what the archive's owner is called; empty leaves a gap.
        labels: of record types and fields.

    Returns:
        ``title``, ``lang``, ``audience``, ``law``, ``source``, ``drill``, ``incident``, ``sections`` (each a
        ``heading`` and ``lines``, a line being ``{"text"}`` or ``{"gap"}``) and ``gaps``, how many there are.

    Raises:
        UsageError: ``incident.audience``, ``incident.law``.
    """
    if audience not in AUDIENCES:
        raise UsageError("incident.audience", name=audience, known=", ".join(AUDIENCES))
    if law and law not in LAWS:
        raise UsageError("incident.law", name=law, known=", ".join(LAWS))
    clocks = [one for one in incident["clocks"] if one["audience"] == audience]
    clock = next((one for one in clocks if not law or one["law"] == law), None)
    say = _Words(lang)
    writer = _Writer(incident, clock, say, organisation, labels or {})
    sections = []
    for name in _SECTIONS[audience]:
        lines = getattr(writer, name)()
        sections.append({"heading": say.head(name), "lines": lines})
    return {
        "type": "muniment-notice-draft",
        "v": 1,
        "title": say.title(audience),
        "lang": lang,
        "audience": audience,
        "law": law or ("" if clock is None else clock["law"]),
        "source": "" if clock is None else clock["source"],
        "drill": bool(incident["drill"]),
        "incident": incident["id"],
        "sections": sections,
        "gaps": sum("gap" in line for one in sections for line in one["lines"]),
    }


class _Words:
    """Texts of the catalogue in one language; each family of codes has a method of its own."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, code: str, /, **parameters: object) -> str:
        return text_of(code, self.lang, **parameters)[0]

    def head(self, name: str) -> str:
        """The heading of a section."""
        return self(f"incident.notice_head_{name}")

    def title(self, audience: str) -> str:
        """The title of a notice."""
        return self(f"incident.notice_title_{audience}")

    def gap(self, name: str, /, **parameters: object) -> dict[str, str]:
        """A line that marks what nobody has said yet."""
        return {"gap": self(f"incident.notice_gap_{name}", **parameters)}

    def line(self, name: str, /, **parameters: object) -> dict[str, str]:
        """A line of what is known."""
        return {"text": self(f"incident.notice_{name}", **parameters)}

    def time(self, name: str, time: str) -> dict[str, str]:
        """A line with one of the times."""
        return {"text": self(f"incident.notice_time_{name}", time=time)}

    def data(self, way: str, type: str, fields: str) -> dict[str, str]:
        """A line with the fields of a type."""
        return {"text": self(f"incident.notice_data_{way}", type=type, fields=fields)}

    def nature(self, name: str) -> dict[str, str]:
        """A line with what happened to the data."""
        return {"text": self(f"incident.notice_nature_{name}")}

    def risk(self, name: str) -> dict[str, str]:
        """A line with the risk to persons."""
        return {"text": self(f"incident.notice_risk_{name}")}


class _Writer:
    """Writes the sections of one draft."""

    def __init__(
        self,
        incident: Mapping[str, Any],
        clock: Mapping[str, Any] | None,
        say: _Words,
        organisation: str,
        labels: Labels,
    ) -> None:
        self._incident = incident
        self._clock = clock
        self._say = say
        self._organisation = organisation
        self._labels = labels

    def _own(self, name: str) -> list[dict[str, str]]:
        """What people wrote, or the gap where they did not."""
        text = str(self._incident.get(name) or "").strip()
        return [{"text": text}] if text else [self._say.gap(name)]

    def reporter(self) -> list[dict[str, str]]:
        """Who reports, to whom."""
        say = self._say
        named = self._organisation.strip()
        to = None if self._clock is None else self._clock["to"][say.lang]
        return [
            say.line("reporter", name=named) if named else say.gap("organisation"),
            say.line("to", name=to) if to else say.gap("to"),
        ]

    def facts(self) -> list[dict[str, str]]:
        """What happened, and when."""
        say, one = self._say, self._incident
        lines = [{"text": one["title"]}, say.nature(str(one["nature"]))]
        for name in ("happened", "ended", "found", "known"):
            if one[name]:
                lines.append(say.time(name, _shown(one[name])))
            elif name == "happened":
                lines.append(say.gap("happened"))
        return lines + self._own("cause")

    def data(self) -> list[dict[str, str]]:
        """Which kinds of data."""
        say, affected = self._say, self._incident["affected"]
        if affected is None:
            return [say.gap("affected")]
        lines = []
        for type_key, found in affected["types"].items():
            for way in ("clear", "masked", "written", "cleared"):
                if found.get(way):
                    named = ", ".join(self._label(type_key, key) for key in found[way])
                    lines.append(say.data(way, self._label(type_key, ""), named))
        return lines or [say.gap("data")]

    def _label(self, type_key: str, key: str) -> str:
        own = self._labels.get(type_key, {}).get(key)
        return (key or type_key) if own is None else own[self._say.lang]

    def numbers(self) -> list[dict[str, str]]:
        """How many persons and records, as of which entry of the log."""
        say, affected = self._say, self._incident["affected"]
        if affected is None:
            return [say.gap("affected")]
        lines = [
            say.line("numbers", subjects=affected["subjects"], records=affected["records"]),
            say.line("index", index=affected["index"], acts=affected["acts"]),
        ]
        if affected["unread"]:
            lines.append(say.gap("unread", count=affected["unread"]))
        for name, count in affected["jurisdictions"].items():
            lines.append(
                say.line("jurisdiction", name=name, count=count)
                if name
                else say.gap("jurisdiction", count=count)
            )
        return lines

    def harm(self) -> list[dict[str, str]]:
        """What it may mean for them."""
        say, risk = self._say, self._incident["risk"]
        assessed = say.gap("risk") if risk == "unknown" else say.risk(risk)
        return [*self._own("harm"), assessed]

    def measures(self) -> list[dict[str, str]]:
        """What was done about it."""
        done = [
            {"text": f"{_shown(one['at'])}: {one['text']}"}
            for one in self._incident["steps"]
            if one["what"] == "contain" and one.get("text")
        ]
        return [*done, *self._own("measures")]

    def advice(self) -> list[dict[str, str]]:
        """What the persons can do themselves."""
        return self._own("advice")

    def clock(self) -> list[dict[str, str]]:
        """By when this was due, and why it is late where it is."""
        say, clock = self._say, self._clock
        if clock is None:
            return [say.gap("clock")]
        if clock["due"] is None:
            return [say.line("clock_waits", source=clock["source"])]
        lines = [say.line("clock", due=_shown(clock["due"]), source=clock["source"])]
        if clock["state"] in ("late", "met_late"):
            lines.append(say.gap("late"))
        return lines

    def contact(self) -> list[dict[str, str]]:
        """Who answers questions."""
        return self._own("contact")


def _shown(time: str) -> str:
    """A time of ours, RFC 3339, to the second."""
    return f"{time[:19].replace('T', ' ')} UTC"


def notice_html(draft: Mapping[str, Any]) -> str:
    """A draft as one HTML file that needs nothing else."""
    say = _Words(draft["lang"])
    pieces = [f"<h1>{escape(draft['title'])}</h1>"]
    if draft["drill"]:
        pieces.insert(0, f'<p class="drill">{escape(say("incident.notice_drill"))}</p>')
    pieces.append(f"<p>{escape(say('incident.notice_draft', count=draft['gaps']))}</p>")
    for section in draft["sections"]:
        pieces.append(f"<h2>{escape(section['heading'])}</h2>")
        for line in section["lines"]:
            text = escape(line.get("text", "")).replace("\n", "<br>")
            gap = f'<span class="gap">[ {escape(line["gap"])} ]</span>' if "gap" in line else ""
            pieces.append(f"<p>{text}{gap}</p>")
    foot = say("incident.notice_foot", incident=draft["incident"], source=draft["source"] or "—")
    pieces.append(f"<footer><p>{escape(foot)}</p></footer>")
    language = "zh-CN" if draft["lang"] == "zh" else "en"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(draft['title'])}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(pieces)
        + "\n</body>\n</html>\n"
    )


_MARKS: Final = re.compile(r"([\\`*_\[\]<>#|])")


def notice_markdown(draft: Mapping[str, Any]) -> str:
    """A draft as Markdown; what people wrote is shown as it is, and steers nothing."""
    say = _Words(draft["lang"])
    lines = [f"# {_plain(draft['title'])}", ""]
    if draft["drill"]:
        lines += [f"**{_plain(say('incident.notice_drill'))}**", ""]
    lines += [_plain(say("incident.notice_draft", count=draft["gaps"])), ""]
    for section in draft["sections"]:
        lines += [f"## {_plain(section['heading'])}", ""]
        for line in section["lines"]:
            lines += [f"**[ {_plain(line['gap'])} ]**" if "gap" in line else _plain(line["text"]), ""]
    foot = say("incident.notice_foot", incident=draft["incident"], source=draft["source"] or "—")
    return "\n".join([*lines, "---", "", _plain(foot), ""])


def _plain(text: str) -> str:
    return "  \n".join(_MARKS.sub(r"\\\1", line) for line in text.splitlines())
