"""A report under a regime as a page to read and to print, in English or Chinese; pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from muniment.errors import text_of
from muniment.regimes.model import VERDICTS

__all__ = ["report_page"]

_STYLE: Final = """
body { font: 10.5pt/1.45 system-ui, "Noto Sans SC", sans-serif; max-width: 60em;
margin: 2em auto; padding: 0 1em; color: #111; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.8em; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top;
padding: .3em .6em .3em 0; border-bottom: 1px solid #bbb; }
code { font-size: .88em; word-break: break-all; }
article { border-top: 1px solid #999; padding: .7em 0; break-inside: avoid; }
article h3 { font-size: 1em; margin: 0 0 .2em; } article p { margin: .2em 0; } article ul { margin: .3em 0; }
.cite { color: #555; font-size: .9em; }
.verdict { display: inline-block; border: 1px solid; border-radius: .2em; padding: 0 .45em; font-size: .85em;
font-weight: 600; margin-left: .5em; }
.shown { color: #14532d; } .part { color: #78500a; } .nothing { color: #4b5563; } .gap { color: #a01212; }
.outside { color: #1e3a8a; }
.left { border-left: 3px solid #1e3a8a; padding-left: .6em; }
aside { background: #f4f4f1; padding: .5em .8em; margin: 1em 0; }
@media print { body { margin: 0; max-width: none; } }
"""


def report_page(report: Mapping[str, Any], lang: str) -> str:
    """The page of a report: one HTML file that needs nothing else, and runs nothing.

    Args:
        report: as ``session.regimes.report`` gives it.
        lang: ``en`` or ``zh``.
    """

    def say(code: str, **parameters: object) -> str:
        return escape(text_of(code, lang, **parameters)[0])

    def verdict(name: str) -> str:
        word = escape(text_of(f"regime.verdict_{name}", lang)[0])
        return f'<span class="verdict {name}">{word}</span>'

    log, colon = report["log"], "：" if lang == "zh" else ": "
    title = say("regime.title", name=report["label"][lang])
    facts = [
        (
            say("regime.label_archive"),
            f"{escape(report['name'] or '—')} <code>{escape(report['archive'])}</code>",
        ),
        (say("regime.label_as_of"), escape(f"{report['as_of'][:19].replace('T', ' ')} UTC")),
        (say("regime.label_by"), escape(f"{report['by']['actor']} ({', '.join(report['by']['roles'])})")),
        (
            say("regime.label_log"),
            f"<code>{escape(log['origin'])}</code> {say('regime.entries', count=log['size'])}",
        ),
        (say("regime.label_entry"), f"<code>{escape(report['entry'])}</code>"),
    ]
    pieces = [
        f"<h1>{title}</h1>",
        f"<aside><p>{say('regime.caveat')}</p></aside>",
        "<table><tbody>" + "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in facts),
        "</tbody></table>",
        f"<h2>{say('regime.summary')}</h2>",
        "<table><tbody>"
        + "".join(
            f"<tr><td>{verdict(name)}</td><td>{report['summary'][name]}</td>"
            f"<td>{escape(text_of(f'regime.means_{name}', lang)[0])}</td></tr>"
            for name in VERDICTS
        )
        + "</tbody></table>",
        f"<h2>{say('regime.clauses')}</h2>",
    ]
    for clause in report["clauses"]:
        pieces.append(
            f'<article id="{escape(clause["id"])}">'
            f"<h3>{escape(clause['id'])} {verdict(clause['verdict'])}</h3>"
            f'<p class="cite">{escape(clause["cite"])} [{escape(clause["sure"])}]</p>'
            f"<p>{say('regime.asks')} {escape(clause['asks'][lang])}</p>"
        )
        if clause["findings"]:
            pieces.append("<ul>")
            for one in clause["findings"]:
                entries = ""
                if one["entries"]:
                    named = ", ".join(f"<code>{escape(each)}</code>" for each in one["entries"])
                    entries = f" {say('regime.see_entries')} {named}"
                label = "" if one["label"] is None else f"<b>{escape(one['label'][lang])}{colon}</b>"
                rerun = "".join(f"<br><code>{escape(command)}</code>" for command in one["commands"])
                pieces.append(
                    f"<li>{verdict(one['verdict'])} {label}{escape(one['text'][lang])}{entries}{rerun}</li>"
                )
            pieces.append("</ul>")
        if clause["outside"] is not None:
            pieces.append(f'<p class="left">{escape(clause["outside"][lang])}</p>')
        pieces.append("</article>")
    pieces.append(f'<p class="cite">{say("regime.sure")}</p>')
    language = "zh-CN" if lang == "zh" else "en"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(pieces)
        + "\n</body>\n</html>\n"
    )
