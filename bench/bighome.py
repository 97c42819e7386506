"""A big shop's home, written straight into the records and the lake: members with rhythm, heavy tails and tastes of their own.

    python bench/bighome.py --home FOLDER [--members 1000000] [--lines 20000000] [--seed 1]

The facts are what the living shop tells (`people.member_joined`, `trade.order_paid` and its lines over 400 days), column by
column, so that 20 million lines take a minute and not a day; nothing is in the log. The records have the region, communities
of about 500 members with their groups, every member with phone, building and consents, and one operator (`OPERATOR`).
Seeded: the same numbers give the same home. A home that is there already is used as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

REGION = "cn-bench"
ZONE = "Asia/Shanghai"
NOW = datetime(2026, 10, 1, 1, tzinfo=UTC)
"""Nine in the morning in Shanghai; the business clock of the home stands there."""
DAYS = 400
OPERATOR = "19900000000"
IN_A_COMMUNITY = 500
LINES_AN_ORDER = 2.9
CATEGORIES = ("fruit", "vegetable", "meat_seafood", "dairy_egg", "grain_oil", "bakery", "other")
SHARES = (0.24, 0.26, 0.14, 0.12, 0.07, 0.05, 0.12)
TYPES_A_CATEGORY = 40
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建文辉梅鑫宇欣怡雨晨子轩梓涵浩然思琪嘉诚晓婷雪松海燕国庆志远"
STAMP = "bighome.json"


def ready(home: Path) -> None:
    """Let this process work on `home`."""
    os.environ.update(LINLI_HOME=str(home), LINLI_DATABASE=f"sqlite:///{home}/linli.sqlite3", LINLI_SANDBOX="1")
    os.environ["DJANGO_SETTINGS_MODULE"] = "linli.settings"
    import django

    django.setup()


def make(home: Path, *, members: int, lines: int, seed: int = 1) -> dict[str, Any]:
    """The home, ready for this process to work on. Returns what is in it and how long making it took."""
    home.mkdir(parents=True, exist_ok=True)
    ready(home)
    wanted = {"members": members, "lines": lines, "seed": seed}
    if (home / STAMP).exists():
        found: dict[str, Any] = json.loads((home / STAMP).read_text())
        if {name: found[name] for name in wanted} != wanted:
            raise SystemExit(f"{home} holds {found}: choose another folder")
        return found
    began = time.perf_counter()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from linli.kernel import clocks

    clocks.set_business(NOW)
    rng = np.random.default_rng(seed)
    people = who(rng, members)
    records(people, rng)
    facts = lake(people, rng, lines)
    found = {**wanted, **facts, "seconds": round(time.perf_counter() - began, 1)}
    (home / STAMP).write_text(json.dumps(found))
    return found


def who(rng: np.random.Generator, members: int) -> dict[str, np.ndarray]:
    """Members by column: where, since when, how often, how regularly, at what hour, on which weekday, with what taste."""
    communities = max(4, members // IN_A_COMMUNITY)
    size = rng.pareto(2.5, communities) + 1
    joined = np.where(rng.random(members) < 0.6, rng.random(members) * 60, 60 + rng.random(members) * (DAYS - 60))
    lived = np.minimum(rng.exponential(260, members) + 3, DAYS - joined)
    return {
        "id": np.arange(1, members + 1),
        "community": 1 + np.sort(rng.choice(communities, members, p=size / size.sum())),
        "joined": joined,
        "lived": lived,
        "rate": rng.lognormal(0, 1.0, members) * (rng.random(members) > 0.08),  # some join and never buy
        "regular": rng.beta(2, 2, members),
        "hour": np.where(rng.random(members) < 0.6, rng.normal(19.5, 1.8, members), rng.normal(10.5, 1.8, members)) % 24,
        "weekday": rng.integers(0, 7, members),
        "taste": rng.choice(len(CATEGORIES), members, p=SHARES),
        "coupons": rng.beta(0.5, 3, members),
    }


# ---- records


def records(people: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Region, communities, persons, members and what they allow, thousands of rows a statement."""
    from django.contrib.auth.hashers import make_password
    from django.db import transaction

    from linli.kernel import bulk
    from linli.people import groups, rules
    from linli.people import models as p

    groups.put_region(slug=REGION, name_zh="大城", name_en="Big city", currency="CNY", time_zone=ZONE)
    communities = int(people["community"].max())
    groups.open_many(
        region=REGION,
        communities=[
            groups.NewCommunity(f"c{n}", f"第{n}小区", f"Community {n}", f"{n} 号提货点", f"Pickup {n}") for n in range(1, communities + 1)
        ],
    )
    places = dict(p.Community.objects.filter(region=REGION).values_list("code", "pk"))
    people["community"] = np.array([0, *(places[f"c{n}"] for n in range(1, communities + 1))])[people["community"]]
    boss = groups.appoint(phone=OPERATOR, display_name="运营", kind="operator", region=REGION)
    person = bulk.Table(p.Person, ("id", "phone", "display_name", "surname", "password", "language", "is_active"))
    member = bulk.Table(p.Member, ("id", "region", "person_id", "community_id", "building", "external_id", "joined_at"))
    key = bulk.Table(p.SearchKey, ("region", "key", "member_id"))
    consent = bulk.Table(p.Consent, ("region", "member_id", "scope", "granted", "at"))
    nobodys = make_password(None)
    n = len(people["id"])
    surname, given = rng.integers(0, len(SURNAMES), n), rng.integers(0, len(GIVEN), (n, 2))
    phone = (rng.permutation(10 * n)[:n] * 99_999_989) % 1_000_000_000
    says = rng.random((n, 2)) < (0.96, 0.85)
    at = [NOW - timedelta(days=DAYS - float(d)) for d in people["joined"]]
    for start in range(0, n, 50_000):
        some = range(start, min(start + 50_000, n))
        persons, rows, said, found = [], [], [], []
        for i in some:
            key, name = boss + 1 + i, SURNAMES[surname[i]]
            called = name + GIVEN[given[i, 0]] + (GIVEN[given[i, 1]] if i % 3 else "")
            persons.append((key, f"13{phone[i]:09d}", called, name, nobodys, "zh-hans", True))
            house = f"{1 + i % 23}号楼{1 + i % 4}单元{1 + i % 17:02d}0{1 + i % 4}"
            rows.append((i + 1, REGION, key, int(people["community"][i]), house, f"B{i + 1:08d}", at[i]))
            keys = rules.search_keys(name=called, phone=persons[-1][1], building=house, external_id=rows[-1][5])
            found += [(REGION, text.encode(), i + 1) for text in keys]
            said += [(REGION, i + 1, scope, True, at[i]) for scope, yes in zip(("profiling", "messages"), says[i], strict=True) if yes]
        with transaction.atomic():
            for table, told in ((person, persons), (member, rows), (consent, said), (key, found)):
                bulk.write(bulk.Rows(table, told))


# ---- facts


def lake(people: dict[str, np.ndarray], rng: np.random.Generator, lines: int) -> dict[str, Any]:
    """Who joined, and what was paid, month by month."""
    from linli.insight import lake

    joined = NOW - timedelta(days=DAYS)
    at = micros(joined) + (people["joined"] * 86_400e6).astype(np.int64)
    lake.append_once("people.member_joined", joined_rows(people, at, rng), stamp="bighome")
    orders = ordered(people, rng, lines / LINES_AN_ORDER)
    told = {"orders": 0, "order_lines": 0}
    for n, (paid, sold) in enumerate(paid_rows(people, orders, rng)):
        lake.append_once("trade.order_paid__lines", sold, stamp=f"bighome-{n}")
        lake.append_once("trade.order_paid", paid, stamp=f"bighome-{n}")
        told["orders"] += paid.num_rows
        told["order_lines"] += sold.num_rows
    return told


def micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def ordered(people: dict[str, np.ndarray], rng: np.random.Generator, wanted: float) -> dict[str, np.ndarray]:
    """Orders in time: each member's at their own rhythm (even spacing, blurred by how irregular they are), weekday and hour."""
    expected = people["rate"] * people["lived"]
    count = rng.poisson(expected * (wanted / expected.sum()))
    member = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(member)) - np.repeat(np.cumsum(count) - count, count)
    blur = (rng.random(len(member)) - 0.5) * (2 - 1.5 * people["regular"][member])
    gap = (people["lived"] / np.maximum(count, 1))[member]
    day = np.floor(people["joined"][member] + np.clip((place + 0.5 + blur) * gap, 0, people["lived"][member] - 0.01))
    first_weekday = (NOW - timedelta(days=DAYS)).weekday()
    wish = day + (people["weekday"][member] - (first_weekday + day)) % 7
    day = np.where((rng.random(len(member)) < 0.35) & (wish < DAYS - 1), wish, day)
    clock = (people["hour"][member] + rng.normal(0, 1.3, len(member))) % 24
    start = micros(NOW.replace(hour=0) - timedelta(days=DAYS)) - 8 * 3_600_000_000  # midnight in Shanghai
    at = start + (day * 86_400e6).astype(np.int64) + (clock * 3_600e6).astype(np.int64)
    keep = at < micros(NOW)
    order = np.argsort(at[keep], kind="stable")
    return {"member": member[keep][order], "at": at[keep][order]}


def paid_rows(
    people: dict[str, np.ndarray], orders: dict[str, np.ndarray], rng: np.random.Generator
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """(orders, lines) of a month each, in the lake's own columns."""
    from linli.insight import lake_tables

    form, line_form = lake_tables.shape("trade.order_paid").schema, lake_tables.shape("trade.order_paid__lines").schema
    months = orders["at"].astype("datetime64[us]").astype("datetime64[M]")
    zipf = 1 / np.arange(1, TYPES_A_CATEGORY + 1) ** 0.9
    zipf /= zipf.sum()
    for month in np.unique(months):
        here = months == month
        member, at = orders["member"][here], orders["at"][here]
        size = 1 + rng.poisson(LINES_AN_ORDER - 1, len(member))
        parent = np.repeat(np.arange(len(member)), size)
        own = rng.random(len(parent)) < 0.45
        category = np.where(own, people["taste"][member[parent]], rng.choice(len(CATEGORIES), len(parent), p=SHARES))
        kind = rng.choice(TYPES_A_CATEGORY, len(parent), p=zipf)
        quantity = 1 + rng.geometric(0.75, len(parent)) - 1
        amount = np.maximum(100, (rng.lognormal(7.0, 0.6, len(parent)) * quantity).astype(np.int64))
        total = np.bincount(parent, amount, len(member)).astype(np.int64)
        coupon = np.where(rng.random(len(member)) < people["coupons"][member], np.minimum(total // 5, 1000), 0)
        number = uuids(len(member), rng)
        shared = {
            "uid": uuids(len(member), rng), "region": const(REGION, len(member)), "month": const(str(month), len(member)),
            "day": pa.array(at.astype("datetime64[us]").astype("datetime64[D]")), "happened_at": stamps(at), "recorded_at": stamps(at),
            "order_id": number, "member_id": pa.array(people["id"][member]), "community_id": pa.array(people["community"][member]),
        }  # fmt: skip
        told = pc.binary_join_element_wise("member", pc.cast(shared["member_id"], pa.string()), ":")
        blank = const("", len(member))
        paid = {**shared, "subject": told, "by": told, "source": const("live", len(member)), "channel": const("sandbox", len(member)),
                "paid_minor": pa.array(total - coupon), "discount_minor": pa.array(coupon), "coupon_issue": blank}  # fmt: skip
        types = pa.array([f"{c}-{n}" for c in CATEGORIES for n in range(TYPES_A_CATEGORY)]).take(
            pa.array(category * TYPES_A_CATEGORY + kind)
        )
        whose = pa.array(parent)
        sold = {name: column.take(whose) for name, column in shared.items()}
        sold |= {
            "position": pa.array(np.arange(len(parent)) - np.repeat(np.cumsum(size) - size, size)), "sku": types, "product_type": types,
            "category": pa.array(CATEGORIES).take(pa.array(category)), "group_id": pa.array(1 + category),
            "quantity": pa.array(quantity), "amount_minor": pa.array(amount), "discount_minor": pa.array(np.zeros(len(parent), np.int64)),
        }  # fmt: skip
        yield (
            pa.table([paid[f.name].cast(f.type) for f in form], schema=form),
            pa.table([sold[f.name].cast(f.type) for f in line_form], schema=line_form),
        )


def joined_rows(people: dict[str, np.ndarray], at: np.ndarray, rng: np.random.Generator) -> pa.Table:
    from linli.insight import lake_tables

    form, n = lake_tables.shape("people.member_joined").schema, len(at)
    months = at.astype("datetime64[us]").astype("datetime64[M]").astype(str)
    ids = pa.array(people["id"])
    rows = {
        "uid": uuids(n, rng), "region": const(REGION, n), "month": pa.array(months),
        "day": pa.array(at.astype("datetime64[us]").astype("datetime64[D]")),
        "happened_at": stamps(at), "recorded_at": stamps(at),
        "subject": pc.binary_join_element_wise("member", pc.cast(ids, pa.string()), ":"),
        "source": const("live", n), "member_id": ids, "community_id": pa.array(people["community"]), "channel": const("shop", n),
        "external_id": pa.array([f"B{i:08d}" for i in range(1, n + 1)]),
    }  # fmt: skip
    return pa.table([rows[f.name].cast(f.type) for f in form], schema=form)


def const(text: str, n: int) -> pa.Array:
    return pa.array([text]).take(pa.array(np.zeros(n, np.int64)))


def stamps(at: np.ndarray) -> pa.Array:
    return pa.array(at, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))


def uuids(n: int, rng: np.random.Generator) -> pa.Array:
    """Random ids as text with dashes."""
    digits = np.frombuffer(rng.bytes(16 * n).hex().encode(), np.uint8).reshape(n, 32)
    text = np.full((n, 36), ord("-"), np.uint8)
    at = 0
    for start, end in ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36)):
        text[:, start:end] = digits[:, at : at + end - start]
        at += end - start
    ends = pa.py_buffer(np.arange(0, 36 * (n + 1), 36, dtype=np.int32))
    return pa.StringArray.from_buffers(n, ends, pa.py_buffer(text.tobytes()))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--home", type=Path, required=True)
    ask.add_argument("--members", type=int, default=1_000_000)
    ask.add_argument("--lines", type=int, default=20_000_000)
    ask.add_argument("--seed", type=int, default=1)
    told = ask.parse_args()
    print(json.dumps(make(told.home.resolve(), members=told.members, lines=told.lines, seed=told.seed)))


if __name__ == "__main__":
    main()
