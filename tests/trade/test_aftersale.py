"""After-sale: asked by line, settled on the spot within limits that two taps can't pass, or decided; the refund starts by itself."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.test import override_settings
from PIL import Image

from linli.kernel import clocks, ledger
from linli.kernel.models import Event
from linli.trade import aftersale, groups, orders, photos, queries, refunds, terms, weighing
from linli.trade.aftersale import Ask
from linli.trade.models import AfterSale, AfterSalePhoto, AfterSaleStep, OrderLine, Refund
from support.aftersales import appoint_operator, crabs, handed_order
from support.racing import at_once
from support.refusing import refused
from support.shop import NOON, REGION, Shop, Till, buy

ONE_BAD = Ask(1, "damaged", "pieces", 1, "烂了一盒")


@pytest.fixture
def handed(shop: Shop, till: Till) -> uuid.UUID:
    """Alice fetched three cherries at 4.00 at noon."""
    return handed_order(shop, till)


def asked(shop: Shop, order_id: uuid.UUID, want: Ask = ONE_BAD, key: str = "a", pictures: tuple[bytes, ...] = ()) -> aftersale.Asked:
    with clocks.fixed(business=NOON + timedelta(hours=1)):
        return aftersale.ask(order_id=order_id, member_id=shop.alice, want=want, key=key, pictures=pictures)


def photo(size: tuple[int, int] = (3000, 2000), **extra: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (180, 40, 30)).save(out, "JPEG", **extra)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_leader_settles_it_on_the_spot(shop: Shop, handed: uuid.UUID, till: Till) -> None:
    row = asked(shop, handed)
    assert (row.state, row.asked_minor) == ("open", 400)
    with clocks.fixed(business=NOON + timedelta(hours=2)):
        for _ in range(2):
            done = aftersale.settle_on_the_spot(aftersale_id=row.aftersale_id, leader=shop.leader, amount_minor=400, why="看过了")
    assert (done.state, done.granted_minor) == ("settled", 400)
    refunds.pursue()
    assert list(till.refunds.values()) == [400]
    info = queries.after_sale(row.aftersale_id)
    assert info is not None and info.refund_state == "succeeded"
    assert [(s.what, s.by) for s in info.steps] == [("asked", "member"), ("settled", "leader")]
    told = Event.objects.get(kind="trade.aftersale_answered").payload
    assert (told["answer_s"], told["on_spot"], told["granted_minor"]) == (3600, True, 400)
    line = OrderLine.objects.get()
    assert (line.state, line.refunded_minor, line.returned_pieces) == ("handed", 400, 0)
    assert ledger.audit().ok


def test_what_it_comes_to(shop: Shop, till: Till) -> None:
    order = handed_order(shop, till, [(crabs(shop), 2)])
    with clocks.fixed(business=NOON):
        weighing.weigh(order_id=order, number=1, grams=400, by="person:8")
    # 19.98 for 500 g at most; 400 g came to 15.98, and the rest is on its way back
    for unit, amount, comes in (("pieces", 1, 799), ("grams", 100, 399), ("percent", 30, 479), ("percent", 100, 1598)):
        want = Ask(1, "quality", unit, amount)
        assert aftersale.preview(order_id=order, member_id=shop.alice, want=want) == comes
    for unit, amount in (("pieces", 3), ("grams", 401), ("percent", 101), ("percent", 0), ("boxes", 1)):
        with refused("trade.bad_aftersale"):
            aftersale.preview(order_id=order, member_id=shop.alice, want=Ask(1, "quality", unit, amount))


def test_over_the_leaders_limit_it_goes_to_the_operator_at_once(shop: Shop, handed: uuid.UUID, till: Till) -> None:
    terms.put(region=REGION, by="person:1", spot_order_minor=399)
    row = asked(shop, handed)
    assert row.state == "escalated"
    with refused("trade.aftersale_decided", state="escalated"):
        aftersale.settle_on_the_spot(aftersale_id=row.aftersale_id, leader=shop.leader, amount_minor=100)
    done = aftersale.approve(aftersale_id=row.aftersale_id, region=REGION, by=appoint_operator(), amount_minor=250, why="一半是好的")
    assert (done.state, done.granted_minor) == ("settled", 250)
    refunds.pursue()
    assert list(till.refunds.values()) == [250]


def test_the_limits_of_an_order_and_of_a_day(shop: Shop, till: Till) -> None:
    terms.put(region=REGION, by="person:1", spot_order_minor=500, spot_day_minor=700)
    first, second = handed_order(shop, till, key="1"), handed_order_again(shop, till)
    one = asked(shop, first, key="1")
    settle = aftersale.settle_on_the_spot
    settle(aftersale_id=one.aftersale_id, leader=shop.leader, amount_minor=400)
    more = asked(shop, first, Ask(1, "other", "percent", 50), key="2")
    with refused("trade.spot_limit", left_minor=100):  # of the order
        settle(aftersale_id=more.aftersale_id, leader=shop.leader, amount_minor=101)
    other = asked(shop, second, key="3")
    with refused("trade.spot_limit", left_minor=300):  # of the day
        settle(aftersale_id=other.aftersale_id, leader=shop.leader, amount_minor=301)
    settle(aftersale_id=other.aftersale_id, leader=shop.leader, amount_minor=300)
    assert queries.spot_limit(REGION, shop.leader).day_left_minor == 0
    with clocks.fixed(business=NOON + timedelta(days=1)):
        assert queries.spot_limit(REGION, shop.leader).day_left_minor == 700


def handed_order_again(shop: Shop, till: Till) -> uuid.UUID:
    placed = buy(till, shop.alice, [(crabs(shop, price_minor=400), 3)], key="again")
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        orders.hand_over(order_id=placed.order_id, by="person:8", key="h")
    return placed.order_id


@pytest.mark.django_db(transaction=True)
def test_two_taps_cannot_pass_the_days_limit(shop: Shop, till: Till) -> None:
    ids = _two_requests(shop, till)
    at_once(2, lambda n: aftersale.settle_on_the_spot(aftersale_id=ids[n], leader=shop.leader, amount_minor=400))
    assert sorted(AfterSale.objects.values_list("state", flat=True)) == ["open", "settled"]
    assert Refund.objects.count() == 1 and ledger.audit().ok


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_they_would(shop: Shop, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same taps, nothing claimed."""
    ids = _two_requests(shop, till)
    monkeypatch.setattr(aftersale, "_spot_claim", lambda *a: [])
    at_once(2, lambda n: aftersale.settle_on_the_spot(aftersale_id=ids[n], leader=shop.leader, amount_minor=400))
    assert Refund.objects.count() == 2


def _two_requests(shop: Shop, till: Till) -> list[uuid.UUID]:
    terms.put(region=REGION, by="person:1", spot_order_minor=500, spot_day_minor=700)
    first, second = handed_order(shop, till, key="1"), handed_order_again(shop, till)
    return [asked(shop, first, key="1").aftersale_id, asked(shop, second, key="2").aftersale_id]


def test_one_open_request_a_line(shop: Shop, handed: uuid.UUID) -> None:
    row = asked(shop, handed)
    assert asked(shop, handed) == row  # the same tap
    with refused("trade.key_reused"):
        asked(shop, handed, Ask(1, "damaged", "pieces", 2))
    with refused("trade.aftersale_open"):
        asked(shop, handed, key="b")
    with pytest.raises(IntegrityError), transaction.atomic():  # what stands behind it
        twin = AfterSale.objects.get()
        twin.pk, twin.key = uuid.uuid4(), "twin"
        twin.save(force_insert=True)
    assert aftersale.withdraw(aftersale_id=row.aftersale_id, member_id=shop.alice).state == "withdrawn"
    assert asked(shop, handed, key="c").state == "open"


def test_within_two_days_of_the_hand_over(shop: Shop, till: Till) -> None:
    waits = buy(till, shop.alice, [(shop.milk, 1)], key="w")
    with refused("trade.not_handed_over"):
        aftersale.ask(order_id=waits.order_id, member_id=shop.alice, want=ONE_BAD, key="a")
    handed = handed_order(shop, till)
    with clocks.fixed(business=NOON + timedelta(hours=48, seconds=1)), refused("trade.aftersale_too_late", hours=48):
        aftersale.ask(order_id=handed, member_id=shop.alice, want=ONE_BAD, key="a")
    with clocks.fixed(business=NOON + timedelta(hours=48)):
        assert aftersale.ask(order_id=handed, member_id=shop.alice, want=ONE_BAD, key="a").state == "open"


def test_somebody_elses_order_is_not_there(shop: Shop, handed: uuid.UUID) -> None:
    with refused("trade.no_such_order"):
        aftersale.ask(order_id=handed, member_id=shop.bob, want=ONE_BAD, key="a")
    row = asked(shop, handed)
    which = row.aftersale_id
    with refused("trade.no_such_aftersale"):
        aftersale.withdraw(aftersale_id=which, member_id=shop.bob)
    with refused("trade.no_such_aftersale"):
        aftersale.settle_on_the_spot(aftersale_id=which, leader=shop.other_leader, amount_minor=1)
    with refused("trade.no_such_aftersale"):
        aftersale.escalate(aftersale_id=which, leader=shop.other_leader, why="")
    for act in (aftersale.approve, aftersale.refuse):
        with refused("trade.no_such_aftersale"):
            act(aftersale_id=which, region="elsewhere", by=1, why="x")
    with refused("trade.no_such_aftersale"):
        aftersale.withdraw(aftersale_id="nonsense", member_id=shop.alice)
    with refused("trade.no_such_order"):
        aftersale.refund_on_the_spot(order_id=handed, leader=shop.other_leader, want=ONE_BAD, key="x")


def test_the_operator_refuses_with_a_reason(shop: Shop, handed: uuid.UUID) -> None:
    which = {"aftersale_id": asked(shop, handed).aftersale_id, "region": REGION, "by": 1}
    with refused("trade.no_reason"):
        aftersale.refuse(why="  ", **which)
    for _ in range(2):
        assert aftersale.refuse(why="照片是别家的", **which).state == "refused"
    with refused("trade.aftersale_decided", state="refused"):
        aftersale.approve(**which)
    with refused("trade.aftersale_decided", state="refused"):
        aftersale.withdraw(aftersale_id=which["aftersale_id"], member_id=shop.alice)
    assert AfterSaleStep.objects.count() == 2 and not Refund.objects.exists()


def test_passed_on_by_the_leader(shop: Shop, handed: uuid.UUID) -> None:
    row = asked(shop, handed)
    for _ in range(2):
        assert aftersale.escalate(aftersale_id=row.aftersale_id, leader=shop.leader, why="看不清").state == "escalated"
    aftersale.refuse(aftersale_id=row.aftersale_id, region=REGION, by=1, why="x")
    with refused("trade.aftersale_decided"):
        aftersale.escalate(aftersale_id=row.aftersale_id, leader=shop.leader, why="")


@pytest.mark.parametrize("amount", [0, -1, 401, True])
def test_not_more_than_was_asked(shop: Shop, handed: uuid.UUID, amount: int) -> None:
    row = asked(shop, handed)
    with refused("trade.bad_amount", most_minor=400):
        aftersale.settle_on_the_spot(aftersale_id=row.aftersale_id, leader=shop.leader, amount_minor=amount)
    with refused("trade.bad_amount", most_minor=400):
        aftersale.approve(aftersale_id=row.aftersale_id, region=REGION, by=1, amount_minor=amount)


def test_what_went_back_since_it_was_asked(shop: Shop, handed: uuid.UUID) -> None:
    row = asked(shop, handed)
    refunds.request(order_id=handed, reason="operator", by="person:1", key="all")
    with refused("trade.too_much_back"):
        aftersale.approve(aftersale_id=row.aftersale_id, region=REGION, by=1)
    with refused("trade.nothing_to_refund"):
        asked(shop, handed, key="b")


def test_a_leader_sees_it_and_settles_it(shop: Shop, handed: uuid.UUID, till: Till) -> None:
    with clocks.fixed(business=NOON):
        for _ in range(2):
            done = aftersale.refund_on_the_spot(order_id=handed, leader=shop.leader, want=ONE_BAD, key="s")
        assert (done.state, done.granted_minor) == ("settled", 400)
        terms.put(region=REGION, by="person:1", spot_order_minor=700)
        with refused("trade.spot_limit"):
            aftersale.refund_on_the_spot(order_id=handed, leader=shop.leader, want=Ask(1, "other", "percent", 100), key="s2")
    refunds.pursue()
    assert list(till.refunds.values()) == [400] and AfterSale.objects.count() == 1


@pytest.mark.parametrize("want", [Ask(1, "boredom", "pieces", 1), Ask(1, "other", "pieces", 1, "字" * 501)])
def test_a_reason_is_one_of_five(shop: Shop, handed: uuid.UUID, want: Ask) -> None:
    with refused("trade.bad_reason"):
        asked(shop, handed, want)


def test_pictures_keep_nothing_of_the_phone(shop: Shop, handed: uuid.UUID, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "SecretPhone", 6  # the maker, and lying on its side
    with override_settings(HOME=tmp_path):
        asked(shop, handed, pictures=(photo(exif=exif, comment=b"secret"), photo((20, 20))))
        kept = AfterSalePhoto.objects.order_by("number").first()
        assert kept is not None and (kept.width, kept.height) == (1067, 1600)  # upright, and smaller
        data = photos.path(REGION, kept.pk).read_bytes()
    assert b"SecretPhone" not in data and b"secret" not in data and len(data) == kept.size_bytes
    with Image.open(io.BytesIO(data)) as again:
        assert again.format == "JPEG" and not again.getexif()
    assert queries.photo_owner(kept.pk) == (REGION, shop.alice, shop.maple)


def test_a_request_that_is_refused_leaves_no_picture(shop: Shop, handed: uuid.UUID, tmp_path: Path) -> None:
    with override_settings(HOME=tmp_path), refused("trade.bad_aftersale"):
        asked(shop, handed, Ask(1, "damaged", "pieces", 9), pictures=(photo(),))
    assert not list(tmp_path.rglob("*.jpg"))


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"GIF89a" + bytes(50), photo()[:200]], ids=["empty", "svg", "gif", "half"])
def test_what_is_no_picture(shop: Shop, handed: uuid.UUID, data: bytes) -> None:
    with refused("trade.bad_photo"):
        asked(shop, handed, pictures=(data,))


def test_pictures_have_a_size_and_a_number(shop: Shop, handed: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    with refused("trade.too_many_photos", most=6):
        asked(shop, handed, pictures=(b"x",) * 7)
    monkeypatch.setattr(photos, "MOST_PIXELS", 99)
    with refused("trade.photo_too_large"):
        asked(shop, handed, pictures=(photo((10, 10)),))
    monkeypatch.setattr(photos, "MOST_BYTES", 10)
    with refused("trade.photo_too_large"):
        asked(shop, handed, pictures=(photo((10, 10)),))


def test_what_may_be_asked_about(shop: Shop, handed: uuid.UUID) -> None:
    assert [(a.number, a.no) for a in queries.askable(handed)] == [(1, "")]
    asked(shop, handed)
    assert queries.askable(handed)[0].no == "open"
    rows, total = queries.after_sale_queue(REGION)
    assert total == 1 and rows[0].words == "烂了一盒"
    assert queries.after_sale_counts(REGION)["waiting"] == 1
    assert len(queries.after_sales_of_communities([shop.maple], waiting=True)) == 1
    assert not queries.after_sales_of_communities([shop.oak], waiting=True)
