"""The console's catalogue: found, edited one or many, taken back, brought in from a file; and the pyramid's moves."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from linli.goods import catalog
from linli.goods import queries as goods
from linli.goods.catalog import NewSku
from linli.kernel import clocks
from linli.people import groups
from linli.people import queries as people
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import MONDAY, REGION

pytestmark = pytest.mark.django_db
HEAD = "编号,名称,分类,层,规格,标价,成本,保质期\n"


@pytest.fixture
def operator(settings: Any, tmp_path: Any) -> Client:
    settings.HOME = tmp_path
    built.build()
    clocks.set_business(MONDAY)
    groups.appoint(phone="+15550000099", display_name="Op", kind="operator", region=REGION)
    client = Client()
    session = client.session
    person = people.person_by_phone("+15550000099")
    assert person is not None
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def price_of(code: str) -> int:
    sku = goods.sku(REGION, code)
    assert sku is not None
    return sku.list_price_minor


def upload(client: Client, text: str, name: str = "goods.csv") -> Any:
    return client.post("/console/goods/import/", {"file": SimpleUploadedFile(name, text.encode())})


def test_it_lists_finds_and_filters(operator: Client) -> None:
    page = operator.get("/console/goods/").content.decode()
    assert "milk" in page and "cherries" in page
    found = operator.get("/console/goods/?q=milk").content.decode()
    assert ">milk<" in found and ">cherries<" not in found
    assert "没有符合的商品" in operator.get("/console/goods/?q=milk&layer=traffic").content.decode()
    assert operator.get("/console/goods/?page=99999&layer=zzz&q=%00").status_code == 200


def test_many_change_together_and_come_back(operator: Client) -> None:
    before = price_of("milk")
    operator.post("/console/goods/bulk/", {"sku": ["milk", "cherries"], "do": "price", "price": "10"})
    assert price_of("milk") == round(before * 1.1)
    assert "改回去" in operator.get("/console/goods/").content.decode()
    catalog.edit(region=REGION, sku="cherries", changes={"list_price_minor": 999}, by="person:7")
    operator.post("/console/goods/undo/")
    assert (price_of("milk"), price_of("cherries")) == (before, 999)  # what somebody changed since stays theirs
    assert "改回去" not in operator.get("/console/goods/").content.decode()


@pytest.mark.parametrize(
    "form", [{"do": "price", "price": "-95"}, {"do": "price", "price": "x"}, {"do": "layer", "layer": "zzz"}, {"do": "name_zh"}, {}]
)
def test_a_bulk_edit_that_makes_no_sense_changes_nothing(operator: Client, form: dict[str, str]) -> None:
    before = goods.sku(REGION, "milk")
    answer = operator.post("/console/goods/bulk/", {"sku": ["milk"], **form}, follow=True)
    assert goods.sku(REGION, "milk") == before and "toast error" in answer.content.decode()


def test_a_bulk_edit_returns_to_its_own_list_and_nowhere_else(operator: Client) -> None:
    there = operator.post("/console/goods/bulk/", {"sku": ["milk"], "do": "active", "active": "no", "back": "?q=mi"})
    assert there["Location"] == "/console/goods/?q=mi"
    elsewhere = operator.post("/console/goods/bulk/", {"sku": ["milk"], "do": "active", "active": "no", "back": "//evil.example/"})
    assert elsewhere["Location"] == "/console/goods/"


def test_one_is_edited_with_its_history(operator: Client) -> None:
    page = operator.get("/console/goods/sku/milk/")
    fields = {f.name: ("1" if f.value is True else "" if f.value in (None, False) else str(f.value)) for f in page.context["fields"]}
    wrong = operator.post("/console/goods/sku/milk/", fields | {"list_price_minor": "4,50", "shelf_life_days": "0"})
    assert wrong.status_code == 422 and "4,50" in wrong.content.decode() and "aria-invalid" in wrong.content.decode()
    answer = operator.post("/console/goods/sku/milk/", {k: v for k, v in (fields | {"list_price_minor": "4.51"}).items() if v})
    assert answer.status_code == 302 and price_of("milk") == 451
    assert "$4.51" in operator.get("/console/goods/sku/milk/").content.decode()
    assert operator.get("/console/goods/sku/nothing/").status_code == 404


def test_a_file_is_looked_at_then_written(operator: Client) -> None:
    looked = upload(operator, HEAD + "eggs,鸡蛋,乳品蛋类,引流款,10 枚,3.99,3.50,20\n")
    assert looked.status_code == 200 and goods.sku(REGION, "eggs") is None
    token = looked.context["token"]
    assert operator.post("/console/goods/import/", {"token": token}).status_code == 302
    assert price_of("eggs") == 399


def test_a_file_with_problems_shows_them_and_can_not_be_written(operator: Client) -> None:
    looked = upload(operator, HEAD + "eggs,鸡蛋,神奇,引流款,10 枚,3 99,3.50,20\n")
    assert looked.status_code == 422
    assert [(row, column) for row, column, _says, _do in looked.context["problems"]] == [(2, "品类"), (2, "标价")]
    operator.post("/console/goods/import/", {"token": looked.context["token"]})
    assert goods.sku(REGION, "eggs") is None


@pytest.mark.parametrize("form", [{"token": "forged"}, {}])
def test_nothing_uploaded_is_said(operator: Client, form: dict[str, str]) -> None:
    assert operator.post("/console/goods/import/", form).status_code == 422


def test_exports_hold_what_the_filter_shows(operator: Client) -> None:
    csv = b"".join(operator.get("/console/goods/export.csv?q=milk").streaming_content).decode()  # type: ignore[attr-defined]
    assert "milk" in csv and "cherries" not in csv
    book = load_workbook(io.BytesIO(operator.get("/console/goods/export.xlsx").getvalue()))
    assert {row[0] for row in book.active.iter_rows(min_row=2, values_only=True)} == set(goods.skus(REGION))
    assert operator.get("/console/goods/export.pdf").status_code == 404


def test_the_pyramid_proposes_and_moves(operator: Client) -> None:
    catalog.put_many(
        region=REGION,
        skus=[NewSku(f"s{n}", f"s{n}", f"s{n}", "other", "profit", "1", "1", 100 * n, 50, "basket", 5) for n in range(1, 10)],
    )
    page = operator.get("/console/pyramid/")
    assert page.status_code == 200 and page.context["moves"]
    first = page.context["moves"][0]
    operator.post("/console/pyramid/move/", {"move": [f"{first.code}:{first.target}", "milk:nonsense"]})
    moved = goods.sku(REGION, first.code)
    assert moved is not None and moved.layer == first.target
    operator.post("/console/goods/undo/")
    back = goods.sku(REGION, first.code)
    assert back is not None and back.layer == first.source
    assert operator.get("/console/pyramid/?community=999999&back=80").status_code == 200
