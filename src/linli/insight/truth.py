"""What the scores said, held against what happened."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np

from linli.insight import scores
from linli.insight.features import facts_of
from linli.insight.models import Refresh, Score

HORIZON = timedelta(days=scores.HORIZON_DAYS)


def truth(region: str, as_of: datetime, model: dict[str, Any]) -> dict[str, Any]:
    """Bands of members by the risk they had: who ordered since the refresh before, and who stayed silent for 45 days.

    The second needs scores that are 45 days old; until there are any, it is the back-test of the model that serves
    (a twin trained 45 days earlier). Empty before a second refresh.
    """
    before = Refresh.objects.filter(region=region, as_of__lt=as_of).order_by("-as_of").values_list("as_of", flat=True).first()
    if before is None:
        return {}
    told: dict[str, Any] = {"since": before.isoformat(), "ordered": _bands(_risks(region, before), _ordered(region, before, as_of))}
    kept = Score.objects.filter(region=region, as_of__lte=as_of - HORIZON).order_by("-as_of").values_list("as_of", flat=True).first()
    if kept is not None:
        old = _risks(region, kept)
        silent = old.keys() - _ordered(region, kept, kept + HORIZON)
        return told | {"matured": _bands(old, silent), "matured_cutoff": kept.isoformat(), "matured_kind": "kept"}
    if judged := model.get("judged"):
        return told | {"matured": judged["bands"], "matured_cutoff": judged["cutoff"], "matured_kind": "backtest"}
    return told | {"matured": [], "matured_cutoff": "", "matured_kind": ""}


def _risks(region: str, as_of: datetime) -> dict[int, float]:
    return dict(Score.objects.filter(region=region, as_of=as_of).values_list("member_id", "risk"))


def _ordered(region: str, since: datetime, until: datetime) -> set[int]:
    """Members with a purchase in (since, until], from the facts recorded by `until`."""
    purchases = facts_of(until, region).purchases
    recent = purchases.filter(purchases.at > ibis.literal(since), purchases.at <= ibis.literal(until))
    return {int(m) for m in recent.select("member_id").distinct().to_pyarrow()["member_id"].to_pylist()}


def _bands(risk: dict[int, float], happened: Collection[int]) -> list[dict[str, float]]:
    ids = list(risk)
    return scores.bands(np.array([risk[m] for m in ids]), np.array([m in happened for m in ids], dtype=np.int64))
