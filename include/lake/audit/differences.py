"""What differs between the rows of two holders, joined by their key in DuckDB.

Postgres serves millions of rows after some months: as Python objects they take minutes and
gigabytes to compare.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from include.checks import Check
from include.lake.columns import Table

if TYPE_CHECKING:
    import duckdb

REMEDY = "`./tickhouse doctor --repair` rebuilds what Postgres serves from the lake"
ROWS_SHOWN = 5
# A row that one of them has twice is only in that one, the second time.
DIFFERENT = """
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY {key}) AS copy, true AS is_there FROM served
), in_lake AS (
    SELECT *, row_number() OVER (PARTITION BY {key}) AS copy, true AS is_there FROM landed
)
SELECT {key}, numbered.is_there, in_lake.is_there, {values}, count(*) OVER ()
FROM numbered FULL JOIN in_lake USING ({key}, copy)
WHERE numbered.is_there IS NULL OR in_lake.is_there IS NULL OR {unequal}
ORDER BY {key} LIMIT {shown}
"""


class Differences(NamedTuple):
    """How many rows differ, and the first of them in words."""

    rows: int
    first: str


def find_differences(
    connection: "duckdb.DuckDBPyConnection",
    *,
    key_names: Sequence[str],
    column_names: Sequence[str],
    holders: tuple[str, str],
) -> Differences:
    """Compare the relations `served` and `landed` of a connection in all of these columns.

    `holders` are the words for who holds each of the two.
    """
    values = [name for name in column_names if name not in key_names]
    statement = DIFFERENT.format(
        key=", ".join(key_names),
        values=", ".join(f"numbered.{name}, in_lake.{name}" for name in values),
        unequal=" OR ".join(f"numbered.{name} IS DISTINCT FROM in_lake.{name}" for name in values),
        shown=ROWS_SHOWN,
    )
    different = connection.execute(statement).fetchall()
    sentences = []
    for row in different:
        name = " ".join(map(_format, row[: len(key_names)]))
        is_served, is_landed, *pairs = row[len(key_names) : -1]
        by_column = dict(zip(values, zip(pairs[::2], pairs[1::2], strict=True), strict=True))
        if is_served and is_landed:
            sentences.append(f"{name}: {_describe(by_column, holders)}")
        else:
            sentences.append(f"{name} is only in {holders[0] if is_served else holders[1]}")
    return Differences(different[0][-1] if different else 0, "; ".join(sentences))


def check_served_rows(
    connection: "duckdb.DuckDBPyConnection", table: Table, *, count: int
) -> Check:
    """Whether Postgres' rows of a table, the relation `served`, are the `landed`."""
    differences = find_differences(
        connection,
        key_names=table.key,
        column_names=table.names,
        holders=("Postgres", "Delta"),
    )
    detail = f"{count} {table.name} are the same in Postgres and Delta"
    if differences.rows:
        detail = f"{differences.rows} {table.name} differ: {differences.first}; {REMEDY}"
    return Check(f"I3 {table.name}", not differences.rows, detail)


def _describe(by_column: Mapping[str, tuple[Any, Any]], holders: tuple[str, str]) -> str:
    return ", ".join(
        f"{column} {first} in {holders[0]}, {second} in {holders[1]}"
        for column, (first, second) in by_column.items()
        if first != second
    )


def _format(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
