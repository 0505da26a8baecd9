"""Cells of every kind changed where they stand, by the keyboard alone, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from muniment.archive import Archive
from muniment.model import id_text
from muniment.schema import ListView
from muniment.testing import new_archive
from muniment_web.testing import give_password, new_web, served

pytestmark = pytest.mark.slow


@attrs.frozen
class Desk:
    """An archive, the pages over it, somebody in front of them, and records to change."""

    archive: Archive
    base: str
    page: Any
    people: list[str]
    talk: str

    def table(self, key: str) -> Any:
        """The table of a type with the columns of the view, with its tray settled."""
        self.page.goto(f"{self.base}/t/{key}?view=cells")
        self.page.wait_for_selector("m-tray:defined", state="attached")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the tray has answered to everything that was typed."""
        self.page.wait_for_selector("m-tray:not([aria-busy])", state="attached")

    def cell(self, record: str, field: str) -> Any:
        """The cell of a record."""
        return self.page.locator(f'tr[data-id="{record}"] td[data-f="{field}"]').first

    def begin(self, record: str, field: str) -> Any:
        """Go to a cell and begin to change it, as F2 does."""
        cell = self.cell(record, field)
        cell.evaluate("one => { one.tabIndex = 0; one.focus(); }")
        self.page.keyboard.press("F2")
        return cell

    def values(self, record: str) -> Any:
        """What the record holds."""
        with self.archive.session(actor="owner") as session:
            return session.get(record).fields

    def save(self) -> None:
        """Save the tray for a reason."""
        self.settle()
        self.page.select_option("#twhy", "correction")
        with self.page.expect_navigation():
            self.page.click("m-tray .btn.main[value=save]")


@pytest.fixture(scope="module")
def desk(tmp_path_factory, new_page, around):
    """A page of the table of orders, with a column of each kind that is not simply typed."""
    folder = tmp_path_factory.mktemp("cells") / "shop"
    with new_archive(folder, templates=("account-manager",)) as archive:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            session.create("user", {"login": "li.na", "roles": ["editor"], "state": "active"})
            people = [
                session.create("customer", {"full_name": name, "customer_number": number}).id
                for name, number in (("Anna Schmidt", "C-1"), ("Berthold Klein", "C-2"))
            ]
            talk = session.create(
                "interaction",
                {"customer": people[0], "occurred_at": "2026-01-05 10:00", "channel": "phone"},
            ).id
            columns = ("full_name", "do_not_contact", "account_owner", "customer_since", "budget", "status")
            session.views.save(ListView(key="cells", type="customer", columns=columns))
            columns = ("occurred_at", "customer", "attachments")
            session.views.save(ListView(key="cells", type="interaction", columns=columns))
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
    page.select_option("#group", "status")
    page.click("button:has-text('Find')")
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
