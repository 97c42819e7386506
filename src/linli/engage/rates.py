"""Shares with their intervals: how many coupons get redeemed, from what has been seen; and the shop's margin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from math import sqrt

from linli.engage.shapes import Range
from linli.goods import queries as goods
from linli.kernel import ledger

ENOUGH = 30
UNITS = {"amount": "minor", "orders": "orders", "returned": "share"}


def unit(metric: str) -> str:
    """The unit of a metric's mean a member."""
    return UNITS.get(metric, "")


def wilson(hits: int, trials: int, z: float = 1.96) -> Range:
    """A share with its 95 % interval (Wilson 1927, score interval): sensible near 0 and with few trials."""
    if not trials:
        return Range(0.0, 0.0, 1.0)
    share, zz = hits / trials, z * z
    middle = (share + zz / (2 * trials)) / (1 + zz / trials)
    half = z / (1 + zz / trials) * sqrt(share * (1 - share) / trials + zz / (4 * trials * trials))
    return Range(max(0.0, middle - half), share, min(1.0, middle + half))


def issued_and_redeemed(region: str, code_prefix: str) -> tuple[int, int, int]:
    """Coupons of issues whose code starts so: (issued, redeemed, expired or taken back), from the ledger."""
    found = {"issue": 0, "redeemed": 0, "expired": 0}
    for account in ledger.balances(region, owner="shop", asset_prefix=f"coupon:{code_prefix}"):
        if account.ref.purpose in found:
            found[account.ref.purpose] += abs(account.balance)
    return found["issue"], found["redeemed"], found["expired"]


def redemption(region: str, prefixes: Sequence[str], as_of: datetime) -> tuple[str, Range | None]:
    """What share of the pack is redeemed, and what that rests on: own, history, or none.

    own: coupons of earlier launches of this playbook (their issues' `prefixes`) that were redeemed or ended. history: of
    the members who received a campaign in the imported history, those who redeemed at least one of its coupons: another
    shop's coupons, so only a rough guide, which the screen says.
    """
    redeemed = ended = 0
    for prefix in prefixes:
        _, used, unused = issued_and_redeemed(region, prefix)
        redeemed, ended = redeemed + used, ended + unused
    if redeemed + ended >= ENOUGH:
        return "own", wilson(redeemed, redeemed + ended)
    received = _members(region, "history.campaign_received", as_of)
    if received >= ENOUGH:
        return "history", wilson(min(received, _members(region, "history.coupon_redeemed", as_of)), received)
    return "none", None


@lru_cache(maxsize=64)
def _members(region: str, kind: str, as_of: datetime) -> int:
    import ibis

    from linli.insight import facts

    rows = facts.recorded(kind, as_of)
    return int(rows.filter(rows["region"] == ibis.literal(region))["member_id"].nunique().to_pyarrow().as_py() or 0)


def margin_share(region: str) -> float | None:
    """The gross margin of the shop's goods at list price; None while there are none."""
    skus = goods.skus(region).values()
    sales = sum(s.list_price_minor for s in skus)
    return sum(s.list_price_minor - s.cost_minor for s in skus) / sales if sales else None
