"""What becomes of a voucher: redeemed by its partner, given back by its member, or expired.

A use is claimed by one conditional update of the voucher's row; giving back, revoking and expiry claim the same row, so
that what the partner has done is never refunded and what was refunded is never done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, F, Value, When

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.trade import days, load, partners, refunds, rules, vouchers
from linli.trade.each import each
from linli.trade.events import VoucherRedeemed
from linli.trade.models import OrderLine, PartnerAccess, Redemption, Voucher
from linli.trade.posting import Posting
from linli.trade.rules import Part, returns

State = Voucher.State


@dataclass(frozen=True)
class Redeemed:
    """A use of a voucher. `again`: this key had redeemed it before."""

    voucher_id: int
    service_zh: str
    service_en: str
    number: int
    uses: int
    at: datetime
    again: bool


@transaction.atomic
def redeem(*, access_id: int, code: str, key: str) -> Redeemed:
    """The partner behind an access did its service for a voucher: one use of it, once a key.

    Raises Refusal: trade.no_such_voucher (another partner's too), trade.voucher_waits, trade.voucher_used(at), trade.voucher_ended(state),
    trade.voucher_expired(expires_on), trade.no_such_access.
    """
    rules.check_key(key)
    access = PartnerAccess.objects.select_related("partner").filter(pk=access_id, revoked_at=None, partner__active=True).first()
    if access is None:
        raise Refusal("trade.no_such_access")
    mine = Voucher.objects.select_related("service__partner", "order").filter(region=access.region, service__partner=access.partner)
    voucher = mine.filter(code=rules.voucher_code(code)).first()
    if voucher is None:
        raise Refusal("trade.no_such_voucher")
    # The key's row is looked at under the voucher's lock, which the claim takes: a double tap waits and then sees it.
    if not _claim(voucher, key):
        if (same := Redemption.objects.filter(voucher=voucher, key=key).first()) is not None:
            return _told(voucher, same, again=True)
        raise _why_not(voucher)
    _still_waits(voucher)
    number = voucher.uses - Voucher.objects.values_list("uses_left", flat=True).get(pk=voucher.pk)
    done = Redemption.objects.create(
        region=voucher.region, voucher=voucher, number=number, key=key, by=f"partner:{access.partner.code}", at=clocks.business_now()
    )
    posting = Posting()
    worth = rules.used_share(voucher.value_minor if voucher.gift_id is None else voucher.service.value_minor, voucher.uses, number)
    owed = partners.redeemed(
        posting,
        access.partner,
        voucher_id=voucher.pk,
        service=voucher.service.code,
        number=number,
        worth_minor=worth,
        currency=voucher.order.currency,
    )
    fact = VoucherRedeemed(
        voucher.pk,
        voucher.member_id,
        voucher.community_id,
        voucher.service.code,
        access.partner.code,
        number,
        owed,
        f"partner:{access.partner.code}",
    )
    events.append(fact, region=voucher.region, subject=f"member:{voucher.member_id}")
    posting.commit()
    return _told(voucher, done, again=False)


def _claim(voucher: Voucher, key: str) -> bool:
    """Take one use: the row's condition is the judge, whoever else redeems, refunds or revokes it this moment."""
    locked = Voucher.objects.select_for_update().filter(pk=voucher.pk)
    if locked.first() is None or Redemption.objects.filter(voucher=voucher, key=key).exists():
        return False
    today = days.today(voucher.region)
    live = Voucher.objects.filter(pk=voucher.pk, state=State.ACTIVE, uses_left__gte=1, expires_on__gte=today)
    ends = Case(When(uses_left=1, then=Value(State.REDEEMED.value)), default=F("state"))
    ended_at = Case(When(uses_left=1, then=Value(clocks.business_now())), default=F("ended_at"))
    return live.update(uses_left=F("uses_left") - 1, state=ends, ended_at=ended_at) == 1


def _still_waits(voucher: Voucher) -> None:
    """A voucher whose group-buy is undecided may yet go back with its order."""
    lines = OrderLine.objects.filter(order_id=voucher.order_id, state=OrderLine.State.OPEN)
    if (lines.filter(number=voucher.line_number) if voucher.line_number else lines).exists():
        raise Refusal("trade.voucher_waits")


def _why_not(voucher: Voucher) -> Refusal:
    now = Voucher.objects.get(pk=voucher.pk)
    if now.state == State.REDEEMED:
        last = now.redemptions.order_by("-number").first()
        return Refusal("trade.voucher_used", at=(last.at if last else clocks.business_now()).isoformat(timespec="minutes"))
    if now.state in (State.REFUNDED, State.REVOKED):
        return Refusal("trade.voucher_ended", state=now.state)
    return Refusal("trade.voucher_expired", expires_on=now.expires_on.isoformat())


def _told(v: Voucher, r: Redemption, *, again: bool) -> Redeemed:
    return Redeemed(v.pk, v.service.name_zh, v.service.name_en, r.number, v.uses, r.at, again)


@transaction.atomic
def give_back(*, voucher_id: int, member_id: int, key: str) -> int:
    """The member gives back what is unused of a voucher; returns the money on its way. Again gives the same.

    Raises Refusal: trade.no_such_voucher, trade.voucher_gift, trade.voucher_waits, trade.voucher_used,
    trade.voucher_ended, trade.voucher_expired.
    """
    rules.check_key(key)
    mine = Voucher.objects.filter(pk=voucher_id, member_id=member_id) if rules.is_id(voucher_id) else Voucher.objects.none()
    voucher = mine.select_related("service").first()
    if voucher is None:
        raise Refusal("trade.no_such_voucher")
    if voucher.gift_id is not None:
        raise Refusal("trade.voucher_gift")
    return _refund(voucher, State.REFUNDED, by=f"member:{member_id}")


def _refund(voucher: Voucher, state: str, *, by: str) -> int:
    """End a voucher that was bought: what is unused goes back as part of its line."""
    order, lines = load.locked(voucher.order_id)
    before = order.refunds.filter(key=f"voucher/{voucher.pk}").first()
    if before is not None:
        return before.amount_minor
    line = next(line for line in lines if line.number == voucher.line_number)
    if line.state == OrderLine.State.OPEN:
        raise Refusal("trade.voucher_waits")
    live = Voucher.objects.select_for_update().filter(pk=voucher.pk, state=State.ACTIVE)
    if (found := live.first()) is None:
        raise _why_not(voucher)
    Voucher.objects.filter(pk=found.pk).update(state=state, ended_at=clocks.business_now())
    part = _part(line, found)
    posting = Posting()
    back = 0
    if part.refund_minor or part.discount_back_minor:
        made = refunds.begin(posting, order, [part], reason="voucher", by=by, key=f"voucher/{found.pk}", lines=lines)
        back = made.amount_minor
    vouchers.tell_ended(found, state, back, by)
    posting.commit()
    return back


def _part(line: OrderLine, voucher: Voucher) -> Part:
    """What is unused of a voucher as a part of its line; one alone in its piece, untouched, gives the piece back as well."""
    charge = refunds.charge(line)
    alone = voucher.value_minor == line.unit_price_minor and voucher.uses_left == voucher.uses
    if alone and line.state != OrderLine.State.HANDED:
        return returns.per_piece(charge, 1)
    return returns.portion(charge, rules.unused(voucher.value_minor, voucher.uses, voucher.uses_left))


def expire_due(region: str) -> int:
    """End vouchers whose last day is over; what is unused of bought ones goes back by itself. Returns how many ended."""
    today = days.today(region)
    due = Voucher.objects.filter(region=region, state=State.ACTIVE, expires_on__lt=today).order_by("pk")
    return len(each(due.values_list("pk", flat=True), _expire))


@transaction.atomic
def _expire(voucher_id: int) -> None:
    voucher = Voucher.objects.select_related("service").get(pk=voucher_id)
    if voucher.gift_id is None:
        _refund(voucher, State.EXPIRED, by="system")
        return
    if Voucher.objects.filter(pk=voucher_id, state=State.ACTIVE).update(state=State.EXPIRED, ended_at=clocks.business_now()):
        vouchers.tell_ended(voucher, State.EXPIRED, 0, "system")
