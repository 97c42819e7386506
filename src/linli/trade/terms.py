"""What a region decides about after-sale, weighing and commission: data, with a value for each that nobody has changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from django.db import transaction

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.trade import models
from linli.trade.events import TermsChanged


@dataclass(frozen=True)
class Terms:
    """Money in the minor unit, rates in basis points, times as named."""

    spot_order_minor: int = 2_000
    """A leader's spot refunds of one order, in all."""

    spot_day_minor: int = 10_000
    """A leader's spot refunds of one business day, in all."""

    ask_hours: int = 48
    """How long after the hand-over a member may ask for something back."""

    photos_most: int = 6
    weigh_minutes: int = 10
    """How long a weight may be corrected before the difference goes back (machine time)."""

    commission_bp: int = 1_000
    """The rate of what has none of its own, nor by its layer."""

    cool_off_days: int = 7
    """How long commission waits after the hand-over (business time)."""

    withdraw_least_minor: int = 1_000


def of(region: str) -> Terms:
    """The region's terms."""
    found = models.Terms.objects.filter(region=region).first()
    return Terms(**found.values) if found else Terms()


MOST = {
    "spot_order_minor": 100_000_00,
    "spot_day_minor": 1_000_000_00,
    "ask_hours": 720,
    "photos_most": 12,
    "weigh_minutes": 1_440,
    "commission_bp": 5_000,
    "cool_off_days": 90,
    "withdraw_least_minor": 100_000_00,
}
"""The most that a figure may be; none is under zero. Beyond it somebody has mistyped."""


@transaction.atomic
def put(*, region: str, by: str, **changes: int) -> Terms:
    """Change some of a region's terms. What has been decided under the old ones stays. Who changed what is kept.

    Raises Refusal: trade.bad_terms(names): a name that isn't there, or a figure under zero or over its most.
    """
    wrong = sorted(n for n, value in changes.items() if n not in MOST or type(value) is not int or not 0 <= value <= MOST[n])
    if wrong:
        raise Refusal("trade.bad_terms", names=", ".join(wrong))
    row = lock(region)
    before = Terms(**row.values)
    after = replace(before, **changes)
    if after != before:
        row.values, row.by, row.changed_at = asdict(after), by, clocks.business_now()
        row.save()
        for name in sorted(changes):
            note(region=region, name=name, before=getattr(before, name), after=getattr(after, name), by=by)
        events.append(TermsChanged(sorted(changes), by), region=region, subject=f"region:{region}")
    return after


def lock(region: str) -> models.Terms:
    """The region's row, locked until the transaction ends, so that two operators don't lose each other's figures."""
    fresh = {"by": "system", "changed_at": clocks.business_now()}
    row, _ = models.Terms.objects.select_for_update().get_or_create(region=region, defaults=fresh)
    return row


def note(*, region: str, name: str, before: int | None, after: int | None, by: str) -> None:
    """Keep who changed a figure from what to what."""
    if before != after:
        models.TermsChange.objects.create(region=region, name=name, before=before, after=after, by=by, at=clocks.business_now())


@dataclass(frozen=True)
class Change:
    """A figure that was changed: who, when, from, to. `last` of its name: it can be taken back."""

    change_id: int
    name: str
    before: int | None
    after: int | None
    by: str
    at: datetime
    last: bool


def history(region: str, *, limit: int = 40) -> list[Change]:
    """Who changed which figure, newest first."""
    found, seen = [], set()
    for c in models.TermsChange.objects.filter(region=region).order_by("-at", "-pk")[:limit]:
        found.append(Change(c.pk, c.name, c.before, c.after, c.by, c.at, c.name not in seen))
        seen.add(c.name)
    return found


def change(region: str, change_id: int) -> Change:
    """One change of the region. Raises Refusal: trade.no_such_change."""
    found = models.TermsChange.objects.filter(region=region, pk=change_id).first()
    if found is None:
        raise Refusal("trade.no_such_change")
    later = models.TermsChange.objects.filter(region=region, name=found.name, pk__gt=found.pk)
    return Change(found.pk, found.name, found.before, found.after, found.by, found.at, not later.exists())
