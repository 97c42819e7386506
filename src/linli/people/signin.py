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
from django.db.models import F, Q

from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.people import rules
from linli.people.events import SignedIn
from linli.people.models import Member, OneTimeCode, Person, SandboxSms

LIFE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)
SEND_TRIES = 3


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


def send_code(phone: str, *, browser: str = "", address: str = "") -> None:
    """Send a code to `phone`, good in `browser` alone; a newer code for the same browser replaces the older.

    `browser` is a secret of who asks, `address` where from. An hour's limits are in rules: what strangers ask for from
    elsewhere doesn't take the owner's. Raises Refusal: people.bad_phone, people.too_many_codes(minutes).
    """
    if (number := rules.phone(phone)) is None:
        raise Refusal("people.bad_phone")
    now = clocks.machine_now()
    code = "".join(secrets.choice("0123456789") for _ in range(rules.CODE_DIGITS))
    known = Person.objects.filter(phone=number, is_active=True).exists()
    # Everybody's, not this number's alone: numbers that are asked for once would otherwise be kept for ever.
    OneTimeCode.objects.filter(sent_at__lt=now - KEPT).delete()
    SandboxSms.objects.filter(at__lt=now - KEPT).delete()
    for _ in range(SEND_TRIES):
        try:
            with transaction.atomic():
                serial = _next_serial(number, address, now)
                OneTimeCode.objects.create(
                    phone=number,
                    browser=_hidden(browser),
                    address=address[:45],
                    serial=serial,
                    digest=_digest(number, serial, code),
                    sent_at=now,
                    expires_at=now + LIFE,
                )
                if settings.SANDBOX and known:
                    text = f"【邻里】验证码 {code}，5 分钟内有效。Your Linli code is {code}, good for 5 minutes."
                    SandboxSms.objects.create(phone=number, code=code, text=text, at=now)
            return
        except IntegrityError:  # two requests at once took one serial: the limits are counted again
            continue
    raise Refusal("people.too_many_codes", minutes=1)


def _next_serial(number: str, address: str, now: datetime) -> int:
    """The next code's number for this phone. Raises Refusal people.too_many_codes(minutes) when an hour is full."""
    lately = OneTimeCode.objects.filter(Q(phone=number) | Q(address=address[:45]), sent_at__gt=now - HOUR)
    sent = [rules.Sent(at, here=a == address[:45], mine=p == number) for at, a, p in lately.values_list("sent_at", "address", "phone")]
    if (began := rules.free_at(sent)) is not None:
        raise Refusal("people.too_many_codes", minutes=_minutes(began + HOUR - now))
    last = OneTimeCode.objects.filter(phone=number).order_by("-serial").values_list("serial", flat=True).first()
    return (last or 0) + 1


def _hidden(browser: str) -> str:
    """A browser's secret as it is kept: who reads the table can't become that browser."""
    return hashlib.sha256(browser.encode()).hexdigest() if browser else ""


def _minutes(left: timedelta) -> int:
    return max(1, -(-int(left.total_seconds()) // 60))


def _digest(phone: str, serial: int, code: str) -> str:
    """The code under the machine's pepper: a copied table can't be searched through its million codes."""
    pepper = settings.SECRET_KEY.encode()
    return hmac.new(pepper, f"one-time-code/{phone}/{serial}/{code}".encode(), hashlib.sha256).hexdigest()


def verify(phone: str, code: str, *, browser: str = "") -> Proven:
    """The person whose phone got `code`, asked for by this browser. Call it outside a transaction: a failed try must stay counted.

    Raises Refusal: people.code_wrong (also for an unknown phone, and when the tries are used up), people.code_expired.
    """
    number = rules.phone(phone)
    row = OneTimeCode.objects.filter(phone=number, browser=_hidden(browser)).order_by("-serial").first() if number else None
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
