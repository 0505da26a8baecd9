"""A shop with a few made customers, and the real one of 5,009 orders."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import attrs
import pytest

from muniment.archive import Archive
from muniment.imports import parse_mapping
from muniment.session import Session
from muniment.testing import new_archive

TEMPLATES = ("behaviour-analysis", "lifetime-value", "segmentation", "account-manager", "customer-profile")


@attrs.frozen
class Shop:
    """An archive and what was put into it."""

    archive: Archive
    folder: Path

    def session(self, actor: str = "owner", purpose: str = "CustomerRelationshipManagement") -> Session:
        """A session of somebody."""
        return self.archive.session(actor=actor, purpose=purpose)

    def by_number(self) -> dict[str, str]:
        """UUID text of each customer by their number."""
        page = self.session().list("customer", fields=["customer_number"], limit=1000)
        return {str(one.fields["customer_number"]): one.id for one in page.records}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Shop]:
    """The tables, and nobody in them."""
    with new_archive(tmp_path / "shop", templates=TEMPLATES, plugins=["insights"]) as archive:
        yield Shop(archive, tmp_path)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """150 customers who buy at different paces from 2024 to 2025; every third stops; not to be changed."""
    folder = tmp_path_factory.mktemp("insights")
    random, day = Random(5), date(2024, 1, 1)
    customers, orders = [], []
    for number in range(150):
        customers.append({"customer_number": f"C{number:03}", "full_name": f"Person {number}"})
        when, pace = day + timedelta(random.randrange(120)), random.choice((12, 25, 60, 90))
        end = day + timedelta(360 if number % 3 == 0 else 730)
        while when <= end:
            amount = f"{random.randrange(500, 20000) / 100:.2f} EUR"
            orders.append([f"O{len(orders):05}", f"C{number:03}", f"{when} 12:00", amount])
            when += timedelta(max(1, round(random.expovariate(1 / pace))))
    with new_archive(folder / "shop", templates=TEMPLATES, plugins=["insights"]) as archive:
        made = Shop(archive, folder)
        session = made.session()
        for name, header, rows in (
            ("customer", ["customer_number", "full_name"], [list(one.values()) for one in customers]),
            ("order", ["order_number", "customer", "ordered_at", "total_amount"], orders),
        ):
            path = folder / f"{name}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([header, *rows])
            constants = {"order_state": "completed"} if name == "order" else {}
            done = session.import_file(name, path, mapping=parse_mapping({"constants": constants}))
            assert (done.created, done.rejected) == (len(rows), 0)
        yield made


@pytest.fixture(scope="module")
def data() -> Path:
    """The folder of outside data."""
    found = os.environ.get("MUNIMENT_TEST_DATA")
    if not found:
        pytest.skip("MUNIMENT_TEST_DATA names no folder")
    return Path(found) / "data"


@pytest.fixture(scope="module")
def superstore(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """793 customers, 1,862 products, 5,009 orders and 9,994 lines from one flat file."""
    source, folder = data / "superstore.csv", tmp_path_factory.mktemp("superstore")
    with source.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    places = {"timezone": "America/New_York", "currency": "USD", "region": "US"}
    with new_archive(folder / "shop", templates=TEMPLATES, plugins=["insights"], **places) as archive:
        made = Shop(archive, folder)
        session = made.session()
        for type, columns, constants, created in (
            ("customer", {"Customer ID": "customer_number", "Customer Name": "full_name"}, {}, 793),
            (
                "product",
                {
                    "Product ID": "product_code",
                    "Product Name": "product_name",
                    "Category": "product_category",
                },
                {},
                1_862,
            ),
            (
                "order",
                {"Order ID": "order_number", "Customer ID": "customer", "Order Date": "ordered_at"},
                {"order_state": "completed"},
                5_009,
            ),
            (
                "order_line",
                {
                    "Order ID": "order",
                    "Product ID": "product",
                    "Quantity": "quantity",
                    "Sales": "line_amount",
                },
                {},
                9_994,
            ),
        ):
            mapping = parse_mapping(
                {
                    "columns": columns,
                    "ignore": [name for name in header if name not in columns],
                    "constants": constants,
                    "decimal_mark": ".",
                }
            )
            done = session.import_file(type, source, mapping=mapping)
            assert done.created == created
        yield made
