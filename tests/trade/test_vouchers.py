"""Vouchers: bought, given, redeemed once, given back, expired; the partner's capacity is claimed and comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from linli.goods import catalog
from linli.kernel import clocks, events, ledger
from linli.trade import accounts, capacity, groups, load, orders, partners, redeeming, refunds, rules, services, settlements, vouchers
from linli.trade.models import OrderLine, Refund, Voucher
from linli.trade.posting import Posting
from support.partners import BY, CLEAN, bundle, cleaners, door, gift
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group, sku


def free() -> int:
    return ledger.balance(capacity.account(REGION, CLEAN, "shine")).free


def owed() -> int:
    return ledger.balance(accounts.payable(REGION, "USD", "shine")).balance


def sums() -> None:
    assert ledger.audit().ok and settlements.difference(REGION, "USD", "shine") == 0


def refunded() -> int:
    return sum(r.amount_minor for r in Refund.objects.all())


def bought(shop: Shop, till: Till, pieces: int = 1, *, kind: str = "bundle", uses: int = 1, close: bool = True) -> orders.Placed:
    cleaners(uses=uses)
    placed = buy(till, shop.alice, [(bundle(shop, kind=kind), pieces)], key="k")
    if close:
        with clocks.fixed(business=NOON):
            groups.close_due(REGION)
    return placed


def test_a_bundle_claims_capacity_and_brings_a_voucher_once_paid(shop: Shop, till: Till) -> None:
    cleaners(places=3)
    group = bundle(shop)
    placed = orders.place(member_id=shop.alice, lines=[(group, 2)], key="k")
    assert free() == 1 and not Voucher.objects.exists()
    with refused("trade.no_capacity", left=1):
        orders.place(member_id=shop.bob, lines=[(group, 2)], key="k")
    orders.cancel(order_id=placed.order_id, member_id=shop.alice, key="c")
    assert free() == 3
    buy(till, shop.bob, [(group, 3)], key="k2")
    assert free() == 0
    made = list(Voucher.objects.order_by("number"))
    assert [(v.member_id, v.value_minor, v.uses_left, len(v.code)) for v in made] == [(shop.bob, 6000, 1, 16)] * 3
    assert made[0].expires_on == MONDAY.date() + timedelta(days=30) and len({v.code for v in made}) == 3
    assert len(events.about(f"member:{shop.bob}", region=REGION)) >= 5
    sums()


def test_a_voucher_is_redeemed_once_by_its_partner(shop: Shop, till: Till) -> None:
    bought(shop, till)
    at = door()
    code = Voucher.objects.get().code
    typed = f" {code[:4].lower()}-{code[4:8]} {code[8:]} "
    with clocks.fixed(business=NOON):
        first = redeeming.redeem(access_id=at, code=typed, key="t")
        again = redeeming.redeem(access_id=at, code=f"https://shop/v/{code}", key="t")
        assert (first.number, first.again, again.again) == (1, False, True)
        with refused("trade.voucher_used"):
            redeeming.redeem(access_id=at, code=code, key="t2")
    assert owed() == 4800 and Voucher.objects.get().state == "redeemed"
    with refused("trade.voucher_used"):
        redeeming.give_back(voucher_id=Voucher.objects.get().pk, member_id=shop.alice, key="g")
    sums()


def test_another_partner_finds_no_such_voucher_and_a_closed_door_opens_nothing(shop: Shop, till: Till) -> None:
    bought(shop, till)
    code = Voucher.objects.get().code
    partners.put(region=REGION, partner=partners.NewPartner("other", "乙", "Other", kind="service"), by=BY)
    other = partners.access(partners.make_access(region=REGION, partner="other", label="", by=BY)) or 0
    for wrong in (code, "", "x" * 500, "AAAA"):
        with refused("trade.no_such_voucher"):
            redeeming.redeem(access_id=other, code=wrong, key="t")
    at = door()
    partners.revoke_access(region=REGION, access_id=at)
    with refused("trade.no_such_access"):
        redeeming.redeem(access_id=at, code=code, key="t")
    assert partners.access("guess") is None and partners.access("猜") is None
    with refused("trade.bad_key"):
        redeeming.redeem(access_id=at, code=code, key="")


def test_a_voucher_waits_for_its_group_and_goes_back_with_it(shop: Shop, till: Till) -> None:
    cleaners()
    group = bundle(shop, threshold=3)
    buy(till, shop.alice, [(group, 1)], key="k")
    at, v = door(), Voucher.objects.get()
    with refused("trade.voucher_waits"):
        redeeming.redeem(access_id=at, code=v.code, key="t")
    with refused("trade.voucher_waits"):
        redeeming.give_back(voucher_id=v.pk, member_id=shop.alice, key="g")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        assert Voucher.objects.get().state == "revoked" and free() == 10
        with refused("trade.voucher_ended", state="revoked"):
            redeeming.redeem(access_id=at, code=v.code, key="t")
    sums()


@pytest.mark.parametrize(("kind", "back", "capacity_back"), [("bundle", 6000, 0), ("service", 10_000, 1)])
def test_an_unused_voucher_gives_its_value_back(shop: Shop, till: Till, kind: str, back: int, capacity_back: int) -> None:
    bought(shop, till, 2, kind=kind)
    one, other = Voucher.objects.order_by("pk")
    with clocks.fixed(business=NOON):
        assert redeeming.give_back(voucher_id=one.pk, member_id=shop.alice, key="g") == back
        assert redeeming.give_back(voucher_id=one.pk, member_id=shop.alice, key="g2") == back
        assert refunded() == back and free() == 8 + capacity_back
        with refused("trade.voucher_ended", state="refunded"):
            redeeming.redeem(access_id=door(), code=one.code, key="t")
        other.refresh_from_db()
        assert other.state == "active"
        redeeming.redeem(access_id=door(), code=other.code, key="t")
    with refused("trade.no_such_voucher"):
        redeeming.give_back(voucher_id=other.pk, member_id=shop.bob, key="g")
    sums()


def test_a_package_is_used_several_times_and_only_what_is_left_goes_back(shop: Shop, till: Till) -> None:
    bought(shop, till, uses=5)
    at, v = door(), Voucher.objects.get()
    with clocks.fixed(business=NOON):
        for n in (1, 2):
            assert redeeming.redeem(access_id=at, code=v.code, key=f"t{n}").number == n
        assert owed() == 960 * 2
        assert redeeming.give_back(voucher_id=v.pk, member_id=shop.alice, key="g") == 3600
        with refused("trade.voucher_ended"):
            redeeming.redeem(access_id=at, code=v.code, key="t3")
    sums()


def test_what_expires_unused_goes_back_by_itself(shop: Shop, till: Till) -> None:
    bought(shop, till)
    v = Voucher.objects.get()
    last = MONDAY + timedelta(days=30)
    with clocks.fixed(business=last):
        assert redeeming.expire_due(REGION) == 0
    with clocks.fixed(business=last + timedelta(days=1)):
        with refused("trade.voucher_expired", expires_on="2017-11-01"):
            redeeming.redeem(access_id=door(), code=v.code, key="t")
        assert redeeming.expire_due(REGION) == 1 and redeeming.expire_due(REGION) == 0
        assert refunded() == 6000 and Voucher.objects.get().state == "expired"
        with refused("trade.voucher_expired"):
            redeeming.redeem(access_id=door(), code=v.code, key="t")
    sums()


def test_an_order_given_back_whole_ends_its_unused_vouchers_only(shop: Shop, till: Till) -> None:
    placed = bought(shop, till, 2)
    one, _ = Voucher.objects.order_by("pk")
    with clocks.fixed(business=NOON):
        redeeming.redeem(access_id=door(), code=one.code, key="t")
        refunds.request(order_id=placed.order_id, reason="quality", by=BY, key="back")
    assert sorted(Voucher.objects.values_list("state", flat=True)) == ["redeemed", "revoked"]
    assert refunded() == 20_000 and owed() == 4800
    sums()


def test_an_order_from_so_much_on_gets_a_gift_and_loses_it_with_the_goods(shop: Shop, till: Till) -> None:
    cleaners(places=1)
    gift(from_minor=1000)
    assert [(g.missing_minor, g.left) for g in services.gifts(REGION, 400)] == [(600, 1)]
    cherries = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="big", threshold=1, quota_pieces=9))
    placed = buy(till, shop.alice, [(cherries, 3)], key="k")
    v = Voucher.objects.get()
    assert (v.value_minor, v.line_number, v.member_id, free()) == (0, 0, shop.alice, 0) and services.gifts(REGION, 400) == []
    at = door()
    with refused("trade.voucher_waits"):
        redeeming.redeem(access_id=at, code=v.code, key="t")
    buy(till, shop.bob, [(cherries, 3)], key="k")  # no capacity left: the order is paid all the same
    assert Voucher.objects.count() == 1
    with refused("trade.voucher_gift"):
        redeeming.give_back(voucher_id=v.pk, member_id=shop.alice, key="g")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        order, lines = load.locked(placed.order_id)

        posting = Posting()
        refunds.begin(posting, order, [rules.Part(1, 400, 0, 1)], reason="quality", by=BY, key="r", lines=lines)
        posting.commit()
    assert Voucher.objects.get().state == "revoked" and free() == 1
    sums()


def test_a_gift_redeemed_is_owed_at_its_value_and_stays(shop: Shop, till: Till) -> None:
    cleaners()
    gift(from_minor=1000)
    cherries = groups.open(region=REGION, group=new_group(shop.maple, "cherries", key="big", threshold=1, quota_pieces=9))
    placed = buy(till, shop.alice, [(cherries, 3)], key="k")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        redeeming.redeem(access_id=door(), code=Voucher.objects.get().code, key="t")
        refunds.request(order_id=placed.order_id, reason="quality", by=BY, key="back")
    assert owed() == 4800 and Voucher.objects.get().state == "redeemed"
    with clocks.fixed(business=MONDAY + timedelta(days=60)):
        assert redeeming.expire_due(REGION) == 0
    sums()


def test_services_and_bundles_that_cannot_be_are_refused(shop: Shop) -> None:
    cleaners()
    with refused("trade.bad_service", fields="value_minor, uses"):
        services.put(region=REGION, service=services.NewService("x", "shine", "甲", "X", 0, 3, uses=0))
    with refused("trade.no_such_service"):
        capacity.add(region=REGION, service="none", pieces=1, key="k")
    with refused("goods.bad_quantity"):
        capacity.add(region=REGION, service=CLEAN, pieces=0, key="k")
    bundle(shop)
    services.put(region=REGION, service=services.NewService("other", "shine", "乙", "Other", 100, 3))
    with refused("trade.bundle_fixed", sku="clean-bundle"):
        services.bundle(region=REGION, sku="clean-bundle", service="other")
    with refused("goods.no_such_sku"):
        services.bundle(region=REGION, sku="milk", service=CLEAN)
    with refused("trade.bad_gift", fields="ends_at"):
        services.put_gift(region=REGION, slug="x", service=CLEAN, from_minor=5, starts_at=MONDAY, ends_at=MONDAY)


def test_a_referral_names_the_partner_and_counts_once_a_day(shop: Shop) -> None:
    partners.put(region=REGION, partner=partners.NewPartner("drugs", "康宁药房", "Corning", kind="pharmacy", contact="555"), by=BY)
    catalog.put_many(region=REGION, skus=[catalog.NewSku(**vars(sku("pills", "other", 900)) | {"kind": "referral", "partner": "drugs"})])
    for _ in range(2):
        assert services.refer(member_id=shop.alice, sku="pills").contact == "555"
    assert [e.kind for e in events.about(f"member:{shop.alice}", region=REGION)].count("trade.member_referred") == 1
    with refused("trade.not_a_referral", sku="milk"):
        services.refer(member_id=shop.alice, sku="milk")
    assert OrderLine.objects.count() == 0 and vouchers.EXPIRE
