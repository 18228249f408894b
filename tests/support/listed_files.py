"""Data files that a table's log lists with statistics, and that are not there."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.transaction import AddAction


def list_absent_files(lake: Path, name: str, bounds: Sequence[tuple[dict[str, Any], ...]]) -> None:
    """Commit an add action for each pair of minima and maxima of columns."""
    table = DeltaTable(str(lake / name))
    actions = [
        AddAction(
            path=f"absent-{number}-{table.version()}.parquet",
            size=1000,
            partition_values={},
            modification_time=0,
            data_change=True,
            stats=json.dumps(
                {
                    "numRecords": 10,
                    "minValues": _plain(low),
                    "maxValues": _plain(high),
                    "nullCount": dict.fromkeys(low, 0),
                }
            ),
        )
        for number, (low, high) in enumerate(bounds)
    ]
    table.create_write_transaction(actions, mode="append", schema=table.schema(), partition_by=[])


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in values.items()
    }
