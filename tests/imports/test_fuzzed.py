"""Whatever stands in a spreadsheet: it is imported, or refused with a reason; what was taken comes back."""

from __future__ import annotations

import codecs
import datetime
from contextlib import suppress

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.errors import MunimentError
from muniment.exports.cells import csv_line
from muniment.testing import new_archive

HEADERS = {
    "en": ("Customer number", "Full name", "Phone", "E-mail", "Customer since", "Budget", "Status", "Notes"),
    "zh": ("客户编号", "姓名", "电话", "电子邮箱", "成为客户日期", "预算", "客户状态", "备注"),
}
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030")

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "王芳",
            "Anna Schmidt",
            "１２３",
            "=1+1",
            "-2",
            "007",
            "1,234.50",
            "1.234,50 EUR",
            "2026-02-30",
            "3/4/2026",
            "2026年3月4日",
            "45000",
            "13800138000",
            "+49 30 1234567",
            "a@b.cn",
            "x@",
            "成交",
            "Active",
            "是",
            "#N/A",
            "NULL",
            "\u3000 x \u3000",
            "e\u0301",
            "1e5",
            "TRUE",
            "line\nbreak",
            '"quoted"',
            "a;b|c\td",
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30),
    st.dates(datetime.date(1899, 12, 1), datetime.date(2300, 1, 1)).map(str),
)
CELLS = st.one_of(
    TEXTS.filter(lambda text: not any(ord(sign) < 32 and sign not in "\n\t" for sign in text)),
    st.integers(-(10**14), 10**14),
    st.floats(-1e12, 1e12, allow_nan=False),
    st.booleans(),
    st.dates(datetime.date(1900, 3, 1), datetime.date(2300, 1, 1)),
    st.datetimes(datetime.datetime(1900, 3, 1), datetime.datetime(2300, 1, 1)),
    st.none(),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """An archive, and a folder for the sheets."""
    folder = tmp_path_factory.mktemp("fuzz")
    with new_archive(
        folder / "archive", templates=["customer-tracking"], region="CN", currency="CNY"
    ) as archive:
        yield archive.session(actor="owner", purpose="CustomerManagement"), folder


def in_and_out(session, path, folder, lang, **options):
    """Import a sheet; what was taken is exported, and that imported again changes nothing."""
    refused = None
    try:
        done = session.import_file("customer", path, lang=lang, rejects_to=folder / "refused.csv", **options)
    except MunimentError as error:
        refused = error
    if refused is not None:
        # The file as a whole: one code with a text, and nothing was written.
        assert refused.text(lang)
        assert refused.code.startswith(("import.", "export."))
        return
    assert done.rows == done.created + done.updated + done.unchanged + done.rejected
    for problem in done.problems:
        assert problem.issues
        assert all(issue.text(lang) for issue in problem.issues)
    for ending in ("csv", "xlsx"):
        out = folder / f"out.{ending}"
        written = session.export_file("customer", out, headers=lang, ids=True, reason="test")
        back = session.import_file("customer", out, empty="clear")
        assert (0, 0, written.rows, 0) == (back.created, back.updated, back.unchanged, back.rejected), (
            back.problems
        )


@pytest.mark.slow
@settings(max_examples=25)
@given(
    rows=st.lists(st.lists(TEXTS, min_size=8, max_size=8), min_size=1, max_size=4),
    lang=st.sampled_from(["en", "zh"]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_any_text_in_a_csv_file(shop, rows, lang, encoding):
    """In the three encodings, with headers of either language."""
    session, folder = shop
    text = "".join(csv_line(list(row)) for row in (HEADERS[lang], *rows))
    path = folder / "in.csv"
    path.write_bytes(text.encode(encoding))
    in_and_out(session, path, folder, lang)


@pytest.mark.slow
@settings(max_examples=20)
@given(
    rows=st.lists(st.lists(CELLS, min_size=8, max_size=8), min_size=1, max_size=4),
    lang=st.sampled_from(["en", "zh"]),
    title=st.booleans(),
)
def test_any_cell_in_a_workbook(shop, rows, lang, title):
    """Numbers, days, times and texts as the program keeps them, with or without a title above."""
    session, folder = shop
    book = openpyxl.Workbook()
    if title:
        book.active.append(["客户名单"])
    book.active.append(list(HEADERS[lang]))
    for row in rows:
        book.active.append(row)
    path = folder / "in.xlsx"
    book.save(path)
    in_and_out(session, path, folder, lang)


@given(st.binary(max_size=400), st.sampled_from(["", codecs.BOM_UTF8.decode("latin-1"), "姓名,电话\n"]))
def test_any_bytes_are_refused_or_read(shop, data, start):
    """Nothing but an error with a code comes of a file that is no table."""
    session, folder = shop
    path = folder / "any.csv"
    path.write_bytes(start.encode("utf-8") + data)
    with suppress(MunimentError):
        session.import_file("customer", path, dry_run=True)
