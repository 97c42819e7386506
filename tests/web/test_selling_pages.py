"""The console's pages of terms, selling rules and weekly boxes: what they save, what they refuse, and the way back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.people import queries as people
from linli.trade import boxes, commission, orders, policies, services, terms
from linli.trade.queries import boxes as box_reads
from linli.trade.queries import vouchers as reads
from linli.web.access import SESSION_KEY
from support import shop as built
from support.partners import CLEAN, bundle, cleaners
from support.refusing import refused
from support.shop import MONDAY, REGION, Shop

OPERATOR_PHONE = "+15550000077"
TERMS = {"ask_hours": "24", "photos_most": "6", "spot_order_minor": "30", "commission_bp": "12.5%"}
DAYS = {"first": MONDAY.date().isoformat(), "last": (MONDAY.date() + timedelta(days=9)).isoformat()}
SHIP = {"what": "ship", "unit": "all", "fee_a": "3", "free_a": "9"} | DAYS
PLAN = {
    "slug": "fruit",
    "sku": "cherries",
    "price": "39.90",
    "pieces": "20",
    "weekday": ["2", "5"],
    "off_days": "2026-10-01",
    "active": "1",
}


@pytest.fixture
def shop(db: None) -> Any:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def operator(shop: Shop) -> Client:
    people_groups.appoint(phone=OPERATOR_PHONE, display_name="Op", kind="operator", region=REGION)
    client = Client(headers={"accept-language": "zh-hans"})
    person = people.person_by_phone(OPERATOR_PHONE)
    assert person is not None
    session = client.session
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_terms_change_together_and_can_be_taken_back(operator: Client) -> None:
    page = text(operator.get("/console/terms/"))
    assert "取货后多久内可以申请" in page and "还没人改过" in page and "15 分钟" in page
    wrong = operator.post("/console/terms/", TERMS | {"ask_hours": "9999"})
    assert wrong.status_code == 422 and "填 0 到 720 小时 之间的数" in text(wrong) and 'value="30"' in text(wrong)
    assert terms.of(REGION) == terms.Terms(), "all or nothing"
    assert operator.post("/console/terms/", TERMS).status_code == 302
    now = terms.of(REGION)
    assert (now.ask_hours, now.spot_order_minor, now.commission_bp) == (24, 3000, 1250)
    commission.put_rate(region=REGION, kind="layer", target="profit", rate_bp=800, by="person:1")
    page = text(operator.get("/console/terms/"))
    assert "48 小时" in page and "24 小时" in page and "Op" in page and "佣金比例：利润" in page and "跟默认" in page
    for change in terms.history(REGION):
        operator.post(f"/console/terms/{change.change_id}/undo/")
    assert terms.of(REGION) == terms.Terms() and commission.rates(REGION) == {}


def test_a_change_that_no_longer_stands_is_not_taken_back(shop: Shop) -> None:
    terms.put(region=REGION, by="person:1", ask_hours=24)
    first = terms.history(REGION)[0]
    terms.put(region=REGION, by="person:2", ask_hours=12)
    with refused("trade.changed_since"):
        commission.take_back(region=REGION, change_id=first.change_id, by="person:1")
    with refused("trade.no_such_change"):
        commission.take_back(region="elsewhere", change_id=first.change_id, by="person:1")
    assert [(c.before, c.after, c.by, c.last) for c in terms.history(REGION)] == [
        (24, 12, "person:2", True),
        (48, 24, "person:1", False),
    ]


def test_shipping_is_set_previewed_stopped_and_taken_back(operator: Client, shop: Shop) -> None:
    assert "现在不收运费" in text(operator.get("/console/selling/"))
    seen = text(operator.post("/console/selling/preview/", SHIP))
    assert "$10.00" in seen and "免" in seen
    assert "读不成金额" in text(operator.post("/console/selling/preview/", SHIP | {"fee_a": "x"}))
    both = text(operator.post("/console/selling/preview/", SHIP | {"unit": "community", "fee_b": "5"}))
    assert "B 组付运费" in both and "谁在哪一组" in both
    wrong = operator.post("/console/selling/", SHIP | {"last": "soon"})
    assert wrong.status_code == 422 and "日子没填对" in text(wrong) and 'value="3"' in text(wrong)
    fee = lambda: orders.quote(member_id=shop.alice, lines=[(shop.cherries, 1)]).shipping_minor  # noqa: E731
    operator.post("/console/selling/", SHIP)
    assert fee() == 300 and "在收" in text(operator.get("/console/selling/"))
    again = operator.post("/console/selling/", SHIP)
    assert again.status_code == 422 and "时间重叠" in text(again)
    (rule,) = policies.listed(REGION)
    operator.post("/console/selling/", {"what": "stop", "slug": rule.policy.slug})
    assert fee() == 0
    operator.post("/console/selling/undo/")
    assert fee() == 300 and policies.listed(REGION)[0].ends_at == rule.ends_at
    assert operator.post("/console/selling/", {"what": "stop", "slug": "none"}).status_code == 422
    with refused("trade.no_such_policy"):
        policies.stop(region=REGION, slug="none", by="person:1")
    later = SHIP | {"first": "2099-01-01", "last": "2099-01-02"}
    operator.post("/console/selling/", later)
    operator.post("/console/selling/undo/")
    assert len(policies.listed(REGION)) == 1, "nobody had seen it"


def test_gifts_and_bundles_are_set_and_taken_back(operator: Client, shop: Shop) -> None:
    cleaners()
    operator.post("/console/selling/", {"what": "gift", "slug": "over", "service": CLEAN, "from": "199"} | DAYS)
    (gift,) = reads.gift_rules(REGION)
    assert (gift.from_minor, gift.active, gift.left) == (19_900, True, 10) and len(services.gifts(REGION, 20_000)) == 1
    page = text(operator.get("/console/selling/"))
    assert "满 $199 送深度清洁" in page and "在送" in page
    operator.post("/console/selling/", {"what": "gift", "slug": "over", "service": CLEAN, "from": "99"} | DAYS)
    operator.post("/console/selling/undo/")
    assert reads.gift_rules(REGION)[0].from_minor == 19_900
    operator.post("/console/selling/", {"what": "switch", "slug": "over"})
    assert services.gifts(REGION, 20_000) == []
    bundle(shop)
    assert "每份带一张券" in text(operator.get("/console/selling/"))
    kept = operator.post("/console/selling/", {"what": "unbundle", "sku": "clean-bundle"})
    assert kept.status_code == 422 and list(reads.brought(REGION)) == ["clean-bundle"], "it is on sale"
    assert operator.post("/console/selling/", {"what": "nothing"}).status_code == 404


def test_a_bundle_that_was_never_on_sale_can_be_unlinked(shop: Shop) -> None:
    cleaners()
    with refused("trade.no_such_service"):
        services.unbundle(region=REGION, sku="cherries")
    group = bundle(shop)
    with refused("trade.bundle_fixed"):
        services.unbundle(region=REGION, sku="clean-bundle")
    assert group and reads.brought(REGION)["clean-bundle"].valid_days == 30


def test_box_plans_are_made_changed_paused_and_put_back(operator: Client, shop: Shop) -> None:
    assert "开第一个套餐" in text(operator.get("/console/boxes/"))
    wrong = operator.post("/console/boxes/new/", {"slug": "Bad slug!", "price": "x", "pieces": "0", "off_days": "soon"})
    for told in ("填金额", "至少选一天", "不是日期", "用小写字母", "从目录里选", "1 到 100000"):
        assert told in text(wrong)
    assert wrong.status_code == 422 and box_reads.plans(REGION, all_of=True) == []
    seen = text(operator.post("/console/boxes/preview/", PLAN))
    assert "$39.90" in seen and seen.count("下单，付到") == 4
    assert "填金额" in text(operator.post("/console/boxes/preview/", PLAN | {"price": ""}))
    operator.post("/console/boxes/new/", PLAN | {"community": [str(shop.maple), "999999"]})
    (plan,) = box_reads.plans(REGION, all_of=True)
    assert (plan.price_minor, plan.weekdays, plan.community_ids, plan.off_days) == (3990, [2, 5], [shop.maple], ["2026-10-01"])
    assert operator.post("/console/boxes/new/", PLAN).status_code == 422, "the code is taken"
    boxes.begin(member_id=shop.alice, plan="fruit", weekday=5, key="k")
    operator.post("/console/boxes/fruit/", PLAN | {"price": "45"})
    assert box_reads.plans(REGION, all_of=True)[0].price_minor == 4500 and "1 户在订" in text(operator.get("/console/boxes/fruit/"))
    operator.post("/console/boxes/undo/")
    assert box_reads.plans(REGION, all_of=True)[0].price_minor == 3990
    operator.post("/console/boxes/fruit/pause/", {"on": "0"})
    assert box_reads.plans(REGION, shop.maple) == [] and "停了新订" in text(operator.get("/console/boxes/"))
    operator.post("/console/boxes/fruit/pause/", {"on": "1"})
    assert len(box_reads.plans(REGION, shop.maple)) == 1
    assert operator.get("/console/boxes/none/").status_code == 404
