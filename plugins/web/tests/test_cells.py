"""Cells of every kind changed where they stand, by the keyboard alone, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from muniment.archive import Archive
from muniment.model import id_text
from muniment.schema import Field, Label, ListView
from muniment.schema.edits import add_field
from muniment.session import Session
from muniment.testing import new_archive
from muniment_web.testing import give_password, new_web, served

pytestmark = pytest.mark.slow
PEOPLE = (
    {
        "customer_number": "C-1",
        "full_name": "Anna Schmidt",
        "phone": "030 1234567",
        "customer_since": "2026-03-01",
    },
    {
        "customer_number": "C-2",
        "full_name": "Berthold Klein",
        "phone": "030 1234568",
        "company": "Kranich AG",
    },
)


@attrs.frozen
class Desk:
    """An archive, the pages over it, somebody in front of them, and records to change."""

    archive: Archive
    base: str
    page: Any
    people: list[str]
    talk: str

    def table(self, key: str, view: str = "cells") -> Any:
        """The table of a type with the columns of the view, with its tray settled."""
        self.page.goto(f"{self.base}/t/{key}?view={view}")
        self.page.wait_for_selector("m-tray:defined", state="attached")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the tray has answered to everything that was typed."""
        self.page.wait_for_selector("m-tray:not([aria-busy])", state="attached")

    def cell(self, record: str, field: str) -> Any:
        """The cell of a record."""
        return self.page.locator(f'tr[data-id="{record}"] td[data-f="{field}"]').first

    def go(self, record: str, field: str) -> Any:
        """Go to a cell."""
        cell = self.cell(record, field)
        cell.evaluate("one => { one.tabIndex = 0; one.focus(); }")
        return cell

    def begin(self, record: str, field: str) -> Any:
        """Go to a cell and begin to change it, as F2 does."""
        cell = self.go(record, field)
        self.page.keyboard.press("F2")
        return cell

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def discard(self) -> None:
        """Empty the tray."""
        self.settle()
        self.page.click("m-tray button[value=discard]")
        self.page.wait_for_selector("#grid td.edited", state="detached")
        self.settle()

    def values(self, record: str) -> Any:
        """What the record holds."""
        with self.archive.session(actor="owner") as session:
            return session.get(record).fields

    def save(self) -> None:
        """Save the tray for a reason."""
        self.settle()
        self.page.select_option("#twhy", "correction")
        self.page.click("m-tray .btn.main[value=save]")
        self.page.wait_for_selector(".note:has-text('Records saved')")
        self.page.wait_for_selector("#grid td.edited", state="detached")
        self.settle()


def add_tags(archive: Archive, session: Session) -> None:
    """A field of several choices that nobody listed beforehand, as a team may add it."""
    old = session.type("customer")
    tags = Field(key="tags", kind="several choices", label=Label("Tags", "标签"), group=old.groups[0].key)
    made = add_field(old, attrs.evolve(tags, sensitivity="internal"))
    registry = archive.engine.definitions.registry
    archive.save_types(session, registry.replace(made, kinds=archive.engine.kinds), reason="we tag people")


@pytest.fixture(scope="module")
def desk(tmp_path_factory, new_page, around):
    """A page of the table of orders, with a column of each kind that is not simply typed."""
    folder = tmp_path_factory.mktemp("cells") / "shop"
    with new_archive(folder, templates=("account-manager",)) as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            session.create("user", {"login": "li.na", "roles": ["editor"], "state": "active"})
            people = [session.create("customer", values).id for values in PEOPLE]
            talk = session.create(
                "interaction",
                {"customer": people[0], "occurred_at": "2026-01-05 10:00", "channel": "phone"},
            ).id
            columns = ("full_name", "do_not_contact", "account_owner", "customer_since", "budget", "status")
            add_tags(archive, session)
            session.views.save(ListView(key="cells", type="customer", columns=columns))
            columns = ("occurred_at", "customer", "attachments")
            session.views.save(ListView(key="cells", type="interaction", columns=columns))
            columns = ("customer_number", "full_name", "phone", "city", "company", "tags", "customer_since")
            session.views.save(ListView(key="sheet", type="customer", columns=columns))
        give_password(archive, "owner")
        with served(new_web(archive), around=around) as base:
            page = new_page(base, "owner")
            yield Desk(archive, base, page, people, talk)
            page.context.close()


def test_a_reference_is_looked_for_and_put_into_its_cell(desk, expect):
    """Typing finds by the words, arrows choose, Enter takes; the tray names the record, not its number."""
    page = desk.table("customer")
    cell = desk.begin(desk.people[0], "account_owner")
    page.keyboard.type("li")
    page.wait_for_selector("td.editing .picks li")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(cell).to_have_class(re.compile("edited"))
    desk.settle()
    expect(page.locator("m-tray .typed").last).to_have_text("li.na")
    expect(cell).to_have_text("li.na")
    desk.save()
    users = desk.archive.engine.definitions.users
    assert id_text(users["li.na"].record) == str(desk.values(desk.people[0])["account_owner"])
    assert [] == page.complaints


def test_enter_does_not_overtake_the_answer(desk, expect):
    """Whoever types fast and presses Enter gets the first that is found, not the letters that they typed."""
    page = desk.table("customer")
    cell = desk.begin(desk.people[1], "account_owner")
    page.keyboard.type("owner")
    page.keyboard.press("Enter")
    expect(cell).to_have_class(re.compile("edited"))
    expect(cell).to_have_text("Owner")
    desk.settle()
    expect(page.locator("m-tray .typed").last).to_have_text("Owner")
    page.click("m-tray button[value=discard]")
    expect(cell).not_to_have_class(re.compile("edited"))


def test_several_choices_are_ticked_by_keys(desk, expect):
    """Space ticks, arrows go on, Escape leaves it as it was, Enter keeps it."""
    page = desk.table("customer")
    cell = desk.begin(desk.people[0], "do_not_contact")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(cell).not_to_have_class(re.compile("edited"))
    desk.begin(desk.people[0], "do_not_contact")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(cell).to_have_text("Phone, E-mail")
    desk.save()
    assert ("phone", "email") == tuple(desk.values(desk.people[0])["do_not_contact"])
    assert [] == page.complaints


def test_a_day_is_picked_in_its_cell(desk, expect):
    """Alt and the arrow open the calendar; a day of it goes into the cell."""
    page = desk.table("customer")
    cell = desk.begin(desk.people[0], "customer_since")
    page.keyboard.type("2026-03-05")
    page.keyboard.press("Alt+ArrowDown")
    page.wait_for_selector(".cal button[aria-pressed=true]")
    page.locator(".cal td button", has_text=re.compile("^17$")).click()
    expect(page.locator("td.editing input")).to_have_value("2026-03-17")
    page.keyboard.press("Enter")
    expect(cell).to_have_text("2026-03-17")
    desk.save()
    assert "2026-03-17" == desk.values(desk.people[0])["customer_since"].isoformat()


def test_money_is_typed_with_its_currency(desk, expect):
    """An amount stands in its cell as it was typed, and is kept with its currency."""
    page = desk.table("customer")
    cell = desk.begin(desk.people[1], "budget")
    page.keyboard.type("1234.50 EUR")
    page.keyboard.press("Tab")
    expect(cell).to_have_text("1234.50 EUR")
    desk.save()
    held = desk.values(desk.people[1])["budget"]
    assert ("1234.50", "EUR") == (str(held.amount), held.currency)


def test_a_file_goes_to_its_record_from_its_cell(desk, expect, tmp_path):
    """Enter asks which and why; without a reason it says so; then its name stands in the cell."""
    page = desk.table("interaction")
    scan = tmp_path / "scan.txt"
    scan.write_text("as agreed", encoding="utf-8")
    cell = desk.begin(desk.talk, "attachments")
    page.wait_for_selector("dialog[open] form[data-filing]")
    page.set_input_files("#cellfile", scan)
    page.select_option("#fwhy", "contract")
    page.click("dialog .btn.main")
    expect(cell).to_have_text("scan.txt")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert "scan.txt" == desk.values(desk.talk)["attachments"].name
    assert [] == page.complaints


def test_a_group_is_folded_at_its_heading(desk, expect):
    """The heading says how many stand under it; its button folds them and opens them again."""
    page = desk.table("customer")
    page.click("summary:has-text('Arrange')")
    page.select_option("#group", "status")
    heading = page.locator("tr.grp button[data-fold]").first
    expect(heading).to_be_visible()
    expect(page.locator("tr.grp .hint").first).to_contain_text("on this page")
    heading.press("Enter")
    expect(heading).to_have_attribute("aria-expanded", "false")
    expect(page.locator("tr[data-id]").first).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 900})  # rows are cards there
    expect(page.locator("tr[data-id]").first).to_be_hidden()
    page.set_viewport_size({"width": 1440, "height": 900})
    heading.press("Enter")
    expect(page.locator("tr[data-id]").first).to_be_visible()


def test_rows_are_sorted_by_several_columns(desk, expect):
    """With shift a header is added, turned and taken away, by mouse and by keyboard; a menu does the same."""
    page = desk.table("customer", "sheet")
    city = page.locator("th[data-f=city] button")
    number = page.locator("th[data-f=customer_number] button")
    city.click()
    expect(page.locator("th[data-f=city]")).to_have_attribute("aria-sort", "ascending")
    number.click(modifiers=["Shift"])
    expect(number).to_contain_text("↑2")
    expect(city).to_contain_text("↑1")
    number.focus()
    page.keyboard.press("Shift+Enter")
    expect(number).to_contain_text("↓2")
    expect(number.locator(".vh")).to_have_text("sorted as number 2, descending")
    expect(page.locator("tr[data-id] td[data-f=customer_number]").first).to_have_text("C-2")
    number.focus()
    page.keyboard.press("Shift+Enter")
    expect(number).not_to_contain_text("2")
    page.click("summary:has-text('Arrange')")
    expect(page.locator("#s0")).to_have_value("city")
    page.select_option("#s1", "-customer_number")
    page.click("button[value=arrange]")
    expect(number).to_contain_text("↓2")
    number.click()
    expect(page.locator("th[aria-sort]")).to_have_count(1)
    expect(number).to_contain_text("↑")
    assert [] == page.complaints


def test_a_phone_has_the_tools_of_a_table_in_two_rows(desk):
    """What to find above, what to do below, also in a view of one's own, which has one tool more."""
    page = desk.table("customer", "sheet")
    page.set_viewport_size({"width": 390, "height": 780})
    tools = page.locator("#view > .toolbar > :is(.find, .btn, .menu):visible")
    tops = {round(box["y"]) for box in map(lambda one: one.bounding_box(), tools.all())}
    page.set_viewport_size({"width": 1440, "height": 900})
    assert 2 == len(tops)


COPY = """() => {
    const data = new DataTransfer();
    const more = {clipboardData: data, bubbles: true, cancelable: true};
    document.activeElement.dispatchEvent(new ClipboardEvent("copy", more));
    return data.getData("text/plain");
}"""
PASTE = """(text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
}"""


def test_a_block_is_filled_undone_and_done_again(desk, expect):
    """Control-D takes the first row down, Control-Enter one text into all, Control-Z and Y go back and on."""
    page = desk.table("customer", "sheet")
    first, second = (desk.cell(one, "city") for one in desk.people)
    desk.go(desk.people[0], "city")
    page.keyboard.type("Kiel")
    desk.press("ArrowDown", "ArrowUp", "Shift+ArrowDown", "Control+d")
    expect(second).to_have_text("Kiel")
    expect(page.locator("#notice")).to_contain_text("1 cell filled")
    desk.press("Control+z")
    expect(second).to_have_text("")
    expect(first).to_have_text("Kiel")
    desk.press("Control+z")
    expect(first).to_have_text("")
    expect(page.locator("#grid td.edited")).to_have_count(0)
    desk.press("Control+y", "Control+Shift+z")
    expect(second).to_have_text("Kiel")
    desk.go(desk.people[0], "city")
    desk.press("Shift+ArrowDown", "Shift+ArrowRight")
    page.keyboard.type("Ulm")
    desk.press("Control+Enter")
    expect(page.locator("#grid td.edited")).to_have_text(["Ulm"] * 4)
    desk.press("Control+z")
    expect(page.locator("#grid td.edited")).to_have_text(["Kiel"] * 2)
    desk.settle()
    expect(page.locator("m-tray tr[data-f]")).to_have_count(2)
    page.click("m-tray button[value=discard]")
    expect(page.locator("#grid td.edited")).to_have_count(0)
    desk.go(desk.people[0], "city")
    desk.press("Control+z")
    expect(page.locator("#grid td.edited"), "what a button threw away comes back too").to_have_count(2)
    desk.discard()
    assert [] == page.complaints


def test_a_block_is_dragged_over_and_copied_as_it_is_shown(desk, expect):
    """The mouse selects as in any spreadsheet; masks are copied as masks, and are no values when pasted."""
    page = desk.table("customer", "sheet")
    desk.cell(desk.people[0], "full_name").hover()
    page.mouse.down()
    desk.cell(desk.people[1], "city").hover()
    page.mouse.up()
    expect(page.locator("td.sel")).to_have_count(6)
    expect(page.locator("#chosen")).to_contain_text("6 cells")
    copied = page.evaluate(COPY)
    assert ["Anna Schmidt", "Berthold Klein"] == [line.split("\t")[0] for line in copied.split("\n")]
    assert "1234567" not in copied
    desk.go(desk.people[1], "phone")
    page.evaluate(PASTE, "\u2022\u2022\u2022\u2022 4567")
    expect(page.locator("#notice")).to_contain_text("Not taken: 1")
    expect(page.locator("#grid td.edited")).to_have_count(0)
    desk.press("Control+a")
    expect(page.locator("td.sel")).to_have_count(7 * page.locator("#grid tr[data-id]").count())
    desk.go(desk.people[0], "city")
    desk.press("Shift+Space")
    expect(page.locator("td.sel")).to_have_count(7)
    desk.go(desk.people[0], "city")
    desk.press("Tab", "Tab")
    assert "tags" == page.evaluate("document.activeElement.dataset.f")


def test_an_input_method_composes_in_a_cell(desk, expect):
    """Chinese is typed over a cell as it is; Enter that ends the composing ends nothing else."""
    page = desk.table("customer", "sheet")
    devtools = page.context.new_cdp_session(page)
    compose = lambda text: devtools.send(  # noqa: E731 - said four times
        "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
    )
    cell = desk.go(desk.people[0], "city")
    compose("bei")
    compose("beijing")
    devtools.send("Input.insertText", {"text": "北京"})
    expect(page.locator("td.editing input")).to_have_value("北京")
    expect(page.locator("td.editing input")).to_be_focused()
    compose("shi")
    page.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
        "{key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    expect(page.locator("td.editing")).to_have_count(1)
    devtools.send("Input.insertText", {"text": "市"})
    desk.press("Enter")
    expect(cell).to_have_text("北京市")
    expect(cell).to_have_class(re.compile("edited"))
    desk.settle()
    expect(page.locator("m-tray .typed")).to_have_text("北京市")
    desk.discard()


def test_new_rows_wait_in_the_tray_and_become_records(desk, expect, axe_findings):
    """A button begins one, a paste makes as many as it has lines; they outlast a reload, and are saved."""
    page = desk.table("customer", "sheet")
    page.click("[data-add]")
    expect(page.locator("tr.fresh")).to_have_count(1)
    assert "customer_number" == page.evaluate("document.activeElement.dataset.f")
    page.evaluate(PASTE, "N-1\tNora Neu\t030 7654321\tKiel\nN-1\tNils Neu\t\tUlm\nN-3\tNele Neu\t\tJena")
    fresh = page.locator("tr.fresh")
    expect(fresh).to_have_count(3)
    expect(page.locator("m-tray tr.bad"), "its number is taken by the first").to_have_count(1)
    assert [] == axe_findings(page)
    page.reload()
    desk.settle()
    expect(fresh).to_have_count(3)
    expect(fresh.nth(1).locator("td[data-f=full_name]")).to_have_text("Nils Neu")
    cell = fresh.nth(1).locator("td[data-f=customer_number]")
    cell.evaluate("one => { one.tabIndex = 0; one.focus(); }")
    page.keyboard.type("N-2")
    desk.press("Enter")
    expect(cell).to_have_text("N-2")
    last = fresh.nth(2).locator("td[data-f=city]")
    last.evaluate("one => { one.tabIndex = 0; one.focus(); }")
    page.locator("m-tray details.looked summary").click()
    page.locator("m-tray tr", has_text="N-3").locator("button").click()
    expect(fresh.nth(2).locator("td[data-f=customer_number]")).to_have_text("")
    last.evaluate("one => { one.tabIndex = 0; one.focus(); }")
    desk.press("Control+z")
    expect(fresh.nth(2).locator("td[data-f=customer_number]")).to_have_text("N-3")
    desk.save()
    with desk.archive.session(actor="owner") as session:
        found = {one.fields["customer_number"]: one for one in session.list("customer").records}
    assert ["Nora Neu", "Nils Neu", "Nele Neu"] == [found[f"N-{at}"].fields["full_name"] for at in (1, 2, 3)]
    assert "Kiel" == found["N-1"].fields["city"]
    assert [] == page.complaints


def test_tags_that_nobody_listed_are_typed_in_a_cell(desk, expect):
    """One a line, or with commas between; they are kept as a list."""
    page = desk.table("customer", "sheet")
    cell = desk.begin(desk.people[0], "tags")
    page.keyboard.type("wine")
    desk.press("Alt+Enter")
    page.keyboard.type("books, 茶")
    desk.press("Enter")
    expect(cell).to_have_text("wine, books, 茶")
    desk.save()
    assert ("wine", "books", "茶") == tuple(desk.values(desk.people[0])["tags"])
    assert ["wine", "books", "茶"] == desk.cell(desk.people[0], "tags").locator(".chip").all_inner_texts()


def test_a_table_is_asked_by_what_suits_the_field_and_kept_as_a_view(desk, expect, axe_findings):
    """Part of a text, days from and to, one of several choices; width and pinned columns go into the view."""
    page = desk.table("customer", "sheet")

    def ask(field: str, fill) -> None:
        page.locator("summary", has_text="Filter").click()
        with page.expect_response("**/filter"):
            page.select_option("#nf", field)
        fill()
        page.locator("details[open] .btn.main").click()
        expect(page.locator("#view details[open]")).to_have_count(0)

    def contains() -> None:
        expect(page.locator("[name=no] option")).to_have_count(5)
        page.fill("[name=nv]", "RANI")

    ask("company", contains)
    expect(page.locator(".fchip")).to_have_text(["Company contains RANI"])
    expect(page.locator("#grid tbody tr td[data-f=full_name]")).to_have_text(["Berthold Klein"])
    assert [] == axe_findings(page)
    page.locator(".fchip button").click()
    expect(page.locator(".fchip")).to_have_count(0)

    def between() -> None:
        page.fill("[name=nv]", "2026-03-01")
        page.fill("[name=nv2]", "2026-03-31")

    ask("customer_since", between)
    expect(page.locator(".fchip")).to_have_count(2)
    expect(page.locator("#grid tbody tr td[data-f=full_name]")).to_have_text(["Anna Schmidt"])
    ask("phone", lambda: expect(page.locator("#fvalue")).to_contain_text("exact match"))
    desk.go(desk.people[0], "city")
    before = page.locator("th[data-f=city]").bounding_box()["width"]
    desk.press("Alt+Shift+ArrowRight", "Alt+Shift+ArrowRight")
    assert before + 16 < page.locator("th[data-f=city]").bounding_box()["width"]
    page.locator("summary", has_text="Columns").click()
    page.select_option("#pinned", "2")
    page.locator("details[open] .btn.main").click()
    expect(page.locator("table[data-pin='2']")).to_have_count(1)
    expect(page.locator("th[data-f=full_name]")).to_have_css("position", "sticky")
    page.locator("summary", has_text="Save view").click()
    page.fill("#vname", "March")
    with page.expect_navigation():
        page.locator("details[open] .btn.main").click()
    expect(page.locator(".fchip.held"), "what the view filters").to_have_count(2)
    expect(page.locator(".fchip button")).to_have_count(0)
    expect(page.locator("#grid tbody tr td[data-f=full_name]")).to_have_text(["Anna Schmidt"])
    expect(page.locator("table[data-pin='2'] th[data-f=city][data-w]")).to_have_count(1)
    assert [] == page.complaints


def test_a_field_is_set_for_all_rows_that_are_ticked(desk, expect):
    """Space ticks a row, Shift ticks as far as there; what is set waits in the tray."""
    page = desk.table("customer", "sheet")
    desk.go(desk.people[0], "city")
    desk.press("Space")
    expect(page.locator("#bulk-bar strong")).to_have_text("1 ticked")
    page.locator(f'tr[data-id="{desk.people[1]}"] th.rh input').click(modifiers=["Shift"])
    expect(page.locator("#bulk-bar strong")).to_have_text("2 ticked")
    page.locator("summary", has_text="Set a field").click()
    page.select_option("#setf", "company")
    page.fill("#setv input", "Nordwind")
    page.click("[data-set]")
    expect(page.locator("#grid td.edited")).to_have_text(["Nordwind"] * 2)
    desk.discard()
    page.select_option("#rows", "25")
    expect(page.locator("#rows")).to_have_value("25")
    assert [] == page.complaints
