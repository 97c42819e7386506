"""What stands behind every figure that was forecast: each model's version, verdict on the operator's own days, and drift.

One function a model, in CARDS; a page lists them without knowing what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from linli.insight import artefacts, boards, demand, forecast_table, forecasts, scores, verdicts

LATELY_DAYS = 28


@dataclass(frozen=True)
class Figure:
    """One figure of a table: `unit` is share, score, pieces, minor (money) or count; None where there is none."""

    value: float | None
    unit: str


@dataclass(frozen=True)
class Rival:
    """One row of a verdict: a forecast by its code, its figures in the table's order, and whether it is what serves."""

    code: str
    figures: tuple[Figure, ...]
    serves: bool


@dataclass(frozen=True)
class Table:
    """Everybody on the same unseen days. `code` names what is judged, `columns` the figures (codes of words), `n` the rows judged."""

    code: str
    columns: tuple[str, ...]
    rivals: tuple[Rival, ...]
    n: int


@dataclass(frozen=True)
class Drift:
    """What was said and what happened since: `said` and `happened` in `unit`, of `n`; `worse`: by more than a third."""

    code: str
    said: float
    happened: float
    unit: str
    n: int
    worse: bool


@dataclass(frozen=True)
class Version:
    """One training: its moment and the verdict's main figure, the smaller the better where `falls`."""

    version: str
    trained_as_of: datetime
    serves: str
    figure: Figure


@dataclass(frozen=True)
class ModelCard:
    """A model as its page shows it. `note` is the verdict as a code of words; `serves` what serves, by what it serves."""

    key: str
    version: str
    trained_as_of: datetime
    note: str
    serves: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    drivers: tuple[tuple[str, float], ...]
    drift: tuple[Drift, ...]
    versions: tuple[Version, ...]
    facts: tuple[tuple[str, Figure], ...]


def cards(region: str, as_of: datetime) -> list[ModelCard]:
    """Every model that was trained by `as_of`, in the order of CARDS."""
    return [card for made in CARDS.values() if (card := made(region, as_of)) is not None]


def _churn(region: str, as_of: datetime) -> ModelCard | None:
    found = scores.newest(region, as_of)
    if found is None:
        return None
    tables: tuple[Table, ...] = ()
    if told := found.judged:
        rivals = [
            ("model", told.roc, told.average_precision, told.calibration_error),
            ("bgnbd", told.baseline_roc or None, told.baseline_average_precision or None, told.baseline_calibration_error or None),
            ("recency", told.recency_roc, None, None),
        ]
        units = ("score", "score", "share")
        serving = {"model": "model", "baseline": "bgnbd"}.get(found.serves, "")
        rows = tuple(
            Rival(code, tuple(Figure(v, u) for v, u in zip(figures, units, strict=True)), code == serving) for code, *figures in rivals
        )
        tables = (Table("members", ("roc", "pr", "calibration"), rows, told.members),)
    return ModelCard(
        "churn", found.version, datetime.fromisoformat(found.trained_as_of), scores.note_of(found, as_of), (("risk", found.serves),),
        tables, (), _came_true(region), (), (("cutoffs", Figure(len(found.cutoffs), "count")),),
    )  # fmt: skip


def _came_true(region: str) -> tuple[Drift, ...]:
    """Of those whose 45 days have passed: the share that was expected to leave and the share that left."""
    came = boards.came_true(region)
    bands = came.matured if came else ()
    if not (n := sum(b.members for b in bands)):
        return ()
    said = sum(b.predicted_share * b.members for b in bands) / n
    happened = sum(b.happened_count for b in bands) / n
    return (Drift("left", said, happened, "share", n, abs(said - happened) > max(said, 0.01) / 3),)


def _value(region: str, as_of: datetime) -> ModelCard | None:
    found = artefacts.of("value", region, as_of)
    if found is None:
        return None
    tables: tuple[Table, ...] = ()
    facts: list[tuple[str, Figure]] = []
    if told := found.judged:
        errors = (("model", "rmse_minor"), ("rhythm", "baseline_rmse_minor"), ("rate", "rate_rmse_minor"))
        rows = tuple(
            Rival(code, (Figure(told[key], "minor"),), code == {"model": "model", "baseline": "rhythm"}.get(found.serves))
            for code, key in errors
        )
        tables = (Table("members", ("value_rmse",), rows, told["members"]),)
        facts = [("inside_80", Figure(told["held_share"], "share")), ("total_error", Figure(told["total_error"], "share"))]
    return _of_members("value", found, as_of, tables, facts)


def _basket(region: str, as_of: datetime) -> ModelCard | None:
    found = artefacts.of("basket", region, as_of)
    if found is None:
        return None
    tables: tuple[Table, ...] = ()
    if told := found.judged:
        rows = tuple(
            Rival(code, (Figure(told["recall"][code], "share"), Figure(told["ndcg"][code], "score")), code == found.serves)
            for code in ("model", "tifu", "frequency", "popular")
        )
        tables = (Table("members", ("recall_10", "ndcg_10"), rows, told["members"]),)
    return _of_members("basket", found, as_of, tables, [])


def _of_members(
    key: str, found: artefacts.Artefact, as_of: datetime, tables: tuple[Table, ...], facts: list[tuple[str, Figure]]
) -> ModelCard:
    trained = datetime.fromisoformat(found.trained_as_of)
    serves = (("members", found.serves),) if found.serves else ()
    return ModelCard(key, found.version, trained, verdicts.note_of(found, as_of), serves, tables, (), (), (), tuple(facts))


def _demand(region: str, as_of: datetime) -> ModelCard | None:
    trained = demand.versions(region, as_of)
    if not trained:
        return None
    found = trained[0]
    tables = []
    for level, rows in (found.verdict or {}).get("table", {}).items():
        rivals = tuple(
            Rival(
                code,
                (Figure(r["rmse"], "pieces"), Figure(r["wape"], "share"), Figure(r["wpe"], "share")),
                code == found.serves.get(level),
            )
            for code, r in rows.items()
        )
        tables.append(Table(level, ("rmse", "wape", "wpe"), rivals, int(next(iter(rows.values()))["n"])))
    serves = tuple((level, found.serves[level]) for level in ("category", "sku", "place") if level in found.serves)
    coverage = (found.verdict or {}).get("coverage", {}).get("sku")
    facts = [("days", Figure(found.days, "count")), ("skus", Figure(found.skus, "count")), ("places", Figure(found.places, "count"))]
    if coverage:
        facts += [("inside_80", Figure(coverage["inside_80"], "share")), ("worst_gap", Figure(coverage["worst_gap"] / 100, "share"))]
    return ModelCard(
        "demand", found.version, datetime.fromisoformat(found.trained_as_of), demand.note_of(found, as_of), serves, tuple(tables),
        tuple((found.drivers or {}).items()), _pieces_off(region, found),
        tuple(_version(a) for a in trained[:8]), tuple(facts),
    )  # fmt: skip


def _version(a: demand.Artefact) -> Version:
    row = (a.verdict or {}).get("table", {}).get("sku", {}).get("served")
    return Version(
        a.version, datetime.fromisoformat(a.trained_as_of), a.serves.get("sku", ""), Figure(row["wape"] if row else None, "share")
    )


def _pieces_off(region: str, found: demand.Artefact) -> tuple[Drift, ...]:
    """WAPE of the last four weeks' nights beside that of the judged days: the same question, asked of what was really said."""
    days = forecast_table.said_days(region)
    row = (found.verdict or {}).get("table", {}).get("sku", {}).get("served")
    if len(days) < 2 or not row:
        return ()
    last = days[-1]
    since = last - timedelta(days=LATELY_DAYS)
    said = forecast_table.said(region, [d for d in days if since <= d < last], level="sku")
    said = said[(said["span"] == 1) & (said["day"] <= last)]
    sold = forecast_table.sold(region, since=since)
    both = said.merge(sold[sold["available"] >= forecasts.OFFERED][["sku", "day", "pieces"]], on=["sku", "day"])
    total = float(both["pieces"].sum())
    if not len(both) or total <= 0:
        return ()
    wape = float(np.abs(both["mean"] - both["pieces"]).sum()) / total
    return (Drift("wape", row["wape"], wape, "share", len(both), wape > row["wape"] * 4 / 3),)


CARDS: dict[str, Callable[[str, datetime], ModelCard | None]] = {"churn": _churn, "value": _value, "basket": _basket, "demand": _demand}
