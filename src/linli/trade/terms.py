"""What a region decides about after-sale, weighing and commission: data, with a value for each that nobody has changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

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


@transaction.atomic
def put(*, region: str, by: str, **changes: int) -> Terms:
    """Change some of a region's terms. What has been decided under the old ones stays.

    Raises Refusal: trade.bad_terms(names): a name that isn't there, or a figure under zero.
    """
    names = {f.name for f in fields(Terms)}
    wrong = sorted(name for name, value in changes.items() if name not in names or type(value) is not int or value < 0)
    if changes.get("commission_bp", 0) > 5_000:
        wrong.append("commission_bp")
    if wrong:
        raise Refusal("trade.bad_terms", names=wrong)
    before = of(region)
    after = replace(before, **changes)
    if after != before:
        row = {"values": asdict(after), "by": by, "changed_at": clocks.business_now()}
        models.Terms.objects.update_or_create(region=region, defaults=row)
        events.append(TermsChanged(sorted(changes), by), region=region, subject=f"region:{region}")
    return after
