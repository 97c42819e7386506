"""What the racing processes do. Each function runs in a process of its own, many threads in it, and returns plain values.

Where a function takes `claim`, False switches the claim off: that is the control, and it must go wrong.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import OperationalError, connection, transaction

from linli.kernel import clocks, ledger
from linli.kernel.ledger import AccountRef, Move, Post, Void, rules, tables
from linli.kernel.ledger.entries import account_id, transfer_id
from linli.kernel.refusals import Refusal
from support import scratch

R = "race"
QUOTA = AccountRef(R, "sku:last", "wave:1", "quota")
SOLD = AccountRef(R, "sku:last", "channel:shop", "sold")
WORLD = AccountRef(R, "sku:last", "outside", "quota")


def fill(units: int) -> None:
    ledger.open(WORLD, None)
    ledger.commit(Move("fill", WORLD, QUOTA, units, "fill"))


def drop(constraint: str) -> None:
    """Switch a judge off (PostgreSQL; on SQLite CHECKs are switched off per connection, see `_threads`)."""
    with connection.cursor() as cursor:
        if constraint.startswith("transfer_one"):
            cursor.execute(f"DROP INDEX {constraint}")
        elif connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE kernel_account DROP CONSTRAINT {constraint}")


def books() -> dict[str, Any]:
    quota = ledger.balance(QUOTA)
    return {
        "left": quota.balance,
        "held": quota.held,
        "sold": ledger.balance(SOLD).balance,
        "findings": [f"{f.kind} {f.subject} {f.expected} {f.found}" for f in ledger.audit().findings],
    }


def _threads(number: int, client: Callable[[int], Any], *, checks: bool = True) -> list[Any]:
    """Run `client(n)` in `number` threads that have their connections open before the start."""

    def one(n: int) -> Any:
        try:
            return client(n)
        finally:
            connection.close()

    def connect(_: int) -> None:
        connection.ensure_connection()
        if not checks and connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA ignore_check_constraints = ON")

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(connect, range(number)))
        scratch.line_up()
        if not checks:  # a pool's thread may be another one than it was at connect
            return list(pool.map(lambda n: (connect(n), one(n))[1], range(number)))
        return list(pool.map(one, range(number)))


def buy(process: int, threads: int, tries: int, claim: bool = True) -> dict[str, Any]:
    """Each thread tries to buy one unit `tries` times, alone and in batches. Returns how many got one."""
    waits: list[float] = []

    def client(n: int) -> int:
        got = 0
        for i in range(0, tries, 2):
            begin = time.perf_counter()
            key = f"buy-{process}-{n}-{i}"
            try:
                ledger.commit(Move(key, QUOTA, SOLD, 1, "order"))
                got += 1
            except Refusal as refusal:
                assert refusal.code == "ledger.insufficient"
            bad = Move(f"{key}-bad", QUOTA, SOLD, 10**9, "order")
            outcomes = (
                ledger.batch([[bad], [Move(f"{key}-b", QUOTA, SOLD, 1, "order")]])
                if claim
                else ledger.batch([[Move(f"{key}-b", QUOTA, SOLD, 1, "order")]])
            )
            got += outcomes[-1].ok
            waits.append(time.perf_counter() - begin)
        return got

    return {"got": sum(_threads(threads, client, checks=claim)), "longest_s": max(waits)}


def add(process: int, threads: int, times: int, claim: bool = True) -> int:
    """Each thread moves one unit `times` times onto one hot account; the control reads, adds and writes."""

    def client(n: int) -> int:
        for i in range(times):
            if claim:
                ledger.commit(Move(f"add-{process}-{n}-{i}", WORLD, QUOTA, 1, "fill"))
            else:
                from linli.kernel.models import Account

                hot = Account.objects.get(pk=account_id(QUOTA))
                Account.objects.filter(pk=hot.pk).update(balance=hot.balance + 1)
        return times

    return sum(_threads(threads, client))


def shuffle(process: int, threads: int, times: int, claim: bool = True) -> dict[str, int]:
    """Move between all of ten accounts, every time in another order; the control locks them in that order."""
    refs = [AccountRef(R, "sku:last", f"wave:{n}", "quota") for n in range(2, 12)]
    deadlocks = 0

    def client(n: int) -> None:
        nonlocal deadlocks
        order = random.Random(process * 100 + n)
        for i in range(times):
            mixed = order.sample(refs, len(refs))
            moves = [Move(f"mix-{process}-{n}-{i}-{a}", mixed[a], mixed[a + 1], 1, "mix") for a in range(len(mixed) - 1)]
            if claim:
                # The first may lack units, which takes the exact path; with a lender in front both paths are walked.
                ledger.batch([[Move(f"mix-{process}-{n}-{i}-w", WORLD, mixed[0], i % 2 + 1, "mix"), *moves], [moves[0]]])
                continue
            from linli.kernel.models import Account

            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL deadlock_timeout = '10ms'")
                    for ref in mixed:
                        Account.objects.filter(pk=account_id(ref)).update(held=0)
            except OperationalError:
                deadlocks += 1

    _threads(threads, client)
    return {"deadlocks": deadlocks}


def same_keys(process: int, keys: int, amount: int, claim: bool = True) -> dict[str, int]:
    """Both processes write the same keys, one after the other, at the same time. Returns what this one was told."""
    told = {"ok": 0, "ledger.key_reused": 0}

    def client(_: int) -> None:
        for i in range(keys):
            try:
                if claim:
                    ledger.commit(Move(f"same-{i}", WORLD, QUOTA, amount, "fill"))
                elif not tables.transfers([transfer_id(R, f"same-{i}-0"), transfer_id(R, f"same-{i}-1")]):
                    ledger.commit(Move(f"same-{i}-{process}", WORLD, QUOTA, amount, "fill"))
                told["ok"] += 1
            except Refusal as refusal:
                told[refusal.code] += 1

    _threads(1, client)
    return told


def hold(pendings: int) -> None:
    """Make pendings, and one more that keeps `held` away from its own lower bound."""
    ledger.commit(*(Move(f"hold-{i}", QUOTA, SOLD, 1, "order", pending=True) for i in range(pendings)))
    ledger.commit(Move("hold-rest", QUOTA, SOLD, pendings, "order", pending=True))


def resolve(process: int, pendings: int, claim: bool = True) -> dict[str, int]:
    """Post (even processes) or void (odd ones) every pending, at the same time. Returns how many this one resolved."""
    won = {"post": 0, "void": 0, "refused": 0}

    def client(_: int) -> None:
        kind: Any = Void if process % 2 else Post
        for i in range(pendings):
            entry = kind(f"{kind.__name__}-{process}-{i}", f"hold-{i}", region=R)
            if claim:
                (outcome,) = ledger.batch([[entry]])
                won["refused" if not outcome.ok else kind.__name__.lower()] += 1
                assert outcome.ok or outcome.refusal.code == "ledger.resolved"  # type: ignore[union-attr]
                continue
            seen = tables.transfers([transfer_id(R, f"hold-{i}")])
            plan = rules.decide(rules.prepare([[entry]]), rules.Books(transfers=seen), clocks.business_now())
            with transaction.atomic():
                tables.write(plan.rows, plan.sums, clocks.business_now(), clocks.machine_now())
            won["refused" if not plan.outcomes[0].ok else kind.__name__.lower()] += 1

    _threads(1, client)
    return won


def write_steadily(process: int, times: int) -> dict[str, float]:
    """One process among several that write all the time. Returns how long its writes took."""
    took: list[float] = []

    def client(_: int) -> None:
        for i in range(times):
            begin = time.perf_counter()
            ledger.commit(Move(f"steady-{process}-{i}", WORLD, QUOTA, 1, "fill"))
            took.append(time.perf_counter() - begin)

    _threads(1, client)
    took.sort()
    return {"longest_s": took[-1], "median_s": took[len(took) // 2], "total_s": sum(took)}
