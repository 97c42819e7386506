"""Coupons: issued against a budget, held with an order, spent with its payment, back when all of it is refunded.

A coupon is one unit on the ledger, and its face is held in the budget from the day it is issued: the budget's
floor therefore judges the worst case, and no campaign can promise more than it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from linli.kernel import clocks, events, ledger, work
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import accounts, rules
from linli.trade.events import CouponExpired, CouponIssued, CouponRedeemed, CouponReturned, CouponRevoked
from linli.trade.models import Coupon, CouponIssue, Order
from linli.trade.posting import Posting

EXPIRE = "trade.expire_coupons"
State = Coupon.State


@dataclass(frozen=True)
class Budget:
    """A budget in minor units: `reserved` is the face of coupons that are out, `free` may still be promised."""

    funded_minor: int
    spent_minor: int
    reserved_minor: int
    free_minor: int


def put_issue(
    *,
    region: str,
    code: str,
    name_zh: str,
    name_en: str,
    face_minor: int,
    minimum_minor: int,
    valid_days: int,
    budget_owner: str,
    category: str = "",
    most: int | None = None,
) -> None:
    """Define a kind of coupon, once: `most` of them, paid for by `budget_owner` ("playbook:<slug>").

    The same code with the same content changes nothing. Raises Refusal: trade.bad_issue(fields), trade.key_reused.
    """
    wrong = [
        name
        for name, good in (
            ("face_minor", face_minor >= 1),
            ("minimum_minor", minimum_minor > face_minor),
            ("valid_days", 1 <= valid_days <= 3650),
            ("budget_owner", ledger.can_own(budget_owner)),
            ("most", most is None or most >= 1),
        )
        if not good
    ]
    if wrong:
        raise Refusal("trade.bad_issue", fields=", ".join(wrong))
    asked = {
        "name_zh": name_zh,
        "name_en": name_en,
        "face_minor": face_minor,
        "minimum_minor": minimum_minor,
        "category": category,
        "valid_days": valid_days,
        "budget_owner": budget_owner,
        "most": most,
    }
    with transaction.atomic():
        issue, created = CouponIssue.objects.get_or_create(region=region, code=code, defaults=asked)
        if not created and any(getattr(issue, name) != value for name, value in asked.items()):
            raise Refusal("trade.key_reused")
        ledger.open(accounts.issuer(region, code), floor=None if most is None else -most)
        accounts.open_money(region, _currency(region))


def fund(*, region: str, owner: str, amount_minor: int, key: str) -> None:
    """Grant a budget to `owner` ("playbook:<slug>"), once a key."""
    currency = _currency(region)
    source = accounts.granted(region, currency, owner)
    with transaction.atomic():
        ledger.open(source, floor=None)
        ledger.commit(
            ledger.Move(
                key=f"budget/{owner}/{key}",
                source=source,
                target=accounts.budget(region, currency, owner),
                amount=amount_minor,
                reason="trade.budget_granted",
            )
        )


def budget(region: str, owner: str) -> Budget:
    """Where a budget stands, read from the ledger."""
    currency = _currency(region)
    granted = -ledger.balance(accounts.granted(region, currency, owner)).balance
    left = ledger.balance(accounts.budget(region, currency, owner))
    return Budget(granted, granted - left.balance, left.held, left.free)


def issue(*, issue_code: str, member_id: int, key: str, valid_days: int | None = None) -> int:
    """Give a member a coupon, once a key; returns its id. It is good through the day `valid_days` from now.

    Raises Refusal: trade.no_such_issue, trade.budget_spent(face_minor, free_minor), trade.issue_used_up,
    trade.key_reused, people.no_such_member.
    """
    member = people.member(member_id)
    if member is None:
        raise Refusal("people.no_such_member")
    kind = CouponIssue.objects.filter(region=member.region, code=issue_code).first()
    if kind is None:
        raise Refusal("trade.no_such_issue", issue=issue_code)
    if valid_days is not None and not 1 <= valid_days <= 3650:
        raise Refusal("trade.bad_issue", fields="valid_days")
    if (before := _issued_before(kind, member_id, key)) is not None:
        return before
    try:
        with transaction.atomic():
            return _issue(kind, member_id, key, valid_days or kind.valid_days)
    except IntegrityError:
        if (before := _issued_before(kind, member_id, key)) is None:
            raise
        return before


def _issued_before(kind: CouponIssue, member_id: int, key: str) -> int | None:
    coupon = Coupon.objects.filter(region=kind.region, key=key).first()
    if coupon is None:
        return None
    if (coupon.issue_id, coupon.member_id) != (kind.pk, member_id):
        raise Refusal("trade.key_reused")
    return coupon.pk


def _issue(kind: CouponIssue, member_id: int, key: str, valid_days: int) -> int:
    zone = ZoneInfo(_region(kind.region).time_zone)
    expires_on = clocks.business_now().astimezone(zone).date() + timedelta(days=valid_days)
    coupon = Coupon.objects.create(
        region=kind.region, issue=kind, member_id=member_id, key=key, issued_at=clocks.business_now(), expires_on=expires_on
    )
    work.schedule(EXPIRE, key=expires_on.isoformat(), due_at=_over(expires_on, kind.region), region=kind.region)
    fact = CouponIssued(coupon.pk, member_id, kind.code, kind.face_minor, expires_on.isoformat())
    events.append(fact, region=kind.region, subject=f"member:{member_id}")
    try:
        ledger.commit(
            ledger.Move(
                key=f"coupon/{coupon.pk}/issue",
                source=accounts.issuer(kind.region, kind.code),
                target=_wallet(coupon),
                amount=1,
                reason="trade.coupon_issued",
            ),
            _reserve(coupon),
        )
    except Refusal as refusal:
        if refusal.code != "ledger.insufficient":
            raise
        account = refusal.facts["account"]
        if isinstance(account, ledger.AccountRef) and account.purpose == "issue":
            raise Refusal("trade.issue_used_up", most=kind.most) from refusal
        raise Refusal("trade.budget_spent", face_minor=kind.face_minor, free_minor=refusal.facts.get("free", 0)) from refusal
    return coupon.pk


def _over(last_day: date, region: str) -> datetime:
    """When a coupon's last day is over, where it can be used."""
    return datetime.combine(last_day + timedelta(days=1), time(0), ZoneInfo(_region(region).time_zone))


def _reserve(coupon: Coupon) -> ledger.Move:
    """The face of a coupon that is out, held in the budget that would pay for it."""
    currency = _currency(coupon.region)
    return ledger.Move(
        key=f"coupon/{coupon.pk}/reserve/{coupon.uses}",
        source=accounts.budget(coupon.region, currency, coupon.issue.budget_owner),
        target=accounts.revenue(coupon.region, currency),
        amount=coupon.issue.face_minor,
        reason="trade.coupon_discount",
        pending=True,
    )


def _wallet(coupon: Coupon) -> ledger.AccountRef:
    return accounts.wallet(coupon.region, coupon.issue.code, coupon.member_id, coupon.expires_on)


def voucher(coupon: Coupon) -> rules.Voucher:
    """The coupon as pricing sees it."""
    kind = coupon.issue
    return rules.Voucher(coupon.pk, kind.face_minor, kind.minimum_minor, kind.category, coupon.state, coupon.expires_on)


def hold(posting: Posting, coupon: Coupon, order: Order) -> None:
    """Put the coupon into an unpaid order. Raises Refusal: trade.coupon_used."""
    if not Coupon.objects.filter(pk=coupon.pk, state=State.ISSUED).update(state=State.HELD, order_id=order.pk):
        raise Refusal("trade.coupon_used")
    posting.must.append(
        ledger.Move(
            key=_held_key(coupon, order),
            source=_wallet(coupon),
            target=accounts.redeemed(coupon.region, coupon.issue.code),
            amount=1,
            reason="trade.coupon_redeemed",
            pending=True,
        )
    )


def _held_key(coupon: Coupon, order: Order) -> str:
    return f"coupon/{coupon.pk}/hold/{order.pk.hex}"


def release(posting: Posting, coupon: Coupon, order: Order) -> None:
    """The order ended unpaid: the coupon is the member's again (and expires when its day comes)."""
    Coupon.objects.filter(pk=coupon.pk, state=State.HELD, order_id=order.pk).update(state=State.ISSUED, order_id=None)
    if (over := _over(coupon.expires_on, coupon.region)) <= clocks.business_now():
        # Its day was cleaned up while the order held it: without a cleaning of its own its budget would stay promised.
        work.schedule(EXPIRE, key=f"released/{order.pk.hex}", due_at=over, region=coupon.region)
    held = _held_key(coupon, order)
    posting.must.append(ledger.Void(key=f"{held}/void", pending_key=held, region=coupon.region))


def spend(posting: Posting, coupon: Coupon, order: Order) -> None:
    """The order is paid: the coupon is used, and its budget pays the discount."""
    Coupon.objects.filter(pk=coupon.pk, state=State.HELD, order_id=order.pk).update(state=State.REDEEMED)
    held, reserve = _held_key(coupon, order), _reserve(coupon).key
    part = order.discount_minor - sum(order.discounts.values_list("amount_minor", flat=True))  # the rest is other budgets'
    posting.must += [
        ledger.Post(key=f"{held}/post", pending_key=held, region=coupon.region),
        ledger.Post(key=f"{reserve}/post", pending_key=reserve, amount=part, region=coupon.region),
    ]
    fact = CouponRedeemed(coupon.pk, coupon.member_id, coupon.issue.code, str(order.pk), part)
    events.append(fact, region=coupon.region, subject=f"member:{coupon.member_id}")


def take_back(posting: Posting, coupon: Coupon, order: Order) -> None:
    """All of the order was refunded: a coupon that is still valid returns, if its budget can hold its face again."""
    if coupon.expires_on < clocks.business_now().astimezone(ZoneInfo(_region(coupon.region).time_zone)).date():
        return
    used = coupon.uses
    coupon.uses = used + 1
    returned = ledger.Move(
        key=f"{_held_key(coupon, order)}/back",
        source=accounts.redeemed(coupon.region, coupon.issue.code),
        target=_wallet(coupon),
        amount=1,
        reason="trade.coupon_returned",
    )
    posting.may.append(([returned, _reserve(coupon)], partial(_came_back, coupon, order)))


def _came_back(coupon: Coupon, order: Order) -> None:
    Coupon.objects.filter(pk=coupon.pk, state=State.REDEEMED, order_id=order.pk).update(state=State.ISSUED, order_id=None, uses=coupon.uses)
    fact = CouponReturned(coupon.pk, coupon.member_id, coupon.issue.code, str(order.pk))
    events.append(fact, region=coupon.region, subject=f"member:{coupon.member_id}")


@transaction.atomic
def expire_due(region: str) -> int:
    """Coupons past their last day end, and their budget is free of them. Held ones wait for their order. Returns how many."""
    today = clocks.business_now().astimezone(ZoneInfo(_region(region).time_zone)).date()
    due = Coupon.objects.filter(region=region, state=State.ISSUED, expires_on__lt=today)
    found = list(due.select_related("issue").select_for_update(of=("self",)).order_by("pk"))
    posting = Posting()
    for coupon in found:
        _end(posting, coupon, "trade.coupon_expired")
    Coupon.objects.filter(pk__in=[c.pk for c in found]).update(state=State.EXPIRED)
    told = [(c.member_id, CouponExpired(c.pk, c.member_id, c.issue.code, c.issue.face_minor)) for c in found]
    events.append_many([events.Told(fact, region, f"member:{member_id}") for member_id, fact in told])
    posting.commit()
    return len(found)


@transaction.atomic
def revoke(*, coupon_id: int, key: str) -> bool:
    """Take an unused coupon back (the undo of whoever gave it); its budget is free of it. True, and again True.

    Raises Refusal: trade.no_such_coupon, trade.coupon_used (held or redeemed), trade.coupon_expired.
    """
    coupon = Coupon.objects.select_for_update(of=("self",)).select_related("issue").filter(pk=coupon_id).first()
    if coupon is None:
        raise Refusal("trade.no_such_coupon")
    if coupon.state == State.REVOKED:
        return True
    if coupon.state != State.ISSUED:
        raise Refusal("trade.coupon_expired" if coupon.state == State.EXPIRED else "trade.coupon_used")
    Coupon.objects.filter(pk=coupon.pk).update(state=State.REVOKED)
    fact = CouponRevoked(coupon.pk, coupon.member_id, coupon.issue.code, coupon.issue.face_minor)
    events.append(fact, region=coupon.region, subject=f"member:{coupon.member_id}")
    posting = Posting()
    _end(posting, coupon, "trade.coupon_revoked")
    posting.commit()
    return True


def _end(posting: Posting, coupon: Coupon, reason: str) -> None:
    """The unit leaves the member's account, and the budget no longer answers for its face."""
    reserve = _reserve(coupon).key
    posting.must += [
        ledger.Move(
            key=f"coupon/{coupon.pk}/end",
            source=_wallet(coupon),
            target=accounts.expired(coupon.region, coupon.issue.code),
            amount=1,
            reason=reason,
        ),
        ledger.Void(key=f"{reserve}/void", pending_key=reserve, region=coupon.region),
    ]


def _region(slug: str) -> people.RegionInfo:
    if (region := people.region(slug)) is None:
        raise Refusal("people.no_such_region", region=slug)
    return region


def _currency(region: str) -> str:
    return _region(region).currency
