"""What a computation knows of purchases: read page by page, kept as a few numbers an order.

An order takes about thirty bytes, a customer about two hundred; no text of a record is kept but the
identifiers. Amounts are whole millionths of a unit of currency, so that sums are exact.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import attrs
import numpy as np
from numpy.typing import NDArray

from muniment.errors import UsageError
from muniment.model import Money, Value

if TYPE_CHECKING:
    from muniment.session import Session
    from muniment.session.tables.computing import Computation, Told

__all__ = [
    "MICROS",
    "Lines",
    "Purchases",
    "day_of",
    "micros_of",
    "money_of",
    "read_customers",
    "read_purchases",
    "unique_days",
]

MICROS: Final = 1_000_000
"""Millionths in one unit of a currency."""

_LOW: Final = (1 << 63) - 1
_STEP: Final = Decimal("0.000001")


def day_of(value: Value, zone: tzinfo) -> int | None:
    """The day of a time or date, counted as ``date.toordinal`` does; None where there is none."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return moment.astimezone(zone).toordinal()
    return value.toordinal() if isinstance(value, date) else None


def micros_of(value: Value) -> int | None:
    """An amount or number in millionths; None where there is none."""
    number = value.amount if isinstance(value, Money) else value
    if isinstance(number, bool) or not isinstance(number, (Decimal, int)):
        return None
    return int(Decimal(number).quantize(_STEP, ROUND_HALF_EVEN).scaleb(6))


def money_of(micros: float, currency: str) -> Money:
    """An amount in millionths as money, rounded to hundredths."""
    amount = (Decimal(round(micros)) / MICROS).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    return Money(amount, currency)


def _short(id: str) -> int:
    """63 random bits of an identifier, by which orders are found again; see RFC 9562, section 5.7."""
    return UUID(id).int & _LOW


@attrs.frozen
class Lines:
    """The lines of orders that could be matched to a purchase.

    Attributes:
        purchase: place in ``Purchases``.
        product: place in ``products``; -1 where it names none.
        sold: quantity in millionths.
        returned: likewise.
        micros: amount in millionths, before returns.
        products: UUID texts.
    """

    purchase: NDArray[np.int64]
    product: NDArray[np.int32]
    sold: NDArray[np.int64]
    returned: NDArray[np.int64]
    micros: NDArray[np.int64]
    products: Sequence[str]


@attrs.frozen
class Purchases:
    """Orders that count, in the order they were read.

    Attributes:
        customers: UUID texts of all customers that the actor reaches; their places are their numbers.
        customer: the number of each order's customer.
        day: of each order.
        micros: amount of each in millionths, less what was returned.
        currency: of all amounts; empty where there is none.
        lines: what was in them, where that was read.
        left_out: how many orders do not count, by reason: ``state``, ``currency``, ``amount``,
            ``customer`` or ``later``.
    """

    customers: Sequence[str]
    customer: NDArray[np.int32]
    day: NDArray[np.int32]
    micros: NDArray[np.int64]
    currency: str
    lines: Lines | None
    left_out: Mapping[str, int]

    def within(self, first: int, last: int) -> Purchases:
        """Those of a stretch of days, both ends counted; without their lines."""
        kept = (self.day >= first) & (self.day <= last)
        return attrs.evolve(
            self, customer=self.customer[kept], day=self.day[kept], micros=self.micros[kept], lines=None
        )

    def count(self) -> NDArray[np.int64]:
        """Orders of each customer."""
        return np.bincount(self.customer, minlength=len(self.customers))

    def total(self) -> NDArray[np.int64]:
        """Amount of each customer in millionths, exact."""
        sums = np.zeros(len(self.customers), dtype=np.int64)
        np.add.at(sums, self.customer, self.micros)
        return sums

    def last_day(self) -> NDArray[np.int32]:
        """Day of each customer's last order; 0 for who has none."""
        found = np.zeros(len(self.customers), dtype=np.int32)
        np.maximum.at(found, self.customer, self.day)
        return found

    def first_day(self) -> NDArray[np.int32]:
        """Day of each customer's first order; 0 for who has none."""
        found = np.full(len(self.customers), np.iinfo(np.int32).max, dtype=np.int32)
        np.minimum.at(found, self.customer, self.day)
        return np.where(self.count() > 0, found, 0).astype(np.int32)


def read_customers(
    work: Computation, fields: Sequence[str] = ()
) -> tuple[list[str], list[Mapping[str, Value]]]:
    """The customers that the actor reaches, and these fields of each.

    Args:
        work: reads them.
        fields: keys of fields of ``customer``.
    """
    ids, values = [], []
    for record in work.read("customer", fields):
        ids.append(record.id)
        if fields:
            values.append(record.fields)
    return ids, values


def read_purchases(
    work: Computation,
    session: Session,
    customers: Sequence[str],
    *,
    as_of: date,
    states: Sequence[str] = ("completed",),
    currency: str = "",
    lines: bool = True,
    progress: Told | None = None,
) -> Purchases:
    """Read orders and, where there are any, their lines.

    An order's amount is its own, or the sum of its lines where it has none; what was returned of a line
    is taken off by its share of the quantity.

    Args:
        work: reads them.
        session: of the same actor.
        customers: UUID texts, as ``read_customers`` gave them.
        as_of: the last day that counts.
        states: of orders that count; an order without a state counts.
        currency: the one that counts; empty takes the one that most orders have.
        lines: read lines too, where the archive has them and the actor reads them.
        progress: told after each page of orders.

    Raises:
        UsageError: ``insights.no_orders`` where the archive has no type ``order``.
    """
    if not work.has("order", "customer", "ordered_at"):
        raise UsageError("insights.no_orders")
    zone, number = session.engine.zone, {id: place for place, id in enumerate(customers)}
    names = [name for name in ("order_state", "total_amount") if work.has("order", name)]
    left_out = Counter[str]()
    short, customer, day, micros, unit = array("q"), array("i"), array("i"), array("q"), array("i")
    units: list[str] = []
    for record in work.read("order", ["customer", "ordered_at", *names], progress=progress):
        values = record.fields
        when = day_of(values.get("ordered_at"), zone)
        owner = number.get(str(values.get("customer")))
        state = values.get("order_state")
        if when is None or owner is None:
            left_out["customer"] += 1
        elif when > as_of.toordinal():
            left_out["later"] += 1
        elif state is not None and state not in states:
            left_out["state"] += 1
        else:
            amount = values.get("total_amount")
            short.append(_short(record.id))
            customer.append(owner)
            day.append(when)
            micros.append(_NONE if amount is None else micros_of(amount) or 0)
            unit.append(_unit(units, amount))
    read = _Read(
        np.frombuffer(short, dtype=np.int64),
        np.frombuffer(customer, dtype=np.int32),
        np.frombuffer(day, dtype=np.int32),
        np.frombuffer(micros, dtype=np.int64),
        np.frombuffer(unit, dtype=np.int32),
        units,
    )
    found = _read_lines(work, read) if lines and work.has("order_line", "order", "quantity") else None
    return _settled(read, customers, found, currency, left_out)


_NONE: Final = np.iinfo(np.int64).min


@attrs.define
class _Read:
    """Orders as they were read."""

    short: NDArray[np.int64]
    customer: NDArray[np.int32]
    day: NDArray[np.int32]
    micros: NDArray[np.int64]
    unit: NDArray[np.int32]
    units: list[str]


def _unit(units: list[str], amount: Value) -> int:
    if not isinstance(amount, Money):
        return -1
    if amount.currency not in units:
        units.append(amount.currency)
    return units.index(amount.currency)


def _read_lines(work: Computation, read: _Read) -> tuple[Lines, NDArray[np.int32]]:
    """The lines of the orders that were read, and the currency of each."""
    order = np.argsort(read.short, kind="stable")
    sorted_short = read.short[order]
    names = [name for name in ("product", "line_amount", "returned_quantity") if work.has("order_line", name)]
    asked, product, unit = array("q"), array("i"), array("i")
    sold, returned, micros = array("q"), array("q"), array("q")
    products: dict[str, int] = {}
    for record in work.read("order_line", ["order", "quantity", *names]):
        values = record.fields
        amount, item = values.get("line_amount"), values.get("product")
        asked.append(_short(str(values["order"])))
        product.append(-1 if item is None else products.setdefault(str(item), len(products)))
        sold.append(micros_of(values.get("quantity")) or 0)
        returned.append(micros_of(values.get("returned_quantity")) or 0)
        micros.append(micros_of(amount) or 0)
        unit.append(_unit(read.units, amount))
    wanted = np.frombuffer(asked, dtype=np.int64)
    place = np.searchsorted(sorted_short, wanted)
    place = np.minimum(place, max(len(sorted_short) - 1, 0))
    known = sorted_short[place] == wanted if len(sorted_short) else np.zeros(len(wanted), dtype=bool)
    sold_, returned_, micros_ = (
        np.frombuffer(one, dtype=np.int64)[known] for one in (sold, returned, micros)
    )
    lines = Lines(
        order[place[known]] if len(sorted_short) else np.zeros(0, dtype=np.int64),
        np.frombuffer(product, dtype=np.int32)[known],
        sold_,
        returned_,
        micros_,
        list(products),
    )
    return lines, np.frombuffer(unit, dtype=np.int32)[known]


def _settled(
    read: _Read,
    customers: Sequence[str],
    found: tuple[Lines, NDArray[np.int32]] | None,
    currency: str,
    left_out: Counter[str],
) -> Purchases:
    micros, unit = read.micros.copy(), read.unit.copy()
    missing = micros == _NONE
    micros[missing] = 0
    lines = None
    if found is not None:
        lines, line_unit = found
        mine = missing[lines.purchase]
        np.add.at(micros, lines.purchase[mine], lines.micros[mine])
        # An order whose lines are in several currencies has the last one's; its amount is left out below.
        unit[lines.purchase[mine]] = line_unit[mine]
        mixed = np.zeros(len(micros), dtype=bool)
        np.logical_or.at(mixed, lines.purchase[mine], unit[lines.purchase[mine]] != line_unit[mine])
        unit[mixed] = -2
        back = (lines.returned > 0) & (lines.sold > 0)
        share = np.minimum(lines.returned[back] / lines.sold[back], 1.0)
        np.subtract.at(micros, lines.purchase[back], np.rint(lines.micros[back] * share).astype(np.int64))
    wanted = _currency(read.units, unit, currency)
    named = read.units.index(wanted) if wanted in read.units else -1
    without = unit == -1
    other = (unit != named) & ~without
    left_out["currency"] += int(other.sum())
    left_out["amount"] += int(without.sum())
    kept = ~other
    micros[without] = 0
    if lines is not None:
        moved = np.cumsum(kept) - 1
        mine = kept[lines.purchase]
        lines = attrs.evolve(
            lines,
            purchase=moved[lines.purchase[mine]],
            product=lines.product[mine],
            sold=lines.sold[mine],
            returned=lines.returned[mine],
            micros=lines.micros[mine],
        )
    told: Any = {name: count for name, count in sorted(left_out.items()) if count}
    return Purchases(customers, read.customer[kept], read.day[kept], micros[kept], wanted, lines, told)


def _currency(units: Sequence[str], unit: NDArray[np.int32], asked: str) -> str:
    if asked or not units:
        return asked
    count = np.bincount(unit[unit >= 0], minlength=len(units))
    # Of two that are as frequent the first by name, so that the same records give the same answer.
    return min(zip(units, count, strict=True), key=lambda one: (-one[1], one[0]))[0]


def unique_days(customer: NDArray[np.int32], day: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Each pair of a customer and a day once, by customer and day."""
    both = np.unique(customer.astype(np.int64) * 10_000_000 + day)
    return both // 10_000_000, both % 10_000_000
