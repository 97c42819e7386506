"""Members join: one, or a whole history of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from linli.kernel import bulk, clocks, events
from linli.kernel.refusals import Refusal
from linli.people import groups, rules
from linli.people.events import ConsentChanged, MemberJoined
from linli.people.models import Community, Consent, Member, Person, SearchKey


@dataclass(frozen=True)
class Newcomer:
    """Who joins. `external_id` is the identity elsewhere (a household of the history); joining again with it changes nothing.

    `phone` may be "" where there is an `external_id`: somebody known from another system's files, who can't sign in.
    """

    community_id: int
    phone: str
    display_name: str
    surname: str = ""
    building: str = ""
    external_id: str = ""
    language: str = "zh-hans"
    joined_at: datetime | None = None
    consents: tuple[str, ...] = ()


def join(*, region: str, newcomer: Newcomer, channel: str = "shop") -> int:
    """One member joins; returns the member id. A phone that is a member already gives that member.

    Raises Refusal: people.bad_phone, people.no_such_community.
    """
    return join_many(region=region, newcomers=[newcomer], channel=channel)[0]


@transaction.atomic
def join_many(
    *, region: str, newcomers: Sequence[Newcomer], channel: str = "shop", source: str = "live", silent: bool = False
) -> list[int]:
    """Members join in bulk: person, member, main group, consent and the fact. Returns member ids in order.

    Who is there already (by external id, else by phone) is left as they are. `silent` facts fire no reader.
    """
    phones = [_phone(region, n) for n in newcomers]
    known = set(Community.objects.filter(region=region).values_list("pk", flat=True))
    if strange := {n.community_id for n in newcomers} - known:
        raise Refusal("people.no_such_community", community_id=min(strange))
    there = _there(region, newcomers, phones)
    fresh = {phones[i]: n for i, n in enumerate(newcomers) if phones[i] not in there}
    now = clocks.business_now()
    people = _people(fresh)
    members = Member.objects.bulk_create(
        [
            Member(
                region=region,
                person_id=people[phone],
                community_id=n.community_id,
                building=n.building,
                external_id=n.external_id,
                joined_at=n.joined_at or now,
            )
            for phone, n in fresh.items()
        ],
        batch_size=2000,
    )
    _found_by(region, members, fresh)
    by_community: defaultdict[int, list[int]] = defaultdict(list)
    for m in members:
        by_community[m.community_id].append(m.pk)
    for community_id, ids in by_community.items():
        groups.seat(region=region, community_id=community_id, member_ids=ids)
    _tell(region, members, list(fresh.values()), channel=channel, source=source, silent=silent)
    there |= {phone: m.pk for phone, m in zip(fresh, members, strict=True)}
    return [there[phone] for phone in phones]


_KEYS = bulk.Table(SearchKey, ("region", "key", "member_id"))


def _found_by(region: str, members: Sequence[Member], fresh: dict[str, Newcomer]) -> None:
    """Write what the new members are found by."""
    rows = []
    for m, (phone, n) in zip(members, fresh.items(), strict=True):
        keys = rules.search_keys(name=n.display_name, phone=phone, building=m.building, external_id=m.external_id)
        rows += [(region, _bytes(key), m.pk) for key in sorted(keys)]
    bulk.write(bulk.Rows(_KEYS, rows))


def _bytes(text: str) -> object:
    """UTF-8 as a bulk statement takes it: PostgreSQL's within an array literal are hex behind an escaped backslash."""
    raw = text.encode()
    return "\\\\x" + raw.hex() if connection.vendor == "postgresql" else raw


def _phone(region: str, newcomer: Newcomer) -> str:
    if not newcomer.phone and newcomer.external_id:
        return rules.nobodys_phone(f"{region}/{newcomer.external_id}")
    if (number := rules.phone(newcomer.phone)) is None:
        raise Refusal("people.bad_phone")
    return number


def _there(region: str, newcomers: Sequence[Newcomer], phones: list[str]) -> dict[str, int]:
    """Phone of the newcomer -> member id, for those who are members already."""
    by_phone = dict(Member.objects.filter(person__phone__in=phones).values_list("person__phone", "pk"))
    external = [n.external_id for n in newcomers if n.external_id]
    by_external = dict(Member.objects.filter(region=region, external_id__in=external).values_list("external_id", "pk"))
    return by_phone | {p: by_external[n.external_id] for n, p in zip(newcomers, phones, strict=True) if n.external_id in by_external}


def _people(fresh: dict[str, Newcomer]) -> dict[str, int]:
    """Phone -> person id; a person who is somebody else already (a leader) stays that person."""
    people = dict(Person.objects.filter(phone__in=fresh).values_list("phone", "pk"))
    nobodys = make_password(None)
    made = Person.objects.bulk_create(
        [
            Person(phone=phone, display_name=n.display_name, surname=n.surname, language=n.language, password=nobodys)
            for phone, n in fresh.items()
            if phone not in people
        ],
        batch_size=2000,
    )
    return people | {p.phone: p.pk for p in made}


def _tell(region: str, members: list[Member], newcomers: list[Newcomer], *, channel: str, source: str, silent: bool) -> None:
    pairs = list(zip(members, newcomers, strict=True))
    Consent.objects.bulk_create(
        [Consent(region=region, member=m, scope=scope, granted=True, at=m.joined_at) for m, n in pairs for scope in n.consents],
        batch_size=2000,
    )
    told: Iterable[events.Told] = (
        events.Told(f, region, f"member:{m.pk}", m.joined_at, m.joined_at if silent else None)
        for m, n in pairs
        for f in (
            MemberJoined(m.pk, m.community_id, channel, n.external_id),
            *(ConsentChanged(m.pk, scope, True) for scope in n.consents),
        )
    )
    events.append_many(told, source=source, silent=silent)
