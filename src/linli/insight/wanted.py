"""What a member would likely want, for the shop, the message and the leader: items with why, of goods that pages then pick from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from linli.insight.models import MemberState, Popular
from linli.insight.shapes import Want, Wants, Worth

REGIONWIDE = 0


def wanted(region: str, member_id: int, community_id: int, *, personal: bool) -> Wants:
    """What is likely wanted next, best first. `personal` False (the member has not agreed to profiling): nothing of their own.

    Who has agreed but is not known yet (a stranger, somebody who agreed today) gets the same list as everybody, and it
    says so (`Wants.personal`). One indexed row each way.
    """
    if personal:
        state = MemberState.objects.filter(region=region, member_id=member_id, profiled=True).values_list("next_basket", "as_of").first()
        if state and (items := of_basket(state[0])):
            return Wants(True, state[1], tuple(items))
    lists = {p.community_id: p for p in Popular.objects.filter(region=region, community_id__in=[community_id, REGIONWIDE])}
    found = lists.get(community_id) or lists.get(REGIONWIDE)
    if found is None:
        return Wants(False, None, ())
    code = "here" if found.community_id else "region"
    return Wants(False, found.as_of, tuple(Want(item, code, {"households": n}) for item, n in found.items))


def of_members(member_ids: Iterable[int]) -> dict[int, tuple[Want, ...]]:
    """By member what is likely wanted next, of those who are profiled; one statement."""
    found = MemberState.objects.filter(member_id__in=list(member_ids), profiled=True).values_list("member_id", "next_basket")
    return {member: tuple(of_basket(told)) for member, told in found}


def of_basket(told: dict[str, Any]) -> list[Want]:
    """A kept basket as wants: repeats and what is new apart, each best first; their scores are one scale."""
    repeat = [_repeat(*row) for row in told.get("repeat", [])]
    explore = [
        Want(item, f"explore.{why}", {"beside": beside} if beside else {}, False, score)
        for item, score, why, beside in told.get("explore", [])
    ]
    return repeat + explore


def _repeat(item: str, score: float, times: int, days: int, every: float | None) -> Want:
    facts: dict[str, Any] = {"times": times, "days": days}
    if times > 1 and every:
        return Want(item, "repeat.due" if days >= every else "repeat.rhythm", facts | {"every": max(1, round(every))}, True, score)
    return Want(item, "repeat.once" if times == 1 else "repeat.times", facts, True, score)


def worth_of(state: MemberState) -> Worth | None:
    """The value of a member as kept; None where nothing is believed."""
    if state.value_90d_minor is None or not state.value:
        return None
    v = state.value
    few, middle, many = v["purchases"]
    return Worth(state.value_90d_minor, v["low"], v["median"], v["high"], few, middle, many, v["expected"], v["amount"], v["alive"])
