"""Files of other systems: recognised, checked whole, told once, corrected, taken back; the sample files of the docs and broken ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from linli.insight import facts, lake
from linli.insight import queries as insight
from linli.insight.import_models import Import, ImportedRow
from linli.insight.imports import queries, runs
from linli.kernel import clocks, events, ledger
from linli.kernel.models import Event, WorkRow
from linli.kernel.refusals import Refusal
from linli.people import groups, members
from linli.people import queries as people

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
REGION = "cn-demo"
NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
HEAD = "订单号,支付时间,下单人,联系电话,自提点,商品,数量,订单金额\n"


@pytest.fixture(autouse=True)
def shop(settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    lake.forget()
    groups.put_region(slug=REGION, name_zh="示例", name_en="Example", currency="CNY", time_zone="Asia/Shanghai")
    clocks.set_business(NOW)


def begun(content: bytes, name: str, kind: str = "orders", **said: Any) -> Import:
    run = runs.begin(region=REGION, kind=kind, content=content, filename=name, by="person:1", origin=said.pop("origin", ""))
    terms = {"origin": run.origin, "place": "", "profiling": True, "mapping": run.mapping} | said
    return runs.map_columns(import_id=run.pk, region=REGION, **terms)


def checked(text: str, **said: Any) -> list[tuple[int, str, str]]:
    """(row, column, code) of every problem."""
    run = begun(text.encode(), "a.csv", **said)
    runs.check(run)
    return [(row, column, code) for row, column, code, _ in run.problems]


def imported(content: bytes, name: str = "a.csv", kind: str = "orders", **said: Any) -> Import:
    """Checked and told, without everybody being known anew."""
    run = begun(content, name, kind, **said)
    runs.check(run)
    assert run.problems == []
    runs.write(run)
    return run


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Knowing everybody takes seconds: what an import sets off is tested once, below."""
    real = runs.know
    monkeypatch.setattr(runs, "know", lambda region, tell=None: None)
    return real


def purchases(as_of: datetime = NOW) -> list[tuple[str, int]]:
    """(buyer, amount) as knowledge sees them, by moment."""
    found = sorted(facts.purchases(as_of).to_pyarrow().to_pylist(), key=lambda r: (r["at"], r["amount_minor"]))
    known = people.members(r["member_id"] for r in found)
    return [(known[r["member_id"]].display_name, r["amount_minor"]) for r in found]


# ---- the samples


def test_kuaituantuan_in_gbk_with_several_goods_in_a_cell() -> None:
    run = imported((SAMPLES / "orders-kuaituantuan-gbk.csv").read_bytes(), "团.csv")
    assert run.origin == "ktt"
    assert purchases() == [("梅子", 5270), ("小陈", 2680), ("张阿姨", 13960), ("梅子", 4280), ("小陈", 2680), ("丽丽", 7470)]
    lines = facts.lines(NOW).to_pyarrow().to_pylist()
    apples = [r for r in lines if r["product_type"] == "烟台苹果(5斤装)"]
    assert [(r["category"], r["quantity"]) for r in apples] == [("fruit", 1), ("fruit", 1)]
    assert sum(r["amount_minor"] for r in lines) == sum(amount for _, amount in purchases())
    assert run.counts["not_bought"] == 1 and run.counts["new_places"] == 2
    assert {c.name_zh for c in people.communities(REGION)} == {"东门驿站", "西门便利店"}


def test_qunjielong_with_joined_cells_and_a_row_of_sums() -> None:
    imported((SAMPLES / "orders-qunjielong.xlsx").read_bytes(), "接龙.xlsx")
    assert purchases() == [("梅子", 5270), ("小陈", 2680), ("丽丽", 105980)]
    found = {r["product_type"]: r["amount_minor"] for r in facts.lines(NOW).to_pyarrow().to_pylist()}
    assert (found["烟台苹果 5斤装"], found["鲜牛奶 950ml"]) == (3290, 1980)


def test_youzan_with_a_masked_phone_and_a_closed_order() -> None:
    run = imported((SAMPLES / "orders-youzan.csv").read_bytes(), "a.csv", place="示例小区")
    assert run.origin == "youzan" and purchases() == [("梅子", 5270), ("小陈", 2680)]
    chen = next(m for m in people.members(people.member_ids(REGION)).values() if m.display_name == "小陈")
    assert chen.phone == "" and people.person_by_phone("13800000104") is None


def test_a_plain_shops_lines_with_an_offset_and_a_serial() -> None:
    imported((SAMPLES / "orders-shop.csv").read_bytes())
    found = facts.purchases(NOW).to_pyarrow().to_pylist()
    assert sorted((r["at"], r["amount_minor"]) for r in found) == [
        (datetime(2026, 3, 5, 1, 12, 40, tzinfo=UTC), 5270),
        (datetime(2026, 3, 5, 1, 20, 10, tzinfo=UTC), 2680),
    ]


def test_members_join_with_what_they_agreed_to_and_meet_their_orders() -> None:
    run = imported((SAMPLES / "members.csv").read_bytes(), kind="members", profiling=False)
    assert run.counts["told"] == 3
    imported((SAMPLES / "orders-kuaituantuan-gbk.csv").read_bytes())
    mei = people.person_by_phone("13800000101")
    assert mei is not None and people.member_count(REGION) == 6  # three of the list, three more of the orders
    again = begun((SAMPLES / "members.csv").read_bytes(), "a.csv", "members")
    runs.check(again)
    assert (again.counts["new"], again.counts["same"]) == (0, 3)


def test_messages_are_counted_and_their_words_let_go(tmp_path: Path) -> None:
    imported((SAMPLES / "members.csv").read_bytes(), kind="members")
    run = imported((SAMPLES / "messages.txt").read_bytes(), "群.txt", "messages", place="东门驿站")
    assert (run.counts["rows"], run.counts["told"], run.counts["named"]) == (4, 3, 1)
    told = [
        (e.payload["messages"], e.payload["member_id"] is None)
        for e in Event.objects.filter(kind="history.messages_counted").order_by("id")
    ]
    assert told == [(1, True), (2, False), (1, True)]
    kept = "".join(str(e.payload) for e in Event.objects.all())
    assert "牛奶" not in kept and "路人甲" not in kept and not list((tmp_path / "imports").iterdir())
    # A later export that begins in the middle of the day has seen less of it: the longer count stands.
    again = begun("2026-03-05 08:03:58 梅子\n再加\n2026-03-07 08:00:00 梅子\n早".encode(), "群.txt", "messages", place="东门驿站")
    runs.check(again)
    assert again.counts["new"] == 1


# ---- twice, later, back


def test_the_same_file_again_adds_nothing_and_a_longer_one_only_what_is_new() -> None:
    rows = [f"E{n},2026-03-0{n} 10:00,甲,1380000020{n},东门,苹果*1,1,10.00" for n in range(1, 6)]
    imported((HEAD + "\n".join(rows[:3])).encode())
    before = Event.objects.count()
    again = imported((HEAD + "\n".join(rows[:3])).encode())
    assert (again.counts["new"], again.counts["same"], again.counts["told"]) == (0, 3, 0) and Event.objects.count() == before
    later = imported((HEAD + "\n".join(rows[1:])).encode())
    assert (later.counts["new"], later.counts["same"]) == (2, 2)
    assert len(purchases()) == 5


def test_a_later_file_corrects_an_order_and_yesterday_still_says_what_it_said() -> None:
    imported((HEAD + "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*2,2,20.00").encode())
    clocks.set_business(NOW + timedelta(days=3))
    later = imported((HEAD + "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*1,1,10.00").encode())
    assert later.counts["changed"] == 1
    assert purchases(NOW + timedelta(days=3)) == [("甲", 1000)] and purchases(NOW) == [("甲", 2000)]
    gone = imported((HEAD.strip() + ",订单状态\n" + "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*1,1,10.00,已取消").encode())
    assert gone.counts["changed"] == 1 and purchases(NOW + timedelta(days=3)) == []


def test_an_import_is_taken_back_as_of_any_moment_and_may_come_again() -> None:
    text = HEAD + "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*2,2,20.00"
    first = imported(text.encode())
    second = imported((text.replace("20.00", "18.00") + "\nE2,2026-03-02 10:00,乙,13800000202,东门,梨*1,1,9.00").encode())
    assert runs.withdraw(import_id=second.pk, region=REGION, by="person:1") == 2
    row = WorkRow.objects.get(kind="insight.withdrawn")
    row.lease_owner = "me"
    row.save()
    runs.withdrawn_due(row)
    assert purchases() == [("甲", 2000)], "what the first import told counts again"
    assert purchases(datetime(2026, 3, 3, tzinfo=UTC)) == [("甲", 2000)], "and no model learns from what was taken back"
    imported("订单号,支付时间,下单人,联系电话,自提点,商品,数量,订单金额\nE2,2026-03-02 10:00,乙,13800000202,东门,梨*1,1,9.00".encode())
    assert purchases() == [("甲", 2000), ("乙", 900)]
    with pytest.raises(Refusal, match=r"insight.import_state"):
        runs.withdraw(import_id=second.pk, region=REGION, by="person:1")
    runs.withdraw(import_id=first.pk, region=REGION, by="person:1")
    assert ImportedRow.objects.filter(import_id=first.pk).count() == 0


@pytest.mark.django_db(transaction=True)  # a rebuild reads up to the oldest open transaction
def test_a_rebuilt_lake_tells_the_same_of_imports() -> None:
    first = imported((SAMPLES / "orders-kuaituantuan-gbk.csv").read_bytes())
    imported((HEAD + "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*2,2,20.00").encode())
    imported((HEAD + "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*1,1,10.00").encode())
    imported((SAMPLES / "messages.txt").read_bytes(), "群.txt", "messages", place="东门驿站")
    runs.withdraw(import_id=first.pk, region=REGION, by="person:1")
    runs.withdrawn_due(WorkRow.objects.get(kind="insight.withdrawn"))
    old = {t.kind: list(lake.written(t.kind)) for t in lake.tables()}
    assert len(old) == 6
    lake.rebuild()
    assert {t.kind: list(lake.written(t.kind)) for t in lake.tables()} == old
    assert purchases() == [("甲", 1000)]


def test_killed_between_log_and_lake_it_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun((HEAD + "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*2,2,20.00").encode(), "a.csv")
    runs.check(run)
    with monkeypatch.context() as broken:
        broken.setattr(lake, "append_once", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            runs.write(run)
    assert purchases() == []
    runs.write(run)
    assert purchases() == [("甲", 2000)] and Event.objects.filter(kind="history.order_imported").count() == 1


def test_no_reader_hears_of_it_and_nothing_is_posted() -> None:
    heard: list[Event] = []
    imported((SAMPLES / "orders-kuaituantuan-gbk.csv").read_bytes())
    events.advance("ear", events.Subscription(heard.extend))
    assert heard == [] and Event.objects.filter(silent=True).exists()
    assert ledger.audit().ok


def test_then_the_segments_and_the_figures_are_there(quiet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export alone, which ends days before today, and everybody is known: no worker, no second step."""
    monkeypatch.setattr(runs, "know", quiet)
    rows = []
    for who in range(8):
        last = 3 if who % 4 else 40
        days = (NOW - timedelta(days=last + n * (4 + who)) for n in range(6))
        rows += [f"E{who}-{n},{at:%Y-%m-%d %H:%M},客{who},1380000030{who},东门,苹果*1,1,1{who}.00" for n, at in enumerate(days)]
    assert imported((HEAD + "\n".join(rows)).encode()).state == "done"
    today = insight.today(REGION)
    assert today.standing is not None and today.members == 8 and today.silent == 2
    assert any(card.key == "sales" and card.trend and any(p.value for p in card.trend) for card in today.cards)
    found = insight.members(REGION, segment="silent").rows
    assert {people.members([m.member_id])[m.member_id].display_name for m in found} == {"客0", "客4"}


# ---- what is wrong with a file


GOOD = "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*1,1,10.00\n"
BROKEN = {
    "a day nobody can read": ("E2,3/5/2026,乙,13800000202,东门,梨,1,9.00", "支付时间", "kernel.cell_moment"),
    "no day": ("E2,,乙,13800000202,东门,梨,1,9.00", "支付时间", "kernel.cell_empty"),
    "a day to come": ("E2,2026-05-01 10:00,乙,13800000202,东门,梨,1,9.00", "支付时间", "insight.import_future"),
    "a comma for a point": ('E2,2026-03-02,乙,13800000202,东门,梨,1,"9,00"', "订单金额", "kernel.cell_amount"),
    "no amount": ("E2,2026-03-02,乙,13800000202,东门,梨,1,", "订单金额", "kernel.cell_empty"),
    "half a piece": ("E2,2026-03-02,乙,13800000202,东门,梨,0.5,9.00", "数量", "kernel.cell_whole"),
    "no phone at all": ("E2,2026-03-02,乙,138,东门,梨,1,9.00", "联系电话", "kernel.cell_phone"),
    "a rounded number": ("2.02603E+17,2026-03-02,乙,13800000202,东门,梨,1,9.00", "订单号", "kernel.cell_rounded"),
    "nobody": ("E2,2026-03-02,,,东门,梨,1,9.00", "联系电话", "insight.import_nobody"),
    "nowhere": ("E2,2026-03-02,乙,13800000202,,梨,1,9.00", "自提点", "insight.import_no_place"),
    "no goods": ("E2,2026-03-02,乙,13800000202,东门,,1,9.00", "商品", "kernel.cell_empty"),
    "two amounts of one order": ("E1,2026-03-01 10:00,甲,13800000201,东门,梨,1,9.00", "订单金额", "insight.import_differs"),
    "goods that don't add up": ('E2,2026-03-02,乙,13800000202,东门,"梨*1\n桃*2",5,9.00', "数量", "insight.import_pieces"),
    "a long name of a place": (f"E2,2026-03-02,乙,13800000202,{'长' * 65},梨,1,9.00", "自提点", "kernel.cell_long"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_every_problem_is_told_with_its_row_and_column(case: str) -> None:
    row, column, code = BROKEN[case]
    assert checked(HEAD + GOOD + row) == [(3, column, code)]


def test_one_problem_and_nothing_is_written() -> None:
    run = begun((HEAD + GOOD + BROKEN["half a piece"][0]).encode(), "a.csv")
    runs.check(run)
    with pytest.raises(Refusal, match=r"insight.import_state"):
        runs.ask(import_id=run.pk, region=REGION, write=True)
    with pytest.raises(Refusal, match=r"insight.import_problems"):
        runs.write(run)
    assert not Event.objects.exists() and people.communities(REGION) == []


def test_more_back_than_paid_and_a_member_of_another_region() -> None:
    head = HEAD.strip() + ",退款金额\n"
    assert checked(head + "E1,2026-03-01,甲,13800000201,东门,苹果,1,10.00,12.00") == [(2, "退款金额", "insight.import_refund")]
    groups.put_region(slug="elsewhere", name_zh="外", name_en="Out", currency="CNY", time_zone="Asia/Shanghai")
    [place] = groups.open_many(region="elsewhere", communities=[groups.NewCommunity("x", "x", "x", "x", "x")])
    members.join(region="elsewhere", newcomer=members.Newcomer(place, "13800000201", "甲"))
    assert checked(HEAD + GOOD) == [(2, "联系电话", "insight.import_elsewhere")]


def test_addresses_under_community_are_stopped() -> None:
    rows = [f"E{n},2026-03-01,甲,13800000201,{n} 栋,苹果,1,1.00" for n in range(501)]
    assert checked(HEAD + "\n".join(rows)) == [(2, "自提点", "insight.import_places")]


def test_members_twice_and_chats_of_nowhere() -> None:
    run = begun("手机号,昵称,小区\n13800000201,甲,东门\n13800000201,乙,东门\n,,东门\n".encode(), "a.csv", "members")
    runs.check(run)
    assert [(p[0], p[2]) for p in run.problems] == [(3, "insight.import_twice"), (4, "insight.import_nobody")]
    run = begun((SAMPLES / "messages.txt").read_bytes(), "a.txt", "messages", place="没有的小区")
    runs.check(run)
    assert [p[2] for p in run.problems] == ["insight.import_which_group"]


def test_a_statement_of_unknown_status_counts_as_bought_and_is_told() -> None:
    run = begun((HEAD.strip() + ",订单状态\n" + GOOD.strip() + ",神秘状态\n").encode(), "a.csv")
    runs.check(run)
    assert run.problems == [] and run.notes["status"] == {"神秘状态": 1}


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "a.csv", "kernel.sheet_empty"),
        (HEAD.encode(), "a.csv", "kernel.sheet_empty"),
        (b"\xff\xfe\x00a", "a.csv", "kernel.sheet_unreadable"),
        (b"PK no zip", "a.xlsx", "kernel.sheet_unreadable"),
        (b"no chat", "a.txt", "kernel.sheet_empty"),
    ],
)
def test_files_that_cannot_be_read(content: bytes, name: str, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        runs.begin(region=REGION, kind="messages" if name.endswith("txt") else "orders", content=content, filename=name, by="x")
    assert not Import.objects.exists()


def test_what_cannot_be_asked(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"people.no_such_region"):
        runs.begin(region="nowhere", kind="orders", content=b"", filename="a.csv", by="x")
    with pytest.raises(Refusal, match=r"insight.import_kind"):
        runs.begin(region=REGION, kind="secrets", content=b"", filename="a.csv", by="x")
    with pytest.raises(Refusal, match=r"kernel.sheet_columns"):
        begun("甲,乙\n1,2\n".encode(), "a.csv")
    run = begun((HEAD + GOOD).encode(), "a.csv")
    with pytest.raises(Refusal, match=r"insight.import_kind"):
        runs.map_columns(import_id=run.pk, region=REGION, mapping=run.mapping, origin="moon", place="", profiling=False)
    with pytest.raises(Refusal, match=r"insight.no_such_import"):
        runs.ask(import_id=run.pk, region="elsewhere", write=False)
    for kept in (tmp_path / "imports").iterdir():
        kept.unlink()
    with pytest.raises(Refusal, match=r"insight.import_gone"):
        runs.check(run)


def test_a_mapping_made_by_hand_is_there_for_the_next_file() -> None:
    text = "单子,哪天,谁,买了啥,多少钱\nE1,2026-03-01,甲,苹果,10\n"
    mapping = {"order_no": "单子", "paid_at": "哪天", "buyer": "谁", "product": "买了啥", "order_amount": "多少钱"}
    imported(text.encode(), mapping=mapping, place="东门", origin="weidian")
    again = runs.begin(region=REGION, kind="orders", content=text.encode(), filename="b.csv", by="x", origin="weidian")
    assert again.mapping == mapping
    more = text.replace("多少钱", "多少钱,订单状态").replace("10\n", "10,已取消\n")
    assert runs.begin(region=REGION, kind="orders", content=more.encode(), filename="c.csv", by="x", origin="weidian").mapping["status"]
    other = runs.begin(region=REGION, kind="orders", content=(HEAD + GOOD).encode(), filename="b.csv", by="x", origin="weidian")
    assert other.mapping["paid_at"] == "支付时间", "a saved mapping serves files that have its columns"


def test_the_worker_checks_and_writes() -> None:
    run = begun((HEAD + GOOD).encode(), "a.csv")
    for write in (False, True):
        runs.ask(import_id=run.pk, region=REGION, write=write)
        runs.ask(import_id=run.pk, region=REGION, write=write)
        row = WorkRow.objects.get(kind="insight.import", state="due")
        assert queries.progress(run.pk, REGION) is not None
        WorkRow.objects.filter(pk=row.pk).update(lease_owner="me")
        row.refresh_from_db()
        runs.import_due(row)
        WorkRow.objects.filter(pk=row.pk).update(state="done")
    found = queries.one(run.pk, REGION)
    assert found is not None and (found.state, found.counts["told"]) == ("done", 1)
    assert queries.listed(REGION)[0].import_id == run.pk and queries.progress(run.pk, REGION) is None
