"""Small writes to Delta tables without Spark (delta-rs): replacements that may be repeated."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from include.lake.columns import Table

ARROW = {
    "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "double": pa.float64(),
    "boolean": pa.bool_(), "timestamp": pa.timestamp("us", tz="UTC"), "binary": pa.binary(),
}  # fmt: skip


def arrow_schema(table: Table) -> pa.Schema:
    """A table's columns as Arrow types (no decimals: such tables are Spark's to write)."""
    return pa.schema(
        [
            pa.field(column.name, ARROW[column.type], metadata={"comment": column.comment})
            for column in table.columns
        ]
    )


def arrow_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of this table's schema."""
    return pa.Table.from_pylist(list(rows), schema=arrow_schema(table))


def replace_rows(lake: str, table: Table, rows: pa.Table, **which: str) -> None:
    """Put rows in the place of those whose columns have the values `which`, in one commit."""
    location = f"{lake}/{table.name}"
    DeltaTable.create(
        location, arrow_schema(table), mode="ignore", name=table.name, description=table.comment
    )
    places = " AND ".join(f"{name} = '{_quoted(value)}'" for name, value in which.items())
    write_deltalake(location, rows, mode="overwrite", predicate=places)


def _quoted(value: str) -> str:
    return value.replace("'", "''")
