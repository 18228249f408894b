"""A small lake written row by row: what a test leaves out has a plain value."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from deltalake import write_deltalake

from include.lake.columns import Column, Table
from include.lake.tables import TABLES
from include.lake.writing import arrow_rows

DAY = datetime(2026, 11, 20, tzinfo=UTC)
_PLAIN = {
    "string": "",
    "int": 0,
    "bigint": 0,
    "boolean": True,
    "double": 0.0,
    "binary": b"",
    "timestamp": DAY,
}


def at(clock: str, *, day: int = 20) -> datetime:
    """A time of November 2026, such as `12:00:30.5`."""
    hours, minutes, *further = clock.split(":")
    seconds = float(further[0]) if further else 0.0
    return DAY + timedelta(days=day - 20, hours=int(hours), minutes=int(minutes), seconds=seconds)


def put(lake: Any, name: str, rows: Sequence[Mapping[str, Any]], *, mode: Any = "append") -> None:
    """Write rows to a table of the lake; offsets count up, required columns get plain values."""
    table, counted = TABLES[name], itertools.count()
    full = [
        {column.name: _plain(column) for column in table.columns}
        | ({"offset": next(counted)} if "offset" in table.names else {})
        | ({"kafka_time": row["received_time"]} if _is_stamped(table, row) else {})
        | dict(row)
        for row in rows
    ]
    write_deltalake(f"{lake}/{name}", arrow_rows(table, full), mode=mode)


def _is_stamped(table: Table, row: Mapping[str, Any]) -> bool:
    """Whether a row's stamp is its receipt: what a test leaves out came on time."""
    return "kafka_time" in table.names and row.get("received_time") is not None


def _plain(column: Column) -> Any:
    if not column.required:
        return None
    return Decimal(0) if column.type.startswith("decimal") else _PLAIN[column.type]
