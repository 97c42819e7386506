"""Trade-in: an old appliance is valued, credited against a new one's order, fetched, inspected, and sold to a recycler.

    quoted --order--> ordered --paid--> paid --pick up--> picked_up --inspect--> inspected --recycler pays--> settled
      ^                  |               |                            `--worth less--> lowered --difference paid--^
      `---order ends-----'               `--order given back--> cancelled                `--taken back--> returned

The credit is a discount of the order, paid by a budget of this trade-in alone ("tradein:<id>"), which is filled from the
shop's trade-in account (value) and its subsidy when the order is placed. Whatever is in that budget goes back when the
order ends: at no stage can a credit be lost or given twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources

from django.db import IntegrityError, transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, ids, ledger
from linli.kernel.ledger import AccountRef, Move
from linli.kernel.models import Event
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import accounts, days, load, orders, partners, refunds, rules
from linli.trade.events import TradeInMoved
from linli.trade.models import ApplianceValue, GroupBuy, OrderLine, TradeIn, TradeInStep
from linli.trade.posting import Posting
from linli.trade.rules import Discount
from linli.trade.rules import tradein as pure

GOOD_FOR = timedelta(days=7)
State = TradeIn.State
FETCHED = (State.PICKED_UP, State.LOWERED, State.INSPECTED)


def value_account(region: str, currency: str) -> AccountRef:
    """What old appliances cost the shop, less what recyclers and members paid for them (no floor)."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="trade-in")


def subsidy_account(region: str, currency: str) -> AccountRef:
    """What the shop has added for new ones (no floor: its negative balance is the cost)."""
    return AccountRef(region=region, asset=currency, owner="shop", purpose="trade-in-subsidy")


def owed_account(region: str, currency: str, member_id: int) -> AccountRef:
    """What a member is owed whose old one was sold and whose order went back."""
    return AccountRef(region=region, asset=currency, owner=f"member:{member_id}", purpose="trade-in-owed")


@transaction.atomic
def put_value(*, region: str, category: str, up_to_years: int, condition: str, value_minor: int, subsidy_minor: int, by: str) -> None:
    """Set what a kind of old appliance is taken for; quotes that are out keep theirs. Raises Refusal: trade.bad_worth(fields)."""
    good = {
        "category": 0 < len(category) <= 24 and category.replace("_", "").isalnum(),
        "up_to_years": type(up_to_years) is int and 1 <= up_to_years <= 50,
        "condition": condition in pure.CONDITIONS,
        "value_minor": type(value_minor) is int and 0 <= value_minor < 2**53,
        "subsidy_minor": type(subsidy_minor) is int and 0 <= subsidy_minor < 2**53,
    }
    if wrong := [name for name, fine in good.items() if not fine]:
        raise Refusal("trade.bad_worth", fields=", ".join(wrong))
    ApplianceValue.objects.update_or_create(
        region=region,
        category=category,
        up_to_years=up_to_years,
        condition=condition,
        defaults={"value_minor": value_minor, "subsidy_minor": subsidy_minor, "changed_by": by, "changed_at": clocks.business_now()},
    )


def load_values(region: str) -> int:
    """Put the table that ships with the software, where there is none; returns its rows."""
    import yaml

    if ApplianceValue.objects.filter(region=region).exists():
        return 0
    table = yaml.safe_load(resources.files("linli.trade").joinpath("appliances.yaml").read_text(encoding="utf-8"))
    count = 0
    for category, rows in table.items():
        for years, *values, subsidy in rows:
            for condition, value in zip(pure.CONDITIONS, values, strict=True):
                put_value(
                    region=region,
                    category=category,
                    up_to_years=years,
                    condition=condition,
                    value_minor=value,
                    subsidy_minor=subsidy,
                    by="system",
                )
                count += 1
    return count


def values(region: str) -> list[pure.Worth]:
    """The table, by category, age and condition."""
    found = ApplianceValue.objects.filter(region=region).order_by("category", "up_to_years", "-value_minor")
    return [pure.Worth(v.category, v.up_to_years, v.condition, v.value_minor, v.subsidy_minor) for v in found]


@dataclass(frozen=True)
class Estimate:
    """What an old appliance brings against a new one."""

    value_minor: int
    subsidy_minor: int
    price_minor: int

    @property
    def credit_minor(self) -> int:
        return self.value_minor + self.subsidy_minor

    @property
    def payable_minor(self) -> int:
        return self.price_minor - self.credit_minor


def estimate(*, member_id: int, category: str, age_years: int, condition: str, group_id: int) -> Estimate:
    """What it would bring; nothing is written.

    Raises Refusal: people.no_such_member, trade.no_such_group, trade.not_for_trade_in(sku), trade.not_taken.
    """
    member = people.member(member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    group = GroupBuy.objects.filter(pk=group_id, community_id=member.community_id).first() if rules.is_id(group_id) else None
    if group is None:
        raise Refusal("trade.no_such_group")
    sku = goods.sku(member.region, group.sku_code)
    if sku is None or sku.kind != "trade_in_target":
        raise Refusal("trade.not_for_trade_in", sku=group.sku_code)
    row = pure.worth(values(member.region), category=category, age_years=age_years, condition=condition) if age_years >= 0 else None
    if row is None:
        raise Refusal("trade.not_taken")
    value, subsidy = pure.credit(row, group.price_minor)
    return Estimate(value, subsidy, group.price_minor)


def quote(*, member_id: int, category: str, age_years: int, condition: str, group_id: int, key: str, brand: str = "") -> uuid.UUID:
    """Offer a credit for an old appliance, good for a week. Once a key. Raises Refusal as `estimate` does, and trade.bad_key."""
    rules.check_key(key)
    found = estimate(member_id=member_id, category=category, age_years=age_years, condition=condition, group_id=group_id)
    member = people.member(member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    group = GroupBuy.objects.get(pk=group_id)
    home = people.region(member.region)
    fields = {
        "community_id": member.community_id,
        "category": category,
        "age_years": age_years,
        "condition": condition,
        "brand": brand.replace("\0", "").strip()[:48],
        "group_id": group_id,
        "sku_code": group.sku_code,
        "currency": home.currency if home else "",
        "value_minor": found.value_minor,
        "subsidy_minor": found.subsidy_minor,
        "quoted_at": clocks.business_now(),
        "good_until": days.today(member.region) + GOOD_FOR,
    }
    try:
        with transaction.atomic():
            same = TradeIn.objects.filter(region=member.region, member_id=member_id, key=key).first()
            if same is not None:
                return same.pk
            made = TradeIn.objects.create(id=ids.new(), region=member.region, member_id=member_id, key=key, **fields)
            _step(made, State.QUOTED, f"member:{member_id}", made.credit_minor)
            return made.pk
    except IntegrityError:
        return TradeIn.objects.get(region=member.region, member_id=member_id, key=key).pk


def _step(t: TradeIn, state: str, by: str, amount: int | None = None, note: str = "") -> None:
    """Write down what happened, for the desk and for the log."""
    TradeInStep.objects.create(
        region=t.region, trade_in=t, state=state, at=clocks.business_now(), by=by[:32], amount_minor=amount, note=note[:96]
    )
    fact = TradeInMoved(str(t.pk), t.member_id, t.community_id, t.category, state, amount or 0, by)
    events.append(fact, region=t.region, subject=f"member:{t.member_id}")


def _locked(trade_in_id: uuid.UUID | str, *, region: str | None = None, member_id: int | None = None) -> TradeIn:
    try:
        number = trade_in_id if isinstance(trade_in_id, uuid.UUID) else uuid.UUID(str(trade_in_id))
    except ValueError:
        raise Refusal("trade.no_such_trade_in") from None
    found = TradeIn.objects.select_for_update(of=("self",)).filter(pk=number).first()
    if found is None or (region is not None and found.region != region) or (member_id is not None and found.member_id != member_id):
        raise Refusal("trade.no_such_trade_in")
    return found


def _owner(t: TradeIn) -> str:
    return f"tradein:{t.pk.hex}"


@transaction.atomic
def order(*, trade_in_id: uuid.UUID | str, member_id: int) -> orders.Placed:
    """Order the new one with the credit taken off; again, while that order lives, gives the same order.

    Raises Refusal: trade.no_such_trade_in, trade.quote_over, trade.trade_in_state(state), and those of orders.place.
    """
    t = _locked(trade_in_id, member_id=member_id)
    if t.state == State.ORDERED and t.order is not None and t.order.state == "placed":
        return orders.Placed(t.order.pk, t.order.payable_minor, t.order.pay_by)
    if t.state == State.ORDERED:
        _order_ended(t)  # its order has ended, and nobody has told us yet
    if t.state != State.QUOTED:
        raise Refusal("trade.trade_in_state", state=t.state)
    if t.good_until < days.today(t.region):
        raise Refusal("trade.quote_over")
    t.orders_made += 1
    for source in (value_account(t.region, t.currency), subsidy_account(t.region, t.currency)):
        ledger.open(source, floor=None)
    accounts.open_money(t.region, t.currency)  # the credit's hold must not be the first to open revenue, with a floor
    ledger.commit(*_fill(t))
    credit = Discount("trade_in", t.credit_minor, _owner(t), reference=str(t.pk), group_ids=frozenset([t.group_id]))
    placed = orders.place(
        member_id=member_id,
        lines=[(t.group_id, 1)],
        key=f"tradein/{t.pk.hex}/{t.orders_made}",
        terms=orders.Terms(discounts=[credit] if t.credit_minor else [], shipping=orders.FREE),
    )
    t.order_id, t.state = placed.order_id, State.ORDERED
    t.save(update_fields=["order", "state", "orders_made"])
    _step(t, State.ORDERED, f"member:{member_id}", t.credit_minor)
    return placed


def _fill(t: TradeIn) -> list[Move]:
    budget = accounts.budget(t.region, t.currency, _owner(t))
    parts = {"value": (value_account, t.value_minor), "subsidy": (subsidy_account, t.subsidy_minor)}
    return [
        Move(
            key=f"tradein/{t.pk.hex}/{t.orders_made}/{name}",
            source=of(t.region, t.currency),
            target=budget,
            amount=amount,
            reason="trade.trade_in_credit",
        )
        for name, (of, amount) in parts.items()
        if amount
    ]


def _withdraw(t: TradeIn, *, value_to: AccountRef | None = None) -> None:
    """The order is over: its credit goes back where it came from, or its value to whom it is owed."""
    budget = accounts.budget(t.region, t.currency, _owner(t))
    parts = {
        "value": (value_to or value_account(t.region, t.currency), t.value_minor),
        "subsidy": (subsidy_account(t.region, t.currency), t.subsidy_minor),
    }
    moves = [
        Move(
            key=f"tradein/{t.pk.hex}/{t.orders_made}/{name}/back",
            source=budget,
            target=target,
            amount=amount,
            reason="trade.trade_in_withdrawn",
        )
        for name, (target, amount) in parts.items()
        if amount
    ]
    if moves:
        ledger.commit(*moves)


def on_orders(told: Sequence[Event]) -> None:
    """What became of the orders: paid, let go, given back. A reader of trade's own facts; idempotent."""
    by_order = [e.payload.get("order_id") for e in told]
    for pk in TradeIn.objects.filter(order_id__in=[o for o in by_order if o]).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            _order_ended(_locked(pk))


def _order_ended(t: TradeIn) -> None:
    """Bring a trade-in to where its order stands."""
    order = t.order
    if order is None:
        return
    if t.state == State.ORDERED and order.state in ("paid", "ready", "handed_over"):
        t.state = State.PAID
        t.save(update_fields=["state"])
        _step(t, State.PAID, "system", t.credit_minor)
    elif t.state == State.ORDERED and order.state in ("cancelled", "expired"):
        _withdraw(t)
        t.state, t.order = State.QUOTED, None
        t.save(update_fields=["state", "order"])
        _step(t, State.QUOTED, "system", t.credit_minor, order.state)
    elif order.state in ("refunding", "refunded") and t.state in (State.ORDERED, State.PAID, *FETCHED, State.SETTLED):
        _given_back(t)


def _given_back(t: TradeIn) -> None:
    """The new one's order went back whole. The old one returns to its member, or, sold already, its value is owed to them."""
    sold = t.state == State.SETTLED
    _withdraw(t, value_to=owed_account(t.region, t.currency, t.member_id) if sold else None)
    t.due_minor = 0
    t.state = State.RETURNED if t.state in FETCHED else State.CANCELLED
    t.ended_at = clocks.business_now()
    t.save(update_fields=["state", "due_minor", "ended_at"])
    _step(t, t.state, "system", t.value_minor if sold else None, "owed" if sold else "bring_back" if t.state == State.RETURNED else "")


@transaction.atomic
def pick_up(*, region: str, trade_in_id: uuid.UUID | str, by: str) -> None:
    """The old one was fetched. Again changes nothing. Raises Refusal: trade.no_such_trade_in, trade.trade_in_state(state)."""
    t = _locked(trade_in_id, region=region)
    if t.state == State.ORDERED:
        _order_ended(t)
    if t.state == State.PICKED_UP:
        return
    _expect(t, State.PAID)
    t.state = State.PICKED_UP
    t.save(update_fields=["state"])
    _step(t, State.PICKED_UP, by)


def _expect(t: TradeIn, *states: str) -> None:
    if t.state not in states:
        raise Refusal("trade.trade_in_state", state=t.state)


@transaction.atomic
def inspect(*, region: str, trade_in_id: uuid.UUID | str, value_minor: int, by: str, note: str = "") -> str:
    """What the old one is really worth: as quoted (or more) it is inspected, at less the member has to choose; returns the state.

    Raises Refusal: trade.no_such_trade_in, trade.trade_in_state(state), trade.bad_worth.
    """
    t = _locked(trade_in_id, region=region)
    if type(value_minor) is not int or not 0 <= value_minor < 2**53:
        raise Refusal("trade.bad_worth", fields="value_minor")
    if t.state in (State.INSPECTED, State.LOWERED) and t.inspected_minor == value_minor:
        return t.state
    _expect(t, State.PICKED_UP)
    t.inspected_minor = value_minor
    t.due_minor = max(0, t.value_minor - value_minor)
    t.state = State.LOWERED if t.due_minor else State.INSPECTED
    t.save(update_fields=["inspected_minor", "due_minor", "state"])
    _step(t, t.state, by, value_minor, note)
    return t.state


@transaction.atomic
def pay_difference(*, region: str, trade_in_id: uuid.UUID | str, reference: str, by: str) -> None:
    """The member has paid what the old one is worth less (taken at the door or the desk, under this reference). Again changes nothing.

    Raises Refusal: trade.no_such_trade_in, trade.trade_in_state(state), trade.no_reference.
    """
    t = _locked(trade_in_id, region=region)
    if t.state == State.INSPECTED and t.due_minor:
        return
    _expect(t, State.LOWERED)
    told = _reference(reference)
    till = AccountRef(region=region, asset=t.currency, owner="shop", purpose="desk")
    ledger.open(till, floor=None)
    t.state = State.INSPECTED
    t.save(update_fields=["state"])
    _step(t, "difference", by, t.due_minor, told)
    target = value_account(region, t.currency)
    ledger.commit(
        Move(key=f"tradein/{t.pk.hex}/difference", source=till, target=target, amount=t.due_minor, reason="trade.trade_in_difference")
    )


def _reference(text: str) -> str:
    told = text.replace("\0", "").strip()[:96]
    if not told:
        raise Refusal("trade.no_reference")
    return told


@transaction.atomic
def take_back(*, trade_in_id: uuid.UUID | str, by: str, member_id: int | None = None, region: str | None = None) -> None:
    """The member takes the old one back instead of paying the difference: the new one's order goes back whole. Again changes nothing.

    Raises Refusal: trade.no_such_trade_in, trade.trade_in_state(state), trade.trade_in_handed (the new one is in use: pay the difference).
    """
    t = _locked(trade_in_id, region=region, member_id=member_id)
    if t.state == State.RETURNED:
        return
    _expect(t, State.LOWERED)
    if t.order_id is None:
        raise Refusal("trade.trade_in_state", state=t.state)
    order, lines = load.locked(t.order_id)
    kept = [line for line in lines if line.state != OrderLine.State.CANCELLED]
    if any(line.state == OrderLine.State.HANDED for line in kept):
        raise Refusal("trade.trade_in_handed")
    posting = Posting()
    refunds.begin(posting, order, refunds.whole(kept), reason="trade_in", by=by, key=f"tradein/{t.pk.hex}", lines=lines)
    posting.commit()
    _given_back(t)


@transaction.atomic
def settle(*, region: str, trade_in_id: uuid.UUID | str, recycler: str, amount_minor: int, reference: str, by: str) -> None:
    """The recycler has paid for the old one. Again changes nothing.

    Raises Refusal: trade.no_such_trade_in, trade.trade_in_state(state), trade.no_such_partner, trade.bad_worth, trade.no_reference.
    """
    t = _locked(trade_in_id, region=region)
    if t.state == State.SETTLED:
        return
    _expect(t, State.INSPECTED)
    partner = partners.find(region, recycler)
    told = _reference(reference)
    if type(amount_minor) is not int or not 0 <= amount_minor < 2**53:
        raise Refusal("trade.bad_worth", fields="amount_minor")
    t.state, t.recycler, t.recycled_minor, t.ended_at = State.SETTLED, partner, amount_minor, clocks.business_now()
    t.save(update_fields=["state", "recycler", "recycled_minor", "ended_at"])
    _step(t, State.SETTLED, by, amount_minor, told)
    if amount_minor:
        source = AccountRef(region=region, asset=t.currency, owner=f"partner:{recycler}", purpose="recycled")
        ledger.open(source, floor=None)
        target = value_account(region, t.currency)
        ledger.commit(
            Move(key=f"tradein/{t.pk.hex}/recycled", source=source, target=target, amount=amount_minor, reason="trade.trade_in_recycled")
        )


@transaction.atomic
def drop(*, trade_in_id: uuid.UUID | str, member_id: int) -> None:
    """The member doesn't want the quote. An order that waits for money is let go. Again changes nothing.

    Raises Refusal: trade.no_such_trade_in, trade.trade_in_state(state).
    """
    t = _locked(trade_in_id, member_id=member_id)
    if t.state == State.CANCELLED:
        return
    if t.state == State.ORDERED and t.order is not None and t.order.state == "placed":
        orders.cancel(order_id=t.order.pk, member_id=member_id, key="trade-in")
        t.order.refresh_from_db()
        _order_ended(t)
    _expect(t, State.QUOTED)
    t.state, t.ended_at = State.CANCELLED, clocks.business_now()
    t.save(update_fields=["state", "ended_at"])
    _step(t, State.CANCELLED, f"member:{member_id}")
