"""A clinic is set up by somebody who never opens a terminal: from the first link to the first backup."""

from __future__ import annotations

import pytest

from muniment.testing import new_archive
from muniment_web._serve import first_link
from muniment_web.testing import PASSWORD, new_web, served

pytestmark = pytest.mark.slow

# What she adds of her own: kind, English, Chinese, class, and what else the form of that kind asks for.
FIELDS = (
    ("text", "Nickname", "小名", "personal", {}),
    ("choice", "Ward", "病区", "internal", {"choices": "North | 北区\nSouth | 南区"}),
    ("long text", "Trauma notes", "创伤记录", "sensitive", {}),
)
SHEET = {
    "en": "Customer number,Name,Ward,Trauma notes\nK-1,李娜,North,none\nK-2,Anna Schmidt,South,fell\n",
    "zh-CN": "客户编号,姓名,病区,创伤记录\nK-1,李娜,北区,无\nK-2,Anna Schmidt,南区,跌倒\n",
}
TILES = "document.querySelectorAll('.tile strong').length === 5"


def press(page, selector: str) -> None:
    """Press what loads the next page."""
    with page.expect_navigation():
        page.click(selector)


def agree(page, button: str) -> None:
    """Say yes to what was looked at, with a reason."""
    page.select_option("#why", "other")
    page.fill("#note", "for the clinic")
    press(page, button)


@pytest.mark.parametrize(("locale", "width"), [("en", 1440), ("zh-CN", 390)])
def test_a_clinic_is_set_up_in_pages_alone(new_page, around, expect, whole, tmp_path, locale, width):
    """Templates, three own fields, a plugin with its settings, people, a sheet, a backup, the status."""
    with new_archive(tmp_path / "clinic", templates=()) as archive:
        web = new_web(archive)
        with served(web, around=around) as base, archive.session(actor="owner") as session:
            page = new_page(base, "", locale, width)

            def look(path: str) -> None:
                page.goto(base + path)
                whole(page, path)

            page.goto(first_link(session, web.settings))
            page.fill("#password", PASSWORD)
            page.fill("#again", PASSWORD)
            press(page, "main .btn.main")

            look("/schema")  # nothing is there yet, and it says where to begin
            look("/templates")
            look("/templates/customer-info")
            press(page, "main form .btn.main")
            expect(page.locator("#notice .note")).to_be_visible()
            whole(page, "/templates?done")

            look("/schema/customer/add")
            for kind, en, zh, sensitivity, more in FIELDS:
                page.goto(f"{base}/schema/customer/add?kind={kind.replace(' ', '%20')}")
                page.fill("#label_en", en)
                page.fill("#label_zh", zh)
                page.check(f'input[name="class"][value="{sensitivity}"]')
                for name, value in more.items():
                    page.fill(f"#{name}", value)
                press(page, 'button[value="look"]')
                whole(page, f"/schema/customer/add?{kind[:4]}")
                press(page, 'button[value="keep"]')
                expect(page.locator("#notice .note")).to_be_visible()
            whole(page, "/schema/customer")
            made = archive.engine.definitions.types["customer"].by_key
            assert ["personal", "internal", "sensitive"] == [
                made[key].sensitivity for key in ("nickname", "ward", "trauma_notes")
            ]
            look("/schema/customer/fields/ward")
            look("/schema/customer/compare")
            look("/schema/new")

            look("/plugins")
            look("/plugins/healthcare")
            page.fill("#s-checkers", "9")
            press(page, 'button[value="look_on"]')
            expect(page.locator(".alert .code")).to_have_text("plugin.settings")
            page.complaints.clear()  # the browser names the refusal itself
            whole(page, "/plugins/healthcare?wrong")
            page.fill("#s-checkers", "2")
            press(page, 'button[value="look_on"]')
            whole(page, "/plugins/healthcare?look")
            agree(page, 'button[value="on"]')
            expect(page.locator(".head .chip.green")).to_be_visible()
            assert {"healthcare": {"checkers": 2}} == archive.applied.plugin_settings

            look("/users")
            for login in ("li.na", "tom"):
                page.fill("#login", login)
                page.check('main section form input[name="role"][value="reader"]')
                press(page, "main section form .btn.main")
                expect(page.locator("#invite")).to_contain_text(f"{base}/welcome/")
            whole(page, "/users?done")
            look("/roles")
            look("/roles/new?like=reader")
            page.fill("#key", "desk")
            page.fill("#label_en", "Front desk")
            page.fill("#label_zh", "前台")
            page.check('input[name="action"][value="record.create"]')
            page.check('input[name="write"][value="personal"]')
            press(page, 'button[value="look"]')
            whole(page, "/roles/new?look")
            agree(page, 'button[value="keep"]')
            whole(page, "/roles/desk")
            page.click('a[href="/roles/desk/tables/customer"]')
            page.locator("details", has=page.locator('[name="read.email"]')).locator("summary").press("Enter")
            page.select_option('select[name="read.email"]', "deny")
            page.select_option('select[name="row.0.field"] >> nth=0', "status")
            page.fill('input[name="row.0.values"] >> nth=0', "active")
            press(page, 'button[value="look"]')
            whole(page, "/roles/desk/tables/customer?look")
            agree(page, 'button[value="keep"]')
            assert archive.engine.policy.roles["desk"].rules["customer"].fields["email"].deny
            page.goto(f"{base}/users")
            person = page.locator("tr", has=page.locator("strong", has_text="tom"))
            person.locator("summary").click()
            person.locator('input[name="role"][value="desk"]').check()
            with page.expect_navigation():
                person.locator('button[value="look"]').click()
            whole(page, "/users/tom/change")
            press(page, 'button[value="roles"]')
            assert {"desk", "reader"} == set(archive.engine.definitions.users["tom"].roles)

            sheet = tmp_path / "sheet.csv"
            sheet.write_text(SHEET[locale], encoding="utf-8-sig")
            page.goto(f"{base}/import?type=customer")
            page.set_input_files("#file", str(sheet))
            press(page, "main form .btn.main")
            press(page, 'form[action="/import/try"] .btn.main')
            page.wait_for_function(f"() => {TILES}")
            page.select_option("#why", "request")
            press(page, 'form[action="/import/run"] .btn.main')
            page.wait_for_function(f"() => {TILES}")
            found = session.list("customer").records
            assert {("K-1", "north"), ("K-2", "south")} == {
                (one.fields["customer_number"], one.fields["ward"]) for one in found
            }

            look("/backups")
            page.fill("#to", str(tmp_path / "kept"))
            press(page, 'button[value="look"]')
            whole(page, "/backups?look")
            agree(page, 'button[value="keep"]')
            press(page, 'button[value="run"]')
            expect(page.locator("#notice .note")).to_be_visible()
            whole(page, "/backups?done")
            look("/keys")
            look("/status")
            look("/config")
            look("/help")
            assert [] == page.complaints
            page.context.close()
