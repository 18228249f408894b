"""Small writes to Delta tables without Spark (delta-rs): replacements that may be repeated."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from include.lake.columns import Table

ARROW = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "binary": pa.binary(),
}


def arrow_schema(table: Table) -> pa.Schema:
    """A table's columns as Arrow types."""
    return pa.schema(
        [
            pa.field(column.name, arrow_type(column.type), metadata={"comment": column.comment})
            for column in table.columns
        ]
    )


def arrow_type(spark_type: str) -> pa.DataType:
    """The Arrow type of a Spark SQL type, such as `decimal(20,8)`."""
    if spark_type.startswith("decimal("):
        precision, scale = spark_type[len("decimal(") : -1].split(",")
        return pa.decimal128(int(precision), int(scale))
    return ARROW[spark_type]


def arrow_rows(table: Table, new_rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of this table's schema."""
    return pa.Table.from_pylist(list(new_rows), schema=arrow_schema(table))


def replace_rows(lake: str, table: Table, new_rows: pa.Table, **which: str) -> None:
    """Replace the rows whose columns have the values `which` by new ones, in one commit."""
    location = f"{lake}/{table.name}"
    DeltaTable.create(
        location, arrow_schema(table), mode="ignore", name=table.name, description=table.comment
    )
    predicate = " AND ".join(f"{name} = '{_quoted(text)}'" for name, text in which.items())
    write_deltalake(location, new_rows, mode="overwrite", predicate=predicate)


def merge_rows(lake: str, table: Table, new_rows: pa.Table) -> None:
    """Insert rows, or replace those with the same key, in one commit."""
    location = f"{lake}/{table.name}"
    existing = DeltaTable.create(
        location, arrow_schema(table), mode="ignore", name=table.name, description=table.comment
    )
    match = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
    (
        existing.merge(new_rows, predicate=match, source_alias="s", target_alias="t")
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )


def _quoted(text: str) -> str:
    return text.replace("'", "''")
