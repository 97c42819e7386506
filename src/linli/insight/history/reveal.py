"""The staged days of history, revealed as the shop's clock reaches them: ordinary events that every reader hears."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from linli.insight.history import completejourney, neighbourhood, writing
from linli.insight.history_state import HistoryState
from linli.kernel import clocks
from linli.people import members
from linli.people import queries as people

if TYPE_CHECKING:
    import duckdb

_DAY = timedelta(days=1)


def reveal(until: datetime) -> dict[str, int]:
    """Append what history holds up to `until` and has not told yet. Returns counts by event kind (and "members joined").

    A day is one transaction with the position it reaches, so a reveal that is killed goes on where it stopped, and
    one that is repeated tells nothing twice. Nothing where no history was imported, or it is all told.
    """
    counts: dict[str, int] = {}
    for region in HistoryState.objects.filter(revealed_until__lt=until).values_list("region", flat=True):
        con = _staged(region)
        try:
            while _reveal_a_day(con, region, until, counts):
                pass
        finally:
            con.close()
    return counts


def _staged(region: str) -> duckdb.DuckDBPyConnection:
    import duckdb

    con = duckdb.connect(config={"threads": 2})
    con.execute("SET TimeZone = 'UTC'")
    for name in ("households", "baskets", "campaign_events", "redemption_events"):
        con.read_parquet(f"{completejourney.folder(region) / name}.parquet").create_view(name)
    return con


@transaction.atomic
def _reveal_a_day(con: duckdb.DuckDBPyConnection, region: str, until: datetime, counts: dict[str, int]) -> bool:
    """One day, or what is left of one. False when there is nothing before `until` any more."""
    state = HistoryState.objects.select_for_update().get(region=region)
    after, to = state.revealed_until, min(state.revealed_until + _DAY, until)
    if after >= until:
        return False
    joined = _join(con, region, after, to)
    writing.know(con, _known(con, region, after, to))
    for kind in writing.KINDS:
        writing.name(con, kind, after=after, until=to)
        told = writing.tell(con, kind, region=region, silent=False)
        counts[kind] = counts.get(kind, 0) + told
    counts["members joined"] = counts.get("members joined", 0) + joined
    state.revealed_until = to
    state.save(update_fields=["revealed_until"])
    return True


def _join(con: duckdb.DuckDBPyConnection, region: str, after: datetime, to: datetime) -> int:
    """Households whose first basket lies in (`after`, `to`] become members at that moment."""
    newcomers = (
        con.sql(
            "SELECT household_id, CASE WHEN has_community THEN home_store_id::VARCHAR ELSE 'others' END AS store, joined_at FROM households"
            " WHERE joined_at > $after AND joined_at <= $to ORDER BY joined_at, household_id",
            params={"after": after, "to": to},
        )
        .to_arrow_table()
        .to_pylist()
    )
    if not newcomers:
        return 0
    homes = completejourney.communities_by_store(region)
    for who in newcomers:
        at = who["joined_at"]
        with clocks.fixed(business=at):
            newcomer = neighbourhood.newcomer(who["household_id"], community_id=homes[who["store"]], joined_at=at)
            members.join_many(region=region, newcomers=[newcomer], channel="history", source=writing.SOURCE)
    return len(newcomers)


def _known(con: duckdb.DuckDBPyConnection, region: str, after: datetime, to: datetime) -> dict[int, tuple[int, int]]:
    """Household -> (member id, community id as of now) of those who did something in (`after`, `to`]."""
    seen = con.execute(
        "SELECT household_id FROM baskets WHERE happened_at > $after AND happened_at <= $to UNION"
        " SELECT household_id FROM campaign_events WHERE happened_at > $after AND happened_at <= $to UNION"
        " SELECT household_id FROM redemption_events WHERE happened_at > $after AND happened_at <= $to",
        {"after": after, "to": to},
    ).fetchall()
    ids = people.members_by_external_id(region)
    wanted = {household: ids[str(household)] for (household,) in seen if str(household) in ids}
    found = people.members(wanted.values())
    return {household: (m, found[m].community_id) for household, m in wanted.items() if m in found}
