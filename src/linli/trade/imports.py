"""Group-buys from a table: every row judged before any opens, and all of them open in one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from linli.goods import queries as goods
from linli.kernel import clocks, sheets
from linli.kernel.refusals import Refusal
from linli.kernel.sheets import Column, Problem, Row
from linli.people import queries as people
from linli.trade import groups, orders, rules
from linli.trade.rules import NewGroup

KINDS = {"普通团": "pooled", "拼团": "team", "限时": "flash", "预售": "presale"}
MEASURES = {"份": "pieces", "份数": "pieces", "户": "people", "户数": "people", "人": "people", "人数": "people", "金额": "amount"}
MISSES = {"退款": "refund", "延长": "extend", "照常送": "ship_short", "补齐": "buy_in"}


def _both(names: Mapping[str, str]) -> dict[str, str]:
    """The names, and the codes themselves."""
    return {**names, **{code: code for code in names.values()}}


def moment(zone: ZoneInfo) -> Callable[[str], datetime]:
    """A reader of local times: "2017-10-02 20:00". A time that a change of the clock makes doubtful is the first of the two."""

    def take(text: str) -> datetime:
        plain = text.strip().replace("/", "-").replace("T", " ")
        try:
            naive = datetime.fromisoformat(plain)
        except ValueError:
            raise Refusal("trade.cell_moment") from None
        return naive if naive.tzinfo else naive.replace(tzinfo=zone)

    return take


def rungs(currency: str) -> Callable[[str], tuple[tuple[int, int], ...]]:
    """A reader of ladders: "20:4.80, 40:4.50" is 4.80 from 20 pieces and 4.50 from 40."""
    price = sheets.amount(currency)

    def take(text: str) -> tuple[tuple[int, int], ...]:
        found = []
        for part in re.split(r"[,，;；]\s*", text.strip().strip(",，;；")):
            pieces, sep, amount = part.replace("：", ":").partition(":")
            if not sep or not re.fullmatch(r"\s*[0-9]{1,6}\s*", pieces):
                raise Refusal("trade.cell_ladder")
            found.append((int(pieces), price(amount)))
        return tuple(found)

    return take


def columns(currency: str, zone: ZoneInfo) -> tuple[Column, ...]:
    """What a table of group-buys may hold; `community` is a community's name or code, times are the region's own."""
    money, count, at = sheets.amount(currency), sheets.whole(1, 10**6), moment(zone)
    return (
        Column("community", ("小区",), sheets.text(64), required=True),
        Column("sku", ("编号", "商品"), sheets.text(48), required=True),
        Column("kind", ("种类",), sheets.one_of(_both(KINDS))),
        Column("threshold_by", ("按什么成团", "成团按"), sheets.one_of(_both(MEASURES))),
        Column("threshold", ("成团数",), sheets.text(16), required=True),
        Column("quota_pieces", ("可售份数", "份数"), count, required=True),
        Column("price_minor", ("团价",), money, required=True),
        Column("solo_price_minor", ("单买价",), money),
        Column("ladder", ("阶梯",), rungs(currency)),
        Column("case_size", ("箱规",), count),
        Column("per_member_pieces", ("每户限购", "限购"), count),
        Column("on_miss", ("没成团", "未成团"), sheets.one_of(_both(MISSES))),
        Column("extend_hours", ("延长小时",), sheets.whole(1, 336)),
        Column("team_size", ("几人团",), sheets.whole(2, 20)),
        Column("team_hours", ("拼团小时",), sheets.whole(1, 336)),
        Column("opens_at", ("开团",), at),
        Column("deadline_at", ("截单",), at, required=True),
        Column("pickup_from", ("自提", "取货"), at, required=True),
    )


@dataclass(frozen=True)
class Plan:
    """What a table would open. With `problems` it opens nothing."""

    groups: list[NewGroup]
    problems: list[Problem]


def plan(*, region: str, content: bytes, filename: str, by: str) -> Plan:
    """Judge a table; nothing is written. Raises Refusal as kernel.sheets.read."""
    info = people.region(region)
    if info is None:
        raise Refusal("people.no_such_region", region=region)
    asked = columns(info.currency, orders.zone(region))
    sheet = sheets.read(content, filename, asked)
    named = _communities(region)
    skus = set(goods.skus(region, {r.values.get("sku", "") for r in sheet.rows}))
    broken = {p.row for p in sheet.problems}
    found = Plan([], list(sheet.problems))
    for row in sheet.rows:
        if row.number not in broken:
            _judge(row, named, skus, info.currency, by, found)
    return Plan(found.groups, sorted(found.problems, key=lambda p: p.row))


def _communities(region: str) -> dict[str, int]:
    """Every name a community goes by -> its id."""
    return {name: c.community_id for c in people.communities(region) for name in (c.code, c.name_zh, c.name_en)}


def _judge(row: Row, named: Mapping[str, int], skus: set[str], currency: str, by: str, found: Plan) -> None:
    values: dict[str, Any] = dict(row.values)
    wrong: list[tuple[str, str, str]] = []
    community, sku = values.pop("community"), values["sku"]
    if community not in named:
        wrong.append(("community", "trade.cell_community", community))
    if sku not in skus:
        wrong.append(("sku", "trade.no_such_sku", sku))
    text = values.pop("threshold")
    try:
        read = sheets.amount(currency) if values.get("threshold_by") == "amount" else sheets.whole(1, 10**6)
        values["threshold"] = read(text)
    except Refusal as refusal:
        found.problems.append(Problem(row.number, _heading("threshold"), refusal.code, {"value": text, **refusal.facts}))
        return
    if not wrong:
        key = f"table/{named[community]}/{sku}/{values['deadline_at'].isoformat()}/{values.get('kind', 'pooled')}"
        values.setdefault("solo_price_minor", values["price_minor"])
        group = NewGroup(key=key[:96], community_id=named[community], opened_by=by, **values)
        opens_at = group.opens_at or clocks.business_now()
        wrong = [(name, "trade.cell_term", str(values.get(name, ""))) for name in rules.group_faults(group, opens_at)]
        if not wrong:
            found.groups.append(group)
    found.problems.extend(
        Problem(row.number, _heading(name), code, {"value": value[:40], "sku": value[:40]}) for name, code, value in wrong
    )


def _heading(field: str) -> str:
    return next((c.headings[0] for c in columns("CNY", ZoneInfo("UTC")) if c.field == field), field)


def apply(*, region: str, content: bytes, filename: str, by: str) -> int:
    """Open what `plan` tells, all of it or nothing; a row that is open already stays as it is. Returns how many rows stand open.

    Raises Refusal: trade.table_problems(count), and those of groups.open_many.
    """
    found = plan(region=region, content=content, filename=filename, by=by)
    if found.problems:
        raise Refusal("trade.table_problems", count=len(found.problems))
    return len(groups.open_many(region=region, groups=found.groups))
