"""Selling for programs: templates and teams, weighing, photos, payments and bills, partners, trade-ins, boxes, kits, promotions, files."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from linli.goods import catalog, kits, quota
from linli.kernel import clocks
from linli.trade import coupons, groups, partners, reconcile, tradein
from linli.trade.models import BillDay, Difference
from support.aftersales import crabs, handed_order
from support.calling import Cast
from support.partners import BY, bundle, cleaners, jam
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, sku

pytestmark = pytest.mark.django_db


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


def declined(answer: Any, code: str, status: int = 409) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content


def gone(*answers: Any) -> None:
    for answer in answers:
        declined(answer, "api.not_here", 404)


def test_a_leader_opens_from_a_template_within_its_limits(shop: Shop, callers: Cast) -> None:
    terms = {"threshold": 6, "quota_pieces": 30, "price_minor": 400, "solo_price_minor": 500, "case_size": 6, "ladder": [[12, 350]]}
    fields = {"sku": "cherries", "terms": terms, "limits": {"quota_pieces": [12, 60]}}
    assert told(callers.operator.call("PUT", "/group-templates/box-of-six", fields)) == {"slug": "box-of-six"}
    [shown] = told(callers.leader.get("/group-templates"))
    assert (shown["slug"], shown["limits"], shown["sku"]["cost_minor"]) == ("box-of-six", {"quota_pieces": [12, 60]}, None)
    wish = {"community_id": shop.maple, "quota_pieces": 24}
    made = told(callers.leader.post("/group-templates/box-of-six/open", wish, key="k"), 201)
    assert told(callers.leader.post("/group-templates/box-of-six/open", wish, key="k"), 201) == made
    card = told(callers.alice.get(f"/groups/{made['group_id']}"))
    assert (card["kind"], card["case_size"], card["threshold"], card["left_pieces"]) == ("pooled", 6, 6, 24)
    assert [rung["price_minor"] for rung in card["rungs"]] == [400, 350]
    declined(callers.leader.post("/group-templates/box-of-six/open", wish | {"quota_pieces": 99}, key="k2"), "trade.beyond_template")
    declined(callers.operator.call("PUT", "/group-templates/x", fields | {"sku": "none"}), "trade.no_such_sku", 404)
    gone(callers.other.post("/group-templates/box-of-six/open", wish, key="k3"))


def test_a_team_is_started_seen_and_joined(shop: Shop, till: Till, callers: Cast) -> None:
    team_of = {"kind": "team", "team_size": 2, "team_hours": 2, "threshold": 2, "threshold_by": "people"}
    group = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="t", **team_of))
    first = told(callers.alice.post("/orders", {"lines": [{"group_id": group, "quantity": 1, "team": "new"}]}, key="a"), 201)
    [line] = told(callers.alice.get(f"/orders/{first['order_id']}"))["lines"]
    seen = told(callers.bob.get(f"/teams/{line['team_id'].replace('-', '')}"))
    assert (seen["group_id"], seen["size"], seen["seats_left"]) == (group, 2, 1)
    told(callers.bob.post("/orders", {"lines": [{"group_id": group, "quantity": 1, "team": line["team_id"]}]}, key="b"), 201)
    gone(callers.charlie.get(f"/teams/{line['team_id']}"), callers.bob.get("/teams/nonsense"))


def test_a_leader_weighs_what_was_ordered(shop: Shop, till: Till, callers: Cast) -> None:
    placed = buy(till, shop.alice, [(crabs(shop), 2)], key="k")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        [row] = told(callers.leader.get(f"/weighings?community_id={shop.maple}"))
        assert (row["sku"], row["most_g"], row["grams"]) == ("crabs", 500, None)
        path = f"/orders/{placed.order_id}/lines/1/weight"
        weighed = told(callers.leader.call("PUT", path, {"grams": 250}))
        assert (weighed["charged_minor"], weighed["back_minor"]) == (999, 999)
        gone(callers.other.call("PUT", path, {"grams": 250}), callers.other.get(f"/weighings?community_id={shop.maple}"))
        assert told(callers.other.get("/weighings")) == []


def picture() -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(data, "PNG")
    return SimpleUploadedFile("crab.png", data.getvalue())


def test_photos_come_with_a_form_once_a_key_whatever_its_boundary(shop: Shop, till: Till, callers: Cast) -> None:
    order = handed_order(shop, till)
    path = f"/orders/{order}/aftersales/with-photos"
    with clocks.fixed(business=NOON):
        form = {"number": "1", "reason": "quality", "unit": "pieces", "amount": "1", "words": "烂了"}
        asked = told(callers.alice.send(path, form | {"photos": [picture(), picture()]}, key="k"), 201)
        body = _other_boundary(form | {"photos": [picture(), picture()]})
        again = callers.alice.call("POST", path, raw=body, key="k", content_type="multipart/form-data; boundary=other")
        assert told(again, 201) == asked and again["Idempotent-Replayed"] == "true"
        declined(callers.alice.send(path, form | {"photos": [picture()]}, key="k"), "api.key_reused", 422)
        found = told(callers.leader.get(f"/aftersales/{asked['aftersale_id']}"))
        assert len(found["photos"]) == 2 and [step["what"] for step in found["steps"]]
        shown = callers.leader.get(f"/aftersale-photos/{found['photos'][0]}")
        assert (shown.status_code, shown["Content-Type"], b"".join(shown)[:2]) == (200, "image/jpeg", b"\xff\xd8")
        gone(callers.other.get(f"/aftersale-photos/{found['photos'][0]}"), callers.bob.get(f"/aftersale-photos/{found['photos'][0]}"))
        assert [one["no"] for one in told(callers.alice.get(f"/orders/{order}/askable"))] == ["open"]
        assert told(callers.leader.get("/spot-limit"))["order_minor"] == 2_000


def _other_boundary(form: dict[str, Any]) -> bytes:
    from django.test.client import encode_multipart

    return encode_multipart("other", form)


def test_what_is_no_form_is_refused(shop: Shop, till: Till, callers: Cast) -> None:
    path = f"/orders/{handed_order(shop, till)}/aftersales/with-photos"
    declined(callers.alice.post(path, {"number": 1}, key="a"), "api.not_form", 415)
    broken = callers.alice.call(
        "POST", path, raw=b"x", key="b", content_type="multipart/form-data; boundary=\xe4".encode().decode("latin-1")
    )
    declined(broken, "api.bad_form", 400)
    declined(callers.alice.send(path, {"number": "1", "words": "a\0b"}, key="c"), "api.bad_text", 400)
    assert callers.alice.send(path, {"number": "1"}, key="d").json()["code"] == "api.bad_request"


def test_a_pickup_of_two_orders_and_what_is_missing_of_it(shop: Shop, till: Till, callers: Cast) -> None:
    first, second = (buy(till, shop.alice, [(shop.cherries, 2)], key=key) for key in ("a", "b"))
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        code = told(callers.alice.get(f"/orders/{first.order_id}"))["lines"][0]["pickup_code"]
        found = told(callers.leader.call("POST", f"/communities/{shop.maple}/pickups/lookup", {"code": code}))
        assert {one["order_id"] for one in found["orders"]} == {str(first.order_id), str(second.order_id)}
        missing = {"code": code, "order_id": str(second.order_id), "number": 1, "pieces": 1}
        assert told(callers.leader.post(f"/communities/{shop.maple}/shortages", missing, key="s"), 201)["refund_no"]
        only = {"code": code, "only": [{"order_id": str(first.order_id), "number": 1}]}
        assert told(callers.leader.post(f"/communities/{shop.maple}/handouts", only, key="h"))["order_ids"] == [str(first.order_id)]
        assert told(callers.leader.post(f"/communities/{shop.maple}/handouts", {"code": code}, key="h2"))["order_ids"] == [
            str(second.order_id)
        ]


def test_payments_page_by_page_with_their_story_and_a_refund(shop: Shop, till: Till, callers: Cast) -> None:
    placed = [buy(till, shop.alice, [(shop.cherries, 1)], key=f"k{n}") for n in range(3)]
    page = told(callers.operator.get("/payments?size=2&state=paid"))
    rest = told(callers.operator.get(f"/payments?size=2&state=paid&cursor={page['next']}"))
    assert [len(page["items"]), len(rest["items"]), rest["next"]] == [2, 1, ""]
    assert {one["order_id"] for one in page["items"] + rest["items"]} == {str(one.order_id) for one in placed}
    refund = told(callers.operator.post(f"/orders/{placed[0].order_id}/refunds", {"line_numbers": [1]}, key="r"), 201)
    number = next(one["number"] for one in page["items"] + rest["items"] if one["order_id"] == str(placed[0].order_id))
    story = told(callers.operator.get(f"/payments/{number}"))
    assert [back["refund_no"] for back in story["backs"]] == [refund["refund_no"]] and story["payment"]["back_minor"] == 400
    assert told(callers.operator.post(f"/payments/{number}/ask", key="x"))["state"] == "paid"
    assert told(callers.operator.post(f"/refunds/{refund['refund_no']}/retry", key="y"))["state"] == "succeeded"
    assert [one["channel"] for one in told(callers.operator.get("/channels"))] == ["sandbox"]
    declined(callers.operator.post(f"/orders/{placed[0].order_id}/refunds", {"line_numbers": [1]}, key="r2"), "trade.nothing_to_refund")
    till.silent = True
    declined(callers.operator.post(f"/payments/{number}/ask", key="z"), "trade.channel_silent")
    gone(callers.operator.get("/payments/nothing"))


def test_a_difference_is_laid_to_rest_with_a_reason(shop: Shop, callers: Cast) -> None:
    day = MONDAY.date()
    bill = BillDay.objects.create(region=REGION, channel="wechat", day=day, currency="USD", fetched_at=clocks.machine_now())
    Difference.objects.create(region=REGION, bill=bill, code="missing_here", kind="paid", number="1", found_at=clocks.machine_now())
    [one] = told(callers.operator.get("/differences?waiting=true"))
    assert told(callers.operator.get(f"/bills/wechat/{day}"))["state"] == "differs"
    path = f"/differences/{one['difference_id']}/resolve"
    declined(callers.operator.post(path, {"reason": "other", "note": ""}, key="a"), "trade.reason_needed")
    rested = told(callers.operator.post(path, {"reason": "next_day"}, key="b"))
    assert (rested["state"], rested["reason"]) == ("resolved", "next_day")
    assert told(callers.operator.get("/differences?waiting=true")) == []
    declined(callers.operator.post(f"/bills/wechat/{clocks.machine_now().date() + timedelta(days=3)}/match", key="c"), "trade.day_not_over")
    gone(callers.operator.get("/bills/alipay/2017-10-02"))
    assert reconcile.BILLED == ("wechat", "alipay")


def test_partners_services_limited_goods_and_their_statement(shop: Shop, till: Till, callers: Cast) -> None:
    op = callers.operator
    assert told(op.call("PUT", "/partners/shine", {"name_zh": "亮", "name_en": "Shine", "kind": "service", "share_bp": 8000}))
    service = {"partner": "shine", "name_zh": "洗", "name_en": "Clean", "value_minor": 6000, "valid_days": 30}
    assert told(op.call("PUT", "/services/wash", service)) and told(op.post("/services/wash/capacity", {"pieces": 5}, key="c"))
    assert [(one["code"], one["left"]) for one in told(op.get("/services?partner=shine"))] == [("wash", 5)]
    rule = {"service": "wash", "from_minor": 900, "starts_at": MONDAY.isoformat(), "ends_at": (MONDAY + timedelta(days=9)).isoformat()}
    assert told(op.call("PUT", "/gifts/over-nine", rule)) and told(op.get("/partners/shine/gifts"))[0]["slug"] == "over-nine"
    jam(shop)
    assert told(op.post("/skus/jam/allotment", {"community_ids": [shop.maple], "pieces": 5}, key="a"))
    assert told(op.get("/partners/oldjar/allotments"))[0]["left"] == 25
    declined(op.post("/partners/oldjar/statements", {"until": "2017-10-02"}, key="s"), "trade.nothing_to_settle")
    assert told(op.get("/partners/oldjar/statements")) == [] and told(op.get("/partners/oldjar/entries")) == []
    access = partners.access(partners.make_access(region=REGION, partner="shine", label="desk", by=BY))
    gone(op.call("DELETE", f"/partners/oldjar/accesses/{access}"), op.get("/partners/none/entries"))
    assert told(op.call("DELETE", f"/partners/shine/accesses/{access}")) and told(op.get("/partners/shine/accesses"))[0]["revoked_at"]
    declined(op.call("PUT", "/services/wash", service | {"partner": "none"}), "trade.no_such_partner", 404)


def test_what_a_partner_earned_is_drawn_up_and_agreed(shop: Shop, till: Till, callers: Cast) -> None:
    jam(shop)
    made = groups.open(region=REGION, group=new_group(shop.maple, "jam", key="jam", threshold=1, quota_from="allotment:jam"))
    handed_order(shop, till, [(made, 2)], key="j")
    op = callers.operator
    with clocks.fixed(business=MONDAY + timedelta(days=2)):
        drawn = told(op.post("/partners/oldjar/statements", {"until": "2017-10-04"}, key="s"), 201)["statement_id"]
        [entry] = told(op.get(f"/partners/oldjar/entries?statement_id={drawn}"))
        assert (entry["pieces"], entry["amount_minor"]) == (2, 560)
        declined(op.post(f"/statements/{drawn}/paid", {"reference": "B1"}, key="early"), "trade.statement_not_approved")
        assert told(op.post(f"/statements/{drawn}/approve", key="own"))["state"] == "approved"
        assert told(op.post(f"/statements/{drawn}/cancel", key="x"))["state"] == "cancelled"


def test_an_old_appliance_against_a_new_one(shop: Shop, till: Till, callers: Cast) -> None:
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(sku("washer", "other", 200_000)) | {"kind": "trade_in_target"})])
    price = {"threshold": 1, "price_minor": 150_000, "solo_price_minor": 160_000}
    group = groups.open(region=REGION, group=new_group(shop.maple, "washer", key="w", **price))
    row = {"category": "washer", "up_to_years": 5, "condition": "good", "value_minor": 20_000, "subsidy_minor": 5_000}
    assert told(callers.operator.call("PUT", "/trade-in-values", row)) and told(callers.alice.get("/trade-in-values")) == [row]
    old = {"category": "washer", "age_years": 3, "condition": "good", "group_id": group}
    assert told(callers.alice.call("POST", "/trade-ins/estimate", old))["payable_minor"] == 125_000
    declined(callers.alice.call("POST", "/trade-ins/estimate", old | {"age_years": 30}), "trade.not_taken")
    quoted = told(callers.alice.post("/trade-ins", old, key="q"), 201)["trade_in_id"]
    assert told(callers.alice.post("/trade-ins", old, key="q"), 201)["trade_in_id"] == quoted
    gone(callers.bob.get(f"/trade-ins/{quoted}"))
    assert told(callers.alice.post(f"/trade-ins/{quoted}/order", key="o"), 201)["payable_minor"] == 125_000
    declined(callers.operator.post(f"/trade-ins/{quoted}/pick-up", key="p"), "trade.trade_in_state")
    assert (
        [one["state"] for one in told(callers.operator.get("/trade-ins"))]
        == ["ordered"]
        == [one["state"] for one in told(callers.alice.get("/trade-ins"))]
    )
    assert told(callers.alice.post(f"/trade-ins/{quoted}/drop", key="d"))
    assert tradein.values(REGION)


def test_a_weekly_box_is_offered_subscribed_skipped_and_had_after_all(shop: Shop, callers: Cast) -> None:
    plan = {"sku": "cherries", "price_minor": 3000, "weekdays": [4], "off_days": ["2017-10-05"]}
    assert told(callers.operator.call("PUT", "/box-plans/fruit", plan))
    assert told(callers.alice.get("/box-plans"))[0]["weekdays"] == [4]
    made = told(callers.alice.post("/boxes", {"plan": "fruit", "weekday": 4}, key="b"), 201)["box_id"]
    week = told(callers.alice.get(f"/boxes/{made}"))["coming"][-1]["week"]
    assert told(callers.alice.post(f"/boxes/{made}/skip", {"week": week}, key="s"))
    assert {w["week"]: w["state"] for w in told(callers.alice.get(f"/boxes/{made}"))["coming"]}[week] == "skipped"
    assert told(callers.alice.post(f"/boxes/{made}/want-again", {"week": week}, key="w"))
    assert {w["week"]: w["state"] for w in told(callers.alice.get(f"/boxes/{made}"))["coming"]}[week] == ""
    gone(callers.bob.get(f"/boxes/{made}"))
    declined(callers.alice.post("/boxes", {"plan": "fruit", "weekday": 2}, key="c"), "trade.bad_box", 422)
    declined(callers.operator.call("PUT", "/box-plans/x", plan | {"sku": "none"}), "goods.no_such_sku", 404)


def test_kits_are_made_of_what_lies_at_the_station(shop: Shop, callers: Cast) -> None:
    op = callers.operator
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(sku("soup", "other", 900)) | {"kind": "kit"})])
    assert told(op.call("PUT", "/kits/soup/bill", {"parts": {"milk": 2, "cherries": 1}}))
    for code in ("milk", "cherries"):
        quota.open(region=REGION, sku=code, place=kits.place("main"), quantity=8, key=f"q{code}")
    assert told(op.post("/kits/soup/assemble", {"station": "main", "quantity": 3}, key="a"), 201)["quantity"] == 3
    declined(op.post("/kits/soup/assemble", {"station": "main", "quantity": 3}, key="b"), "goods.short_of")
    shown = told(op.get("/kits/soup"))
    assert [(p["sku"], p["pieces"]) for p in shown["bill"]] == [("cherries", 1), ("milk", 2)]
    assert (shown["stock"][0]["free"], shown["stock"][0]["possible"]) == (3, 1)
    assert told(op.post("/skus/soup/losses", {"station": "main", "quantity": 1, "reason": "spoiled"}, key="l"))
    assert told(op.post("/kits/soup/disassemble", {"station": "main", "quantity": 2}, key="d"))
    assert told(op.get("/kits/losses"))[0]["lost"] == 1
    gone(op.get("/kits/milk"))


def test_a_promotions_board(shop: Shop, callers: Cast) -> None:
    op = callers.operator
    coupons.fund(region=REGION, owner="playbook:double", amount_minor=9_000, key="f")
    at = [(MONDAY + timedelta(hours=n)).isoformat() for n in (0, 1, 2)]
    stages = [{"kind": "warm_up", "starts_at": at[0], "ends_at": at[1]}, {"kind": "burst", "starts_at": at[1], "ends_at": at[2]}]
    fields = {"name_zh": "双十一", "name_en": "Double", "stages": stages, "budget_owner": "playbook:double"}
    assert told(op.call("PUT", "/promotions/double", fields))["slug"] == "double"
    assert told(op.post("/promotions/double/groups", {"stage": "burst", "group_ids": [shop.cherries]}, key="g")) == {"added": 1}
    made = told(op.post("/promotions/double/sell-ahead", {"group_id": shop.cherries, "price_minor": 380}, key="s"), 201)
    assert told(op.get(f"/groups/{made['group_id']}"))["reserve_of"] == shop.cherries
    board = told(op.get("/promotions/double"))
    assert board["budget"]["free_minor"] == 9_000 and [s["stock"] for s in board["stages"]] == [2, 8]
    assert told(op.get("/promotions"))[0]["name_en"] == "Double"
    declined(op.call("PUT", "/promotions/x", fields | {"stages": stages[::-1]}), "trade.bad_promotion", 422)
    declined(op.get("/promotions/none"), "trade.no_such_promotion", 404)


def sheet(text: str) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("catalog.csv", text.encode())}


def test_the_catalogue_from_a_file_is_planned_and_then_done_whole_or_not(callers: Cast) -> None:
    op, change = callers.operator, "编号,标价\ncherries,6.50\n"
    plan = told(op.send("/imports/catalog/plan", sheet(change)))
    assert plan["changed"] == [{"code": "cherries", "fields": {"list_price_minor": [600, 650]}}] and plan["problems"] == []
    assert told(op.get("/skus/cherries"))["list_price_minor"] == 600
    done = told(op.send("/imports/catalog", sheet(change), key="i"))
    assert done == plan and told(op.get("/skus/cherries"))["list_price_minor"] == 650
    wrong = sheet("编号,标价\ncherries,7.00\nmilk,kein\n")
    [problem] = told(op.send("/imports/catalog/plan", wrong))["problems"]
    assert (problem["row"], problem["column"]) == (3, "标价") and problem["says"]
    wrong = sheet("编号,标价\ncherries,7.00\nmilk,kein\n")
    declined(op.send("/imports/catalog", wrong, key="j"), "goods.import_problems")
    assert told(op.get("/skus/cherries"))["list_price_minor"] == 650


def test_rates_and_what_is_in_its_cool_off(shop: Shop, till: Till, callers: Cast) -> None:
    assert told(callers.operator.call("PUT", "/commission-rates/sku/cherries", {"rate_bp": 500}))
    assert told(callers.operator.get("/commission-rates")) == [{"kind": "sku", "target": "cherries", "rate_bp": 500}]
    handed_order(shop, till)
    assert [row["amount_minor"] for row in told(callers.leader.get("/earnings/pending"))] == [60]
    gone(callers.leader.get(f"/earnings/pending?person_id={shop.other_leader}"))
    declined(callers.operator.call("PUT", "/commission-rates/layer/none", {"rate_bp": 500}), "trade.bad_rate", 422)


def test_only_operators_say_whose_pieces_a_group_sells(shop: Shop, callers: Cast) -> None:
    cleaners()
    bundle(shop)
    jam(shop)
    wish: dict[str, Any] = {"community_id": shop.maple, "sku": "jam", "threshold": 1, "quota_pieces": 5, "price_minor": 400}
    times = {"deadline_at": NOON.isoformat(), "pickup_from": (NOON + timedelta(days=1)).isoformat()}
    wish |= {"solo_price_minor": 500, "quota_from": "allotment:jam", **times}
    assert told(callers.operator.post("/groups", wish, key="a"), 201)
    gone(callers.leader.post("/groups", wish, key="b"))
