"""A batch of orders, from what was asked to what became of each."""

from __future__ import annotations

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, IntegrityError, OperationalError, transaction

from linli.kernel import bulk, busy, clocks, ids, ledger
from linli.kernel.ledger import AccountRef
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.people.queries import Home
from linli.trade import rules
from linli.trade.claims import Claim
from linli.trade.models import Team
from linli.trade.placing import reads, writes
from linli.trade.placing.pricing import NO_TERMS, Lines, Read, Terms, group_ids, price, ships
from linli.trade.placing.reads import Before
from linli.trade.placing.writes import Draft, NewTeam
from linli.trade.rules import NEW_TEAM, Wanted

log = logging.getLogger(__name__)

TIME_TO_PAY = timedelta(minutes=15)
TRIES = 6
"""How often an order is looked at: again whenever its key, slot or coupon changed hands in between."""

SHORT_S = 2.0
"""How long a group-buy that had too few pieces is decided exactly from the start. Only a hint: it refuses nobody."""


@dataclass(frozen=True)
class Asking:
    """An order that somebody asks for. `key` makes it once; `source` is shop, leader, box or api.

    `pay_by` (machine time) is there for a time to pay other than the usual.
    """

    member_id: int
    lines: Lines
    key: str
    coupon_id: int | None = None
    source: str = "shop"
    terms: Terms = NO_TERMS
    pay_by: datetime | None = None


@dataclass(frozen=True)
class Placed:
    """An order waits for its money until `pay_by` (machine time)."""

    order_id: uuid.UUID
    payable_minor: int
    pay_by: datetime
    again: bool = field(default=False, compare=False)  # it had been placed before


Outcome = Placed | Refusal


@dataclass(slots=True)
class _Asked:
    """A request that could be an order. `place` is where its answer goes."""

    place: int
    asking: Asking
    wanted: list[Wanted]
    digest: str

    @property
    def identity(self) -> tuple[int, str]:
        return self.asking.member_id, self.asking.key

    @property
    def takes(self) -> set[object]:
        """What one order alone may have: its key and its coupon."""
        return {self.identity} if self.asking.coupon_id is None else {self.identity, self.asking.coupon_id}


@dataclass
class _Round:
    """One look at a batch: what has been answered, what is to be written, what must be looked at again."""

    answers: dict[int, Outcome] = field(default_factory=dict)
    drafts: dict[int, Draft] = field(default_factory=dict)
    again: list[_Asked] = field(default_factory=list)


class _Objection(Exception):
    """What was written hopefully met an objection: undo it, decide exactly."""


def place_many(requests: Sequence[Asking]) -> list[Outcome]:
    """Place each of them or refuse it, none at another's cost; the answers are in their order.

    The same key gives the same order, for ever. Refusals: trade.key_reused, trade.busy, trade.sold_out(sku, left),
    trade.over_share(most, sku), trade.team_full, trade.team_decided, trade.in_team, trade.too_many_unpaid(most),
    trade.budget_spent,
    trade.no_capacity(left), trade.no_such_coupon, trade.coupon_used, people.no_such_member, trade.bad_key, and those of
    rules.basket and rules.quote.
    """
    answers: dict[int, Outcome] = {}
    waiting = []
    for n, asking in enumerate(requests):
        try:
            waiting.append(_asked(n, asking))
        except Refusal as refusal:
            answers[n] = refusal.with_traceback(None)
    for _ in range(TRIES):
        if not waiting:
            break
        short = [one for one in waiting if _is_short(one)]
        plenty = [one for one in waiting if one not in short] if short else waiting
        waiting = []
        for part, exactly in ((plenty, False), (short, True)):
            if part:
                done = _look(part, exactly=exactly)
                answers |= done.answers
                waiting += done.again
    for one in waiting:
        answers[one.place] = Refusal("trade.busy")
    return [answers[n] for n in range(len(requests))]


def _asked(place: int, asking: Asking) -> _Asked:
    rules.check_key(asking.key)
    wanted = rules.basket(asking.lines)
    return _Asked(place, asking, wanted, rules.digest(wanted, asking.coupon_id))


_short: dict[int, float] = {}


def _is_short(one: _Asked) -> bool:
    return bool(_short) and any(_short.get(w.group_id, 0) > time.monotonic() for w in one.wanted)


def _look(asked: list[_Asked], *, exactly: bool) -> _Round:
    """One transaction over these orders, hopefully or exactly; one that breaks it is told apart from the others."""
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return _round(asked, exactly=exactly)
        except (_Objection, IntegrityError, ledger.Misfit):
            exactly = True
        except OperationalError as error:
            if not busy.is_deadlock(error) or attempt == TRIES - 1:
                raise
            exactly = True
        except (DatabaseError, ValueError, TypeError):
            if len(asked) == 1:
                raise
            return _each_alone(asked)
    return _Round(again=asked)


def _each_alone(asked: list[_Asked]) -> _Round:
    """One of them breaks the statement for all: each gets its own, and only what is broken isn't placed."""
    found = _Round()
    for one in asked:
        try:
            done = _look([one], exactly=True)
        except Exception:
            log.exception("an order of member %s could not be placed", one.asking.member_id)
            found.answers[one.place] = Refusal("trade.busy")
            continue
        found.answers |= done.answers
        found.again += done.again
    return found


def _round(asked: list[_Asked], *, exactly: bool) -> _Round:
    now = clocks.business_now()
    with clocks.fixed(business=now):  # the batch is of one moment, and the clock is read once
        found = _decide(asked, now)
        drafts = found.drafts
        if drafts and (opens := {ref: floor for d in drafts.values() for ref, floor in d.opens.items()}):
            ledger.open_many(opens)
        (_write_exactly if exactly else _write_hopefully)(found, {one.place: one for one in asked})
        for place, d in drafts.items():
            found.answers[place] = Placed(d.id, d.quote.payable_minor, d.pay_by)
    return found


def _decide(asked: list[_Asked], now: datetime) -> _Round:
    """Read once for all, then each for itself: known already, refused, or a draft."""
    found = _Round()
    homes = people.homes({one.asking.member_id for one in asked if rules.is_id(one.asking.member_id)})
    known = [one for one in asked if one.asking.member_id in homes]
    found.answers |= {one.place: Refusal("people.no_such_member") for one in asked if one.asking.member_id not in homes}
    if not known:
        return found
    wanted_groups = {id_ for one in known for id_ in group_ids(one.wanted, one.asking.terms)}
    coupon_ids = {one.asking.coupon_id for one in known if one.asking.coupon_id is not None and rules.is_id(one.asking.coupon_id)}
    with bulk.pipeline():  # three questions, one journey
        before_told = reads.before([(homes[one.asking.member_id].region, *one.identity) for one in known])
        groups_told, coupons_told = reads.groups(wanted_groups, now), reads.coupons(coupon_ids)
    before, (groups, shipping), coupons = before_told(), groups_told(), coupons_told()
    travels = [one for one in known if ships(one.asking.terms, shipping.get(homes[one.asking.member_id].region))]
    add_ons = reads.add_ons([one.asking.member_id for one in travels])
    read = Read(now, homes, groups, coupons, add_ons, shipping)
    teams = reads.teams({w.team for one in known for w in one.wanted if w.team and w.team != NEW_TEAM})
    there = {(b.member_id, b.key): b for b in before}
    slots: defaultdict[int, set[int]] = defaultdict(lambda: set(range(1, rules.MOST_UNPAID + 1)))
    for b in before:
        if b.unpaid:
            slots[b.member_id].discard(b.slot)
    pay_by = clocks.machine_now() + TIME_TO_PAY
    taken: set[object] = set()
    for one in known:
        try:
            if (same := there.get(one.identity)) is not None:
                found.answers[one.place] = _placed_before(same, one.digest)
            elif taken & (its := one.takes):
                found.again.append(one)  # looked at when it is known what became of the first
            else:
                taken |= its
                found.drafts[one.place] = _draft(one, read, teams, slots[one.asking.member_id], one.asking.pay_by or pay_by)
        except Refusal as refusal:
            found.answers[one.place] = refusal.with_traceback(None)
    return found


def _placed_before(there: Before, digest: str) -> Placed:
    if there.digest != digest:
        raise Refusal("trade.key_reused")
    return Placed(there.order_id, there.payable_minor, there.pay_by, again=True)


def _draft(one: _Asked, read: Read, teams: dict[str, Team], slots: set[int], pay_by: datetime) -> Draft:
    asking = one.asking
    home = read.homes[asking.member_id]
    quote = price(read, home, one.wanted, asking.coupon_id, asking.terms)
    groups = [read.groups[line.group_id] for line in quote.lines]
    new_id = ids.new()
    claims, started = _claims(new_id, home, quote, groups, teams, read.now)
    if not slots:
        raise Refusal("trade.too_many_unpaid", most=rules.MOST_UNPAID)
    slot = min(slots)  # two at once may find the same: its constraint lets one through
    slots.discard(slot)
    coupon = read.coupons[asking.coupon_id] if asking.coupon_id is not None else None
    return Draft(
        new_id, new_id.hex, home, asking.key, one.digest, slot, asking.source, quote, coupon, groups, claims, started, read.now, pay_by
    )


def _claims(
    order_id: uuid.UUID, home: Home, quote: rules.Quote, groups: list[reads.Known], teams: dict[str, Team], now: datetime
) -> tuple[list[Claim], list[NewTeam]]:
    claims, started = [], []
    for number, (line, known) in enumerate(zip(quote.lines, groups, strict=True), 1):
        offer, team, size = known.offer, "", known.team_size
        if line.team == NEW_TEAM:
            ends = min(offer.deadline_at, now + timedelta(hours=known.team_hours))
            started.append(NewTeam(ids.named(f"team/{order_id.hex}/{number}"), offer.group_id, size, ends))
            team = started[-1].id.hex
        elif line.team is not None:
            joined = teams.get(line.team)
            if joined is None or joined.group_id != line.group_id:
                raise Refusal("trade.no_such_team")
            if joined.state == Team.State.MISSED or joined.deadline_at <= now:
                raise Refusal("trade.team_decided")
            team, size = joined.pk.hex, joined.size
        share = None if line.gift else offer.per_member_pieces
        claims.append(
            Claim(
                home.region,
                order_id.hex,
                number,
                line.group_id,
                line.sku,
                line.quantity,
                home.member_id,
                share,
                team,
                size,
                None if line.gift else known.capacity,
            )
        )
    return claims, started


def _write_hopefully(found: _Round, asked: dict[int, _Asked]) -> None:
    """As if keys, slots and coupons were free and the accounts held enough: nobody has looked, the constraints judge."""
    drafts = list(found.drafts.values())
    if not drafts:
        return
    held: list[Callable[[], set[str]]] = []

    def before() -> None:
        bulk.write(writes.order_rows(drafts), *writes.detail_rows(drafts))
        held.append(writes.hold_coupons(drafts))

    _hold(drafts, before)
    if sum(len(told()) for told in held) != sum(d.coupon is not None for d in drafts):
        raise _Objection


def _hold(drafts: Sequence[Draft], before: Callable[[], object]) -> None:
    ledger.attempt([move for d in drafts for move in d.moves], before)


def _write_exactly(found: _Round, asked: dict[int, _Asked]) -> None:
    """Claim keys and slots first, then coupons, then the accounts; who fails is taken back, the others get their lines."""
    drafts = found.drafts
    claimed = bulk.write_free(writes.order_rows(drafts.values()))
    for place in [place for place, d in drafts.items() if d.hex not in claimed]:
        del drafts[place]  # its key or slot was taken this moment: what stands there now is seen at the next look
        found.again.append(asked[place])
    held = writes.hold_coupons(drafts.values())()
    lost = {place: d for place, d in drafts.items() if d.coupon is not None and d.hex not in held}
    found.answers |= {place: Refusal("trade.coupon_used") for place in lost}
    staying = [(place, d) for place, d in drafts.items() if place not in lost]
    for (place, d), outcome in zip(staying, _judged([d for _, d in staying]), strict=True):
        if outcome.refusal is not None:
            lost[place] = d
            found.answers[place] = _told(outcome.refusal, d)
    writes.undo(
        [d.hex for d in lost.values()],
        [d.coupon.voucher.coupon_id for d in lost.values() if d.coupon is not None and d.hex in held],
    )
    for place in lost:
        del drafts[place]
    bulk.write(*writes.detail_rows(list(drafts.values())))


def _judged(drafts: Sequence[Draft]) -> list[ledger.Outcome]:
    return ledger.batch([d.moves for d in drafts])


def _told(refusal: Refusal, d: Draft) -> Refusal:
    """What the ledger refused, in trade's words."""
    account = refusal.facts.get("account")
    if refusal.code != "ledger.insufficient" or not isinstance(account, AccountRef):
        raise refusal
    kind, _, what = account.asset.partition(":")
    free = refusal.facts.get("free", 0)
    if kind == "coupon":
        return Refusal("trade.coupon_used")
    if kind == "share":
        offer = next(g.offer for g in d.groups if str(g.offer.group_id) == what)
        return Refusal("trade.over_share", most=offer.per_member_pieces, sku=offer.sku)
    if kind == "seat":
        return Refusal("trade.team_full", free=free)
    if kind == "ticket":
        return Refusal("trade.in_team")
    if kind == "service":
        return Refusal("trade.no_capacity", left=free)
    if kind != "sku":
        return Refusal("trade.budget_spent", face_minor=refusal.facts.get("asked", 0), free_minor=free)
    now = time.monotonic()
    for ended in [group_id for group_id, until in _short.items() if until < now]:
        del _short[ended]
    _short.update({g.offer.group_id: now + SHORT_S for g in d.groups if account.owner == f"wave:{g.offer.group_id}"})
    return Refusal("trade.sold_out", sku=what, left=free)
