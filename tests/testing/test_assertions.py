"""The assertions for tests fail where they must: a check that cannot fail proves nothing."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from muniment.errors import AccessDenied
from muniment.model import FileRef, Money
from muniment.testing import TickingClock, assert_logged, assert_no_plaintext, forms_of, leaks, log_entries

SECRET = "Zwölf Boxkämpfer 李娜"
ANNA = {"full_name": "Anna Schmidt", "phone": "030 1234567"}


def test_one_entry_with_these_members(archive, session):
    """What was read is named; the entry is handed over."""
    anna = session.create("customer", ANNA)
    with assert_logged(archive, "record.read", type="customer", count=1, actor={"id": "owner"}) as found:
        session.get(anna.id)
    assert anna.id == found[0].lines[0]["id"]
    assert found[0] == log_entries(archive)[-1]
    assert len(log_entries(archive)) == found[0].index + 1


@pytest.mark.parametrize(
    ("kind", "times", "members", "message"),
    [
        ("record.read", 0, {}, r"0 entries of kind record\.read"),
        ("record.read", 2, {}, r"2 entries of kind record\.read"),
        ("record.list", 1, {}, r"0 entries.*record\.read"),
        ("record.read", 1, {"count": 2}, "count is 1, not 2"),
        ("record.read", 1, {"outcome": "denied"}, "outcome is 'ok', not 'denied'"),
        ("record.read", 1, {"actor": {"id": "anna"}}, "actor is"),
    ],
)
def test_anything_else_fails(archive, session, kind, times, members, message):
    """No entry, one too many, another kind, another member: each is said."""
    anna = session.create("customer", ANNA)

    def read():
        with assert_logged(archive, kind, **members):
            for _ in range(times):
                session.get(anna.id)

    with pytest.raises(AssertionError, match=message):
        read()


def test_a_refusal_is_an_entry_too(archive):
    """It stands in the log although the act raised."""
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="access.unknown_actor"),
        pytest.raises(AccessDenied),
    ):
        archive.session(actor="nobody", purpose="CustomerManagement")


@pytest.mark.parametrize(
    "planted",
    [
        SECRET.encode(),
        SECRET.upper().encode(),
        SECRET.encode("utf-16-le"),
        SECRET.encode("utf-16-be"),
        json.dumps(SECRET).encode(),
        SECRET.encode().hex().encode(),
        SECRET.encode().hex().upper().encode(),
        base64.b64encode(SECRET.encode()),
        base64.b64encode(b"x" + SECRET.encode() + b"y"),
        base64.b64encode(b"xy" + SECRET.encode()),
        base64.urlsafe_b64encode(SECRET.encode("utf-16-le")),
    ],
)
@pytest.mark.parametrize("before", [0, 1, (1 << 18) - 5])
def test_a_value_is_found_in_every_form(tmp_path, planted, before):
    """Wherever it stands in a file, also across the pieces that are searched one by one."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file-wal").write_bytes(bytes(before) + planted + b"\xff" * 9)
    assert [("deep/file-wal", 1)] == leaks(tmp_path, ["not there", SECRET])
    with pytest.raises(AssertionError, match=r"values\[1\]") as caught:
        assert_no_plaintext(tmp_path, ["not there", SECRET])
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "planted"),
    [
        (date(1987, 3, 14), b"1987-03-14"),
        (datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), b"2024-05-06T07:08:09.000000Z"),
        (datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), (1_714_979_289_000_000).to_bytes(8, "big")),
        (Decimal("12345.678"), b"12345.678"),
        (Money(Decimal("98765.40"), "EUR"), b"EUR 98765.40"),
        (7_654_321, b"7654321"),
        (("short", "Bogenschiessen"), b"Bogenschiessen"),
        (FileRef("0" * 36, "Befund.pdf", "application/pdf", 9), b"befund.pdf"),
        (b"\x01\x02\x03\x04\x05\x06\x07", b"\x01\x02\x03\x04\x05\x06\x07"),
    ],
)
def test_values_of_every_kind_are_looked_for(tmp_path, value, planted):
    """In the forms in which they are stored and shown."""
    (tmp_path / "file").write_bytes(b"..." + planted + b"...")
    assert [("file", 0)] == leaks(tmp_path, [value])


def test_the_name_of_a_file_is_looked_at(tmp_path):
    """A file named after a customer tells as much as its content."""
    (tmp_path / f"{SECRET}.txt").write_bytes(b"")
    assert 1 == len(leaks(tmp_path, [SECRET]))


def test_compressed_details_are_unpacked(archive, session, tmp_path):
    """What stands in a detail of the log is found, though the file holds it compressed."""
    session.note("log.read", target={"about": SECRET, "names": [f"field_{place}" for place in range(200)]})
    assert SECRET.encode() not in (archive.folder / "archive.db-wal").read_bytes()
    assert {"archive.db: log_detail"} == {where for where, _ in leaks(archive.folder, [SECRET])}


def test_a_value_too_short_is_refused(tmp_path):
    """It would be found by chance, and then nobody believes the assertion."""
    assert not forms_of("abc")
    with pytest.raises(ValueError, match=r"values\[1\]"):
        leaks(tmp_path, ["long enough", "abc"])


def test_a_clock_ticks():
    """Each look is later than the one before by the same step."""
    clock = TickingClock(step_us=5)
    assert 5 == -clock() + clock()


def test_the_plugin_costs_nothing_to_import():
    """Every run of pytest imports it, so neither the engine nor Hypothesis comes with it."""
    code = (
        "import sys, muniment.testing.plugin as p; "
        "heavy = ('muniment.archive', 'hypothesis', 'cryptography', 'sqlite3'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
