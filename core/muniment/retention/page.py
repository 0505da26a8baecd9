"""A certificate of erasure as a page to read and to print, in English or Chinese; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

from muniment.errors import text_of
from muniment.log.kinds import KINDS

__all__ = ["certificate_page"]

_STYLE: Final = """
body { font: 11pt/1.5 system-ui, "Noto Sans SC", sans-serif; max-width: 46em;
margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin-top: 1.6em; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top;
padding: .3em .6em .3em 0; border-bottom: 1px solid #bbb; } code { font-size: .9em; word-break: break-all; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; }
thead { display: table-header-group; } }
"""


_SCOPES: Final[Mapping[str, str]] = {
    "subject": "certificate.scope_subject",
    "record": "certificate.scope_record",
    "category": "certificate.scope_category",
}
_PLACES: Final[Mapping[str, str]] = {
    "archive": "certificate.place_archive",
    "write_ahead_log": "certificate.place_write_ahead_log",
    "processes": "certificate.place_processes",
    "key_backups": "certificate.place_key_backups",
    "data_backups": "certificate.place_data_backups",
    "key_copies": "certificate.place_key_copies",
    "replicas": "certificate.place_replicas",
    "exports": "certificate.place_exports",
}
_STATES: Final[Mapping[str, str]] = {
    "gone": "certificate.state_gone",
    "next_access": "certificate.state_next_access",
    "until": "certificate.state_until",
    "unreadable": "certificate.state_unreadable",
    "unknown": "certificate.state_unknown",
    "none": "certificate.state_none",
    "out_of_reach": "certificate.state_out_of_reach",
}


def certificate_page(file: Mapping[str, Any], lang: str) -> str:
    """The page of a certificate: one HTML file that needs nothing else.

    Args:
        file: a certificate with its evidence.
        lang: ``en`` or ``zh``.
    """

    def say(code: str, **parameters: object) -> str:
        return escape(text_of(code, lang, **parameters)[0])

    made = file["certificate"]
    done = _when(made["done"])
    actor = made["by"]["actor"]["id"]
    pieces = [
        f"<h1>{say('certificate.title')}</h1>",
        f"<p>{say('certificate.summary', count=len(made['targets']), time=done, actor=actor)}</p>",
        f"<h2>{say('certificate.what')}</h2>",
        _table(
            [
                say("certificate.scope"),
                say("certificate.record"),
                say("certificate.category"),
                say("certificate.rule"),
                say("certificate.parts"),
                say("certificate.entries"),
            ],
            [
                [
                    say(_SCOPES[one["scope"]]) + _merged(one, say),
                    f"<code>{escape(str(one['record']))}</code>",
                    escape(str(one.get("category", "—"))),
                    escape(str(one.get("rule", "—"))),
                    escape(f"{one['parts']} + {one['files']}"),
                    escape(f"{one['begin']} → {one['done']}"),
                ]
                for one in made["targets"]
            ],
        ),
        f"<p>{say('certificate.how', count=made['keys']['destroyed'], epoch=made['keys']['epoch'])}</p>",
        *_kept(made, say),
        f"<h2>{say('certificate.final')}</h2>",
        _table(
            [say("certificate.place"), say("certificate.state")],
            [
                [
                    say(_PLACES[one["place"]]),
                    say(_STATES[one["state"]], time=_when(one.get("at", "")), count=one.get("count", 0)),
                ]
                for one in made["final"]
            ],
        ),
        _departed(made, say("certificate.left_log"), lang),
        f"<h2>{say('certificate.proof')}</h2>",
        f"<p>{say('certificate.proof_how')}</p>",
        f"<p>{say('certificate.key')} <code>{escape(str(file['verifier_key']))}</code></p>",
        f"<p>{say('certificate.log')} <code>{escape(str(made['log']))}</code><br>"
        f"{say('certificate.identifier')} <code>{escape(str(made['id']))}</code></p>",
    ]
    language = "zh-CN" if lang == "zh" else "en"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{say('certificate.title')}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(piece for piece in pieces if piece)
        + "\n</body>\n</html>\n"
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _merged(target: Mapping[str, Any], say: Callable[..., str]) -> str:
    if "merged_with" not in target:
        return ""
    return f"<br><small>{say('certificate.merged', id=target['merged_with'])}</small>"


def _kept(made: Mapping[str, Any], say: Callable[..., str]) -> list[str]:
    """What a law wants kept, for storage only."""
    listed = made.get("kept", ())
    if not listed:
        return []
    header = [
        say("certificate.record"),
        say("certificate.category"),
        say("certificate.rule"),
        say("certificate.until"),
    ]
    rows = [
        [
            f"<code>{escape(str(one['record']))}</code>",
            escape(f"{one['type']}: {one['category']}"),
            escape(str(one.get("rule", "—"))),
            escape(str(one["until"])) if "until" in one else say("certificate.until_open"),
        ]
        for one in listed
    ]
    return [
        f"<h2>{say('certificate.kept')}</h2>",
        f"<p>{say('certificate.kept_how')}</p>",
        _table(header, rows),
    ]


def _when(text: str) -> str:
    """A time to the second, for reading; the proof has it whole."""
    return text[:19].replace("T", " ")


def _departed(made: Mapping[str, Any], title: str, lang: str) -> str:
    """What the log says left the archive before."""
    listed = [one for place in made["final"] for one in place.get("entries", ())]
    if not listed:
        return ""
    rows = "".join(
        f"<li>{escape(_when(one['time']))} {escape(_kind(one['kind'], lang))} "
        f"{escape(one.get('recipient', ''))} "
        f"(#{one['entry']})</li>"
        for one in listed
    )
    return f"<p>{title}</p>\n<ul>{rows}</ul>"


def _kind(name: str, lang: str) -> str:
    known = KINDS.get(name)
    return name if known is None else known.zh if lang == "zh" else known.en
