"""Sign-in: a code proves a phone, five tries, and nobody learns whose phone is registered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from linli.kernel import clocks
from linli.kernel.models import Event
from linli.kernel.refusals import Refusal
from linli.people import signin
from linli.people.models import OneTimeCode, SandboxSms
from support.racing import at_once
from support.refusing import refused
from support.shop import Shop

ALICE = "+15550000001"
UNKNOWN = "+15559999999"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def code_of(phone: str = ALICE) -> str:
    return signin.sandbox_inbox(phone=phone)[0].code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_the_right_code_proves_the_phone_once(shop: Shop) -> None:
    signin.send_code("+1 (555) 000-0001")
    code = code_of()
    proven = signin.verify(ALICE, f" {code[:3]} {code[3:]}")
    assert (proven.member_id, proven.display_name) == (shop.alice, "Alice")
    assert Event.objects.filter(kind="people.signed_in").count() == 1
    with refused("people.code_wrong"):
        signin.verify(ALICE, code)


def test_five_tries_and_the_code_is_void(shop: Shop) -> None:
    signin.send_code(ALICE)
    for _ in range(5):
        with refused("people.code_wrong"):
            signin.verify(ALICE, wrong(code_of()))
    with refused("people.code_wrong"):
        signin.verify(ALICE, code_of())


def test_a_code_lives_five_minutes_on_the_machines_clock(shop: Shop) -> None:
    with clocks.fixed(machine=NOW):
        signin.send_code(ALICE)
    with clocks.fixed(machine=NOW + timedelta(minutes=5)), refused("people.code_expired"):
        signin.verify(ALICE, code_of())
    with clocks.fixed(machine=NOW + timedelta(minutes=4, seconds=59)):
        signin.verify(ALICE, code_of())


def test_only_the_newest_code_counts(shop: Shop) -> None:
    signin.send_code(ALICE)
    older = code_of()
    signin.send_code(ALICE)
    if older != code_of():
        with refused("people.code_wrong"):
            signin.verify(ALICE, older)
    signin.verify(ALICE, code_of())


def test_five_codes_an_hour(shop: Shop) -> None:
    for n in range(5):
        with clocks.fixed(machine=NOW + timedelta(minutes=n)):
            signin.send_code(ALICE)
    with clocks.fixed(machine=NOW + timedelta(minutes=30)), refused("people.too_many_codes", minutes=30):
        signin.send_code(ALICE)
    with clocks.fixed(machine=NOW + timedelta(minutes=60)):
        signin.send_code(ALICE)


def test_a_stranger_uses_up_nothing_of_the_owner(shop: Shop) -> None:
    signin.send_code(ALICE, browser="owner", address="10.0.0.1")
    code = code_of()
    for _ in range(5):  # asked for by the stranger, guessed at by the stranger
        signin.send_code(ALICE, browser="stranger", address="10.9.9.9")
        for _ in range(5):
            with refused("people.code_wrong"):
                signin.verify(ALICE, wrong(code_of()), browser="stranger")
    with refused("people.too_many_codes"):
        signin.send_code(ALICE, browser="another of the stranger's", address="10.9.9.9")
    assert signin.verify(ALICE, code, browser="owner").member_id == shop.alice
    signin.send_code(ALICE, browser="a fresh one", address="10.0.0.1")
    with refused("people.code_wrong"):  # the right code in the wrong place
        signin.verify(ALICE, code_of(), browser="stranger")
    assert signin.verify(ALICE, code_of(), browser="a fresh one").member_id == shop.alice


def test_an_address_and_a_phone_have_limits_of_their_own(shop: Shop) -> None:
    with clocks.fixed(machine=NOW):
        for n in range(60):
            signin.send_code(f"+1555777{n:04}", address="10.9.9.9")
        with refused("people.too_many_codes"):
            signin.send_code("+15557770099", address="10.9.9.9")
        for n in range(30):
            signin.send_code(ALICE, address=f"10.1.0.{n}")
        with refused("people.too_many_codes"):
            signin.send_code(ALICE, address="10.1.0.99")
        signin.send_code("+15557770099", address="10.1.0.99")


def test_an_unknown_phone_is_treated_the_same(shop: Shop) -> None:
    def answers(phone: str) -> list[str]:
        told = []
        for n in range(7):
            for act in (lambda: signin.send_code(phone), lambda: signin.verify(phone, "not it")):
                try:
                    with clocks.fixed(machine=NOW + timedelta(seconds=n)):
                        told.append(str(act()))
                except Refusal as refusal:
                    told.append(f"{refusal.code}{refusal.facts}")
        return told

    assert answers(ALICE) == answers(UNKNOWN)
    assert signin.sandbox_inbox(phone=UNKNOWN) == []


def test_a_number_that_was_asked_for_once_is_not_kept(shop: Shop) -> None:
    for phone in (UNKNOWN, "+15550000002"):
        with clocks.fixed(machine=NOW):
            signin.send_code(phone)
    with clocks.fixed(machine=NOW + timedelta(days=1, seconds=1)):
        signin.send_code(ALICE)
    assert {row.phone for table in (OneTimeCode, SandboxSms) for row in table.objects.all()} == {ALICE}


@pytest.mark.parametrize("phone", ["", "abc", "12", "+1" * 20, "１２３４５６７８"])
def test_what_is_no_phone_is_refused(db: None, phone: str) -> None:
    with refused("people.bad_phone"):
        signin.send_code(phone)
    with refused("people.code_wrong"):
        signin.verify(phone, "123456")


def test_nothing_readable_is_stored_and_nothing_shown_outside_the_sandbox(shop: Shop, settings) -> None:
    signin.send_code(ALICE)
    assert code_of() not in OneTimeCode.objects.get().digest
    SandboxSms.objects.all().delete()
    settings.SANDBOX = False
    signin.send_code(ALICE)
    assert not SandboxSms.objects.exists() and signin.sandbox_inbox() == []


@pytest.mark.django_db(transaction=True)
def test_a_thousand_guesses_at_once_are_still_five(shop: Shop) -> None:
    signin.send_code(ALICE)
    guess = wrong(code_of())
    at_once(24, lambda n: signin.verify(ALICE, guess))
    assert OneTimeCode.objects.get().tries == 5
