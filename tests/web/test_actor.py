"""Who asks: the region of somebody with several roles, and of somebody whose region is not there."""

from __future__ import annotations

import pytest
from django.test import Client

from linli.people import groups
from linli.people import queries as people
from linli.people.models import Region, Role
from linli.web import access, context
from linli.web.access import SESSION_KEY
from support import shop as built
from support.shop import REGION, Shop

pytestmark = pytest.mark.django_db
PHONE = "+15550000055"


@pytest.fixture
def shop() -> Shop:
    return built.build()


def person() -> int:
    found = people.person_by_phone(PHONE)
    assert found is not None
    return found.person_id


def test_where_somebody_operates_counts_before_where_they_lead(shop: Shop) -> None:
    li = people.person_by_phone("+15550000008")
    assert li is not None and access.load(li.person_id).region == REGION
    for slug in ("b-first", "a-second"):
        groups.put_region(slug=slug, name_zh=slug, name_en=slug, currency="USD", time_zone="UTC")
        Role.objects.create(person_id=li.person_id, kind="operator", region=slug)
    assert access.load(li.person_id).region == "b-first"


def test_a_region_that_is_not_there_is_said_and_no_error(shop: Shop) -> None:
    groups.appoint(phone=PHONE, display_name="Dora", kind="operator", region=REGION)
    Role.objects.filter(person_id=person()).update(region="nowhere")
    client = Client()
    session = client.session
    session[SESSION_KEY] = person()
    session.save()
    for page in ("/console/", "/console/orders/", "/console/playbooks/"):
        answer = client.get(page)
        assert answer.status_code == 409
        assert "nowhere" in answer.text
    assert client.get("/signin/").status_code == 200
    Region.objects.create(slug="nowhere", name_zh="有了", name_en="There", currency="USD", time_zone="UTC")
    context._found.cache_clear()
    assert client.get("/console/").status_code == 200
