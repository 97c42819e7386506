"""Category risk: do the things a member buys belong to people who stay or to people who leave?

A ridge logistic regression of the label on the set of categories bought lately. Each member's set
is a row of ones scaled to length one, so that a broad basket does not count as many opinions. The
score of a member is then sum(weight of category) / sqrt(number of known categories), which is a
join and a group-by in any engine.
"""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from linli.science.purchases import as_table, until

WINDOW_DAYS = 90
MIN_MEMBERS = 30
RIDGE_C = 0.5


def pairs(lines: "pd.DataFrame | ir.Table", as_of: datetime) -> ir.Table:
    """Distinct (member_id, category) of the last 90 days as of ``as_of``."""
    recent = until(as_table(lines), as_of)
    recent = recent.filter(recent.back < WINDOW_DAYS, recent.category.notnull())
    return recent.select("member_id", "category").distinct()


def scores(pairs: ir.Table, weights: pd.DataFrame) -> ir.Table:
    """One row per member with a known category: ``member_id``, ``category_risk``.

    Args:
        pairs: distinct (member_id, category).
        weights: columns ``category`` (same type as in pairs) and ``weight``.
    """
    known = pairs.join(ibis.memtable(weights), "category")
    # Summed as integers of a millionth: addition in any order gives the same digits.
    units = (known.weight * 1_000_000).round().cast("int64")
    return known.group_by("member_id").agg(category_risk=units.sum() / 1_000_000 / known.count().sqrt())


def fit_weights(pairs: pd.DataFrame, label: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Weights per category from rows (0..n-1) and their categories.

    Args:
        pairs: columns ``row`` (index into label) and ``category``, distinct.
        label: 0/1 per row, shape (n,).

    Returns:
        Columns ``category`` and ``weight``; categories of fewer than 30 rows are left out. Empty
        if none is left or the label is constant.
    """
    counts = pairs["category"].value_counts()
    known = pd.Index(np.sort(counts.index[counts >= MIN_MEMBERS].to_numpy()))
    if known.empty or label.min() == label.max():
        return pd.DataFrame({"category": known[:0], "weight": np.zeros(0)})
    matrix = _matrix(pairs, known, len(label))
    # The steps are too small to share: threads that wait for each other burn more than they compute.
    with threadpool_limits(1):
        model = LogisticRegression(C=RIDGE_C, max_iter=300).fit(matrix, label)
    return pd.DataFrame({"category": known, "weight": model.coef_[0]})


def cross_scores(pairs: pd.DataFrame, label: npt.NDArray[np.int64], fold: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Each row's score by weights that never saw its fold; nan where no category is known.

    The final model's training column: with weights fitted on the same rows, it would look far
    more certain in training than it can ever be in use.
    """
    result = np.full(len(label), np.nan)
    row_fold = fold[pairs["row"].to_numpy()]
    for k in np.unique(fold):
        inside = fold != k
        renumber = np.cumsum(inside) - 1
        train = pairs[row_fold != k]
        weights = fit_weights(train.assign(row=renumber[train["row"].to_numpy()]), label[inside])
        held = pairs[row_fold == k].merge(weights, on="category")
        grouped = held.groupby("row")["weight"]
        score = grouped.sum() / np.sqrt(grouped.size())
        result[score.index.to_numpy()] = score.to_numpy()
    return result


def _matrix(pairs: pd.DataFrame, known: pd.Index, rows: int) -> sparse.csr_matrix:
    kept = pairs[pairs["category"].isin(known)]
    row, column = kept["row"].to_numpy(), known.get_indexer(kept["category"])
    length = np.bincount(row, minlength=rows)
    return sparse.csr_matrix((1 / np.sqrt(length[row]), (row, column)), shape=(rows, len(known)))
