"""What others may read of people."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from linli.kernel import bulk
from linli.people import rules
from linli.people.models import Community, Group, GroupMembership, Member, Person, Region, Role, SearchKey


@dataclass(frozen=True)
class RegionInfo:
    """A region with its currency (ISO 4217) and time zone (IANA name)."""

    slug: str
    name_zh: str
    name_en: str
    currency: str
    time_zone: str


@dataclass(frozen=True)
class CommunityInfo:
    """A community and its pickup place."""

    community_id: int
    region: str
    code: str
    name_zh: str
    name_en: str
    pickup_zh: str
    pickup_en: str
    external_id: str
    lat: float | None
    lng: float | None
    invented: bool


@dataclass(frozen=True)
class MemberInfo:
    """A member; names and phone are personal: show the surname to others only with consent."""

    member_id: int
    person_id: int
    region: str
    community_id: int
    building: str
    external_id: str
    joined_at: datetime
    display_name: str
    surname: str
    phone: str
    language: str
    community_zh: str
    community_en: str


@dataclass(frozen=True)
class PersonInfo:
    """Somebody who can sign in."""

    person_id: int
    display_name: str
    surname: str
    phone: str
    language: str
    is_active: bool


@dataclass(frozen=True)
class RoleInfo:
    """operator of a region (community_id None) or leader of a community."""

    kind: str
    region: str
    community_id: int | None


@dataclass(frozen=True)
class Standing:
    """Who asks, in as few reads as can be: what a request is judged by."""

    person_id: int
    display_name: str
    surname: str
    language: str
    roles: list[RoleInfo]
    member: MemberInfo | None


@dataclass(frozen=True)
class GroupInfo:
    """A chat group."""

    group_id: int
    community_id: int
    kind: str
    name_zh: str
    name_en: str
    capacity: int
    member_count: int


def region(slug: str) -> RegionInfo | None:
    """One region."""
    return next((r for r in regions() if r.slug == slug), None)


def regions() -> list[RegionInfo]:
    """Every region (there are few), by slug."""
    return [RegionInfo(r.slug, r.name_zh, r.name_en, r.currency, r.time_zone) for r in Region.objects.order_by("slug")]


def _community(c: Community) -> CommunityInfo:
    return CommunityInfo(c.pk, c.region, c.code, c.name_zh, c.name_en, c.pickup_zh, c.pickup_en, c.external_id, c.lat, c.lng, c.invented)


def communities(region: str) -> list[CommunityInfo]:
    """The region's communities, by code."""
    return [_community(c) for c in Community.objects.filter(region=region).order_by("code")]


def community(community_id: int) -> CommunityInfo | None:
    """One community."""
    found = Community.objects.filter(pk=community_id).first()
    return _community(found) if found else None


def _member(m: Member) -> MemberInfo:
    p, c = m.person, m.community
    return MemberInfo(
        m.pk,
        p.pk,
        m.region,
        c.pk,
        m.building,
        m.external_id,
        m.joined_at,
        p.display_name,
        p.surname,
        rules.shown_phone(p.phone),
        p.language,
        c.name_zh,
        c.name_en,
    )


def _found() -> QuerySet[Member]:
    return Member.objects.select_related("person", "community")


def member(member_id: int) -> MemberInfo | None:
    """One member."""
    found = _found().filter(pk=member_id).first()
    return _member(found) if found else None


def members(ids: Iterable[int]) -> dict[int, MemberInfo]:
    """Member id -> member, for those that exist; one statement."""
    return {m.pk: _member(m) for m in _found().filter(pk__in=list(ids))}


@dataclass(frozen=True, slots=True)
class Home:
    """Where a member buys, and in which money: what an order needs to know of them."""

    member_id: int
    region: str
    community_id: int
    currency: str
    time_zone: str


_HOMES = """
SELECT m.id, m.region, m.community_id, r.currency, r.time_zone
FROM people_member m JOIN people_region r ON r.slug = m.region WHERE m.id {}
"""


def homes(ids: Iterable[int]) -> dict[int, Home]:
    """Member id -> home, for those that exist; one statement, however many."""
    return {row[0]: Home(*row) for row in bulk.select(_HOMES, list(ids))}


@dataclass(frozen=True, slots=True)
class Buyer:
    """A person as a customer who signs in; `has_role`: they may do more than buy."""

    person_id: int
    member_id: int
    region: str
    has_role: bool


_BUYERS = """
SELECT p.id, m.id, m.region, EXISTS (SELECT 1 FROM people_role r WHERE r.person_id = p.id)
FROM people_person p JOIN people_member m ON m.person_id = p.id WHERE p.is_active AND p.id {}
"""


def buyers(person_ids: Iterable[int]) -> dict[int, Buyer]:
    """Person id -> buyer, for those who are active and a member; one statement, however many."""
    rows = bulk.select(_BUYERS, sorted(set(person_ids)))
    return {row[0]: Buyer(row[0], row[1], row[2], bool(row[3])) for row in rows}


def member_of(person_id: int) -> MemberInfo | None:
    """The person as a customer."""
    found = _found().filter(person_id=person_id).first()
    return _member(found) if found else None


def members_by_external_id(region: str) -> dict[str, int]:
    """External id -> member id of everybody in the region who has one."""
    return dict(Member.objects.filter(region=region).exclude(external_id="").values_list("external_id", "pk"))


def external_ids(region: str, member_ids: Collection[int] | None = None) -> dict[int, str]:
    """Member id -> external id of those (None: everybody of the region) who have one."""
    if member_ids is None:
        return dict(Member.objects.filter(region=region).exclude(external_id="").values_list("pk", "external_id"))
    found = bulk.select("SELECT id, external_id FROM people_member WHERE id {} AND region = %s AND external_id <> ''", member_ids, region)
    return {row[0]: row[1] for row in found}


def members_by_phone(phones: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Phone -> (member id, region) of those who are members anywhere: a person is a member of one region."""
    found: dict[str, tuple[int, str]] = {}
    for some in itertools.batched(phones, 900):
        rows = Member.objects.filter(person__phone__in=some).values_list("person__phone", "pk", "region")
        found |= {phone: (pk, region) for phone, pk, region in rows}
    return found


def member_names(region: str) -> dict[str, int]:
    """Display name -> member id, of names that only one member of the region goes by."""
    names = Member.objects.filter(region=region).values_list("person__display_name", "pk")
    counted: dict[str, list[int]] = {}
    for name, pk in names:
        counted.setdefault(name, []).append(pk)
    return {name: ids[0] for name, ids in counted.items() if len(ids) == 1}


def member_ids(region: str, *, community_id: int | None = None) -> list[int]:
    """Everybody of the region or the community, by id."""
    found = Member.objects.filter(region=region)
    if community_id is not None:
        found = found.filter(community_id=community_id)
    return list(found.order_by("pk").values_list("pk", flat=True))


def search_ids(region: str, text: str, *, community_id: int | None = None, limit: int = 500) -> list[int]:
    """Members by id, at most `limit`, whose name, phone, building or outside id holds `text`.

    Those of whom it is the beginning of a part (`rules.search_keys`) are found in one index, however many members there
    are. Only where there is nobody of that kind does the middle of words and numbers count, at the price of reading all.
    """
    here = Member.objects.filter(region=region)
    if community_id is not None:
        here = here.filter(community_id=community_id)
    if not (text := " ".join(text.replace("\0", "").lower().split())[: rules.SEARCH_LETTERS]):
        return list(here.order_by("pk").values_list("pk", flat=True)[:limit])
    begins = text.encode()
    # In the index's order, so that a beginning which many have is not sorted first. Several keys may name one member.
    found = SearchKey.objects.filter(region=region, key__gte=begins, key__lt=begins + b"\xff").order_by("key", "member_id")
    if community_id is not None:
        found = found.filter(member__in=here)
    begun = sorted(set(found.values_list("member_id", flat=True)[: limit * KEYS_A_MEMBER]))[:limit]
    return begun or _holding(here, text, limit)


def _holding(here: QuerySet[Member], text: str, limit: int) -> list[int]:
    """Members, by id, in whose name, phone, building or outside id `text` stands anywhere. What stands for no number is none."""
    known = Q(person__phone__contains=text) & ~Q(person__phone__startswith=rules.NOBODYS)
    held = Q(person__display_name__icontains=text) | known | Q(building__icontains=text) | Q(external_id__icontains=text)
    return list(here.filter(held, person__is_active=True).order_by("pk").values_list("pk", flat=True)[:limit])


KEYS_A_MEMBER = 4
"""A text is seldom the beginning of more parts of one member than this."""


def member_count(region: str, *, community_id: int | None = None) -> int:
    """How many members the region, or the community, has. Who was erased is none."""
    found = Member.objects.filter(region=region, person__is_active=True)
    return (found.filter(community_id=community_id) if community_id is not None else found).count()


def member_counts(region: str) -> dict[int, int]:
    """Community id -> members, for the communities that have any."""
    found = Member.objects.filter(region=region, person__is_active=True)
    return dict(found.values_list("community_id").annotate(n=Count("pk")))


def _person(p: Person) -> PersonInfo:
    return PersonInfo(p.pk, p.display_name, p.surname, rules.shown_phone(p.phone), p.language, p.is_active)


def person(person_id: int) -> PersonInfo | None:
    """One person."""
    found = Person.objects.filter(pk=person_id).first()
    return _person(found) if found else None


def persons(ids: Iterable[int]) -> dict[int, PersonInfo]:
    """Who is behind these ids; ids without anyone are left out. One statement."""
    return {p.pk: _person(p) for p in Person.objects.filter(pk__in=set(ids))}


def person_by_phone(phone: str) -> PersonInfo | None:
    """The person with that phone number."""
    found = Person.objects.filter(phone=phone).first()
    return _person(found) if found else None


def roles_of(person_id: int) -> list[RoleInfo]:
    """What the person may do beside buying."""
    return [RoleInfo(r.kind, r.region, r.community_id) for r in Role.objects.filter(person_id=person_id).order_by("pk")]


_STANDING = """
SELECT p.id, p.display_name, p.surname, p.language, r.kind, r.region, r.community_id,
    m.id, p.id, m.region, m.community_id, m.building, m.external_id, m.joined_at, p.display_name, p.surname, p.phone, p.language,
    c.name_zh, c.name_en
FROM people_person p LEFT JOIN people_member m ON m.person_id = p.id LEFT JOIN people_community c ON c.id = m.community_id
LEFT JOIN people_role r ON r.person_id = p.id
WHERE p.is_active AND p.id {} ORDER BY r.id
"""


def standing(person_id: int) -> Standing | None:
    """The person with roles and membership; None when unknown or no longer active. One plain statement: every request asks."""
    rows = bulk.select(_STANDING, [person_id])
    if not rows:
        return None
    roles = [RoleInfo(*row[4:7]) for row in rows if row[4] is not None]
    told = list(rows[0][7:])
    if told[0] is not None:
        told[6], told[9] = bulk.aware(told[6]), rules.shown_phone(told[9])
    id_, display_name, surname, language = rows[0][:4]
    return Standing(id_, display_name, surname, language, roles, MemberInfo(*told) if told[0] is not None else None)


def leads(person_id: int, community_id: int) -> bool:
    """Whether the person leads the community."""
    return Role.objects.filter(person_id=person_id, community_id=community_id, kind=Role.Kind.LEADER, person__is_active=True).exists()


def leader_of(community_id: int) -> PersonInfo | None:
    """The community's leader."""
    found = Role.objects.select_related("person").filter(community_id=community_id, kind=Role.Kind.LEADER).first()
    return _person(found.person) if found else None


def leaders(region: str) -> dict[int, PersonInfo]:
    """Community id -> leader."""
    found = Role.objects.select_related("person").filter(region=region, kind=Role.Kind.LEADER)
    return {r.community_id: _person(r.person) for r in found if r.community_id is not None}


def groups_of(community_id: int) -> list[GroupInfo]:
    """The community's chat groups, main ones first."""
    found = sorted(Group.objects.filter(community_id=community_id), key=lambda g: (g.kind != "main", g.number, g.pk))
    return [GroupInfo(g.pk, g.community_id, g.kind, g.name_zh, g.name_en, g.capacity, g.member_count) for g in found]


def main_groups(region: str) -> dict[int, tuple[int, int]]:
    """Member -> (main group they sit in, its community), of a region."""
    rows = GroupMembership.objects.filter(region=region, left_at=None, group__kind="main")
    return {member: (group, place) for member, group, place in rows.values_list("member_id", "group_id", "group__community_id")}


def group_names(region: str) -> dict[int, GroupInfo]:
    """Every chat group of a region by number."""
    found = Group.objects.filter(region=region)
    return {g.pk: GroupInfo(g.pk, g.community_id, g.kind, g.name_zh, g.name_en, g.capacity, g.member_count) for g in found}


def groups_of_member(member_id: int) -> list[int]:
    """Ids of the chat groups the member is in."""
    return list(GroupMembership.objects.filter(member_id=member_id, left_at=None).order_by("group_id").values_list("group_id", flat=True))
