"""Regions, communities and their chat groups (1+N), and who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from linli.kernel import clocks
from linli.kernel.refusals import Refusal
from linli.people import rules
from linli.people.models import Community, Group, GroupMembership, Member, Person, Region, Role

CAPACITY = 500
"""Members in one chat group (WeChat's limit)."""

NAMES = {
    "main": ("主群", "main group"),
    "welfare": ("福利群", "welfare group"),
    "knowledge": ("知识群", "knowledge group"),
    "vip": ("VIP 群", "VIP group"),
}
"""The groups every community starts with: (zh, en) of the part after the community's name."""


@dataclass(frozen=True)
class NewCommunity:
    """A community to be opened; `code` is its identity in the region."""

    code: str
    name_zh: str
    name_en: str
    pickup_zh: str
    pickup_en: str
    external_id: str = ""
    lat: float | None = None
    lng: float | None = None
    invented: bool = False


def put_region(*, slug: str, name_zh: str, name_en: str, currency: str, time_zone: str) -> None:
    """Open a region, or change its words."""
    Region.objects.update_or_create(
        slug=slug, defaults={"name_zh": name_zh, "name_en": name_en, "currency": currency, "time_zone": time_zone}
    )


@transaction.atomic
def open_many(*, region: str, communities: Sequence[NewCommunity]) -> list[int]:
    """Open communities with their main and functional groups; those that are there stay. Returns ids in order."""
    there = dict(Community.objects.filter(region=region, code__in=[c.code for c in communities]).values_list("code", "pk"))
    made = Community.objects.bulk_create([Community(region=region, **vars(c)) for c in communities if c.code not in there])
    Group.objects.bulk_create([_group(region, c, kind, 1) for c in made for kind in NAMES])
    there |= {c.code: c.pk for c in made}
    return [there[c.code] for c in communities]


def _group(region: str, community: Community, kind: str, number: int) -> Group:
    zh, en = NAMES[kind]
    tail = f" {number}" if number > 1 else ""
    return Group(
        region=region,
        community=community,
        kind=kind,
        number=number,
        name_zh=f"{community.name_zh}{zh}{tail}",
        name_en=f"{community.name_en} {en}{tail}",
        capacity=CAPACITY,
    )


@transaction.atomic
def seat(*, region: str, community_id: int, member_ids: Sequence[int]) -> None:
    """Put newcomers into the community's main groups, opening the next one when all are full."""
    community = Community.objects.get(region=region, pk=community_id)
    mains = list(Group.objects.select_for_update().filter(region=region, community=community, kind="main").order_by("number"))
    rooms = [rules.Room(g.pk, g.member_count, g.capacity) for g in mains]
    left = iter(member_ids)
    now = clocks.business_now()
    for index, count in rules.seat(len(member_ids), rooms, capacity=CAPACITY):
        if index == len(mains):
            group = _group(region, community, "main", index + 1)
            group.save()
            mains.append(group)
        _enter(mains[index], [next(left) for _ in range(count)], now)


def _enter(group: Group, member_ids: list[int], now: datetime) -> None:
    Group.objects.filter(pk=group.pk).update(member_count=F("member_count") + len(member_ids))
    GroupMembership.objects.bulk_create(
        [GroupMembership(region=group.region, group=group, member_id=m, joined_at=now) for m in member_ids], batch_size=2000
    )


@transaction.atomic
def enter(*, group_id: int, member_id: int) -> bool:
    """A member enters a group of the own community; False when already in it.

    Raises Refusal: people.no_such_group (also for another community's), people.group_full.
    """
    group = Group.objects.select_for_update().filter(pk=group_id).first()
    member = Member.objects.filter(pk=member_id).first()
    if group is None or member is None or member.community_id != group.community_id:
        raise Refusal("people.no_such_group")
    if GroupMembership.objects.filter(group=group, member=member, left_at=None).exists():
        return False
    if group.member_count >= group.capacity:
        raise Refusal("people.group_full", capacity=group.capacity)
    _enter(group, [member_id], clocks.business_now())
    return True


@transaction.atomic
def leave(*, group_id: int, member_id: int) -> bool:
    """A member leaves a group; False when not in it."""
    left = GroupMembership.objects.filter(group_id=group_id, member_id=member_id, left_at=None).update(left_at=clocks.business_now())
    if left:
        Group.objects.filter(pk=group_id).update(member_count=F("member_count") - 1)
    return bool(left)


@transaction.atomic
def appoint(*, phone: str, display_name: str, kind: str, region: str, community_id: int | None = None, surname: str = "") -> int:
    """Make a person operator of the region or leader of a community; returns the person id. Asking again changes nothing.

    Raises Refusal: people.bad_phone, people.no_such_community, people.leader_taken.
    """
    if (number := rules.phone(phone)) is None:
        raise Refusal("people.bad_phone")
    leads = community_id if kind == Role.Kind.LEADER else None
    # The community's row is the claim: two appointments at once would else both find the place free.
    community = Community.objects.select_for_update().filter(region=region, pk=leads or 0).first()
    if kind == Role.Kind.LEADER and community is None:
        raise Refusal("people.no_such_community", community_id=community_id)
    person = Person.objects.filter(phone=number).first() or Person.objects.make(
        phone=number, display_name=display_name, surname=surname, language="zh-hans"
    )
    if community is not None and Role.objects.filter(region=region, community=community, kind=kind).exclude(person=person).exists():
        raise Refusal("people.leader_taken")
    Role.objects.get_or_create(person=person, kind=kind, region=region, community=community)
    return person.pk
