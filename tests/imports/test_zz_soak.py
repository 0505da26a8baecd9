"""Trial runs say what imports do, batches make no difference, and a second import changes nothing."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.archive import Archive
from muniment.imports.run import Imported
from muniment.schema.template import parse_template
from muniment.session import Asked, Session
from muniment.testing import new_archive

HERE = Path(__file__).parent
HEADER = ("number", "name", "card", "email", "sponsor")

# So few values that rows meet: on one record, on one card, as one another's sponsors.
ROW = st.tuples(
    st.sampled_from(["", "1", "2", "3", "4", "5", "6"]),
    st.sampled_from(["", "Anna", "Bob"]),
    st.sampled_from(["", "", "C-1", "C-2", "C-3"]),
    st.sampled_from(["", "a@corp.de", "b@corp.de", "broken"]),
    st.sampled_from(["", "", "1", "2", "9"]),
)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archive, Archive]]:
    """Two archives that are given the same."""
    template = parse_template((HERE / "club.toml").read_text(encoding="utf-8"), where="club.toml")
    folder = tmp_path_factory.mktemp("twins")
    with (
        new_archive(folder / "one", templates=[template]) as one,
        new_archive(folder / "two", templates=[template]) as two,
    ):
        yield one, two


def clear(session: Session) -> None:
    """Delete every member, so that the next example begins anew."""
    for page in session.pages(Asked("member", fields=())):
        for record in page.records:
            session.delete(record.id, reason="next example")


def said(done: Imported) -> tuple[object, ...]:
    """What an import tells, but for identifiers, and for deleted records of examples before."""
    warnings = {code: count for code, count in done.warnings.items() if code != "import.was_deleted"}
    problems = sorted((one.row, [issue.code for issue in one.issues]) for one in done.problems)
    return done.rows, done.created, done.updated, done.unchanged, done.rejected, warnings, problems


def state(session: Session) -> list[tuple[object, ...]]:
    """The members by what they hold, with sponsors by number."""
    records = [record for page in session.pages(Asked("member")) for record in page.records]
    numbers = {record.id: record.fields.get("number") for record in records}
    return sorted(
        tuple(
            str(numbers.get(str(value), "gone") if key == "sponsor" else value)
            for key in HEADER
            for value in [record.fields.get(key)]
        )
        for record in records
    )


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(ROW, max_size=6),
    rows=st.lists(ROW, min_size=1, max_size=12),
    sizes=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    empty=st.sampled_from(["keep", "clear"]),
)
def test_trial_and_import_agree_whatever_the_batches(
    twins: tuple[Archive, Archive],
    first: list[tuple[str, ...]],
    rows: list[tuple[str, ...]],
    sizes: tuple[int, int],
    empty: str,
) -> None:
    """What a trial run says in one batch size the import does in another; done again, it changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        before, path = Path(folder) / "before.csv", Path(folder) / "rows.csv"
        for file, content in ((before, first), (path, rows)):
            out = io.StringIO()
            csv.writer(out).writerows([HEADER, *content])
            file.write_text(out.getvalue(), encoding="utf-8")
        states = []
        for archive, size in zip(twins, sizes, strict=True):
            session = archive.session(actor="owner")
            clear(session)
            session.import_file("member", before)
            trial = session.import_file("member", path, dry_run=True, batch=sizes[1], empty=empty)
            done = session.import_file("member", path, batch=size, empty=empty)
            assert said(trial) == said(done)
            states.append((said(done), state(session)))
            if all(row[0] for row in rows) and not done.rejected:
                again = session.import_file("member", path, empty=empty)
                assert (again.created, again.updated, again.rejected) == (0, 0, 0)
        assert states[0] == states[1]
