"""The lake: every event once, whatever crashes; snapshots that don't change under a reader; rebuilt from the log alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linli.insight import lake, lake_tables
from linli.kernel import events, work
from linli.kernel.events import Subscription
from linli.kernel.models import Event, Reader
from linli.people.events import ConsentChanged, MemberJoined
from linli.trade.events import OrderPaid, SoldLine

pytestmark = pytest.mark.django_db(transaction=True)  # readers see what is committed

AT = datetime(2017, 10, 2, 12, tzinfo=UTC)
ALICE, BOB = 1, 2
LAKE = {"lake": Subscription(lake.relay, batch=100, raw=True)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    settings.HOME = tmp_path
    return tmp_path


def joined(member_id: int) -> events.Told:
    return events.Told(MemberJoined(member_id, 7, "shop", ""), "us-demo", f"member:{member_id}", AT, AT)


def paid(order: str, member_id: int = ALICE, *, at: datetime = AT, pieces: tuple[int, ...] = (2, 1)) -> events.Told:
    lines = [SoldLine(f"sku-{n}", "fruit", "BANANAS", n, quantity, 100 * quantity, 0) for n, quantity in enumerate(pieces)]
    fact = OrderPaid(order, member_id, 7, 100 * sum(pieces), 0, "sandbox", "", lines, f"member:{member_id}")
    return events.Told(fact, "us-demo", f"member:{member_id}", at, at)


def tell(*told: events.Told) -> None:
    events.append_many(told)


def count(name: str) -> int:
    return int(lake.table(name).count().execute())


def test_columns_come_from_the_facts() -> None:
    tell(paid("a"))
    events.drain(LAKE)
    (row,) = lake.written("trade.order_paid")
    assert (row["order_id"], row["member_id"], row["paid_minor"], row["region"], row["month"]) == ("a", ALICE, 300, "us-demo", "2017-10")
    assert row["happened_at"] == AT and row["day"] == AT.date()
    first, second = lake.written("trade.order_paid__lines")
    assert (first["position"], first["sku"], first["quantity"], first["order_id"]) == (0, "sku-0", 2, "a")
    assert second["recorded_at"] == AT and second["uid"] == row["uid"]


def test_rows_of_the_database_and_its_objects_become_the_same_columns() -> None:
    late = AT.replace(microsecond=120_000)
    tell(joined(ALICE), paid("a"), paid("b", BOB, at=late), events.Told(ConsentChanged(BOB, "messages", True), "us-demo", "", AT, late))
    raw, objects = events.raw_after(-1, 0, limit=100), events.after(-1, 0, limit=100)
    assert len(raw) == len(objects) == 4
    for kind in {e.kind for e in objects}:
        ours, theirs = (lake_tables.Batch([e for e in found if e.kind == kind]) for found in (raw, objects))
        for form in lake_tables.shapes(kind):
            assert lake_tables.rows(form, ours).equals(lake_tables.rows(form, theirs))
            assert ours.columns is not None and theirs.columns is None


def row(kind: str, payload: str, number: int = 1) -> events.Row:
    return events.Row(number, number, f"{number:032x}", "us-demo", kind, "", AT, AT, "live", payload)


def test_payloads_read_as_columns_are_what_they_are_decoded() -> None:
    """Absent and null values, empty and absent lists, words in any script, keys of another version, numbers at the limit."""
    line = '{"sku":"\\u9e21\\ud83e\\udd5a","category":"egg","product_type":"A \\"B\\" \\n","group_id":9223372036854775807,"quantity":-2}'
    texts = [
        '{"order_id":"a","member_id":1,"community_id":7,"paid_minor":300,"lines":[' + line + ", " + line + "]}",
        '{"order_id":null,"lines":[],"nobody_knows":{"a":[1,{"b":2}]}}',
        '{"member_id": 2, "lines": null}',
        '{"lines":[{"sku":"x"}],"subject":"鸡蛋"}',
        "{}",
    ]
    batch = lake_tables.Batch([row("trade.order_paid", text, n) for n, text in enumerate(texts, start=1)])
    assert batch.columns is not None
    decoded = lake_tables.Batch([e._replace(payload=json.loads(e.payload)) for e in batch.facts])
    assert decoded.columns is None
    for form in lake_tables.shapes("trade.order_paid"):
        fast, slow = lake_tables.rows(form, batch), lake_tables.rows(form, decoded)
        assert fast.equals(slow) and fast.validate(full=True) is None
    assert fast.num_rows == 5


@pytest.mark.parametrize(
    "payload", ['{"member_id":"one"}', '{"member_id":1.5}', '{"scope":3}', '{"granted":{}}', '{"scope":"a","scope":"b"}']
)
def test_what_a_schema_does_not_say_goes_the_slow_road(payload: str) -> None:
    """A payload of other types is refused, or taken, as it is without columns; it is never read as something else."""
    batch = lake_tables.Batch([row("people.consent_changed", payload)])
    assert batch.columns is None
    (form,) = lake_tables.shapes("people.consent_changed")
    slow = lake_tables.Batch([row("people.consent_changed", payload)._replace(payload=json.loads(payload))])  # type: ignore[arg-type]

    def answer(told: lake_tables.Batch) -> str:
        try:
            return repr(lake_tables.rows(form, told).to_pylist())
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            return repr(error)

    assert answer(batch) == answer(slow)


def test_every_kind_of_every_room_has_its_tables() -> None:
    for kind in events.KINDS:
        forms = lake_tables.shapes(kind)
        assert forms[-1].name == kind
        for form in forms:
            assert len(set(form.schema.names)) == len(form.schema.names)


def test_before_anything_is_written_tables_are_empty_and_typed() -> None:
    found = lake.table("trade.order_paid")
    assert found.count().execute() == 0
    assert found.schema()["paid_minor"].is_int64() and found.schema()["happened_at"].timezone == "UTC"
    with pytest.raises(KeyError):
        lake.table("trade.no_such_thing")


def crash_after_writing(batch: list[Any]) -> None:
    lake.relay(batch)
    raise RuntimeError("the machine died between the lake's commit and the cursor's")


def test_a_crash_between_lake_and_cursor_writes_nothing_twice() -> None:
    tell(joined(ALICE), paid("a"), paid("b", BOB))
    events.drain({"lake": Subscription(crash_after_writing)})
    assert Reader.objects.get(name="lake").event_id == 0 and count("trade.order_paid") == 2
    # What came meanwhile is in the repeated batch as well.
    tell(paid("c"))
    events.retry("lake")
    events.drain(LAKE)
    assert (count("trade.order_paid"), count("trade.order_paid__lines"), count("people.member_joined")) == (3, 6, 1)


def test_control_without_the_position_in_the_commit_the_same_crash_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake, "_reached", lambda table: lake._NOTHING)
    tell(paid("a"))
    events.drain({"lake": Subscription(crash_after_writing)})
    events.retry("lake")
    events.drain(LAKE)
    assert count("trade.order_paid") == 2


def test_a_crash_between_two_tables_of_a_batch_completes_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lake._write_shape

    def dies_at_the_orders(form: lake_tables.Shape, batch: lake_tables.Batch, base: Path) -> int:
        if form.name == "trade.order_paid":
            raise RuntimeError("killed")
        return whole(form, batch, base)

    tell(joined(ALICE), paid("a"))
    with monkeypatch.context() as m:
        m.setattr(lake, "_write_shape", dies_at_the_orders)
        events.drain(LAKE)
    assert (count("people.member_joined"), count("trade.order_paid__lines"), count("trade.order_paid")) == (1, 2, 0)
    events.retry("lake")
    events.drain(LAKE)
    assert (count("people.member_joined"), count("trade.order_paid__lines"), count("trade.order_paid")) == (1, 2, 1)


def test_an_expression_keeps_its_snapshot_and_the_next_sees_more() -> None:
    tell(paid("a"))
    events.drain(LAKE)
    before = lake.table("trade.order_paid")
    tell(paid("b"))
    events.drain(LAKE)
    assert before.count().execute() == 1 and count("trade.order_paid") == 2


def test_compaction_keeps_every_row_and_the_position() -> None:
    for name in "abcde":
        tell(paid(name))
        events.drain(LAKE)
    rows = list(lake.written("trade.order_paid__lines"))
    assert lake.compact() > 0
    assert list(lake.written("trade.order_paid__lines")) == rows
    info = {t.kind: t for t in lake.tables()}["trade.order_paid"]
    assert (info.rows, info.files) == (5, 1) and info.bytes > 0
    events.rewind("lake")
    events.drain(LAKE)
    assert count("trade.order_paid") == 5


def test_rebuilt_from_the_log_it_is_the_same_lake() -> None:
    events.append_many([joined(ALICE), joined(BOB)], source="history", silent=True)
    lake.append_once("people.member_joined", silent_rows("people.member_joined"), stamp="import")
    tell(paid("a"), paid("b", BOB, at=datetime(2017, 11, 3, tzinfo=UTC)))
    events.drain(LAKE)
    old = {t.kind: list(lake.written(t.kind)) for t in lake.tables()}
    assert lake.rebuild() == 2 + 2 + 4
    assert {t.kind: list(lake.written(t.kind)) for t in lake.tables()} == old
    # The reader that wrote the old lake starts over and finds everything there.
    events.rewind("lake")
    tell(paid("c"))
    events.drain(LAKE)
    assert count("trade.order_paid") == 3 and count("people.member_joined") == 2


def silent_rows(kind: str) -> Any:
    return lake_tables.rows(lake_tables.shape(kind), lake_tables.Batch(events.silent(kind, region="us-demo", source="history")))


def test_an_importer_s_rows_are_written_once() -> None:
    events.append_many([joined(ALICE)], source="history", silent=True)
    data = silent_rows("people.member_joined")
    assert lake.append_once("people.member_joined", data, stamp="import")
    assert not lake.append_once("people.member_joined", data, stamp="import")
    assert count("people.member_joined") == 1


def test_a_member_is_erased_from_every_table_and_version() -> None:
    tell(joined(ALICE), joined(BOB), paid("a"), paid("b", BOB))
    events.drain(LAKE)
    assert lake.erase_member(ALICE, region="us-demo") == 1 + 1 + 2
    assert [r["member_id"] for r in lake.written("people.member_joined")] == [BOB]
    assert [r["order_id"] for r in lake.written("trade.order_paid__lines")] == ["b", "b"]
    assert lake.erase_member(3, region="us-demo") == 0


def test_a_fact_that_gained_a_field_widens_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lake_tables.shapes("people.consent_changed")
    narrow = lake_tables.Shape(whole[0].name, whole[0].kind, None, whole[0].columns[:2])
    tell(events.Told(ConsentChanged(ALICE, "messages", True), "us-demo"))
    with monkeypatch.context() as m:
        m.setattr(lake_tables, "shapes", lambda kind: (narrow,))
        events.drain(LAKE)
    tell(events.Told(ConsentChanged(BOB, "messages", True), "us-demo"))
    events.drain(LAKE)
    assert {r["member_id"]: r["granted"] for r in lake.written("people.consent_changed")} == {ALICE: None, BOB: True}


def test_threads_read_side_by_side() -> None:
    tell(*(paid(f"o{n}") for n in range(20)))
    events.drain(LAKE)
    found: list[int] = []
    asked: Callable[[], None] = lambda: found.extend(count("trade.order_paid") for _ in range(3))  # noqa: E731
    threads = [threading.Thread(target=asked) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [20] * 12


def test_what_a_version_is_made_of_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system page asks for every table at every look; each is hundreds of small files after a season."""
    opened: list[object] = []
    plain = lake.DeltaTable
    monkeypatch.setattr(lake, "DeltaTable", lambda path, **more: (opened.append(path), plain(path, **more))[1])
    tell(joined(ALICE))
    events.drain(LAKE)
    first = lake.tables()
    seen = len(opened)
    assert lake.tables() == first and len(opened) == seen
    tell(joined(BOB))
    events.drain(LAKE)
    assert lake.tables()[0].version == first[0].version + 1


def test_an_older_version_of_a_fact_is_read_as_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scope was once told as "scopes", and in version 2 in capitals: two steps, in the lake and to readers alike."""
    monkeypatch.setattr(events, "UPCASTS", {})
    events.upcast("people.consent_changed", 1)(lambda p: {**p, "scope": p.pop("scopes")[0].upper()})
    events.upcast("people.consent_changed", 2)(lambda p: {**p, "scope": p["scope"].lower()})
    with pytest.raises(ValueError, match="two ways"):
        events.upcast("people.consent_changed", 1)(dict)
    for version, payload in ((1, {"scopes": ["messages"]}), (2, {"scope": "PROFILING"}), (3, {"scope": "neighbours"})):
        tell(events.Told(ConsentChanged(version, "", True), "us-demo"))
        payload |= {"member_id": version, "granted": True}
        Event.objects.filter(payload__member_id=version).update(version=version, payload=payload)
    events.drain(LAKE)
    scopes = {r["member_id"]: r["scope"] for r in lake.written("people.consent_changed")}
    assert scopes == {1: "messages", 2: "profiling", 3: "neighbours"}
    assert {e.payload["member_id"]: e.payload["scope"] for e in events.after(-1, 0, limit=10)} == scopes
    lake.rebuild()
    assert {r["member_id"]: r["scope"] for r in lake.written("people.consent_changed")} == scopes


def test_nothing_of_an_erased_member_is_left_in_any_file(home: Path) -> None:
    """Neither in a row nor in what a commit says of its rows: no file holds the number or the outside name, in any form."""
    alice, name = 7_700_000_000_017, "13800000017"
    told = events.Told(MemberJoined(alice, 7, "shop", name), "us-demo", f"member:{alice}", AT, AT)
    tell(told, joined(BOB), events.Told(ConsentChanged(alice, "messages", True), "us-demo", f"member:{alice}"), paid("a", alice))
    events.drain(LAKE)
    needles = [name.encode(), f"{alice}".encode(), alice.to_bytes(8, "little")]
    assert all(_held(home, needle) for needle in needles), "the control: they are there before"
    lake.erase_member(alice, region="us-demo")
    assert [needle for needle in needles if _held(home, needle)] == []
    assert [r["member_id"] for r in lake.written("people.member_joined")] == [BOB]


def _held(home: Path, needle: bytes) -> bool:
    """Whether a file of the lake holds these bytes; columns are decompressed and spelt out first."""
    for path in (home / "lake").rglob("*"):
        if path.is_dir():
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            for column in pq.read_table(path, partitioning=None).columns:
                content += repr(column.to_pylist()).encode()
        if needle in content:
            return True
    return False


def test_small_files_are_merged_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake, "MANY_FILES", 3)
    for name in "abcde":
        tell(paid(name))
        events.drain(LAKE)
    tell(joined(ALICE))
    events.drain(LAKE)
    work.schedule("insight.compact", key="1", due_at=AT, region="")
    (row,) = work.claim(kinds={"insight.compact"})
    lake.compact_due(row)
    found = {t.kind: t for t in lake.tables()}
    assert found["trade.order_paid"].files == 1 and found["trade.order_paid"].compacted_at is not None
    assert found["people.member_joined"].compacted_at is None and count("trade.order_paid") == 5
