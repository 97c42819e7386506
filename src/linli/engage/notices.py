"""Transactional notices: what a member has to know about an order. No cap, holdout or quiet hours withhold them; they
pass the gate all the same, under a key of the event that told them, so nobody gets one twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from linli.engage import gate, models, rules, words
from linli.kernel import clocks, effects
from linli.kernel.models import Effect, Event
from linli.people import queries as people

SAYS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "trade.order_ready": {
        "zh": ("到货了，可以取", "您的订单 {when} 起可以取，地点：{place}。"),
        "en": ("Ready to pick up", "Your order can be picked up from {when} at {place}."),
    },
    "trade.order_cancelled.unpaid": {
        "zh": ("订单已取消", "订单没有按时付款，已经取消，没有扣款。"),
        "en": ("Order cancelled", "The order was not paid in time and is cancelled. Nothing was charged."),
    },
    "trade.order_cancelled.group_missed": {
        "zh": ("没有成团", "这次没凑够人数，订单已经取消，没有扣款。"),
        "en": ("The group-buy missed", "Not enough neighbours joined, so the order is cancelled. Nothing was charged."),
    },
    "trade.order_cancelled.team_missed": {
        "zh": ("小队没凑齐", "小队没有按时凑齐，订单已经取消，没有扣款。"),
        "en": ("Your team wasn't full", "Your team was not full in time, so the order is cancelled. Nothing was charged."),
    },
    "trade.order_cancelled.group_closed": {
        "zh": ("截单前没付款", "团已截单，整箱已经定数，订单取消，没有扣款。"),
        "en": (
            "Not paid before it closed",
            "The group-buy closed and its cases are counted, so the order is cancelled. Nothing was charged.",
        ),
    },
    "trade.order_extended": {
        "zh": ("再等一会儿", "还没凑够，截单延长到 {until}；在那之前随时可以退。"),
        "en": ("A little more time", "Not enough yet: the group-buy is open until {until}. You can still leave it until then."),
    },
    "trade.order_refunded.ladder": {
        "zh": ("降价了，差价退回", "人多价低，差价 {amount} 已经原路退回。"),
        "en": ("The price fell", "So many joined that the price fell: {amount} went back the way it was paid."),
    },
    "trade.aftersale_answered.refused": {
        "zh": ("售后有结果了", "您申请的退款这次没有同意，原因写在订单的「货有问题」里。"),
        "en": ("Your request is answered", "This time your refund was declined; the order says why under “Something is wrong with it”."),
    },
    "trade.order_refunded": {
        "zh": ("退款到账", "{amount} 已经原路退回。"),
        "en": ("Refund arrived", "{amount} went back the way it was paid."),
    },
}


def notify(event: Event) -> bool:
    """Bring the notice of an event into the member's inbox, once. False when there is none to bring."""
    why = event.payload.get("outcome") or event.payload.get("reason", "")
    says = SAYS.get(f"{event.kind}.{why}") or SAYS.get(event.kind)
    member = people.member(int(event.payload["member_id"]))
    place = people.region(event.region)
    if says is None or member is None or place is None:
        return False
    now = clocks.business_now()
    ask = rules.Ask("message", rules.TREATED, member.member_id, member.community_id, 0, now, transactional=True)
    answer = rules.judge(ask, rules.Seen(now, place.time_zone, gate.policy(event.region)))
    title, text = says["en" if member.language.startswith("en") else "zh"]
    community = people.community(member.community_id)
    facts = _facts(event.payload, place, community, english=member.language.startswith("en"))
    effect, fresh = effects.decide(
        key=f"notice:{event.uid}",
        kind="message",
        subject=f"member:{member.member_id}",
        origin="notice",
        region=event.region,
        state=Effect.State.HELD,
        reason=answer.reason,
        payload={"step": event.kind, "arm": "", "community_id": member.community_id, "words": text.format_map(facts), "reasons": []},
    )
    if fresh:
        effects.deliver_here(effect, lambda e: _put(e, member.member_id, title, text.format_map(facts), now))
    return fresh


def _facts(payload: dict[str, Any], region: people.RegionInfo, community: people.CommunityInfo | None, *, english: bool) -> dict[str, str]:
    facts = {"when": "", "until": "", "place": "", "amount": ""}
    for fact, name in (("pickup_from", "when"), ("deadline_at", "until")):
        if payload.get(fact):
            local = datetime.fromisoformat(payload[fact]).astimezone(ZoneInfo(region.time_zone))
            facts[name] = f"{local:%b} {local.day}, {local:%H:%M}" if english else f"{local.month} 月 {local.day} 日 {local:%H:%M}"
    if community is not None:
        facts["place"] = community.pickup_en if english else community.pickup_zh
    if payload.get("refunded_minor") is not None:
        facts["amount"] = words.spoken(int(payload["refunded_minor"]), region.currency)
    return facts


def _put(effect: Effect, member_id: int, title: str, text: str, now: datetime) -> None:
    models.InboxMessage.objects.create(
        region=effect.region,
        effect_key=effect.key,
        member_id=member_id,
        origin=effect.origin,
        title=title,
        words=text,
        transactional=True,
        sent_at=now,
    )
