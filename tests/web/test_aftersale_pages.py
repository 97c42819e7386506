"""After-sale and leaders' money on the pages: asked, settled, decided, paid; and nobody sees another's."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse
from PIL import Image

from linli.engage import notices, runs
from linli.engage.models import InboxMessage
from linli.kernel import clocks, events
from linli.people import queries as people
from linli.trade import aftersale, channels, commission, groups, queries, refunds, terms
from linli.trade.models import AfterSale, Refund, Withdrawal
from linli.web.access import SESSION_KEY
from linli.web.console.leaders_money import basis_points
from linli.web.phone.aftersale import minor
from support import shop as built
from support.aftersales import OPERATOR_PHONE, appoint_operator, crabs, handed_order
from support.phone import signed_in
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def noon() -> Iterator[None]:
    with clocks.fixed(business=NOON + timedelta(minutes=5)):
        yield


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found


@pytest.fixture
def handed(shop: Shop, till: Till) -> uuid.UUID:
    return handed_order(shop, till)


def operator(language: str = "zh-hans") -> Client:
    appoint_operator()
    client = Client(headers={"accept-language": language})
    person = people.person_by_phone(OPERATOR_PHONE)
    assert person is not None
    session = client.session
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), (180, 40, 30)).save(out, "JPEG")
    return SimpleUploadedFile("a.jpg", out.getvalue(), "image/jpeg")


def ask(order: uuid.UUID, client: Client | None = None, **changes: object) -> object:
    sent = {"reason": "damaged", "how": "pieces:1", "words": "压坏一盒", "key": "12345678", "photos": [picture()]} | changes
    return (client or signed_in("alice")).post(reverse("shop:ask", args=[order, 1]), sent)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_member_asks_with_a_photo_and_follows_it(handed: uuid.UUID, noon: None, tmp_path: Path, language: str) -> None:
    alice = signed_in("alice", language)
    with override_settings(HOME=tmp_path):
        assert alice.get(reverse("shop:aftersale", args=[handed])).status_code == 200
        form = alice.get(reverse("shop:ask", args=[handed, 1])).content.decode()
        assert "$4.00" in form and ("2 份" in form or "× 2" in form)
        assert ask(handed, alice).status_code == 302  # type: ignore[attr-defined]
        row = AfterSale.objects.get()
        page = alice.get(reverse("shop:aftersale-one", args=[row.pk])).content.decode()
        assert "压坏一盒" in page and ("团长在看" in page or "Your leader is looking" in page)
        seen = reverse("aftersale-photo", args=[row.photos.get().pk])
        for who in (alice, signed_in("leader"), operator()):
            answer = who.get(seen)
            assert answer.status_code == 200 and answer["Content-Type"] == "image/jpeg"
        for stranger in (signed_in("bob"), signed_in("charlie"), signed_in("other")):
            assert stranger.get(seen).status_code == 404
        assert Client().get(seen).status_code == 302


def test_what_is_refused_keeps_what_was_written(handed: uuid.UUID, noon: None) -> None:
    answer = ask(handed, photos=[SimpleUploadedFile("a.jpg", b"no picture")])
    assert answer.status_code == 422 and "压坏一盒" in answer.content.decode()  # type: ignore[attr-defined]
    assert ask(handed, how="nonsense", photos=[]).status_code == 422  # type: ignore[attr-defined]
    assert ask(handed, reason="boredom", photos=[]).status_code == 422  # type: ignore[attr-defined]
    assert not AfterSale.objects.exists()


def test_somebody_elses_are_not_there(handed: uuid.UUID, noon: None) -> None:
    ask(handed, photos=[])
    row = AfterSale.objects.get()
    bob, other = signed_in("bob"), signed_in("other")
    assert bob.get(reverse("shop:ask", args=[handed, 1])).status_code == 404
    assert bob.get(reverse("shop:aftersale", args=[handed])).status_code == 404
    assert bob.get(reverse("shop:aftersale-one", args=[row.pk])).status_code == 404
    assert bob.post(reverse("shop:aftersale-withdraw", args=[row.pk])).status_code == 404
    assert other.post(reverse("leader:aftersale-settle", args=[row.pk]), {"amount": "1"}).status_code == 404
    assert other.post(reverse("leader:spot"), {"order": handed, "line": 1, "reason": "other", "how": "pieces:1"}).status_code == 404
    assert signed_in("alice").get(reverse("shop:ask", args=[handed, 9])).status_code == 404
    assert signed_in("alice").post(reverse("shop:aftersale-withdraw", args=[row.pk])).status_code == 302
    assert AfterSale.objects.get().state == "withdrawn"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_leader_settles_on_the_spot(handed: uuid.UUID, noon: None, till: Till, language: str) -> None:
    ask(handed, photos=[])
    leader = signed_in("leader", language)
    page = leader.get(reverse("leader:aftersale")).content.decode()
    assert "压坏一盒" in page and "$4.00" in page
    row = AfterSale.objects.get()
    leader.post(reverse("leader:aftersale-settle", args=[row.pk]), {"amount": "999"})
    assert AfterSale.objects.get().state == "open"
    leader.post(reverse("leader:aftersale-settle", args=[row.pk]), {"amount": "$3.50"})
    assert AfterSale.objects.get().granted_minor == 350
    refunds.pursue()
    assert list(till.refunds.values()) == [350]
    done = signed_in("alice", language).get(reverse("shop:aftersale-one", args=[row.pk])).content.decode()
    assert "$3.50" in done


def test_the_leader_refunds_without_being_asked(shop: Shop, handed: uuid.UUID, noon: None) -> None:
    leader = signed_in("leader")
    code = queries.handouts(shop.maple, include_handed=True)[0].pickup_code
    assert "当场退给邻居" in leader.get(reverse("leader:aftersale"), {"code": code}).content.decode()
    assert leader.get(reverse("leader:aftersale"), {"code": "ZZZZZZ"}).status_code == 404
    sent = {"order": handed, "line": 1, "reason": "missing", "how": "pieces:2", "key": "12345678"}
    for _ in range(2):
        assert leader.post(reverse("leader:spot"), sent).status_code == 302
    assert Refund.objects.get().amount_minor == 800


def test_passed_on_and_decided_in_the_console(handed: uuid.UUID, noon: None) -> None:
    ask(handed, photos=[])
    row = AfterSale.objects.get()
    signed_in("leader").post(reverse("leader:aftersale-settle", args=[row.pk]), {"pass": "1"})
    desk = operator()
    assert "压坏一盒" in desk.get(reverse("console:aftersale")).content.decode()
    one = reverse("console:aftersale-decide", args=[row.pk])
    assert desk.get(reverse("console:aftersale-one", args=[row.pk])).status_code == 200
    desk.post(one, {"refuse": "1", "why": ""})
    assert AfterSale.objects.get().state == "escalated"
    desk.post(one, {"amount": "4.00", "why": "好的"})
    assert AfterSale.objects.get().state == "settled"
    for state in ("waiting", "settled", "refused"):
        assert desk.get(reverse("console:aftersale"), {"state": state, "q": "cherr"}).status_code == 200
    assert desk.get(reverse("console:aftersale-one", args=[row.pk])).status_code == 200


def test_many_at_once(handed: uuid.UUID, noon: None) -> None:
    ask(handed, photos=[])
    desk, pick = operator(), str(AfterSale.objects.get().pk)
    for _ in range(2):
        desk.post(reverse("console:aftersale-approve"), {"pick": [pick, "nonsense"]})
    assert Refund.objects.get().amount_minor == 400


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_refunds_are_found_exported_and_sent_again(handed: uuid.UUID, noon: None, till: Till, language: str) -> None:
    refunds.request(order_id=handed, reason="operator", by="person:1", key="k")
    till.declines = True
    refunds.pursue()
    desk, row = operator(language), Refund.objects.get()
    page = desk.get(reverse("console:refunds"), {"state": "failed", "q": "Alice"}).content.decode()
    assert row.refund_no[-8:].upper() in page
    assert desk.get(reverse("console:refunds"), {"q": row.refund_no[-8:]}).content.decode().count(row.refund_no[-8:].upper()) >= 1
    assert row.refund_no in b"".join(desk.get(reverse("console:refunds-export", args=["csv"]))).decode()  # type: ignore[arg-type]
    again = reverse("console:refund-retry", args=[row.refund_no])
    desk.post(again)
    assert Refund.objects.get().state == "failed"
    till.declines = False
    desk.post(again)
    assert Refund.objects.get().state == "succeeded"
    assert desk.post(reverse("console:refund-retry", args=["nothing"])).status_code == 302


def test_the_leader_weighs(shop: Shop, till: Till) -> None:
    placed = buy(till, shop.alice, [(crabs(shop), 2)], key="c")
    leader, form = signed_in("leader"), {"order": str(placed.order_id), "line": "1"}
    assert "今天没有要称的" in leader.get(reverse("leader:weigh")).content.decode()
    with clocks.fixed(business=NOON):
        groups.close_due(REGION)
        assert "500" in leader.get(reverse("leader:weigh")).content.decode()
        assert leader.post(reverse("leader:weigh"), form | {"grams": "9999"}).status_code == 422
        assert leader.post(reverse("leader:weigh"), form | {"grams": "430"}).status_code == 302
        assert "$17.18" in leader.get(reverse("leader:weigh")).content.decode()
        assert signed_in("other").post(reverse("leader:weigh"), form | {"grams": "400"}).status_code == 404


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_earnings_withdrawal_and_the_consoles_side(shop: Shop, handed: uuid.UUID, till: Till, language: str) -> None:
    leader = signed_in("leader", language)
    with clocks.fixed(business=NOON):
        assert "$1.20" in leader.get(reverse("leader:earnings")).content.decode()
    with clocks.fixed(business=MONDAY + timedelta(days=9)):
        commission.post_due(REGION)
        terms.put(region=REGION, by="person:1", withdraw_least_minor=10)
        page = leader.get(reverse("leader:earnings")).content.decode()
        assert "$1.20" in page and ("和账本一致" in page or "the ledger agrees" in page)
        for _ in range(2):
            leader.post(reverse("leader:withdraw"), {"amount": "$1.00", "key": "12345678"})
        row = Withdrawal.objects.get()
        desk, which = operator(language), reverse("console:withdrawal", args=[row.pk])
        assert desk.get(reverse("console:leaders-money")).status_code == 200
        desk.post(which, {"what": "paid", "reference": "B1"})
        assert Withdrawal.objects.get().state == "requested"
        desk.post(which, {"what": "approve"})
        assert desk.get(reverse("console:leaders-money")).status_code == 200
        desk.post(which, {"what": "paid", "reference": "B1"})
        assert Withdrawal.objects.get().state == "paid"
        assert desk.post(which, {"what": "burn"}).status_code == 404
        assert "B1" in leader.get(reverse("leader:earnings")).content.decode()
        csv = b"".join(leader.get(reverse("leader:statement"), {"month": "2017-10"})).decode()  # type: ignore[arg-type]
        assert "1.20" in csv and "-1.00" in csv and csv.strip().splitlines()[-1].split(",")[7] == "0.20"
        mine = reverse("console:leader-statement", args=[shop.leader])
        assert desk.get(mine, {"month": "2017-10"}).status_code == 200
        year = b"".join(desk.get(reverse("console:leader-statement-export", args=[shop.leader]), {"month": "2017"})).decode()  # type: ignore[arg-type]
        assert year.count("\n") == 5
        assert desk.get(reverse("console:leader-statement", args=[10**6])).status_code == 404
        assert desk.get(reverse("console:leader-statement-export", args=[10**6])).status_code == 404


def test_rates_are_set_in_percent(shop: Shop) -> None:
    desk, where = operator(), reverse("console:commission-rate")
    desk.post(where, {"kind": "default", "rate": "8%"})
    desk.post(where, {"kind": "layer", "target": "hit", "rate": "5.5"})
    desk.post(where, {"kind": "sku", "target": "milk", "rate": "0"})
    desk.post(where, {"kind": "level", "target": "2", "rate": "5"})
    desk.post(where, {"kind": "sku", "target": "milk", "rate": "many"})
    assert terms.of(REGION).commission_bp == 800
    assert commission.rates(REGION) == {("layer", "hit"): 550, ("sku", "milk"): 0}
    assert "5.5%" in desk.get(reverse("console:leaders-money")).content.decode()


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("12", 1200),
        ("12.5", 1250),
        ("$12.50", 1250),
        (" 1,200.00 ", 120000),
        ("12.505", 0),
        ("", 0),
        ("-1", 0),
        ("1e3", 0),
        ("１２", 0),
        (".5", 0),
    ],
)
def test_amounts_as_people_type_them(typed: str, means: int) -> None:
    """foodsoft #1166: what couldn't be read was taken for something else."""
    assert minor(typed, "USD") == means


@pytest.mark.parametrize(("typed", "means"), [("8", 800), ("8.5%", 850), ("", None), (" 0 ", 0)])
def test_rates_as_people_type_them(typed: str, means: int | None) -> None:
    assert basis_points(typed) == means


def test_a_refusal_reaches_the_member(shop: Shop, handed: uuid.UUID, noon: None) -> None:
    ask(handed, photos=[])
    row = AfterSale.objects.get()
    aftersale.refuse(aftersale_id=row.pk, region=REGION, by=1, why="照片是别家的")
    told = events.about(f"member:{shop.alice}", region=REGION)
    (answer,) = [e for e in told if e.kind == "trade.aftersale_answered"]
    assert answer.kind in runs.NOTICES and notices.notify(answer)
    assert InboxMessage.objects.get().title == "售后有结果了"
    assert "照片是别家的" in signed_in("alice").get(reverse("shop:aftersale-one", args=[row.pk])).content.decode()
