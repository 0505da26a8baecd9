"""What stands around the orders of the made-up company: persons closer up, contacts, visits, segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Final

from muniment.demo import Customer

__all__ = [
    "Row",
    "before",
    "contacts",
    "details",
    "events",
    "referrals",
    "segments",
    "some",
    "targets",
    "time_of",
]

Row = Mapping[str, str]
"""Texts by field key."""

_PLACES: Final[Mapping[str, tuple[str, str, str]]] = {
    "上海": ("上海市", "中国", "南京东路 {0} 号"),
    "北京": ("北京市", "中国", "建国路 {0} 号"),
    "广州": ("广东省", "中国", "中山五路 {0} 号"),
    "深圳": ("广东省", "中国", "深南大道 {0} 号"),
    "成都": ("四川省", "中国", "春熙路 {0} 号"),
    "杭州": ("浙江省", "中国", "延安路 {0} 号"),
    "武汉": ("湖北省", "中国", "中山大道 {0} 号"),
    "西安": ("陕西省", "中国", "东大街 {0} 号"),
    "Berlin": ("Berlin", "Deutschland", "Torstraße {0}"),
    "Paris": ("Île-de-France", "France", "{0} rue de Rivoli"),
    "Washington": ("DC", "USA", "{0} K Street NW"),
}
"""Region, country and a street of each city."""

_LANGUAGES: Final = {"中国": "zh-CN", "Deutschland": "de", "France": "fr"}
_INTERESTS: Final = ("new_products", "promotions", "training", "events", "technology", "fashion", "home")
_HOBBIES: Final = ("sports", "travel", "reading", "music", "food", "photography", "games", "gardening")
_WISHES: Final = ("discount", "brand", "quality", "new", "fast_delivery", "eco")
_INDUSTRIES: Final = ("retail", "hospitality", "it", "education", "logistics", "manufacturing")
_WORK: Final = ("教师", "工程师", "Architect", "店主", "Teacher", "会计", "Journalist", "医生")
_LIKES: Final = ("龙井", "Oolong", "普洱", "Earl Grey", "礼盒装", "散装茶")
_NEEDS: Final = (
    "办公室每月用茶",
    "Tea for two restaurants",
    "节日礼品二十份",
    "A kettle that keeps the heat",
)
_METRICS: Final = (
    ("satisfaction", "4.2"),
    ("win_rate", "0.4"),
    ("average_deal", "18000"),
    ("response_time", "8"),
    ("follow_ups_done", "0.9"),
)
_PAGES: Final = ("/", "/tea/green", "/tea/oolong", "/ware/kettles", "/gifts", "/blog/brewing", "/cart")


def before(draw: Random, today: date, days: int) -> date:
    """A day in the past: more of them lie near than far, as in any company that grows."""
    return today - timedelta(days=int(days * draw.random() ** 2) + 1)


def time_of(draw: Random, day: date) -> str:
    """A time at which people work."""
    return f"{day.isoformat()} {draw.randint(8, 18):02d}:{draw.choice((0, 10, 15, 30, 45)):02d}"


def some(draw: Random, numbers: Sequence[str], share: float) -> list[str]:
    """So large a share of customers, each perhaps several times; a dozen at least."""
    return [draw.choice(numbers) for _ in range(max(12, int(len(numbers) * share)))]


def _several(draw: Random, choices: Sequence[str], most: int) -> str:
    return "; ".join(draw.sample(choices, draw.randint(0, most)))


def details(draw: Random, one: Customer, today: date) -> Row:
    """What is known of a customer beyond name, address and orders."""
    region, country, street = _PLACES[one.city]
    latin = one.name.isascii() or " " in one.name
    given, _, family = one.name.partition(" ")
    refused = "; ".join(draw.sample(("phone", "sms", "email"), 1)) if draw.random() < 0.06 else ""
    return {
        "family_name": family if latin else one.name[:1],
        "given_name": given if latin else one.name[1:],
        "gender": draw.choices(("female", "male", "other", "unknown"), (10, 10, 1, 2))[0],
        "occupation": draw.choice(_WORK),
        "preferred_language": _LANGUAGES.get(country, "en"),
        "do_not_contact": refused,
        "address": f"{street.format(draw.randint(1, 300))}",
        "postal_code": f"{draw.randint(100_000, 699_999)}"
        if country == "中国"
        else f"0{draw.randint(1_000, 9_999)}",
        "region": region,
        "country": country,
        "industry": draw.choice(_INDUSTRIES) if one.company else "",
        "notes": draw.choice(("", "", "老客户介绍", "Met at the fair", "喜欢上午接电话")),
        "verified_on": before(draw, today, 500).isoformat() if draw.random() < 0.7 else "",
        "anniversary_on": before(draw, today, 3_000).isoformat() if draw.random() < 0.2 else "",
        "hobbies": _several(draw, _HOBBIES, 3),
        "interests": _several(draw, _INTERESTS, 3),
        "liked": draw.choice(_LIKES) if draw.random() < 0.5 else "",
        "special_requirements": draw.choice(("", "", "", "发票须写公司全称", "Deliver in the evening")),
        "need_description": draw.choice(_NEEDS) if draw.random() < 0.3 else "",
        "customer_rating": str(draw.randint(2, 5)),
        "evaluation": draw.choice(("", "", "付款及时", "Pays late", "潜力大")),
        "shopping_preferences": _several(draw, _WISHES, 2),
    }


def contacts(draw: Random, people: Sequence[Row]) -> list[Row]:
    """People at the customers that are companies: one whom everybody asks first, perhaps a second."""
    made: list[Row] = []
    companies = [row for row in people if row["customer_kind"] == "organisation"] or list(people[:1])
    titles = ("采购经理", "Head of purchasing", "行政主管", "Owner", "店长")
    for row in companies:
        for place in range(draw.choice((1, 1, 2))):
            made.append(
                {
                    "customer": row["customer_number"],
                    "contact_name": draw.choice(("孙悦", "Karin Vogel", "陈浩", "Lucie Bernard", "周倩")),
                    "job_title": draw.choice(titles),
                    "decision_role": draw.choice(("economic", "technical", "user", "champion")),
                    "email": f"k{len(made) + 1}@example.net",
                    "preferred_channel": draw.choice(("phone", "email", "meeting")),
                    "is_primary": "yes" if place == 0 else "no",
                }
            )
    return made


def segments() -> list[Row]:
    """The segments that somebody wrote rules for."""
    return [
        {
            "segment_name": "Young and curious 年轻尝鲜",
            "segment_method": "rule",
            "age_from": "18",
            "age_to": "35",
            "regions": "",
            "order_count_from": "",
            "amount_from": "",
            "segment_interests": "new_products; events",
            "planned_action": "Invite to the open house 邀请参加开放日",
        },
        {
            "segment_name": "Big spenders 大客户",
            "segment_method": "rule",
            "age_from": "",
            "age_to": "",
            "regions": "",
            "order_count_from": "2",
            "amount_from": "2000 CNY",
            "segment_interests": "",
            "planned_action": "A call before the new harvest 新茶上市前致电",
        },
        {
            "segment_name": "Shanghai and Hangzhou 沪杭",
            "segment_method": "rule",
            "age_from": "",
            "age_to": "",
            "regions": "上海, 杭州",
            "order_count_from": "",
            "amount_from": "",
            "segment_interests": "",
            "planned_action": "",
        },
    ]


def targets(today: date, managers: Sequence[str]) -> list[Row]:
    """What each account manager should reach, for the last three months, and for the whole team."""
    made: list[Row] = []
    month = today.replace(day=1)
    for _ in range(3):
        for owner in ("", *managers):
            for metric, value in _METRICS:
                made.append(
                    {
                        "account_owner": owner,
                        "period_start": month.isoformat(),
                        "metric": metric,
                        "target_value": value,
                    }
                )
        month = (month - timedelta(days=1)).replace(day=1)
    return made


def referrals(draw: Random, numbers: Sequence[str], today: date) -> list[Row]:
    """Who brought whom; nobody brings themselves."""
    made: list[Row] = []
    pairs = {tuple(draw.sample(numbers, 2)) for _ in range(max(6, len(numbers) // 12))}
    for first, second in sorted(pairs):
        made.append(
            {
                "customer": first,
                "referred_customer": second,
                "referred_on": before(draw, today, 400).isoformat(),
                "reward_amount": f"{draw.choice((20, 50, 100))} CNY",
            }
        )
    return made


def events(draw: Random, numbers: Sequence[str], today: date) -> list[Row]:
    """What customers looked at in the shop."""
    return [
        {
            "customer": number,
            "occurred_at": time_of(draw, before(draw, today, 120)),
            "event_kind": draw.choices(("view", "visit", "search", "cart", "share"), (8, 4, 2, 2, 1))[0],
            "page": draw.choice(_PAGES),
            "seconds_on_page": str(draw.randint(4, 400)),
        }
        for number in some(draw, numbers, 1.5)
    ]
