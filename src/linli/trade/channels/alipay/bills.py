"""Alipay's bill of a day: GBK, lines of remarks begin with #, columns by name, tabs after numbers, refunds below zero."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

from linli.trade.channels import DAY_ZONE, Bill, BillLine, Unreachable
from linli.trade.channels.merchants import minor

TITLE = "#支付宝业务明细查询"
KINDS = {"交易": "paid", "退款": "refund"}


def _text(raw: bytes) -> str:
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return raw.decode("utf-8-sig", errors="replace")


def is_details(raw: bytes) -> bool:
    """Whether a file of the bill holds the lines (the other one holds sums)."""
    return raw.removeprefix(b"\xef\xbb\xbf").startswith((TITLE.encode("gb18030"), TITLE.encode()))


def trade(day: date, raw: bytes) -> Bill:
    """The day's payments and refunds. The details have no sums of their own, so they are what the lines add up to.

    Raises Unreachable for a file of another shape.
    """
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(_text(raw))) if row and not row[0].startswith("#")]
        head, *body = [row for row in rows if any(row)]
        if "商户订单号" not in head:
            raise ValueError("no head")
        named = [dict(zip(head, row, strict=False)) for row in body]
        lines = [_line(row) for row in named if row["业务类型"] in KINDS]
    except (KeyError, ValueError) as error:
        raise Unreachable(f"alipay: a bill of another shape: {error!r}") from error
    paid, back = (sum(line.amount_minor for line in lines if line.kind == kind) for kind in ("paid", "refund"))
    return Bill(day, lines, paid, back, sum(line.fee_minor for line in lines), raw)


def _line(row: dict[str, str]) -> BillLine:
    kind = KINDS[row["业务类型"]]
    fee = abs(minor(row["服务费（元）"]))  # written below zero where it is kept, above where it is given back
    return BillLine(
        kind,
        row["退款批次号/请求号"] if kind == "refund" else row["商户订单号"],
        row["商户订单号"],
        row["支付宝交易号"],
        abs(minor(row["订单金额（元）"])),
        fee if kind == "paid" else -fee,
        datetime.strptime(row["完成时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=DAY_ZONE),
        "",
        "SUCCESS",
    )
