"""When a weekly box is picked up, ordered and paid: days of the calendar, so that no clock change moves them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

CUT_OFF = time(20)
"""Until when, on the day before pickup, a week's box can be paid, skipped or changed (local time)."""

ORDERED_BEFORE = timedelta(hours=24)
"""How long before the cut-off the order is placed: a day to pay it in."""

PICKUP = time(16)


def week_of(day: date) -> str:
    """The ISO week of a pickup day: "2017-W40". The year is the week's own (31 December may lie in week 1)."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def cut_off(pickup_on: date, zone: ZoneInfo) -> datetime:
    """The last moment at which that week can be changed."""
    return datetime.combine(pickup_on - timedelta(days=1), CUT_OFF, zone)


def ordered_at(pickup_on: date, zone: ZoneInfo) -> datetime:
    """When that week's order is placed: the same time of day, a day before the cut-off."""
    return datetime.combine(pickup_on - timedelta(days=1) - ORDERED_BEFORE, CUT_OFF, zone)


def pickup_from(pickup_on: date, zone: ZoneInfo) -> datetime:
    """From when that week's box can be fetched."""
    return datetime.combine(pickup_on, PICKUP, zone)


def pickups(weekday: int, now: datetime, zone: ZoneInfo) -> Iterator[date]:
    """The pickup days (ISO weekday) whose cut-off hasn't passed, the next first; one a week, for ever."""
    today = now.astimezone(zone).date()
    day = today + timedelta(days=(weekday - today.isoweekday()) % 7)
    while True:
        if cut_off(day, zone) > now:
            yield day
        day += timedelta(days=7)
