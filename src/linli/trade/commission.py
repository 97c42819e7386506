"""Commission: a leader earns by what was handed over, keeps what its buyers keep, and nobody earns by a leader.

One level, by law (Regulation on the Prohibition of Pyramid Selling, Articles 2 and 7): a commission is of one line,
its constraint lets one exist for a line, and rates know SKUs and layers and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, ledger, work
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import accounts, terms
from linli.trade.days import midnight, zone
from linli.trade.each import each
from linli.trade.events import CommissionAccrued, CommissionClawedBack, CommissionPosted, CommissionRateChanged, CommissionRepaid
from linli.trade.models import ClawBack, Commission, CommissionRate, Order, OrderLine, Refund
from linli.trade.posting import Posting
from linli.trade.rules import commission as decide
from linli.trade.rules.returns import Part

POST = "trade.post_commission"
MOST_BP = 5_000

State = Commission.State


@transaction.atomic
def put_rate(*, region: str, kind: str, target: str, rate_bp: int | None, by: str) -> None:
    """The rate of a SKU or a layer from now on, in basis points; None: as everything else. What has accrued stays.

    Raises Refusal: trade.bad_rate(most_bp): another kind (there is one level), an unknown target, or over the most.
    """
    known = goods.skus(region) if kind == "sku" else ("traffic", "profit", "hit", "experience") if kind == "layer" else ()
    if target not in known or (rate_bp is not None and not (type(rate_bp) is int and 0 <= rate_bp <= MOST_BP)):
        raise Refusal("trade.bad_rate", most_bp=MOST_BP)
    there = CommissionRate.objects.select_for_update().filter(region=region, kind=kind, target=target).first()
    terms.note(region=region, name=f"rate:{kind}:{target}", before=there.rate_bp if there else None, after=rate_bp, by=by)
    if rate_bp is None:
        CommissionRate.objects.filter(region=region, kind=kind, target=target).delete()
    else:
        CommissionRate.objects.update_or_create(region=region, kind=kind, target=target, defaults={"rate_bp": rate_bp})
    fact = CommissionRateChanged(kind, target, -1 if rate_bp is None else rate_bp, by)
    events.append(fact, region=region, subject=f"region:{region}")


def rates(region: str) -> dict[tuple[str, str], int]:
    """(kind, target) -> basis points, of what has a rate of its own."""
    found = CommissionRate.objects.filter(region=region).values_list("kind", "target", "rate_bp")
    return {(kind, target): rate_bp for kind, target, rate_bp in found}


@transaction.atomic
def take_back(*, region: str, change_id: int, by: str) -> terms.Change:
    """Put a figure of the region's terms or rates back to what it was before a change, if that change still stands.

    Raises Refusal: trade.no_such_change, trade.changed_since.
    """
    terms.lock(region)
    done = terms.change(region, change_id)
    kind, _, target = done.name.removeprefix("rate:").partition(":")
    is_rate = done.name.startswith("rate:")
    stands = rates(region).get((kind, target)) if is_rate else getattr(terms.of(region), done.name, None)
    if not done.last or stands != done.after:
        raise Refusal("trade.changed_since")
    if is_rate:
        put_rate(region=region, kind=kind, target=target, rate_bp=done.before, by=by)
    elif done.before is not None:
        terms.put(region=region, by=by, **{done.name: done.before})
    return done


def open_accounts(region: str, currency: str, person_id: int) -> None:
    """The accounts without a floor, once; again changes nothing."""
    ledger.open(accounts.commission(region, currency), floor=None)
    ledger.open(accounts.owed(region, currency, person_id), floor=None)


def accrue(posting: Posting, order: Order, lines: Iterable[OrderLine]) -> None:
    """Lines were handed over: what their community's leader earns by them waits until the cool-off is over.

    The base is what the member has paid for the line and not got back; a budget's discount is no one's turnover.
    """
    leader = people.leader_of(order.community_id)
    handed = [line for line in lines if line.amount_minor - line.discount_minor - line.refunded_minor > 0]
    if leader is None or not handed:
        return
    skus, own = goods.skus(order.region, {line.sku_code for line in handed}), rates(order.region)
    given, now = terms.of(order.region), clocks.business_now()
    due_at = now + timedelta(days=given.cool_off_days)
    rows = []
    for line in handed:
        base = line.amount_minor - line.discount_minor - line.refunded_minor
        rate_bp = decide.rate(line.sku_code, skus[line.sku_code].layer, own, given.commission_bp)
        if amount := decide.earned(base, rate_bp):
            rows.append(
                Commission(
                    region=order.region,
                    line=line,
                    person_id=leader.person_id,
                    community_id=order.community_id,
                    base_minor=base,
                    rate_bp=rate_bp,
                    amount_minor=amount,
                    accrued_at=now,
                    due_at=due_at,
                )
            )
    if not rows:
        return
    Commission.objects.bulk_create(rows)
    open_accounts(order.region, order.currency, leader.person_id)
    posting.must += [_hold(row, order.currency) for row in rows]
    _schedule(order.region, due_at)
    told = [
        CommissionAccrued(
            row.person_id,
            row.community_id,
            str(order.pk),
            row.line.sku_code,
            row.base_minor,
            row.rate_bp,
            row.amount_minor,
            due_at.isoformat(),
        )
        for row in rows
    ]
    events.append_many([events.Told(fact, order.region, f"leader:{leader.person_id}") for fact in told])


def _schedule(region: str, due_at: datetime) -> None:
    """Everything whose cool-off ends on a day is posted when that day is over: one row of work a day."""
    after = due_at.astimezone(zone(region)).date() + timedelta(days=1)
    work.schedule(POST, key=after.isoformat(), due_at=midnight(region, after), region=region)


def _key(row: Commission) -> str:
    return f"commission/{row.line_id}/{row.holds}"


def _hold(row: Commission, currency: str) -> ledger.Move:
    return ledger.Move(
        key=_key(row),
        source=accounts.commission(row.region, currency),
        target=accounts.earnings(row.region, currency, row.person_id),
        amount=row.amount_minor - row.clawed_minor,
        reason="trade.commission",
        pending=True,
    )


def claw_back(posting: Posting, order: Order, parts: Sequence[Part], lines: Iterable[OrderLine], refund: Refund) -> None:
    """Money of lines goes back: the commission on it goes with it, from what waits or, once posted, from the leader.

    It follows from all that has gone back of the line, and a refund claws once (a constraint): neither forgotten nor doubled.
    """
    back = {p.number: p.refund_minor for p in parts if p.refund_minor}
    by_line = {line.pk: line for line in lines if line.number in back}
    found = list(Commission.objects.select_for_update().filter(region=order.region, line_id__in=by_line).order_by("pk"))
    taken: defaultdict[int, int] = defaultdict(int)
    for row in found:
        line = by_line[row.line_id]
        row.base_back_minor = min(row.base_minor, row.base_back_minor + back[line.number])
        amount = decide.clawed(row.amount_minor, row.base_minor, row.base_back_minor) - row.clawed_minor
        posted = row.state == State.POSTED
        ClawBack.objects.create(
            region=row.region,
            commission=row,
            refund_no=refund.refund_no,
            refund_minor=back[line.number],
            amount_minor=amount,
            after_posting=posted,
            at=clocks.business_now(),
        )
        if amount:
            row.clawed_minor += amount
            if posted:
                taken[row.person_id] += amount
                posting.must.append(_taken(row, order.currency, refund, amount))
            else:
                _hold_less(posting, row, order.currency)
            fact = CommissionClawedBack(
                row.person_id, row.community_id, str(order.pk), line.sku_code, refund.refund_no, back[line.number], amount, posted
            )
            events.append(fact, region=row.region, subject=f"leader:{row.person_id}")
        row.save(update_fields=["base_back_minor", "clawed_minor", "holds", "state"])
    for person_id, amount in taken.items():
        repay(posting, order.region, order.currency, person_id, more_debt=amount, key=refund.refund_no)


def _taken(row: Commission, currency: str, refund: Refund, amount: int) -> ledger.Move:
    """A debt first, which nothing refuses; what is there repays it in the same breath."""
    return ledger.Move(
        key=f"commission/{row.line_id}/back/{refund.refund_no}",
        source=accounts.owed(row.region, currency, row.person_id),
        target=accounts.commission(row.region, currency),
        amount=amount,
        reason="trade.commission_back",
    )


def _hold_less(posting: Posting, row: Commission, currency: str) -> None:
    posting.must.append(ledger.Void(key=f"{_key(row)}/less", pending_key=_key(row), region=row.region))
    row.holds += 1
    if row.clawed_minor < row.amount_minor:
        posting.must.append(_hold(row, currency))
    else:
        row.state = State.VOID


def repay(posting: Posting, region: str, currency: str, person_id: int, *, key: str, more_debt: int = 0, more_free: int = 0) -> None:
    """What a leader has repays what they owe, as far as it goes. Should it be withdrawn this moment, the debt stays for the next."""
    debt = more_debt - ledger.balance(accounts.owed(region, currency, person_id)).balance
    earned = accounts.earnings(region, currency, person_id)
    amount = min(debt, more_free + ledger.balance(earned).free)
    if amount <= 0:
        return
    move = ledger.Move(
        key=f"commission/repay/{person_id}/{key}",
        source=earned,
        target=accounts.owed(region, currency, person_id),
        amount=amount,
        reason="trade.commission_repaid",
    )
    posting.may.append(([move], partial(_tell_repaid, region, person_id, amount)))


def _tell_repaid(region: str, person_id: int, amount_minor: int) -> None:
    events.append(CommissionRepaid(person_id, amount_minor), region=region, subject=f"leader:{person_id}")


def post_due(region: str) -> int:
    """Commission whose cool-off is over is the leader's, less what they owe; returns how many lines. Again posts nothing twice."""
    due = Commission.objects.filter(region=region, state=State.PENDING, due_at__lte=clocks.business_now())
    leaders = due.order_by("person_id").values_list("person_id", flat=True).distinct()
    return sum(each([(region, person_id) for person_id in leaders], _post_leader))


@transaction.atomic
def _post_leader(whose: tuple[str, int]) -> int:
    region, person_id = whose
    now = clocks.business_now()
    due = Commission.objects.filter(region=region, person_id=person_id, state=State.PENDING, due_at__lte=now)
    rows = list(due.select_for_update().order_by("pk"))
    info = people.region(region)
    if not rows or info is None:
        return 0
    posting = Posting([ledger.Post(key=f"{_key(row)}/post", pending_key=_key(row), region=region) for row in rows])
    amount = sum(row.amount_minor - row.clawed_minor for row in rows)
    Commission.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.POSTED, posted_at=now)
    events.append(CommissionPosted(person_id, amount, len(rows)), region=region, subject=f"leader:{person_id}")
    repay(posting, region, info.currency, person_id, more_free=amount, key=f"posted/{rows[0].pk}")
    posting.commit()
    return len(rows)
