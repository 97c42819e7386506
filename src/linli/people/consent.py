"""Consent: given, withdrawn, and asked for before anything is done with what is known of a member."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Max

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.people.events import ConsentChanged
from linli.people.models import Consent, Member

SCOPES = tuple(Consent.Scope.values)
"""messages (may be written to), profiling (may be chosen for), neighbours (surname beside a group-buy)."""


def give(*, member_id: int, scope: str) -> bool:
    """The member allows `scope`. Returns whether that is news; no news writes nothing."""
    return _say(member_id, scope, granted=True)


def withdraw(*, member_id: int, scope: str) -> bool:
    """The member withdraws `scope`. Returns whether that is news."""
    return _say(member_id, scope, granted=False)


@transaction.atomic
def _say(member_id: int, scope: str, *, granted: bool) -> bool:
    if scope not in SCOPES:
        raise Refusal("people.no_such_scope", scope=scope)
    member = Member.objects.select_for_update().filter(pk=member_id).first()
    if member is None:
        raise Refusal("people.no_such_member")
    if has(member_id, scope) is granted:
        return False
    Consent.objects.create(region=member.region, member=member, scope=scope, granted=granted, at=clocks.business_now())
    events.append(ConsentChanged(member_id, scope, granted), region=member.region, subject=f"member:{member_id}")
    return True


def has(member_id: int, scope: str) -> bool:
    """Whether the member's last word on `scope` was yes. Silence is no."""
    return bool(Consent.objects.filter(member_id=member_id, scope=scope).order_by("-id").values_list("granted", flat=True).first())


def has_many(member_ids: Iterable[int] | None, scope: str, *, region: str = "") -> set[int]:
    """Those of `member_ids` (None: everybody of the region) whose last word on `scope` was yes; one statement."""
    said = Consent.objects.filter(scope=scope)
    if region:
        said = said.filter(region=region)
    latest = said.values("member_id").annotate(last=Max("id")).values("last")
    yes = set(Consent.objects.filter(pk__in=latest, granted=True).values_list("member_id", flat=True)) if member_ids is None else None
    if yes is not None:
        return yes
    asked = list(member_ids or ())
    return set(Consent.objects.filter(pk__in=latest.filter(member_id__in=asked), granted=True).values_list("member_id", flat=True))
