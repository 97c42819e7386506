"""Vouchers: made when their order is paid, revoked with it. What happens in between is in `redeeming`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, timedelta

from linli.goods import queries as goods
from linli.kernel import clocks, events, ledger, work
from linli.trade import capacity, days, rules, services
from linli.trade.events import VoucherEnded, VoucherIssued
from linli.trade.models import Bundle, GiftRule, Order, OrderLine, Service, Voucher
from linli.trade.posting import Posting
from linli.trade.rules import Part

EXPIRE = "trade.expire_vouchers"
State = Voucher.State


def on_paid(posting: Posting, order: Order, lines: Sequence[OrderLine]) -> None:
    """The order is paid: each piece of a bundle gets its voucher, and the order the gifts it has come to.

    A gift's capacity is claimed by itself: without it the order is paid all the same.
    """
    kept = [line for line in lines if line.state != OrderLine.State.CANCELLED]
    bundles = {
        b.sku_code: b.service
        for b in Bundle.objects.select_related("service__partner").filter(
            region=order.region, sku_code__in={line.sku_code for line in kept}
        )
    }
    kinds = {code: sku.kind for code, sku in goods.skus(order.region, bundles).items()} if bundles else {}
    today = days.today(order.region)
    made = []
    for line in kept:
        if (service := bundles.get(line.sku_code)) is None:
            continue
        value = line.unit_price_minor if kinds[line.sku_code] == "service" else min(service.value_minor, line.unit_price_minor)
        made += [_new(order, service, today, line=line.number, number=n, value_minor=value) for n in range(1, line.quantity + 1)]
    _issue(made)
    paid_minor = sum(line.amount_minor - line.discount_minor for line in kept)
    for rule in services.rules_now(order.region):
        if paid_minor >= rule.from_minor:
            _give(posting, order, rule, today)


def _new(order: Order, service: Service, today: date, *, line: int, number: int, value_minor: int, gift: GiftRule | None = None) -> Voucher:
    return Voucher(
        region=order.region,
        code="".join(secrets.choice(rules.CODE_LETTERS) for _ in range(rules.VOUCHER_LENGTH)),
        member_id=order.member_id,
        community_id=order.community_id,
        service=service,
        order=order,
        line_number=line,
        number=number,
        gift=gift,
        value_minor=value_minor,
        uses=service.uses,
        uses_left=service.uses,
        issued_at=clocks.business_now(),
        expires_on=today + timedelta(days=service.valid_days),
    )


def _issue(made: list[Voucher]) -> None:
    if not made:
        return
    rows = Voucher.objects.bulk_create(made)
    told = [
        events.Told(
            VoucherIssued(
                v.pk,
                v.member_id,
                v.community_id,
                str(v.order_id),
                v.service.code,
                v.service.partner.code,
                v.value_minor,
                v.expires_on.isoformat(),
                "system",
            ),
            v.region,
            f"member:{v.member_id}",
        )
        for v in rows
    ]
    events.append_many(told)
    for day in {v.expires_on for v in rows}:
        over = days.midnight(rows[0].region, day + timedelta(days=1))
        work.schedule(EXPIRE, key=day.isoformat(), due_at=over, region=rows[0].region)


def _give(posting: Posting, order: Order, rule: GiftRule, today: date) -> None:
    service = rule.service
    move = ledger.Move(
        key=f"gift/{order.pk.hex}/{rule.pk}",
        source=capacity.account(order.region, service.code, service.partner.code),
        target=capacity.used(order.region, service.code, service.partner.code),
        amount=1,
        reason="trade.gift_given",
    )
    posting.may.append(([move], lambda: _issue([_new(order, service, today, line=0, number=rule.pk, value_minor=0, gift=rule)])))


def revoke(posting: Posting, order: Order, lines: Sequence[OrderLine], parts: Sequence[Part], *, reference: str) -> None:
    """Parts of lines go back: vouchers of theirs that nobody used end with them. `lines` as before the parts.

    As many as pieces, and all when nothing is left of the line. A gift ends when what is left no longer comes to it.
    """
    live = list(
        Voucher.objects.select_for_update().filter(region=order.region, order=order).select_related("service__partner").order_by("pk")
    )
    if not live:
        return
    by_line = {line.number: line for line in lines}
    ended: list[Voucher] = []
    for part in parts:
        line, mine = by_line[part.number], [v for v in live if v.line_number == part.number]
        unused = [v for v in mine if v.state == State.ACTIVE and v.uses_left == v.uses]
        over = _left(line) == part.refund_minor + part.discount_back_minor
        gone = sum(v.state in (State.REFUNDED, State.EXPIRED, State.REVOKED) for v in mine)
        alone = bool(mine) and mine[0].value_minor == line.unit_price_minor
        # A voucher that is a piece by itself has ended before its piece comes back: it must not take another one along.
        count = line.returned_pieces + part.pieces - gone if alone else part.pieces
        ended += unused if over else unused[: max(0, count)]
    kept = sum(line.amount_minor - line.discount_minor - line.refunded_minor for line in lines) - sum(p.refund_minor for p in parts)
    gifts = [v for v in live if v.gift is not None and kept < v.gift.from_minor and v.state == State.ACTIVE and v.uses_left == v.uses]
    for v in gifts:
        free, taken = (of(v.region, v.service.code, v.service.partner.code) for of in (capacity.account, capacity.used))
        move = ledger.Move(key=f"gift/{order.pk.hex}/{v.number}/back", source=taken, target=free, amount=1, reason="trade.gift_back")
        posting.must.append(move)
    for v in [*ended, *gifts]:
        v.state, v.ended_at = State.REVOKED, clocks.business_now()
        v.save(update_fields=["state", "ended_at"])
        tell_ended(v, State.REVOKED, 0, "system")


def _left(line: OrderLine) -> int:
    """What the line still costs, whoever paid it."""
    return line.amount_minor - line.refunded_minor - line.discount_back_minor


def tell_ended(v: Voucher, state: str, back: int, by: str) -> None:
    fact = VoucherEnded(v.pk, v.member_id, v.community_id, v.service.code, state, back, by)
    events.append(fact, region=v.region, subject=f"member:{v.member_id}")
