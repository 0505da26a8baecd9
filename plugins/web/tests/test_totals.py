"""How many records there are, as the table tells it: counted for whoever asks."""

from __future__ import annotations

from muniment import config
from muniment.testing import new_archive
from muniment_web.testing import Browser, give_password, new_web

ROLE = """
[roles.clerk]
label = { en = "Clerk", zh = "专员" }
actions = ["*"]
deny = ["break_glass.begin", "user.read", "user.change", "config.change"]
read = { public = "clear", internal = "clear", personal = "clear", sensitive = "clear", restricted = "clear" }
[roles.clerk.type.customer]
rows = { account_owner = "actor" }
"""


def test_nobody_is_told_how_many_records_another_one_reaches(tmp_path):
    """A number that is kept for a moment is one person's: of all, and of what a filter finds."""
    with new_archive(tmp_path / "shop", templates=("customer-tracking",)) as archive:
        (archive.folder / config.FILE_NAME).write_text(archive.applied.text + ROLE, encoding="utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="roles")
            for login, count in (("li.na", 2), ("tom", 3)):
                own = session.create("user", {"login": login, "roles": ["clerk"], "state": "active"}).id
                for at in range(count):
                    values = {"full_name": f"Of {login} {at}", "account_owner": own, "status": "active"}
                    session.create("customer", values)
        web = new_web(archive)
        told = {}
        for login in ("owner", "li.na", "tom"):
            give_password(archive, login)
            one = Browser.of(web).sign_in(login)
            chosen = {"do": "find", "nf": "status", "nv": "active"}
            pages = (one.get("/t/customer"), one.post("/t/customer", chosen), one.post("/t/customer", chosen))
            told[login] = [
                page.text.partition("Rows 1–")[2].partition("</span>")[0].split() for page in pages
            ]
        expected = {"tom": "3", "li.na": "2", "owner": "5"}
        assert {login: [[count, "of", count]] * 3 for login, count in expected.items()} == told
