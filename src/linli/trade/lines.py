"""Lines of orders as events and the ledger name them."""

from __future__ import annotations

from collections.abc import Iterable

from linli.goods import queries as goods
from linli.trade.events import SoldLine
from linli.trade.models import Order, OrderLine


def order_no(order: Order) -> str:
    """The order in keys of work, ledger and channel."""
    return order.pk.hex


def holds(line: OrderLine) -> str:
    """The ledger key of the line's pieces being held."""
    return key_of_hold(line.order_id.hex, line.number)


def key_of_hold(order: str, number: int) -> str:
    """The same, of a line that isn't written yet; `order` in hex."""
    return f"order/{order}/{number}/hold"


def sold_lines(lines: Iterable[OrderLine]) -> list[SoldLine]:
    """Lines as the facts carry them, with what the goods were then."""
    found = list(lines)
    skus = goods.skus(found[0].region, {line.sku_code for line in found}) if found else {}
    return [
        SoldLine(
            line.sku_code,
            skus[line.sku_code].category,
            skus[line.sku_code].history_type,
            line.group_id,
            line.quantity,
            line.amount_minor - line.discount_minor,
            line.discount_minor,
        )
        for line in found
    ]
