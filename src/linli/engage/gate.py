"""The gate: the only way out. It judges by rules.py, then claims what is scarce; a claim that fails is an answer too.

`Claims` is what it claims from: `Tables` in the database (conditional updates with constraints behind them, the
budget on the ledger), `Dry` for a preview (the same questions on a copy in memory, nothing written).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from django.db import IntegrityError, transaction
from django.db.models import F

from linli.engage import models, rules
from linli.engage.rules import Answer, Ask, Policy, Seen
from linli.kernel import ledger
from linli.kernel.ledger import AccountRef
from linli.kernel.refusals import Refusal

FREE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a released slot was "taken": long ago."""


def policy(region: str) -> Policy:
    """The region's policy, or the defaults."""
    row = models.Policy.objects.filter(pk=region).first()
    if row is None:
        return Policy()
    caps = tuple(sorted((str(k), int(v)) for k, v in row.caps.items())) or Policy().caps
    return Policy(row.quiet_from, row.quiet_until, row.cap_days, caps, row.leader_tasks_per_day)


class Claims(Protocol):
    """What is scarce."""

    def together(self) -> AbstractContextManager[None]:
        """All claims inside succeed or none counts (an exception takes them back)."""

    def attention(self, ask: Ask, seen: Seen, key: str) -> datetime | None:
        """Claim one of the member's slots of the channel. None: claimed; otherwise when the next is free."""

    def leader_day(self, ask: Ask, seen: Seen, day: date) -> bool:
        """Claim a place in the leader's day."""

    def budget(self, ask: Ask, key: str) -> bool:
        """Set aside the most this can cost."""


class _Taken(Exception):
    """A claim failed: what was claimed before it is given back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def answer(ask: Ask, seen: Seen, claims: Claims, key: str) -> Answer:
    """The gate's answer for one effect; "send" means that everything it needs has been claimed."""
    judged = rules.judge(ask, seen)
    if judged.kind != "send" or ask.transactional:
        return judged
    try:
        with claims.together():
            _claim(ask, seen, claims, key)
    except _Taken as taken:
        return taken.answer
    return judged


def _claim(ask: Ask, seen: Seen, claims: Claims, key: str) -> None:
    free_at = claims.attention(ask, seen, key)
    if free_at is not None:
        raise _Taken(rules.held_until(ask, free_at, "frequency_cap"))
    if ask.channel == "leader_task":
        day = rules.local_day(seen.now, seen.zone)
        if not claims.leader_day(ask, seen, day):
            opens = rules.day_opens(day + timedelta(days=1), seen.zone, seen.policy)
            raise _Taken(rules.held_until(ask, opens, "leader_full"))
    if ask.cost_minor and not claims.budget(ask, key):
        raise _Taken(Answer("drop", "budget"))


@dataclass(frozen=True)
class Tables:
    """Claims that count. `budget_ref` and `reserved_ref` are the launch's accounts."""

    region: str
    budget_ref: AccountRef
    reserved_ref: AccountRef

    def together(self) -> AbstractContextManager[None]:
        return transaction.atomic()

    def attention(self, ask: Ask, seen: Seen, key: str) -> datetime | None:
        cap = seen.policy.cap(ask.channel)
        if cap is None:
            return None
        window = timedelta(days=seen.policy.cap_days)
        mine = models.AttentionSlot.objects.filter(region=self.region, member_id=ask.member_id, channel=ask.channel, slot__lt=cap)
        taken = dict(mine.values_list("slot", "taken_at"))
        for slot in range(cap):
            if slot in taken:
                # The row is the judge: of two workers one updates it, the other finds it taken.
                if mine.filter(slot=slot, taken_at__lte=seen.now - window).update(taken_at=seen.now, effect_key=key):
                    return None
            elif self._first(ask, slot, seen.now, key):
                return None
        return min(mine.values_list("taken_at", flat=True), default=seen.now) + window

    def _first(self, ask: Ask, slot: int, now: datetime, key: str) -> bool:
        try:
            with transaction.atomic():
                models.AttentionSlot.objects.create(
                    region=self.region, member_id=ask.member_id, channel=ask.channel, slot=slot, taken_at=now, effect_key=key
                )
        except IntegrityError:
            return False
        return True

    def leader_day(self, ask: Ask, seen: Seen, day: date) -> bool:
        most = seen.policy.leader_tasks_per_day
        whose = {"region": self.region, "community_id": ask.community_id, "day": day}
        models.LeaderDay.objects.get_or_create(**whose, defaults={"most_count": most})
        fits = models.LeaderDay.objects.filter(**whose, taken_count__lt=F("most_count"))
        return bool(fits.update(taken_count=F("taken_count") + 1))

    def budget(self, ask: Ask, key: str) -> bool:
        try:
            reserve(self.budget_ref, self.reserved_ref, ask.cost_minor, key)
        except Refusal as refusal:
            if refusal.code != "ledger.insufficient":
                raise
            return False
        return True


def reserve(budget_ref: AccountRef, reserved_ref: AccountRef, amount_minor: int, key: str) -> None:
    """Set budget aside for an effect that was decided and isn't issued yet. Raises Refusal ledger.insufficient."""
    ledger.commit(ledger.Move(f"reserve:{key}", budget_ref, reserved_ref, amount_minor, "engage.reserve", pending=True))


def free_reserve(region: str, key: str) -> None:
    """Give back what was set aside: the coupons are issued now (and hold their own), or never will be."""
    ledger.commit(ledger.Void(f"free:{key}", f"reserve:{key}", region=region))


def release_attention(region: str, key: str) -> None:
    """The member was not spoken to after all: the slot is free again."""
    models.AttentionSlot.objects.filter(region=region, effect_key=key).update(taken_at=FREE)


@dataclass
class Dry:
    """Claims on a copy: what would happen, nothing written."""

    slots: dict[tuple[int, str], list[datetime]] = field(default_factory=dict)
    days: dict[tuple[int, date], int] = field(default_factory=dict)
    most: dict[tuple[int, date], int] = field(default_factory=dict)
    budget_minor: int = 0
    backs: list[Callable[[], object]] = field(default_factory=list)

    @classmethod
    def of(cls, region: str, member_ids: Iterable[int], budget_minor: int) -> Dry:
        """The state of now."""
        dry = cls(budget_minor=budget_minor)
        wanted = set(member_ids)
        for slot in models.AttentionSlot.objects.filter(region=region):
            if slot.member_id in wanted:
                dry.slots.setdefault((slot.member_id, slot.channel), []).append(slot.taken_at)
        for row in models.LeaderDay.objects.filter(region=region):
            dry.days[row.community_id, row.day] = row.taken_count
            dry.most[row.community_id, row.day] = row.most_count
        return dry

    @contextmanager
    def together(self) -> Iterator[None]:
        self.backs = []
        try:
            yield
        except _Taken:
            for back in reversed(self.backs):
                back()
            raise

    def attention(self, ask: Ask, seen: Seen, key: str) -> datetime | None:
        cap = seen.policy.cap(ask.channel)
        if cap is None:
            return None
        since = seen.now - timedelta(days=seen.policy.cap_days)
        slots = self.slots.setdefault((ask.member_id, ask.channel), [])
        taken = [t for t in slots if t > since]
        if len(taken) >= cap:
            return min(taken) + timedelta(days=seen.policy.cap_days)
        slots.append(seen.now)
        self.backs.append(slots.pop)
        return None

    def leader_day(self, ask: Ask, seen: Seen, day: date) -> bool:
        place = (ask.community_id, day)
        if self.days.get(place, 0) >= self.most.get(place, seen.policy.leader_tasks_per_day):
            return False
        self.days[place] = (before := self.days.get(place, 0)) + 1
        self.backs.append(lambda: self.days.update({place: before}))
        return True

    def budget(self, ask: Ask, key: str) -> bool:
        if ask.cost_minor > self.budget_minor:
            return False
        self.budget_minor -= ask.cost_minor
        return True
