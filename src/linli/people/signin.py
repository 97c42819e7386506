"""Sign-in by phone and one-time code.

An unknown phone is treated like a known one at every step (a row, the same limit, the same refusals), so that
nobody can find out whose phone is registered. Codes live on the machine clock; the replay's clock stands.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.people import rules
from linli.people.events import SignedIn
from linli.people.models import Member, OneTimeCode, Person, SandboxSms

LIFE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Proven:
    """Who has proven their phone number."""

    person_id: int
    member_id: int | None
    display_name: str
    language: str


@dataclass(frozen=True)
class Sms:
    """A text message of the sandbox."""

    phone: str
    code: str
    text: str
    sent_at: datetime


def send_code(phone: str) -> None:
    """Send a code to `phone`, at most five an hour; a newer code replaces the older.

    Raises Refusal: people.bad_phone, people.too_many_codes(minutes).
    """
    if (number := rules.phone(phone)) is None:
        raise Refusal("people.bad_phone")
    now = clocks.machine_now()
    code = "".join(secrets.choice("0123456789") for _ in range(rules.CODE_DIGITS))
    known = Person.objects.filter(phone=number, is_active=True).exists()
    # Everybody's, not this number's alone: numbers that are asked for once would otherwise be kept for ever.
    OneTimeCode.objects.filter(sent_at__lt=now - KEPT).delete()
    SandboxSms.objects.filter(at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            before = OneTimeCode.objects.filter(phone=number).order_by("-serial")
            sent = list(before.values_list("serial", "sent_at")[: rules.CODES_AN_HOUR])
            recent = [at for _, at in sent if at > now - HOUR]
            if len(recent) >= rules.CODES_AN_HOUR:
                raise Refusal("people.too_many_codes", minutes=_minutes(min(recent) + HOUR - now))
            serial = sent[0][0] + 1 if sent else 1
            OneTimeCode.objects.create(
                phone=number, serial=serial, digest=_digest(number, serial, code), sent_at=now, expires_at=now + LIFE
            )
            if settings.SANDBOX and known:
                text = f"【邻里】验证码 {code}，5 分钟内有效。Your Linli code is {code}, good for 5 minutes."
                SandboxSms.objects.create(phone=number, code=code, text=text, at=now)
    except IntegrityError:
        raise Refusal("people.too_many_codes", minutes=1) from None  # two requests at once: one code is enough


def _minutes(left: timedelta) -> int:
    return max(1, -(-int(left.total_seconds()) // 60))


def _digest(phone: str, serial: int, code: str) -> str:
    """The code under the machine's pepper: a copied table can't be searched through its million codes."""
    pepper = settings.SECRET_KEY.encode()
    return hmac.new(pepper, f"one-time-code/{phone}/{serial}/{code}".encode(), hashlib.sha256).hexdigest()


def verify(phone: str, code: str) -> Proven:
    """The person whose phone got `code`. Call it outside a transaction: a failed try must stay counted.

    Raises Refusal: people.code_wrong (also for an unknown phone, and when the tries are used up), people.code_expired.
    """
    number = rules.phone(phone)
    row = OneTimeCode.objects.filter(phone=number).order_by("-serial").first() if number else None
    if row is None or number is None:
        raise Refusal("people.code_wrong")
    if row.expires_at <= clocks.machine_now():
        raise Refusal("people.code_expired")
    # The try is claimed before the comparison, so that a thousand guesses at once are still five.
    claimed = OneTimeCode.objects.filter(pk=row.pk, used_at=None, tries__lt=rules.CODE_TRIES).update(tries=F("tries") + 1)
    given = "".join(c for c in code if c.isdigit())
    right = hmac.compare_digest(row.digest, _digest(number, row.serial, given))
    person = Person.objects.filter(phone=number, is_active=True).first()
    if not claimed or not right or person is None:
        raise Refusal("people.code_wrong")
    with transaction.atomic():
        if not OneTimeCode.objects.filter(pk=row.pk, used_at=None).update(used_at=clocks.machine_now()):
            raise Refusal("people.code_wrong")
        member = Member.objects.filter(person=person).first()
        if member is not None:
            events.append(SignedIn(member.pk), region=member.region, subject=f"member:{member.pk}")
    return Proven(person.pk, member.pk if member else None, person.display_name, person.language)


def sandbox_inbox(limit: int = 20, *, phone: str | None = None) -> list[Sms]:
    """The last text messages, newest first; nothing where a real network is attached."""
    if not settings.SANDBOX:
        return []
    found = SandboxSms.objects.all()
    if phone is not None:
        found = found.filter(phone=rules.phone(phone) or "")
    return [Sms(s.phone, s.code, s.text, s.at) for s in found.order_by("-id")[:limit]]
