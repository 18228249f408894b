"""Small writes to Delta tables without Spark (delta-rs): replacements that may be repeated.

Each is on the disk when the function returns.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake

from include.lake.columns import PROPERTIES, Table
from include.lake.reading import open_table
from include.lake.synced_commits import synced_commits

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


def replace_rows(lake: str, table: Table, new_rows: pa.Table, **key_values: str) -> None:
    """Replace the rows whose columns have these values by new ones, in one commit.

    Columns that an older table lacks are added to it.
    """
    predicate = " AND ".join(f"{name} = '{_escape(text)}'" for name, text in key_values.items())
    with synced_commits(lake, table.name):
        _create(lake, table)
        write_deltalake(
            f"{lake}/{table.name}",
            new_rows,
            mode="overwrite",
            predicate=predicate,
            schema_mode="merge",
        )


def merge_by_day(
    lake: str,
    table: Table,
    new_rows: pa.Table,
    *,
    column: str,
    watermarks: Mapping[str, int] | None = None,
    replace: bool = True,
) -> None:
    """Insert rows, or replace those with the same key, in one commit for each day of `column`.

    Without `replace` the rows that are there stay.

    A merge rewrites the files that hold a replaced row into one. Days are merged apart, so that no
    file ever holds more than one, and bounded, so that files of other times are not even read.
    The last commit carries `watermarks`, versions by application id (`include/lake/watermarks.py`).
    """
    days = pc.floor_temporal(new_rows[column], unit="day")
    same_key = [f"t.{name} = s.{name}" for name in table.key]
    distinct = sorted(pc.unique(days).to_pylist())
    with synced_commits(lake, table.name):
        existing = _create(lake, table)
        for day in distinct:
            of_day = new_rows.filter(pc.equal(days, pa.scalar(day, days.type)))
            bounds = pc.min_max(of_day[column]).as_py()
            within = [
                f"t.{column} >= TIMESTAMP '{bounds['min'].isoformat()}'",
                f"t.{column} <= TIMESTAMP '{bounds['max'].isoformat()}'",
            ]
            merger = existing.merge(
                of_day,
                predicate=" AND ".join([*within, *same_key]),
                source_alias="s",
                target_alias="t",
                commit_properties=_properties(watermarks if day == distinct[-1] else None),
            ).when_not_matched_insert_all()
            (merger.when_matched_update_all() if replace else merger).execute()


def delete_before(
    lake: str,
    table: Table,
    *,
    column: str,
    before_at: datetime,
    watermarks: Mapping[str, int] | None = None,
) -> int:
    """Delete the rows whose time is before that; gives how many.

    The commit carries `watermarks`, versions by application id.

    Raises:
        deltalake.exceptions.CommitFailedError: another writer replaced what was read.
    """
    existing = open_table(lake, table.name)
    if existing is None:
        return 0
    with synced_commits(lake, table.name):
        metrics = existing.delete(
            f"{column} < '{before_at.isoformat()}'", commit_properties=_properties(watermarks)
        )
    return int(metrics["num_deleted_rows"])


def join_files_of_days(lake: str, table: Table, *, column: str, max_files: int) -> int:
    """Join the files of each day of `column` that has too many; gives how many days were joined.

    A day that is over has one file afterwards; the newest day is left until it has more than
    `max_files`. No row changes, and no file holds more than a day.
    """
    existing = open_table(lake, table.name)
    if existing is None:
        return 0
    crowded = list(_crowded_days(existing, column, max_files))
    for day in crowded:
        first, until = day.isoformat(), (day + timedelta(days=1)).isoformat()
        bounds = [(column, ">=", day), (column, "<", day + timedelta(days=1))]
        rows = DeltaTable(f"{lake}/{table.name}").to_pyarrow_table(filters=bounds)
        with synced_commits(lake, table.name):
            write_deltalake(
                f"{lake}/{table.name}",
                rows.sort_by([(name, "ascending") for name in table.key]),
                mode="overwrite",
                predicate=f"{column} >= '{first}' AND {column} < '{until}'",
            )
    return len(crowded)


def _crowded_days(table: DeltaTable, column: str, max_files: int) -> Iterator[datetime]:
    files = pa.table(table.get_add_actions(flatten=True))
    counts: dict[datetime, int] = {}
    bounds = (files[f"{end}.{column}"].to_pylist() for end in ("min", "max"))
    for low, high in zip(*bounds, strict=True):
        for day in {datetime.combine(at.date(), time(), UTC) for at in (low, high)}:
            counts[day] = counts.get(day, 0) + 1
    newest = max(counts, default=None)
    for day, count in sorted(counts.items()):
        if count > (max_files if day == newest else 1):
            yield day


def _create(lake: str, table: Table) -> DeltaTable:
    """The table, made if it does not exist; an older one gets the columns that it lacks."""
    schema = arrow_schema(table)
    existing = DeltaTable.create(
        f"{lake}/{table.name}",
        schema,
        mode="ignore",
        name=table.name,
        description=table.comment,
        configuration=PROPERTIES,
    )
    names = {field.name for field in existing.schema().fields}
    if missing := [field for field in schema if field.name not in names]:
        existing.alter.add_columns(Schema.from_arrow(pa.schema(missing)).fields)
    return existing


def _properties(watermarks: Mapping[str, int] | None) -> CommitProperties:
    transactions = [Transaction(*watermark) for watermark in (watermarks or {}).items()]
    return CommitProperties(app_transactions=transactions)


def _escape(text: str) -> str:
    return text.replace("'", "''")
