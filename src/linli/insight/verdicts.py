"""The verdict on each model of a region, in one shape for the terminal and for pages: what serves, its figure, the rivals'."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from linli.insight import artefacts, scores


@dataclass(frozen=True)
class Verdict:
    """One model. `measure` names the figure (ROC and nDCG: more is better; RMSE, in major units: less is); "" without one."""

    kind: str
    version: str
    trained_as_of: datetime
    serves: str  # "model", "baseline", or the name of the rival that does
    note: str
    measure: str = ""
    ours: str = ""
    rivals: tuple[tuple[str, str], ...] = ()
    also: str = ""


def of(region: str, as_of: datetime) -> list[Verdict]:
    """Of every kind that was trained by `as_of`, the newest."""
    return [v for v in (_churn(region, as_of), _value(region, as_of), _basket(region, as_of)) if v is not None]


def note_of(artefact: artefacts.Artefact, as_of: datetime) -> str:
    """What must be said of a model of value or basket: a code of words."""
    kind = artefact.note.split(".")[0]
    return f"{kind}.old" if artefact.note == f"{kind}.good" and artefacts.is_old(artefact.trained_as_of, as_of) else artefact.note


def _churn(region: str, as_of: datetime) -> Verdict | None:
    found = scores.newest(region, as_of)
    if found is None:
        return None
    made = Verdict("churn", found.version, datetime.fromisoformat(found.trained_as_of), found.serves, scores.note_of(found, as_of))
    if not found.judged:
        return made
    j = found.judged
    rivals = (("BG/NBD", f"{j.baseline_roc:.3f}"), ("recency", f"{j.recency_roc:.3f}"))
    also = f"calibration error {j.calibration_error:.3f}"
    return Verdict(*_head(made), "ROC", f"{j.roc:.3f}", rivals, also)


def _value(region: str, as_of: datetime) -> Verdict | None:
    found = artefacts.of("value", region, as_of)
    if found is None:
        return None
    made = Verdict("value", found.version, datetime.fromisoformat(found.trained_as_of), found.serves, note_of(found, as_of))
    if not found.judged:
        return made
    j = found.judged
    rivals = (("rhythm alone", f"{j['baseline_rmse_minor'] / 100:.1f}"), ("as so far", f"{j['rate_rmse_minor'] / 100:.1f}"))
    return Verdict(*_head(made), "RMSE", f"{j['rmse_minor'] / 100:.1f}", rivals, f"80 % interval held {j['held_share']:.1%}")


def _basket(region: str, as_of: datetime) -> Verdict | None:
    found = artefacts.of("basket", region, as_of)
    if found is None:
        return None
    made = Verdict("basket", found.version, datetime.fromisoformat(found.trained_as_of), found.serves, note_of(found, as_of))
    if not found.judged:
        return made
    ndcg, recall = found.judged["ndcg"], found.judged["recall"]
    names = (("TIFU-KNN", "tifu"), ("bought most", "frequency"), ("what sells", "popular"))
    rivals = tuple((name, f"{ndcg[key]:.3f}") for name, key in names)
    return Verdict(*_head(made), "nDCG@10", f"{ndcg['model']:.3f}", rivals, f"recall@10 {recall['model']:.3f}")


def _head(v: Verdict) -> tuple[str, str, datetime, str, str]:
    return v.kind, v.version, v.trained_as_of, v.serves, v.note
