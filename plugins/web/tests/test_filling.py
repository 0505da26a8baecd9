"""Cells filled from what is selected: by the handle at its corner, a finger or keys; in a real browser."""

from __future__ import annotations

import calendar
import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from muniment.schema import Field, Label, ListView
from muniment.schema.edits import add_field
from muniment.testing import new_archive
from muniment_web.testing import give_password, new_web, served

pytestmark = pytest.mark.slow
COLUMNS = ("full_name", "phone", "city", "company", "customer_since", "review_on", "visits", "budget")
FIELDS = (("review_on", "date", "Review", "复核日"), ("visits", "integer", "Visits", "拜访次数"))
ROWS = 8


@attrs.frozen
class Sheet:
    """An archive with the pages over it, and its records in the order of the table."""

    archive: Any
    base: str
    people: list[str]


@attrs.frozen
class Open:
    """A page of the table, and what is done with its cells."""

    page: Any
    people: list[str]

    def cell(self, row: int, field: str) -> Any:
        """A cell by its row and field."""
        return self.page.locator(f'tr[data-id="{self.people[row]}"] td[data-f="{field}"]')

    def texts(self, field: str) -> list[str]:
        """What stands in a column."""
        return [self.cell(row, field).inner_text().strip() for row in range(ROWS)]

    def type(self, row: int, field: str, text: str) -> None:
        """Type something into a cell."""
        self.go(row, field)
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def go(self, row: int, field: str) -> None:
        """Go to a cell."""
        self.cell(row, field).evaluate("one => { one.tabIndex = 0; one.focus(); }")

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def corner(self) -> tuple[float, float]:
        """The handle: the corner of what is selected."""
        box = self.page.locator("td.corner").bounding_box()
        return box["x"] + box["width"] - 4, box["y"] + box["height"] - 4

    def draw(self, row: int, field: str, *, control: bool = False) -> None:
        """Draw the handle to a cell."""
        self.page.mouse.move(*self.corner())
        self.page.mouse.down()
        self.cell(row, field).hover(force=True)
        if control:
            self.page.keyboard.down("Control")
        self.page.mouse.up()
        if control:
            self.page.keyboard.up("Control")

    def settle(self) -> None:
        """Wait until the tray has answered."""
        self.page.wait_for_selector("m-tray:not([aria-busy])", state="attached")

    def discard(self) -> None:
        """Empty the tray."""
        self.settle()
        self.page.click("m-tray button[value=discard]")
        self.page.wait_for_selector("#grid td.edited", state="detached")
        self.settle()


@pytest.fixture(scope="module")
def sheet(tmp_path_factory, around):
    """Customers with days, numbers and amounts, nothing in them but a name and a masked telephone."""
    with new_archive(tmp_path_factory.mktemp("fill") / "shop", templates=("account-manager",)) as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            for key, kind, en, zh in FIELDS:
                old = session.type("customer")
                one = Field(key=key, kind=kind, label=Label(en, zh), group=old.groups[0].key)
                made = add_field(old, attrs.evolve(one, sensitivity="internal"))
                registry = archive.engine.definitions.registry
                archive.save_types(
                    session, registry.replace(made, kinds=archive.engine.kinds), reason="we plan"
                )
            people = [
                session.create(
                    "customer",
                    {"customer_number": f"C-{n}", "full_name": f"N {n}", "phone": f"030 123456{n}"},
                ).id
                for n in range(ROWS)
            ]
            session.views.save(ListView(key="fill", type="customer", columns=COLUMNS, sort="customer_number"))
        give_password(archive, "owner")
        with served(new_web(archive), around=around) as base:
            yield Sheet(archive, base, people)


def opened(sheet: Sheet, new_page: Any, locale: str = "en", width: int = 1680, **more: Any) -> Open:
    """The table in a browser of its own."""
    page = new_page(sheet.base, "owner", locale, width, **more)
    page.goto(f"{sheet.base}/t/customer?view=fill")
    page.wait_for_selector("m-tray:defined", state="attached")
    one = Open(page, sheet.people)
    one.settle()
    return one


@pytest.fixture(scope="module")
def series(sheet, new_page):
    """What a run goes on with, as the script of the table says it: for each case a text for each place."""
    page = opened(sheet, new_page).page
    path = page.locator("script[src*='series.js']").get_attribute("src")

    def ask(cases: list[tuple[list[str], str, bool, list[int]]]) -> list[list[str | None] | None]:
        return page.evaluate(
            """async ([path, cases]) => {
                const { series } = await import(path);
                return cases.map(([texts, kind, turned, places]) => {
                    const at = series(texts, kind, turned);
                    return at && places.map(at);
                });
            }""",
            [path, cases],
        )

    yield ask
    page.context.close()


@pytest.mark.parametrize(
    ("texts", "kind", "turned", "expected"),
    [
        (["1", "2"], "integer", False, ["3", "4", "0", "-1"]),
        (["7"], "integer", False, None),
        (["7"], "integer", True, ["8", "9", "6", "5"]),
        (["1", "2"], "integer", True, None),
        (["1", "2", "4"], "integer", False, None),
        (["0.1", "0.2"], "decimal", False, ["0.3", "0.4", "0.0", "-0.1"]),
        (["9007199254740992", "9007199254740993"], "integer", False,
         ["9007199254740994", "9007199254740995", "9007199254740991", "9007199254740990"]),
        (["1.5", "1"], "decimal", False, ["0.5", "0.0", "2.0", "2.5"]),
        (["10.00 EUR", "12.50 EUR"], "money", False, ["15.00 EUR", "17.50 EUR", "7.50 EUR", "5.00 EUR"]),
        (["10.00 EUR", "12.50 CNY"], "money", False, None),
        (["1", "2"], "text", False, None),
        (["1", ""], "integer", False, None),
        (["2026-01-31", "2026-02-28"], "date", False,
         ["2026-03-31", "2026-04-30", "2025-12-31", "2025-11-30"]),
        (["2026-01-15", "2026-03-15"], "date", False,
         ["2026-05-15", "2026-07-15", "2025-11-15", "2025-09-15"]),
        (["2026-06-30", "2026-09-30"], "date", False,
         ["2026-12-31", "2027-03-31", "2026-03-31", "2025-12-31"]),
        (["2025-12-30", "2026-01-30"], "date", False,
         ["2026-02-28", "2026-03-30", "2025-11-30", "2025-10-30"]),
        (["2024-02-29", "2028-02-29"], "date", False,
         ["2032-02-29", "2036-02-29", "2020-02-29", "2016-02-29"]),
        (["2026-02-27", "2026-02-28"], "date", False,
         ["2026-03-01", "2026-03-02", "2026-02-26", "2026-02-25"]),
        (["2026-12-31"], "date", True, ["2027-01-01", "2027-01-02", "2026-12-30", "2026-12-29"]),
        (["2026-12-31"], "date", False, None),
        (["2026-02-30", "2026-03-30"], "date", False, None),
        (["9999-12-30", "9999-12-31"], "date", False, [None, None, "9999-12-29", "9999-12-28"]),
        (["2026-01-05 09:30", "2026-01-12 09:30"], "datetime", False,
         ["2026-01-19 09:30", "2026-01-26 09:30", "2025-12-29 09:30", "2025-12-22 09:30"]),
        (["2026-01-05 09:30", "2026-01-12 10:30"], "datetime", False, None),
        (["2026-01-05"], "text", True, None),
    ],
)  # fmt: skip
def test_a_run_goes_on_as_people_expect(series, texts, kind, turned, expected):
    """Downwards and upwards; what has no step of one size is copied, and nothing is rounded."""
    count = len(texts)
    assert [expected] == series([(texts, kind, turned, [count, count + 1, -1, -2])])


def test_any_run_goes_on_exactly(series):
    """Drawn at random: decimals of thirty digits, days by weeks and by months, against Python's."""
    pick = random.Random(7)
    cases: list[Any] = []
    expected: list[Any] = []
    for _ in range(300):
        digits, count = pick.randrange(9), pick.randrange(2, 5)
        first, by = (pick.randrange(-(10**30), 10**30) for _ in range(2))
        places = [count, count + pick.randrange(40), -1, -pick.randrange(1, 40)]
        told = [exact(first + n * by, digits) for n in range(count)]
        cases.append((told, "decimal", False, places))
        expected.append([exact(first + n * by, digits) for n in places])
    assert expected == series(cases)
    cases, expected = [], []
    for _ in range(300):
        first_day = date(pick.randrange(1800, 2200), pick.randrange(1, 13), pick.randrange(1, 29))
        by, count = pick.choice([1, 7, 10, -3, 27]), pick.randrange(2, 5)
        places = [count, count + pick.randrange(400), -pick.randrange(1, 400)]
        cases.append(
            ([(first_day + timedelta(n * by)).isoformat() for n in range(count)], "date", False, places)
        )
        expected.append([(first_day + timedelta(n * by)).isoformat() for n in places])
        day, months = pick.randrange(1, 29), pick.choice([1, 2, 3, 12, -1])
        start = first_day.replace(day=day)
        cases.append(([moved(start, n * months) for n in range(count)], "date", False, places))
        expected.append([moved(start, n * months) for n in places])
    assert expected == series(cases)


def exact(units: int, digits: int) -> str:
    """A decimal of so many units of its last digit."""
    return f"{Decimal((units < 0, tuple(map(int, str(abs(units)))), -digits)):f}"


def moved(day: date, months: int) -> str:
    """A day so many months on, at most the last of its month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last)).isoformat()


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_the_handle_is_drawn_with_the_mouse(sheet, new_page, expect, axe_findings, locale):
    """Down, up and to the right: two go on, one is copied, Control turns that round; one step back undoes."""
    one = opened(sheet, new_page, locale)
    page = one.page
    one.type(2, "customer_since", "2026-01-31")
    one.type(3, "customer_since", "2026-02-28")
    one.go(2, "customer_since")
    one.press("Shift+ArrowDown")
    one.draw(6, "customer_since")
    expect(one.cell(6, "customer_since")).to_have_text("2026-05-31")
    one.settle()
    assert ["2026-03-31", "2026-04-30", "2026-05-31", ""] == one.texts("customer_since")[4:]
    expect(page.locator("td.sel")).to_have_count(5)
    assert [] == axe_findings(page)
    one.go(2, "customer_since")
    one.press("Shift+ArrowDown")
    one.draw(0, "customer_since")
    expect(one.cell(0, "customer_since")).to_have_text("2025-11-30")
    one.go(2, "customer_since")
    one.draw(2, "review_on")
    expect(one.cell(2, "review_on")).to_have_text("2026-01-31")
    one.go(2, "review_on")
    one.draw(4, "review_on", control=True)
    expect(one.cell(4, "review_on")).to_have_text("2026-02-02")
    one.press("Control+z")
    expect(one.cell(4, "review_on")).to_have_text("")
    one.go(2, "review_on")
    one.draw(2, "visits")
    expect(page.locator("#notice")).to_contain_text("1")
    assert "" == one.texts("visits")[2], "a day is no number"
    one.type(0, "city", "Ulm")
    one.type(1, "city", "Kiel")
    one.go(0, "city")
    one.press("Shift+ArrowDown")
    one.draw(4, "city")
    expect(one.cell(4, "city")).to_have_text("Ulm")
    assert ["Ulm", "Kiel", "Ulm", "Kiel", "Ulm", ""] == one.texts("city")[:6]
    one.settle()
    assert page.evaluate("!localStorage.length && !sessionStorage.length")
    assert page.url.endswith("?view=fill")
    one.discard()
    assert [] == page.complaints
    page.context.close()


def test_what_is_masked_is_filled_from_nowhere(sheet, new_page, expect):
    """Neither behind its mask nor revealed; nothing of it waits in the tray."""
    one = opened(sheet, new_page)
    page = one.page
    one.go(0, "phone")
    one.draw(3, "phone")
    expect(page.locator("#notice")).to_contain_text("3")
    expect(page.locator("#grid td.edited")).to_have_count(0)
    one.cell(0, "phone").locator(".rv").click()
    expect(page.locator("dialog[open] select")).to_be_focused()
    one.press("ArrowDown", "Tab", "Enter")
    expect(one.cell(0, "phone")).to_contain_text("1234560")
    one.go(0, "phone")
    one.press("Alt+ArrowDown", "Control+Alt+ArrowDown")
    expect(page.locator("#grid td.edited")).to_have_count(0)
    with sheet.archive.session(actor="owner") as session:
        assert [] == list(session.drafts.tray("customer").shown())
    assert [] == page.complaints
    page.context.close()


def test_keys_fill_a_cell_further(sheet, new_page, expect):
    """Alt and an arrow go on with what is selected, a cell a press; each press is taken back by itself."""
    one = opened(sheet, new_page)
    one.type(0, "visits", "10")
    one.type(1, "visits", "20")
    one.go(0, "visits")
    one.press("Shift+ArrowDown", "Alt+ArrowDown", "Alt+ArrowDown", "Alt+ArrowDown")
    expect(one.cell(4, "visits")).to_have_text("50")
    assert ["10", "20", "30", "40", "50"] == one.texts("visits")[:5]
    one.press("Control+z")
    expect(one.cell(4, "visits")).to_have_text("")
    expect(one.cell(3, "visits")).to_have_text("40")
    one.go(5, "visits")
    one.page.keyboard.type("7")
    one.press("Enter")
    one.go(5, "visits")
    one.press("Control+Alt+ArrowDown", "Control+Alt+ArrowDown")
    expect(one.cell(7, "visits")).to_have_text("9")
    one.press("Control+Alt+ArrowDown")  # below the last row there is nothing
    one.discard()
    assert [] == one.page.complaints
    one.page.context.close()


def test_a_finger_draws_the_handle(sheet, new_page, expect):
    """On a screen that is touched the corner is larger, and drawing it scrolls nothing."""
    one = opened(sheet, new_page, "zh-CN", 1180, has_touch=True)
    page = one.page
    one.type(0, "company", "Nordwind")
    one.go(0, "company")
    start = one.corner()
    box = one.cell(2, "company").bounding_box()
    end = (box["x"] + 20, box["y"] + box["height"] / 2)
    touch = page.context.new_cdp_session(page)
    for kind, place in (("touchStart", start), ("touchMove", end), ("touchEnd", None)):
        points = [] if place is None else [{"x": place[0] - 8, "y": place[1] - 4}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(one.cell(2, "company")).to_have_text("Nordwind")
    assert ["Nordwind"] * 3 == one.texts("company")[:3]
    expect(page.locator("td.editing")).to_have_count(0)
    one.discard()
    assert [] == page.complaints
    page.context.close()
