"""Pages of what is sold with others: who may see them, what their buttons do, and that nobody reaches another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from linli.goods import catalog, kits, quota
from linli.kernel import clocks
from linli.people import groups as people_groups
from linli.people import queries as people
from linli.trade import boxes, channels, groups, partners, redeeming, tradein
from linli.trade.models import Box, Statement, TradeIn, Voucher
from linli.web.access import SESSION_KEY
from support import shop as built
from support.partners import BY, bundle, cleaners, gift, jam, jam_group
from support.phone import signed_in
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, sku

OPERATOR_PHONE = "+15550000077"


@pytest.fixture
def shop(db: None) -> Any:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found


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


def voucher(shop: Shop, till: Till) -> Voucher:
    cleaners()
    buy(till, shop.alice, [(bundle(shop), 1)], key="k")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
    return Voucher.objects.get()


def at_desk() -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    token = partners.make_access(region=REGION, partner="shine", label="前台", by=BY)
    assert client.get(f"/partner/enter/{token}/")["Location"] == "/partner/"
    return client


def test_a_partner_redeems_with_its_link_alone(shop: Shop, till: Till) -> None:
    v, desk = voucher(shop, till), at_desk()
    page = desk.get("/partner/", {"code": v.code}).content.decode()
    assert "深度清洁" in page and "核销这张券" in page and "Alice" not in page
    for _ in range(2):
        page = desk.post("/partner/redeem/", {"code": v.code, "key": "12345678"}).content.decode()
    assert "已经核销成功" in page and Voucher.objects.get().state == "redeemed"
    again = desk.post("/partner/redeem/", {"code": v.code, "key": "12345679"})
    assert again.status_code == 409 and "核销过" in again.content.decode()
    assert desk.get("/partner/", {"code": "WRONG"}).status_code == 404
    desk.post("/partner/leave/")
    assert desk.get("/partner/").status_code == 404


def test_without_the_link_the_desk_is_not_there(shop: Shop, till: Till) -> None:
    v = voucher(shop, till)
    for client in (Client(), signed_in("alice")):
        assert client.get("/partner/").status_code == 404
        assert client.post("/partner/redeem/", {"code": v.code}).status_code == 404
        assert client.get("/partner/enter/guess/").status_code == 404
    desk = at_desk()
    for access in partners.PartnerAccess.objects.all():
        partners.revoke_access(region=REGION, access_id=access.pk)
    assert desk.get("/partner/").status_code == 404


def test_a_member_sees_and_gives_back_only_their_own_vouchers(shop: Shop, till: Till) -> None:
    v = voucher(shop, till)
    gift()
    alice, bob = signed_in("alice"), signed_in("bob")
    assert "深度清洁" in alice.get("/shop/vouchers/").content.decode()
    page = alice.get(f"/shop/vouchers/{v.pk}/").content.decode()
    assert v.code[:4] in page and "<svg" in page
    assert bob.get(f"/shop/vouchers/{v.pk}/").status_code == 404
    assert bob.post(f"/shop/vouchers/{v.pk}/back/").status_code == 404
    alice.post(f"/shop/vouchers/{v.pk}/back/", {"key": "12345678"})
    assert Voucher.objects.get().state == "refunded"
    assert v.code[:4] not in alice.get(f"/shop/vouchers/{v.pk}/").content.decode()


def test_a_prescription_is_referred_not_sold(shop: Shop) -> None:
    partners.put(region=REGION, partner=partners.NewPartner("drugs", "康宁", "Corning", kind="pharmacy", contact="555-1"), by=BY)
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(sku("pills", "other", 900)) | {"kind": "referral", "partner": "drugs"})])
    alice = signed_in("alice")
    assert "药房角" in alice.get("/shop/vouchers/").content.decode()
    assert "555-1" in alice.post("/shop/vouchers/refer/", {"sku": "pills"}).content.decode()
    assert alice.post("/shop/vouchers/refer/", {"sku": "milk"}).status_code == 302


def test_a_member_subscribes_skips_pauses_and_ends_a_box(shop: Shop) -> None:
    catalog.put_many(region=REGION, skus=[sku("fruit-box", "fruit", 3900)])
    boxes.put_plan(region=REGION, plan=boxes.NewPlan("fruit", "fruit-box", 2900, [3, 5]))
    alice, bob = signed_in("alice"), signed_in("bob")
    assert "$29" in alice.get("/shop/boxes/").content.decode()
    for _ in range(2):
        made = alice.post("/shop/boxes/begin/", {"plan": "fruit", "weekday": "5", "key": "12345678"})
    box = Box.objects.get()
    assert made["Location"] == f"/shop/boxes/{box.pk}/"
    page = alice.get(made["Location"]).content.decode()
    assert "跳过" in page and "$29" in page
    assert bob.get(made["Location"]).status_code == 404
    assert bob.post(f"{made['Location']}change/", {"what": "end"}).status_code == 404
    for what, extra in (("skip", {"week": "2017-W40"}), ("want", {"week": "2017-W40"}), ("pause", {"until": "2017-11-01"}), ("resume", {})):
        assert alice.post(f"{made['Location']}change/", {"what": what, **extra}).status_code == 302
        assert alice.get(made["Location"]).status_code == 200
    alice.post(f"{made['Location']}change/", {"what": "pause", "until": "nonsense"})
    assert alice.post(f"{made['Location']}change/", {"what": "dance"}).status_code == 404
    alice.post(f"{made['Location']}change/", {"what": "end"})
    assert Box.objects.get().state == "cancelled" and alice.get("/shop/boxes/").status_code == 200
    assert alice.post("/shop/boxes/begin/", {"plan": "none"}).status_code == 302


def fridge(shop: Shop) -> int:
    tradein.load_values(REGION)
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(sku("fridge", "other", 210_000)) | {"kind": "trade_in_target"})])
    return groups.open(region=REGION, group=new_group(shop.maple, "fridge", threshold=1, price_minor=200_000, solo_price_minor=200_000))


def test_a_trade_in_from_the_estimate_to_the_recycler(shop: Shop, till: Till, operator: Client) -> None:
    group = fridge(shop)
    partners.put(region=REGION, partner=partners.NewPartner("green", "绿循环", "Green", kind="recycler"), by=BY)
    alice, bob = signed_in("alice"), signed_in("bob")
    asked = {"category": "fridge", "age": "5", "condition": "worn", "group": str(group)}
    assert "$1,680.00" in alice.get("/shop/trade-in/", asked).content.decode()
    assert "收不了" in alice.get("/shop/trade-in/", {**asked, "age": "99"}).content.decode()
    there = alice.post("/shop/trade-in/quote/", {**asked, "key": "12345678"})["Location"]
    assert bob.get(there).status_code == 404 and bob.post(f"{there}act/", {"what": "order"}).status_code == 404
    order = alice.post(f"{there}act/", {"what": "order"})["Location"]
    assert "$1,680.00" in alice.get(order).content.decode()
    TradeIn.objects.update(state="paid")
    desk = f"/console/trade-in/{TradeIn.objects.get().pk}/"
    assert operator.get("/console/trade-in/").status_code == 200
    operator.post(f"{desk}act/", {"what": "pick_up"})
    operator.post(f"{desk}act/", {"what": "inspect", "value": "100.00"})
    assert "要补 20.00" in operator.get(desk).content.decode() and "补差价" in alice.get(there).content.decode()
    leader, stranger = signed_in("leader"), signed_in("other")
    took = f"/leader/pickup/difference/{TradeIn.objects.get().pk}/"
    assert (
        "等收的差价" in leader.get("/leader/pickup/").content.decode()
        and "等收的差价" in operator.get("/console/trade-in/").content.decode()
    )
    assert "等收的差价" not in stranger.get("/leader/pickup/").content.decode() and stranger.post(took, {"how": "cash"}).status_code == 404
    assert leader.post(took, {"how": "card", "reference": " "}).status_code == 422, "what isn't cash has a number"
    operator.post(f"{desk}act/", {"what": "difference", "how": "cheque", "reference": "1"})
    assert TradeIn.objects.get().state == "lowered", "nobody knows this way of paying"
    assert leader.post(took, {"how": "cash"}).status_code == 302 and leader.post(took, {"how": "cash"}).status_code == 404
    assert "现金" in operator.get(desk).content.decode()
    operator.post(f"{desk}act/", {"what": "settle", "recycler": "green", "amount": "90", "reference": "R1"})
    assert TradeIn.objects.get().state == "settled" and operator.get(desk).status_code == 200
    operator.post("/console/trade-in/value/", {"category": "fridge", "years": "3", "condition": "good", "value": "310", "subsidy": "200"})
    assert (
        next(w for w in tradein.values(REGION) if (w.up_to_years, w.condition, w.category) == (3, "good", "fridge")).value_minor == 31_000
    )


def test_an_operator_runs_a_partner_from_its_page(shop: Shop, till: Till, operator: Client) -> None:
    form = {"code": "oldjar2", "name_zh": "乙", "kind": "brand", "mode": "share", "share": "70", "active": "1"}
    assert operator.post("/console/partners/", form)["Location"] == "/console/partners/oldjar2/"
    jam(shop)
    placed = buy(till, shop.alice, [(jam_group(shop.maple), 3)], key="k")
    from linli.trade import orders

    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        orders.hand_over(order_id=placed.order_id, by=BY, key="h")
    there = "/console/partners/oldjar/change/"
    with clocks.fixed(business=MONDAY + timedelta(days=1)):
        operator.post(there, {"what": "draw", "until": "2017-10-03", "key": "a"})
        statement = str(Statement.objects.get().pk)
        operator.post(there, {"what": "approve", "statement": statement})
        operator.post(there, {"what": "paid", "statement": statement, "reference": "T1"})
        assert Statement.objects.get().state == "paid"
        page = operator.get("/console/partners/oldjar/").content.decode()
        assert "T1" in page and "$8.40" in page and "和总账一致" in page
        rows = b"".join(operator.get("/console/partners/oldjar/entries.csv", {"statement": statement})).decode()
        assert "8.4" in rows and rows.count("\n") == 2
    operator.post(there, {"what": "link", "label": "前台"})
    page = operator.get("/console/partners/oldjar/").content.decode()
    assert "/partner/enter/" in page and "/partner/enter/" not in operator.get("/console/partners/oldjar/").content.decode()
    operator.post(there, {"what": "service", "service": "tasting", "name_zh": "试吃", "value": "9.90", "uses": "1", "valid_days": "30"})
    operator.post(there, {"what": "capacity", "service": "tasting", "pieces": "7", "key": "c"})
    operator.post(there, {"what": "allot", "sku": "jam", "pieces": "5", "community": [str(shop.maple)], "key": "d"})
    operator.post(there, {"what": "open", "sku": "jam", "pieces": "3", "price": "4.50", "community": str(shop.maple), "key": "e"})
    operator.post(there, {"what": "terms", "name_zh": "老坛子", "kind": "brand", "mode": "fixed", "fixed": "2.50", "active": "1"})
    page = operator.get("/console/partners/oldjar/").content.decode()
    assert "试吃" in page and "还有 7 个名额" in page and partners.find(REGION, "oldjar").fixed_minor == 250
    assert operator.post(there, {"what": "dance"}).status_code == 404 and operator.get("/console/partners/none/").status_code == 404
    for address in ("/console/partners/", "/console/vouchers/?state=active&q=AB", "/console/boxes/?state=active", "/console/kits/"):
        assert operator.get(address).status_code == 200


def test_an_operator_assembles_kits(shop: Shop, operator: Client) -> None:
    new = [sku("beef", "meat_seafood", 1000), catalog.NewSku(**vars(sku("hotpot", "other", 3000)) | {"kind": "kit"})]
    catalog.put_many(region=REGION, skus=new)
    there = "/console/kits/hotpot/"
    for form in (
        {"what": "bill", "part": "beef", "pieces": "2"},
        {"what": "stock", "part": "beef", "pieces": "10", "station": "west", "key": "a"},
        {"what": "assemble", "pieces": "4", "station": "west", "key": "b"},
        {"what": "apart", "pieces": "1", "station": "west", "key": "c"},
        {"what": "lose", "pieces": "1", "station": "west", "reason": "spoiled", "key": "d"},
        {"what": "open", "pieces": "2", "station": "west", "price": "25", "community": str(shop.maple), "key": "e"},
    ):
        assert operator.post(there, form).status_code == 302
    (line,) = kits.stock(REGION, "hotpot")
    assert line.free == 0 and line.possible == 2 and quota.stocks(REGION, [("hotpot", "station:west")])
    page = operator.get("/console/kits/").content.decode()
    assert "west" in page and "33.3%" in page
    assert operator.post("/console/kits/none/", {"what": "bill"}).status_code == 404


@pytest.mark.parametrize("name", ["alice", "leader"])
def test_nobody_else_opens_the_console_pages(shop: Shop, name: str) -> None:
    client = signed_in(name)
    for address in ("partners/", "vouchers/", "boxes/", "kits/", "trade-in/", "partners/x/"):
        assert client.get(f"/console/{address}").status_code == 403
    assert redeeming.State.ACTIVE == "active"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_speaks_both_languages(shop: Shop, till: Till, language: str) -> None:
    v = voucher(shop, till)
    fridge(shop)
    alice = signed_in("alice", language)
    for address in ("vouchers/", f"vouchers/{v.pk}/", "boxes/", "trade-in/"):
        page = alice.get(f"/shop/{address}").content.decode()
        assert ("Deep clean" in page) == (language == "en") if "vouchers" in address else page
