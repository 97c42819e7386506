"""After-sale: a member asks for something back of a line; the leader settles small things on the spot, the operator the rest."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from linli.goods import queries as goods
from linli.kernel import clocks, events, ids, ledger
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.trade import accounts, load, photos, refunds, rules, terms, weighing
from linli.trade.days import today
from linli.trade.events import AfterSaleAnswered, AfterSaleAsked, AfterSaleEscalated
from linli.trade.models import AfterSale, AfterSalePhoto, AfterSaleStep, HandOver, Order, OrderLine
from linli.trade.posting import Posting
from linli.trade.rules import aftersale as decide
from linli.trade.rules import returns

State = AfterSale.State
WAITING = (State.OPEN, State.ESCALATED)


@dataclass(frozen=True)
class Ask:
    """What somebody wants back: `amount` of `unit` (pieces, grams, percent) of line `number`, and why."""

    number: int
    reason: str
    unit: str
    amount: int
    words: str = ""


@dataclass(frozen=True)
class Asked:
    """A request as it stands."""

    aftersale_id: uuid.UUID
    state: str
    asked_minor: int
    granted_minor: int | None = None


def ask(*, order_id: uuid.UUID | str, member_id: int, want: Ask, pictures: Sequence[bytes] = (), key: str) -> Asked:
    """A member asks for something back of a line of their own that was handed over. Once a key.

    What is over the leader's limit goes to the operator at once. Raises Refusal: trade.no_such_order, trade.bad_reason,
    trade.not_handed_over, trade.aftersale_too_late(hours), trade.aftersale_open, trade.bad_aftersale(most),
    trade.nothing_to_refund, trade.too_many_photos(most), trade.photo_too_large, trade.bad_photo, trade.key_reused.
    """
    rules.check_key(key)
    order = load.own(order_id, member_id)
    if (before := _before(order, want, key)) is not None:
        return before
    given = terms.of(order.region)
    if len(pictures) > given.photos_most:
        raise Refusal("trade.too_many_photos", most=given.photos_most)
    ready = [(ids.new(), photos.prepare(data)) for data in pictures]  # before anything is locked: it takes its time
    for number, picture in ready:
        photos.keep(order.region, number, picture)
    try:
        with transaction.atomic():
            row = _ask(order, want, key, by=f"member:{member_id}", photo_count=len(ready))
            AfterSalePhoto.objects.bulk_create(
                AfterSalePhoto(
                    id=pk,
                    region=order.region,
                    after_sale=row,
                    number=n,
                    width=picture.width,
                    height=picture.height,
                    size_bytes=len(picture.data),
                )
                for n, (pk, picture) in enumerate(ready, 1)
            )
            return _standing(row)
    except (Refusal, IntegrityError) as error:
        for number, _ in ready:
            photos.drop(order.region, number)
        if not isinstance(error, IntegrityError):
            raise
        if (before := _before(order, want, key)) is not None:  # the same tap twice
            return before
        raise Refusal("trade.aftersale_open") from None


def _before(order: Order, want: Ask, key: str) -> Asked | None:
    found = AfterSale.objects.select_related("line").filter(region=order.region, member_id=order.member_id, key=key).first()
    if found is None:
        return None
    if (found.order_id, found.line.number, found.reason, found.unit, found.amount) != (
        order.pk,
        want.number,
        want.reason,
        want.unit,
        want.amount,
    ):
        raise Refusal("trade.key_reused")
    return _standing(found)


def _ask(order: Order, want: Ask, key: str, *, by: str, photo_count: int = 0) -> AfterSale:
    """Write a request, open or at once with the operator."""
    if want.reason not in decide.REASONS or len(want.words) > decide.MOST_WORDS:
        raise Refusal("trade.bad_reason")
    order, lines = load.locked(order.pk)
    line = next((one for one in lines if one.number == want.number), None)
    if line is None or line.state == OrderLine.State.CANCELLED:
        raise Refusal("trade.nothing_to_refund")
    given, now = terms.of(order.region), clocks.business_now()
    hand_overs = HandOver.objects.filter(region=order.region, order=order).order_by("pk")
    handed_at = next((h.at for h in hand_overs if want.number in h.line_numbers), None)
    decide.check_in_time(handed_at, now, given.ask_hours)
    part = _part(line, want)
    if AfterSale.objects.filter(region=order.region, line=line, state__in=WAITING).exists():
        raise Refusal("trade.aftersale_open")  # its constraint judges two at once
    over = part.refund_minor > given.spot_order_minor
    row = AfterSale.objects.create(
        id=ids.new(),
        region=order.region,
        order=order,
        line=line,
        member_id=order.member_id,
        community_id=order.community_id,
        key=key,
        reason=want.reason,
        unit=want.unit,
        amount=want.amount,
        asked_minor=part.refund_minor,
        words=want.words.strip(),
        state=State.ESCALATED if over else State.OPEN,
        asked_at=now,
    )
    _step(row, "asked", by, want.words.strip()[:200], row.asked_minor)
    fact = AfterSaleAsked(
        str(row.pk),
        str(order.pk),
        row.member_id,
        row.community_id,
        line.sku_code,
        row.reason,
        row.unit,
        row.amount,
        row.asked_minor,
        photo_count,
        by,
    )
    events.append(fact, region=row.region, subject=f"member:{row.member_id}")
    if over:
        _escalated(row, "system", "")
    return row


def _part(line: OrderLine, want: Ask) -> returns.Part:
    charge = weighing.charge(line)
    sku = goods.sku(line.region, line.sku_code)
    kept_g = line.weighed_g or (sku.piece_g * charge.left_pieces if sku and sku.piece_g else None)
    return decide.asked(charge, want.unit, want.amount, kept_pieces=charge.left_pieces, kept_g=kept_g)


def preview(*, order_id: uuid.UUID | str, member_id: int, want: Ask) -> int:
    """What a request would come to, in the minor unit; nothing is written. Raises Refusal as `ask` does."""
    order = load.own(order_id, member_id)
    line = order.lines.filter(number=want.number).first()
    if line is None:
        raise Refusal("trade.nothing_to_refund")
    return _part(line, want).refund_minor


def _step(row: AfterSale, what: str, by: str, why: str = "", amount_minor: int | None = None) -> None:
    AfterSaleStep.objects.create(
        region=row.region, after_sale=row, what=what, by=by, why=why, amount_minor=amount_minor, at=clocks.business_now()
    )


def _escalated(row: AfterSale, by: str, why: str) -> None:
    _step(row, "escalated", by, why)
    fact = AfterSaleEscalated(str(row.pk), str(row.order_id), row.member_id, row.community_id, row.asked_minor, by)
    events.append(fact, region=row.region, subject=f"member:{row.member_id}")


def _standing(row: AfterSale) -> Asked:
    return Asked(row.pk, row.state, row.asked_minor, row.granted_minor)


def _locked(aftersale_id: uuid.UUID | str) -> tuple[AfterSale, Order, list[OrderLine]]:
    """The request with its order, locked as everybody locks: groups, order, then the request."""
    try:
        number = aftersale_id if isinstance(aftersale_id, uuid.UUID) else uuid.UUID(str(aftersale_id))
    except ValueError:
        raise Refusal("trade.no_such_aftersale") from None
    order_id = AfterSale.objects.filter(pk=number).values_list("order_id", flat=True).first()
    if order_id is None:
        raise Refusal("trade.no_such_aftersale")
    order, lines = load.locked(order_id)
    return AfterSale.objects.select_for_update().get(pk=number), order, lines


@transaction.atomic
def settle_on_the_spot(*, aftersale_id: uuid.UUID | str, leader: int, amount_minor: int, why: str = "") -> Asked:
    """The leader settles a request of their community, whole or in part, within what the region allows. Again changes nothing.

    Both limits are claimed on the ledger with the refund itself. Raises Refusal: trade.no_such_aftersale,
    trade.aftersale_decided(state), trade.bad_amount(most_minor), trade.spot_limit(left_minor).
    """
    row, order, lines = _locked(aftersale_id)
    if not people.leads(leader, row.community_id):
        raise Refusal("trade.no_such_aftersale")
    if row.state == State.SETTLED and row.granted_minor == amount_minor:
        return _standing(row)
    if row.state != State.OPEN:
        raise Refusal("trade.aftersale_decided", state=row.state)
    return _settle_on_the_spot(row, order, lines, leader, amount_minor, why)


def _settle_on_the_spot(row: AfterSale, order: Order, lines: list[OrderLine], leader: int, amount_minor: int, why: str) -> Asked:
    posting = Posting(_spot_claim(row, leader, amount_minor))
    _settle(posting, row, order, lines, amount_minor, by=f"person:{leader}", why=why, on_spot=True)
    try:
        posting.commit()
    except Refusal as refusal:
        account = refusal.facts.get("account")
        if refusal.code == "ledger.insufficient" and isinstance(account, ledger.AccountRef) and account.asset == "spot":
            raise Refusal("trade.spot_limit", left_minor=max(0, int(str(refusal.facts.get("free", 0))))) from refusal
        raise
    return _standing(row)


def _spot_claim(row: AfterSale, leader: int, amount_minor: int) -> list[ledger.Entry]:
    """The amount, claimed of the day's limit and of the order's: floors judge, so that two taps can't pass them."""
    if type(amount_minor) is not int or not 0 < amount_minor <= row.asked_minor:
        raise Refusal("trade.bad_amount", most_minor=row.asked_minor)
    given = terms.of(row.region)
    of_day = accounts.spot_of_day(row.region, leader, today(row.region))
    of_order = accounts.spot_of_order(row.region, row.order_id.hex)
    ledger.open(of_day, floor=-given.spot_day_minor)
    ledger.open(of_order, floor=-given.spot_order_minor)
    used = accounts.spot_used(row.region)
    return [
        ledger.Move(f"spot/{row.pk.hex}/{name}", source, used, amount_minor, "trade.spot_refund")
        for name, source in (("day", of_day), ("order", of_order))
    ]


def _settle(
    posting: Posting, row: AfterSale, order: Order, lines: list[OrderLine], amount_minor: int, *, by: str, why: str, on_spot: bool
) -> None:
    if type(amount_minor) is not int or not 0 < amount_minor <= row.asked_minor:
        raise Refusal("trade.bad_amount", most_minor=row.asked_minor)
    line = next(one for one in lines if one.pk == row.line_id)
    part = returns.for_member(refunds.charge(line), amount_minor)
    if part.refund_minor < amount_minor:  # some of it has gone back since it was asked for
        raise Refusal("trade.too_much_back", number=line.number, left_minor=part.refund_minor)
    row.refund = refunds.begin(posting, order, [part], reason=f"aftersale_{row.reason}", by=by, key=f"aftersale/{row.pk.hex}", lines=lines)
    row.granted_minor = amount_minor
    _answer(row, line, State.SETTLED, "settled", by, why, on_spot=on_spot)


def _answer(row: AfterSale, line: OrderLine, state: State, what: str, by: str, why: str, *, on_spot: bool = False) -> None:
    row.state, row.why, row.answered_at = state, why.strip()[:200], clocks.business_now()
    row.save(update_fields=["state", "why", "answered_at", "granted_minor", "refund"])
    _step(row, what, by, row.why, row.granted_minor)
    fact = AfterSaleAnswered(
        str(row.pk),
        str(row.order_id),
        row.member_id,
        row.community_id,
        line.sku_code,
        row.reason,
        what,
        row.asked_minor,
        row.granted_minor or 0,
        int((row.answered_at - row.asked_at).total_seconds()),
        on_spot,
        by,
    )
    events.append(fact, region=row.region, subject=f"member:{row.member_id}")


@transaction.atomic
def refund_on_the_spot(*, order_id: uuid.UUID | str, leader: int, want: Ask, key: str) -> Asked:
    """The leader sees what is wrong and settles it without waiting for a request: both are written. Once a key.

    Raises Refusal as `ask` and `settle_on_the_spot` do.
    """
    rules.check_key(key)
    order = load.find(order_id)
    if not people.leads(leader, order.community_id):
        raise Refusal("trade.no_such_order")
    if (before := _before(order, want, f"leader/{key}")) is not None:
        return before
    row = _ask(order, want, f"leader/{key}", by=f"person:{leader}")
    if row.state != State.OPEN:
        raise Refusal("trade.spot_limit", left_minor=terms.of(row.region).spot_order_minor)
    row, order, lines = _locked(row.pk)
    return _settle_on_the_spot(row, order, lines, leader, row.asked_minor, "")


@transaction.atomic
def escalate(*, aftersale_id: uuid.UUID | str, leader: int, why: str) -> Asked:
    """The leader passes a request on to the operator. Again changes nothing.

    Raises Refusal: trade.no_such_aftersale, trade.aftersale_decided(state).
    """
    row, _, _ = _locked(aftersale_id)
    if not people.leads(leader, row.community_id):
        raise Refusal("trade.no_such_aftersale")
    if row.state == State.OPEN:
        row.state = State.ESCALATED
        row.save(update_fields=["state"])
        _escalated(row, f"person:{leader}", why.strip()[:200])
    elif row.state != State.ESCALATED:
        raise Refusal("trade.aftersale_decided", state=row.state)
    return _standing(row)


@transaction.atomic
def approve(*, aftersale_id: uuid.UUID | str, region: str, by: int, amount_minor: int | None = None, why: str = "") -> Asked:
    """An operator grants a request, whole or in part; the refund starts by itself. Again changes nothing.

    Raises Refusal: trade.no_such_aftersale, trade.aftersale_decided(state), trade.bad_amount(most_minor), trade.too_much_back.
    """
    row, order, lines = _locked(aftersale_id)
    if row.region != region:
        raise Refusal("trade.no_such_aftersale")
    amount = row.asked_minor if amount_minor is None else amount_minor
    if row.state == State.SETTLED and row.granted_minor == amount:
        return _standing(row)
    if row.state not in WAITING:
        raise Refusal("trade.aftersale_decided", state=row.state)
    posting = Posting()
    _settle(posting, row, order, lines, amount, by=f"person:{by}", why=why, on_spot=False)
    posting.commit()
    return _standing(row)


@transaction.atomic
def refuse(*, aftersale_id: uuid.UUID | str, region: str, by: int, why: str) -> Asked:
    """An operator declines and says why. Again changes nothing.

    Raises Refusal: trade.no_such_aftersale, trade.aftersale_decided(state), trade.no_reason.
    """
    row, _, lines = _locked(aftersale_id)
    if row.region != region:
        raise Refusal("trade.no_such_aftersale")
    if not why.strip():
        raise Refusal("trade.no_reason")
    if row.state == State.REFUSED:
        return _standing(row)
    if row.state not in WAITING:
        raise Refusal("trade.aftersale_decided", state=row.state)
    _answer(row, next(one for one in lines if one.pk == row.line_id), State.REFUSED, "refused", f"person:{by}", why)
    return _standing(row)


@transaction.atomic
def withdraw(*, aftersale_id: uuid.UUID | str, member_id: int) -> Asked:
    """The member takes the request back. Again changes nothing. Raises Refusal: trade.no_such_aftersale, trade.aftersale_decided."""
    row, _, lines = _locked(aftersale_id)
    if row.member_id != member_id:
        raise Refusal("trade.no_such_aftersale")
    if row.state == State.WITHDRAWN:
        return _standing(row)
    if row.state not in WAITING:
        raise Refusal("trade.aftersale_decided", state=row.state)
    _answer(row, next(one for one in lines if one.pk == row.line_id), State.WITHDRAWN, "withdrawn", f"member:{member_id}", "")
    return _standing(row)
