"""Local days as integers: day number = floor((seconds since 1970 + offset of the zone) / 86,400).

The offset is written into the expression as a step function of the instant, so that every engine computes the same
day without time-zone tables of its own.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import ibis.expr.types as ir


SECONDS_A_DAY = 86_400
EPOCH = date(1970, 1, 1)
YEARS_BACK = 2
"""How far back changes of the clock are honoured; before that the oldest offset holds (an hour, in summers long ago)."""


def offsets(zone: str, until: datetime, *, since: datetime | None = None) -> list[tuple[int, int]]:
    """[(from this second on, offset in seconds)], oldest first, from `since` (`YEARS_BACK` years) to `until`.

    The first entry's second is not a bound: it also holds before.
    """
    tz = ZoneInfo(zone)

    def offset(second: int) -> int:
        found = datetime.fromtimestamp(second, tz).utcoffset()
        assert found is not None  # an aware time always has one
        return int(found.total_seconds())

    second = int((since or until - timedelta(days=366 * YEARS_BACK)).timestamp())
    end = int((until + timedelta(days=2)).timestamp())
    steps = [(second, offset(second))]
    while second < end:
        later = min(second + 28 * SECONDS_A_DAY, end)
        if offset(later) != offset(second):
            low, high = second, later
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(second) else (low, middle)
            steps.append((high, offset(high)))
        second = later
    return steps


def local_seconds(at: ir.Value, zone: str, until: datetime, *, since: datetime | None = None) -> ir.Value:
    """Seconds since 1970 on the wall clock of `zone`, an integer column, for a column of instants up to `until`."""
    import ibis

    # Cut to whole seconds first: one engine rounds the fraction, and the last half second of a day would be tomorrow's.
    epoch = at.truncate("s").epoch_seconds().cast("int64")
    steps = offsets(zone, until, since=since)
    shift: ir.Value = ibis.literal(steps[0][1], type="int64")
    for second, offset in steps[1:]:
        shift = (epoch >= second).ifelse(ibis.literal(offset, type="int64"), shift)
    return epoch + shift


def day_number(at: datetime, zone: str) -> int:
    """The local day of one aware moment."""
    return (at.astimezone(ZoneInfo(zone)).date() - EPOCH).days


def day_of(number: int) -> date:
    """The calendar day of a day number."""
    return EPOCH + timedelta(days=int(number))


def end_of(number: int, zone: str) -> datetime:
    """The first moment after the local day, in UTC: as of then, the whole day is known."""
    midnight = datetime.combine(day_of(number + 1), datetime.min.time(), ZoneInfo(zone))
    return midnight.astimezone(UTC)
