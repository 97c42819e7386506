"""A small shop for tests: Alice (owner of what is looked at) and Bob live in Maple Court, Charlie is a stranger in Oak Yard."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from linli.goods import catalog
from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.people import members
from linli.trade import channels, groups, orders, pay
from linli.trade.channels import Seen
from linli.trade.channels.sandbox import Sandbox, sign

REGION = "us-demo"
NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2017, 10, 2, 9, tzinfo=NEW_YORK)
"""Monday nine in the morning: where the tests' business clock stands."""

NOON = MONDAY.replace(hour=12)


@dataclass
class Shop:
    """Ids of everybody and everything in it."""

    maple: int
    oak: int
    alice: int
    bob: int
    charlie: int
    leader: int
    other_leader: int
    cherries: int
    milk: int
    far_milk: int


def sku(code: str, category: str, list_price_minor: int) -> catalog.NewSku:
    return catalog.NewSku(
        code, code, code, category, "hit", "1 份", "1 piece", list_price_minor, list_price_minor // 2, code, 5, history_type=code.upper()
    )


def new_group(community: int, code: str, *, key: str = "", **changes: object) -> groups.NewGroup:
    """A group-buy until noon with sensible figures: threshold 3 of 10 pieces, 4.00 in the group and 5.00 alone."""
    figures: dict[str, object] = {
        "threshold": 3,
        "quota_pieces": 10,
        "price_minor": 400,
        "solo_price_minor": 500,
        "deadline_at": NOON,
        "pickup_from": MONDAY + timedelta(days=1, hours=7),
    }
    return groups.NewGroup(key=key or f"{community}/{code}", community_id=community, sku=code, **(figures | changes))  # type: ignore[arg-type]


def build() -> Shop:
    """Build it in the current database, at MONDAY."""
    with clocks.fixed(business=MONDAY):
        people_groups.put_region(slug=REGION, name_zh="示范区", name_en="Demo", currency="USD", time_zone="America/New_York")
        place = people_groups.NewCommunity
        maple, oak = people_groups.open_many(
            region=REGION,
            communities=[
                place("maple", "枫林苑", "Maple Court", "南门", "South gate"),
                place("oak", "橡树里", "Oak Yard", "北门", "North gate"),
            ],
        )
        who = [
            members.Newcomer(maple, "+15550000001", "Alice", "Ai", "1", external_id="h1", consents=("messages", "neighbours")),
            members.Newcomer(maple, "+15550000002", "Bob", "Bo", "2", external_id="h2"),
            members.Newcomer(oak, "+15550000003", "Charlie", "Cha", "9", external_id="h3"),
        ]
        alice, bob, charlie = members.join_many(region=REGION, newcomers=who)
        lead = people_groups.appoint
        leader = lead(phone="+15550000008", display_name="Li", kind="leader", region=REGION, community_id=maple)
        other = lead(phone="+15550000009", display_name="Ou", kind="leader", region=REGION, community_id=oak)
        catalog.put_many(region=REGION, skus=[sku("cherries", "fruit", 600), sku("milk", "dairy_egg", 450)])
        cherries, milk, far = groups.open_many(
            region=REGION,
            groups=[
                new_group(maple, "cherries"),
                new_group(maple, "milk", threshold=2, price_minor=333, solo_price_minor=450),
                new_group(oak, "milk"),
            ],
        )
    return Shop(maple, oak, alice, bob, charlie, leader, other, cherries, milk, far)


@dataclass
class Till:
    """A channel in memory, standing in for HTTP: tests say what it knows and when it is silent."""

    name: str = "sandbox"
    payments: dict[str, Seen] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    silent: bool = False
    loses_reply: bool = False
    declines: bool = False
    asked: int = 0

    def _answers(self) -> None:
        self.asked += 1
        if self.silent:
            raise channels.Unreachable("silent")

    def pay(self, asked: channels.Asked) -> channels.Way:
        self._answers()
        self.payments.setdefault(asked.out_trade_no, Seen("open", "", asked.amount_minor, asked.currency))
        return channels.Way("redirect", f"http://till/{asked.out_trade_no}")

    def seen(self, out_trade_no: str) -> Seen | None:
        self._answers()
        return self.payments.get(out_trade_no)

    def close(self, out_trade_no: str) -> Seen | None:
        self._answers()
        found = self.payments.get(out_trade_no)
        if found is not None and found.state == "open":
            self.payments[out_trade_no] = Seen("closed", "", found.amount_minor, found.currency)
        return self.payments.get(out_trade_no)

    def refund(self, refund_no: str, out_trade_no: str, amount_minor: int, *, total_minor: int = 0, currency: str = "CNY") -> str:
        self._answers()
        if self.declines:
            raise channels.Declined("no")
        self.refunds[refund_no] = amount_minor
        if self.loses_reply:
            raise channels.Unreachable("lost")
        return "succeeded"

    def refund_state(self, refund_no: str, out_trade_no: str = "") -> str | None:
        self._answers()
        return "succeeded" if refund_no in self.refunds else None

    def hear(self, notification: channels.Notification) -> channels.News:
        return Sandbox().hear(notification)

    def bill(self, day: date) -> channels.Bill:
        self._answers()
        raise channels.Unreachable("no bill")

    def take(self, out_trade_no: str) -> str:
        """The member pays at the cashier; returns the channel's transaction number."""
        found = self.payments[out_trade_no]
        txn = f"T{out_trade_no[-12:]}"
        self.payments[out_trade_no] = Seen("paid", txn, found.amount_minor, found.currency)
        return txn

    def notice(self, out_trade_no: str, /, **changes: object) -> pay.Notification:
        """What the channel would send of a payment, with `changes` made before it is signed."""
        found = self.payments[out_trade_no]
        told = {
            "out_trade_no": out_trade_no,
            "channel_txn": found.channel_txn,
            "state": found.state,
            "amount_minor": found.amount_minor,
            "currency": found.currency,
        } | changes
        return signed(json.dumps(told).encode())


def signed(body: bytes, *, at: datetime | None = None, secret: str | None = None) -> pay.Notification:
    """A notification with a signature, made at `at` (now) with `secret` (the right one)."""
    timestamp = str(int((at or clocks.machine_now()).timestamp()))
    return pay.Notification(body, timestamp, "n0nce", sign(secret or settings.GATEWAY_SECRET, timestamp, "n0nce", body))


def buy(till: Till, member_id: int, lines: list[tuple[int, int]], *, key: str, coupon_id: int | None = None) -> orders.Placed:
    """A member orders and pays, and the channel's notice arrives."""
    placed = orders.place(member_id=member_id, lines=lines, key=key, coupon_id=coupon_id)
    pay_for(till, placed, member_id)
    return placed


def pay_for(till: Till, placed: orders.Placed, member_id: int) -> str:
    """Pay a placed order; returns the attempt's number."""
    started = pay.start(order_id=placed.order_id, member_id=member_id, key="pay", return_url="http://shop/orders/1")
    till.take(started.attempt_no)
    pay.confirm(till.notice(started.attempt_no))
    return started.attempt_no
