"""What a team does that comes from a spreadsheet, walked in a real browser in both languages."""

from __future__ import annotations

import csv

import openpyxl
import pytest

from muniment.testing import log_entries, new_archive
from muniment_web._serve import first_link
from muniment_web.testing import PASSWORD, new_web, served

pytestmark = pytest.mark.slow
HEADERS = {
    "en": ("Customer number", "Name", "Postal code", "E-mail", "Company"),
    "zh-CN": ("客户编号", "姓名", "邮政编码", "电子邮箱", "公司"),
}
FOREIGN = (
    "François Tremblay", "Bjørn Hansen", "František Wichterlová", "Luís Gonçalves", "João Fernandes",
    "Jürgen Größ", "Zoë Müller", "李娜", "王伟", "Ólafur Þórðarson", "Ștefan Ţepeş", "Łukasz Żak", "Ana Ñuz",
)  # fmt: skip
PEOPLE = 59
TILES = "document.querySelectorAll('.tile strong').length === 5"


def people(prefix: str) -> list[list[str]]:
    """Fifty-nine customers: thirteen have names beyond ASCII, six a postcode that begins with zero."""
    rows = []
    for at in range(PEOPLE):
        name = FOREIGN[at] if at < len(FOREIGN) else f"Customer Number{at}"
        code = f"0{at}127" if at < 6 else f"{70000 + at}"
        rows.append([f"{prefix}-{at:03d}", name, code, f"{prefix.lower()}{at}@example.org", f"Firm {at}"])
    return rows


def sheet(path, locale: str, rows) -> str:
    """A spreadsheet as a team has it, with headers in its language."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([HEADERS[locale], *rows])
    return str(path)


def submit(page, button: str) -> None:
    """Press a button that loads the next page."""
    with page.expect_navigation():
        page.click(button)


def tried(page, site, whole, path: str) -> list[int]:
    """From the file to the trial; gives rows, made, changed, unchanged, refused."""
    page.goto(f"{site.base}/import")
    page.select_option("#type", "customer")
    page.set_input_files("#file", path)
    submit(page, "main form .btn.main")
    whole(page, "/import/columns")
    submit(page, 'form[action="/import/try"] .btn.main')
    found = tiles(page)
    whole(page, "/import/try")
    return found


def tiles(page) -> list[int]:
    """What an import says of itself: rows, made, changed, unchanged, refused."""
    page.wait_for_function(f"() => {TILES}")
    return [int(one.replace(",", "")) for one in page.locator(".tile strong").all_inner_texts()]


def ran(page) -> list[int]:
    """The import itself, with a reason."""
    page.select_option("#why", "request")
    submit(page, 'form[action="/import/run"] .btn.main')
    return tiles(page)


def stored(site, prefix: str) -> dict[str, tuple]:
    """The records of a walk by number: name, postcode, version."""
    found = {}
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        after = None
        while True:
            listed = session.list("customer", limit=100, after=after)
            for one in listed.records:
                if str(one.fields.get("customer_number", "")).startswith(f"{prefix}-"):
                    fields = one.fields
                    found[fields["customer_number"]] = (
                        fields["full_name"], fields.get("postal_code"), fields.get("company"), one.version,
                    )  # fmt: skip
            after = listed.after
            if after is None:
                return found


def written(site, start: int) -> set[str]:
    """Kinds of entry that were written since, without those of looking and signing in."""
    kinds = {one.kind for one in log_entries(site.archive)[start:]}
    return {one for one in kinds if not one.endswith((".read", ".list", ".plan", ".sign_in"))}


def test_t1_from_a_template_to_the_first_record(new_page, around, expect, tmp_path, whole, way):
    """The link that the first start prints, a password, and a customer entered by keyboard alone."""
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        web = new_web(archive)
        with served(web, around=around) as base, archive.session(actor="owner") as session:
            page = new_page(base, "", *way)
            page.goto(first_link(session, web.settings))
            expect(page.locator("#password")).to_be_focused()
            page.keyboard.type(PASSWORD)
            page.keyboard.press("Tab")
            page.keyboard.type(PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(f"{base}/")
            # A phone has the tables of a person's own at the bottom, a desk at the side.
            submit(page, f'{".rail" if way[1] > 820 else ".bar"} a[href="/t/customer"]')
            submit(page, 'a[href="/t/customer/new"]')
            for name, text in (("customer_number", "K-1"), ("full_name", "李娜"), ("phone", "030 1234567")):
                walk_to(page, f"v.{name}")
                page.keyboard.type(text)
            with page.expect_navigation():
                page.keyboard.press("Control+s")
            expect(page.locator("h1")).to_have_text("李娜")
            expect(page.locator(".head .chip.green")).to_contain_text("1")
            whole(page, "/t/customer/ID")
            (made,) = session.list("customer").records
            assert ("李娜", "030 1234567") == (made.fields["full_name"], made.fields["phone"])
            assert [] == page.complaints
            page.context.close()


def walk_to(page, name: str) -> None:
    """Press Tab until the focus is in a field."""
    for _ in range(60):
        if page.evaluate("document.activeElement.name") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {name}")


def test_t2_a_spreadsheet_comes_in_whole(signed_in, site, tmp_path, whole, way):
    """The trial shows every change and writes nothing; then names and postcodes are as they were."""
    locale = way[0]
    page, prefix = signed_in("cho", *way), f"S{locale[:2].upper()}{way[1]}"
    rows = people(prefix)
    page.goto(f"{site.base}/import")
    start = len(log_entries(site.archive))
    assert [PEOPLE, PEOPLE, 0, 0, 0] == tried(page, site, whole, sheet(tmp_path / "t2.csv", locale, rows))
    assert set() == written(site, start) - {"import.preview"}
    assert {} == stored(site, prefix)
    for row in rows[: len(FOREIGN)]:
        assert row[1] in page.inner_text("main")
    assert [PEOPLE, PEOPLE, 0, 0, 0] == ran(page)
    found = stored(site, prefix)
    assert {row[0]: (row[1], row[2], row[4], 1) for row in rows} == found
    assert 13 == sum(not name.isascii() for name, *_ in found.values())
    assert 6 == sum(code.startswith("0") for _, code, *_ in found.values())
    assert [] == page.complaints


def test_t3_bad_rows_come_back_to_be_mended(signed_in, site, tmp_path, whole, way):
    """Taken and refused are all rows; the refused ones are a file that goes in when it is mended."""
    locale = way[0]
    page, prefix = signed_in("cho", *way), f"B{locale[:2].upper()}{way[1]}"
    rows = people(prefix)[:9]
    rows[2][3], rows[5][1], rows[7][3] = "nonsense", "", "two@@example.org"
    assert [9, 6, 0, 0, 3] == tried(page, site, whole, sheet(tmp_path / "t3.csv", locale, rows))
    assert [9, 6, 0, 0, 3] == ran(page)
    told = page.locator("section.card", has=page.locator("td.fl")).first.locator("tbody tr")
    assert ["4", "7", "9"] == [one.split()[0] for one in told.all_inner_texts()]
    with page.expect_download() as download:
        page.click('a[href="/import/rejects"]')
    mended = tmp_path / "mended.xlsx"
    download.value.save_as(mended)
    book = openpyxl.load_workbook(mended)
    table = book.active
    heads = {cell.value: cell.column for cell in table[1]}
    number, name, mail = (heads[HEADERS[locale][at]] for at in (0, 1, 3))
    assert [f"{prefix}-002", f"{prefix}-005", f"{prefix}-007"] == [
        table.cell(at, number).value for at in range(2, table.max_row + 1)
    ]
    for at in range(2, table.max_row + 1):
        table.cell(at, name).value = table.cell(at, name).value or "Mended"
        table.cell(at, mail).value = f"mended{at}.{prefix.lower()}@example.org"
    book.save(mended)
    assert [3, 3, 0, 0, 0] == tried(page, site, whole, str(mended))
    assert [3, 3, 0, 0, 0] == ran(page)
    assert {row[0] for row in rows} == set(stored(site, prefix))
    assert [] == page.complaints


def test_t4_once_more_with_one_change(signed_in, site, tmp_path, whole, way):
    """One is updated, all others are left as they are, and none of those has a new version."""
    locale = way[0]
    page, prefix = signed_in("cho", *way), f"A{locale[:2].upper()}{way[1]}"
    rows = people(prefix)
    path = sheet(tmp_path / "t4.csv", locale, rows)
    with site.archive.session(actor="cho", purpose="ServiceProvision") as session:
        session.import_file("customer", path, reason="from the old list")
    assert {1} == {one[-1] for one in stored(site, prefix).values()}
    rows[40][4] = "Nordwind"
    sheet(tmp_path / "t4.csv", locale, rows)
    assert [PEOPLE, 0, 1, PEOPLE - 1, 0] == tried(page, site, whole, path)
    assert [PEOPLE, 0, 1, PEOPLE - 1, 0] == ran(page)
    found = stored(site, prefix)
    assert {row[0]: (row[1], row[2], row[4], 2 if at == 40 else 1) for at, row in enumerate(rows)} == found
    assert [] == page.complaints
