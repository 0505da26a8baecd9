"""What the demonstration needs: made-up customers, and a byte changed behind an archive's back."""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random

import attrs

__all__ = ["HEADER", "Altered", "Customer", "alter", "customers", "write_csv"]

HEADER = ("客户编号", "姓名", "手机号", "E-mail", "公司名称", "City", "生日")
"""The columns of the table: as in many real ones, some in Chinese and some in English."""

_CHINESE_FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_CHINESE_GIVEN = (
    *"芳伟娜敏静强磊洋艳勇军杰娟涛明超",
    *("秀英", "丽华", "志强", "晓明", "欣怡", "子涵", "雨桐", "浩然"),
)
_WESTERN = (
    ("Anna", "Schmidt", "Berlin", "de"),
    ("Jürgen", "Müller", "Berlin", "de"),
    ("Käthe", "Großmann", "Berlin", "de"),
    ("Zoë", "Lefèvre", "Paris", "fr"),
    ("François", "Tremblay", "Paris", "fr"),
    ("Chloé", "Durand-Garçon", "Paris", "fr"),
    ("Grace", "O'Neill", "Washington", "us"),
    ("Miguel", "Núñez", "Washington", "us"),
    ("Søren", "Østergård", "Berlin", "de"),
    ("Łukasz", "Wiśniewski", "Berlin", "de"),
)
_CITIES = ("上海", "北京", "广州", "深圳", "成都", "杭州", "武汉", "西安")
_COMPANIES = (
    "东方贸易有限公司",
    "华星科技",
    "蓝天物流",
    "Nordwind GmbH",
    "Atelier Rive Gauche",
    "Potomac Supply, Inc.",
    "",
)


@attrs.frozen
class Customer:
    """One made-up customer, as a row of the table.

    Attributes:
        number: ``C-1001`` and so on.
        name: in Han characters or Latin letters.
        phone: as somebody typed it; numbers of Germany, France and the United States are of the
            ranges that are kept free for films and books.
        email: at one of the names that are kept free for examples (RFC 2606).
        company: may be empty.
        city: in either script.
        birthday: year-month-day.
    """

    number: str
    name: str
    phone: str
    email: str
    company: str
    city: str
    birthday: str


def customers(count: int = 40, *, seed: int = 20) -> list[Customer]:
    """Make customers: the same ones for the same seed.

    Args:
        count: how many.
        seed: of the choices.
    """
    draw = Random(seed)
    made = []
    for place in range(count):
        number = f"C-{1001 + place}"
        if place % 4 == 3:
            given, family, city, land = _WESTERN[place // 4 % len(_WESTERN)]
            name, phone = f"{given} {family}", _western_phone(draw, land, place)
        else:
            name = draw.choice(_CHINESE_FAMILY) + draw.choice(_CHINESE_GIVEN)
            city, phone = draw.choice(_CITIES), _chinese_phone(draw, place)
        birthday = f"{draw.randint(1950, 2004)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}"
        email = f"c{1001 + place}@example.{draw.choice(('com', 'net', 'org'))}"
        made.append(Customer(number, name, phone, email, draw.choice(_COMPANIES), city, birthday))
    return made


def _chinese_phone(draw: Random, place: int) -> str:
    digits = f"13800138{place:03d}"
    written = (
        digits,
        f"{digits[:3]} {digits[3:7]} {digits[7:]}",
        f"+86 {digits}",
        f"{digits[:3]}-{digits[3:7]}-{digits[7:]}",
    )
    return draw.choice(written)


def _western_phone(draw: Random, land: str, place: int) -> str:
    if land == "de":
        return draw.choice((f"+49 30 23125{place:03d}", f"0049 30 23125-{place:03d}"))
    if land == "fr":
        return f"+33 1 99 00 12 {place:02d}"
    return draw.choice((f"+1 202-555-01{place:02d}", f"+1 (202) 555-01{place:02d}"))


def write_csv(path: Path, rows: list[Customer]) -> None:
    """Write the table as CSV in UTF-8.

    Args:
        path: the file.
        rows: the customers.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for row in rows:
            out.writerow((row.number, row.name, row.phone, row.email, row.company, row.city, row.birthday))


@attrs.frozen
class Altered:
    """What was changed.

    Attributes:
        offset: of the byte in ``archive.db``.
        before: the byte.
        after: the byte in its place.
    """

    offset: int
    before: int
    after: int


def alter(folder: Path) -> Altered:
    """Change one byte of a sealed part in an archive's database file, as anybody could who reaches the file.

    Args:
        folder: of an archive that nobody has open.
    """
    from muniment.stores.sqlite import SqliteStore

    path = folder / "archive.db"
    store = SqliteStore(path)
    try:
        parts = list(store.parts_by_record(0))
    finally:
        store.close()
    content = bytearray(path.read_bytes())
    # The part's salt and commitment are unlike any other bytes of the file.
    mark = parts[len(parts) // 2].sealed[20:60]
    offset = content.index(mark) + len(mark) // 2
    before = content[offset]
    content[offset] ^= 0x01
    path.write_bytes(content)
    return Altered(offset, before, content[offset])
