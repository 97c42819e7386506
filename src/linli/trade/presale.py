"""Pre-sale: part of a group's stock is kept back and sold before the group opens; what isn't sold goes back to it.

The pieces lie in one place or the other on the ledger, never in both: keeping back moves them from the group's place to the
pre-sale's, its floor is the judge, and so does whatever comes from an allotment (`NewGroup.quota_from`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from linli.goods import quota
from linli.kernel import clocks, events, ledger, work
from linli.kernel.refusals import Refusal
from linli.trade.events import StockReleased, StockReserved
from linli.trade.models import GroupBuy
from linli.trade.rules import NewGroup

RELEASE = "trade.release_stock"
RESERVE_PERMILLE = 200
"""What a pre-sale keeps back unless it is told otherwise: a fifth of the stock (O19)."""

AGAIN = timedelta(minutes=15)
"""How long unpaid orders are waited for before what they let go of is sent back."""


def reserve_of(group_id: int, share_permille: int = RESERVE_PERMILLE) -> int:
    """How many pieces of a group a pre-sale may have: so many thousandths of what it opened with, in whole cases."""
    group = GroupBuy.objects.get(pk=group_id)
    return group.opened_pieces * share_permille // 1000 // group.case_size * group.case_size


def check(region: str, group: NewGroup) -> GroupBuy:
    """The group whose stock a pre-sale sells. Raises Refusal: trade.no_such_group, trade.bad_group(key, fields)."""
    main = GroupBuy.objects.select_for_update().filter(region=region, pk=group.reserve_of or 0).first()
    if main is None:
        raise Refusal("trade.no_such_group")
    left = main.quota_pieces - group.quota_pieces
    reachable = main.threshold_by != GroupBuy.ThresholdBy.PIECES or main.threshold <= left
    wrong = {
        "sku": group.sku != main.sku_code or group.community_id != main.community_id,
        "reserve_of": main.state != GroupBuy.State.OPEN or main.kind == GroupBuy.Kind.PRESALE,
        "deadline_at": group.deadline_at > main.deadline_at,  # what is left must have somebody to go back to
        "quota_pieces": left < 1 or not reachable or left % main.case_size != 0,
    }
    if any(wrong.values()):
        raise Refusal("trade.bad_group", key=group.key, fields=", ".join(name for name, bad in wrong.items() if bad))
    return main


def reserved(made: Sequence[GroupBuy]) -> None:
    """Pre-sales were opened and their pieces moved: the groups they came from have so many less."""
    for presale in made:
        if presale.reserve_of_id is None:
            continue
        GroupBuy.objects.filter(pk=presale.reserve_of_id).update(quota_pieces=F("quota_pieces") - presale.quota_pieces)
        fact = StockReserved(
            presale.reserve_of_id, presale.pk, presale.community_id, presale.sku_code, presale.quota_pieces, presale.opened_by
        )
        events.append(fact, region=presale.region, subject=f"group:{presale.reserve_of_id}")


def release(group: GroupBuy) -> int:
    """Send back what a decided group didn't sell to where it came from; returns the pieces. The group is locked by the caller.

    What unpaid orders still hold follows when they end.
    """
    if not group.quota_from:
        return 0
    here = quota.account(group.region, group.sku_code, f"wave:{group.pk}")
    stand = ledger.balance(here)
    if stand.held:
        due = clocks.machine_now() + AGAIN
        work.schedule(
            RELEASE, key=f"{group.pk}/{due.isoformat()}", due_at=due, region=group.region, clock="machine", payload={"group": group.pk}
        )
    if not stand.free:
        return 0
    ledger.commit(
        ledger.Move(
            key=f"release/{group.pk}/{group.released_pieces}",
            source=here,
            target=quota.account(group.region, group.sku_code, group.quota_from),
            amount=stand.free,
            reason="trade.stock_released",
        )
    )
    group.released_pieces += stand.free
    group.quota_pieces -= stand.free
    group.save(update_fields=["released_pieces", "quota_pieces"])
    if group.reserve_of_id is not None:
        GroupBuy.objects.filter(pk=group.reserve_of_id).update(quota_pieces=F("quota_pieces") + stand.free)
    fact = StockReleased(group.reserve_of_id or 0, group.pk, group.community_id, group.sku_code, stand.free, group.quota_from)
    events.append(fact, region=group.region, subject=f"group:{group.reserve_of_id or group.pk}")
    return stand.free


@transaction.atomic
def release_rest(group_id: int) -> int:
    """Unpaid orders of a decided group may have ended since: send back what they held."""
    group = GroupBuy.objects.select_for_update().get(pk=group_id)
    return release(group) if group.state != GroupBuy.State.OPEN else 0
