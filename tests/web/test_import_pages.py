"""The console's imports: looked at, matched, checked, written, taken back; from an empty shop."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from linli.insight import lake
from linli.insight.imports import queries, runs
from linli.kernel import clocks, work
from linli.kernel.models import WorkRow
from linli.people import groups
from linli.people import queries as people
from linli.web.access import SESSION_KEY
from linli.wiring import WORK

pytestmark = pytest.mark.django_db
REGION = "cn-demo"
HEAD = "订单号,支付时间,下单人,联系电话,自提点,商品,数量,订单金额\n"
GOOD = "E1,2026-03-01 10:00,甲,13800000201,东门,苹果*1,1,10.00\n"


def signed_in(phone: str, region: str) -> Client:
    groups.put_region(slug=region, name_zh="示例", name_en="Example", currency="CNY", time_zone="Asia/Shanghai")
    groups.appoint(phone=phone, display_name="运营", kind="operator", region=region)
    client, person = Client(), people.person_by_phone(phone)
    assert person is not None
    session = client.session
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


@pytest.fixture
def operator(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    settings.HOME = tmp_path
    lake.forget()
    clocks.set_business(clocks.machine_now())
    monkeypatch.setattr(runs, "know", lambda region, tell=None: None)
    return signed_in("13900000001", REGION)


def uploaded(client: Client, text: str) -> str:
    answer = client.post("/console/imports/", {"kind": "orders", "file": SimpleUploadedFile("团.csv", text.encode())})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def as_shown(client: Client, page: str) -> dict[str, str]:
    """The mapping's form as the page shows it."""
    html = client.get(page).content.decode()
    chosen = {}
    for name, body in re.findall(r'<select class="inp" id="col-(\w+)".*?>(.*?)</select>', html, re.DOTALL):
        found = re.search(r'<option value="([^"]*)" selected', body)
        chosen[f"col-{name}"] = found[1] if found else ""
    return chosen


def worked() -> None:
    while work.run_due({k: h for k, h in WORK.items() if k.startswith("insight.")}):
        pass
    assert not WorkRow.objects.filter(kind__startswith="insight.", state="failed").exists()


def test_from_an_empty_shop_to_written_and_back(operator: Client) -> None:
    assert "/console/imports/" in operator.get("/console/").content.decode()
    page = uploaded(operator, HEAD + GOOD)
    form = as_shown(operator, page)
    assert form["col-paid_at"] == "支付时间" and form["col-status"] == ""
    operator.post(page, form | {"origin": "ktt", "profiling": "yes"})
    going = operator.get(page + "progress/")
    assert "<progress" in going.content.decode()
    assert "HX-Refresh" not in going.headers
    worked()
    assert operator.get(page + "progress/")["HX-Refresh"] == "true"
    shown = operator.get(page).content.decode()
    assert "东门" in shown and page + "write/" in shown
    operator.post(page + "write/")
    worked()
    assert "撤回这次导入" in operator.get(page).content.decode() and people.member_count(REGION) == 1
    assert "团.csv" in operator.get("/console/imports/").content.decode()
    operator.post(page + "undo/")
    worked()
    assert queries.listed(REGION)[0].state == "withdrawn"
    assert operator.post(page + "undo/", follow=True).status_code == 200


def test_problems_are_shown_and_downloaded_and_nothing_can_be_written(operator: Client) -> None:
    page = uploaded(operator, HEAD + GOOD + "E2,昨天,乙,13800000202,东门,梨,1,9.00\n")
    operator.post(page, as_shown(operator, page) | {"origin": "ktt"})
    worked()
    shown = operator.get(page).content.decode()
    assert "看不出是哪天" in shown and page + "write/" not in shown
    csv = b"".join(operator.get(page + "problems.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert "3,支付时间,「昨天」看不出是哪天" in csv
    operator.post(page + "write/")
    assert people.member_count(REGION) == 0 and queries.listed(REGION)[0].state == "checked"


@pytest.mark.parametrize("send", [lambda: {}, lambda: {"file": SimpleUploadedFile("a.xlsx", b"no sheet")}])
def test_no_file_and_no_sheet(operator: Client, send: Callable[[], dict[str, Any]]) -> None:
    answer = operator.post("/console/imports/", {"kind": "orders"} | send())
    assert answer.status_code == 422 and 'role="alert"' in answer.content.decode()


def test_a_mapping_that_lacks_something_says_what(operator: Client) -> None:
    page = uploaded(operator, HEAD + GOOD)
    answer = operator.post(page, as_shown(operator, page) | {"origin": "ktt", "col-product": ""})
    assert answer.status_code == 422 and "商品" in answer.content.decode()


def test_another_regions_operator_finds_nothing(operator: Client) -> None:
    page = uploaded(operator, HEAD + GOOD)
    stranger = signed_in("13900000002", "elsewhere")
    for path in (page, page + "progress/", page + "problems.csv"):
        assert stranger.get(path).status_code == 404
    for path in (page, page + "write/", page + "undo/"):
        assert stranger.post(path).status_code == 404
