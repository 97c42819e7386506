"""What the ledger takes, refuses, remembers, and finds wrong with itself."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from linli.kernel import clocks, ledger
from linli.kernel.ledger import AccountRef, Move, Post, Reverse, Void
from linli.kernel.ledger.entries import account_id, digest, transfer_id
from linli.kernel.ledger.rules import Books, Row, decide, prepare
from linli.kernel.models import Account, Transfer
from linli.kernel.refusals import Refusal

R = "us-demo"
NOW = datetime(2017, 10, 2, 13, tzinfo=UTC)
WORLD, QUOTA, SOLD = (
    AccountRef(R, "sku:a", owner, purpose) for owner, purpose in [("outside", "quota"), ("wave:1", "quota"), ("shop", "sold")]
)


@pytest.fixture
def ten(db) -> None:
    """Ten units of quota."""
    ledger.open(WORLD, None)
    ledger.commit(Move("fill", WORLD, QUOTA, 10, "fill"))


def _refused(*entries: ledger.Entry) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ledger.commit(*entries)
    return caught.value


def _stands(ref: AccountRef = QUOTA) -> tuple[int, int, int]:
    found = ledger.balance(ref)
    return found.balance, found.held, found.free


def test_a_hold_sets_aside_and_its_post_carries_out(ten) -> None:
    ledger.commit(Move("hold", QUOTA, SOLD, 4, "order", pending=True))
    assert (_stands(), _stands(SOLD)) == ((10, 4, 6), (0, 0, 0))
    ledger.commit(Post("post", "hold", region=R))
    assert (_stands(), _stands(SOLD)) == ((6, 0, 6), (4, 0, 4))


def test_a_part_is_posted_and_the_rest_given_back(ten) -> None:
    """A weighed line: four held, three weighed."""
    ledger.commit(Move("hold", QUOTA, SOLD, 4, "order", pending=True))
    assert _refused(Post("post", "hold", 5, region=R)).code == "ledger.over_pending"
    ledger.commit(Post("post", "hold", 3, region=R))
    assert (_stands(), _stands(SOLD)) == ((7, 0, 7), (3, 0, 3))
    assert _refused(Void("void", "hold", region=R)).code == "ledger.resolved"


def test_what_isnt_there_is_refused_with_what_is(ten) -> None:
    ledger.commit(Move("hold", QUOTA, SOLD, 4, "order", pending=True))
    refusal = _refused(Move("more", QUOTA, SOLD, 7, "order"))
    assert (refusal.code, refusal.facts) == ("ledger.insufficient", {"account": QUOTA, "asked": 7, "free": 6})
    assert not Transfer.objects.filter(key="more").exists()


def test_the_same_key_counts_once_and_other_content_is_refused(ten) -> None:
    move = Move("buy", QUOTA, SOLD, 4, "order")
    ledger.commit(move)
    ledger.commit(move)
    assert ledger.batch([[move]])[0].replayed
    assert _stands() == (6, 0, 6)
    assert _refused(Move("buy", QUOTA, SOLD, 5, "order")).code == "ledger.key_reused"
    assert _refused(Move("buy", QUOTA, SOLD, 4, "other")).code == "ledger.key_reused"
    assert _refused(Void("buy", "fill", region=R)).code == "ledger.key_reused"


def test_a_key_belongs_to_its_region(ten) -> None:
    here = AccountRef("cn-demo", "sku:a", "outside", "quota"), AccountRef("cn-demo", "sku:a", "wave:1", "quota")
    ledger.open(here[0], None)
    ledger.commit(Move("fill", *here, 3, "fill"))
    assert (_stands(here[1]), _stands()) == ((3, 0, 3), (10, 0, 10))


def test_a_bad_group_fails_alone(ten) -> None:
    good = [Move(f"good-{n}", QUOTA, SOLD, 1, "order") for n in range(3)]
    bad = [
        [Move("much", QUOTA, SOLD, 99, "order")],
        [Move("half", QUOTA, SOLD, 1, "order"), Post("nothing", "nowhere", region=R)],
        [Move("", QUOTA, SOLD, 1, "order")],
        [Move("x" * 129, QUOTA, SOLD, 1, "order")],
        [Move("nul\x00", QUOTA, SOLD, 1, "order")],
        [Move("zero", QUOTA, SOLD, 0, "order")],
        [Move("float", QUOTA, SOLD, 1.0, "order")],  # type: ignore[arg-type]
        [Move("huge", WORLD, QUOTA, 2**63, "order")],
        [Move("self", QUOTA, QUOTA, 1, "order")],
        [Move("asset", QUOTA, AccountRef(R, "USD", "shop", "sold"), 1, "order")],
        [Move("region", QUOTA, AccountRef("cn-demo", "sku:a", "shop", "sold"), 1, "order")],
        [Move("naive", QUOTA, SOLD, 1, "order", expires_at=datetime(2030, 1, 1), pending=True)],  # noqa: DTZ001
        [Move("posted", QUOTA, SOLD, 1, "order", expires_at=NOW)],
        [Move("reason", QUOTA, SOLD, 1, "")],
        [Post("amount", "good-0", 0, region=R)],
        [Void("region", "good-0", region="")],
        [Reverse("key", "", region=R)],
    ]
    outcomes = ledger.batch([[good[0]], *bad, [good[1]], [], [good[2]]])
    assert [o.ok for o in outcomes] == [True, *[False] * len(bad), True, True, True]
    assert [o.refusal.code.split(".")[1] for o in outcomes if o.refusal] == [
        *("insufficient", "unknown_pending", "malformed", "malformed", "malformed", "amount", "amount", "amount", "same_account"),
        *("asset_mismatch", "region_mismatch", "malformed", "malformed", "malformed", "amount", "malformed", "malformed"),
    ]
    assert _stands() == (7, 0, 7)
    assert ledger.audit().ok


def test_a_batch_of_bad_entries_only(db) -> None:
    assert [o.refusal.code for o in ledger.batch([[Move("", QUOTA, SOLD, 1, "x")]]) if o.refusal] == ["ledger.malformed"]
    assert ledger.batch([]) == []


def test_an_account_needs_a_possible_name() -> None:
    for broken in ({"region": ""}, {"asset": "x" * 65}, {"owner": "nul\x00"}, {"purpose": "\ud800"}):
        with pytest.raises(ValueError, match=next(iter(broken))):
            AccountRef(**{"region": R, "asset": "USD", "owner": "a", "purpose": "b", **broken})


def test_a_group_is_judged_by_what_it_leaves(ten) -> None:
    through = AccountRef(R, "sku:a", "transit", "quota")
    ledger.commit(Move("out", through, SOLD, 5, "order"), Move("in", QUOTA, through, 5, "order"))
    assert (_stands(), _stands(through), _stands(SOLD)) == ((5, 0, 5), (0, 0, 0), (5, 0, 5))


def test_groups_are_judged_in_the_order_they_came(ten) -> None:
    outcomes = ledger.batch([[Move(f"buy-{n}", QUOTA, SOLD, amount, "order")] for n, amount in enumerate((6, 5, 4, 1))])
    assert [o.ok for o in outcomes] == [True, False, True, False]


def test_a_group_may_settle_what_another_of_its_batch_holds(ten) -> None:
    outcomes = ledger.batch(
        [
            [Move("hold", QUOTA, SOLD, 4, "order", pending=True)],
            [Post("post", "hold", region=R)],
            [Void("void", "hold", region=R)],
            [Reverse("back", "post", region=R)],
        ]
    )
    assert [o.refusal and o.refusal.code for o in outcomes] == [None, None, "ledger.resolved", None]
    assert _stands() == (10, 0, 10)
    assert ledger.audit().ok


def test_a_posted_transfer_is_reversed_once(ten) -> None:
    ledger.commit(Move("buy", QUOTA, SOLD, 4, "order"))
    ledger.commit(Reverse("back", "buy", region=R))
    assert _stands() == (10, 0, 10)
    assert _refused(Reverse("again", "buy", region=R)).code == "ledger.reversed"
    assert _refused(Reverse("none", "nowhere", region=R)).code == "ledger.unknown_transfer"
    ledger.commit(Move("hold", QUOTA, SOLD, 4, "order", pending=True))
    assert _refused(Reverse("hold-back", "hold", region=R)).code == "ledger.unknown_transfer"


def test_a_reversal_of_what_is_spent_is_refused(ten) -> None:
    ledger.commit(Move("buy", QUOTA, SOLD, 4, "order"))
    ledger.commit(Move("on", SOLD, AccountRef(R, "sku:a", "member:1", "eaten"), 3, "eat"))
    refusal = _refused(Reverse("back", "buy", region=R))
    assert (refusal.code, refusal.facts["free"]) == ("ledger.insufficient", 1)


def test_a_pending_expires_on_business_time(ten) -> None:
    with clocks.fixed(business=NOW):
        hold = Move("hold", QUOTA, SOLD, 4, "order", expires_at=NOW + timedelta(hours=1), pending=True)
        ledger.commit(hold)
        assert ledger.void_expired(NOW + timedelta(minutes=59)) == 0
    with clocks.fixed(business=NOW + timedelta(hours=1)):
        assert _refused(Post("post", "hold", region=R)).code == "ledger.expired"
        ledger.commit(hold)  # asked again, it is what it was
        assert _refused(Move("late", QUOTA, SOLD, 1, "order", expires_at=NOW, pending=True)).code == "ledger.expired"
        assert ledger.void_expired(clocks.business_now()) == 1
        assert ledger.void_expired(clocks.business_now()) == 0
        assert _refused(Post("post", "hold", region=R)).code == "ledger.resolved"
    assert _stands() == (10, 0, 10)
    assert ledger.audit().ok


def test_a_floor_may_lie_below_zero_or_nowhere(db) -> None:
    credit = AccountRef(R, "USD", "member:1", "credit")
    ledger.open(credit, -500)
    ledger.commit(Move("spend", credit, AccountRef(R, "USD", "shop", "revenue"), 500, "spend"))
    assert _refused(Move("more", credit, AccountRef(R, "USD", "shop", "revenue"), 1, "spend")).facts["free"] == 0
    ledger.open(credit, None)  # it is open already
    assert ledger.balance(credit).floor == -500


def test_a_refused_group_opens_no_account(db) -> None:
    assert _refused(Move("buy", QUOTA, SOLD, 1, "order")).code == "ledger.insufficient"
    assert not Account.objects.exists()


def test_sums_stay_inside_64_bits(db) -> None:
    ledger.open(WORLD, None)
    for n in range(100):
        ledger.batch([[Move(f"fill-{n}-{m}", WORLD, QUOTA, 10**15, "fill")] for m in range(10)])
    assert ledger.balance(QUOTA).balance == 10**18
    assert _refused(Move("drop", WORLD, QUOTA, 1, "fill")).code == "ledger.too_much"


def test_accounts_by_expiry_and_reads(ten) -> None:
    june = AccountRef(R, "POINT", "member:1", "points", date(2018, 6, 30))
    ledger.open(AccountRef(R, "POINT", "outside", "points"), None)
    ledger.commit(Move("earn", AccountRef(R, "POINT", "outside", "points"), june, 30, "order"))
    assert [(b.ref, b.balance) for b in ledger.balances(R, owner="member:1")] == [(june, 30)]
    assert [b.ref for b in ledger.balances(R, asset_prefix="sku:", purpose="quota")] == [WORLD, QUOTA]
    assert ledger.balance(AccountRef(R, "USD", "nobody", "x")).free == 0
    assert ledger.history(AccountRef(R, "USD", "nobody", "x")) == []


def test_history_tells_how_an_account_came_to_stand(ten) -> None:
    with clocks.fixed(business=NOW):  # a replay's clock stands: the order is the order of writing all the same
        ledger.batch([[Move(f"hold-{n}", QUOTA, SOLD, 1, "order", pending=True)] for n in range(3)])
        ledger.commit(Post("post-0", "hold-0", region=R))
        ledger.commit(Void("void-1", "hold-1", region=R))
        ledger.commit(Reverse("back-0", "post-0", region=R))
    rows = ledger.history(QUOTA, 10)
    assert [(row.key, row.kind, row.state) for row in rows] == [
        ("back-0", "posted", "posted"),
        ("void-1", "void", "void"),
        ("post-0", "post", "reversed"),
        ("hold-2", "pending", "open"),
        ("hold-1", "pending", "void"),
        ("hold-0", "pending", "post"),
        ("fill", "posted", "posted"),
    ]
    assert rows[-1].source == WORLD and rows[0].happened_at == NOW
    assert [row.key for row in ledger.history(QUOTA, 2)] == ["back-0", "void-1"]


def test_a_callers_rollback_takes_everything_back(ten) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.commit(Move("buy", QUOTA, SOLD, 4, "order"))
        raise RuntimeError
    assert _stands() == (10, 0, 10)


def test_a_refusal_leaves_the_callers_transaction_usable(ten) -> None:
    with transaction.atomic():
        ledger.commit(Move("buy", QUOTA, SOLD, 4, "order"))
        _refused(Move("more", QUOTA, SOLD, 7, "order"))
        ledger.commit(Move("rest", QUOTA, SOLD, 6, "order"))
    assert _stands() == (0, 0, 0)


def test_the_database_is_the_judge_whoever_writes(ten) -> None:
    for change in ({"balance": -1}, {"held": 11}, {"held": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Account.objects.filter(pk=account_id(QUOTA)).update(**change)


def test_few_statements(ten, django_assert_max_num_queries) -> None:
    with clocks.fixed(business=NOW):
        with django_assert_max_num_queries(13):  # opens an account: tried without, rolled back, opened, tried again
            ledger.commit(Move("first", QUOTA, SOLD, 1, "order"))
        with django_assert_max_num_queries(5):  # a savepoint and its release among them
            ledger.batch([[Move(f"hold-{n}", QUOTA, SOLD, 1, "order", pending=True)] for n in range(8)])
        with django_assert_max_num_queries(6):
            ledger.batch([[Post(f"post-{n}", f"hold-{n}", region=R)] for n in range(8)])


@pytest.mark.django_db(transaction=True)
def test_an_account_that_was_opened_in_vain_is_not_believed_to_be_there() -> None:
    ledger.open(WORLD, None)
    ledger.commit(Move("fill", WORLD, QUOTA, 10, "fill"))
    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.commit(Move("hold", QUOTA, SOLD, 1, "order", pending=True))  # opens SOLD
        raise RuntimeError
    for key in ("hold", "again"):
        ledger.commit(Move(key, QUOTA, SOLD, 1, "order", pending=True))
    assert ledger.audit().ok


def test_moves_that_meet_nothing_are_planned_as_any_others() -> None:
    """The short way through `decide` against the long one, which a transfer that nobody asks about makes it take."""
    chance = random.Random(3)
    refs = [AccountRef(R, "USD", f"o{n}", "x") for n in range(4)]
    other = Row("f" * 32, R, "other", "posted", account_id(refs[0]), account_id(refs[1]), 1, "r", "d")
    for _ in range(200):
        groups = []
        for _ in range(chance.randrange(4)):
            amounts = [chance.choice([0, 1, 1, 2, 3]) for _ in range(chance.randrange(4))]
            moves = [Move(f"k{chance.randrange(12)}", *chance.sample(refs, 2), n, "r", None, chance.random() < 0.5) for n in amounts]
            late = chance.choice([None, None, NOW, NOW + timedelta(days=1)])
            groups.append([replace(m, expires_at=late if m.pending else None) for m in moves])
        short, long = (decide(prepare(groups), books, NOW) for books in (Books(), Books(transfers={other.id: other})))
        assert repr(short) == repr(long)


@settings(deadline=None)  # a busy machine is no fault of the digest's
@given(st.data())
def test_other_content_has_another_digest(data) -> None:
    def any_move() -> Move:
        names = st.sampled_from(["a", "b", "a\\", '"', "a,b", "'", "{a}"])
        source, target = (AccountRef(R, "USD", data.draw(names), data.draw(names)) for _ in range(2))
        hour = data.draw(st.one_of(st.none(), st.integers(0, 2)))
        until = None if hour is None else NOW + timedelta(hours=hour)
        return Move("k", source, target, data.draw(st.integers(1, 3)), data.draw(names), until, data.draw(st.booleans()))

    one, two = any_move(), any_move()
    assert (one == two) == (digest(one) == digest(two))


def test_names_with_any_printable_sign_are_kept(db) -> None:
    odd = AccountRef(R, 'a"b\\c,{d}', "汤'e %s", "NULL")
    ledger.open(AccountRef(R, 'a"b\\c,{d}', "outside", "NULL"), None)
    ledger.commit(Move('k"\\{},%s 邻里', AccountRef(R, 'a"b\\c,{d}', "outside", "NULL"), odd, 3, "NULL"))
    (row,) = ledger.history(odd)
    assert (row.key, row.reason, row.target) == ('k"\\{},%s 邻里', "NULL", odd)
    assert [b.ref for b in ledger.balances(R, owner=odd.owner)] == [odd]


# The audit finds what can't be: each corruption is planted by hand, past every constraint.


def _sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(statement, values)
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def _plain(uuid_hex: str) -> str:
    import uuid

    return uuid_hex if connection.vendor == "sqlite" else str(uuid.UUID(uuid_hex))


Q, T = account_id(QUOTA), transfer_id
CORRUPTIONS = {
    "money from nowhere": ("UPDATE kernel_account SET balance = balance + 1 WHERE id = %s", Q, {"zero_sum", "replay"}),
    "a hold without a pending": ("UPDATE kernel_account SET held = held + 1 WHERE id = %s", Q, {"held"}),
    "a hold forgotten": ("UPDATE kernel_account SET held = 0 WHERE id = %s", Q, {"held"}),
    "a floor gone under": ("UPDATE kernel_account SET floor = balance + 1 WHERE id = %s", Q, {"floor"}),
    "an amount changed": ("UPDATE kernel_transfer SET amount = amount + 1 WHERE id = %s", T(R, "buy"), {"replay", "reversal"}),
    "a transfer lost": ("DELETE FROM kernel_transfer WHERE id = %s", T(R, "back"), {"replay"}),
    "a resolution lost": ("DELETE FROM kernel_transfer WHERE id = %s", T(R, "void"), {"held"}),
    "a loose end": ("UPDATE kernel_transfer SET target_id = %s WHERE key = 'buy'", "0" * 32, {"ends", "replay", "reversal"}),
    "a transfer of another region": ("UPDATE kernel_transfer SET region = 'xx' WHERE id = %s", T(R, "buy"), {"ends", "reversal"}),
    "another asset": ("UPDATE kernel_account SET asset = 'USD' WHERE id = %s", Q, {"zero_sum", "ends"}),
    "more posted than held": ("UPDATE kernel_transfer SET amount = 9 WHERE id = %s", T(R, "post"), {"replay", "resolution"}),
    "posted too late": ("UPDATE kernel_transfer SET expires_at = happened_at WHERE id = %s", T(R, "part"), {"resolution"}),
    "resolved, not held": (
        "UPDATE kernel_transfer SET kind = 'posted' WHERE id = %s",
        T(R, "gone"),
        {"resolution", "replay"},
    ),
    "another's reversal": ("UPDATE kernel_transfer SET amount = 1 WHERE id = %s", T(R, "back"), {"replay", "reversal"}),
}


@pytest.fixture
def busy_books(ten) -> None:
    with clocks.fixed(business=NOW):
        ledger.commit(Move("buy", QUOTA, SOLD, 2, "order"))
        ledger.commit(Reverse("back", "buy", region=R))
        for key in ("part", "gone", "open"):
            ledger.commit(Move(key, QUOTA, SOLD, 2, "order", pending=True))
        ledger.commit(Post("post", "part", 1, region=R))
        ledger.commit(Void("void", "gone", region=R))
    assert ledger.audit().ok


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_the_audit_finds(corruption: str, busy_books, on_postgres) -> None:
    statement, value, kinds = CORRUPTIONS[corruption]
    if on_postgres:
        for table, name in [("account", "account_floor"), ("account", "account_range"), ("transfer", "transfer_resolution")]:
            _sql("SET CONSTRAINTS ALL IMMEDIATE")
            _sql(f"ALTER TABLE kernel_{table} DROP CONSTRAINT {name}")
    _sql(statement, _plain(value))
    found = ledger.audit()
    assert not found.ok
    assert {f.kind for f in found.findings} >= kinds, found.findings


@pytest.mark.parametrize(
    ("column", "index", "kind"),
    [("pending", "transfer_one_resolution", "resolved_once"), ("reverses", "transfer_one_reversal", "reversed_once")],
)
def test_the_audit_finds_a_second(column: str, index: str, kind: str, busy_books) -> None:
    _sql("DROP INDEX " + index)
    first = Transfer.objects.get(key="void" if column == "pending" else "back")
    first.pk, first.key = _plain("f" * 32), "second"
    first.save(force_insert=True)
    assert kind in {f.kind for f in ledger.audit().findings}
