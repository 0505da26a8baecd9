"""What a form may hold, how large it may be, and for whom it counts once it has arrived."""

from __future__ import annotations

import pytest
from starlette.datastructures import UploadFile
from starlette.requests import Request

from muniment.errors import IntegrityError, NotFound, StoreError
from muniment.session import Session
from muniment_web.testing import NOBODY, Browser, give_password, new_web

SMALL, LARGE = 1 << 16, 1 << 18
"""Of a body, and of one that carries a file."""
EVA = {"login": "eva", "roles": ["owner"], "state": "active"}


@pytest.fixture
def one(made):
    """A browser of somebody who may everything, at pages that take little."""
    give_password(made, "owner")
    return Browser.of(new_web(made, body_bytes=SMALL, file_bytes=LARGE)).sign_in("owner")


def sized(length: int, start: str) -> bytes:
    """A form of so many bytes."""
    return start.encode() + b"x" * (length - len(start))


def test_a_body_may_be_as_long_as_its_bound(one):
    """To the byte, as it is announced and as it comes."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    csrf = one.csrf
    for length, status in ((SMALL, {200, 400, 422}), (SMALL + 1, {413})):
        body = sized(length, f"csrf={csrf}&text=")
        assert one.client.post("/suggestions", content=body, headers=headers).status_code in status

        def parts(body: bytes = body):
            yield body[:100]
            yield body[100:]

        assert one.client.post("/suggestions", content=parts(), headers=headers).status_code in status


def test_only_a_form_with_a_file_to_a_page_that_takes_files_may_be_longer(one):
    """A form of another kind is read whole into memory, and no other page has a use for a file."""
    csrf = one.csrf
    plain = {"Content-Type": "application/x-www-form-urlencoded"}
    body = sized(SMALL + 1, f"csrf={csrf}&note=")
    assert 413 == one.client.post("/import", content=body, headers=plain).status_code
    file = {"file": ("rows.csv", b"full_name\n" + b"x" * SMALL)}
    taken = one.post("/import", {"type": "customer"}, csrf=csrf, files=file)
    assert 413 != taken.status_code
    assert 413 == one.post("/suggestions", {"text": "x"}, csrf=csrf, files=file).status_code
    larger = {"file": ("rows.csv", b"full_name\n" + b"x" * LARGE)}
    assert 413 == one.post("/import", {"type": "customer"}, csrf=csrf, files=larger).status_code


def test_a_page_that_takes_no_file_refuses_one(one):
    """It is refused before anything is done, and so are more parts than a form of ours has."""
    csrf, small = one.csrf, {"file": ("x.txt", b"x")}
    assert 400 == one.post("/suggestions", {"text": "x"}, csrf=csrf, files=small).status_code
    many = [("file", ("x.csv", b"x"))] * 5
    assert 400 == one.post("/import", {"type": "customer"}, csrf=csrf, files=many).status_code
    fields = [("csrf", (None, csrf)), *[("n", (None, ""))] * 5_000]
    refused = Browser.of(new_web(one.client.app.state.web.archive)).sign_in("owner")
    assert 400 == refused.client.post("/suggestions", files=fields).status_code
    # A long table of rules has more than a thousand.
    assert 400 != refused.client.post("/suggestions", files=fields[:4_000]).status_code


def test_a_file_that_was_sent_is_let_go_of(one, monkeypatch):
    """Whatever the page made of it: a large one lies on a disk until it is closed."""
    closed, closing = [], UploadFile.close

    async def noted(self):
        closed.append(self.filename)
        await closing(self)

    monkeypatch.setattr(UploadFile, "close", noted)
    for name, content in (("good.csv", b"full_name,city\nA,B\n"), ("bad.csv", b"\x00\xff")):
        one.post("/import", {"type": "customer"}, files={"file": (name, content)})
    assert ["good.csv", "bad.csv"] == closed


def test_whoever_lost_their_rights_while_a_form_came_in_does_nothing_with_it(made, monkeypatch):
    """A body may take long: who sent it is asked for once more when it is there."""
    with made.session(actor="owner") as session:
        eva = session.create("user", EVA).id
    give_password(made, "eva")
    one = Browser.of(new_web(made)).sign_in("eva")
    csrf, form = one.csrf, Request.form

    async def late(self, **more):
        found = await form(self, **more)
        with made.session(actor="owner") as session:
            session.update(eva, {"state": "disabled"})
        return found

    monkeypatch.setattr(Request, "form", late)
    answer = one.post("/suggestions", {"text": "Written by nobody any more"}, csrf=csrf)
    assert "/sign-in" == answer.url.path
    monkeypatch.undo()
    with made.session(actor="owner") as session:
        assert "Written by nobody any more" not in [each.text for each in session.suggestions.all()]


def test_whoever_lost_their_rights_while_a_page_was_made_is_signed_out(made, monkeypatch, logged):
    """They are not told that they may not; they are asked who they are."""
    with made.session(actor="owner") as session:
        values = {**EVA, "login": "eva.two"}
        eva = session.create("user", values).id
    give_password(made, "eva.two")
    one, listed = Browser.of(new_web(made)).sign_in("eva.two"), Session.listed

    def late(self, *given, **more):
        monkeypatch.undo()
        with made.session(actor="owner") as session:
            session.update(eva, {"roles": ("reader",)})
        return listed(self, *given, **more)

    monkeypatch.setattr(Session, "listed", late)
    answer = one.get("/t/customer", follow_redirects=False)
    assert (303, "/sign-in?next=/t/customer") == (answer.status_code, answer.headers.get("location"))
    out = [entry for entry in logged() if entry.kind == "user.sign_out"]
    assert [("eva.two", "rights")] == [
        (one.detail["actor"]["id"], one.detail["target"]["why"]) for one in out
    ]


@pytest.mark.parametrize(
    ("error", "status", "told", "altered"),
    [
        (RuntimeError("Anna Schmidt"), 500, 1, False),
        (IntegrityError("seal.part"), 500, 0, True),
        (NotFound("record.not_found"), 404, 0, False),
        (StoreError("store.busy"), 503, 0, False),
    ],
)
def test_a_page_that_fails_says_what_to_do_and_nothing_of_what_it_held(
    one, monkeypatch, capfd, error, status, told, altered
):
    """A fault of ours is told to the operator once; what was altered is not mended by trying again."""

    def broken(*given, **more):
        raise error

    monkeypatch.setattr(Session, "get", broken)
    answer = one.get(f"/t/customer/{NOBODY}")
    assert status == answer.status_code
    assert "Anna" not in answer.text
    assert altered == ("What to do" in answer.text)
    lines = [line for line in capfd.readouterr().err.splitlines() if '"failure"' in line]
    assert told == len(lines)
    assert "Anna" not in "".join(lines)
