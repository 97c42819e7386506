"""A member is erased: asked for, thought over, done. Who they were goes; what was sold to somebody stays in the books.

China's Personal Information Protection Law, article 47, gives the right, and article 15 to take a word back; accounts must be
kept, so orders and the ledger stay under a number that leads to nobody.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from linli.kernel import clocks, events, work
from linli.kernel.refusals import Refusal
from linli.people import consent, groups, rules
from linli.people.events import ErasureRequested, ErasureWithdrawn, MemberErased
from linli.people.models import Erasure, GroupMembership, Member, OneTimeCode, Role, SandboxSms, SearchKey, WeChatIdentity

COOLING_OFF = timedelta(days=7)
"""How long a member may think it over; the law's guidance gives a shop 15 working days to do it."""

NOBODY = "已注销 (erased)"
"""What stands where a name would, in either language's lists."""

WORK = "people.erase"
"""The due work that erases; who wires it knows what must be finished before."""


@dataclass(frozen=True)
class Waiting:
    """A request that stands: who asked, when, and when it is done."""

    member_id: int
    by: str
    requested_at: datetime
    due_at: datetime


@transaction.atomic
def request(*, member_id: int, by: str) -> Waiting:
    """Ask that a member be erased after the cooling-off. From now on nobody writes to them or chooses for them.

    Again changes nothing. Raises Refusal: people.no_such_member, people.has_duties.
    """
    member = _locked(member_id)
    if Role.objects.filter(person_id=member.person_id).exists():
        raise Refusal("people.has_duties")
    if (before := waiting(member_id)) is not None:
        return before
    now = clocks.business_now()
    try:
        with transaction.atomic():
            made = Erasure.objects.create(region=member.region, member=member, by=by, requested_at=now, due_at=now + COOLING_OFF)
    except IntegrityError:  # asked for twice at once
        return _waiting(Erasure.objects.get(member=member, state=Erasure.State.WAITING))
    for scope in consent.SCOPES:
        consent.withdraw(member_id=member_id, scope=scope)
    work.schedule(WORK, key=str(made.pk), due_at=made.due_at, region=member.region, payload={"member": member_id, "erasure": made.pk})
    fact = ErasureRequested(member_id, made.due_at.isoformat(), by)
    events.append(fact, region=member.region, subject=f"member:{member_id}")
    return _waiting(made)


@transaction.atomic
def withdraw(*, member_id: int, by: str) -> bool:
    """The member stays. Returns whether there was something to take back; consents stay withdrawn until given anew."""
    member = _locked(member_id)
    row = Erasure.objects.filter(member=member, state=Erasure.State.WAITING).first()
    if row is None:
        return False
    Erasure.objects.filter(pk=row.pk).update(state=Erasure.State.WITHDRAWN, ended_at=clocks.business_now())
    work.cancel(WORK, key=str(row.pk), region=member.region)
    events.append(ErasureWithdrawn(member_id, by), region=member.region, subject=f"member:{member_id}")
    return True


def waiting(member_id: int) -> Waiting | None:
    """The request that stands, if any."""
    row = Erasure.objects.filter(member_id=member_id, state=Erasure.State.WAITING).first()
    return _waiting(row) if row else None


def due(erasure_id: int) -> bool:
    """Whether this request still stands and its time has come."""
    return Erasure.objects.filter(pk=erasure_id, state=Erasure.State.WAITING, due_at__lte=clocks.business_now()).exists()


@transaction.atomic
def erase(*, member_id: int, by: str) -> None:
    """Forget who a member was, now: name, number, building, sign-ins, chat groups, and the same in the log. Again changes nothing.

    Whoever keeps more of them hears `people.member_erased`. Raises Refusal: people.no_such_member, people.has_duties.
    """
    member = _locked(member_id)
    person = member.person
    if not person.is_active:
        return
    if Role.objects.filter(person=person).exists():
        raise Refusal("people.has_duties")
    now = clocks.business_now()
    Erasure.objects.filter(member=member, state=Erasure.State.WAITING).update(state=Erasure.State.DONE, ended_at=now)
    WeChatIdentity.objects.filter(person=person).delete()
    OneTimeCode.objects.filter(phone=person.phone).delete()
    SandboxSms.objects.filter(phone=person.phone).delete()
    person.phone = rules.nobodys_phone(secrets.token_hex(16))  # drawn: nobody gets from it to the number
    person.display_name, person.surname = NOBODY, ""
    person.is_active = False
    person.save(update_fields=["phone", "display_name", "surname", "is_active"])
    SearchKey.objects.filter(member=member).delete()
    member.building = member.external_id = ""
    member.save(update_fields=["building", "external_id"])
    for group_id in GroupMembership.objects.filter(member=member, left_at=None).values_list("group_id", flat=True):
        groups.leave(group_id=group_id, member_id=member_id)
    events.redact(region=member.region, subject=f"member:{member_id}")
    events.append(MemberErased(member_id, member.community_id, by), region=member.region, subject=f"member:{member_id}")


def _locked(member_id: int) -> Member:
    member = Member.objects.select_for_update(of=("self",)).select_related("person").filter(pk=member_id).first()
    if member is None:
        raise Refusal("people.no_such_member")
    return member


def _waiting(row: Erasure) -> Waiting:
    return Waiting(row.member_id, row.by, row.requested_at, row.due_at)
