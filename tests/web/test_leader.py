"""The leader's workbench: a task is done once, a code is handed over once, and nobody sees another community's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse

from linli.engage import models as engage
from linli.kernel import clocks
from linli.trade import channels, groups, queries
from support import shop as built
from support.phone import leader_task, signed_in
from support.shop import MONDAY, NOON, Shop, Till, buy

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def monday() -> Iterator[None]:
    with clocks.fixed(business=MONDAY):
        yield


@pytest.fixture
def shop(db: None, monday: None) -> Shop:
    return built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found


@pytest.fixture
def code(shop: Shop, till: Till) -> str:
    """The pickup code of an order of Alice's that is ready."""
    buy(till, shop.alice, [(shop.cherries, 3)], key="alice-1")
    with clocks.fixed(business=NOON):
        groups.close_due(built.REGION)
    found = queries.orders_of(shop.alice)[0]
    assert found.state == "ready"
    return found.pickup_code or ""


def test_today_tells_who_and_why(shop: Shop) -> None:
    task = leader_task(shop.alice, shop.maple)
    page = signed_in("leader").get("/leader/").content.decode()
    assert "Ai家" in page and "26" in page and "想吃跟我说一声" in page
    assert f"task-{task}" in page
    assert "要办 1 件" in page


def test_nothing_to_do_says_so(shop: Shop) -> None:
    assert "都办完了" in signed_in("leader").get("/leader/").content.decode()


def test_another_leaders_task_is_missing(shop: Shop) -> None:
    task = leader_task(shop.alice, shop.maple)
    other = signed_in("other")
    assert "Ai家" not in other.get("/leader/").content.decode()
    other.post(reverse("leader:confirm", args=[task]), {"key": "a" * 32, "words": ""}, headers=HTMX)
    assert engage.LeaderTask.objects.get(pk=task).state == "open"


def test_one_tap_confirms_and_can_be_undone(shop: Shop) -> None:
    task = leader_task(shop.alice, shop.maple)
    leader = signed_in("leader")
    for _ in range(2):
        answer = leader.post(reverse("leader:confirm", args=[task]), {"key": "b" * 32, "words": "樱桃来了，给您留了些。"}, headers=HTMX)
        assert "撤销" in answer.content.decode()
    row = engage.LeaderTask.objects.get(pk=task)
    assert (row.state, row.said) == ("confirmed", "樱桃来了，给您留了些。")
    answer = leader.post(reverse("leader:undo", args=[task]), {"key": "c" * 32}, headers=HTMX)
    assert answer.headers["HX-Refresh"] == "true"
    assert engage.LeaderTask.objects.get(pk=task).state == "open"


def test_words_that_promise_what_no_coupon_holds_are_refused(shop: Shop) -> None:
    task = leader_task(shop.alice, shop.maple)
    answer = signed_in("leader").post(
        reverse("leader:confirm", args=[task]), {"key": "d" * 32, "words": "给您立减 $50，随便用。"}, headers=HTMX
    )
    assert answer.headers["HX-Reswap"] == "none"
    assert engage.LeaderTask.objects.get(pk=task).state == "open"


def test_words_keep_no_zero_byte(shop: Shop) -> None:
    """PostgreSQL stores none: the tap would end in an error page."""
    task = leader_task(shop.alice, shop.maple)
    signed_in("leader").post(reverse("leader:confirm", args=[task]), {"key": "d" * 32, "words": "樱桃\0来了。"}, headers=HTMX)
    assert engage.LeaderTask.objects.get(pk=task).said == "樱桃来了。"


def test_skip_keeps_its_reason(shop: Shop) -> None:
    task = leader_task(shop.alice, shop.maple)
    signed_in("leader").post(reverse("leader:skip", args=[task]), {"key": "e" * 32, "reason": "away"}, headers=HTMX)
    row = engage.LeaderTask.objects.get(pk=task)
    assert (row.state, row.skip_reason) == ("skipped", "away")


def test_a_code_is_found_as_people_type_it(shop: Shop, code: str) -> None:
    typed = f"{code[:3].lower()} {code[3:].lower()}"
    page = signed_in("leader").get("/leader/pickup/", {"code": typed}).content.decode()
    assert "货交给对方了" in page and "Alice" in page


def test_another_communitys_code_is_a_wrong_code(shop: Shop, code: str) -> None:
    other = signed_in("other")
    assert code not in other.get("/leader/pickup/").content.decode()
    answer = other.get("/leader/pickup/", {"code": code})
    assert answer.status_code == 404
    assert "Alice" not in answer.content.decode() and "没有这个取货码" in answer.content.decode()
    handed = other.post("/leader/pickup/hand-over/", {"code": code, "community": shop.maple, "key": "f" * 32})
    assert handed.status_code == 404
    assert queries.orders_of(shop.alice)[0].state == "ready"


def test_handing_over_twice_says_it_was_done(shop: Shop, code: str) -> None:
    leader = signed_in("leader")
    sent = {"code": code, "community": shop.maple, "key": "g" * 32}
    assert "已交货，共 3 份" in leader.post("/leader/pickup/hand-over/", sent).content.decode()
    assert "已经交过了" in leader.post("/leader/pickup/hand-over/", sent | {"key": "h" * 32}).content.decode()
    assert queries.orders_of(shop.alice)[0].state == "handed_over"


def test_an_order_that_waits_for_its_group_is_not_handed_out(shop: Shop, till: Till) -> None:
    buy(till, shop.alice, [(shop.cherries, 1)], key="alice-2")
    code = queries.orders_of(shop.alice)[0].pickup_code or ""
    leader = signed_in("leader")
    page = leader.get("/leader/pickup/", {"code": code}).content.decode()
    assert "还在等成团" in page and "货交给对方了" not in page
    refused = leader.post("/leader/pickup/hand-over/", {"code": code, "community": shop.maple, "key": "i" * 32})
    assert refused.status_code == 422 and "还没到能取的时候" in refused.content.decode()


@pytest.fixture
def two(shop: Shop, till: Till) -> str:
    """The one code of two orders of Alice's for the same evening: cherries, and milk as an add-on."""
    buy(till, shop.alice, [(shop.cherries, 3)], key="alice-1")
    buy(till, shop.alice, [(shop.milk, 2)], key="alice-2")
    with clocks.fixed(business=NOON):
        groups.close_due(built.REGION)
    first, second = queries.orders_of(shop.alice)
    assert first.pickup_code and first.pickup_code == second.pickup_code
    return first.pickup_code


def test_two_orders_of_an_evening_are_one_pickup(shop: Shop, two: str) -> None:
    leader = signed_in("leader")
    page = leader.get("/leader/pickup/", {"code": two})
    assert len(page.context["ready"]) == 2 and len(page.context["counters"][0].waiting) == 1
    (cherries, _line), (milk, _other) = sorted(page.context["ready"], key=lambda found: found[1].sku.code)
    sent = {"code": two, "community": shop.maple, "key": "j" * 32, "some": "1", "line": [f"{milk}:1"]}
    leader.post("/leader/pickup/hand-over/", sent)
    states = {o.order_id: o.state for o in queries.orders_of(shop.alice)}
    assert (states[milk], states[cherries]) == ("handed_over", "ready")
    leader.post("/leader/pickup/hand-over/", {"code": two, "community": shop.maple, "key": "k" * 32})
    assert {o.state for o in queries.orders_of(shop.alice)} == {"handed_over"}


def test_what_is_missing_goes_back_at_once(shop: Shop, two: str) -> None:
    leader = signed_in("leader")
    order_id, line = next(
        found for found in leader.get("/leader/pickup/", {"code": two}).context["ready"] if found[1].sku.code == "cherries"
    )
    sent = {"code": two, "community": shop.maple, "key": "m" * 32, "line": f"{order_id}:{line.number}", "pieces": "1"}
    for _ in range(2):  # a double tap gives back one piece, not two
        assert leader.post("/leader/pickup/short/", sent).status_code == 302
    order = queries.order(order_id)
    assert order is not None and order.lines[0].returned_pieces == 1 and order.lines[0].refunded_minor == line.unit_price_minor
    assert leader.post("/leader/pickup/short/", sent | {"key": "n" * 32, "pieces": "9"}).status_code == 422
    stranger = signed_in("other").post("/leader/pickup/short/", sent | {"key": "o" * 32})
    assert stranger.status_code == 404


def test_nothing_ticked_hands_over_nothing(shop: Shop, two: str) -> None:
    sent = {"code": two, "community": shop.maple, "key": "p" * 32, "some": "1"}
    assert signed_in("leader").post("/leader/pickup/hand-over/", sent).status_code == 422
    assert {o.state for o in queries.orders_of(shop.alice)} == {"ready"}


def test_words_to_post_say_what_is_so(shop: Shop, till: Till) -> None:
    buy(till, shop.bob, [(shop.cherries, 2)], key="bob-1")
    page = signed_in("leader").get("/leader/groups/").content.decode()
    assert "还差 1 份成团，不成团全额退" in page
    assert "橡树里" not in page


@pytest.mark.parametrize("path", ["/leader/", "/leader/groups/", "/leader/pickup/", "/leader/me/"])
def test_only_leaders_come_in(shop: Shop, path: str) -> None:
    assert signed_in("leader").get(path).status_code == 200
    assert signed_in("alice").get(path).status_code == 403
