"""History's facts out of DuckDB, into the log as serialised rows and into the lake as columns.

Both come from the same tables, and a fact's uid is derived from the history's own keys, so telling it twice is telling it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from linli.kernel import events, ids

if TYPE_CHECKING:
    import duckdb

SOURCE = "history"
PURCHASE, CAMPAIGN, REDEMPTION = "history.purchase", "history.campaign_received", "history.coupon_redeemed"

_MOMENTS = "strftime(happened_at, '%Y-%m') AS month, CAST(happened_at AS DATE) AS day, happened_at, happened_at AS recorded_at"

# What each kind is told from, by the key that names it; members are joined in as they are known.
_TOLD = {
    PURCHASE: """
        SELECT 'history/basket/' || basket_id AS key, m.member_id, happened_at,
               {'basket_id': basket_id, 'member_id': m.member_id, 'community_id': m.community_id, 'store_id': store_id,
                'amount_minor': amount_minor, 'discount_minor': discount_minor, 'coupon_discount_minor': coupon_discount_minor,
                'lines': lines} AS payload
        FROM baskets JOIN known m USING (household_id)""",
    CAMPAIGN: """
        SELECT 'history/campaign/' || campaign_id || '/' || household_id AS key, m.member_id, happened_at,
               {'member_id': m.member_id, 'campaign_id': campaign_id, 'campaign_type': campaign_type} AS payload
        FROM campaign_events JOIN known m USING (household_id)""",
    REDEMPTION: """
        SELECT 'history/coupon/' || household_id || '/' || coupon_upc || '/' || campaign_id || '/'
                   || epoch(happened_at)::BIGINT || '/' || nth AS key,
               m.member_id, happened_at,
               {'member_id': m.member_id, 'coupon_upc': coupon_upc, 'campaign_id': campaign_id} AS payload
        FROM redemption_events JOIN known m USING (household_id)""",
}
KINDS = tuple(_TOLD)


def know(con: duckdb.DuckDBPyConnection, members: dict[int, tuple[int, int]]) -> None:
    """Let DuckDB know who is a member: household -> (member id, community id), as the table `known`."""
    import pyarrow as pa

    rows = [(h, m, c) for h, (m, c) in members.items()]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    table = pa.table({n: pa.array(v, pa.int64()) for n, v in zip(("household_id", "member_id", "community_id"), columns, strict=True)})
    con.register("known_arrow", table)
    con.execute("CREATE OR REPLACE TABLE known AS FROM known_arrow")
    con.unregister("known_arrow")


def name(con: duckdb.DuckDBPyConnection, kind: str, *, after: datetime | None, until: datetime) -> None:
    """Name the facts of `kind` that happened in (`after`, `until`]: the table `named` holds their keys and uids.

    `tell` and `to_lake` write what is named.
    """
    import pyarrow as pa

    keys = con.sql(
        f"SELECT key FROM ({_TOLD[kind]}) WHERE happened_at <= $until AND ($after IS NULL OR happened_at > $after)",  # noqa: S608 (own text)
        params={"until": until, "after": after},
    ).to_arrow_table()["key"]
    table = pa.table({"key": keys, "uid_hex": pa.array([ids.named_hex(k) for k in keys.to_pylist()], pa.string())})
    con.register("named_arrow", table)
    con.execute("CREATE OR REPLACE TEMP TABLE named AS FROM named_arrow")
    con.unregister("named_arrow")


def tell(con: duckdb.DuckDBPyConnection, kind: str, *, region: str, silent: bool) -> int:
    """Write the named facts of `kind` into the log, in the order in which they happened. Returns how many were new."""
    found = con.sql(
        f"SELECT uid_hex, member_id, happened_at, to_json(payload) FROM ({_TOLD[kind]}) JOIN named USING (key)"  # noqa: S608 (own text)
        " ORDER BY happened_at, key"
    )
    return events.append_bulk(kind, _rows(found), region=region, source=SOURCE, silent=silent)


def _rows(found: duckdb.DuckDBPyRelation) -> Iterator[events.Column]:
    # By Arrow, since DuckDB's own rows need pytz for times with a zone.
    for batch in found.to_arrow_reader(5000):
        for uid_hex, member_id, at, payload in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield events.Column(uid_hex, f"member:{member_id}", at, at, payload)


def to_lake(con: duckdb.DuckDBPyConnection, kind: str, *, region: str, stamp: str) -> int:
    """Write the named facts of `kind` straight into the lake's tables, once. Returns rows written."""
    import pyarrow as pa

    from linli.insight import lake, lake_tables

    told = f"(SELECT *, CAST(CAST(uid_hex AS UUID) AS VARCHAR) AS uid FROM ({_TOLD[kind]}) JOIN named USING (key))"  # noqa: S608 (own text)
    written = 0
    for form in lake_tables.shapes(kind):
        if form.field is None:
            fields = ", ".join(f'payload."{c.key}" AS "{c.name}"' for c in form.columns)
            sql = f"SELECT uid, {_MOMENTS}, 'member:' || member_id AS subject, '{SOURCE}' AS source, {fields} FROM {told}"  # noqa: S608
        else:
            fields = ", ".join(f'{"payload" if c.carried else "item"}."{c.key}" AS "{c.name}"' for c in form.columns)
            items = f'unnest(payload."{form.field}") AS item, generate_subscripts(payload."{form.field}", 1) - 1 AS position'
            sql = f"SELECT uid, {_MOMENTS}, position, {fields} FROM (SELECT uid, happened_at, payload, {items} FROM {told})"  # noqa: S608
        data = con.sql(sql).to_arrow_table()
        data = data.append_column("region", pa.repeat(pa.scalar(region), data.num_rows))
        written += data.num_rows if lake.append_once(form.name, data, stamp=stamp) else 0
    return written


def people_to_lake(region: str, kinds: tuple[str, ...], *, stamp: str) -> int:
    """What the people room told silently while history's members joined, into the lake. Returns rows written."""
    from linli.insight import lake, lake_tables

    written = 0
    for kind in kinds:
        told = lake_tables.Batch(events.silent(kind, region=region, source=SOURCE))
        for form in lake_tables.shapes(kind):
            data = lake_tables.rows(form, told)
            written += data.num_rows if data.num_rows and lake.append_once(form.name, data, stamp=stamp) else 0
    return written
