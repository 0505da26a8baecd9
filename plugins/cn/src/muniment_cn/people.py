"""Made-up patients with Chinese names and identity numbers, the same ones for the same seed.

``python -m muniment_cn.people 100 > patients.csv`` writes a spreadsheet as a clinic
might have kept it, to try things out with. Names, numbers and addresses are drawn by
chance; a number that is somebody's would be so by chance too, so nothing of this belongs
into an archive with real people.
"""

from __future__ import annotations

import argparse
import csv
import sys
from datetime import date, timedelta
from random import Random
from typing import TextIO

import attrs

__all__ = ["HEADER", "Person", "identity_number", "people", "write_csv"]

HEADER = (
    "病案号", "姓名", "登记性别", "出生日期", "居民身份证号", "联系电话", "住址", "监护人姓名", "监护人电话",
    "医保类型或保险公司", "医保号",
)  # fmt: skip
"""The columns, as the healthcare plugin labels its fields."""

_FAMILY = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "欧阳", "司马")
_GIVEN = {
    "女": ("芳", "娜", "敏", "静", "丽", "秀英", "欣怡", "雨桐", "梓涵", "雅琴"),
    "男": ("伟", "强", "磊", "军", "勇", "志强", "浩然", "子轩", "建国", "明"),
}
# GB/T 2260: districts, with a street of theirs.
_PLACES = (
    ("110105", "北京市朝阳区建国路"),
    ("310101", "上海市黄浦区南京东路"),
    ("330106", "杭州市西湖区文三路"),
    ("420106", "武汉市武昌区中北路"),
    ("440106", "广州市天河区体育西路"),
    ("440305", "深圳市南山区科技园路"),
    ("320102", "南京市玄武区中山路"),
    ("610113", "西安市雁塔区小寨东路"),
)
_WEIGHTS = tuple(2**place % 11 for place in range(17, 0, -1))
_CHECKS = "10X98765432"
_CHILD_BORN = date(2019, 1, 1)


@attrs.frozen
class Person:
    """One made-up patient, as a row of the table.

    Attributes:
        number: ``ZY0001`` and so on.
        name: family name first.
        sex: ``女`` or ``男``.
        born: day of birth.
        identity: resident identity number, GB 11643.
        phone: as somebody typed it.
        address: with the street's number.
        guardian: of a child; else empty.
        guardian_phone: likewise.
        insurer: which insurance.
        member: the insurance's number.
    """

    number: str
    name: str
    sex: str
    born: str
    identity: str
    phone: str
    address: str
    guardian: str = ""
    guardian_phone: str = ""
    insurer: str = ""
    member: str = ""


def identity_number(region: str, born: date, serial: int) -> str:
    """A number with its check character: GB 11643-1999, ISO 7064 mod 11-2.

    Args:
        region: six digits, GB/T 2260.
        born: day of birth.
        serial: three digits; odd for a man.
    """
    digits = f"{region}{born:%Y%m%d}{serial:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    return digits + _CHECKS[total % 11]


def people(count: int = 100, *, seed: int = 14, mistakes: bool = True) -> list[Person]:
    """Make patients.

    Args:
        count: how many.
        seed: of the choices.
        mistakes: every twentieth row has one, as real tables do: a digit that was mistyped, a birthday
            of somebody else, a child without a guardian, a number with small letters, one given twice.
    """
    draw = Random(seed)
    made = [_person(draw, place) for place in range(count)]
    if mistakes:
        for turn, place in enumerate(range(19, count, 20)):
            made[place] = _mistaken(made, place, turn)
    return made


def _person(draw: Random, place: int) -> Person:
    sex = draw.choice(("女", "男"))
    family = draw.choice(_FAMILY)
    child = place % 10 == 7
    first, days = (date(2020, 1, 1), 700) if child else (date(1940, 1, 1), 23_000)
    born = first + timedelta(days=draw.randrange(days))
    region, street = draw.choice(_PLACES)
    serial = draw.randrange(499) * 2 + (1 if sex == "男" else 2)
    digits = f"13800138{place % 1000:03d}"
    return Person(
        number=f"ZY{place + 1:04d}",
        name=family + draw.choice(_GIVEN[sex]),
        sex=sex,
        born=draw.choice(
            (f"{born:%Y-%m-%d}", f"{born:%Y/%m/%d}", f"{born.year}年{born.month}月{born.day}日")
        ),
        identity=identity_number(region, born, serial),
        phone=draw.choice((digits, f"{digits[:3]} {digits[3:7]} {digits[7:]}", f"+86 {digits}")),
        address=f"{street}{draw.randrange(1, 300)}号",
        guardian=family + draw.choice(_GIVEN["女"]) if child else "",
        guardian_phone=f"13900139{place % 1000:03d}" if child else "",
        insurer=draw.choice(("城镇职工医保", "城乡居民医保", "自费")),
        member=f"YB{draw.randrange(10**8):08d}",
    )


def _mistaken(made: list[Person], place: int, turn: int) -> Person:
    person = made[place]
    if turn % 5 == 0:
        other = str((int(person.identity[16]) + 2) % 10)
        return attrs.evolve(person, identity=f"{person.identity[:16]}{other}{person.identity[17]}")
    if turn % 5 == 1:
        return attrs.evolve(person, born="1975-02-28")
    if turn % 5 == 2:
        region = person.identity[:6]
        identity = identity_number(region, _CHILD_BORN, 101 if person.sex == "男" else 102)
        return attrs.evolve(person, born=f"{_CHILD_BORN:%Y-%m-%d}", identity=identity, guardian="")
    if turn % 5 == 3:
        return attrs.evolve(person, number=person.number.lower())
    return attrs.evolve(person, number=made[place - 1].number)


def write_csv(rows: list[Person], out: TextIO) -> None:
    """Write the table.

    Args:
        rows: the patients.
        out: opened with ``newline=""``.
    """
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerows(attrs.astuple(row) for row in rows)


def main() -> None:
    """Write patients as CSV in UTF-8 to the standard output."""
    options = argparse.ArgumentParser(prog="python -m muniment_cn.people", description=main.__doc__)
    options.add_argument("count", type=int, nargs="?", default=100)
    options.add_argument("--seed", type=int, default=14)
    options.add_argument("--no-mistakes", action="store_true")
    given = options.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]  # it is a real stream
    write_csv(people(given.count, seed=given.seed, mistakes=not given.no_mistakes), sys.stdout)


if __name__ == "__main__":
    main()
