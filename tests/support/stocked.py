"""The small shop with one of everything an operation may be asked about: what a fuzzer's requests name by id."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from linli.goods import catalog, kits, quota
from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.trade import commission, coupons, groups, orders, partners
from linli.trade.models import BillDay, Difference
from linli.web.api.webhooks import hooks
from support.aftersales import crabs
from support.calling import Caller, Cast
from support.partners import BY, bundle, cleaners, gift, jam
from support.shop import MONDAY, REGION, Shop, Till, buy, new_group, sku

NOW = MONDAY + timedelta(hours=2)
"""When it is asked: an hour after what is handed over closed, an hour before the other group-buys do."""
EARLY = {"deadline_at": MONDAY + timedelta(hours=1), "threshold": 1, "pickup_from": MONDAY + timedelta(days=1)}
CATALOG = "编号,标价\ncherries,6.50\n"

Known = dict[str, list[Any]]
"""Values that exist, by a parameter's or field's name; "<room of the path>.<name>" where one name means several things."""


def ask(caller: Caller, path: str, body: Any = None, *, method: str = "POST") -> Any:
    """One request that has to succeed."""
    answer = caller.call(method, path, body, key=f"{method}{path}")
    assert answer.status_code < 300, (path, answer.content)
    return answer.json()


def stock(shop: Shop, till: Till, callers: Cast) -> Known:
    """Put one of everything into the shop, and something into another region; returns what there is."""
    with clocks.fixed(business=MONDAY):
        known = _goods(shop) | _partners(shop, callers)
        known |= _sold(shop, till, callers)
    with clocks.fixed(business=NOW):
        return (
            known | _asked_back(known, callers) | _regular(shop, callers) | _old_washer(known, callers) | _elsewhere(shop) | _figures(shop)
        )


def _goods(shop: Shop) -> Known:
    kinds = {"soup": {"kind": "kit"}, "washer": {"kind": "trade_in_target"}}
    skus = [catalog.NewSku(**vars(sku(code, "other", 900)) | kind) for code, kind in kinds.items()]
    catalog.put_many(region=REGION, skus=skus)
    kits.put_bill(region=REGION, kit="soup", parts={"milk": 2, "cherries": 1})
    for code in ("milk", "cherries"):
        quota.open(region=REGION, sku=code, place=kits.place("main"), quantity=80, key=f"q{code}")
    kits.assemble(region=REGION, kit="soup", station="main", quantity=5, key="soup", by=BY)
    price = {"price_minor": 150_000, "solo_price_minor": 160_000, "threshold": 1}
    return {
        "code": ["cherries", "milk"],
        "sku": ["cherries", "milk"],
        "kits.code": ["soup"],
        "parts": [{"milk": 2, "cherries": 1}],
        "station": ["main"],
        "trade-ins.group_id": [groups.open(region=REGION, group=new_group(shop.maple, "washer", **price))],
    }


def _partners(shop: Shop, callers: Cast) -> Known:
    cleaners()
    bundle(shop)
    gift()
    jam(shop)
    door = partners.access(partners.make_access(region=REGION, partner="shine", label="desk", by=BY))
    return {
        "partners.code": ["shine", "oldjar"],
        "services.code": ["clean"],
        "partner": ["shine", "oldjar"],
        "service": ["clean"],
        "access_id": [door],
        "skus.service": ["clean"],
    }


def _sold(shop: Shop, till: Till, callers: Cast) -> Known:
    """Two orders that still wait for their group, and handed-over ones: cherries, jam and weighed crabs."""
    early = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="early", quota_pieces=30, **EARLY))
    jars = groups.open(region=REGION, group=new_group(shop.maple, "jam", key="jam", quota_from="allotment:jam", **EARLY))
    weighed = crabs(shop, deadline_at=EARLY["deadline_at"])  # type: ignore[arg-type]
    waits = orders.place(member_id=shop.alice, lines=[(shop.milk, 1)], key="waits")
    paid = [buy(till, member, [(shop.cherries, 1)], key=f"paid{member}") for member in (shop.alice, shop.bob)]
    bought = [buy(till, shop.alice, [(early, 3), (jars, 1)], key=f"early{n}") for n in range(8)]
    on_scales = buy(till, shop.alice, [(weighed, 2)], key="scales")
    commission.put_rate(region=REGION, kind="sku", target="cherries", rate_bp=500, by=BY)
    with clocks.fixed(business=NOW):
        groups.close_due(REGION)
        for order in bought[:7]:
            orders.hand_over(order_id=order.order_id, by=f"person:{shop.leader}", key="h")
        code = callers.alice.get(f"/orders/{bought[7].order_id}").json()["lines"][0]["pickup_code"]
        [first, *_] = callers.operator.get("/payments").json()["items"]
    coupons.fund(region=REGION, owner="playbook:double", amount_minor=9_000, key="f")
    everything = [waits, *paid, *bought, on_scales]
    return {
        "order_id": [str(one.order_id) for one in everything],
        "aftersales.order_id": [str(one.order_id) for one in bought[:7]],
        "weight.order_id": [str(on_scales.order_id)],
        **{f"{desk}.code": [code] for desk in ("lookup", "handouts", "shortages")},
        "shortages.order_id": [str(bought[7].order_id)],
        "payments.number": [first["number"]],
    }


def _asked_back(known: Known, callers: Cast) -> Known:
    """An after-sale that waits for each verb, a withdrawal, a refund, a day's bill with a difference."""
    wish = {"number": 1, "reason": "quality", "unit": "pieces", "amount": 1, "words": "烂了"}
    made = [ask(callers.alice, f"/orders/{order}/aftersales", wish)["aftersale_id"] for order in known["aftersales.order_id"][:6]]
    for one in made[3:]:
        ask(callers.leader, f"/aftersales/{one}/escalate", {"why": "看不清"})
    refund = ask(callers.operator, f"/orders/{known['order_id'][2]}/refunds", {"line_numbers": [1]})["refund_no"]
    bill = BillDay.objects.create(region=REGION, channel="wechat", day=MONDAY.date(), currency="USD", fetched_at=clocks.machine_now())
    row = Difference.objects.create(region=REGION, bill=bill, code="missing_here", kind="paid", number="1", found_at=clocks.machine_now())
    return {
        "aftersale_id": made,
        "refund_no": [refund],
        "channel": ["wechat", "alipay", "sandbox"],
        "bills.channel": ["wechat"],
        "day": [str(MONDAY.date())],
        "difference_id": [row.pk],
    }


def _regular(shop: Shop, callers: Cast) -> Known:
    """A template, a promotion, a box, a team, a trade-in, a statement."""
    op, alice = callers.operator, callers.alice
    terms = {"threshold": 6, "quota_pieces": 30, "price_minor": 400, "solo_price_minor": 500}
    ask(op, "/group-templates/usual", {"sku": "cherries", "terms": terms}, method="PUT")
    stages = [{"kind": "warm_up", "starts_at": NOW.isoformat(), "ends_at": (NOW + timedelta(hours=9)).isoformat()}]
    named = {"name_zh": "双", "name_en": "Double", "budget_owner": "playbook:double"}
    ask(op, "/promotions/double", named | {"stages": stages}, method="PUT")
    plan = {"sku": "cherries", "price_minor": 3000, "weekdays": [4]}
    ask(op, "/box-plans/fruit", plan, method="PUT")
    boxes = [ask(callers.bob if n else alice, "/boxes", {"plan": "fruit", "weekday": 4})["box_id"] for n in range(2)]
    week = alice.get(f"/boxes/{boxes[0]}").json()["coming"][-1]["week"]
    team_of = {"kind": "team", "team_size": 3, "team_hours": 2, "threshold": 3, "threshold_by": "people"}
    group = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="team", **team_of))
    started = ask(alice, "/orders", {"lines": [{"group_id": group, "quantity": 1, "team": "new"}]})["order_id"]
    team = alice.get(f"/orders/{started}").json()["lines"][0]["team_id"]
    with clocks.fixed(business=NOW + timedelta(days=2)):
        drawn = ask(op, "/partners/oldjar/statements", {"until": "2017-10-04"})["statement_id"]
    return {
        "group-templates.slug": ["usual"],
        "promotions.slug": ["double"],
        "box-plans.slug": ["fruit"],
        "gifts.slug": ["over"],
        "box_id": boxes[:1],
        "plan": ["fruit"],
        "week": [week],
        "weekday": [4],
        "team_id": [team],
        "commission-rates.kind": ["sku"],
        "commission-rates.target": ["cherries"],
        "statement_id": [drawn],
        "terms": [terms],
        "stages": [stages],
        "stage": ["warm_up"],
    }


def _old_washer(known: Known, callers: Cast) -> Known:
    """What old washers are worth, and one that was offered."""
    worth = {"category": "washer", "up_to_years": 5, "condition": "good", "value_minor": 20_000, "subsidy_minor": 5_000}
    ask(callers.operator, "/trade-in-values", worth, method="PUT")
    old = {"category": "washer", "condition": "good", "age_years": 3, "group_id": known["trade-ins.group_id"][0]}
    offered = ask(callers.alice, "/trade-ins", old)["trade_in_id"]
    return {"trade_in_id": [offered], "trade-ins.category": ["washer"], "trade-ins.condition": ["good"]}


def _elsewhere(shop: Shop) -> Known:
    """What lies in another region, among the rest: nobody here may see it."""
    people_groups.put_region(slug="elsewhere", name_zh="别处", name_en="Elsewhere", currency="CNY", time_zone="Asia/Shanghai")
    [far] = people_groups.open_many(region="elsewhere", communities=[people_groups.NewCommunity("far", "远", "Far", "门", "Gate")])
    here, there = (
        hooks.make(region=region, name="x", url="http://127.0.0.1:9/", wanted=["trade.order_placed"], by="x", key="k")
        for region in (REGION, "elsewhere")
    )
    return {
        "group_id": [shop.cherries, shop.milk, shop.far_milk],
        "community_id": [shop.maple, shop.oak, far],
        "member_id": [shop.alice, shop.bob, shop.charlie],
        "webhook_id": [str(here.webhook_id), str(there.webhook_id)],
        "slug": ["wake-high-value"],
        "key": ["sales"],
    }


def _figures(shop: Shop) -> Known:
    """Sizes that a shop of ten pieces can serve."""
    later = NOW + timedelta(days=1)
    return {
        "quantity": [1],
        "pieces": [1, 2],
        "amount": [1],
        "number": [1],
        "lines": [[{"group_id": shop.cherries, "quantity": 1}]],
        "line_numbers": [[1]],
        "threshold": [1, 3],
        "price_minor": [400],
        "solo_price_minor": [500],
        "quota_pieces": [10],
        "list_price_minor": [600],
        "cost_minor": [300],
        "shelf_life_days": [5],
        "amount_minor": [100, 1],
        "grams": [500],
        "rate_bp": [500],
        "budget_owner": ["playbook:double"],
        "age_years": [3],
        "until": ["2017-10-04"],
        "url": ["https://example.test/hook"],
        "kinds": [["trade.order_placed"]],
        "deadline_at": [later.isoformat()],
        "starts_at": [NOW.isoformat()],
        "pickup_from": [(later + timedelta(hours=12)).isoformat()],
        "ends_at": [(later + timedelta(days=3)).isoformat()],
        "file": [CATALOG],
        "return_url": ["https://example.test/back"],
        "reference": ["B1"],
        "rule": ["recency_days > 1"],
    }
