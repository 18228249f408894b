"""How fast the reports answer: a generated lake with so many rows in every table they read.

The rows are synthetic (a random walk of prices over days, from a seed), their columns, types and
files those of a compacted lake. The peer of a report is plain DuckDB over the same files, without
the tables' logs; of one aggregate that both can compute, delta-rs's own SQL as well.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from bench.measurement import Measurement
from include.lake.columns import Table
from include.lake.reading import create_empty_view, find_tables, query
from include.lake.reporting import list_reports
from include.lake.tables import TABLES
from include.lake.views import ONCE, TRADES_ONCE
from include.lake.writing import arrow_schema
from include.log import PrintLine

RUNS = 3
PLAIN = "plain DuckDB"
BATCH = 1_000_000
# The column of a table -> what it is in row `i` of `n`; every other required column has a plain
# value of its type. The rows span thirty days of three venues.
AT = "make_timestamptz(1795000000000000 + (i::DOUBLE / n * 2592000000000)::BIGINT)"
VENUE = "['gemini', 'binance', 'deribit'][1 + i % 3]"
PRICE = "(60000 + 900 * sin(i / 90000.0) + random() * 20)::DECIMAL(20, 8)"
MINUTE = "make_timestamptz(60000000 * (29000000 + i // 20)::BIGINT)"
VALUES = {
    "venue": VENUE,
    "symbol": "'BTC-USD'",
    "price": PRICE,
    "open": PRICE,
    "close": PRICE,
    "high": "60950::DECIMAL(20, 8)",
    "low": "59050::DECIMAL(20, 8)",
    "offset": "i // 3",
    "kafka_time": f"{AT} + to_milliseconds((random() * 20)::BIGINT)",
    "received_time": AT,
    "venue_time": f"{AT} - to_milliseconds((random() * 90)::BIGINT)",
    "traded_at": AT,
    "quantity": "(random() + 0.001)::DECIMAL(22, 10)",
    "trade_id": "i::VARCHAR",
    "side": "['buy', 'sell'][1 + i % 2]",
    "top_bid": PRICE,
    "top_ask": f"{PRICE} + 25",
    "top_bid_quantity": "(random() + 0.01)::DECIMAL(22, 10)",
    "top_ask_quantity": "(random() + 0.01)::DECIMAL(22, 10)",
    "base_volume": "1000 + i % 9",
    "entry": "['connect', 'gap', 'disconnect', 'healed'][1 + i % 4]",
    "first_seq": "i",
    "last_seq": "i + i % 5",
    "currency": "'USD'",
    "minute": MINUTE,
    "complete": "i % 50 > 0",
    "total_count_buy": "3",
    "total_count_sell": "2",
    "total_base_buy": "random()::DECIMAL(20, 10)",
    "total_base_sell": "(random() + 0.1)::DECIMAL(20, 10)",
    "vwap": PRICE,
    "total_quote_buy": "(random() * 60000)::DECIMAL(20, 8)",
    "total_quote_sell": "(random() * 60000)::DECIMAL(20, 8)",
    "forecast_id": "'forecast-' || i // 150000",
    "yhat": PRICE,
    "yhat_lower": f"{PRICE} - 30",
    "yhat_upper": f"{PRICE} + 30",
    "profit": "(random() - 0.5)::DECIMAL(20, 8)",
    "ds": "make_timestamptz(60000000 * (29000000 + i // 150000 * 1440 + i % 150000)::BIGINT)",
    "trained_until": "make_timestamptz(60000000 * (29000000 + i // 150000 * 1440 - 1)::BIGINT)",
    "cumulative_profit": "(i % 1000)::DECIMAL(20, 8)",
    "hold_profit": "(i % 999)::DECIMAL(20, 8)",
    "topic": "'market.book'",
    "reason": "'reason_' || i % 7",
    "detail": "'for table x'",
    "value": "'frame'::BLOB",
    "rule": "'forecast_and_ratio'",
    "window_start": AT,
    "reasons": "['forecast_sell,nothing_to_sell', 'gap_open', 'buy'][1 + i % 3]",
    "action": "['hold', 'hold', 'buy'][1 + i % 3]",
    "timestamp": AT,
}
EMPTY = {"history_minutes"}  # only what is older than the stream: one point of a forecast
COMMON = "SELECT venue, count(*), max(price) FROM trades GROUP BY venue ORDER BY venue"


def measure(*, row_count: int, print_line: PrintLine) -> list[Measurement]:
    """Seconds of each report over tables of so many rows (the best of three), as `bench` prints."""
    with tempfile.TemporaryDirectory(prefix="tickhouse-bench-sql-") as folder:
        for name in sorted(
            {name for report in list_reports().values() for name in report.tables} - EMPTY
        ):
            began = time.monotonic()
            generate(folder, TABLES[name], row_count=row_count)
            print_line(f"{row_count:,} rows of {name} made in {time.monotonic() - began:.0f} s")
        measurements = []
        for report in list_reports().values():
            span = report.span(None, None)
            report_s, plain_s = fastest_runs_s(
                partial(query, folder, report.statement, span, all_tables=True),
                partial(query_with_duckdb, folder, report.statement, span),
            )
            print_line(f"{report.name}: {report_s:.2f} s, {PLAIN} {plain_s:.2f} s")
            measurements.append(_compare(f"report {report.name}", report_s, PLAIN, plain_s))
        ours_s, plain_s, delta_rs_s = fastest_runs_s(
            partial(query, folder, COMMON),
            partial(query_with_duckdb, folder, COMMON, {}),
            partial(_aggregate_with_delta_rs, folder),
        )
        name = "aggregate over trades"
        measurements.append(_compare(name, ours_s, PLAIN, plain_s))
        measurements.append(_compare(name, ours_s, "delta-rs's QueryBuilder", delta_rs_s))
        return measurements


def generate(lake: str, table: Table, *, row_count: int) -> None:
    """Write a table of so many rows, a commit for each million."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SELECT setseed(0.7)").fetchall()
    schema = arrow_schema(table)
    chosen = ", ".join(
        f'CAST({_choose_value(name, type_)} AS {_type(type_)}) AS "{name}"'
        for name, type_ in ((column.name, column.type) for column in table.columns)
    )
    for first in range(0, row_count, BATCH):
        numbers = f"range({first}, {min(row_count, first + BATCH)})"
        source = f"(SELECT range AS i, {row_count} AS n FROM {numbers})"
        batch: pa.Table = connection.sql(f"SELECT {chosen} FROM {source}").to_arrow_table()
        write_deltalake(f"{lake}/{table.name}", batch.cast(schema), mode="append")
    connection.close()


def fastest_runs_s(*runs: Callable[[], Any]) -> list[float]:
    """The fewest seconds of each in three rounds, which take them in turn."""
    seconds = [list[float]() for _ in runs]
    for number in range(RUNS):
        turns = list(zip(runs, seconds, strict=True))
        for run, spent_s in reversed(turns) if number % 2 else turns:
            began_s = time.perf_counter()
            run()
            spent_s.append(time.perf_counter() - began_s)
    return [min(spent_s) for spent_s in seconds]


def query_with_duckdb(
    lake: str, statement: str, bindings: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """The rows of a statement, as DuckDB reads the tables' Parquet files by itself."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in find_tables(statement):
            if files := list(map(str, Path(lake, name).glob("*.parquet"))):
                connection.read_parquet(files).create_view(name)
            else:
                create_empty_view(connection, TABLES[name])
        if ONCE in statement:
            connection.execute(TRADES_ONCE)
        return connection.sql(statement, params=dict(bindings)).fetchall()


def _aggregate_with_delta_rs(lake: str) -> Any:
    builder = QueryBuilder().register("trades", DeltaTable(f"{lake}/trades"))
    return builder.execute(COMMON).read_all()


def _choose_value(name: str, type_: str) -> str:
    if name == "event_index":
        return "0"
    return VALUES.get(name, "false" if type_ == "boolean" else "NULL")


def _type(spark: str) -> str:
    return {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ", "binary": "BLOB"}.get(spark, spark)


def _compare(name: str, seconds: float, peer: str, peer_s: float) -> Measurement:
    return Measurement.of(name, seconds, "s", peer=peer, peer_value=peer_s, digits=3)
