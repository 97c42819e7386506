"""What baskets up to a moment say of members and items: histories, neighbours, items that follow each other.

The long frame has one row per line: ``member_id``, ``at`` (timestamp), ``basket_id``, ``item``,
optionally ``category``. An item twice in a basket counts once.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
REQUIRED = ("member_id", "at", "basket_id", "item")
RECENT_DAYS, MONTH_DAYS = 10.0, 30.0
HELD_BASKETS = 60
"""Older baskets of a member weigh nothing any more and are left out, so that a member's cost is bounded."""


@dataclass(frozen=True)
class Tifu:
    """Parameters of TIFU-KNN: neighbours, group size, decay within and between groups, weight of the own history."""

    k: int = 300
    group: int = 7
    within: float = 0.9
    between: float = 0.7
    own: float = 0.7


@dataclass(frozen=True)
class Around:
    """What is drawn from everybody: the items, how they sell and follow each other, and the members to be near to.

    Kept with a day's list, it gives a member whose basket came in later the place among the same others, without reading
    theirs again.
    """

    items: pd.Index
    popular: Floats
    repeated: Floats
    follows: sparse.csr_matrix
    pool: sparse.csr_matrix
    pool_members: pd.Index

    def save(self, path: Path) -> None:
        """Write one .npz file: no code in it."""
        parts = {f"{name}_{part}": getattr(m, part) for name, m in self._matrices() for part in ("data", "indices", "indptr", "shape")}
        names = self.items.to_numpy(dtype=str)
        with path.open("wb") as file:
            np.savez(file, items=names, popular=self.popular, repeated=self.repeated, members=self.pool_members.to_numpy(), **parts)

    def _matrices(self) -> tuple[tuple[str, sparse.csr_matrix], ...]:
        return ("follows", self.follows), ("pool", self.pool)

    @classmethod
    def load(cls, path: Path) -> "Around":
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as f:
            read = {name: (f[f"{name}_data"], f[f"{name}_indices"], f[f"{name}_indptr"]) for name in ("follows", "pool")}
            held = {name: sparse.csr_matrix(parts, shape=tuple(f[f"{name}_shape"])) for name, parts in read.items()}
            names = pd.Index(f["items"].astype(object))
            return cls(names, f["popular"], f["repeated"], held["follows"], held["pool"], pd.Index(f["members"]))


@dataclass(frozen=True)
class State:
    """As of a moment. ``pairs`` has one row per (member, item) bought: row and column, counts, decayed counts, ages."""

    members: pd.Index
    around: Around
    pairs: pd.DataFrame
    history: sparse.csr_matrix
    last: sparse.csr_matrix
    baskets: Ints
    size: Floats
    idle: Floats
    gap: Floats

    @property
    def items(self) -> pd.Index:
        """The items known, by column."""
        return self.around.items

    @property
    def popular(self) -> Floats:
        """How much of each item sells now."""
        return self.around.popular


def check(lines: pd.DataFrame) -> None:
    """Refuse lines that can't be read.

    Raises:
        ValueError: naming the missing columns.
    """
    missing = [name for name in REQUIRED if name not in lines.columns]
    if missing:
        raise ValueError(f"basket lines lack {', '.join(missing)}")


def numbered(lines: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Lines no later than ``as_of``, one per basket and item, with ``back``: 0 for a member's latest basket, 1 before it."""
    check(lines)
    past = lines.loc[lines["at"] <= as_of, list(REQUIRED)].drop_duplicates(["member_id", "basket_id", "item"])
    baskets = past.groupby(["member_id", "basket_id"], sort=False)["at"].min().reset_index()
    baskets = baskets.sort_values(["member_id", "at", "basket_id"])
    baskets["back"] = baskets.groupby("member_id").cumcount(ascending=False)
    return past.drop(columns="at").merge(baskets, on=["member_id", "basket_id"])


def state(
    past: pd.DataFrame,
    now: pd.Series,
    tifu: Tifu,
    items: pd.Index | None = None,
    *,
    around: Around | None = None,
    pool: int | None = None,
) -> State:
    """Everything that features are made of.

    Args:
        past: lines of ``numbered``, those to be predicted left out, ``back`` counted from 0 again.
        now: the moment each member is asked for, indexed by member_id; ages count back from it.
        items: the items known; None for those of ``past``.
        around: everybody else, as drawn before; None to draw it from ``past``.
        pool: members to be near to, drawn at random, so that a member costs the same however many there are; None for all.
    """
    past = past[past["back"] < HELD_BASKETS]
    members = pd.Index(np.sort(past["member_id"].unique()))
    items = around.items if around else items
    items = pd.Index(np.sort(past["item"].unique())) if items is None else items
    row, column = members.get_indexer(past["member_id"]), items.get_indexer(past["item"])
    keep = column >= 0
    past, row, column = past[keep], row[keep], column[keep]
    back = past["back"].to_numpy(np.int64)
    number = np.zeros(len(members), np.int64)
    np.maximum.at(number, row, back + 1)
    # As columns of times and not as arrays: those of aware moments are objects, a thousand times slower.
    asked = pd.Series(now.reindex(past["member_id"]).array)
    age = np.maximum(((asked - pd.Series(past["at"].array)) / pd.Timedelta(days=1)).to_numpy(np.float64), 0.0)
    shape = (len(members), len(items))
    pairs = _pairs(row, column, back, age, number)
    idle, oldest = np.full(len(members), np.inf), np.zeros(len(members))
    np.minimum.at(idle, row, age)
    np.maximum.at(oldest, row, age)
    history = sparse.csr_matrix((_weights(back, number[row], tifu), (row, column)), shape=shape)
    if around is None:
        chosen = np.arange(len(members))
        if pool is not None and pool < len(members):
            chosen = np.sort(np.random.default_rng(0).permutation(len(members))[:pool])
        around = _around(past, items, pairs, _follows(row, column, back, shape), history[chosen], members[chosen])
    return State(
        members=members,
        around=around,
        pairs=pairs,
        history=history,
        last=sparse.csr_matrix(((back < 3) / (1.0 + back), (row, column)), shape=shape),
        baskets=number,
        size=np.bincount(row, minlength=len(members)) / np.maximum(number, 1),
        idle=idle,
        gap=np.maximum((oldest - idle) / np.maximum(number - 1, 1), 0.5),
    )


def _around(
    past: pd.DataFrame, items: pd.Index, pairs: pd.DataFrame, follows: sparse.csr_matrix, pool: sparse.csr_matrix, members: pd.Index
) -> Around:
    column = items.get_indexer(past["item"])
    fresh = 0.5 ** ((past["at"].max() - past["at"]).dt.days.to_numpy() / 14.0)
    bought = np.bincount(column, minlength=len(items))
    again = np.bincount(pairs["column"], pairs["count"] > 1, minlength=len(items))
    buyers = np.bincount(pairs["column"], minlength=len(items))
    popular = np.bincount(column, fresh, minlength=len(items)) / max(float(fresh.sum()), 1e-9) + 1e-3 * bought / max(int(bought.sum()), 1)
    return Around(items, popular, (again + 1.0) / (buyers + 10.0), follows, pool, members)


def neighbours(of: State, rows: Ints, k: int) -> npt.NDArray[np.float32]:
    """Mean history of each row's ``k`` nearest members of the pool (Euclidean), itself left out, (rows, items)."""
    h, pool = of.history.astype(np.float32), of.around.pool.astype(np.float32)
    square = np.asarray(pool.multiply(pool).sum(axis=1)).ravel()
    like = (h[rows] @ pool.T).toarray()
    distance = square[None, :] - 2.0 * like
    itself = of.around.pool_members.get_indexer(of.members[rows])
    distance[np.flatnonzero(itself >= 0), itself[itself >= 0]] = np.inf
    k = min(k, pool.shape[0] - 1)
    if k < 1:
        return np.zeros((len(rows), len(of.items)), np.float32)
    near = np.argpartition(distance, k - 1, axis=1)[:, :k]
    at = np.repeat(np.arange(len(rows)), k)
    chosen = sparse.csr_matrix((np.full(at.size, 1.0 / k, np.float32), (at, near.ravel())), shape=like.shape)
    return np.asarray((chosen @ pool).toarray(), np.float32)


def _weights(back: Ints, number: Ints, tifu: Tifu) -> Floats:
    """Weight of a basket in its member's vector (Hu et al. 2020, eq. 1-2): mean of group means, both decaying."""
    group, inside = back // tifu.group, back % tifu.group
    groups = (number - 1) // tifu.group + 1
    size = np.where(group == groups - 1, number - tifu.group * (groups - 1), tifu.group)
    result: Floats = tifu.within**inside / size * tifu.between**group / groups
    return result


def _pairs(row: Ints, column: Ints, back: Ints, age: Floats, number: Ints) -> pd.DataFrame:
    """Per (member, item): count, decayed counts by basket and by day, latest and oldest basket and age."""
    frame = pd.DataFrame({"row": row, "column": column, "back": back, "age": age})
    frame["by_basket"] = 0.85**back
    frame["by_day"] = 0.5 ** (age / MONTH_DAYS)
    found = frame.groupby(["row", "column"]).agg(
        count=("back", "size"),
        by_basket=("by_basket", "sum"),
        by_day=("by_day", "sum"),
        back=("back", "min"),
        first_back=("back", "max"),
        age=("age", "min"),
        first_age=("age", "max"),
    )
    found = found.reset_index()
    found["share"] = found["count"] / number[found["row"].to_numpy()]
    found["since_first"] = found["count"] / (found["first_back"] + 1)
    rhythm = (found["first_age"] - found["age"]) / np.maximum(found["count"] - 1, 1)
    found["rhythm"] = np.where(found["count"] > 1, found["age"] / np.maximum(rhythm, 0.5), np.nan)
    return found


def _follows(row: Ints, column: Ints, back: Ints, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Items by items: how often the second was bought in a member's last ten baskets together with the first, over cosine size."""
    of = back < 10
    held = sparse.csr_matrix((np.ones(int(of.sum()), np.float32), (row[of], column[of])), shape=shape)
    held.data = np.minimum(held.data, 3.0)
    # Members with very long lists say little of what goes with what, and cost the square.
    held = sparse.diags(1.0 / np.sqrt(1.0 + np.asarray(held.sum(axis=1)).ravel())).astype(np.float32) @ held
    size = 1.0 / np.sqrt(np.asarray(held.multiply(held).sum(axis=0)).ravel() + 0.5)
    held = sparse.csr_matrix(held @ sparse.diags(size).astype(np.float32))
    together = sparse.csr_matrix(held.T @ held)
    together.setdiag(0)
    together.data[together.data < 0.02] = 0
    together.eliminate_zeros()
    return together
