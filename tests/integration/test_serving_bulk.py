"""Many rows of Postgres at once, as Arrow: the values that were written, in the lake's types."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.errors import Unreachable
from include.lake.tables import SIGNALS
from include.lake.writing import arrow_schema
from include.serving import bulk
from include.serving.bulk import fetch_arrow
from include.serving.connection import transaction
from include.serving.tables import create_tables, upsert

SCHEMA = arrow_schema(SIGNALS)


def signal(minute: int, **other: Any) -> dict[str, Any]:
    start = datetime(2026, 3, 29, 0, minute, 0, 5, tzinfo=UTC)
    return {
        "venue": 'a "b", c',
        "symbol": "BTC-USD",
        "type": "bid",
        "value": Decimal("-1234567890123456789012345.000000000001"),
        "window_start": start,
        "timestamp": start + timedelta(minutes=1),
    } | other


def test_what_was_written_comes_back_in_utc(postgres_dsn: dict[str, Any]) -> None:
    create_tables(postgres_dsn)
    written = [signal(1), signal(2, venue="", value=Decimal(0))]
    upsert(postgres_dsn, SIGNALS, written)
    name = postgres_dsn["dbname"]
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Kathmandu'")
        cursor.execute(f"ALTER DATABASE \"{name}\" SET datestyle = 'German'")
    rows = fetch_arrow(postgres_dsn, "signals", SCHEMA)
    assert rows.schema == SCHEMA
    assert sorted(rows.to_pylist(), key=lambda row: row["timestamp"]) == written


def test_a_table_without_rows_or_that_is_not_there(postgres_dsn: dict[str, Any]) -> None:
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS signals CASCADE")
    with pytest.raises(Unreachable, match="lacks a table"):
        fetch_arrow(postgres_dsn, "signals", SCHEMA)
    create_tables(postgres_dsn)
    assert fetch_arrow(postgres_dsn, "signals", SCHEMA) == SCHEMA.empty_table()


def test_the_file_that_rows_come_through_is_a_fraction_of_their_text(
    postgres_dsn: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_tables(postgres_dsn)
    midnight = datetime(2026, 3, 29, tzinfo=UTC)
    written = [
        signal(0, window_start=at, timestamp=at + timedelta(minutes=1))
        for at in (midnight + timedelta(minutes=n) for n in range(2_000))
    ]
    upsert(postgres_dsn, SIGNALS, written)
    file = tmp_path / "rows"
    monkeypatch.setattr(bulk, "TemporaryFile", lambda: file.open("w+b"))
    rows = fetch_arrow(postgres_dsn, "signals", SCHEMA)
    assert sorted(rows.to_pylist(), key=lambda row: row["timestamp"]) == written
    shortest = len(f"{written[0]['venue']},{written[0]['symbol']},{written[0]['value']}")
    assert 0 < file.stat().st_size < 2_000 * shortest / 4
