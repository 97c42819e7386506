"""Readers of cells as other people's programs write them: moments, phone numbers, identifiers. Pure; each raises Refusal.

What could mean two things is refused, never guessed: "3/5/2026" is March in one country and May in another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from linli.kernel.refusals import Refusal

_DAY = r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*日?"
_HALF = r"(?P<half>上午|下午|中午|晚上|凌晨|早上|AM|PM)?"
_TIME = r"(?P<hour>\d{1,2})\s*[:时点]\s*(?P<minute>\d{1,2})?\s*分?(?:\s*[:]?\s*(?P<second>\d{1,2})(?:\.\d+)?\s*秒?)?"
_ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
_WRITTEN = re.compile(rf"{_DAY}(?:[T\s]*(?:周.|星期.)?\s*{_HALF}\s*{_TIME}\s*(?P<half_after>AM|PM)?)?{_ZONE}", re.IGNORECASE)
_PACKED = re.compile(r"(?P<year>20\d\d|19\d\d)(?P<month>\d\d)(?P<day>\d\d)(?:(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d))?")
_LATE = ("下午", "晚上", "PM")
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 (a spreadsheet's days have no zone)
_EXCEL_DAYS = (30_000, 80_000)
"""Serials between 1982 and 2119: fewer digits would be somebody's count."""
_ROUNDED = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)


def plain(text: str) -> str:
    """A cell without what spreadsheets and exports put around a value: full-width forms, tabs, `'123`, `="123"`."""
    found = unicodedata.normalize("NFKC", text).strip().strip("\t").strip()
    if found.startswith('="') and found.endswith('"'):
        found = found[2:-1]
    return found.removeprefix("'").strip()


def moment(zone: ZoneInfo) -> Callable[[str], datetime]:
    """A reader of moments on the wall clock of `zone`, aware in UTC.

    2026-03-05 14:02:11, 2026/3/5, 2026.3.5, 2026年3月5日 下午2:02, 20260305140211, a spreadsheet's serial (46086.585),
    seconds or milliseconds since 1970, ISO with an offset. A day alone is its noon: neither yesterday nor tomorrow in any
    zone near by. An hour that a change of the clock makes doubtful is the first of the two. Raises Refusal: kernel.cell_moment.
    """

    def take(value: str) -> datetime:
        text = plain(value)
        found = _number(text, zone) or _written(text, zone)
        if found is None or not 1990 <= found.year <= 2100:
            raise Refusal("kernel.cell_moment")
        return found

    return take


def _number(text: str, zone: ZoneInfo) -> datetime | None:
    if re.fullmatch(r"\d{10}|\d{13}", text):
        return datetime.fromtimestamp(int(text[:10]), UTC)
    if re.fullmatch(r"\d{5}(\.\d+)?", text) and _EXCEL_DAYS[0] <= float(text) <= _EXCEL_DAYS[1]:
        days = float(text)
        naive = _EXCEL_EPOCH + timedelta(seconds=round(days * 86_400))
        return _aware(naive if "." in text else naive + timedelta(hours=12), zone)
    return None


def _written(text: str, zone: ZoneInfo) -> datetime | None:
    found = _WRITTEN.fullmatch(text) or _PACKED.fullmatch(text)
    if found is None:
        return None
    told = found.groupdict()
    hour = 12 if told["hour"] is None else int(told["hour"])
    half = (told.get("half") or told.get("half_after") or "").upper()
    if half in _LATE and hour < 12:
        hour += 12
    elif half in ("凌晨", "AM", "上午") and hour == 12 and told["hour"] is not None:
        hour = 0
    try:
        naive = datetime(  # noqa: DTZ001 (its zone comes next)
            int(told["year"]), int(told["month"]), int(told["day"]), hour, int(told.get("minute") or 0), int(told.get("second") or 0)
        )
    except ValueError:
        return None
    if offset := told.get("zone"):
        written = offset.replace("Z", "+00:00").replace("z", "+00:00")
        return datetime.fromisoformat(f"{naive.isoformat()}{written}").astimezone(UTC)
    return _aware(naive, zone)


def _aware(naive: datetime, zone: ZoneInfo) -> datetime:
    return naive.replace(tzinfo=zone).astimezone(UTC)


def identifier(most: int = 64) -> Callable[[str], str]:
    """A reader of order numbers and the like. Raises Refusal: kernel.cell_long, kernel.cell_rounded (a spreadsheet has made
    "2.02604E+17" of it, and two orders may by now be one)."""

    def take(value: str) -> str:
        text = plain(value)
        if _ROUNDED.fullmatch(text):
            raise Refusal("kernel.cell_rounded")
        if len(text) > most or "\0" in text:
            raise Refusal("kernel.cell_long", most=most)
        return text

    return take


def phone(value: str) -> str:
    """A phone number, digits with an optional plus; a Chinese mobile number without +86. A masked one ("138****5678") stays
    as it is, to tell two people apart. Raises Refusal: kernel.cell_phone, kernel.cell_rounded."""
    text = re.sub(r"[\s().-]", "", plain(value))
    if _ROUNDED.fullmatch(text):
        raise Refusal("kernel.cell_rounded")
    text = re.sub(r"^(\+?86)(?=1\d{10}$)", "", text)
    if re.fullmatch(r"\+?\d{6,15}", text) or re.fullmatch(r"\d{2,4}\*{3,8}\d{2,4}", text):
        return text
    raise Refusal("kernel.cell_phone")
