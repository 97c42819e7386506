"""What reads the lake: LINLI_ENGINE is "duckdb" (in this process, the default) or "spark://host:port" (a cluster over the same files).

The one place that knows an engine. Everything above it is Ibis expressions over `view`s, whose results are the same on both.
Spark needs the extra `linli[spark]` and Java 17; the cluster's own settings come from Spark's `SPARK_CONF_DIR/spark-defaults.conf`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from linli.insight import lake_tables

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    from ibis.backends.sql import SQLBackend
    from pyspark.sql import SparkSession

_VIEWS_KEPT = 8
_process = threading.Lock()
_database: tuple[int, Any] | None = None
_spark: tuple[str, SparkSession] | None = None
_generation = 0


def name() -> str:
    """The engine that is asked for: "duckdb" or a Spark master's address. Raises ValueError for anything else."""
    found = os.environ.get("LINLI_ENGINE") or "duckdb"
    if found != "duckdb" and not found.startswith("spark://"):
        raise ValueError(f"LINLI_ENGINE must be duckdb or spark://host:port, not {found!r}")
    return found


class _Mine:
    """What one thread keeps: its connection, the views made on it (path -> version and table) and their names."""

    def __init__(self, stamp: tuple[int, int, str]) -> None:
        import ibis

        # Fusing selects looks at every column of every step again, and the engine does it anyway: half of the time an
        # expression of features takes until it runs.
        ibis.options.sql.fuse_selects = False
        self.stamp = stamp
        self.on_spark = stamp[2] != "duckdb"
        self.backend: SQLBackend = ibis.pyspark.connect(spark()) if self.on_spark else ibis.duckdb.from_connection(_shared().cursor())
        self.views: dict[Path, tuple[int, ir.Table]] = {}
        self.names: dict[Path, list[str]] = {}
        self.empty: dict[str, ir.Table] = {}


# By thread number and not in a threading.local: a web server's idle thread ends outside Python, and a cursor that dies
# with it takes the process along (segmentation fault in DuckDB 2.0). Thread numbers are used again, so this stays small.
_threads: dict[int, _Mine] = {}


def _mine() -> _Mine:
    """This thread's own, made anew after a fork, after `forget`, and for another engine."""
    stamp = (os.getpid(), _generation, name())
    mine = _threads.get(threading.get_ident())
    if mine is None or mine.stamp != stamp:
        mine = _threads[threading.get_ident()] = _Mine(stamp)
    return mine


def connection() -> SQLBackend:
    """This thread's Ibis connection. Threads share one DuckDB database, each with a cursor of its own, or one Spark session."""
    return _mine().backend


def _shared() -> Any:
    """The process's DuckDB database (a forked child opens its own)."""
    global _database
    import duckdb

    with _process:
        if _database is None or _database[0] != os.getpid():
            _database = (os.getpid(), duckdb.connect(config={"preserve_insertion_order": False}))
            _database[1].execute("SET TimeZone = 'UTC'")
        return _database[1]


def spark() -> SparkSession:
    """The process's session on the cluster that LINLI_ENGINE names. Raises RuntimeError where the extra is not installed."""
    global _spark
    with _process:
        if _spark is None or _spark[0] != name():
            try:
                from pyspark.sql import SparkSession
            except ImportError as missing:
                raise RuntimeError("LINLI_ENGINE names a Spark cluster: install the extra linli[spark]") from missing
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            session = SparkSession.builder.appName("linli").master(name()).config("spark.sql.session.timeZone", "UTC")
            # A folder "2017-10" is a month's name: left to itself Spark reads it as a date or a number.
            session = session.config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
            session = session.config("spark.ui.enabled", "false").config("spark.sql.execution.arrow.pyspark.enabled", "true")
            _spark = (name(), session.getOrCreate())
        return _spark[1]


def forget() -> None:
    """Let every thread look at the lake anew."""
    global _generation
    _generation += 1


def kept(path: Path, version: int) -> ir.Table | None:
    """The view of a table's folder at this version, if this thread has it."""
    found = _mine().views.get(path)
    return found[1] if found is not None and found[0] == version else None


def view(path: Path, version: int, schema: pa.Schema, files: Sequence[str], there: Collection[str]) -> ir.Table:
    """A typed view over files of one version of a table, named by it, so that older expressions keep reading their own.

    `schema` is what the table should have; columns that are not `there` in the files read as null. Without files: empty.
    """
    import ibis

    mine = _mine()
    if not files:
        found = _empty(mine, path.name, schema)
    else:
        called = f"lake_{path.name}_{max(version, 0)}"
        (_spark_view if mine.on_spark else _duckdb_view)(mine.backend, called, path, schema, files, there)
        held = mine.names.setdefault(path, [])
        held.append(called)
        while len(held) > _VIEWS_KEPT:  # the newest few of each table stay, for expressions still in use
            mine.backend.raw_sql(f"DROP VIEW IF EXISTS {held.pop(0)}")
        found = mine.backend.table(called)
    if mine.on_spark:  # whose moments are instants, which Ibis is not told
        found = found.cast({f.name: ibis.dtype("timestamp('UTC', 6)") for f in schema if f.type == lake_tables.MOMENT})
    mine.views[path] = (version, found)
    return found


_DUCKDB_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    lake_tables.MOMENT: "TIMESTAMPTZ",
}


def _duckdb_view(backend: Any, called: str, path: Path, schema: pa.Schema, files: Sequence[str], there: Collection[str]) -> None:
    listed = ", ".join("'" + uri.replace("'", "''") + "'" for uri in files)
    columns = ", ".join(f'CAST({f'"{f.name}"' if f.name in there else "NULL"} AS {_DUCKDB_TYPES[f.type]}) AS "{f.name}"' for f in schema)
    options = "hive_partitioning = true, hive_types_autocast = false, union_by_name = true"
    backend.raw_sql(f"CREATE OR REPLACE TEMP VIEW {called} AS SELECT {columns} FROM read_parquet([{listed}], {options})")  # noqa: S608 (own)


def _spark_view(backend: Any, called: str, path: Path, schema: pa.Schema, files: Sequence[str], there: Collection[str]) -> None:
    from pyspark.sql.pandas.types import from_arrow_schema

    # With the schema given, no file is opened to learn it, and a column that a file lacks reads as null.
    reader = spark().read.schema(from_arrow_schema(schema)).option("basePath", str(path))
    reader.parquet(*files).select(*schema.names).createOrReplaceTempView(called)


def shared_out(table: ir.Table, does: Callable[[pd.DataFrame], pd.DataFrame], told: pa.Schema) -> pa.Table:
    """What `does` makes of the rows: of all at once here, on Spark of each worker's share of the members, where they are.

    `does` must need of a member only its own row (column `member_id`) and be importable on the workers.
    """
    if not _mine().on_spark:
        return pa.Table.from_pandas(does(table.to_pyarrow().to_pandas()), told, preserve_index=False)
    import pandas as pd
    from pyarrow import Table
    from pyspark.sql.pandas.types import from_arrow_schema

    def share(batches: Any) -> Iterator[pd.DataFrame]:
        if held := list(batches):
            yield does(pd.concat(held, ignore_index=True))

    connection().create_view("shared_out", table, overwrite=True)
    rows = spark().table("shared_out").repartition("member_id").mapInPandas(share, from_arrow_schema(told)).toArrow()
    found: Table = rows.cast(told)
    return found


def _empty(mine: _Mine, called: str, schema: pa.Schema) -> ir.Table:
    import ibis

    called = f"empty_{called}"
    if called not in mine.empty:
        if mine.on_spark:
            from pyspark.sql.pandas.types import from_arrow_schema

            spark().createDataFrame([], from_arrow_schema(schema)).createOrReplaceTempView(called)
            mine.empty[called] = mine.backend.table(called)
        else:
            mine.empty[called] = mine.backend.create_table(called, schema=ibis.Schema.from_pyarrow(schema), temp=True)
    return mine.empty[called]
