"""The demonstration shop's terms: which of a day's group-buys has which kind, and what a leader may open by a tap.

History knows prices and quantities, and nothing of ladders, teams or flash sales: these terms are invented, from the prices
history did know, so that every kind of group-buy can be tried in the shop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linli.goods import queries as goods
from linli.trade import templates
from linli.trade.templates import Template

_LADDER = ((1.0, 0.97), (1.6, 0.94))
"""A ladder's rungs: at so many times the threshold, so much of the group price."""

TEAM_PRICE, FLASH_PRICE = 0.95, 0.90


def of_rank(rank: int, threshold: int, quota: int, price_minor: int, *, weighed: bool) -> dict[str, Any]:
    """The terms of a community's group-buy by its place in the day's choice: most are plain, a few show the other kinds."""
    if rank == 1 and not weighed and (ladder := ladder_of(threshold, quota, price_minor)):
        return {"ladder": ladder}
    if rank == 3:
        return {
            "kind": "team",
            "threshold_by": "people",
            "threshold": 3,
            "team_size": 3,
            "team_hours": 12,
            "price_minor": max(1, int(price_minor * TEAM_PRICE)),
        }
    if rank == 5:
        return {"kind": "flash", "threshold": 1, "per_member_pieces": 2, "price_minor": max(1, int(price_minor * FLASH_PRICE))}
    if rank == 7:
        return {"threshold_by": "people", "threshold": max(2, threshold // 2), "on_miss": "ship_short"}
    if rank == 8 and quota >= 12:
        return {"case_size": 6, "quota_pieces": quota - quota % 6}
    return {}


def ladder_of(threshold: int, quota: int, price_minor: int) -> tuple[tuple[int, int], ...]:
    """Falling prices from the threshold on, as far as the quota reaches; nothing where the prices wouldn't fall."""
    rungs: list[tuple[int, int]] = []
    for times, share in _LADDER:
        pieces, price = max(2, round(threshold * times)), int(price_minor * share)
        lower = price < (rungs[-1][1] if rungs else price_minor) and price >= 1
        if lower and pieces <= quota and (not rungs or pieces > rungs[-1][0]):
            rungs.append((pieces, price))
    return tuple(rungs)


def put_templates(region: str, group_price_minor: Mapping[str, int]) -> int:
    """Put what leaders may open into the shop; again changes nothing. Returns how many there are."""
    skus = goods.skus(region, group_price_minor)
    made = 0
    for slug, code, kind, note_zh, note_en in _TEMPLATES:
        if code not in skus or not skus[code].active:
            continue
        price = min(group_price_minor[code], skus[code].list_price_minor)
        terms: dict[str, Any] = {"threshold": 8, "quota_pieces": 30, "price_minor": price, "solo_price_minor": skus[code].list_price_minor}
        if kind == "ladder":
            terms |= {"ladder": ladder_of(8, 30, price)}
        if kind == "team":
            terms |= {"threshold_by": "people", "threshold": 3, "team_size": 3, "team_hours": 24}
        limits = {"quota_pieces": (10, 60), "open_hours": (2, 72)}
        plain = "team" if kind == "team" else "pooled"
        template = Template(slug, code, terms, plain, 24, 1, 16, note_zh, note_en, limits)
        templates.put(region=region, template=template, by="system")
        made += 1
    return made


_TEMPLATES = (
    ("strawberries-30", "strawberries", "ladder", "三十户的量，越多越便宜", "Enough for thirty households, cheaper the more join"),
    (
        "chicken-weekend",
        "chicken-breast",
        "plain",
        "周末一锅炖，按实称退差价",
        "For the weekend pot; the scale decides the price",
    ),
    ("milk-trio", "milk", "team", "三户一拼，隔壁喊一声", "Three households: ask next door"),
    ("eggs-staple", "eggs", "plain", "家家都要，天天能开", "Everybody needs them"),
)
