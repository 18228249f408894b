"""SQL sees each Delta table with its own columns, whatever its files hold."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from include.errors import QueryError, UnreadableTable
from include.lake.delta_log import find_log_damage
from include.lake.reading import connect, open_table, query
from tests.support.landed_rows import land, trade

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def rows(*offsets: int, extra: bool = False) -> pa.Table:
    columns = {
        "offset": pa.array(offsets, pa.int64()),
        "kafka_time": pa.array([AT] * len(offsets), pa.timestamp("us", "UTC")),
        "price": pa.array([Decimal("9.5")] * len(offsets), pa.decimal128(20, 8)),
    }
    if extra:
        columns["side"] = pa.array(["buy"] * len(offsets))
    return pa.table(columns)


def test_a_table_is_read_at_its_version_with_columns_its_older_files_lack(tmp_path: Path) -> None:
    lake = str(tmp_path)
    write_deltalake(f"{lake}/trades", rows(1, 2))
    write_deltalake(f"{lake}/trades", rows(3, extra=True), mode="append", schema_mode="merge")
    answer = query(lake, 'SELECT "offset", side, price, kafka_time FROM trades ORDER BY ALL')
    price = Decimal("9.50000000")
    assert answer[1] == [(1, None, price, AT), (2, None, price, AT), (3, "buy", price, AT)]
    write_deltalake(f"{lake}/trades", rows(4), mode="overwrite", schema_mode="merge")
    assert query(lake, "SELECT count(*) FROM trades")[1] == [(1,)]


def test_times_that_spark_wrote_as_int96_are_times_in_utc(tmp_path: Path) -> None:
    lake = str(tmp_path)
    write_deltalake(f"{lake}/trades", rows(1))
    (file,) = DeltaTable(f"{lake}/trades").file_uris()
    pq.write_table(rows(1), file, use_deprecated_int96_timestamps=True)
    assert query(lake, "SELECT kafka_time FROM trades")[1] == [(AT,)]


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    lake = str(tmp_path)
    write_deltalake(f"{lake}/trades", rows())
    link = connect(lake, ["trades", "quotes"])
    assert link.execute("SELECT count(*), max(price) FROM trades").fetchall() == [(0, None)]
    assert [row[0] for row in link.execute("SHOW TABLES").fetchall()] == ["trades"]
    with pytest.raises(duckdb.Error):
        link.execute("SELECT * FROM quotes")
    assert open_table(lake, "quotes") is None


def test_a_wrong_statement_says_which_tables_there_are(tmp_path: Path) -> None:
    write_deltalake(f"{tmp_path}/trades", rows(1))
    with pytest.raises(QueryError, match=r"(?s)nonsense.*\(tables: trades\)"):
        query(str(tmp_path), "SELECT nonsense FROM trades")


def test_a_first_commit_that_is_cut_at_the_end_of_a_line_is_damage(tmp_path: Path) -> None:
    land(tmp_path, "trades", [trade(0, "1", "buy", "1", "1")])
    commit = tmp_path / "trades" / "_delta_log" / f"{0:020}.json"
    lines = commit.read_bytes().splitlines(keepends=True)
    assert find_log_damage(tmp_path / "trades") is None
    for count in range(1, len(lines)):
        commit.write_bytes(b"".join(lines[:count]))
        if b"metaData" in b"".join(lines[:count]) and b"protocol" in b"".join(lines[:count]):
            continue
        damage = find_log_damage(tmp_path / "trades")
        assert damage is not None and (damage.intact_version, damage.is_unreferenced) == (-1, True)
        with pytest.raises(UnreadableTable, match=r"does not define the table; ./tickhouse down"):
            open_table(str(tmp_path), "trades")
