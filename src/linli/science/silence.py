"""The churn baseline, which also serves shops too young for a model: BG/NBD with a prior, and why in two words.

It is a model in its own right (P(no purchase in the horizon), calibrated as far as people buy as it says) and needs no
past cutoffs to learn from, so a shop of two weeks has risks that make sense. The churn model serves only where it has
beaten this one on the operator's own data.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from linli.science import bgnbd, rfm
from linli.science.bgnbd import Floats
from linli.science.churn_model import Frame, collect, history

MOST_FITTED = 20_000
"""Four numbers need no million members."""


@dataclass(frozen=True, slots=True)
class Silence:
    """BG/NBD in days as fitted on everybody known, and the risk reasons start from (the mean of the fitted members)."""

    model: bgnbd.BgNbd
    baseline: float
    horizon_days: int
    active_days: int | None
    members: int

    def risk(self, frame: pd.DataFrame) -> pd.Series:
        """P(no purchase in the horizon), indexed like ``frame`` (``rfm.features`` or its three columns of history)."""
        return pd.Series(_none(self.model, frame, self.horizon_days), index=frame.index, name="churn")

    def reasons(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Why, in percentage points, as ``ChurnModel.reasons``: 100 * baseline + both = 100 * risk, to the last digit.

        ``frequency`` is what the member's purchases would say had the last of them been today, ``recency`` what the
        silence since then adds. Columns ``member_id``, ``rank``, ``family``, ``points``.
        """
        fresh = frame.assign(recency_days=np.where(frame["visits"] > 1, 0.0, frame["recency_days"]))
        risk, without = _none(self.model, frame, self.horizon_days), _none(self.model, fresh, self.horizon_days)
        parts = {"frequency": without - self.baseline, "recency": risk - without}
        found = pd.concat([pd.DataFrame({"member_id": frame.index, "family": f, "points": 100 * p}) for f, p in parts.items()])
        found["strength"] = -found["points"].abs()
        found = found.sort_values(["member_id", "strength", "family"], ignore_index=True)
        found["rank"] = found.groupby("member_id").cumcount() + 1
        return found[["member_id", "rank", "family", "points"]]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; ``from_dict`` reads it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Silence":
        """Read what ``to_dict`` gave."""
        return cls(**(told | {"model": bgnbd.BgNbd(**told["model"])}))


def fit(
    purchases: Frame, as_of: datetime, *, horizon_days: int = 45, active_days: int | None = 90, prior: bgnbd.Prior = bgnbd.GROCERY_PRIOR
) -> Silence | None:
    """Fitted on everybody who bought by ``as_of``; None when nobody did."""
    return of(collect(rfm.histories(purchases, as_of)), horizon_days=horizon_days, active_days=active_days, prior=prior)


def of(
    frame: pd.DataFrame, *, horizon_days: int = 45, active_days: int | None = 90, prior: bgnbd.Prior = bgnbd.GROCERY_PRIOR
) -> Silence | None:
    """``fit`` from the histories themselves."""
    if not len(frame):
        return None
    drawn = frame if len(frame) <= MOST_FITTED else frame.sort_index().sample(MOST_FITTED, random_state=0)
    model = bgnbd.fit(*history(drawn), prior=prior)
    asked = frame if active_days is None else frame[frame["recency_days"] < active_days]
    risk = _none(model, asked, horizon_days)
    return Silence(model, float(risk.mean()) if len(risk) else 0.0, horizon_days, active_days, len(frame))


def _none(model: bgnbd.BgNbd, frame: pd.DataFrame, horizon_days: int) -> Floats:
    return model.p_no_purchase(*history(frame), horizon_days)
