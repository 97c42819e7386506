"""Reads of payments and of the channels' bills, for the console. Every list is one page; every page a few statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from linli.kernel import clocks
from linli.people import queries as people
from linli.trade import channels
from linli.trade.channels import breaker
from linli.trade.models import BillDay, BillLine, Difference, PayAttempt, Refund

SIZE = 50


@dataclass(frozen=True)
class PaymentRow:
    """A payment attempt beside its order; times are the machine's, as the channel's are."""

    number: str
    order_id: UUID
    member_id: int
    display_name: str
    channel: str
    method: str
    state: str
    amount_minor: int
    back_minor: int
    channel_txn: str
    started_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True)
class PaymentPage:
    """One page of payments, and how many there are."""

    rows: list[PaymentRow]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // SIZE))


@dataclass(frozen=True)
class BackInfo:
    """Money that goes back of a payment."""

    refund_no: str
    amount_minor: int
    state: str
    reason: str
    error: str
    requested_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True)
class LineInfo:
    """A line of a channel's bill about this payment."""

    kind: str
    day: date
    amount_minor: int
    fee_minor: int
    state: str
    at: datetime


@dataclass(frozen=True)
class PaymentStory:
    """A payment with everything known of it."""

    row: PaymentRow
    region: str
    key: str
    asked_at: datetime | None
    settled_at: datetime | None
    backs: list[BackInfo]
    lines: list[LineInfo]
    siblings: list[PaymentRow]


@dataclass(frozen=True)
class DayCell:
    """A channel's day on the board. state: even, differs, waiting (no bill yet), none (nothing happened)."""

    channel: str
    day: date
    state: str
    open_count: int
    bill_id: int | None


@dataclass(frozen=True)
class DayInfo:
    """A channel's day in full."""

    bill_id: int
    channel: str
    day: date
    state: str
    fetched_at: datetime | None
    by: str
    error: str
    digest: str
    paid_count: int
    back_count: int
    bill_paid_minor: int
    bill_back_minor: int
    bill_fee_minor: int
    books_paid_minor: int
    books_back_minor: int
    fee_posted_minor: int
    line_count: int

    @property
    def bill_net_minor(self) -> int:
        return self.bill_paid_minor - self.bill_back_minor - self.bill_fee_minor

    @property
    def books_net_minor(self) -> int:
        return self.books_paid_minor - self.books_back_minor - self.fee_posted_minor


@dataclass(frozen=True)
class DifferenceInfo:
    """Where a bill and the books disagree; `payment` is the attempt's number to look at, when there is one of ours."""

    difference_id: int
    code: str
    kind: str
    number: str
    payment: str
    ours_minor: int | None
    theirs_minor: int | None
    ours_state: str
    theirs_state: str
    state: str
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: str
    reason: str
    note: str


@dataclass(frozen=True)
class ChannelStanding:
    """A channel as it stands now: what waits for an answer, and whether it answers."""

    channel: str
    open_count: int
    unknown_backs: int
    unwanted_count: int
    resting: bool


def _found(region: str, search: str, channel: str, state: str, day: date | None) -> QuerySet[PayAttempt]:
    found = PayAttempt.objects.filter(region=region)
    if channel:
        found = found.filter(channel=channel)
    if state:
        found = found.filter(state=state)
    if day:
        first = datetime.combine(day, datetime.min.time(), channels.DAY_ZONE)
        found = found.filter(started_at__gte=first, started_at__lt=first + timedelta(days=1))
    if search:
        text = search.replace("\0", "").strip()
        number = text.lower().replace("-", "")
        about = Q(out_trade_no__endswith=number) | Q(channel_txn=text) | Q(pk__in=Refund.objects.filter(refund_no=number).values("attempt"))
        found = found.filter(about | Q(order__member_id__in=people.search_ids(region, text)))
    return found.order_by("-started_at", "-pk")


def payments(region: str, search: str = "", channel: str = "", state: str = "", day: date | None = None, page: int = 1) -> PaymentPage:
    """Payments of a region, newest first; `search` finds our number (or its end), the channel's, a refund's."""
    found = _found(region, search, channel, state, day)
    total = found.count()
    number = min(max(page, 1), max(1, -(-total // SIZE)))
    rows = _rows(list(found.select_related("order")[(number - 1) * SIZE : number * SIZE]))
    return PaymentPage(rows, total, number)


def payment_rows(region: str, search: str = "", channel: str = "", state: str = "", day: date | None = None) -> Iterator[PaymentRow]:
    """The same without pages, for a file."""
    found, at = _found(region, search, channel, state, day), 0
    while chunk := list(found.select_related("order")[at : at + 1000]):
        yield from _rows(chunk)
        at += 1000


def _rows(found: list[PayAttempt]) -> list[PaymentRow]:
    names = {number: info.display_name for number, info in people.members(a.order.member_id for a in found).items()}
    backs = Refund.objects.filter(attempt__in=found).exclude(state=Refund.State.FAILED)
    gone: dict[Any, int] = dict(backs.values_list("attempt_id").annotate(n=Sum("amount_minor")))
    return [
        PaymentRow(
            a.out_trade_no,
            a.order_id,
            a.order.member_id,
            names.get(a.order.member_id, ""),
            a.channel,
            a.method,
            a.state,
            a.amount_minor,
            gone.get(a.pk, 0),
            a.channel_txn or "",
            a.started_at,
            a.paid_at,
        )
        for a in found
    ]


def payment(region: str, number: str) -> PaymentStory | None:
    """A payment by our number, with its refunds, its lines on bills and the order's other attempts."""
    attempt = PayAttempt.objects.select_related("order").filter(region=region, out_trade_no=number).first()
    if attempt is None:
        return None
    backs = [
        BackInfo(r.refund_no, r.amount_minor, r.state, r.reason, r.error, r.requested_at, r.sent_at, r.settled_at)
        for r in attempt.refunds.order_by("requested_at")
    ]
    on_bills = BillLine.objects.select_related("bill").filter(region=region, channel=attempt.channel, out_trade_no=number).order_by("at")
    lines = [LineInfo(line.kind, line.bill.day, line.amount_minor, line.fee_minor, line.state, line.at) for line in on_bills]
    others = list(PayAttempt.objects.select_related("order").filter(order=attempt.order).exclude(pk=attempt.pk).order_by("started_at"))
    row, *siblings = _rows([attempt, *others])
    return PaymentStory(row, attempt.region, attempt.key, attempt.asked_at, attempt.settled_at, backs, lines, siblings)


def board(region: str, days: int = 14) -> list[list[DayCell]]:
    """The last days, newest first, a row a day, a cell a channel that makes bills."""
    today = channels.day_of(clocks.machine_now())
    first = today - timedelta(days=days - 1)
    found = {
        (b.channel, b.day): b
        for b in BillDay.objects.filter(region=region, day__gte=first).annotate(
            open_count=Count("differences", filter=Q(differences__state=Difference.State.OPEN))
        )
    }
    names = [name for name in channels.ORDER if name != "sandbox"]
    return [[_cell(found.get((name, d)), name, d) for name in names] for d in (today - timedelta(days=n) for n in range(days))]


def _cell(found: Any, channel: str, day: date) -> DayCell:
    if found is None:
        return DayCell(channel, day, "none", 0, None)
    return DayCell(channel, day, _state(found, found.open_count), found.open_count, found.pk)


def _state(found: BillDay, open_count: int) -> str:
    return "waiting" if found.fetched_at is None else "differs" if open_count else "even"


def bill_day(region: str, channel: str, day: date) -> DayInfo | None:
    """A channel's day in full."""
    found = BillDay.objects.filter(region=region, channel=channel, day=day).first()
    if found is None:
        return None
    open_count = found.differences.filter(state=Difference.State.OPEN).count()
    names = [name for name in DayInfo.__dataclass_fields__ if name not in ("bill_id", "state", "line_count")]
    values = {name: getattr(found, name) for name in names}
    return DayInfo(bill_id=found.pk, state=_state(found, open_count), line_count=found.lines.count(), **values)


def differences(region: str, channel: str = "", day: date | None = None, *, open_only: bool = False) -> list[DifferenceInfo]:
    """Differences, those that wait first; of one day, or of all that is open."""
    found = Difference.objects.filter(region=region).select_related("bill")
    if channel:
        found = found.filter(bill__channel=channel)
    if day:
        found = found.filter(bill__day=day)
    if open_only:
        found = found.filter(state=Difference.State.OPEN)
    order = {"open": 0, "resolved": 1, "gone": 2}
    return sorted(_differences(region, found.order_by("state", "code", "pk")[:200]), key=lambda d: order[d.state])


def difference(region: str, difference_id: int) -> DifferenceInfo | None:
    """One difference."""
    found = _differences(region, Difference.objects.filter(region=region, pk=difference_id))
    return found[0] if found else None


def _differences(region: str, found: QuerySet[Difference]) -> list[DifferenceInfo]:
    rows = list(found)
    numbers = [d.number for d in rows]
    ours = dict(Refund.objects.filter(region=region, refund_no__in=numbers).values_list("refund_no", "attempt__out_trade_no"))
    paid = set(PayAttempt.objects.filter(region=region, out_trade_no__in=numbers).values_list("out_trade_no", flat=True))
    return [
        DifferenceInfo(
            d.pk, d.code, d.kind, d.number, d.number if d.number in paid else ours.get(d.number, ""), d.ours_minor, d.theirs_minor,
            d.ours_state, d.theirs_state, d.state, d.found_at, d.resolved_at, d.resolved_by, d.reason, d.note,
        )
        for d in rows
    ]  # fmt: skip


def standings(region: str) -> list[ChannelStanding]:
    """What each channel that was ever used owes an answer for."""
    open_ = dict(PayAttempt.objects.filter(region=region, state="open").values_list("channel").annotate(n=Count("pk")))
    unwanted = dict(PayAttempt.objects.filter(region=region, state="unwanted").values_list("channel").annotate(n=Count("pk")))
    unknown = dict(
        Refund.objects.filter(region=region, state__in=["sending", "unknown", "failed"]).values_list("channel").annotate(n=Count("pk"))
    )
    used = set(PayAttempt.objects.filter(region=region).values_list("channel", flat=True).distinct())
    return [
        ChannelStanding(name, open_.get(name, 0), unknown.get(name, 0), unwanted.get(name, 0), breaker.resting(name))
        for name in channels.ORDER
        if name in used
    ]
