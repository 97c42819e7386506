"""The catalogue from a file: judged whole, then written whole or not at all."""

from __future__ import annotations

import pytest

from linli.goods import catalog, imports, queries
from linli.goods.catalog import NewSku
from linli.kernel import sheets
from linli.kernel.refusals import Refusal

REGION = "us-demo"
HEAD = "编号,名称,分类,层,规格,标价,成本,保质期\n"


@pytest.fixture(autouse=True)
def shelf(db: None) -> None:
    milk = NewSku("milk", "牛奶", "Milk", "dairy_egg", "hit", "1 升", "1 l", 450, 300, "milk", 7)
    catalog.put_many(region=REGION, skus=[milk])


def planned(text: str) -> imports.Plan:
    return imports.plan(region=REGION, currency="USD", content=text.encode(), filename="a.csv")


def applied(text: str) -> imports.Plan:
    return imports.apply(region=REGION, currency="USD", content=text.encode(), filename="a.csv", by="person:1")


def test_new_and_changed_are_shown_before_and_written_after() -> None:
    text = HEAD + "milk,鲜牛奶,乳品蛋类,爆款,1 升,4.50,3.00,7\neggs,鸡蛋,乳品蛋类,引流款,10 枚,3.99,3.5,20\n"
    found = planned(text)
    assert [n.code for n in found.new] == ["eggs"] and found.problems == []
    assert [(c.code, c.fields) for c in found.changed] == [("milk", {"name_zh": ("牛奶", "鲜牛奶")})]
    assert queries.sku(REGION, "eggs") is None
    applied(text)
    eggs, milk = queries.sku(REGION, "eggs"), queries.sku(REGION, "milk")
    assert eggs is not None and (eggs.list_price_minor, eggs.name_en, eggs.layer) == (399, "鸡蛋", "traffic")
    assert milk is not None and (milk.name_zh, milk.name_en) == ("鲜牛奶", "Milk")
    assert [c.by for c in catalog.history(REGION, "milk")] == ["person:1"]
    again = applied(text)
    assert (again.writes, again.unchanged) == (0, 2)


def test_one_wrong_cell_and_nothing_is_written() -> None:
    rows = [
        "eggs,鸡蛋,乳品蛋类,引流款,10 枚,3.99,3.5,20",
        "ham,火腿,肉,引流款,1,3.99,3.5,20",
        "eggs,再来,水果,爆款,1,1,1,1",
        "new,,水果,爆款,1,1,1,1",
    ]
    text = HEAD + "\n".join(rows)
    found = planned(text)
    assert [(p.row, p.column, p.code) for p in found.problems] == [
        (3, "品类", "kernel.cell_choice"),
        (4, "编号", "goods.import_twice"),
        (5, "名称", "kernel.cell_empty"),
    ]
    with pytest.raises(Refusal, match=r"goods.import_problems"):
        applied(text)
    assert queries.sku(REGION, "eggs") is None


def test_a_value_that_makes_no_sense_is_named() -> None:
    found = planned("编号,称重\nmilk,是\n")  # charged by weight, and nobody says what a piece weighs
    assert [(p.row, p.column, p.code) for p in found.problems] == [(2, "单份克重", "goods.import_value")]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_read_back_changes_nothing(form: str) -> None:
    head, rows = imports.rows(REGION, "USD", list(queries.skus(REGION).values()))
    if form == "xlsx":
        content = sheets.book("goods", head, rows)
    else:
        content = "\n".join(",".join(str(v) for v in row) for row in [head, *rows]).encode()
    found = imports.plan(region=REGION, currency="USD", content=content, filename=f"a.{form}")
    assert (found.problems, found.writes, found.unchanged) == ([], 0, 1)


def test_another_regions_code_is_new_here() -> None:
    assert imports.plan(region="elsewhere", currency="USD", content=(HEAD + "milk,奶,水果,爆款,1,1,1,1\n").encode(), filename="a.csv").new
