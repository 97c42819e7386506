"""The day's bill of a channel against the books: every line matched, every difference named, fees booked.

Fetched again, a day comes out as it stood or better: lines are rewritten, differences that have gone are closed, those
that somebody has explained stay explained as long as their figures do.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time as machine
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from linli.kernel import clocks, events, ledger
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import accounts, channels, pay, refunds
from linli.trade.channels import DAY_ZONE, Bill, BillLine
from linli.trade.each import each, in_time
from linli.trade.events import BillRead, DifferenceFound, DifferenceSettled
from linli.trade.models import BillDay, Difference, PayAttempt, Refund
from linli.trade.models import BillLine as LineRow
from linli.trade.rules import reconciling
from linli.trade.rules.reconciling import Key, Ours

log = logging.getLogger(__name__)

BILLED = ("wechat", "alipay")
READY = time(10, 30)
"""Channels make yesterday's bill by ten in the morning, Beijing time."""

DAYS_BACK = 7
"""How far back days without a bill are tried again by themselves."""

EDGE = timedelta(minutes=5)
"""What happened so close to midnight may be on either day's bill."""

ASKING_S = 20.0
"""How long a round may ask a channel about what its bill has and we don't."""

PAID = (PayAttempt.State.PAID, PayAttempt.State.UNWANTED)


@dataclass(frozen=True)
class DayResult:
    """What reconciling a day came to, for one region. `open_count` differences wait for somebody."""

    region: str
    channel: str
    day: date
    lines: int
    open_count: int
    error: str = ""


def day(*, channel: str, day: date, by: str = "system", end: float = math.inf) -> list[DayResult]:
    """Fetch the channel's bill of a day and match it, region by region. Call it outside a transaction.

    A bill that can't be had is noted on the day, and tried again later. Its unknown payments are asked about until `end`
    (of the monotonic clock), `ASKING_S` at most; what wasn't asked about shows as a difference. Raises Refusal: trade.no_such_channel,
    trade.day_not_over.
    """
    if channel not in BILLED:
        raise Refusal("trade.no_such_channel")
    if day > channels.day_of(clocks.machine_now()):
        raise Refusal("trade.day_not_over")
    home = _home()
    try:
        bill = channels.adapter(channel).bill(day)
    except (channels.Unreachable, channels.Declined) as error:
        return [_no_bill(home, channel, day, by, str(error))]
    _keep(channel, bill)
    _ask_about(channel, bill.lines, min(end, machine.monotonic() + ASKING_S))
    of_region: dict[str, list[BillLine]] = defaultdict(list)
    regions = _regions(channel, bill.lines)
    for line in bill.lines:
        of_region[regions.get(line.out_trade_no, home)].append(line)
    every = {home, *of_region, *_ours_of(channel, day).values_list("region", flat=True).distinct()}
    return [_match(region, channel, bill, of_region[region], by) for region in sorted(every)]


def set_up() -> list[str]:
    """The channels that make bills and are set up."""
    found = []
    for channel in BILLED:
        try:
            channels.adapter(channel)
        except channels.Unreachable:
            continue
        found.append(channel)
    return found


def due() -> int:
    """Every day of the last week whose bill should be there and wasn't fetched; returns how many were.

    It stops after `ASKING_S`, so that a channel that hangs can't hold a worker; the next round goes on.
    """
    now, done, end = clocks.machine_now().astimezone(DAY_ZONE), 0, machine.monotonic() + ASKING_S
    for channel in set_up():
        for back in range(DAYS_BACK, 0, -1):
            of = now.date() - timedelta(days=back)
            there = BillDay.objects.filter(channel=channel, day=of, fetched_at__isnull=False).exists()
            if there or now < datetime.combine(of + timedelta(days=1), READY, DAY_ZONE) or machine.monotonic() >= end:
                continue
            day(channel=channel, day=of, end=end)
            done += 1
    return done


@transaction.atomic
def resolve(*, difference_id: int, region: str, reason: str, note: str, by: str) -> None:
    """Lay a difference to rest: why, and who says so. Again with the same reason changes nothing.

    Raises Refusal: trade.no_such_difference, trade.reason_needed, trade.difference_closed.
    """
    if reason not in reconciling.REASONS or (reason != "next_day" and len(note.strip()) < 2):
        raise Refusal("trade.reason_needed")
    found = Difference.objects.select_for_update().filter(pk=difference_id, region=region).first()
    if found is None:
        raise Refusal("trade.no_such_difference")
    if found.state != Difference.State.OPEN:
        if (found.state, found.reason) == (Difference.State.RESOLVED, reason):
            return
        raise Refusal("trade.difference_closed")
    found.state, found.reason, found.note = Difference.State.RESOLVED, reason, note.strip()[:200]
    found.resolved_at, found.resolved_by = clocks.machine_now(), by
    found.save()
    _tell_settled(found, reason, by)


def _home() -> str:
    """The region that lines of nobody's fall to."""
    return str(settings.MERCHANTS.get("LINLI_WECHAT_REGION") or people.regions()[0].slug)


def _regions(channel: str, lines: Sequence[BillLine]) -> dict[str, str]:
    numbers = {line.out_trade_no for line in lines}
    return dict(PayAttempt.objects.filter(channel=channel, out_trade_no__in=numbers).values_list("out_trade_no", "region"))


def _keep(channel: str, bill: Bill) -> None:
    """The channel's own file, as it came: what an auditor asks for."""
    if bill.raw:
        path = Path(settings.HOME) / "bills" / channel / f"{bill.day:%Y-%m-%d}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bill.raw)


def _ask_about(channel: str, lines: Sequence[BillLine], end: float) -> None:
    """A payment on the bill that we don't know to be paid was one whose callback never came: ask, and believe that."""
    for kind, act in (("paid", _ask_payments), ("refund", _ask_refunds)):
        act(channel, {line.number for line in lines if line.kind == kind}, end)


def _ask_payments(channel: str, numbers: set[str], end: float) -> None:
    each(PayAttempt.objects.filter(channel=channel, out_trade_no__in=numbers).exclude(state__in=PAID), in_time(pay.ask_quietly, end))


def _ask_refunds(channel: str, numbers: set[str], end: float) -> None:
    waiting = Refund.objects.filter(channel=channel, refund_no__in=numbers, state__in=[Refund.State.UNKNOWN, Refund.State.SENDING])
    each(waiting.values_list("pk", flat=True), in_time(refunds.ask, end))


def _no_bill(region: str, channel: str, of: date, by: str, error: str) -> DayResult:
    found, _ = BillDay.objects.get_or_create(region=region, channel=channel, day=of, defaults={"currency": _currency(region)})
    BillDay.objects.filter(pk=found.pk).update(error=error[:200], by=by)
    return DayResult(region, channel, of, 0, found.differences.filter(state=Difference.State.OPEN).count(), error[:200])


def _currency(region: str) -> str:
    return next(r.currency for r in people.regions() if r.slug == region)


@transaction.atomic
def _match(region: str, channel: str, bill: Bill, lines: Sequence[BillLine], by: str) -> DayResult:
    BillDay.objects.get_or_create(region=region, channel=channel, day=bill.day, defaults={"currency": _currency(region)})
    found = BillDay.objects.select_for_update().get(region=region, channel=channel, day=bill.day)
    new = found.fetched_at is None
    _write_lines(found, lines)
    expected = _expected(found)
    ours = _ours(found, {(line.kind, line.number) for line in lines} | expected)
    theirs = [reconciling.Theirs((line.kind, line.number), line.amount_minor, line.fee_minor, line.state) for line in lines]
    _write_differences(found, reconciling.differences(ours, theirs, expected, _rate(channel)))
    paid, back = ([line for line in lines if line.kind == kind] for kind in ("paid", "refund"))
    found.paid_count, found.back_count = len(paid), len(back)
    found.bill_paid_minor, found.bill_back_minor = sum(li.amount_minor for li in paid), sum(li.amount_minor for li in back)
    found.bill_fee_minor = sum(line.fee_minor for line in lines)
    found.books_paid_minor = sum(mine.booked_minor for mine in ours.values() if mine.key[0] == "paid")
    found.books_back_minor = sum(mine.booked_minor for mine in ours.values() if mine.key[0] == "refund")
    found.fetched_at, found.by, found.error = clocks.machine_now(), by, ""
    before, found.digest = found.digest, hashlib.sha1(bill.raw, usedforsecurity=False).hexdigest() if bill.raw else ""
    _post_fee(found)
    found.save()
    waiting = found.differences.filter(state=Difference.State.OPEN).count()
    if new or found.digest != before:
        sums = (len(lines), found.bill_paid_minor, found.bill_back_minor, found.bill_fee_minor)
        _tell(found, BillRead(channel, str(bill.day), *sums, waiting, by))
    return DayResult(region, channel, bill.day, len(lines), waiting)


def _rate(channel: str) -> str:
    return str(getattr(channels.adapter(channel), "merchant").fee_rate)  # noqa: B009  (both that make bills have one)


def _write_lines(found: BillDay, lines: Sequence[BillLine]) -> None:
    kept = {(line.kind, line.number) for line in lines}
    gone = [row.pk for row in found.lines.all() if (row.kind, row.number) not in kept]
    LineRow.objects.filter(pk__in=gone).delete()
    fields = ["out_trade_no", "channel_txn", "amount_minor", "fee_minor", "state", "at"]
    LineRow.objects.bulk_create(
        [
            LineRow(
                region=found.region,
                bill=found,
                channel=found.channel,
                kind=line.kind,
                number=line.number,
                **{name: getattr(line, name) for name in fields},
            )
            for line in lines
        ],
        update_conflicts=True,
        unique_fields=["region", "channel", "kind", "number"],
        update_fields=["bill", *fields],
    )


def _bounds(of: date) -> tuple[datetime, datetime]:
    first = datetime.combine(of, time(), DAY_ZONE)
    return first, first + timedelta(days=1)


def _ours_of(channel: str, of: date):  # type: ignore[no-untyped-def]  # a queryset of rows that only this file reads
    first, last = _bounds(of)
    return PayAttempt.objects.filter(channel=channel, state__in=PAID, paid_at__gte=first, paid_at__lt=last)


def _expected(found: BillDay) -> set[Key]:
    """What this bill should hold: ours of that day, less what another day's bill has, or may still have (at the edges)."""
    first, last = _bounds(found.day)
    paid = _ours_of(found.channel, found.day).filter(region=found.region).values_list("out_trade_no", "paid_at")
    sent = Refund.objects.filter(
        region=found.region, channel=found.channel, state=Refund.State.SUCCEEDED, sent_at__gte=first, sent_at__lt=last
    )
    wanted = {("paid", number): at for number, at in paid} | {("refund", no): at for no, at in sent.values_list("refund_no", "sent_at")}
    elsewhere = set(
        LineRow.objects.filter(region=found.region, channel=found.channel, number__in=[number for _, number in wanted])
        .exclude(bill=found)
        .values_list("kind", "number")
    )
    known = set(BillDay.objects.filter(region=found.region, channel=found.channel, fetched_at__isnull=False).values_list("day", flat=True))
    early, late = found.day - timedelta(days=1) in known, found.day + timedelta(days=1) in known
    here = {
        key
        for key, at in wanted.items()
        if (at - first >= EDGE or early) and (last - at > EDGE or late)
    }  # fmt: skip
    return here - elsewhere


def _ours(found: BillDay, keys: Iterable[Key]) -> dict[Key, Ours]:
    """What we have under these numbers, with what the ledger itself says was moved."""
    payments = {number for kind, number in keys if kind == "paid"}
    backs = {number for kind, number in keys if kind == "refund"}
    booked = ledger.written(found.region, [f"pay/{n}" for n in payments] + [f"refund/{n}/post" for n in backs])
    mine: dict[Key, Ours] = {}
    attempts = PayAttempt.objects.filter(region=found.region, channel=found.channel, out_trade_no__in=payments)
    for attempt in attempts:
        state = "settled" if attempt.state in PAID else "none"
        key = ("paid", attempt.out_trade_no)
        mine[key] = Ours(key, attempt.amount_minor, state, booked.get(f"pay/{attempt.out_trade_no}", 0))
    for refund in Refund.objects.filter(region=found.region, channel=found.channel, refund_no__in=backs):
        waiting = refund.state in (Refund.State.SENDING, Refund.State.UNKNOWN)
        state = "settled" if refund.state == Refund.State.SUCCEEDED else "waiting" if waiting else "none"
        key = ("refund", refund.refund_no)
        mine[key] = Ours(key, refund.amount_minor, state, booked.get(f"refund/{refund.refund_no}/post", 0))
    return mine


def _write_differences(found: BillDay, differences: Sequence[reconciling.Found]) -> None:
    before = {(d.code, d.kind, d.number): d for d in found.differences.all()}
    now = clocks.machine_now()
    for one in differences:
        row = before.pop((one.code, *one.key), None)
        figures = {
            "ours_minor": one.ours_minor,
            "theirs_minor": one.theirs_minor,
            "ours_state": one.ours_state,
            "theirs_state": one.theirs_state,
        }
        if row is None:
            row = Difference.objects.create(
                region=found.region, bill=found, code=one.code, kind=one.key[0], number=one.key[1], found_at=now, **figures
            )
            _tell_found(found, row, one)
        elif row.state == Difference.State.GONE or any(getattr(row, name) != value for name, value in figures.items()):
            Difference.objects.filter(pk=row.pk).update(state=Difference.State.OPEN, found_at=now, **figures)
            _tell_found(found, row, one)
    gone = [row for row in before.values() if row.state == Difference.State.OPEN]
    Difference.objects.filter(pk__in=[row.pk for row in gone]).update(state=Difference.State.GONE)
    for row in gone:
        _tell_settled(row, "gone", found.by or "system")


def _tell(found: BillDay, told: BillRead | DifferenceFound | DifferenceSettled) -> None:
    events.append(told, region=found.region, subject=f"bill:{found.channel}/{found.day}")


def _tell_found(found: BillDay, row: Difference, one: reconciling.Found) -> None:
    about, number = one.key
    _tell(found, DifferenceFound(row.pk, found.channel, str(found.day), one.code, about, number, one.ours_minor, one.theirs_minor))


def _tell_settled(row: Difference, reason: str, by: str) -> None:
    of = row.bill
    _tell(of, DifferenceSettled(row.pk, of.channel, str(of.day), row.code, row.number, reason, by))


def _post_fee(found: BillDay) -> None:
    """Book what the channel kept, or what a newer bill changes of it."""
    more = found.bill_fee_minor - found.fee_posted_minor
    if not more:
        return
    fees = accounts.fees(found.region, found.currency)
    holds = accounts.channel(found.region, found.currency, found.channel)
    ledger.open(fees, floor=None)
    ledger.open(holds, floor=None)
    found.revision, found.fee_posted_minor = found.revision + 1, found.bill_fee_minor
    source, target = (fees, holds) if more > 0 else (holds, fees)
    key = f"fee/{found.channel}/{found.day:%Y-%m-%d}/{found.revision}"
    ledger.commit(ledger.Move(key=key, source=source, target=target, amount=abs(more), reason="trade.channel_fee"))
