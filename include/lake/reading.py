"""SQL over the Delta tables: DuckDB over delta-rs, without Spark.

DuckDB is imported late: a command that asks it nothing starts faster, and one that ends while a
Kafka client's thread still waits for its broker would print DuckDB's report of leaked objects.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from include.errors import QueryError
from include.lake.tables import TABLES

if TYPE_CHECKING:
    import duckdb


def open_table(lake: str, name: str, *, version: int | None = None) -> DeltaTable | None:
    """A Delta table of the lake, at a version if one is given; nothing if it was never made."""
    location = f"{lake}/{name}"
    if "://" not in location and not (Path(location) / "_delta_log").exists():
        return None
    try:
        return DeltaTable(location, version=version)
    except TableNotFoundError:
        return None


def connect(lake: str, names: Iterable[str] = tuple(TABLES)) -> "duckdb.DuckDBPyConnection":
    """A DuckDB connection with a view for each table of the lake that exists; times are UTC."""
    import duckdb  # noqa: PLC0415

    link = duckdb.connect()
    link.execute("SET TimeZone = 'UTC'")
    for name in names:
        table = open_table(lake, name)
        if table is not None:
            link.register(name, table.to_pyarrow_dataset())
    return link


def query(lake: str, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one SQL statement over the lake.

    Raises:
        QueryError: the statement cannot be answered; says why and which tables there are.
    """
    import duckdb  # noqa: PLC0415

    link = connect(lake)
    try:
        result = link.execute(statement)
        columns = [column[0] for column in result.description or []]
        return columns, result.fetchall()
    except duckdb.Error as error:
        there = ", ".join(row[0] for row in link.execute("SHOW TABLES").fetchall()) or "none yet"
        raise QueryError(f"{error} (tables: {there})") from error
    finally:
        link.close()


def row_counts(lake: str) -> dict[str, int]:
    """Rows of each table that exists, from Delta's own statistics."""
    found = {}
    for name in TABLES:
        table = open_table(lake, name)
        if table is not None:
            actions = table.get_add_actions(flatten=True)
            found[name] = sum(pa.table(actions)["num_records"].to_pylist())
    return found
