"""A year of real grocery orders (84.51's Complete Journey, 2017) as members, communities, events and lake.

What happened up to the start enters silently: no reader hears of it and nothing is posted. What lies after it is
staged in files and revealed day by day (reveal.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from linli.insight.history import neighbourhood, source, writing
from linli.insight.history.report import Report
from linli.insight.history_state import HistoryState
from linli.kernel import clocks
from linli.people import groups, members
from linli.people import queries as people

if TYPE_CHECKING:
    import duckdb

REGION = "us-demo"
ZONE = ZoneInfo(source.ZONE)
START = datetime(2017, 10, 1, 9, tzinfo=ZONE)
_STAMP = "history/complete-journey"
_JOINED = ("people.member_joined", "people.consent_changed")

Told = Callable[[int, int, str], None]


def folder(region: str = REGION) -> Path:
    """Where what is not revealed yet lies."""
    return Path(settings.HOME) / "history" / region


def import_history(
    tell: Told = lambda done, total, label: None, *, frames: Mapping[str, Any] | None = None, start: datetime = START
) -> Report:
    """Bring the history in. Importing again adds nothing; an import that was killed is finished by the next.

    `tell(done, total, label)` hears of each step. `frames` are the package's tables (paths of Parquet files or Arrow
    tables by name; default: the installed package). At most 60 s and 2 GB on two cores.
    """
    if (state := HistoryState.objects.filter(region=REGION).first()) is not None:
        return Report.from_json(state.report)
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    steps = ["reading and cleaning", "opening communities", "members join", "log", "lake", "staging later days"]

    @contextmanager
    def step(label: str) -> Any:
        tell(steps.index(label), len(steps), label)
        began = time.perf_counter()
        yield
        seconds[label] = round(seconds.get(label, 0.0) + time.perf_counter() - began, 2)

    con = source.connect(frames or source.package())
    try:
        with step("reading and cleaning"):
            counts |= source.clean(con, start)
        with step("opening communities"):
            community_ids = _communities(con)
            counts["communities opened"] = len(community_ids)
        with step("members join"):
            known = _members(con, community_ids, start)
            counts["members joined"] = len(known)
            writing.know(con, known)
        counts["rows in the lake"] = 0
        for kind in writing.KINDS:
            with step("log"):
                writing.name(con, kind, after=None, until=start)
                counts[f"{kind} told silently"] = writing.tell(con, kind, region=REGION, silent=True)
            with step("lake"):
                counts["rows in the lake"] += writing.to_lake(con, kind, region=REGION, stamp=_STAMP)
        with step("lake"):
            counts["rows in the lake"] += writing.people_to_lake(REGION, _JOINED, stamp=_STAMP)
        with step("staging later days"):
            counts |= _stage(con, start)
        report = Report(counts, seconds, _faces(con, start))
    finally:
        con.close()
    HistoryState.objects.get_or_create(
        region=REGION,
        defaults={"starts_at": start, "revealed_until": start, "imported_at": clocks.machine_now(), "report": report.as_json()},
    )
    tell(len(steps), len(steps), "done")
    return report


def kept_report(region: str = REGION) -> Report | None:
    """The report of the import, or None before it."""
    state = HistoryState.objects.filter(region=region).first()
    return Report.from_json(state.report) if state else None


@transaction.atomic
def _communities(con: duckdb.DuckDBPyConnection) -> dict[int | None, int]:
    """Home store -> community id; None -> the community of the others. Every community gets a leader, the region an operator."""
    groups.put_region(slug=REGION, name_zh="演示区", name_en="Demo region", currency="USD", time_zone=source.ZONE)
    stores = [s for (s,) in con.execute(
        "SELECT home_store_id FROM households WHERE has_community GROUP BY 1 ORDER BY count(*) DESC, 1"
    ).fetchall()]  # fmt: skip
    opened = groups.open_many(
        region=REGION,
        communities=[*(neighbourhood.community(s, rank) for rank, s in enumerate(stores)), neighbourhood.others()],
    )
    for rank, community_id in enumerate(opened):
        phone, name, surname = neighbourhood.leader(rank)
        groups.appoint(phone=phone, display_name=name, surname=surname, kind="leader", region=REGION, community_id=community_id)
    groups.appoint(phone=neighbourhood.OPERATOR_PHONE, display_name="运营", kind="operator", region=REGION)
    return dict(zip([*stores, None], opened, strict=True))


def _members(con: duckdb.DuckDBPyConnection, community_ids: dict[int | None, int], start: datetime) -> dict[int, tuple[int, int]]:
    """Households with a basket up to the start join silently. Returns household -> (member id, community id)."""
    households = con.sql(
        "SELECT household_id, CASE WHEN has_community THEN home_store_id END AS store_id, joined_at FROM households"
        " WHERE joined_at <= $start ORDER BY joined_at, household_id",
        params={"start": start},
    )
    found = [(r["household_id"], r["store_id"], r["joined_at"]) for r in households.to_arrow_table().to_pylist()]
    homes = [community_ids[store] for _, store, _ in found]
    with clocks.fixed(business=start):
        joined = members.join_many(
            region=REGION,
            newcomers=[
                neighbourhood.newcomer(household, community_id=home, joined_at=at)
                for (household, _, at), home in zip(found, homes, strict=True)
            ],
            channel="history",
            source=writing.SOURCE,
            silent=True,
        )
    return {household: (m, home) for (household, _, _), m, home in zip(found, joined, homes, strict=True)}


_STAGED = {
    "households": "SELECT * FROM households WHERE joined_at > $start",
    "baskets": "SELECT * FROM baskets WHERE happened_at > $start",
    "campaign_events": "SELECT * FROM campaign_events WHERE happened_at > $start",
    "redemption_events": "SELECT * FROM redemption_events WHERE happened_at > $start",
}
_KEPT = ("products", "coupons", "campaigns", "campaign_descriptions", "demographics")


def _stage(con: duckdb.DuckDBPyConnection, start: datetime) -> dict[str, int]:
    """What lies after the start, by time, and the package's tables about goods, coupons, campaigns and households."""
    folder().mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, sql in _STAGED.items():
        order = "joined_at" if name == "households" else "happened_at"
        con.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {sql} ORDER BY {order}", {"start": start})
        con.execute(f"COPY staged TO '{folder() / name}.parquet' (ROW_GROUP_SIZE 4096)")
        counts[f"{name} staged"] = _count(con, "staged")
    for name in _KEPT:
        con.execute(f"COPY {name} TO '{folder() / name}.parquet'")
        counts[f"{name} kept"] = _count(con, name)
    return counts


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 (own names)
    return int(row[0]) if row else 0


def _faces(con: duckdb.DuckDBPyConnection, start: datetime) -> dict[str, int]:
    """Households worth signing in as, by what is known at the start: who buys most and lately, and who fell silent."""
    sql = """
        WITH known_baskets AS (SELECT household_id, max(happened_at) AS last_at, sum(amount_minor) AS spent, count(*) AS n
                               FROM baskets WHERE happened_at <= $start GROUP BY 1)
        SELECT household_id FROM known_baskets WHERE {} ORDER BY spent DESC, household_id LIMIT 1"""
    kinds = {
        "faithful": "last_at > $start - INTERVAL 3 DAY",
        "lapsed": "last_at < $start - INTERVAL 45 DAY AND n > 20",
        "new": "n BETWEEN 2 AND 5 AND last_at > $start - INTERVAL 30 DAY",
    }
    found = {name: con.execute(sql.format(condition), {"start": start}).fetchone() for name, condition in kinds.items()}
    return {name: int(row[0]) for name, row in found.items() if row}


def communities_by_store(region: str = REGION) -> dict[str, int]:
    """Store number as text ("others" for the rest) -> community id."""
    return {c.external_id: c.community_id for c in people.communities(region) if c.external_id}
