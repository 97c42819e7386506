"""What day it is in a region."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import queries as people


def zone(region: str) -> ZoneInfo:
    """The region's time zone. Raises Refusal: people.no_such_region."""
    if (found := people.region(region)) is None:
        raise Refusal("people.no_such_region", region=region)
    return ZoneInfo(found.time_zone)


def today(region: str) -> date:
    """The business day there."""
    return clocks.business_now().astimezone(zone(region)).date()


def midnight(region: str, day: date) -> datetime:
    """The first moment of a day there."""
    return datetime.combine(day, time(), zone(region))
