"""Plants values into an archive on every way there is, then waits to be killed; no test itself.

Run as ``python planting.py FOLDER TEMPLATE``; prints ``planted`` once everything is
done, with the archive still open. ``PLANTED`` is what may be found nowhere.
"""

from __future__ import annotations

import sys
import traceback
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from muniment.errors import MunimentError
from muniment.model import Money
from muniment.schema.template import parse_template
from muniment.session import Change
from muniment.testing import new_archive

CITY = "Kanarienstadt"
"""Of class internal: this one stands in clear, which shows that the search can find something."""

CREATED = {
    "name": "Xenia Quetzalcoatl-Wojciechowska",
    "pass_number": "QX-7731099-ZZ",
    "born": date(1937, 11, 23),
    "children": 73_400_217,
    "height": Decimal("183.745193"),
    "allergies": ("Walnussschokolade", "Gräserpollenextrakt"),
    "admitted": datetime(1999, 12, 31, 23, 58, 57, 123456, timezone(timedelta(hours=5, minutes=45))),
    "secret": "grüner Papagei 7 im Schließfach",
    "phone": "+49 (0)30 / 555 12399",
    "email": "Xenia.Quetzal@kanarienvogel.de",
    "home": "https://kanarienvogel.de/~xenia?id=5511",
    "notes": "Ruft nur dienstags an.\nMag keine Überraschungen; siehe Vertrag KV-99127.",
    "salary": Money(Decimal("98761234.56"), "EUR"),
}
CHINESE = {
    "name": "欧阳慕容北辰",
    "notes": "喜欢在清晨散步，忌口花生酱。",
    "secret": "保险柜密码是七三九一",
    "phone": "+86 138 5550 9931",
    "allergies": ("花生过敏反应", "青霉素类药物"),
}
UPDATED = {
    "phone": "0049 30 777 41288",
    "secret": "roter Kakadu 9 unterm Dach🦜🦜",
    "salary": "77.654.321,09 EUR",
}
CORRECTED = {"name": "Xenia Quetzalcoatl-Brzęczyszczykiewicz", "born": "1938-10-24"}
IMPORTED = [
    {"name": f"Importierte Person Nummer {number}-Kanarie", "phone": f"030 666 4455{number}"}
    for number in (1, 2)
]
VISIT = {
    "subject": "Besprechung der Erbschaftsangelegenheit",
    "finding": "Verdacht auf Kleptomanie bestätigt",
}
SUPPLIER = "Zulieferbetrieb Geheimniskrämer GmbH"
REASONS = (
    "weil der Nachbar Prokrustes es sagte",
    "因为隔壁老王打来电话投诉",
    "wegen der Scheidung im Frühjahr",
)
SEARCHED = ("Rumpelstilzchen-Suchwort", "030 888 13579", "gesuchte.adresse@kanarienvogel.de", "1944-04-04")
REFUSED = {
    "email": "das ist keine Adresse @@ Kanarienruf",
    "born": "irgendwann im Mai zweitausenddrölf",
    "children": "drölfzig Kanarienkinder",
    "salary": "vierzig Kanarien-Taler",
    "home": "gopher://kanarien-hoehle.example",
    "name": "Kanarien\x07klingel im Namen",
    "admitted": "2024-02-31 25:61 Kanarienzeit",
}
NO_FIELD = "Name eines unbekannten Feldes 662"
"""An error may say which name it does not know; the archive does not keep it."""
NOT_TAKEN = ("Wert eines unbekannten Feldes 551", "Wert eines Konflikts 8832", "Wert eines Fremden 7719")
FILE_NAME = "Arztbrief-Quetzalcoatl.txt"
FILE_LINE = "Diagnose: chronische Kanarienvogelsehnsucht, Aktenzeichen 4471-B."

PLANTED: list[object] = [
    *(
        value
        for given in (CREATED, CHINESE, CORRECTED, *IMPORTED, VISIT, REFUSED)
        for value in given.values()
    ),
    *UPDATED.values(),
    SUPPLIER,
    *REASONS,
    *SEARCHED,
    *NOT_TAKEN,
    FILE_NAME,
    FILE_LINE,
    # In other forms than they were given in.
    *("+493055512399", "3055512399", "+493077741288", "+8613855509931", "xenia.quetzal", "QX7731099ZZ"),
    *(
        "Quetzalcoatl",
        "Brzęczyszczykiewicz",
        "慕容北辰",
        "KV-99127",
        "Überraschungen",
        "1938-10-24",
        "77654321.09",
    ),
]


def main(folder: Path, template: Path) -> None:
    made = parse_template(template.read_text(encoding="utf-8"), where=template.name)
    archive = new_archive(folder, templates=[made])
    said: list[str] = []

    def fails(act: object, *arguments: object, **options: object) -> None:
        """Everything that an error says, in both languages and in its traceback, is printed and searched."""
        try:
            act(*arguments, **options)
        except MunimentError as error:
            error.__traceback__ = None
            said.extend((error.text("en"), error.text("zh"), repr(error), str(error.parameters)))
            said.extend(traceback.format_exception(error))
        else:
            raise AssertionError(f"{act} went through")

    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        xenia = session.create(
            "person", {**CREATED, "city": CITY, "number": "N-1"}, reason=REASONS[0], idempotency_key="k"
        )
        session.create(
            "person", {**CREATED, "city": CITY, "number": "N-1"}, reason=REASONS[0], idempotency_key="k"
        )
        ouyang = session.create("person", CHINESE, reason=REASONS[1])
        session.update(xenia.id, UPDATED, expected_version=1, reason=REASONS[2])
        session.update(xenia.id, UPDATED)
        session.correct(xenia.id, CORRECTED, effective="2020-01-01")
        session.write([Change("create", "person", values=values) for values in IMPORTED], reason=REASONS[0])
        session.create("visit", {**VISIT, "person": ouyang.id})
        session.create("product", {"sku": "A-1", "supplier": SUPPLIER})
        attached = folder.parent / "given" / FILE_NAME
        attached.parent.mkdir()
        attached.write_text(FILE_LINE * 700, encoding="utf-8")
        session.attach(xenia.id, "contract", attached)
        attached.unlink()
        session.delete(ouyang.id, reason=REASONS[1])
        session.undelete(ouyang.id)
        for words in SEARCHED:
            session.search("person", words)
            session.search("person", words, scan=True)
        session.list("person", where={"phone": SEARCHED[1]})
        session.list("person", where={"email": SEARCHED[2]})
        session.list("person", where={"born": SEARCHED[3]})
        session.list("person", where={"secret": CREATED["secret"]})
        session.list("person", where={"notes": CREATED["notes"]}, scan=True)
        page = session.list("person", order_by="city", limit=1)
        session.list("person", order_by="city", limit=1, after=page.after)
        session.get(xenia.id)
        session.history(xenia.id)
        session.diff(xenia.id, 1, 3)
        target = folder.parent / "taken.txt"
        session.read_file(xenia.id, "contract", target)
        target.unlink()
        for key, value in REFUSED.items():
            fails(session.create, "person", {"name": "x" * 9, key: value})
            fails(session.update, xenia.id, {key: value})
            if key not in ("name",):
                fails(session.list, "person", where={key: value}, scan=True)
        fails(session.create, "person", REFUSED)
        fails(session.create, "person", {"name": CREATED["name"], "unknown": NOT_TAKEN[0]})
        fails(session.create, "person", {"name": CREATED["name"], NO_FIELD: "x"})
        fails(session.create, "person", {"name": CREATED["name"], "pass_number": CREATED["pass_number"]})
        fails(session.update, xenia.id, {"name": NOT_TAKEN[1]}, expected_version=1)
        fails(session.create, "person", {"name": NOT_TAKEN[1]}, idempotency_key="k")
        fails(session.search, "person", "")
        fails(session.list, "person", where={"height": CREATED["height"]})
        fails(session.list, "person", where={NO_FIELD: NOT_TAKEN[0]})
        fails(session.list, "person", order_by=NO_FIELD)
        fails(session.list, NO_FIELD)
        fails(session.create, NO_FIELD, {})
        fails(session.list, "person", after=NOT_TAKEN[0])
        fails(session.create, "visit", {"person": xenia.id.replace("0", "1"), "subject": NOT_TAKEN[1]})
        fails(session.write, [Change("create", "person", values=values) for values in (IMPORTED[0], REFUSED)])
        session.write([Change("create", "person", values=REFUSED)], collect=True)
        fails(session.get, xenia.id, fields=[NO_FIELD])
        session.entries()
        session.check_data()
        session.checkpoint()
    fails(archive.session, actor=NOT_TAKEN[2], purpose="")
    print("\n".join(said))
    print("planted", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
