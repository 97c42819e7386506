"""WeChat Pay's bills: CSV with a backtick before each value, columns by name, two lines of sums at the end."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime

from linli.trade.channels import DAY_ZONE, Bill, BillLine, Unreachable
from linli.trade.channels.merchants import minor

SUMS = "总交易单数"
FUND_SUMS = "资金流水总笔数"
OF_TRADE = ("交易", "退款", "扣除交易手续费")
"""Kinds of the fund bill that belong to payments; the others are withdrawals, recharges and the like."""


@dataclass(frozen=True)
class Funds:
    """What an account's payments moved in a day, fees included."""

    in_minor: int
    out_minor: int


def _tables(raw: bytes, sums: str) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The lines, and the sums, by column name. Raises Unreachable for a file of another shape."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreachable("wechat: a bill of another encoding") from error
    rows = [[cell.lstrip("`").strip() for cell in row] for row in csv.reader(io.StringIO(text)) if any(row)]
    at = next((n for n, row in enumerate(rows) if row[0] == sums), None)
    if not rows or at is None or at + 1 >= len(rows):
        raise Unreachable("wechat: a bill without its sums")
    return [dict(zip(rows[0], row, strict=False)) for row in rows[1:at]], dict(zip(rows[at], rows[at + 1], strict=False))


def trade(day: date, raw: bytes) -> Bill:
    """The day's payments and refunds. Raises Unreachable for a file of another shape."""
    try:
        rows, sums = _tables(raw, SUMS)
        lines = [_line(row) for row in rows]
        paid, back, fee = minor(sums["订单总金额"]), minor(sums["申请退款总金额"]), minor(sums["手续费总金额"])
    except (KeyError, ValueError) as error:
        raise Unreachable(f"wechat: a bill of another shape: {error!r}") from error
    return Bill(day, lines, paid, back, fee, raw)


def _line(row: dict[str, str]) -> BillLine:
    back = row["交易状态"] == "REFUND"
    return BillLine(
        "refund" if back else "paid",
        row["商户退款单号"] if back else row["商户订单号"],
        row["商户订单号"],
        row["微信退款单号"] if back else row["微信订单号"],
        minor(row["申请退款金额"] if back else row["订单金额"]),
        minor(row["手续费"]),
        datetime.strptime(row["交易时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=DAY_ZONE),
        row["货币种类"],
        row["退款状态"] if back else row["交易状态"],
    )


def funds(raw: bytes) -> Funds:
    """The day's movements that belong to payments. Raises Unreachable for a file of another shape."""
    try:
        rows, _ = _tables(raw, FUND_SUMS)
        moved = [(row["收支类型"], minor(row["收支金额(元)"])) for row in rows if row["业务类型"] in OF_TRADE]
    except (KeyError, ValueError) as error:
        raise Unreachable(f"wechat: a fund bill of another shape: {error!r}") from error
    return Funds(sum(amount for kind, amount in moved if kind == "收入"), sum(amount for kind, amount in moved if kind == "支出"))
