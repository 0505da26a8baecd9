"""A made-up company of any size: customers, products, orders, talks, complaints, feedback, campaigns.

The same one for the same size and seed. Half of it speaks Chinese, half of it other languages; dates lie
before a day that is given, so that what is overdue today was so when it was made. Nobody in it exists:
phones are of ranges kept free, mail goes to names kept free for examples (RFC 2606).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

from muniment.demo import around, customers
from muniment.demo.around import Row, before, some, time_of

__all__ = ["ORDER", "TEMPLATES", "company", "write_tables"]

TEMPLATES: Final = (
    "account-manager",
    "behaviour-analysis",
    "customer-info",
    "customer-products",
    "customer-profile",
    "customer-tracking",
    "ecommerce",
    "interaction-log",
    "lifetime-value",
    "segmentation",
    "service-feedback",
)
"""All templates: each has something to show."""

ORDER: Final = (
    "customer",
    "contact",
    "product",
    "campaign",
    "segment",
    "kpi_target",
    "order",
    "order_line",
    "opportunity",
    "interaction",
    "follow_up",
    "service_request",
    "feedback",
    "holding",
    "participation",
    "coupon",
    "referral",
    "event",
)
"""The tables in the order in which they are imported: what is referred to comes first."""

_FREE_NUMBERS: Final = 1_000

_PRODUCTS: Final = (
    ("Green tea 绿茶", "Tea 茶叶", 48),
    ("Oolong 乌龙茶", "Tea 茶叶", 88),
    ("Black tea 红茶", "Tea 茶叶", 56),
    ("Teapot 茶壶", "Ware 茶具", 168),
    ("Cups, set of six 六只茶杯", "Ware 茶具", 128),
    ("Kettle 电水壶", "Ware 茶具", 299),
    ("Tea table 茶桌", "Furniture 家具", 1880),
    ("Stool 茶凳", "Furniture 家具", 320),
    ("Gift box 礼盒", "Gifts 礼品", 218),
    ("Voucher 礼品卡", "Gifts 礼品", 100),
    ("Water filter 净水器", "Machines 设备", 899),
    ("Vending machine 自动售茶机", "Machines 设备", 9800),
)
_STAGES: Final = ("won", "lead", "proposal", "won", "qualified", "lost", "negotiation", "won", "lead")
_QUESTIONS: Final = (
    ("咨询发货时间", "已告知三日内发货", "resolved"),
    ("询问新品价格", "已发送报价单", "resolved"),
    ("要求更改收货地址", "已修改地址", "resolved"),
    ("投诉包装破损", "待仓库确认后补发", "pending"),
    ("Asks for an invoice", "Sent by e-mail", "resolved"),
    ("Wants a larger order", "Offer follows", "pending"),
    ("Parcel did not arrive", "With the carrier", "escalated"),
    ("No answer to our call", "Try again", "no_answer"),
    ("有没有优惠券？想等促销活动", "已登记，活动开始时通知", "resolved"),
    ("Asks for a discount on the next promotion", "Will be told", "resolved"),
    ("喜欢徒步和旅行，想要便携茶具", "已推荐旅行茶具", "resolved"),
    ("Asked about a workshop on brewing, and the new product", "Invited to the next one", "resolved"),
)
_COMMENTS: Final = (
    (5, "服务周到，茶叶很香。", "none"),
    (4, "Good tea, quick delivery.", "none"),
    (3, "一般，包装可以再好一些。", "quality"),
    (2, "送货太慢。", "delivery"),
    (1, "Kettle broke after a week.", "quality"),
    (5, "Will order again.", "none"),
)
_OFTEN: Final = (0, 1, 2, 0, 3, 1, 4, 0, 2, 1, 0)
"""How often each problem comes, as places in the list of them."""
_PROBLEMS: Final = (
    ("complaint", "水壶漏水"),
    ("repair", "售茶机不制冷"),
    ("advice", "How long may tea be kept?"),
    ("return", "Wrong colour of cups"),
    ("installation", "安装净水器"),
)


def company(
    size: int,
    *,
    today: date,
    managers: Sequence[str] = (),
    service: Sequence[str] = (),
    seed: int = 20,
) -> dict[str, list[Row]]:
    """The tables of the company, by record type; rows are texts by field key.

    Args:
        size: how many customers; everything else follows from it.
        today: the day on which it is made.
        managers: logins of the account managers.
        service: logins of those who answer requests.
        seed: of the choices.
    """
    return dict(_tables(Random(seed), size, today, tuple(managers), tuple(service), seed))


def _tables(
    draw: Random,
    size: int,
    today: date,
    managers: tuple[str, ...],
    service: tuple[str, ...],
    seed: int,
) -> Iterator[tuple[str, list[Row]]]:
    people = _customers(draw, size, today, managers, seed)
    numbers = [row["customer_number"] for row in people]
    yield "customer", people
    products: list[Row] = [
        {
            "product_code": f"P-{place:02d}",
            "product_name": name,
            "product_category": kind,
            "list_price": f"{price} CNY",
        }
        for place, (name, kind, price) in enumerate(_PRODUCTS, 1)
    ]
    yield "product", products
    yield "campaign", _campaigns(today)
    owners = {row["customer_number"]: row["account_owner"] for row in people}
    yield "contact", around.contacts(draw, people)
    yield "segment", around.segments()
    yield "kpi_target", around.targets(today, managers)
    orders, lines = _orders(draw, people, today)
    yield "order", orders
    yield "order_line", lines
    yield "opportunity", _opportunities(draw, numbers, today)
    yield "interaction", _interactions(draw, numbers, today, owners)
    yield "follow_up", _follow_ups(draw, numbers, today, owners)
    yield "service_request", _requests(draw, numbers, today, tuple(service) or managers)
    yield "feedback", _feedback(draw, numbers, today, tuple(service) or managers)
    yield "referral", around.referrals(draw, numbers, today)
    yield "event", around.events(draw, numbers, today)
    yield "holding", _holdings(draw, numbers, today)
    yield "participation", _participations(draw, numbers, today)
    yield "coupon", _coupons(draw, numbers, today)


def _customers(draw: Random, size: int, today: date, managers: tuple[str, ...], seed: int) -> list[Row]:
    made: list[Row] = []
    for place, one in enumerate(customers(size, seed=seed)):
        status = draw.choices(("active", "following", "potential", "dormant", "lost"), (8, 4, 4, 2, 1))[0]
        made.append(
            {
                "customer_number": one.number,
                "full_name": one.name,
                # Beyond these there are no more numbers that are kept free.
                "phone": one.phone if place < _FREE_NUMBERS else "",
                "email": one.email,
                "company": one.company,
                "city": one.city,
                "birth_date": one.birthday,
                "customer_kind": "organisation" if one.company and place % 9 == 0 else "person",
                "status": status,
                "customer_level": draw.choices(("regular", "key", "vip"), (8, 3, 1))[0],
                "lead_source": draw.choice(("referral", "website", "store", "exhibition", "social")),
                "customer_since": before(draw, today, 1500).isoformat(),
                "preferred_channel": draw.choice(("phone", "email", "social", "sms")),
                "purchase_intention": draw.choice(("high", "medium", "low", "none")),
                "budget": f"{draw.randint(1, 40) * 500} CNY" if draw.random() < 0.4 else "",
                # Every twentieth has no account manager yet.
                "account_owner": managers[place % len(managers)] if managers and place % 20 != 13 else "",
                "loyalty_tier": draw.choices(("basic", "silver", "gold", "platinum"), (8, 4, 2, 1))[0],
                **around.details(draw, one, today),
            }
        )
    return made


def _campaigns(today: date) -> list[Row]:
    kinds = (
        ("Spring tea 春茶节", "promotion", -70, -40),
        ("Open house 开放日", "event", -20, -19),
        ("Autumn letter 秋季通讯", "email", -10, 20),
        ("Survey 年度问卷", "survey", 5, 35),
    )
    return [
        {
            "campaign_name": name,
            "campaign_kind": kind,
            "starts_on": (today + timedelta(days=start)).isoformat(),
            "ends_on": (today + timedelta(days=end)).isoformat(),
        }
        for name, kind, start, end in kinds
    ]


def _orders(draw: Random, people: Sequence[Row], today: date) -> tuple[list[Row], list[Row]]:
    orders: list[Row] = []
    lines: list[Row] = []
    for person in people:
        for _ in range(draw.choices((0, 1, 2, 3, 6), (3, 5, 4, 2, 1))[0]):
            day = before(draw, today, 720)
            name = f"O-{10_001 + len(orders)}"
            total = 0
            for place in draw.sample(range(len(_PRODUCTS)), draw.choices((1, 2, 3), (5, 3, 1))[0]):
                many = draw.choices((1, 2, 3, 5), (6, 3, 2, 1))[0]
                amount = many * _PRODUCTS[place][2]
                total += amount
                back = draw.random() < 0.05
                lines.append(
                    {
                        "order": name,
                        "product": f"P-{place + 1:02d}",
                        "quantity": str(many),
                        "line_amount": f"{amount} CNY",
                        "returned_quantity": "1" if back else "",
                        "return_reason": draw.choice(("quality", "wrong_item", "late")) if back else "",
                    }
                )
            old = (today - day).days > 10
            orders.append(
                {
                    "order_number": name,
                    "customer": person["customer_number"],
                    "ordered_at": time_of(draw, day),
                    "total_amount": f"{total} CNY",
                    "order_state": "completed" if old else draw.choice(("new", "confirmed", "shipped")),
                    "payment_method": draw.choice(("alipay", "wechat_pay", "card", "transfer")),
                    "payment_state": draw.choices(("paid", "unpaid", "partial"), (12, 2, 1))[0],
                    "recipient_name": person["full_name"],
                    "shipping_address": person["address"],
                }
            )
    return orders, lines


def _opportunities(draw: Random, numbers: Sequence[str], today: date) -> list[Row]:
    made: list[Row] = []
    for place, number in enumerate(some(draw, numbers, 0.3), 1):
        # All stages, however small the company is.
        stage = _STAGES[place % len(_STAGES)]
        amount = f"{draw.randint(2, 80) * 500} CNY"
        won = stage == "won"
        # Every second contract ends within two months.
        ends = place * 7 % 55 + 3 if place % 2 == 0 else place * 37 % 390 + 60
        made.append(
            {
                "title": draw.choice(
                    (
                        "Tea for the office 办公室用茶",
                        "Hotel supply 酒店供货",
                        "Gifts 节日礼品",
                        "Machines 设备",
                    )
                ),
                "customer": number,
                "stage": stage,
                "expected_amount": amount,
                "closed_on": before(draw, today, 200).isoformat() if stage in ("won", "lost") else "",
                "lost_reason": draw.choice(("price", "competitor", "timing")) if stage == "lost" else "",
                "contract_number": f"V-{place:04d}" if won else "",
                "contract_amount": amount if won else "",
                "contract_end_on": (today + timedelta(days=ends)).isoformat() if won else "",
                "payment_state": draw.choice(("paid", "partial", "unpaid")) if won else "",
            }
        )
    return made


def _interactions(draw: Random, numbers: Sequence[str], today: date, owners: Mapping[str, str]) -> list[Row]:
    made: list[Row] = []
    for place, number in enumerate(some(draw, numbers, 2.5)):
        question, resolution, result = _QUESTIONS[place % len(_QUESTIONS)]
        # A few are older than the rule of retention lets them be.
        far = place % 40 == 7
        day = today - timedelta(days=1_200 + place % 400) if far else before(draw, today, 400)
        made.append(
            {
                "customer": number,
                "occurred_at": time_of(draw, day),
                "channel": draw.choice(("phone", "email", "chat", "social", "meeting")),
                "direction": draw.choice(("inbound", "outbound")),
                "topic": draw.choice(("enquiry", "order", "service")),
                "question": question,
                "resolution": resolution,
                "result": result,
                "satisfaction_score": str(draw.randint(2, 5)) if result == "resolved" else "",
                "next_step": "" if result == "resolved" else "Call again 再次回访",
                "handled_by": owners[number],
            }
        )
    return made


def _follow_ups(draw: Random, numbers: Sequence[str], today: date, owners: Mapping[str, str]) -> list[Row]:
    made: list[Row] = []
    # Whoever looks after the customer does it.
    looked_after = [number for number in numbers if owners[number]] or list(numbers)
    for place, number in enumerate(some(draw, looked_after, 0.5)):
        # Some are late, some due now, most lie ahead or were done.
        late, soon = place % 5 == 0, place % 5 in (1, 2)
        days = -draw.randint(1, 12) if late else draw.randint(0, 6) if soon else draw.randint(-60, 40)
        made.append(
            {
                "customer": number,
                "due_at": time_of(draw, today + timedelta(days=days)),
                "follow_up_state": "open" if late or days >= 0 else "done",
                "purpose_note": draw.choice(
                    ("Offer 报价回访", "Contract 合同续签", "Thanks 感谢回访", "Visit 上门拜访")
                ),
                "assigned_to": owners[number],
                "remind_before_minutes": draw.choice(("0", "15", "60")),
            }
        )
    return made


def _requests(draw: Random, numbers: Sequence[str], today: date, service: tuple[str, ...]) -> list[Row]:
    made: list[Row] = []
    for place, number in enumerate(some(draw, numbers, 0.3), 1):
        kind, problem = _PROBLEMS[_OFTEN[place % len(_OFTEN)]]
        # Every third one is new and open.
        done = place % 3 != 0
        day = before(draw, today, 200) - timedelta(days=4) if done else before(draw, today, 12)
        answered = day + timedelta(days=draw.randint(0, 2))
        made.append(
            {
                "request_number": f"S-{place:05d}",
                "customer": number,
                "request_kind": kind,
                "problem": problem,
                "opened_at": time_of(draw, day),
                "priority": draw.choices(("normal", "low", "high", "urgent"), (6, 2, 2, 1))[0],
                "product": f"P-{draw.randint(1, len(_PRODUCTS)):02d}",
                "request_state": draw.choice(("solved", "closed"))
                if done
                else draw.choice(("open", "in_progress")),
                "first_response_at": f"{answered.isoformat()} 19:{place % 60:02d}" if done else "",
                "solution": draw.choice(("Replaced 已更换", "Explained 已解释", "Repaired 已修好"))
                if done
                else "",
                "closed_at": f"{(answered + timedelta(days=1)).isoformat()} 19:30" if done else "",
                "satisfaction_score": str(draw.randint(1, 5)) if done else "",
                "assigned_to": service[place % len(service)] if service else "",
            }
        )
    return made


def _feedback(draw: Random, numbers: Sequence[str], today: date, service: tuple[str, ...]) -> list[Row]:
    made: list[Row] = []
    for place, number in enumerate(some(draw, numbers, 0.4)):
        score, comment, category = _COMMENTS[place % len(_COMMENTS)]
        made.append(
            {
                "customer": number,
                "received_at": time_of(draw, before(draw, today, 300)),
                "satisfaction_score": str(score),
                "recommend_score": str(min(10, score * 2)),
                "comment": comment,
                "issue_category": category if category != "none" else "",
                "survey_name": draw.choice(("Yearly 年度问卷", "After delivery 收货后")),
                "suggestion": draw.choice(("", "", "更快一点", "More sorts of green tea")),
                "action_owner": service[place % len(service)] if service and score <= 2 else "",
                "action_state": "open" if score <= 2 else "none",
            }
        )
    return made


def _holdings(draw: Random, numbers: Sequence[str], today: date) -> list[Row]:
    made: list[Row] = []
    for place, number in enumerate(some(draw, numbers, 0.25), 1):
        # The warranty of every fourth one ends soon.
        bought = today - timedelta(days=730 - place % 50 - 1) if place % 4 == 0 else before(draw, today, 700)
        made.append(
            {
                "customer": number,
                "product": draw.choice(("P-06", "P-11", "P-12")),
                "serial_number": f"SN{place:07d}",
                "purchased_on": bought.isoformat(),
                "warranty_end_on": (bought + timedelta(days=730)).isoformat(),
                "renewal_on": (today + timedelta(days=place * 29 % 300)).isoformat(),
                "quantity": draw.choice(("1", "1", "2")),
                "holding_state": draw.choices(("active", "in_repair", "expired"), (8, 1, 1))[0],
            }
        )
    return made


def _participations(draw: Random, numbers: Sequence[str], today: date) -> list[Row]:
    names = [row["campaign_name"] for row in _campaigns(today)[:3]]
    responses = ("invited", "opened", "attended", "bought", "declined")
    return [
        {
            "customer": number,
            "campaign": draw.choice(names),
            "joined_at": time_of(draw, before(draw, today, 60)),
            "response": draw.choice(responses),
        }
        for number in some(draw, numbers, 0.5)
    ]


def _coupons(draw: Random, numbers: Sequence[str], today: date) -> list[Row]:
    return [
        {
            "coupon_code": f"TEA-{place:05d}",
            "customer": number,
            "discount_amount": f"{draw.choice((10, 20, 50))} CNY",
            "valid_until": (today + timedelta(days=place * 31 % 120 - 20)).isoformat(),
            "coupon_state": "used" if place % 4 == 0 else "issued",
        }
        for place, number in enumerate(some(draw, numbers, 0.25), 1)
    ]


def write_tables(folder: Path, tables: Mapping[str, Sequence[Row]]) -> dict[str, Path]:
    """Write the tables as CSV in UTF-8, headed by field keys.

    Args:
        folder: a folder that is there.
        tables: by record type.

    Returns:
        The files, by record type.
    """
    made = {}
    for name, rows in tables.items():
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, list(rows[0]))
            out.writeheader()
            out.writerows(rows)
        made[name] = path
    return made
