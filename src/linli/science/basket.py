"""What a member will have in the next basket: what they buy again, and what they may try.

    model = basket.fit(lines, as_of=moment)
    basket.predict(model, lines, as_of=moment, k=10)      # member_id, rank, item, score, repeat
    basket.everybody(lines, as_of=moment, k=10)           # for those who opted out: nothing personal

Candidates are the member's own items and the best of neighbours (TIFU-KNN: Hu et al., SIGIR 2020),
of what goes with their latest baskets, and of what sells now. LightGBM's LambdaRank learns to mix
those scores with recency and the item's own rhythm, on every member's latest basket before as-of.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from linli.science.basket_state import Floats, Ints, State, Tifu, neighbours, numbered, state

FEATURES = (
    "count", "by_basket", "by_day", "back", "first_back", "age", "share", "since_first", "rhythm",
    "own", "near", "mixed", "together", "popular", "repeated", "baskets", "size", "idle", "waiting",
)  # fmt: skip
PAIR = ("count", "by_basket", "by_day", "back", "first_back", "age", "share", "since_first", "rhythm")
RANKING: dict[str, Any] = {"objective": "lambdarank", "lambdarank_truncation_level": 20, "num_leaves": 31, "learning_rate": 0.08}
RANKING |= {"min_data_in_leaf": 200, "feature_fraction": 0.6, "bagging_fraction": 0.7, "bagging_freq": 1, "max_bin": 63}
RANKING |= {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True}
ROUNDS = 120
NEAR, TOGETHER, POPULAR = 50, 30, 20
CHUNK = 400
TAG = "linli.basket/1"
FREQUENCY = "frequency"
FEWEST_BASKETS = 3
FEWEST_MEMBERS = 50


@dataclass(frozen=True)
class BasketModel:
    """``booster`` is None when there was too little to learn from: TIFU-KNN's score answers."""

    tifu: Tifu
    booster: lgb.Booster | None
    members: int

    @property
    def learnt(self) -> bool:
        """False: the published mixture serves, not a learned one."""
        return self.booster is not None

    def save(self, path: Path) -> None:
        """Write one JSON file: no code in it."""
        booster = self.booster.model_to_string() if self.booster else None
        path.write_text(json.dumps({"tag": TAG, "tifu": asdict(self.tifu), "booster": booster, "members": self.members}), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "BasketModel":
        """Read what ``save`` wrote.

        Raises:
            ValueError: the file is of another kind or version.
        """
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.get("tag") != TAG:
            raise ValueError(f"{path.name} is {told.get('tag')!r}, not {TAG!r}")
        return cls(Tifu(**told["tifu"]), lgb.Booster(model_str=told["booster"]) if told["booster"] else None, told["members"])


def fit(
    lines: pd.DataFrame, as_of: datetime, *, tifu: Tifu | None = None, max_members: int = 5000, pool: int | None = None, seed: int = 0
) -> BasketModel:
    """Learn from every member's latest basket up to ``as_of``, given the baskets before it; later lines are never read.

    Args:
        lines: the long frame of ``linli.science.basket_state``.
        tifu: neighbours and decays; None for those of the paper on Ta-Feng.
        max_members: whose latest basket is learnt from, drawn at random.
        pool: see ``basket_state.state``.
        seed: the only source of randomness.
    """
    tifu = tifu or Tifu()
    past = numbered(lines, as_of)
    target = past[past["back"] == 0]
    before = past[past["back"] > 0].assign(back=lambda t: t["back"] - 1)
    enough = before.groupby("member_id")["back"].max() >= FEWEST_BASKETS - 2
    of = target[target["member_id"].isin(enough.index[enough])]
    if of["member_id"].nunique() < FEWEST_MEMBERS:
        return BasketModel(tifu, None, 0)
    now = of.groupby("member_id")["at"].min()
    at = state(before, now.combine_first(before.groupby("member_id")["at"].max()), tifu, pool=pool)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(at.members.get_indexer(now.index))[:max_members])
    table = candidates(at, rows, tifu)
    hit = pd.MultiIndex.from_arrays([at.members.get_indexer(of["member_id"]), at.items.get_indexer(of["item"])])
    label = pd.MultiIndex.from_frame(table[["row", "column"]]).isin(hit).astype(np.int64)
    sizes = table.groupby("row", sort=False).size().to_numpy()
    data = lgb.Dataset(table[list(FEATURES)].to_numpy(np.float32), label, group=sizes, feature_name=list(FEATURES))
    return BasketModel(tifu, lgb.train(RANKING | {"seed": seed + 1}, data, ROUNDS), len(rows))


def predict(model: BasketModel, lines: pd.DataFrame, as_of: datetime, *, members: Sequence[Any] | None = None, k: int = 10) -> pd.DataFrame:
    """Best ``k`` items of each member (or of ``members``): ``member_id``, ``rank`` 1.., ``item``, ``score``, ``repeat``.

    ``repeat`` is True for what the member has bought before. Members never seen have no rows: give them
    ``everybody``.
    """
    past = numbered(lines, as_of)
    at = state(past, pd.Series(pd.Timestamp(as_of), index=past["member_id"].unique()), model.tifu)
    rows = np.arange(len(at.members)) if members is None else at.members.get_indexer(pd.Index(members))
    return ranked(model, at, rows[rows >= 0], k)


def everybody(lines: pd.DataFrame, as_of: datetime, *, k: int = 10) -> pd.DataFrame:
    """What sells now, fading by half in 14 days: ``rank``, ``item``, ``score``. Reads no one's own history."""
    past = lines[lines["at"] <= as_of]
    fade = 0.5 ** ((pd.Timestamp(as_of) - past["at"]).dt.days.clip(lower=0) / 14.0)
    score = fade.groupby(past["item"]).sum().sort_values(ascending=False, kind="stable").head(k)
    return pd.DataFrame({"rank": np.arange(1, len(score) + 1), "item": score.index, "score": score.to_numpy()})


def ranked(model: BasketModel, at: State, rows: Ints, k: int) -> pd.DataFrame:
    """``predict`` from a state."""
    parts = []
    for table in scored(model, at, rows):
        table = table.sort_values(["row", "score", "column"], ascending=[True, False, True])
        table["rank"] = table.groupby("row").cumcount() + 1
        parts.append(table.loc[table["rank"] <= k, ["row", "rank", "column", "score", "count"]])
    best = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(
        {
            "member_id": at.members[best["row"]],
            "rank": best["rank"],
            "item": at.items[best["column"]],
            "score": best["score"],
            "repeat": best["count"] > 0,
        }
    )


def scored(model: BasketModel, at: State, rows: Ints, by: str = "") -> Iterator[pd.DataFrame]:
    """``candidates`` of some members after others, with ``score``: the model's, or personal ``FREQUENCY``'s where asked for."""
    for some in np.array_split(rows, max(1, -(-len(rows) // CHUNK))):
        table = candidates(at, some, model.tifu)
        x = table[list(FEATURES)].to_numpy(np.float32)
        if by == FREQUENCY:
            score = table["share"] + 1e-3 * table["popular"] / at.popular.max()
        else:
            score = table["mixed"] if model.booster is None else np.asarray(model.booster.predict(x, num_threads=1)) if len(x) else []
        yield table.assign(score=score)


def two_lists(model: BasketModel, at: State, rows: Ints, k: int, by: str = "") -> pd.DataFrame:
    """The best ``k`` of what each member bought before and the best ``k`` of what not, each with why.

    ``member_id``, ``item``, ``score`` (comparable within a member), ``repeat``; of a repeat ``count`` baskets, ``age`` days
    since the last and ``every`` days between (nan after one); of another ``beside``: the item of the last three baskets that
    others most often buy it with ("" where there is none), ``near``: how much the members nearest to them buy it.
    """
    follows = np.asarray(at.around.follows.todense(), np.float32)
    parts = []
    for table in scored(model, at, rows, by):
        table = table.assign(repeat=table["count"] > 0).sort_values(
            ["row", "repeat", "score", "column"], ascending=[True, False, False, True]
        )
        best = table[table.groupby(["row", "repeat"]).cumcount() < k]
        bought = np.asarray(at.last[best["row"].to_numpy()].todense(), np.float32)
        goes = bought * follows[:, best["column"].to_numpy()].T
        partner = goes.argmax(axis=1)
        beside = np.where((goes.max(axis=1) > 0) & ~best["repeat"].to_numpy(), at.items.to_numpy(object)[partner], "")
        spans = ((best["first_back"] > best["back"]), (best["span"] / (best["count"] - 1).clip(lower=1)))
        parts.append(
            pd.DataFrame(
                {
                    "member_id": at.members[best["row"]],
                    "item": at.items[best["column"]],
                    "score": best["score"].to_numpy(),
                    "repeat": best["repeat"].to_numpy(),
                    "count": best["count"].to_numpy(),
                    "age": best["age"].to_numpy(),
                    "every": np.where(spans[0], spans[1], np.nan),
                    "beside": beside,
                    "near": best["near"].to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def candidates(at: State, rows: Ints, tifu: Tifu) -> pd.DataFrame:
    """(row, column, features) of what each member might buy: own items first, then the best of three lists."""
    owned = at.pairs[at.pairs["row"].isin(rows)]
    parts = [_chunk(at, some, tifu, owned) for some in np.array_split(rows, max(1, -(-len(rows) // CHUNK))) if len(some)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["row", "column", *FEATURES])


def _chunk(at: State, rows: Ints, tifu: Tifu, owned: pd.DataFrame) -> pd.DataFrame:
    near = neighbours(at, rows, tifu.k)
    own = at.history[rows].toarray()
    together = (at.last[rows] @ at.around.follows).toarray()
    mine = owned[owned["row"].isin(rows)]
    place = pd.Series(np.arange(len(rows)), index=rows)
    chosen = np.zeros(near.shape, bool)
    chosen[place.loc[mine["row"]].to_numpy(), mine["column"].to_numpy()] = True
    chosen[:, np.argsort(-at.popular, kind="stable")[:POPULAR]] = True
    for score, number in ((near, NEAR), (together, TOGETHER)):
        number = min(number, score.shape[1])
        best = np.argpartition(-score, number - 1, axis=1)[:, :number]
        np.put_along_axis(chosen, best, True, axis=1)
    i, column = np.nonzero(chosen)
    row = rows[i]
    idle, gap = at.idle[row], at.gap[row]
    table = pd.DataFrame(
        {
            "row": row,
            "column": column,
            "own": own[i, column],
            "near": near[i, column],
            "mixed": tifu.own * own[i, column] + (1 - tifu.own) * near[i, column],
            "together": together[i, column],
            "popular": at.popular[column],
            "repeated": at.around.repeated[column],
            "baskets": at.baskets[row],
            "size": at.size[row],
            "idle": idle,
            "waiting": idle / gap,
        }
    )
    table = table.merge(mine[["row", "column", *PAIR, "first_age"]], on=["row", "column"], how="left")
    table["span"] = table["first_age"] - table["age"]
    counts = ["count", "by_basket", "by_day", "share", "since_first"]
    table[counts] = table[counts].fillna(0.0)
    return table


def top_frequency(at: State, rows: Ints) -> Floats:
    """Personal top frequency, the rival: share of own baskets, then what sells, (rows, items)."""
    mine = at.pairs[at.pairs["row"].isin(rows)]
    place = pd.Series(np.arange(len(rows)), index=rows)
    result = np.tile(1e-3 * at.popular / at.popular.max(), (len(rows), 1))
    result[place.loc[mine["row"]].to_numpy(), mine["column"].to_numpy()] += mine["share"].to_numpy()
    return result
