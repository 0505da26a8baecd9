"""Write the published vectors of seals, values and indexes: seal.json, values.json, index.json.

Everything that is random in life is derived from a counter here, so that the
same program writes the same files. Run it after a change of a format, and only
then: what is once published stays as it is, and new cases are added below it.

    python tests/tools/make_seal_vectors.py [FOLDER]
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import struct
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from muniment import codec, index, seal
from muniment.model import FileRef, Money

FOLDER = Path(__file__).resolve().parents[2] / "schemas" / "muniment_schemas" / "vectors"


def fixed(name: str, size: int) -> bytes:
    """So many bytes that follow from a name."""
    return hashlib.shake_256(b"muniment vectors\n" + name.encode()).digest(size)


# --------------------------------------------------------------------- values


def value_cases() -> list[tuple[str, object, Any]]:
    """Encoding, Python value, and the value as the JSON file has it."""
    tokyo, la_paz = timezone(timedelta(hours=9)), timezone(timedelta(hours=-4))
    moments = [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 30, tzinfo=tokyo),
        datetime(1899, 12, 31, 20, 0, 0, 1, tzinfo=la_paz),
    ]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    identifier = "01940a3c-5f4e-7abc-8def-0123456789ab"
    file = FileRef(identifier, "Vertrag 合同.pdf", "application/pdf", 123_456)
    cases: list[tuple[str, object, Any]] = []
    for text in ("a", "Anna Schmidt", "李娜", "José\tŁukasz\n", "0123", "\u0000", "👩‍💼", "\x80 €"):
        cases.append(("text", text, text))
    for integer in (0, 7, -7, 2**53, -(2**70)):
        cases.append(("integer", integer, str(integer)))
    for number in ("0", "12.50", "-0.001", "1000000000000000000000.00"):
        cases.append(("decimal", Decimal(number), number))
    for amount, currency in (("1234.50", "EUR"), ("-5", "JPY"), ("0.00", "CNY")):
        cases.append(("money", Money(Decimal(amount), currency), {"amount": amount, "currency": currency}))
    for day in (date(2026, 2, 28), date(1, 1, 1), date(9999, 12, 31)):
        cases.append(("date", day, day.isoformat()))
    for moment in moments:
        minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
        micros = (moment - epoch) // timedelta(microseconds=1)
        cases.append(("datetime", moment, {"micros": str(micros), "offset_minutes": minutes}))
    cases += [("boolean", True, True), ("boolean", False, False)]
    for listed in (("red",), ("b", "a", '引号"\\\n\u0007')):
        cases.append(("list", listed, list(listed)))
    cases.append(("reference", identifier, identifier))
    cases.append(
        ("file", file, {"id": file.id, "name": file.name, "size": file.size, "type": file.media_type})
    )
    return cases


def values() -> dict[str, Any]:
    made = []
    for encoding, value, shown in value_cases():
        data = codec.encode_value(codec.ENCODINGS[encoding], value)
        made.append({"encoding": encoding, "value": shown, "bytes": data.hex()})
    refused = [
        *(b"", b"\x00", b"\x0ba", b"\x01\xff"),
        *(b"\x02", b"\x021.5", b"\x02 1", b"\x021_0", b"\x02+5", b"\x0207", b"\x02-0"),
        *(b"\x03", b"\x03NaN", b"\x031E5", b"\x03.5", b"\x031.", b"\x03Infinity"),
        *(b"\x04EUR", b"\x04EUR 1E5"),
        *(b"\x0520260101", b"\x052026-W01-1", b"\x052026-02-30"),
        *(b"\x06" + bytes(9), b"\x06" + bytes(11)),
        *(b"\x07", b"\x07\x02", b"\x07\x00\x00"),
        *(b"\x08", b"\x08{}", b'\x08"ab"', b"\x08[1]", b'\x08["a" ]'),
        *(b"\x09" + bytes(15), b"\x09" + bytes(17)),
        *(b"\x0a", b"\x0a{}", b"\x0a[]"),
    ]
    return {
        "about": "Encoded values, the encoding's number before each: formats/values.md.",
        "encodings": dict(codec.ENCODINGS),
        "values": made,
        "refused": [data.hex() for data in refused],
    }


# ---------------------------------------------------------------------- seals


def place(name: str) -> dict[str, Any]:
    """Where a part belongs, made of its name."""
    numbers = fixed(f"{name} numbers", 14)
    return {
        "archive": fixed("archive", 16),
        "type_number": int.from_bytes(numbers[:4], "big"),
        "subject": fixed(f"{name} subject", 16),
        "record": fixed(f"{name} record", 16),
        "version": int.from_bytes(numbers[4:12], "big"),
        "group": int.from_bytes(numbers[12:], "big"),
    }


def written(context: dict[str, Any]) -> dict[str, Any]:
    """The same for JSON: bytes as hexadecimal digits, numbers as decimal text."""
    return {key: item.hex() if isinstance(item, bytes) else str(item) for key, item in context.items()}


def seal_cases() -> list[tuple[str, list[tuple[int, bytes]]]]:
    def text(content: str) -> bytes:
        return codec.encode_value(1, content)

    every = [
        (place + 1, codec.encode_value(codec.ENCODINGS[encoding], value))
        for place, (encoding, value, _) in enumerate(value_cases())
    ]
    return [
        ("one field", [(1, text("Anna Schmidt"))]),
        ("five fields", [(number, text(f"value {number}")) for number in (1, 2, 40, 300, 70_000)]),
        ("every encoding", every),
        ("lengths around a block", [(size, b"\x01" + b"x" * size) for size in range(1, 50)]),
        ("padding bytes inside", [(1, b"\x01\x80"), (2, b"\x01\x80\x00\x00"), (3, b"\x01" + bytes(15))]),
        ("greatest numbers", [(0, text("zero")), (2**32 - 1, text("greatest"))]),
        ("a long text", [(9, text("长文本 long text\n" * 400))]),
    ]


def part_vectors() -> list[dict[str, Any]]:
    made = []
    for name, fields in seal_cases():
        context, data_key, salt = place(name), fixed(f"{name} key", 64), fixed(f"{name} salt", 24)
        facet, subject = 256 + len(made), 512 + len(made)
        part = seal.seal_part(
            data_key,
            **context,
            facet_slot=facet,
            subject_slot=subject,
            fields=fields,
            random=lambda size, salt=salt: salt[:size],
        )
        made.append(
            {
                "name": name,
                "data_key": data_key.hex(),
                **written(context),
                "facet_slot": str(facet),
                "subject_slot": str(subject),
                "salt": salt.hex(),
                "fields": [{"number": number, "value": value.hex()} for number, value in fields],
                "part": part.hex(),
                "sha256": hashlib.sha256(part).hexdigest(),
            }
        )
    return made


def _resealed(context: dict[str, Any], data_key: bytes, bodies: list[tuple[int, bytes]]) -> bytes:
    """A part with well-made seals over plaintexts that no writer makes; padding is the caller's."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt = fixed("refused salt", 24)
    info = b"muniment/seal/v1\x00" + struct.pack(
        ">B16sI16s16sQH24s",
        1,
        context["archive"],
        context["type_number"],
        context["subject"],
        context["record"],
        context["version"],
        context["group"],
        salt,
    )
    okm = hmac.digest(data_key, info + b"\x01", "sha512")
    cipher, count = AESGCM(okm[:32]), len(bodies)
    part = struct.pack(">BBHQQ24s32sH", 0x4D, 1, context["group"], 1, 2, salt, okm[32:], count)
    for number, plain in bodies:
        nonce, bound = struct.pack(">8xI", number), struct.pack(">HI", count, number)
        body = cipher.encrypt(nonce, plain, bound)
        part += struct.pack(">II", number, len(body)) + body
    return part


def refused_parts() -> list[dict[str, Any]]:
    context, data_key = place("refused"), fixed("refused key", 64)
    padded = b"\x01Anna\x80".ljust(16, b"\x00")
    good = _resealed(context, data_key, [(1, padded), (2, padded)])
    other = _resealed(context, data_key, [(1, padded), (2, padded), (3, padded)])
    cases: list[tuple[str, bytes, dict[str, Any], bytes]] = [
        ("mark", b"\x4e" + good[1:], context, data_key),
        ("suite", good[:1] + b"\x02" + good[2:], context, data_key),
        ("group in clear", good[:2] + bytes((good[2] ^ 1,)) + good[3:], context, data_key),
        ("salt", good[:20] + bytes((good[20] ^ 1,)) + good[21:], context, data_key),
        ("commitment", good[:44] + bytes((good[44] ^ 1,)) + good[45:], context, data_key),
        ("count one less", good[:76] + b"\x00\x01" + good[78:], context, data_key),
        ("count one more", good[:76] + b"\x00\x03" + good[78:], context, data_key),
        ("last field cut off with its count", other[:76] + b"\x00\x02" + other[78:-40], context, data_key),
        ("tag", good[:-1] + bytes((good[-1] ^ 1,)), context, data_key),
        ("cut", good[:-1], context, data_key),
        ("longer", good + b"\x00", context, data_key),
        ("header alone", good[:78], context, data_key),
        ("no field", good[:76] + b"\x00\x00", context, data_key),
        ("fields swapped", good[:78] + good[118:] + good[78:118], context, data_key),
        ("a field twice", good[:118] + good[78:118], context, data_key),
        ("another key", good, context, fixed("another key", 64)),
    ]
    for key in ("archive", "subject", "record"):
        cases.append((f"another {key}", good, {**context, key: fixed(f"another {key}", 16)}, data_key))
    for key in ("type_number", "version", "group"):
        cases.append((f"another {key}", good, {**context, key: context[key] ^ 1}, data_key))
    for name, bodies in (
        ("empty plaintext", [(1, b"\x80".ljust(16, b"\x00"))]),
        ("encoding without a value", [(1, b"\x01\x80".ljust(16, b"\x00"))]),
        ("padding of more than a block", [(1, b"\x01Anna\x80".ljust(32, b"\x00"))]),
        ("no padding", [(1, b"\x01" + b"x" * 15)]),
        ("padding of zeros alone", [(1, bytes(16))]),
        ("body that is no multiple of 16", [(1, b"\x01Anna\x80".ljust(17, b"\x00"))]),
        ("body under 32 bytes", [(1, b"")]),
        ("number twice, sealed so", [(1, padded), (1, padded)]),
        ("numbers descending, sealed so", [(2, padded), (1, padded)]),
    ):
        cases.append((name, _resealed(context, data_key, bodies), context, data_key))
    return [
        {"name": name, "data_key": key.hex(), **written(where), "part": part.hex()}
        for name, part, where, key in cases
    ]


def file_vectors() -> list[dict[str, Any]]:
    made = []
    for size in (0, 1, 100, 16_383, 16_384, 16_385, 50_000):
        name = f"file of {size}"
        context = place(name)
        del context["version"], context["group"]
        plain, salt, data_key = fixed(name, size), fixed(f"{name} salt", 24), fixed(f"{name} key", 64)
        identifier, target = fixed(f"{name} id", 16), io.BytesIO()
        result = seal.seal_file(
            io.BytesIO(plain),
            target,
            data_key=data_key,
            **context,
            field=9,
            file=identifier,
            facet_slot=256,
            subject_slot=257,
            random=lambda size, salt=salt: salt[:size],
        )
        sealed = target.getvalue()
        assert result.hash == hashlib.sha256(sealed).digest()
        vector = {
            "name": name,
            "data_key": data_key.hex(),
            **written(context),
            "field": "9",
            "file": identifier.hex(),
            "facet_slot": "256",
            "subject_slot": "257",
            "salt": salt.hex(),
            "size": size,
            "plain_shake256_of": f"muniment vectors\n{name}",
            "sealed_size": len(sealed),
            "sha256": result.hash.hex(),
        }
        if size <= 100:
            vector["sealed"] = sealed.hex()
        made.append(vector)
    return made


def seals() -> dict[str, Any]:
    return {
        "about": "Sealed parts and files: formats/seals.md. Numbers beyond 2^53 are text, bytes hexadecimal. "
        "The plaintext of a file is SHAKE-256 of the text named, so many bytes of it.",
        "parts": part_vectors(),
        "refused": refused_parts(),
        "files": file_vectors(),
    }


# -------------------------------------------------------------------- indexes


def index_key(field: int, kind: int, normaliser: int, epoch: int) -> bytes:
    info = b"muniment/index/v1" + struct.pack(
        ">16sIBHI", fixed("archive", 16), field, kind, normaliser, epoch
    )
    return hmac.digest(fixed("index root", 32), info + b"\x01", "sha512")[:32]


FORMS: list[tuple[str, str, object, str, str]] = [
    # index kind, field kind, value, default region, how the value is written in JSON
    ("exact", "text", " Zoë ", "", " Zoë "),
    ("exact", "identifier", "A-0012", "", "A-0012"),
    ("exact", "integer", -7, "", "-7"),
    ("exact", "decimal", Decimal("12.50"), "", "12.50"),
    ("exact", "money", Money(Decimal("5.00"), "EUR"), "", "EUR 5.00"),
    ("exact", "date", date(1980, 2, 3), "", "1980-02-03"),
    ("exact", "several choices", ("red", "green"), "", "red, green"),
    ("normalised", "text", "ＡＮＮＡ  Straße", "", "ＡＮＮＡ  Straße"),
    ("normalised", "e-mail", "Anna.Schmidt@Example.COM", "", "Anna.Schmidt@Example.COM"),
    ("normalised", "e-mail", "anna@münchen.de", "", "anna@münchen.de"),
    ("normalised", "phone", "030 1234567", "DE", "030 1234567"),
    ("normalised", "phone", "+49 (0)30 / 123 45 67", "", "+49 (0)30 / 123 45 67"),
    ("normalised", "phone", "010-62345678 转 12", "CN", "010-62345678 转 12"),
    ("normalised", "phone", "＋８６ 138 1234 5678", "", "＋８６ 138 1234 5678"),
    ("normalised", "phone", "ask at the desk", "DE", "ask at the desk"),
    ("unique", "identifier", "K-10023", "", "K-10023"),
    ("unique", "e-mail", "Info@Example.com", "", "Info@Example.com"),
    ("unique", "phone", "ask at the desk", "DE", "ask at the desk"),
    ("prefix", "text", "Schmidt & Söhne", "", "Schmidt & Söhne"),
    ("prefix", "text", "李娜", "", "李娜"),
    ("prefix", "text", "x", "", "x"),
    ("last_four", "phone", "030 1234567", "DE", "030 1234567"),
    ("last_four", "identifier", "11010519491231002X", "", "11010519491231002X"),
    ("last_four", "text", "123", "", "123"),
    ("words", "text", "Dr. Anna-Maria O'Brien (Müller)", "", "Dr. Anna-Maria O'Brien (Müller)"),
    ("words", "text", "张伟明", "", "张伟明"),
    ("words", "text", "李 娜", "", "李 娜"),
    ("words", "text", "ｱﾝﾅ Co., Ltd. 上海", "", "ｱﾝﾅ Co., Ltd. 上海"),
    ("words", "text", "김민준", "", "김민준"),
    ("buckets", "date", date(2026, 2, 28), "", "2026-02-28"),
]


def indexes() -> dict[str, Any]:
    forms, tokens = [], []
    for kind, field_kind, value, region, shown in FORMS:
        made = index.tokens(kind, field_kind, value, default_region=region)
        forms.append(
            {
                "kind": kind,
                "field_kind": field_kind,
                "value": shown,
                "default_region": region,
                "normalised": [form.decode() for form in made],
            }
        )
        normaliser = index.normaliser(kind, field_kind)
        for form in made[:1]:
            for field, epoch, bits in ((5, 1, 12), (5, 2, 12), (6, 1, 128)):
                key = index_key(field, index.INDEX_KINDS[kind].number, normaliser, epoch)
                tokens.append(
                    {
                        "field": field,
                        "kind": index.INDEX_KINDS[kind].number,
                        "normaliser": normaliser,
                        "epoch": epoch,
                        "key": key.hex(),
                        "normalised": form.hex(),
                        "bits": bits,
                        "token": index.token_bytes(key, form, bits).hex(),
                    }
                )
    compound = index.compound_form(
        [("text", "Müller "), ("date", date(1980, 1, 2)), ("phone", "030 1234567")], default_region="DE"
    )
    assert compound is not None
    return {
        "about": "Blind indexes: formats/indexes.md. All keys follow from this index root and archive.",
        "archive": fixed("archive", 16).hex(),
        "index_root": fixed("index root", 32).hex(),
        "kinds": {kind.name: kind.number for kind in index.INDEX_KINDS.values()},
        "normalisers": dict(index.NORMALISERS),
        "forms": forms,
        "compound": {
            "members": [["text", "Müller "], ["date", "1980-01-02"], ["phone", "030 1234567"]],
            "default_region": "DE",
            "normalised": compound.hex(),
        },
        "tokens": tokens,
    }


def documents() -> dict[str, str]:
    """The files by name."""
    made = {"values.json": values(), "seal.json": seals(), "index.json": indexes()}
    return {
        name: json.dumps(document, ensure_ascii=False, indent=1) + "\n" for name, document in made.items()
    }


def main(folder: Path = FOLDER) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
