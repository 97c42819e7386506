"""One share of a region's members scored: frames in, frames out. Runs wherever the engine keeps that share, so it reads nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from linli.science.churn import ChurnModel
    from linli.science.silence import Silence

TOLD = pa.schema([("member_id", pa.int64()), ("risk", pa.float64()), ("family", pa.string()), ("points", pa.float64())])
"""One row a member and push on the risk; a member without any has one with an empty family."""


def by_model(found: pd.DataFrame, *, model: ChurnModel, explained_from: float, most: int) -> pd.DataFrame:
    """`found`: rows of `ChurnModel.table`. Pushes are told of risks from `explained_from` on, the `most` largest."""
    features = model.of(found)
    risk = model.predict(features)
    return _long(risk, model.reasons(features[(risk >= explained_from).to_numpy()], k=most))


def by_baseline(found: pd.DataFrame, *, fallback: Silence, active_days: int, explained_from: float) -> pd.DataFrame:
    """`found`: rows of `rfm.histories`."""
    active = found[found["recency_days"] < active_days].set_index("member_id").sort_index()
    risk = fallback.risk(active)
    return _long(risk, fallback.reasons(active[(risk >= explained_from).to_numpy()]))


def _long(risk: pd.Series, pushes: pd.DataFrame) -> pd.DataFrame:
    members = pd.DataFrame({"member_id": risk.index.astype("int64"), "risk": risk.to_numpy()})
    told = members.merge(pushes[["member_id", "family", "points"]], on="member_id", how="left")
    return told.fillna({"family": "", "points": 0.0})[TOLD.names]
