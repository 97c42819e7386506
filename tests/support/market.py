"""A lively market for screenshots, browser journeys and weighing pages: every kind of group-buy in one Chinese community."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from linli.goods import catalog
from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.people import members
from linli.trade import channels, coupons, groups, queries
from linli.trade.rules import Wanted
from support.shop import Till, buy

REGION = "hangzhou"
LEADER_PHONE, OTHER_LEADER_PHONE = "+8613900000008", "+8613900000009"
MEMBER_PHONE = "+8613900000001"

GOODS: dict[str, dict[str, Any]] = {
    "strawberry": {"zh": "丹东红颜草莓", "en": "Dandong strawberries", "unit": ("3 斤装", "1.5 kg"), "cat": "fruit", "price": 5800,
                   "fact": ("单果 25g 以上，凌晨采摘", "25 g and up, picked before dawn"), "origin": ("辽宁丹东", "Dandong, Liaoning"), "days": 3},
    "shrimp": {"zh": "湛江白虾", "en": "Zhanjiang white shrimp", "unit": ("净重 2 斤", "1 kg net"), "cat": "meat_seafood", "price": 7900,
               "fact": ("30/40 规格，冷链到站", "30/40, chilled all the way"), "origin": ("广东湛江", "Zhanjiang, Guangdong"), "days": 30},
    "tomato": {"zh": "普罗旺斯西红柿", "en": "Provence tomatoes", "unit": ("3 斤", "1.5 kg"), "cat": "vegetable", "price": 2180,
               "fact": ("今早采摘，可生吃", "Picked this morning"), "origin": ("山东海阳", "Haiyang, Shandong"), "days": 5},
    "egg": {"zh": "谷物散养鲜鸡蛋", "en": "Free-range eggs", "unit": ("30 枚", "30 pieces"), "cat": "dairy_egg", "price": 3290,
            "fact": ("产蛋 3 日内，破损包赔", "Laid within 3 days"), "origin": ("浙江临安", "Lin'an, Zhejiang"), "days": 21},
    "milk": {"zh": "牧场鲜牛奶", "en": "Fresh milk", "unit": ("950ml × 2 瓶", "2 × 950 ml"), "cat": "dairy_egg", "price": 2760,
             "fact": ("保质 7 天，今日生产", "Made today, keeps 7 days"), "origin": ("浙江金华", "Jinhua, Zhejiang"), "days": 7},
    "orange": {"zh": "赣南脐橙", "en": "Gannan navel oranges", "unit": ("5 斤装", "2.5 kg"), "cat": "fruit", "price": 2990,
               "fact": ("自然成熟，不打蜡", "Ripened on the tree, unwaxed"), "origin": ("江西赣州", "Ganzhou, Jiangxi"), "days": 15},
    "rice": {"zh": "五常稻花香大米", "en": "Wuchang rice", "unit": ("10 斤", "5 kg"), "cat": "grain_oil", "price": 6900,
             "fact": ("当季新米，真空装", "This season's, vacuum packed"), "origin": ("黑龙江五常", "Wuchang, Heilongjiang"), "days": 180},
    "fish": {"zh": "千岛湖鲢鳙鱼头", "en": "Qiandao lake fish head", "unit": ("称重，约 2 斤", "by weight, about 1 kg"), "cat": "meat_seafood", "price": 6800,
             "fact": ("当天宰杀，去鳞去腮", "Cleaned the same day"), "origin": ("浙江淳安", "Chun'an, Zhejiang"), "days": 2, "weighed": True, "piece_g": 1000},
    "bokchoy": {"zh": "上海青", "en": "Bok choy", "unit": ("1 斤", "500 g"), "cat": "vegetable", "price": 590,
                "fact": ("露水菜，凌晨收", "Harvested before dawn"), "origin": ("浙江杭州", "Hangzhou, Zhejiang"), "days": 3},
    "yogurt": {"zh": "原味老酸奶", "en": "Plain yoghurt", "unit": ("150g × 6 杯", "6 × 150 g"), "cat": "dairy_egg", "price": 2580,
               "fact": ("无蔗糖，活菌", "No sugar, live cultures"), "origin": ("浙江金华", "Jinhua, Zhejiang"), "days": 21},
    "baguette": {"zh": "全麦欧包", "en": "Wholewheat loaf", "unit": ("400g", "400 g"), "cat": "bakery", "price": 1980,
                 "fact": ("当天现烤", "Baked the same day"), "origin": ("", ""), "days": 2},
    "oil": {"zh": "压榨菜籽油", "en": "Pressed rapeseed oil", "unit": ("5L", "5 l"), "cat": "grain_oil", "price": 8900,
            "fact": ("物理压榨，非转基因", "Cold pressed"), "origin": ("四川绵阳", "Mianyang, Sichuan"), "days": 540},
    "mandarin": {"zh": "黄岩蜜橘", "en": "Huangyan mandarins", "unit": ("4 斤装", "2 kg"), "cat": "fruit", "price": 1990,
                 "fact": ("皮薄无籽", "Thin skin, seedless"), "origin": ("浙江台州", "Taizhou, Zhejiang"), "days": 10},
    "grapes-green": {"zh": "阳光玫瑰葡萄", "en": "Shine Muscat grapes", "unit": ("2 斤装", "1 kg"), "cat": "fruit", "price": 4900,
                     "fact": ("糖度 18 以上", "Sweetness 18 and up"), "origin": ("云南建水", "Jianshui, Yunnan"), "days": 7},
}  # fmt: skip
SURNAMES = "李陈王周吴郑孙赵钱冯朱徐高林何郭马罗梁宋唐许韩邓"


@dataclass
class Market:
    """Ids of what the market holds."""

    community: int
    other: int
    member: int
    neighbours: list[int]
    groups: dict[str, int] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)


def skus() -> list[catalog.NewSku]:
    """The catalogue."""
    return [
        catalog.NewSku(
            code=code,
            name_zh=g["zh"],
            name_en=g["en"],
            category=g["cat"],
            layer="hit",
            unit_zh=g["unit"][0],
            unit_en=g["unit"][1],
            list_price_minor=g["price"],
            cost_minor=g["price"] * 6 // 10,
            picture=code,
            shelf_life_days=g["days"],
            fact_zh=g["fact"][0],
            fact_en=g["fact"][1],
            origin_zh=g["origin"][0],
            origin_en=g["origin"][1],
            weighed=g.get("weighed", False),
            piece_g=g.get("piece_g"),
        )
        for code, g in GOODS.items()
    ]


def terms(tonight: datetime, pickup: datetime) -> dict[str, dict[str, Any]]:
    """Each group-buy's terms: pooled by pieces, people and amount, with a ladder, in cases, as teams, as a flash sale."""
    pooled = {"threshold": 10, "quota_pieces": 60, "deadline_at": tonight, "pickup_from": pickup}
    return {
        "strawberry": pooled | {"threshold": 40, "quota_pieces": 120, "price_minor": 4990, "solo_price_minor": 5800,
                                "ladder": ((60, 4790), (80, 4690))},
        "shrimp": pooled | {"threshold": 40, "quota_pieces": 80, "price_minor": 5980, "solo_price_minor": 7900, "ladder": ((50, 5680),)},
        "tomato": pooled | {"threshold": 20, "quota_pieces": 90, "price_minor": 1590, "solo_price_minor": 2180},
        "egg": pooled | {"threshold": 12, "quota_pieces": 60, "threshold_by": "people", "price_minor": 2690, "solo_price_minor": 3290},
        "milk": pooled | {"threshold": 30, "quota_pieces": 60, "price_minor": 2180, "solo_price_minor": 2760, "on_miss": "buy_in"},
        "rice": pooled | {"threshold": 200_000, "threshold_by": "amount", "quota_pieces": 60, "price_minor": 5990, "solo_price_minor": 6900},
        "fish": pooled | {"threshold": 6, "quota_pieces": 20, "price_minor": 5200, "solo_price_minor": 6800, "on_miss": "ship_short"},
        "bokchoy": pooled | {"threshold": 10, "quota_pieces": 40, "price_minor": 390, "solo_price_minor": 590},
        "yogurt": pooled | {"threshold": 12, "quota_pieces": 48, "case_size": 6, "price_minor": 1990, "solo_price_minor": 2580},
        "baguette": pooled | {"threshold": 5, "quota_pieces": 5, "price_minor": 1580, "solo_price_minor": 1980},
        "oil": pooled | {"threshold": 8, "quota_pieces": 30, "price_minor": 7990, "solo_price_minor": 8900,
                         "pickup_from": pickup + timedelta(days=1), "deadline_at": tonight},
        "mandarin": pooled | {"kind": "flash", "threshold": 1, "quota_pieces": 20, "per_member_pieces": 2, "price_minor": 990,
                              "solo_price_minor": 1990},
        "grapes-green": pooled | {"kind": "team", "threshold": 3, "threshold_by": "people", "team_size": 3, "team_hours": 4,
                                  "quota_pieces": 60, "price_minor": 3690, "solo_price_minor": 4900},
        "orange": pooled | {"threshold": 20, "quota_pieces": 100, "price_minor": 2490, "solo_price_minor": 2990,
                            "pickup_from": pickup + timedelta(days=1)},
    }  # fmt: skip


JOINED = {
    "strawberry": 51, "shrimp": 31, "tomato": 24, "egg": 8, "milk": 12, "rice": 21, "fish": 4, "bokchoy": 13, "yogurt": 10, "mandarin": 17,
    "oil": 3, "baguette": 5,
}  # fmt: skip


def people_of() -> tuple[int, int, int, list[int]]:
    """The region, two communities, a leader each, the member and neighbours."""
    people_groups.put_region(slug=REGION, name_zh="杭州", name_en="Hangzhou", currency="CNY", time_zone="Asia/Shanghai")
    place = people_groups.NewCommunity
    here, there = people_groups.open_many(
        region=REGION,
        communities=[
            place("cuihu", "翠湖天地", "Emerald Lake", "东门驿站", "East gate station"),
            place("guilin", "桂花城", "Osmanthus Town", "北门小屋", "North gate hut"),
        ],
    )
    appoint = people_groups.appoint
    appoint(phone=LEADER_PHONE, display_name="周姐", surname="周", kind="leader", region=REGION, community_id=here)
    appoint(phone=OTHER_LEADER_PHONE, display_name="郭姐", surname="郭", kind="leader", region=REGION, community_id=there)
    both = ("messages", "neighbours", "profiling")
    found = members.join_many(
        region=REGION,
        newcomers=[
            members.Newcomer(here, MEMBER_PHONE, "沈青", "沈", "7 栋", external_id="m", consents=both),
            *(
                members.Newcomer(here, f"+86139001{n:05}", f"{name}邻居", name, f"{n % 9 + 1} 栋", external_id=f"n{n}", consents=both)
                for n, name in enumerate(SURNAMES)
            ),
        ],
    )
    return here, there, found[0], found[1:]


def build(*, now: datetime | None = None, lively: bool = True) -> Market:
    """Build it at `now` (the shop's clock); `lively` lets neighbours join."""
    at = (now or clocks.business_now()).astimezone(groups_zone())
    tonight = at.replace(hour=22, minute=0, second=0, microsecond=0)
    if tonight <= at + timedelta(hours=1):
        tonight += timedelta(days=1)
    pickup = (tonight + timedelta(days=1)).replace(hour=16)
    here, there, member, neighbours = people_of()
    catalog.put_many(region=REGION, skus=skus())
    wanted = terms(tonight, pickup)
    opened = groups.open_many(
        region=REGION, groups=[groups.NewGroup(key=f"{here}/{code}", community_id=here, sku=code, **more) for code, more in wanted.items()]
    )
    market = Market(here, there, member, neighbours, dict(zip(wanted, opened, strict=True)))
    if lively:
        fill(market)
    return market


def groups_zone() -> Any:
    """The region's time zone."""
    from zoneinfo import ZoneInfo

    return ZoneInfo("Asia/Shanghai")


def fill(market: Market) -> None:
    """Neighbours join, and pay through a till in memory."""
    real = channels.of
    channels.of = lambda name: till  # type: ignore[assignment,return-value]
    till = Till()
    try:
        for number, (code, pieces) in enumerate(JOINED.items()):
            left, n = pieces, number
            while left > 0:
                most = {"mandarin": 2, "egg": 1, "fish": 2, "oil": 1}.get(code, 6)
                take = min(left, 1 + n % most)
                buyer = market.neighbours[n % len(market.neighbours)]
                buy(till, buyer, [(market.groups[code], take)], key=f"{code}/{n}")
                left, n = left - take, n + 1
        for n, team in ((3, "new"), (4, ""), (5, "new")):
            line = Wanted(market.groups["grapes-green"], 1, team=team or _first_team(market))
            buy(till, market.neighbours[n], [line], key=f"team/{n}")  # type: ignore[list-item]
    finally:
        channels.of = real


def _first_team(market: Market) -> str:
    card = queries.group(market.groups["grapes-green"])
    return card.teams[0].team_id if card and card.teams else "new"


def wallet(member_id: int) -> None:
    """Two coupons in the member's wallet."""
    coupons.fund(region=REGION, owner="playbook:market", amount_minor=1_000_000, key="market")
    for code, zh, en, face, least, category in (
        ("fruit8", "水果满减券", "Fruit coupon", 800, 6000, "fruit"),
        ("all5", "老邻居谢谢券", "Thank-you coupon", 500, 3900, ""),
    ):
        coupons.put_issue(
            region=REGION,
            code=code,
            name_zh=zh,
            name_en=en,
            face_minor=face,
            minimum_minor=least,
            valid_days=7,
            budget_owner="playbook:market",
            category=category,
        )
        coupons.issue(issue_code=code, member_id=member_id, key=f"market/{code}")
