"""The next basket: trained, judged on four weeks it had not seen, the better one served; and what sells, personal to nobody.

Items are the product types of the shop's catalogue (of a shop without one, those bought most). The model ranks where its nDCG
beats the better of TIFU-KNN and personal top frequency by more than chance; otherwise the better of those two serves. What is
drawn from everybody (`Around`) is drawn by a refresh and kept: a touched member is ranked among the same others, from their own
lines alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from linli.goods import queries as goods
from linli.insight import artefacts
from linli.insight.artefacts import Artefact
from linli.insight.features import facts_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from linli.insight.facts import Tables
    from linli.science.basket import BasketModel
    from linli.science.basket_state import Around, State

KIND = "basket"
KNOWN_DAYS = 365
JUDGED_DAYS = 28
POPULAR_DAYS, HALF_LIFE_DAYS = 28, 14
K = 10
KEPT = 12
"""How many of each list are kept of a member: goods on sale on a day are a part of them."""
POPULAR_KEPT = 20
MOST_ITEMS = 400
LEAST_ITEMS = 5
POOL = 5000
LEAST_JUDGED = 100
LEAST_HOUSEHOLDS = 3
"""What fewer households of a community bought would tell who they are."""
REPLICATES = 500
FREQUENCY, TIFU = "frequency", "tifu"


@dataclass(frozen=True)
class Wanted:
    """What one member will likely have next, best first: what they bought before, and what they did not."""

    repeat: list[list[Any]]  # [item, score, baskets, days since the last, days between (None after one)]
    explore: list[list[Any]]  # [item, score, why: "beside" | "near" | "popular", the item it goes with or ""]

    def to_dict(self) -> dict[str, Any]:
        return {"repeat": self.repeat, "explore": self.explore}


def assortment(region: str) -> list[str]:
    """The items the shop sells; empty for a shop whose catalogue says too little to choose from."""
    found = {s.item for s in goods.skus(region).values() if s.active}
    return sorted(found) if len(found) >= LEAST_ITEMS else []


def _called(region: str, as_of: datetime, days: int, tables: Tables | None = None) -> ir.Table:
    """Lines of the last days with ``item``: the product type, else the catalogue's code."""
    t = facts_of(as_of, region, tables).lines
    t = t.filter(t.at > ibis.literal(as_of - timedelta(days=days)))
    t = t.mutate(item=ibis.coalesce(t.product_type.nullif(""), t.sku.nullif("")))
    return t.filter(t["item"].notnull())


def lines_of(
    region: str,
    as_of: datetime,
    member_ids: Sequence[int] | None = None,
    items: Sequence[str] | None = None,
    tables: Tables | None = None,
) -> pd.DataFrame:
    """One row a basket and item of the last year, as ``science.basket`` reads them: member_id, at, basket_id, item.

    `items` None: the assortment, or the types bought most where there is none.
    """
    t = _called(region, as_of, KNOWN_DAYS, tables)
    wanted = assortment(region) if items is None else list(items)
    if not wanted:
        sold = t.group_by("item").agg(n=t.basket_id.nunique()).order_by([ibis.desc("n"), "item"]).limit(MOST_ITEMS)
        wanted = sold.to_pyarrow()["item"].to_pylist()
    t = t.filter(t["item"].isin(wanted))
    if member_ids is not None:
        t = t.filter(t.member_id.isin([int(m) for m in member_ids]))
    found = t.group_by("member_id", "basket_id", "item").agg(at=t.at.min())
    frame: pd.DataFrame = found.order_by("member_id", "at", "basket_id", "item").to_pyarrow().to_pandas()
    frame["item"] = frame["item"].astype(object)
    return frame


# ---- training and the verdict


def train(region: str, as_of: datetime) -> Artefact:
    """Train, judge and keep the model of a region as of a moment. The same facts give the same file."""
    from linli.science import basket

    lines = lines_of(region, as_of)
    made = Artefact(artefacts.version(region, as_of), region, as_of.isoformat(), "basket.no_history")
    if not len(lines):
        return _keep(made)
    model = basket.fit(lines, as_of, pool=POOL)
    artefacts.put(_path(made.version), model.save)
    unjudged = Artefact(made.version, region, made.trained_as_of, "basket.unjudged", FREQUENCY)
    last = lines["at"].max().to_pydatetime()
    cutoff = min(as_of, last) - timedelta(days=JUDGED_DAYS)
    judged = judge(lines, cutoff) if model.learnt else None
    if judged is None:
        return _keep(unjudged)
    better = max((FREQUENCY, TIFU), key=lambda name: judged["ndcg"][name])
    wins = judged["gain_low"] > 0
    note, serves = ("basket.good", "model") if wins else ("basket.below_baseline", better)
    return _keep(Artefact(made.version, region, made.trained_as_of, note, serves, judged))


def _keep(artefact: Artefact) -> Artefact:
    artefacts.keep(KIND, artefact.to_dict())
    return artefact


def _path(version: str) -> Path:
    return artefacts.folder(KIND) / f"{version}.model.json"


def judge(lines: pd.DataFrame, cutoff: datetime) -> dict[str, Any] | None:
    """A twin that learnt up to `cutoff`, on each member's first basket after it; None where too few came.

    `recall` and `ndcg` at 10 by name (model, tifu, frequency, popular); `gain_low`: lower end of the 95 % interval of the
    model's nDCG less the better rival's, paired over members.
    """
    from linli.science import basket

    known = lines[lines["at"] <= cutoff]
    after = lines[lines["at"] > cutoff].sort_values(["member_id", "at", "basket_id"])
    first = after.groupby("member_id")["basket_id"].transform("first")
    target = after[(after["basket_id"] == first) & after["member_id"].isin(known["member_id"].unique())]
    if target["member_id"].nunique() < LEAST_JUDGED:
        return None
    twin = basket.fit(known, cutoff, pool=POOL)
    if not twin.learnt:
        return None
    members = np.sort(target["member_id"].unique())[:POOL]
    at = _state(twin, known, cutoff)
    rows = at.members.get_indexer(pd.Index(members))
    sells = basket.everybody(known, cutoff, k=K)["item"].tolist()
    lists = {name: _lists(model, at, rows, by) for name, model, by in _rivals(twin)}
    lists["popular"] = {int(m): sells for m in members}
    wanted = {int(m): set(items) for m, items in target.groupby("member_id")["item"]}
    scored = {name: np.array([_measures(found.get(int(m), []), wanted[int(m)]) for m in members]) for name, found in lists.items()}
    better = max((FREQUENCY, TIFU), key=lambda name: scored[name][:, 1].mean())
    gain = scored["model"][:, 1] - scored[better][:, 1]
    draws = np.random.default_rng(0).integers(0, len(gain), (REPLICATES, len(gain)))
    return {
        "cutoff": cutoff.isoformat(),
        "members": len(members),
        "items": len(at.items),
        "recall": {name: float(v[:, 0].mean()) for name, v in scored.items()},
        "ndcg": {name: float(v[:, 1].mean()) for name, v in scored.items()},
        "gain": float(gain.mean()),
        "gain_low": float(np.quantile(gain[draws].mean(axis=1), 0.025)),
    }


def _rivals(twin: BasketModel) -> tuple[tuple[str, BasketModel, str], ...]:
    from linli.science.basket import BasketModel

    plain = BasketModel(twin.tifu, None, 0)
    return ("model", twin, ""), (TIFU, plain, ""), (FREQUENCY, plain, FREQUENCY)


def _lists(model: BasketModel, at: State, rows: Any, by: str) -> dict[int, list[str]]:
    from linli.science import basket

    found: dict[int, list[str]] = {}
    for table in basket.scored(model, at, rows, by):
        table = table.sort_values(["row", "score", "column"], ascending=[True, False, True])
        best = table[table.groupby("row").cumcount() < K]
        for row, column in zip(best["row"], best["column"], strict=True):
            found.setdefault(int(at.members[row]), []).append(at.items[column])
    return found


def _measures(listed: Sequence[str], wanted: set[str]) -> tuple[float, float]:
    """Recall and nDCG at K (Jarvelin & Kekalainen 2002) of one list."""
    hits = [i for i, item in enumerate(listed[:K]) if item in wanted]
    best = sum(1 / np.log2(i + 2) for i in range(min(K, len(wanted))))
    return len(hits) / len(wanted), sum(1 / np.log2(i + 2) for i in hits) / best


# ---- serving


def _state(model: BasketModel, lines: pd.DataFrame, as_of: datetime, around: Around | None = None) -> State:
    from linli.science import basket_state

    past = basket_state.numbered(lines, as_of)
    now = pd.Series(pd.Timestamp(as_of), index=past["member_id"].unique())
    return basket_state.state(past, now, model.tifu, around=around, pool=POOL)


def around_path(region: str) -> Path:
    """Where the last refresh's view of everybody lies."""
    return artefacts.folder(KIND) / f"{region}.around.npz"


def score(
    region: str,
    as_of: datetime,
    member_ids: Sequence[int] | None = None,
    *,
    model_as_of: datetime | None = None,
    tables: Tables | None = None,
) -> tuple[dict[int, Wanted], Around | None]:
    """Both lists by member, of those with a basket in a year, and what was drawn from everybody (the caller keeps it).

    For some members it is read as the last refresh kept it; where there is none, it is drawn from everybody again. `tables`:
    where those members' facts are read, the lake unless told.
    """
    from linli.science.basket import BasketModel, two_lists
    from linli.science.basket_state import Around

    artefact = artefacts.of(KIND, region, model_as_of or as_of)
    if artefact is None or not artefact.serves:
        return {}, None
    model = BasketModel.load(_path(artefact.version))
    if artefact.serves != "model":
        model = BasketModel(model.tifu, None, 0)
    around = None
    if member_ids is not None and around_path(region).exists():
        around = Around.load(around_path(region))
    lines = lines_of(region, as_of, member_ids if around else None, list(around.items) if around else None, tables if around else None)
    if not len(lines):
        return {}, around
    at = _state(model, lines, as_of, around)
    rows = np.arange(len(at.members)) if member_ids is None else at.members.get_indexer(pd.Index([int(m) for m in member_ids]))
    best = two_lists(model, at, rows[rows >= 0], KEPT, artefact.serves if artefact.serves == FREQUENCY else "")
    return _wanted(best), at.around


def _wanted(best: pd.DataFrame) -> dict[int, Wanted]:
    found: dict[int, Wanted] = {}
    names = ("member_id", "item", "score", "repeat", "count", "age", "every", "beside", "near")
    for member, item, score_, repeat, count, age, every, beside, near in zip(*(best[c].tolist() for c in names), strict=True):
        mine = found.setdefault(int(member), Wanted([], []))
        if repeat:
            mine.repeat.append([item, round(score_, 4), int(count), int(age), None if every != every else round(every, 1)])
        else:
            why = "beside" if beside else "near" if near > 0 else "popular"
            mine.explore.append([item, round(score_, 4), why, beside])
    return found


def keep_around(region: str, around: Around | None) -> None:
    """Keep what a refresh drew from everybody."""
    if around is not None:
        artefacts.put(around_path(region), around.save)


def popular(region: str, as_of: datetime) -> dict[int, list[list[Any]]]:
    """Community (0: the region) -> [item, households of four weeks], best first; reads no one's own history, tells of no few.

    An order fades by half in 14 days; an item of fewer than three households is left out.
    """
    t = _called(region, as_of, POPULAR_DAYS)
    if wanted := assortment(region):
        t = t.filter(t["item"].isin(wanted))
    # Whole weights of whole days, so that the order of adding changes no sum.
    days = (ibis.literal(as_of).epoch_seconds() - t.at.truncate("s").epoch_seconds()) // 86_400
    t = t.mutate(weight=((0.5 ** (days / HALF_LIFE_DAYS)) * 1000).round().cast("int64"))
    counts = []
    for place in (t.community_id, ibis.literal(0, "int64")):
        by = t.mutate(place=place)
        counts.append(by.group_by("place", "item").agg(households=by.member_id.nunique(), weight=by.weight.sum()))
    found = ibis.union(*counts).filter(lambda c: c.households >= LEAST_HOUSEHOLDS)
    table = found.order_by(["place", ibis.desc("weight"), "item"]).to_pyarrow().to_pydict()
    lists: dict[int, list[list[Any]]] = {}
    for place, item, households in zip(table["place"], table["item"], table["households"], strict=True):
        mine = lists.setdefault(int(place), [])
        if len(mine) < POPULAR_KEPT:
            mine.append([item, int(households)])
    return lists
