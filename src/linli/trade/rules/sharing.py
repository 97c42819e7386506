"""The words a leader posts into the chat group: what it is, what it costs, how far it is, until when. Nothing that isn't so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from linli.kernel import money


@dataclass(frozen=True)
class Shared:
    """A group-buy as its words need it. Times are local; money in the minor unit of `currency`; `url` "" for none.

    `name` and `unit` are in the language of the words, `pickup` is the place.
    """

    name: str
    unit: str
    currency: str
    price_minor: int
    list_price_minor: int
    threshold_by: str
    threshold: int
    missing: int
    deadline: datetime
    pickup_from: datetime
    now: datetime
    on_miss: str = "refund"
    kind: str = "pooled"
    team_size: int = 0
    per_member_pieces: int | None = None
    next_rung: tuple[int, int] | None = None
    case_missing_pieces: int = 0
    pickup: str = ""
    url: str = ""


def share_text(s: Shared, language: str) -> str:
    """The words, a line each thing. `language` "en", anything else is Chinese."""
    lines = _english(s) if language.startswith("en") else _chinese(s)
    return "\n".join(line for line in [*lines, s.url] if line)


def _day(at: datetime, now: datetime, names: Sequence[str]) -> str:
    """Today and tomorrow by name, other days by date."""
    days = (at.date() - now.date()).days
    clock = at.strftime("%H:%M")
    return f"{names[days]} {clock}" if 0 <= days < len(names) else f"{at.month}/{at.day} {clock}"


def _chinese(s: Shared) -> list[str]:
    def cash(minor: int) -> str:
        return money.price(minor, s.currency)

    def much(n: int) -> str:
        return cash(n) if s.threshold_by == "amount" else f"{n} {'户' if s.threshold_by == 'people' else '份'}"

    was = f"（原价 {cash(s.list_price_minor)}）" if s.list_price_minor > s.price_minor else ""
    days = ("今天", "明天")
    miss = {
        "ship_short": "不满也照常送",
        "buy_in": "不满也会买到，最晚多等一天",
        "extend": "不满延长一次，还不满全额退",
    }.get(s.on_miss, "不成团全额退")
    if s.kind == "team":
        goal = f"{s.team_size} 人拼团，凑齐就成；没凑齐自动退款"
    elif s.kind == "flash":
        goal = f"限时抢，每人最多 {s.per_member_pieces} 份"
    elif s.missing:
        goal = f"还差 {much(s.missing)}成团，{miss}"
    else:
        goal = f"已满 {much(s.threshold)}，照常送"
    return [
        f"【{s.name}】{s.unit} {cash(s.price_minor)}{was}",
        goal,
        f"再多 {s.next_rung[0]} 份，大家都降到 {cash(s.next_rung[1])}，差价自动退" if s.next_rung else "",
        f"再来 {s.case_missing_pieces} 份凑满一箱" if s.case_missing_pieces else "",
        f"{_day(s.deadline, s.now, days)} 截单，{_day(s.pickup_from, s.now, days)} 起{f'到{s.pickup}' if s.pickup else ''}自提",
    ]


def _english(s: Shared) -> list[str]:
    def cash(minor: int) -> str:
        return money.price(minor, s.currency)

    def much(n: int) -> str:
        if s.threshold_by == "amount":
            return cash(n)
        one, many = ("household", "households") if s.threshold_by == "people" else ("piece", "pieces")
        return f"{n} {one if n == 1 else many}"

    was = f" (list {cash(s.list_price_minor)})" if s.list_price_minor > s.price_minor else ""
    days = ("today", "tomorrow")
    miss = {
        "ship_short": "it comes either way",
        "buy_in": "it comes either way, a day later at most",
        "extend": "a little more time if it misses, then your money back",
    }.get(s.on_miss, "your money back if it misses")
    if s.kind == "team":
        goal = f"In teams of {s.team_size}; your money back if yours isn't full"
    elif s.kind == "flash":
        goal = f"For a short while, {s.per_member_pieces} each at most"
    elif s.missing:
        goal = f"{much(s.missing)} to go; {miss}"
    else:
        goal = f"{much(s.threshold)} reached: it comes"
    return [
        f"{s.name}, {s.unit}: {cash(s.price_minor)}{was}",
        goal,
        f"{s.next_rung[0]} more and everybody pays {cash(s.next_rung[1])}; the difference comes back by itself" if s.next_rung else "",
        f"{s.case_missing_pieces} more fill a case" if s.case_missing_pieces else "",
        f"Until {_day(s.deadline, s.now, days)}; pickup from {_day(s.pickup_from, s.now, days)}{f' at {s.pickup}' if s.pickup else ''}",
    ]
