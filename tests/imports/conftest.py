from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.schema.fields import Choice, Field
from muniment.schema.template import parse_template
from muniment.schema.types import RecordType
from muniment.schema.values import Context, Label
from muniment.session import Session
from muniment.testing import new_archive

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of outside tables."""
    folder = os.environ.get("MUNIMENT_TEST_DATA")
    if not folder:
        pytest.skip("MUNIMENT_TEST_DATA names no folder of outside tables")
    return Path(folder) / "data"


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file and gives its path."""

    def write(content: str | bytes, name: str = "table.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture(scope="session")
def customer() -> RecordType:
    """A type with a field of every kind that an import or an export treats in its own way."""
    levels = (
        Choice("gold", Label("Gold", "金牌")),
        Choice("silver", Label("Silver", "银牌")),
        Choice("old", Label("Old", "旧"), retired=True),
    )
    ways = (Choice("phone", Label("Phone", "电话")), Choice("post", Label("Letter; parcel", "信函")))
    return RecordType(
        key="customer",
        label=Label("Customer", "客户"),
        fields=(
            Field(
                key="number",
                kind="identifier",
                label=Label("Customer number", "客户编号"),
                aliases=("id", "客户号"),
            ),
            Field(
                key="full_name",
                kind="text",
                label=Label("Name", "姓名"),
                required=True,
                aliases=("Full name",),
            ),
            Field(key="given_name", kind="text", label=Label("Given name", "名"), aliases=("firstname",)),
            Field(key="phone", kind="phone", label=Label("Phone", "电话"), aliases=("手机", "Mobile")),
            Field(key="email", kind="e-mail", label=Label("E-mail", "电子邮箱")),
            Field(
                key="postal_code",
                kind="text",
                label=Label("Postal code", "邮政编码"),
                aliases=("postalcode", "Zip"),
            ),
            Field(key="note", kind="long text", label=Label("Note", "备注"), former_keys=("remark",)),
            Field(key="visits", kind="integer", label=Label("Visits", "次数")),
            Field(key="score", kind="decimal", label=Label("Score", "得分")),
            Field(key="spent", kind="money", label=Label("Spent", "消费"), currency="CNY"),
            Field(key="born", kind="date", label=Label("Birthday", "生日")),
            Field(key="seen", kind="datetime", label=Label("Last seen", "上次联系")),
            Field(key="vip", kind="checkbox", label=Label("VIP", "贵宾")),
            Field(key="level", kind="choice", label=Label("Level", "等级"), choices=levels),
            Field(key="ways", kind="several choices", label=Label("Ways", "途径"), choices=ways),
            Field(key="manager", kind="reference", label=Label("Manager", "客户经理"), target="employee"),
            Field(key="value", kind="money", label=Label("Value", "价值"), computed=True),
            Field(key="contract", kind="file", label=Label("Contract", "合同")),
            Field(key="fax", kind="phone", label=Label("Fax", "传真"), retired=True),
        ),
    )


@pytest.fixture(scope="session")
def context() -> Context:
    """What values are read against."""
    return Context(today=date(2026, 3, 1), default_region="CN", timezone="Asia/Shanghai")


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Archive]:
    """An archive of members and their visits, with a user for each role."""
    template = parse_template((HERE / "club.toml").read_text(encoding="utf-8"), where="club.toml")
    with new_archive(tmp_path / "club", templates=[template]) as archive:
        owner = archive.session(actor="owner")
        for role in ("editor", "reader", "auditor"):
            owner.create("user", {"login": role, "roles": [role], "state": "active"})
        yield archive


@pytest.fixture
def owner(club: Archive) -> Session:
    """The session of the club's owner."""
    return club.session(actor="owner")
