"""A member is erased: no table, log, lake file or picture knows who they were, and the books still balance."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse
from PIL import Image

from linli import wiring
from linli.engage.models import InboxMessage
from linli.insight import lake
from linli.insight.models import MemberState, Score, SegmentChange, SegmentStay
from linli.kernel import clocks, effects, events, ledger, work
from linli.kernel.models import Effect
from linli.people import consent, erasure, members, queries
from linli.people.models import Erasure, OneTimeCode
from linli.trade import aftersale, boxes, channels, groups, orders, photos
from linli.trade import erasure as trade_erasure
from linli.trade.aftersale import Ask
from linli.trade.models import AfterSalePhoto, Box, BoxPlan, PayAttempt
from linli.web.access import SESSION_KEY
from linli.web.api.webhooks import hooks
from linli.web.models import WebhookDelivery
from support import shop as built
from support.aftersales import appoint_operator, handed_order
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop, Till, buy, new_group

pytestmark = pytest.mark.django_db(transaction=True)  # readers see what is committed

PHONE, NAME, SURNAME, BUILDING, OUTSIDE, WORDS = "+15557654321", "Zenobia", "Zenobiasson", "b-4711", "household-4711", "mouldy 4711"
TRACES = (PHONE, PHONE[1:], NAME, SURNAME, BUILDING, OUTSIDE, WORDS)


@pytest.fixture
def shop(db: None, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    settings.HOME = tmp_path
    with clocks.fixed(business=MONDAY):
        yield built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found


@pytest.fixture
def zenobia(shop: Shop, till: Till) -> int:
    """A member with traces wherever a member can leave some, and nothing unfinished."""
    hooks.make(region=REGION, name="x", url="http://127.0.0.1:9/", wanted=["people.member_joined"], by="x", key="k")
    who = members.Newcomer(shop.maple, PHONE, NAME, SURNAME, BUILDING, external_id=OUTSIDE, consents=consent.SCOPES)
    member = members.join(region=REGION, newcomer=who)
    later = MONDAY + timedelta(minutes=9)
    OneTimeCode.objects.create(phone=PHONE, serial=1, digest="x", sent_at=MONDAY, expires_at=later)
    order = handed_order(shop, till, member=member)
    with clocks.fixed(business=NOON):
        want = Ask(1, "quality", "pieces", 1, WORDS)
        asked = aftersale.ask(order_id=order, member_id=member, want=want, pictures=[_picture()], key="q")
        aftersale.withdraw(aftersale_id=asked.aftersale_id, member_id=member)
    PayAttempt.objects.filter(order_id=order).update(return_url=f"https://shop.test/?of={OUTSIDE}")
    said = {"key": "e", "kind": "message", "subject": f"member:{member}", "origin": "x", "region": REGION}
    effects.decide(**said, state=Effect.State.DELIVERED, payload={"words": f"{SURNAME}邻居"})  # type: ignore[arg-type]
    InboxMessage.objects.create(region=REGION, effect_key="e", member_id=member, origin="x", title="x", words=NAME, sent_at=MONDAY)
    MemberState.objects.create(region=REGION, member_id=member, community_id=shop.maple, external_id=OUTSIDE, as_of=MONDAY, lifecycle="new")
    for table in (SegmentStay, SegmentChange, Score):
        facts = {"risk": 0.5} if table is Score else {"segment": "vip"}
        facts |= {"since": MONDAY} if table is SegmentStay else {"as_of": MONDAY}
        facts |= {"entered": True} if table is SegmentChange else {}
        table.objects.create(region=REGION, member_id=member, **facts)
    events.drain(wiring.READERS)
    return member


def _picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(data, "PNG")
    return data.getvalue()


def traces() -> list[str]:
    """Every place in the database, the lake and the other files that still names her."""
    found = []
    for model in apps.get_models():
        table, columns = model._meta.db_table, [f.column for f in model._meta.concrete_fields]
        with connection.cursor() as cursor:
            cursor.execute("SELECT {} FROM {}".format(", ".join(map(connection.ops.quote_name, columns)), table))
            rows = cursor.fetchall()
        found += [f"{table}: {row}" for row in rows if any(trace in json.dumps(row, default=str, ensure_ascii=False) for trace in TRACES)]
    for path in lake.root().rglob("*"):
        if path.is_file():
            text = str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text("utf-8", "replace")
            found += [str(path)] if any(trace in text for trace in TRACES) else []
    return found


def rows_of(member_id: int) -> int:
    """Rows about her in the lake, but for the fact that she was erased."""
    tables = [lake.table(name) for name in lake.names() if name != "people.member_erased"]
    return sum(int(t.filter(t["subject"] == f"member:{member_id}").count().execute()) for t in tables if "subject" in t.columns)


def test_nothing_names_her_and_the_books_balance(shop: Shop, till: Till, zenobia: int) -> None:
    before, there = traces(), [photos.path(REGION, pk) for pk in AfterSalePhoto.objects.values_list("pk", flat=True)]
    assert len({line.partition(":")[0] for line in before}) > 8 and rows_of(zenobia) > 4, before  # the search finds what there is
    assert there and all(path.exists() for path in there)
    balance = ledger.audit()
    trade_erasure.erase(member_id=zenobia, by="person:1")
    events.drain(wiring.READERS)
    assert traces() == []
    assert rows_of(zenobia) == 0 and not any(path.exists() for path in there)
    assert WebhookDelivery.objects.count() == 3  # the others' joining
    for table in (MemberState, SegmentStay, SegmentChange, Score, InboxMessage):
        assert not table.objects.filter(member_id=zenobia).exists()
    after = ledger.audit()
    assert balance.ok and after.ok
    lake.rebuild()
    assert traces() == [] and rows_of(zenobia) == 0
    trade_erasure.erase(member_id=zenobia, by="person:1")  # again changes nothing
    assert [e.kind for e in events.about(f"member:{zenobia}", region=REGION)].count("people.member_erased") == 1


def test_others_keep_everything(shop: Shop, till: Till, zenobia: int) -> None:
    events.drain(wiring.READERS)
    before, alice = rows_of(shop.alice), queries.member(shop.alice)
    count = queries.member_count(REGION)
    trade_erasure.erase(member_id=zenobia, by="person:1")
    events.drain(wiring.READERS)
    assert rows_of(shop.alice) == before > 0 and queries.member(shop.alice) == alice
    assert queries.member_count(REGION) == count - 1
    [main] = [g for g in queries.groups_of(shop.maple) if g.kind == "main"]
    assert main.member_count == 2


def later_group(shop: Shop) -> int:
    days = {"deadline_at": MONDAY + timedelta(days=20), "pickup_from": MONDAY + timedelta(days=21)}
    return groups.open(region=REGION, group=new_group(shop.maple, "milk", key="later", **days))


def test_first_all_is_finished(shop: Shop, till: Till, zenobia: int) -> None:
    placed = buy(till, zenobia, [(later_group(shop), 1)], key="m")
    with refused("trade.unfinished", orders=1, aftersales=0, trade_ins=0, refunds=0):
        trade_erasure.erase(member_id=zenobia, by="person:1")
    assert queries.member(zenobia).display_name == NAME  # type: ignore[union-attr]
    orders.cancel(order_id=placed.order_id, member_id=zenobia, key="c")
    assert trade_erasure.unfinished(zenobia)["orders"] + trade_erasure.unfinished(zenobia)["refunds"] > 0  # money is on its way back


def test_subscriptions_end_with_it(shop: Shop, till: Till, zenobia: int) -> None:
    boxes.put_plan(region=REGION, plan=boxes.NewPlan("fruit", "cherries", 3000, weekdays=(4,)))
    boxes.begin(member_id=zenobia, plan="fruit", weekday=4, key="b")
    trade_erasure.erase(member_id=zenobia, by="person:1")
    assert Box.objects.get(member_id=zenobia).state == Box.State.CANCELLED and BoxPlan.objects.exists()


def test_it_is_thought_over_for_a_week(shop: Shop, till: Till, zenobia: int) -> None:
    asked = erasure.request(member_id=zenobia, by="person:1")
    assert asked.due_at == MONDAY + erasure.COOLING_OFF == erasure.request(member_id=zenobia, by="person:1").due_at
    assert not any(consent.has(zenobia, scope) for scope in consent.SCOPES)  # from now on she is left alone
    assert erasure.withdraw(member_id=zenobia, by="person:1") and not erasure.withdraw(member_id=zenobia, by="person:1")
    with clocks.fixed(business=MONDAY + timedelta(days=8)):
        _work_through()
    assert queries.member(zenobia).display_name == NAME  # type: ignore[union-attr]


def test_when_the_week_is_over_it_is_done_once_nothing_is_open(shop: Shop, till: Till, zenobia: int) -> None:
    placed = orders.place(member_id=zenobia, lines=[(later_group(shop), 1)], key="m")
    erasure.request(member_id=zenobia, by="person:1")
    with clocks.fixed(business=MONDAY + timedelta(days=8)):
        _work_through()
        assert queries.member(zenobia).display_name == NAME  # type: ignore[union-attr]
        orders.cancel(order_id=placed.order_id, member_id=zenobia, key="c")
    with clocks.fixed(business=MONDAY + timedelta(days=9, hours=1)):
        _work_through()
    assert queries.member(zenobia).display_name == erasure.NOBODY  # type: ignore[union-attr]
    assert Erasure.objects.get(member_id=zenobia).state == "done"


def _work_through() -> None:
    work.run_due({erasure.WORK: wiring.WORK[erasure.WORK]}, limit=100)


def test_who_leads_hands_over_first(shop: Shop) -> None:
    leader = members.join(region=REGION, newcomer=members.Newcomer(shop.maple, "+15550000008", "Li"))
    for verb in (erasure.request, erasure.erase):
        with refused("people.has_duties"):
            verb(member_id=leader, by="x")
        with refused("people.no_such_member"):
            verb(member_id=10**9, by="x")


def signed_in_as(person_id: int, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    session = client.session
    session[SESSION_KEY] = person_id
    session.save()
    return client


def test_she_asks_on_the_phone_and_stays_after_all(shop: Shop, till: Till, zenobia: int) -> None:
    phone = signed_in_as(queries.member(zenobia).person_id)  # type: ignore[union-attr]
    page = reverse("shop:leaving")
    assert "会删掉" in phone.get(page).text and "注销账号" in phone.get(reverse("shop:me")).text
    phone.post(page, {})  # without having said that she is sure
    assert erasure.waiting(zenobia) is None
    assert "不注销了" in phone.post(page, {"sure": "1"}, follow=True).text
    assert erasure.waiting(zenobia) is not None
    assert "留下来了" in phone.post(page, {"what": "stay"}, follow=True).text
    copy = phone.get(reverse("shop:copy"))
    told = json.loads(copy.content)
    assert told["member"]["phone"] == PHONE and told["orders"] and told["after_sales"][0]["words"] == WORDS and told["conclusions"]
    assert "attachment" in copy["Content-Disposition"]


def test_the_operator_does_it_and_her_session_ends(shop: Shop, till: Till, zenobia: int) -> None:
    desk = signed_in_as(appoint_operator())
    phone = signed_in_as(queries.member(zenobia).person_id)  # type: ignore[union-attr]
    page = reverse("console:member-erasure", args=[zenobia])
    assert "会员要求注销" in desk.get(reverse("console:member", args=[zenobia])).text
    assert desk.post(page, {"what": "now"}).status_code == 404  # not sure is no
    desk.post(page, {"what": "request"})
    assert erasure.waiting(zenobia) is not None
    desk.post(page, {"what": "withdraw"})
    assert erasure.waiting(zenobia) is None
    assert "都删掉了" in desk.post(page, {"what": "now", "sure": "1"}, follow=True).text
    assert phone.get(reverse("shop:me")).status_code in (302, 403)
    events.drain(wiring.READERS)
    assert NAME not in desk.get(reverse("console:member", args=[zenobia])).text
    assert phone.post(page, {"what": "now", "sure": "1"}).status_code in (302, 403, 404)
    assert desk.get(reverse("console:member-copy", args=[10**9])).status_code == 404
