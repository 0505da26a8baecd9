"""Root slots: what opens the store, what does not, and how each failure reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import Issue, KeyStoreError
from muniment.keys import (
    Argon2,
    Cost,
    Enrolment,
    KeyFile,
    KeyStore,
    Opener,
    Passphrase,
    Recipient,
    RecoveryPhrase,
    new_phrase,
    read_phrase,
    write_key_file,
)
from muniment.keys.slots import PrivateKeyOpener, SlotFile
from muniment.model import Random

Reopen = Callable[..., KeyStore]
CHEAP = Cost(m_kib=8, t=1, p=1)
PRIVATE = bytes(range(32))
PUBLIC = PrivateKeyOpener(PRIVATE).public
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def _slot_path(store: KeyStore, home: Path, kind: str) -> Path:
    slot = next(slot.slot for slot in store.status().slots if slot.kind == kind)
    return home / "slots" / f"{slot}.json"


def _code(act: Callable[[], object]) -> str:
    with pytest.raises(KeyStoreError) as error:
        act()
    for lang in ("en", "zh"):
        assert error.value.text(lang).count("\n") == 0
        assert error.value.hint(lang)
        assert "{" not in error.value.text(lang)
    return error.value.code


# --- the kinds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "root",
    [
        Passphrase("correct horse battery", cost=CHEAP),
        Passphrase("密码 很长 的 一句话", cost=CHEAP),
        RecoveryPhrase(PHRASE, cost=CHEAP),
        Recipient(PUBLIC, private=PRIVATE),
    ],
)
def test_every_kind_of_root_opens_the_store(
    root: Passphrase | RecoveryPhrase | Recipient, home: Path, archive: bytes
) -> None:
    """Made with one root, opened with the same, before and after a rotation."""
    with KeyStore.create(home, archive, [root]) as store:
        slot = store.lease(1)[0]
        secret = store.secret(slot)
        store.rotate()
    with KeyStore.open(home, archive, root) as store:
        assert secret == store.secret(slot)


def test_a_passphrase_is_compared_as_people_type_it(home: Path, archive: bytes) -> None:
    """Composed or decomposed letters and wide spaces are the same (RFC 8265, OpaqueString)."""
    KeyStore.create(home, archive, [Passphrase("Gr\u00fc\u00dfe aus Bern", cost=CHEAP)]).close()
    KeyStore.open(home, archive, Passphrase("Gru\u0308\u00dfe\u3000aus\u00a0Bern")).close()
    wrong = Passphrase("gr\u00fc\u00dfe aus Bern")
    assert "key.wrong_passphrase" == _code(lambda: KeyStore.open(home, archive, wrong))


def test_a_short_passphrase_is_refused(home: Path, archive: bytes) -> None:
    """Before anything is made."""
    assert "key.passphrase_short" == _code(
        lambda: KeyStore.create(home, archive, [Passphrase("1234567", cost=CHEAP)])
    )
    assert not (home / "keys.db").exists()


def test_an_offline_recipient_is_wrapped_to_without_being_there(
    store: KeyStore, home: Path, archive: bytes
) -> None:
    """Added and rotated by public key alone; untested until its private key opens the store."""
    store.slot_add(Recipient(PUBLIC))
    assert 1 == len(store.rotate().untested)
    warned = [issue for issue in store.status().warnings if issue.code == "key.untested"]
    assert ["recipient"] == [issue.parameters["kind"] for issue in warned]
    with KeyStore.open(home, archive, Recipient(PUBLIC, private=PRIVATE)) as recovered:
        assert 2 == recovered.epoch
    assert not [issue for issue in store.status().warnings if issue.code == "key.untested"]
    assert 0 == len(store.status().slots[0].slot) - 36


def test_a_point_of_low_order_is_no_recipient(store: KeyStore) -> None:
    """Wrapping to it would wrap to everybody."""
    assert "key.recipient" == _code(lambda: store.slot_add(Recipient(bytes(32))))
    assert 2 == len(store.status().slots)


def test_the_default_cost_follows_rfc_9106(tmp_path: Path) -> None:
    """The second recommended choice of section 4; and what a file may ask for is bounded."""
    from muniment.keys import DEFAULT_COST

    assert (65_536, 3, 4) == (DEFAULT_COST.m_kib, DEFAULT_COST.t, DEFAULT_COST.p)
    for wrong in (
        {"m_kib": 7},
        {"m_kib": (1 << 20) + 1},
        {"t": 0},
        {"t": 17},
        {"p": 0},
        {"p": 17, "m_kib": 1024},
        {"salt": bytes(15)},
        {"salt": bytes(65)},
        {"t": True},
    ):
        given_ = {"salt": bytes(16), "m_kib": 8, "t": 1, "p": 1} | wrong
        assert "key.argon2" == _code(lambda given_=given_: Argon2(**given_))


# --- recovery phrases -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("bits", "words"), [(128, 12), (256, 24)])
def test_a_phrase_has_as_many_words_as_its_bits_ask(lang: str, bits: int, words: int) -> None:
    """At least 128 bits; it reads back as it was made."""
    phrase = new_phrase(lang=lang, bits=bits)
    assert words == len(phrase.split())
    assert phrase == read_phrase(phrase)


@pytest.mark.parametrize(
    "typed",
    [
        PHRASE.upper(),
        f"  {PHRASE}\n",
        PHRASE.replace(" ", ", "),
        " ".join(f"{number}. {word}" for number, word in enumerate(PHRASE.split(), 1)),
        " ".join(word[:4] for word in PHRASE.split()),
        PHRASE.replace(" ", "\u3000"),
    ],
)
def test_a_phrase_is_read_as_people_type_it(typed: str) -> None:
    """Case, spacing, commas, numbering and shortened words make no difference."""
    assert PHRASE == read_phrase(typed)


def test_a_chinese_phrase_needs_no_spaces() -> None:
    """People write Chinese without them."""
    phrase = new_phrase(lang="zh", random=lambda count: bytes(range(count)))
    assert phrase == read_phrase(phrase.replace(" ", "")) == read_phrase(phrase.replace(" ", "、"))


@pytest.mark.parametrize(
    ("typed", "code", "number"),
    [
        ("legal winner thank", "key.phrase_length", None),
        ("", "key.phrase_length", None),
        (PHRASE.replace("wave", "wavy"), "key.phrase_word", 5),
        (PHRASE.replace("yellow", "year"), "key.phrase_checksum", None),
    ],
)
def test_a_mistyped_phrase_says_where(typed: str, code: str, number: int | None) -> None:
    """By the number of the word, and never by the word."""
    with pytest.raises(KeyStoreError) as error:
        read_phrase(typed)
    assert (code, number) == (error.value.code, error.value.parameters.get("number"))
    assert "wavy" not in str(error.value)


@given(entropy=st.binary(min_size=16, max_size=16), lang=st.sampled_from(["en", "zh"]))
def test_every_phrase_reads_back(entropy: bytes, lang: str) -> None:
    """For any entropy, in both languages."""
    phrase = new_phrase(lang=lang, random=lambda count: entropy)
    assert phrase == read_phrase(phrase)


# --- key files ------------------------------------------------------------------------------------------


def test_a_key_file_is_never_overwritten(tmp_path: Path, archive: bytes) -> None:
    """The archive it opens would be lost."""
    key = write_key_file(tmp_path / "root.key", archive)
    before = key.path.read_bytes()
    assert "key.file_exists" == _code(lambda: write_key_file(key.path, archive))
    assert before == key.path.read_bytes()
    assert 0o600 == key.path.stat().st_mode & 0o777


def test_a_key_file_that_others_can_read_is_a_warning(
    store: KeyStore, key_file: KeyFile, reopen: Reopen
) -> None:
    """Not a refusal: it may lie on a disk that knows no rights."""
    assert "key.file_open" not in {issue.code for issue in store.status().warnings}
    key_file.path.chmod(0o644)
    assert "key.file_open" in {issue.code for issue in reopen(key_file).status().warnings}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"muniment-key-file-v1\n",
        b"muniment-key-file-v2\n" + base64.b64encode(bytes(32)) + b"\n",
        b"muniment-key-file-v1\n" + base64.b64encode(bytes(31)) + b"\n",
        b"muniment-key-file-v1\n" + base64.b64encode(bytes(32)) + b"\nmore\n",
    ],
)
def test_a_damaged_key_file_is_one_clear_error(
    content: bytes, store: KeyStore, home: Path, archive: bytes, tmp_path: Path
) -> None:
    """Another version's mark, a missing line, a wrong length."""
    (tmp_path / "bad.key").write_bytes(content)
    bad = KeyFile(tmp_path / "bad.key")
    assert "key.file_damaged" == _code(lambda: KeyStore.open(home, archive, bad))


# --- what is wrong when nothing opens -------------------------------------------------------------------


def test_each_wrong_credential_is_one_clear_error(
    store: KeyStore, home: Path, archive: bytes, tmp_path: Path
) -> None:
    """Another key file, a file that is not there, another phrase, a kind that has no slot."""
    store.slot_add(Passphrase("correct horse battery", cost=CHEAP))
    store.slot_add(Recipient(PUBLIC))
    store.close()
    other = write_key_file(tmp_path / "other.key", archive)
    another = bytes(32)[:-1] + b"\x01"
    cases = {
        "key.wrong_keyfile": other,
        "key.file_missing": KeyFile(tmp_path / "nowhere.key"),
        "key.wrong_passphrase": Passphrase("incorrect horse battery"),
        "key.wrong_recovery": RecoveryPhrase(new_phrase(random=lambda count: bytes(count))),
        "key.phrase_checksum": RecoveryPhrase(PHRASE.replace("yellow", "year")),
        "key.wrong_recipient": Recipient(PrivateKeyOpener(another).public, private=another),
        "key.recipient": Recipient(PUBLIC),
    }
    for code, root in cases.items():
        assert code == _code(lambda root=root: KeyStore.open(home, archive, root))


def test_a_kind_without_a_slot_names_the_kinds_there_are(store: KeyStore, home: Path, archive: bytes) -> None:
    """So that one knows what to look for."""
    with pytest.raises(KeyStoreError, match=r"keyfile, recovery.*\[key\.no_slot\]"):
        KeyStore.open(home, archive, Passphrase("correct horse battery"))


def test_missing_slot_files_are_one_clear_error(
    store: KeyStore, home: Path, archive: bytes, key_file: KeyFile
) -> None:
    """One of them, all of them, the folder."""
    store.close()
    with KeyStore.open(home, archive, key_file) as again:
        _slot_path(again, home, "keyfile").unlink()
    assert "key.no_slot" == _code(lambda: KeyStore.open(home, archive, key_file))
    for path in (home / "slots").iterdir():
        path.unlink()
    assert "key.slots_missing" == _code(lambda: KeyStore.open(home, archive, key_file))
    (home / "slots").rmdir()
    assert "key.slots_missing" == _code(lambda: KeyStore.open(home, archive, key_file))


def test_slots_of_another_archive_are_refused(
    store: KeyStore, home: Path, archive: bytes, key_file: KeyFile, tmp_path: Path
) -> None:
    """The same key file may open two archives, but the slot of one is no slot of the other."""
    other = tmp_path / "other"
    other.mkdir()
    KeyStore.create(other, bytes(16), [key_file]).close()
    for path in (home / "slots").iterdir():
        path.unlink()
    for path in (other / "slots").iterdir():
        path.rename(home / "slots" / path.name)
    assert "key.other_archive" == _code(lambda: KeyStore.open(home, archive, key_file))


def test_a_slot_of_an_older_epoch_is_refused(
    store: KeyStore, home: Path, archive: bytes, key_file: KeyFile
) -> None:
    """Someone put an old slot file back; the error says which of the two is old."""
    path = _slot_path(store, home, "keyfile")
    old = path.read_bytes()
    store.rotate()
    path.write_bytes(old)
    assert "key.slot_epoch" == _code(lambda: KeyStore.open(home, archive, key_file))


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        (kind, member)
        for kind in ("keyfile", "recovery")
        for member in ("archive", "slot", "kind", "epoch", "public", "enc", "wrap", "v", "salt")
        if (kind, member) != ("keyfile", "salt")  # a key file is not stretched
    ],
)
def test_one_flipped_bit_of_any_member_is_refused(
    kind: str,
    member: str,
    store: KeyStore,
    home: Path,
    archive: bytes,
    key_file: KeyFile,
    recovery: RecoveryPhrase,
) -> None:
    """Whatever is altered in a slot file, the store does not open with it, and says so with a code."""
    path = _slot_path(store, home, kind)
    document = json.loads(path.read_bytes())
    holder = document["argon2"] if member == "salt" else document
    if member in ("v", "epoch"):
        holder[member] += 1
    elif member in ("public", "enc", "wrap", "salt"):
        data = bytearray(base64.b64decode(holder[member]))
        data[-1] ^= 1
        holder[member] = base64.b64encode(data).decode()
    else:
        first = "0" if holder[member][0] != "0" else "1"
        holder[member] = first + holder[member][1:]
    path.write_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    expected = {"archive": "key.no_slot", "kind": "key.no_slot", "salt": "key.wrong_recovery"}
    root = key_file if kind == "keyfile" else recovery
    assert expected.get(member, "key.slot_damaged") == _code(lambda: KeyStore.open(home, archive, root))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: bytes(len(data)),
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data.replace(b'"v":1', b'"v":1,"w":2'),
        lambda data: data.replace(b'"v":1', b'"v":1,"v":1'),
        lambda data: data.replace(b":", b": ", 1),
        lambda data: data.replace(b'"epoch":1', b'"epoch":true'),
        lambda data: data.replace(b'"epoch":1', b'"epoch":4294967296'),
        lambda data: data.replace(b'"m_kib":8', b'"m_kib":99999999'),
        lambda data: data.replace(b'"t":1', b'"t":"1"'),
        lambda data: data + b" " * 10_000,
        lambda data: b"[]",
        lambda data: b"null",
    ],
)
def test_a_file_that_is_not_exactly_a_slot_file_is_refused(
    spoil: Callable[[bytes], bytes], home: Path, archive: bytes, recovery: RecoveryPhrase
) -> None:
    """Not canonical, a member more, a number out of bounds: nothing of it is used."""
    with KeyStore.create(home, archive, [recovery]) as store:
        path = _slot_path(store, home, "recovery")
    path.write_bytes(spoil(path.read_bytes()))
    assert "key.slot_damaged" == _code(lambda: KeyStore.open(home, archive, recovery))


# --- adding, removing, rotating -------------------------------------------------------------------------


def test_a_rotation_wraps_to_the_listed_keys_whatever_the_files_say(
    store: KeyStore, home: Path, archive: bytes, recovery: RecoveryPhrase
) -> None:
    """Whoever can write to slots/ does not get the next archive key by putting their public key there."""
    path = _slot_path(store, home, "recovery")
    file = SlotFile.decode(path.read_bytes(), where="")
    attacker = Recipient(PUBLIC, private=PRIVATE)
    path.write_bytes(attrs.evolve(file, public=PUBLIC, kind="recipient", argon2=None).encode())
    store.rotate()
    assert "key.no_slot" == _code(lambda: KeyStore.open(home, archive, attacker))
    KeyStore.open(home, archive, recovery).close()


def test_a_slot_file_from_elsewhere_opens_nothing(store: KeyStore, home: Path, archive: bytes) -> None:
    """A wrap of the right key that keys.db does not list is refused, shown, and gone after a rotation."""
    attacker = Recipient(PUBLIC, private=PRIVATE)
    added = store.slot_add(attacker)
    planted = (home / "slots" / f"{added}.json").read_bytes()
    store.slot_remove(bytes.fromhex(added.replace("-", "")))
    file = SlotFile.decode(planted, where="")
    vault = store._vault
    enc, wrap = vault.provider("recipient").wrap(
        vault.key, PUBLIC, b"muniment/slot/v1\n" + archive + file.slot + (2).to_bytes(4, "big"), None
    )
    path = home / "slots" / f"{added}.json"
    path.write_bytes(attrs.evolve(file, epoch=2, enc=enc, wrap=wrap).encode())
    assert "key.slot_unknown" == _code(lambda: KeyStore.open(home, archive, attacker))
    assert "key.stray" in {issue.code for issue in store.status().warnings}
    store.rotate()
    assert not path.exists()


def test_a_removed_slot_opens_nothing_any_more(
    store: KeyStore, home: Path, archive: bytes, recovery: RecoveryPhrase, key_file: KeyFile
) -> None:
    """Not with the file that was kept from before, either: the archive key is another one."""
    path = _slot_path(store, home, "recovery")
    kept = path.read_bytes()
    gone = bytes.fromhex(path.stem.replace("-", ""))
    assert 2 == store.slot_remove(gone).epoch
    assert not path.exists()
    assert "key.no_slot" == _code(lambda: KeyStore.open(home, archive, recovery))
    path.write_bytes(kept)
    assert "key.slot_epoch" == _code(lambda: KeyStore.open(home, archive, recovery))
    KeyStore.open(home, archive, key_file).close()
    assert not path.exists()  # its wrap would open old copies of keys.db, so the opening removed it
    assert "key.few_slots" in {issue.code for issue in store.status().warnings}
    assert "key.slot_none" == _code(lambda: store.slot_remove(gone))


def test_the_last_slot_that_is_present_stays(
    store: KeyStore, home: Path, archive: bytes, key_file: KeyFile
) -> None:
    """Nobody locks themselves out: the other slot's root is somewhere else."""
    path = _slot_path(store, home, "keyfile")
    with KeyStore.open(home, archive, key_file) as again:
        slot = bytes.fromhex(path.stem.replace("-", ""))
        assert "key.slot_last" == _code(lambda: again.slot_remove(slot))
        assert 2 == len(again.status().slots)


def test_one_root_has_one_slot(store: KeyStore, key_file: KeyFile) -> None:
    """The same key file twice is a mistake; and there is an end to the number of slots."""
    assert "key.slot_twice" == _code(lambda: store.slot_add(key_file))
    for number in range(14):
        private = bytes((number + 1,)) * 32
        store.slot_add(Recipient(PrivateKeyOpener(private).public))
    assert "key.too_many_slots" == _code(lambda: store.slot_add(Recipient(PUBLIC)))


def test_a_missing_slot_file_is_shown_and_written_anew_by_a_rotation(
    store: KeyStore, home: Path, archive: bytes, recovery: RecoveryPhrase
) -> None:
    """Its content comes from keys.db, so nothing is lost with the file."""
    _slot_path(store, home, "recovery").unlink()
    assert "key.slot_file" in {issue.code for issue in store.status().warnings}
    store.rotate()
    KeyStore.open(home, archive, recovery).close()
    assert "key.slot_file" not in {issue.code for issue in store.status().warnings}


# --- a device, as a plugin brings one -------------------------------------------------------------------


class _Device:
    """A token that wraps and opens itself, and must be plugged in for both."""

    kind = "test-token"
    needs_presence = True
    public: bytes | None = None

    def enrol(self, random: Random) -> Enrolment:
        return Enrolment(b"object 7", None, self)

    def opener(self, public: bytes, argon2: Argon2 | None) -> Opener:
        assert public == b"object 7"
        return self

    def warnings(self) -> tuple[Issue, ...]:
        return ()

    def open(self, enc: bytes, wrap: bytes, info: bytes) -> bytes | None:
        return PrivateKeyOpener(PRIVATE).open(enc, wrap, info)

    def wrap(self, key: bytes, public: bytes, info: bytes, opener: Opener | None) -> tuple[bytes, bytes]:
        from muniment.keys.slots import HpkeProvider

        assert opener is not None, "asked to wrap while unplugged"
        return HpkeProvider().wrap(key, PUBLIC, info, None)


def test_a_device_that_is_absent_stops_an_erasure_before_anything_is_destroyed(
    home: Path, archive: bytes, key_file: KeyFile
) -> None:
    """With the device rotation works; without it nothing is zeroed, and nothing is left in slots/."""
    device = _Device()
    with KeyStore.create(home, archive, [key_file, device], providers={device.kind: device}) as store:
        slot = store.lease(1)[0]
        assert 2 == store.rotate().epoch
    before = {path: path.read_bytes() for path in (home / "slots").iterdir()}
    with KeyStore.open(home, archive, key_file, providers={device.kind: device}) as store:
        assert "key.slot_absent" == _code(lambda: store.destroy([slot]))
        assert "key.slot_absent" == _code(store.rotate)
        assert (2, 32, False) == (store.epoch, len(store.secret(slot)), store.rotation_due)
    assert before == {path: path.read_bytes() for path in (home / "slots").iterdir()}
    with KeyStore.open(home, archive, device, providers={device.kind: device}) as store:
        store.destroy([slot])
        assert 3 == store.rotate().epoch
    with KeyStore.open(home, archive, key_file) as store:
        assert "key.no_provider" == _code(store.rotate)
