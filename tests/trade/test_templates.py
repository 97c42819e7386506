"""Templates: a leader opens with a tap, and decides no more than the template leaves open; the words to post say what is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from linli.kernel import clocks
from linli.kernel.models import Event
from linli.trade import groups, templates
from linli.trade.models import GroupBuy
from linli.trade.rules.sharing import Shared, share_text
from linli.trade.templates import Choice, Template
from support.refusing import refused
from support.shop import MONDAY, NOON, REGION, Shop

CHERRIES = Template(
    "cherries",
    "cherries",
    {"threshold": 8, "quota_pieces": 40, "price_minor": 400, "solo_price_minor": 500, "case_size": 4, "ladder": ((20, 350),)},
    limits={"quota_pieces": (20, 80), "open_hours": (4, 48)},
    pickup_hour=16,
)


@pytest.fixture
def template(shop: Shop) -> str:
    templates.put(region=REGION, template=CHERRIES, by="person:1")
    return CHERRIES.slug


def open_one(shop: Shop, template: str, times: Choice | None = None, key: str = "k") -> GroupBuy:
    return GroupBuy.objects.get(pk=groups.open_from_template(template, shop.maple, "person:8", times, region=REGION, key=key))


def test_a_leader_opens_with_a_tap(shop: Shop, template: str) -> None:
    made = open_one(shop, template)
    assert (made.price_minor, made.ladder, made.case_size, made.threshold, made.opened_by) == (400, [[20, 350]], 4, 8, "person:8")
    assert made.deadline_at == MONDAY + timedelta(days=1)
    assert made.pickup_from == MONDAY.replace(day=4, hour=16)  # the day after the deadline, in the afternoon
    with clocks.fixed(business=NOON):
        assert open_one(shop, template) == made  # a second tap, later: the same


def test_what_the_leader_may_choose(shop: Shop, template: str) -> None:
    evening = MONDAY.replace(hour=20)
    made = open_one(shop, template, Choice(deadline_at=evening, quota_pieces=60, pickup_from=MONDAY.replace(day=5, hour=9)))
    assert (made.deadline_at, made.quota_pieces, made.pickup_from) == (evening, 60, MONDAY.replace(day=5, hour=9))


@pytest.mark.parametrize(
    ("times", "code", "facts"),
    [
        (Choice(quota_pieces=100), "trade.beyond_template", {"field": "quota_pieces", "least": 20, "most": 80}),
        (Choice(deadline_at=MONDAY + timedelta(hours=3)), "trade.beyond_template", {"field": "open_hours"}),
        (Choice(deadline_at=MONDAY + timedelta(hours=49)), "trade.beyond_template", {"field": "open_hours"}),
        (Choice(pickup_from=MONDAY + timedelta(days=1)), "trade.pickup_too_early", {}),
        (Choice(quota_pieces=42), "trade.bad_group", {"fields": "case_size"}),
    ],
)
def test_what_the_leader_may_not(shop: Shop, template: str, times: Choice, code: str, facts: dict[str, object]) -> None:
    with refused(code, **facts):
        open_one(shop, template, times)


def test_without_limits_there_is_nothing_to_choose(shop: Shop) -> None:
    templates.put(region=REGION, template=replace(CHERRIES, limits={}), by="person:1")
    with refused("trade.beyond_template", field="quota_pieces", least=40, most=40):
        open_one(shop, "cherries", Choice(quota_pieces=20))


def test_changed_it_changes_what_opens_later_alone(shop: Shop, template: str) -> None:
    before = open_one(shop, template)
    templates.put(region=REGION, template=replace(CHERRIES, terms=dict(CHERRIES.terms) | {"price_minor": 380}), by="person:1")
    assert open_one(shop, template, key="later").price_minor == 380
    before.refresh_from_db()
    assert before.price_minor == 400
    assert [t.template.slug for t in templates.listed(REGION)] == ["cherries"]
    templates.put(region=REGION, template=replace(CHERRIES, active=False), by="person:1")
    assert templates.listed(REGION) == [] and len(templates.listed(REGION, active_only=False)) == 1
    with refused("trade.no_such_template"):
        open_one(shop, template, key="gone")
    assert Event.objects.filter(kind="trade.template_put").count() == 3


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"kind": "presale"}, "kind"),
        ({"terms": {"price_minor": 400}}, "terms"),
        ({"terms": dict(CHERRIES.terms) | {"region": "x"}}, "terms"),
        ({"terms": dict(CHERRIES.terms) | {"ladder": ((20, 450),)}}, "ladder"),
        ({"terms": dict(CHERRIES.terms) | {"case_size": 3}}, "case_size"),
        ({"limits": {"price_minor": (1, 9)}}, "limits"),
        ({"open_hours": 0}, "open_hours"),
        ({"pickup_hour": 24}, "pickup_hour"),
        ({"pickup_days": 31}, "pickup_days"),
        ({"note_zh": "长" * 161}, "note_zh"),
        ({"slug": ""}, "slug"),
    ],
)
def test_a_template_that_could_open_nothing_is_refused(shop: Shop, changes: dict[str, object], fields: str) -> None:
    with refused("trade.bad_template", fields=fields):
        templates.put(region=REGION, template=replace(CHERRIES, **changes), by="person:1")  # type: ignore[arg-type]
    with refused("trade.no_such_sku", sku="durian"):
        templates.put(region=REGION, template=replace(CHERRIES, sku="durian"), by="person:1")


SHARED = Shared(
    "车厘子",
    "1 kg",
    "CNY",
    3990,
    5990,
    "pieces",
    20,
    6,
    MONDAY.replace(hour=20),
    MONDAY.replace(day=3, hour=16),
    MONDAY,
    next_rung=(9, 3590),
    case_missing_pieces=2,
    pickup="南门",
    url="https://l.example/g/7",
)


def test_the_words_for_the_chat_group() -> None:
    assert share_text(SHARED, "zh-hans").splitlines() == [
        "【车厘子】1 kg ¥39.9（原价 ¥59.9）",
        "还差 6 份成团，不成团全额退",
        "再多 9 份，大家都降到 ¥35.9，差价自动退",
        "再来 2 份凑满一箱",
        "今天 20:00 截单，明天 16:00 起到南门自提",
        "https://l.example/g/7",
    ]
    english = share_text(replace(SHARED, name="Cherries", pickup="the south gate", case_missing_pieces=0), "en").splitlines()
    assert english[:3] == [
        "Cherries, 1 kg: ¥39.9 (list ¥59.9)",
        "6 pieces to go; your money back if it misses",
        "9 more and everybody pays ¥35.9; the difference comes back by itself",
    ]


@pytest.mark.parametrize(
    ("changes", "zh", "en"),
    [
        ({"missing": 0}, "已满 20 份，照常送", "20 pieces reached: it comes"),
        ({"threshold_by": "people", "missing": 1}, "还差 1 户成团", "1 household to go"),
        ({"threshold_by": "amount", "missing": 5000}, "还差 ¥50成团", "¥50 to go"),
        ({"kind": "team", "team_size": 3}, "3 人拼团", "In teams of 3"),
        ({"kind": "flash", "per_member_pieces": 2}, "每人最多 2 份", "2 each at most"),
        ({"on_miss": "buy_in"}, "最晚多等一天", "a day later at most"),
        ({"on_miss": "ship_short"}, "不满也照常送", "it comes either way"),
        ({"on_miss": "extend"}, "延长一次", "a little more time"),
        ({"pickup_from": MONDAY.replace(day=9, hour=16)}, "10/9 16:00", "10/9 16:00"),
    ],
)
def test_the_words_say_what_is_so(changes: dict[str, object], zh: str, en: str) -> None:
    shared = replace(SHARED, **changes)  # type: ignore[arg-type]
    assert zh in share_text(shared, "zh-hans") and en in share_text(shared, "en")
