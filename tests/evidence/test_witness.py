from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.archive import Archive
from muniment.errors import LogError, StoreError, UsageError
from muniment.evidence.asking import parse_known, post
from muniment.evidence.serving import witness_server
from muniment.evidence.witness import MAX_REQUEST, Answer, Witness, format_request, parse_request
from muniment.log.checkpoint import Checkpoint, attach, sign, verifier_key, verify_cosignatures
from muniment.log.tree import consistency_proof, leaf_hash, root_of
from muniment.model import system_clock
from muniment.session import Change
from muniment.session.oversight.evidence import Scope
from muniment.testing import TickingClock, new_archive, open_again

from .conftest import contents

ORIGIN = "example.com/log/0.0"
SEED = bytes(range(32))
LEAVES = [leaf_hash(str(n).encode()) for n in range(40)]
FORKED = [*LEAVES[:7], leaf_hash(b"another past"), *LEAVES[8:]]


def hash_of(leaves):
    return lambda level, index: root_of(leaves[index << level : (index + 1) << level])


def note(size, leaves=LEAVES, *, seed=SEED, origin=ORIGIN):
    return sign(Checkpoint(origin, size, root_of(leaves[:size])), seed)


def request(old, size, leaves=LEAVES, **how):
    return format_request(old, consistency_proof(old, size, hash_of(leaves)), note(size, leaves, **how))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    made = Witness.create(tmp_path / "witness", "witness.example.com", clock=TickingClock())
    made.trust(verifier_key(ORIGIN, SEED).text)
    return made


def test_a_log_that_grows_is_cosigned(witness):
    """Each checkpoint that extends the one before; the same one again as well."""
    for old, size in ((0, 3), (3, 8), (8, 8), (8, 40)):
        answer = witness.add_checkpoint(request(old, size))
        assert 200 == answer.status
        (vouched,) = verify_cosignatures(attach(note(size), [answer.body]), [witness.key])
        assert "witness.example.com" == vouched.name
    assert [(ORIGIN, 40)] == witness.logs()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (lambda: b"", 400),
        (lambda: b"old 8\n\n" + b"not a note", 400),
        (lambda: b"old 08\n\n" + note(8).encode(), 400),
        (lambda: request(8, 9).replace(b"old 8", b"old 12"), 400),
        (lambda: request(0, 9, seed=bytes(32)), 403),
        (lambda: request(0, 9, origin="example.com/other/0.0"), 404),
        (lambda: request(0, 9), 409),
        (lambda: request(5, 9), 409),
        (lambda: request(8, 9, FORKED), 422),
        (lambda: format_request(8, [], note(9)), 422),
    ],
)
def test_what_is_no_extension_is_refused(witness, asked, status):
    """With the status that the protocol gives it; what the witness holds stays."""
    assert 200 == witness.add_checkpoint(request(0, 8)).status
    answer = witness.add_checkpoint(asked())
    assert status == answer.status
    assert [(ORIGIN, 8)] == witness.logs()
    if status == 409:
        assert Answer(409, "8\n", "text/x.tlog.size") == answer


def test_a_fork_is_kept_as_evidence(witness):
    """Two checkpoints that the log signed and that cannot both be true."""
    witness.add_checkpoint(request(0, 8))
    assert 409 == witness.add_checkpoint(format_request(8, [], note(8, FORKED))).status
    assert 422 == witness.add_checkpoint(request(8, 12, FORKED)).status
    kept = [json.loads(one.read_bytes()) for one in (witness.folder / "evidence").iterdir()]
    assert {note(8, FORKED), note(12, FORKED)} == {one["refused"] for one in kept}
    assert {note(8)} == {one["kept"] for one in kept}


def test_what_a_witness_saw_outlives_it(witness):
    """A new process holds the same size."""
    witness.add_checkpoint(request(0, 8))
    again = Witness(witness.folder)
    assert 409 == again.add_checkpoint(request(3, 9)).status
    assert 200 == again.add_checkpoint(request(8, 9)).status


def test_of_two_forks_at_once_only_one_is_cosigned(witness):
    """However the requests meet, in threads and in separate objects on one folder."""
    witness.add_checkpoint(request(0, 5))
    others = [Witness(witness.folder) for _ in range(4)]
    asked = [
        (others[n % 4], format_request(5, consistency_proof(5, 9, hash_of(leaves)), note(9, leaves)))
        for n, leaves in enumerate([LEAVES, FORKED] * 8)
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: one[0].add_checkpoint(one[1]), asked))
    signed = [n % 2 for n, answer in enumerate(answers) if answer.status == 200]
    assert 1 == len(signed)


def test_a_log_never_changes_its_key(witness):
    """Nor does a witness take back what it knows."""
    with pytest.raises(UsageError):
        witness.trust(verifier_key(ORIGIN, bytes(32)).text)
    witness.add_checkpoint(request(0, 5))
    witness.trust(verifier_key(ORIGIN, SEED).text)
    assert [(ORIGIN, 5)] == witness.logs()


def test_a_folder_without_a_witness_is_said_to_be_none(tmp_path):
    """And one that is used is not taken."""
    with pytest.raises(StoreError):
        Witness(tmp_path)
    (tmp_path / "x").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError):
        Witness.create(tmp_path, "witness.example.com")


@given(st.integers(0, 10**18), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_request_is_read_as_it_was_written(old, proof):
    """Whatever the size and the hashes."""
    assert (old, proof, note(3)) == parse_request(format_request(old, proof, note(3)))


@given(st.binary(max_size=400))
def test_any_other_bytes_are_refused_and_nothing_else(data):
    """No request makes the witness stumble."""
    with suppress(UsageError):
        old, proof, _ = parse_request(data)
        assert data.startswith(f"old {old}\n".encode())
        assert all(len(one) == 32 for one in proof)


# Over HTTP, with an archive


@contextmanager
def served(witness: Witness) -> Iterator[str]:
    with witness_server(witness, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _configured(folder: Path, witness: Witness, url: str, *, more: str = "") -> Archive:
    """An archive that asks this witness."""
    new_archive(folder).close()
    return _reconfigured(folder, witness, url, more=more)


def _reconfigured(folder: Path, witness: Witness, url: str, *, more: str = "") -> Archive:
    archive = open_again(folder)
    witness.trust(archive.engine.logbook.verifier_key().text)
    path = folder / "muniment.toml"
    text = path.read_text(encoding="utf-8").split("[witness]")[0]
    path.write_text(f'{text}\n[witness]\nknown = ["{witness.key.text} {url}"]\n{more}', encoding="utf-8")
    with archive.session(actor="owner") as session:
        archive.apply_config(session, reason="witnesses")
    return archive


def test_an_archive_has_its_log_witnessed_and_the_bundle_shows_it(witness, tmp_path, verdict):
    """From asking to what the auditor reads, with the real server between."""
    with served(witness) as url, _configured(tmp_path / "archive", witness, url) as archive:
        with archive.session(actor="owner") as session:
            (first,) = session.witnesses.ask()
            session.create("customer", {"full_name": "Anna"})
            (second,) = session.witnesses.ask()
            assert first.vouched.size < second.vouched.size
            (listed,) = session.witnesses.list()
            assert second.vouched.size == listed.size
            made = session.bundle(tmp_path / "b.zip", Scope())
            key = archive.verifier_key.text
        said = verdict(tmp_path / "b.zip", "--key", key, "--witness", witness.key.text)
        assert said.splitlines()[0].startswith(f"witness witness.example.com saw {made.size} entries")
        assert f"All {made.size} entries are vouched for from outside." in said
        archive.log.verify()


def test_a_witness_that_does_not_answer_stops_nothing_but_is_written_down(witness, tmp_path, verdict):
    """The bundle then carries what it vouched for last."""
    with served(witness) as url:
        archive = _configured(tmp_path / "archive", witness, url)
        with archive.session(actor="owner") as session:
            (asked,) = session.witnesses.ask()
    with archive, archive.session(actor="owner") as session:
        (later,) = session.witnesses.ask()
        assert "witness.unreachable" == later.error.code
        assert [("log.witness", "failed")] == [(one.kind, one.outcome) for one in session.entries()[:1]]
        session.bundle(tmp_path / "b.zip", Scope())
        assert any(name.startswith("earlier/") for name in contents(tmp_path / "b.zip"))
        said = verdict(tmp_path / "b.zip", "--key", archive.verifier_key.text, "--witness", witness.key.text)
    assert f"vouches for the entries from {asked.vouched.size} on" in said


def test_an_export_waits_for_the_witnesses_where_that_is_asked(witness, tmp_path):
    """Nothing is released, and nothing is left behind, while too few vouch."""
    with served(witness) as url:
        archive = _configured(tmp_path / "archive", witness, url, more='witnessed = ["record.export"]\n')
        with archive.session(actor="owner") as session:
            session.write([Change("create", "customer", values={"full_name": "Anna"})])
            session.export_file("customer", tmp_path / "one.csv")
            seen = dict(witness.logs())[archive.verifier_key.name]
            assert seen > next(one.index for one in session.entries() if one.kind == "record.export")
    with archive, archive.session(actor="owner") as session:
        with pytest.raises(LogError) as refused:
            session.export_file("customer", tmp_path / "two.csv")
        assert "witness.too_few" == refused.value.code
    assert (tmp_path / "one.csv").exists()
    assert not (tmp_path / "two.csv").exists()


_DAY = 86_400_000_000


def _noon() -> int:
    """A moment of the day after this one that no test outlasts, in microseconds."""
    return _MIDDAY


def _today() -> date:
    return date(1970, 1, 1) + timedelta(days=_MIDDAY // _DAY)


_MIDDAY = (system_clock() // _DAY + 1) * _DAY + _DAY // 2


def _dated(archive: Archive, *known: str, more: str = "") -> None:
    path = archive.folder / "muniment.toml"
    text = path.read_text(encoding="utf-8").split("[witness]")[0]
    path.write_text(f"{text}\n[witness]\nknown = {json.dumps(known)}\n{more}", encoding="utf-8")
    with archive.session(actor="owner") as session:
        archive.apply_config(session, reason="witnesses")


def test_a_key_counts_on_its_days_alone(witness, tmp_path, verdict):
    """Two witnesses, a quorum of both; the key of one ends, and its next one begins the day after."""
    second = Witness.create(tmp_path / "second", "second.example.com", clock=_noon)
    next_one = Witness.create(tmp_path / "next", "second.example.com", clock=_noon)
    today = _today()
    before, after = today - timedelta(days=1), today + timedelta(days=1)
    more = 'quorum = 2\nwitnessed = ["record.export"]\n'
    with served(witness) as one, served(second) as two, served(next_one) as three:
        archive = _configured(tmp_path / "archive", witness, one)
        archive.engine.clock = _noon
        for other in (second, next_one):
            other.trust(archive.engine.logbook.verifier_key().text)
        first = f"{witness.key.text} {one}"
        with archive, archive.session(actor="owner") as session:
            session.create("customer", {"full_name": "Anna"})
            _dated(archive, first, f"{second.key.text} {two} until {before}", more=more)
            with pytest.raises(LogError) as refused:
                session.export_file("customer", tmp_path / "no.csv")
            assert "witness.too_few" == refused.value.code
            _dated(archive, first, f"{second.key.text} {two} from {after}", more=more)
            with pytest.raises(LogError):
                session.export_file("customer", tmp_path / "no.csv")
            assert not (tmp_path / "no.csv").exists()
            assert 0 == len(list(second.logs())) or 0 == dict(second.logs())[archive.verifier_key.name]
            _dated(
                archive,
                first,
                f"{second.key.text} {two} until {before}",
                f"{next_one.key.text} {three} from {today}",
                more=more,
            )
            session.export_file("customer", tmp_path / "yes.csv")
            session.witnesses.ask()
            made = session.bundle(tmp_path / "b.zip", Scope())
            key = archive.verifier_key.text
        both = ["--witness", witness.key.text, "--quorum", "2", "--witness"]
        said = verdict(tmp_path / "b.zip", "--key", key, *both, f"{next_one.key.text} from {today}")
        assert f"All {made.size} entries are vouched for from outside." in said
        said = verdict(tmp_path / "b.zip", "--key", key, *both, f"{next_one.key.text} until {before}")
        assert "when its key did not count" in said
        assert "Nothing outside vouches for the entries from 0 on" in said
        said = verdict(tmp_path / "b.zip", "--key", key, *both, second.key.text)
        assert "Nothing outside vouches for the entries from 0 on" in said


def test_a_witness_that_says_another_day_does_not_count(tmp_path):
    """The day is the one that it signs, not ours."""
    late = Witness.create(tmp_path / "late", "late.example.com", clock=lambda: _noon() - 400 * _DAY)
    with served(late) as url, _configured(tmp_path / "archive", late, url) as archive:
        archive.engine.clock = _noon
        _dated(archive, f"{late.key.text} {url} from {_today()}")
        with archive.session(actor="owner") as session:
            (asked,) = session.witnesses.ask()
    assert "witness.date" == asked.error.code


def test_a_log_that_was_rolled_back_is_found_by_its_witness(witness, tmp_path):
    """Keys and data both put back as they were: only somebody outside can tell."""
    import shutil

    folder = tmp_path / "archive"
    with served(witness) as url:
        _configured(folder, witness, url).close()
        shutil.copytree(folder, tmp_path / "copy")
        with open_again(folder) as archive, archive.session(actor="owner") as session:
            session.create("customer", {"full_name": "Anna"})
            session.witnesses.ask()
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "copy", folder)
        with open_again(folder) as archive, archive.session(actor="owner") as session:
            (asked,) = session.witnesses.ask()
        assert "witness.ahead" == asked.error.code


def test_a_forged_answer_is_refused(witness, tmp_path):
    """A server that signs with another key is no witness."""
    other = Witness.create(tmp_path / "other", "witness.example.com")
    with served(other) as url, _configured(tmp_path / "archive", witness, url) as archive:
        other.trust(archive.verifier_key.text)
        with archive.session(actor="owner") as session:
            (asked,) = session.witnesses.ask()
        assert "witness.refused" == asked.error.code


def test_a_request_that_is_too_long_is_not_read(witness):
    """Nor one on another path."""
    with served(witness) as url:
        status, _, _ = post(f"{url}/add-checkpoint", b"x" * (MAX_REQUEST + 1), "text/plain")
        assert 400 == status
        assert 404 == post(f"{url}/elsewhere", request(0, 3), "text/plain")[0]
        assert 200 == post(f"{url}/prefix/add-checkpoint", request(0, 3), "text/plain")[0]


@pytest.mark.parametrize("text", ["", "nobody", "a+b+c https://x", "witness+1a2b3c4d+AAAA file:///etc"])
def test_a_witness_is_named_by_key_and_address(text):
    """Nothing else is asked anything."""
    with pytest.raises(UsageError):
        parse_known(text)


@pytest.mark.slow
def test_the_command_serves_until_it_is_stopped(tmp_path):
    """As a second department runs it: create, trust, serve, ask, stop."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "muniment", "log", "witness", *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    folder = str(tmp_path / "witness")
    key = run("create", folder, "--name", "witness.example.com").strip()
    run("trust", folder, verifier_key(ORIGIN, SEED).text)
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "muniment", "log", "witness", "serve", folder, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        url = next(word for word in server.stderr.readline().split() if word.startswith("http")).rstrip(".")
        with urlopen(url) as answer:
            assert f"{key}\n{ORIGIN} 0\n" == answer.read().decode()
        assert 200 == post(f"{url}/add-checkpoint", request(0, 3), "text/plain")[0]
        server.send_signal(signal.SIGTERM)
        assert 0 == server.wait(20)
