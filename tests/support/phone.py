"""What the phone tests share: signing in, and leader tasks as a launch would make them."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources

from django.test import Client

from linli.engage import models as engage
from linli.kernel import clocks
from linli.people import consent
from linli.people import queries as people
from linli.trade import coupons
from linli.web.access import SESSION_KEY
from support.clients import fresh_client
from support.shop import REGION

LEADER_PHONE, OTHER_LEADER_PHONE = "+15550000008", "+15550000009"
PHONES = {"alice": "+15550000001", "bob": "+15550000002", "charlie": "+15550000003", "leader": LEADER_PHONE, "other": OTHER_LEADER_PHONE}


def signed_in(name: str, language: str = "zh-hans") -> Client:
    """A browser in which somebody of the cast is signed in."""
    client = fresh_client(headers={"accept-language": language})
    person = people.person_by_phone(PHONES[name])
    assert person is not None
    session = client.session
    session[SESSION_KEY] = person.person_id
    session.save()
    return client


def issue_coupon(member_id: int, *, face_minor: int = 100, minimum_minor: int = 300, category: str = "", code: str = "thanks") -> int:
    """A coupon in the member's wallet; returns its id."""
    owner = "playbook:test"
    coupons.put_issue(
        region=REGION,
        code=code,
        name_zh="谢谢券",
        name_en="Thank you",
        face_minor=face_minor,
        minimum_minor=minimum_minor,
        valid_days=7,
        budget_owner=owner,
        category=category,
    )
    coupons.fund(region=REGION, owner=owner, amount_minor=100_000, key="fund")
    return coupons.issue(issue_code=code, member_id=member_id, key=f"{code}/{member_id}")


def leader_task(member_id: int, community_id: int, words: str = "最近有新鲜的樱桃，想吃跟我说一声。") -> int:
    """An open task without coupons, as a launch leaves it with the leader; returns its id."""
    now = clocks.business_now()
    for scope in ("messages", "profiling"):
        consent.give(member_id=member_id, scope=scope)
    text = resources.files("linli.engage").joinpath("playbooks/wake-high-value.yaml").read_text()
    version, _ = engage.PlaybookVersion.objects.get_or_create(
        region=REGION, slug="wake-high-value", version="1", defaults={"text": text, "stored_at": now}
    )
    launch, _ = engage.Launch.objects.get_or_create(
        region=REGION,
        key="test",
        defaults={
            "slug": "wake-high-value",
            "version": version,
            "salt": "s",
            "holdout_share": 0.2,
            "currency": "USD",
            "budget_minor": 10_000,
            "started_at": now,
            "as_of": now,
            "enter_until": now + timedelta(days=30),
        },
    )
    run = engage.Run.objects.create(
        region=REGION,
        launch=launch,
        member_id=member_id,
        community_id=community_id,
        arm="treated",
        entered_at=now,
        facts={"orders_365d": 18},
    )
    task = engage.LeaderTask.objects.create(
        region=REGION,
        effect_key=f"task/{run.pk}",
        launch=launch,
        run=run,
        step="ask",
        community_id=community_id,
        member_id=member_id,
        reasons=[{"code": "engage.reason.silent", "facts": {"recency_days": 26, "gap_days": 9}}],
        words=words,
        created_at=now,
        due_at=now,
        expires_at=now + timedelta(days=2),
    )
    return task.pk


def letter(member_id: int, title: str = "到货了") -> int:
    """A message in the member's inbox."""
    made = engage.InboxMessage.objects.create(
        region=REGION,
        effect_key=f"letter/{member_id}/{title}",
        member_id=member_id,
        origin="test",
        title=title,
        words="樱桃到站了。",
        sent_at=clocks.business_now(),
    )
    return made.pk
