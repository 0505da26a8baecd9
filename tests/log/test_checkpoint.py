"""Signed notes, checkpoints and cosignatures: what is accepted, and all that is not."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import IntegrityError, LogError, MunimentError, UsageError
from muniment.log.checkpoint import (
    COSIGNER,
    Checkpoint,
    Note,
    Signature,
    attach,
    batch_mac,
    batch_macs,
    check_batch_mac,
    cosign,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    sign,
    verifier_key,
    verify,
    verify_cosignatures,
)
from muniment.log.tree import EMPTY

SEED, OTHER_SEED, WITNESS_SEED = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
ORIGIN = "example.com/customers/0.0"
CHECKPOINT = Checkpoint(ORIGIN, 42, hashlib.sha256(b"root").digest())
KEY = verifier_key(ORIGIN, SEED)
WITNESS = verifier_key("witness.example/w1", WITNESS_SEED, signature_type=COSIGNER)
NOTE = sign(CHECKPOINT, SEED)
COSIGNED = attach(NOTE, [cosign(NOTE, WITNESS.name, WITNESS_SEED, 1_700_000_000)])


def resigned(text: str, seed: bytes = SEED, name: str = ORIGIN) -> str:
    """A note over any text, signed as ``sign`` does it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    blob = Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())
    return f"{text}\n{Signature(name, verifier_key(name, seed).key_id, blob).line}"


def test_a_signed_checkpoint_has_the_published_form() -> None:
    """Three lines, a blank one, and one signature line behind an em dash."""
    lines = NOTE.split("\n")
    root = b64encode(CHECKPOINT.root).decode()
    assert [ORIGIN, "42", root, ""] == lines[:4]
    assert lines[4].startswith(f"\u2014 {ORIGIN} ")
    assert [""] == lines[5:]
    assert CHECKPOINT.text == f"{ORIGIN}\n42\n{root}\n"


def test_a_signed_checkpoint_verifies() -> None:
    """As text and as bytes, with the key among others."""
    keys = [verifier_key(ORIGIN, OTHER_SEED), WITNESS, KEY]
    assert CHECKPOINT == verify(NOTE, keys) == verify(NOTE.encode(), keys)


def test_signatures_of_strangers_are_ignored() -> None:
    """Lines by keys that nobody gave do not matter, also of types that do not exist yet."""
    strange = Signature("stranger.example", b"\x01\x02\x03\x04", b"?" * 2420).line
    same_name = Signature(ORIGIN, b"\x01\x02\x03\x04", b"?").line
    assert CHECKPOINT == verify(attach(NOTE, [strange, same_name]), [KEY])


def test_one_wrong_signature_by_a_known_key_refuses_the_note() -> None:
    """Also where another line of the same key is right."""
    wrong = Signature(ORIGIN, KEY.key_id, bytes(64)).line
    with pytest.raises(IntegrityError, match=r"\[log\.signature\]"):
        verify(attach(NOTE, [wrong]), [KEY])
    with pytest.raises(IntegrityError, match=r"\[log\.signature\]"):
        verify(NOTE.replace("\n42\n", "\n43\n"), [KEY])


def test_a_checkpoint_without_a_known_signature_is_refused() -> None:
    """No key, another key of the same name, or only witnesses: unsigned."""
    for keys in ([], [verifier_key(ORIGIN, OTHER_SEED)], [WITNESS]):
        with pytest.raises(IntegrityError, match=r"\[log\.unsigned\]"):
            verify(COSIGNED, keys)


def test_the_key_of_another_log_signs_nothing_here() -> None:
    """A note of log A signed by the key named B is no checkpoint of A, nor of B."""
    note = resigned(CHECKPOINT.text, name="example.com/customers/0.1")
    with pytest.raises(IntegrityError, match=r"\[log\.origin_other\]"):
        verify(note, [KEY, verifier_key("example.com/customers/0.1", SEED)])


@given(st.integers(min_value=0, max_value=len(NOTE.encode()) - 1), st.integers(min_value=1, max_value=255))
def test_no_byte_of_a_note_can_be_changed(place: int, flip: int) -> None:
    """Every change is refused with a code of the log."""
    data = bytearray(NOTE.encode())
    data[place] ^= flip
    with pytest.raises(IntegrityError) as caught:
        verify(bytes(data), [KEY])
    assert caught.value.code in {"log.note", "log.signature", "log.unsigned", "log.origin_other"}


TEXT, LINE = NOTE.split("\n\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        TEXT + "\n\n",
        TEXT + "\n\n" + LINE[:-1],
        TEXT + "\n" + LINE,
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("\n42", "\n42\t"),
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\u2014", "\u2013"),
        NOTE.replace("\u2014 ", "\u2014  "),
        NOTE.replace("\u2014 ", "\u2014\u00a0"),
        NOTE[:-1] + " \n",
        NOTE[:-2] + "\n",
        NOTE[:-2] + "==\n",
        NOTE + "text\n",
        NOTE + "\n",
        NOTE + f"\u2014 {ORIGIN} AAAA\n",
        NOTE + f"\u2014 a+b {LINE.split(' ')[2]}",
        NOTE + f"\u2014  {LINE.split(' ')[2]}",
        NOTE + LINE * 100,
        NOTE.replace("example", "ex\udcffample"),
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    """Line ends, dashes, spaces, base64 and everything else in their one form."""
    with pytest.raises(IntegrityError, match=r"\[log\.note\]"):
        parse_note(note)


def test_a_note_of_other_bytes_is_refused() -> None:
    """Not UTF-8, and too long."""
    for data in (NOTE.encode("utf-16"), NOTE.encode().replace(b"com", b"c\xffm"), b"a" * (1024 * 1024 + 1)):
        with pytest.raises(IntegrityError, match=r"\[log\.note\]"):
            parse_note(data)


def test_sixteen_large_signatures_are_read() -> None:
    """As many and as large as c2sp.org/signed-note asks every reader to take."""
    lines = [Signature(f"w{number}", bytes(4), bytes(5000)).line for number in range(16)]
    assert CHECKPOINT == verify(attach(NOTE, lines), [KEY])


def test_the_last_blank_line_parts_text_and_signatures() -> None:
    """A text may hold blank lines itself."""
    blob = bytes(64)
    note = f"a\n\nb\n\n{Signature('n', bytes(4), blob).line}"
    assert Note("a\n\nb\n", (Signature("n", bytes(4), blob),)) == parse_note(note)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n42\n", "\n042\n") + "\n",
        TEXT.replace("\n42\n", "\n+42\n") + "\n",
        TEXT.replace("\n42\n", "\n-1\n") + "\n",
        TEXT.replace("\n42\n", "\n4 2\n") + "\n",
        TEXT.replace("\n42\n", "\n\u0664\u0662\n") + "\n",
        TEXT.replace("\n42\n", f"\n{2**63}\n") + "\n",
        TEXT.replace("\n42\n", "\n0\n") + "\n",
        TEXT.replace("=", "") + "\n",
        TEXT[:-4] + "\n",
        f"{ORIGIN}\n42\n",
        f"\n42\n{b64encode(CHECKPOINT.root).decode()}\n",
        TEXT + "\n\nextension\n",
        TEXT,
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """A signature over another text makes it no checkpoint."""
    with pytest.raises(IntegrityError, match=r"\[log\.checkpoint\]"):
        parse_checkpoint(text)


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    """Also where the log's own key signed it."""
    with pytest.raises(IntegrityError, match=r"\[log\.checkpoint\]"):
        verify(resigned("Good morning\n"), [KEY])


def test_the_empty_log_has_one_root() -> None:
    """Size 0 goes with the root of no leaves only."""
    empty = Checkpoint(ORIGIN, 0, EMPTY)
    assert empty == verify(sign(empty, SEED), [KEY])


def test_extension_lines_are_read_and_never_written() -> None:
    """Others may have them, and signatures cover them; we sign none."""
    extended = Checkpoint(ORIGIN, 42, CHECKPOINT.root, ("first", "second"))
    note = resigned(extended.text)
    assert extended == verify(note, [KEY])
    with pytest.raises(IntegrityError, match=r"\[log\.signature\]"):
        verify(note.replace("second", "third"), [KEY])
    with pytest.raises(LogError, match=r"\[log\.extensions\]"):
        sign(extended, SEED)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\u3000b", "a\nb", "a\x07b"])
def test_a_log_whose_name_cannot_stand_in_a_note_signs_nothing(origin: str) -> None:
    """Empty, or with spaces, plus or control characters."""
    with pytest.raises(LogError, match=r"\[log\.origin\]"):
        sign(Checkpoint(origin, 1, bytes(32)), SEED)


# --- keys ------------------------------------------------------------------


def material(signature_type: int) -> str:
    return b64encode(bytes((signature_type,)) + KEY.public).decode()


def test_a_verifier_key_is_read_back() -> None:
    """Its text and its key ID are those of c2sp.org/signed-note."""
    expected = hashlib.sha256(ORIGIN.encode() + b"\n\x01" + KEY.public).digest()[:4]
    assert expected == KEY.key_id
    assert f"{ORIGIN}+{expected.hex()}+{material(1)}" == KEY.text
    assert KEY == parse_verifier_key(KEY.text) == parse_verifier_key(f" {KEY.text}\n")
    assert WITNESS == parse_verifier_key(WITNESS.text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ORIGIN,
        KEY.text[:-1],
        KEY.text + "=",
        KEY.text.replace("0.0", "0.1"),
        KEY.text.replace("+", " +", 1),
        "+" + KEY.text.split("+", 1)[1],
        f"{ORIGIN}+{KEY.key_id.hex()}+{material(2)}",
        f"{ORIGIN}+{KEY.key_id.hex()}+{b64encode(KEY.public).decode()}",
        f"{ORIGIN}+00000000+{material(1)}",
        f"{ORIGIN}+{KEY.key_id.hex()}+\u00e9",
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    """A key ID that does not fit, another type, another spelling."""
    with pytest.raises(UsageError, match=r"\[log\.verifier_key\]"):
        parse_verifier_key(text)


# --- witnesses -------------------------------------------------------------


def test_a_cosignature_is_found_and_dated() -> None:
    """The witness's name and its time, and the checkpoint verifies as before."""
    (found,) = verify_cosignatures(COSIGNED, [KEY, WITNESS])
    assert (WITNESS.name, 1_700_000_000) == (found.name, found.time_s)
    assert CHECKPOINT == verify(COSIGNED, [KEY])


def test_a_witness_is_not_the_log() -> None:
    """A log's key makes no cosignature, nor a witness's key a signature."""
    as_log = verifier_key(WITNESS.name, WITNESS_SEED)
    with pytest.raises(IntegrityError, match=r"\[log\.unsigned\]"):
        verify(COSIGNED, [as_log])
    with pytest.raises(IntegrityError, match=r"\[log\.cosignatures\]"):
        verify_cosignatures(COSIGNED, [as_log, KEY])


def test_a_wrong_cosignature_refuses_the_note() -> None:
    """Another text, another time, another length, a time from 2^63."""
    wrong = [
        COSIGNED.replace("\n42\n", "\n43\n"),
        attach(NOTE, [Signature(WITNESS.name, WITNESS.key_id, bytes(72)).line]),
        attach(NOTE, [Signature(WITNESS.name, WITNESS.key_id, bytes(71)).line]),
        attach(NOTE, [Signature(WITNESS.name, WITNESS.key_id, b"\x80" + bytes(71)).line]),
    ]
    line = parse_note(COSIGNED).signatures[1]
    later = (1_700_000_001).to_bytes(8, "big") + line.blob[8:]
    wrong.append(attach(NOTE, [Signature(line.name, line.key_id, later).line]))
    for note in wrong:
        with pytest.raises(IntegrityError, match=r"\[log\.signature\]"):
            verify_cosignatures(note, [WITNESS])


def test_witnesses_are_counted_once_each() -> None:
    """Two lines of one witness are one, its newer; so is one key under two names."""
    alias = verifier_key("witness.example/alias", WITNESS_SEED, signature_type=COSIGNER)
    note = attach(
        COSIGNED,
        [
            cosign(NOTE, WITNESS.name, WITNESS_SEED, 1_700_000_009),
            cosign(NOTE, alias.name, WITNESS_SEED, 1_700_000_005),
        ],
    )
    (found,) = verify_cosignatures(note, [WITNESS, alias])
    assert 1_700_000_009 == found.time_s
    with pytest.raises(IntegrityError, match=r"\[log\.cosignatures\]"):
        verify_cosignatures(note, [WITNESS, alias], at_least=2)
    other = verifier_key("witness.example/w2", OTHER_SEED, signature_type=COSIGNER)
    more = attach(note, [cosign(NOTE, other.name, OTHER_SEED, 1)])
    assert 2 == len(verify_cosignatures(more, [WITNESS, other], at_least=2))


def test_only_a_checkpoint_is_cosigned() -> None:
    """Not any note, not before 1970, not under a name that cannot stand in a note."""
    with pytest.raises(IntegrityError, match=r"\[log\.checkpoint\]"):
        cosign(resigned("Good morning\n"), WITNESS.name, WITNESS_SEED, 1)
    with pytest.raises(LogError, match=r"\[log\.time\]"):
        cosign(NOTE, WITNESS.name, WITNESS_SEED, -1)
    with pytest.raises(LogError, match=r"\[log\.origin\]"):
        cosign(NOTE, "two words", WITNESS_SEED, 1)


@pytest.mark.parametrize(
    "line", ["\n", "text\n", "\n\u2014 a AAAAAAAA\n", "\u2014 a AAAAAAAA", "\u2014 a b\n"]
)
def test_only_signature_lines_are_attached(line: str) -> None:
    """What would change the text or break the note is refused."""
    with pytest.raises(IntegrityError, match=r"\[log\.note\]"):
        attach(NOTE, [line])


# --- batches ---------------------------------------------------------------


def test_the_mac_of_a_batch_follows_the_format() -> None:
    """HMAC-SHA256 over origin, u64, u32 and root; each of them counts."""
    root = CHECKPOINT.root
    message = ORIGIN.encode() + (7).to_bytes(8, "big") + (3).to_bytes(4, "big") + root
    mac = hmac.new(SEED, message, "sha256").digest()
    assert mac == batch_mac(SEED, ORIGIN, 7, 3, root)
    check_batch_mac(mac, SEED, ORIGIN, 7, 3, root)
    assert [mac, mac] == batch_macs(SEED, ORIGIN, [7, 7], [3, 3], [root, root])
    for changed in (
        (mac, OTHER_SEED, ORIGIN, 7, 3, root),
        (mac, SEED, ORIGIN + "x", 7, 3, root),
        (mac, SEED, ORIGIN, 8, 3, root),
        (mac, SEED, ORIGIN, 7, 4, root),
        (mac, SEED, ORIGIN, 7, 3, bytes(32)),
        (mac[:-1], SEED, ORIGIN, 7, 3, root),
    ):
        with pytest.raises(IntegrityError, match=r"\[log\.mac\]"):
            check_batch_mac(*changed)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_noise_is_never_another_exception(noise: str | bytes) -> None:
    """Whatever is read from outside ends in an error with a code."""
    with pytest.raises(MunimentError):
        verify(noise, [KEY])
    if isinstance(noise, str):
        with pytest.raises(MunimentError):
            parse_verifier_key(noise)
