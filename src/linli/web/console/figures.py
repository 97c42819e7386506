"""Shapes of numbers drawn on the server: sparklines, bars, intervals, and the words of a figure. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RISK_BANDS = ((0.5, "red"), (0.25, "or"), (0.1, "ye"), (0.0, "ok"))


@dataclass(frozen=True)
class Spark:
    """A sparkline in a 74 x 38 box; `target_y` None when there is no target to show."""

    line: str
    area: str
    end_x: float
    end_y: float
    target_y: float | None


def spark(values: Sequence[float | None], target: float | None = None) -> Spark | None:
    """The trend as a path; None with fewer than two values. The target joins the scale, so that it is always in sight."""
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if len(known) < 2:
        return None
    held = [v for _, v in known] + ([target] if target is not None else [])
    low, high = min(held), max(held)
    span = (high - low) or 1.0
    width = len(values) - 1

    def at(i: int, v: float) -> tuple[float, float]:
        return round(74 * i / width, 1), round(34 - 30 * (v - low) / span, 1)

    points = [at(i, v) for i, v in known]
    line = "M" + "L".join(f"{x} {y}" for x, y in points)
    return Spark(
        line=line,
        area=f"{line}L{points[-1][0]} 38L{points[0][0]} 38Z",
        end_x=points[-1][0],
        end_y=points[-1][1],
        target_y=at(0, target)[1] if target is not None else None,
    )


def risk_tone(risk: float | None) -> str:
    """The colour word of a probability: red from 50 %, orange from 25 %, yellow from 10 %."""
    if risk is None:
        return "nu"
    return next(tone for least, tone in RISK_BANDS if risk >= least)


@dataclass(frozen=True)
class Bar:
    """One bar of a column chart in its box; an empty one is a 2 px stub, so that "nothing" is seen as nothing."""

    x: float
    y: float
    width: float
    height: float
    label: str
    title: str
    empty: bool


@dataclass(frozen=True)
class Columns:
    """A column chart, zero at the bottom, in an 806 x 130 box."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    mean_y: float | None


def nice_top(most: float) -> float:
    """The smallest 1, 2, 2.5 or 5 times a power of ten (times two) that holds `most`."""
    if most <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(most))) - 1)
    return next(m * power for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if m * power >= most)


def columns(
    values: Sequence[float], labels: Sequence[str], titles: Sequence[str], say: Sequence[str] | None = None, *, mean: float | None = None
) -> Columns:
    """Bars for `values`; `labels` under them where not empty. `say` are the words of the axis at 0, half and top."""
    top = nice_top(max([*values, mean or 0.0, 0.0]))
    step = 772 / max(len(values), 1)
    width = round(min(20.0, step * 0.7), 1)
    bars = []
    for i, value in enumerate(values):
        height = 100 * value / top
        empty = value <= 0
        bars.append(
            Bar(
                x=round(40 + i * step, 1),
                y=108.0 if empty else round(110 - height, 1),
                width=width,
                height=2.0 if empty else round(height, 1),
                label=labels[i],
                title=titles[i],
                empty=empty,
            )
        )
    words = say or (f"{0:g}", f"{top / 2:g}", f"{top:g}")
    return Columns(tuple(bars), ((110, words[0]), (60, words[1]), (10, words[2])), round(110 - 100 * mean / top, 1) if mean else None)


@dataclass(frozen=True)
class Push:
    """One reason's bar in a 90 x 8 box around the middle."""

    x: float
    width: float
    tone: str
    points: str
    says: str


def push(points: float, most: float, says: str) -> Push:
    """A reason of the risk: red to the right pushes towards silence, green to the left holds. `points` are percentage points."""
    width = round(44 * min(abs(points) / (most or 1), 1), 1)
    return Push(
        x=45.0 if points >= 0 else round(45 - width, 1),
        width=max(width, 1.0),
        tone="red" if points >= 0 else "ok",
        points=f"{points:+.0f}" if abs(points) >= 1 else f"{points:+.1f}",
        says=says,
    )


@dataclass(frozen=True)
class Interval:
    """An interval with its middle on a line of 0..300, and where zero lies (None: out of sight)."""

    low_x: float
    middle_x: float
    high_x: float
    zero_x: float


def interval(low: float, middle: float, high: float) -> Interval:
    """Place low, middle, high and zero on one scale."""
    least, most = min(low, 0.0), max(high, 0.0)
    span = (most - least) or 1.0

    def at(v: float) -> float:
        return round(10 + 280 * (v - least) / span, 1)

    return Interval(at(low), at(middle), at(high), at(0.0))
