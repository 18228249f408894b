"""The days of Postgres' minutes as partitions: made for any time, dropped whole, kept by `up`."""

from datetime import UTC, datetime, timedelta
from typing import Any

from include.lake.tables import TRADE_MINUTES
from include.serving.connection import transaction
from include.serving.day_partitions import partition_clause
from include.serving.retention import prune
from include.serving.tables import create_tables, postgres_ddl, upsert
from tests.support.minute_rows import START, minute_rows
from tests.support.postgres import fetch_tuples

DAYS = """
SELECT inhrelid::regclass::text FROM pg_inherits
WHERE inhparent = 'trade_minutes'::regclass ORDER BY 1"""
COUNT = "SELECT count(*), min(minute), max(minute) FROM trade_minutes"
DAY_MINUTES = 1440


def execute(dsn: dict[str, Any], statement: str) -> None:
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def days(dsn: dict[str, Any]) -> list[str]:
    prefix = 'partitions."trade_minutes_'
    return [name.removeprefix(prefix).rstrip('"') for (name,) in fetch_tuples(dsn, DAYS)]


def at_times(*times: datetime) -> list[dict[str, Any]]:
    rows = minute_rows(range(1)).to_pylist()[:1]
    return [{**rows[0], "minute": at} for at in times]


def test_a_row_of_any_time_gets_its_day(postgres_dsn: dict[str, Any]) -> None:
    execute(postgres_dsn, "DELETE FROM trade_minutes")
    midnight = datetime(2017, 3, 1, tzinfo=UTC)
    times = (midnight - timedelta(minutes=1), midnight, datetime(2099, 12, 31, 23, 59, tzinfo=UTC))
    for _ in range(2):
        upsert(postgres_dsn, TRADE_MINUTES, at_times(*times))
    assert days(postgres_dsn) == ["2017-02-28", "2017-03-01", "2099-12-31"]
    assert fetch_tuples(postgres_dsn, COUNT) == [(3, times[0], times[2])]
    execute(postgres_dsn, "DELETE FROM trade_minutes")
    assert prune(postgres_dsn, keep_days=1)["trade_minutes"] == 0


def test_days_go_whole_and_a_day_of_the_future_makes_no_other_one_old(
    postgres_dsn: dict[str, Any],
) -> None:
    future = datetime(2099, 1, 1, tzinfo=UTC)
    upsert(postgres_dsn, TRADE_MINUTES, minute_rows(range(0, 3 * DAY_MINUTES, 60)).to_pylist())
    upsert(postgres_dsn, TRADE_MINUTES, at_times(future))
    assert prune(postgres_dsn, keep_days=1)["trade_minutes"] == 24 * 4
    assert prune(postgres_dsn, keep_days=1)["trade_minutes"] == 0
    assert [day for day in days(postgres_dsn) if day[:4] == "2026"] == ["2026-11-02", "2026-11-03"]
    newest = START + timedelta(days=2, hours=23)
    assert fetch_tuples(postgres_dsn, f"{COUNT} WHERE minute < '2099-01-01'") == [
        (2 * 24 * 4, START + timedelta(days=1), newest)
    ]


def test_a_query_of_one_day_opens_that_day_alone(postgres_dsn: dict[str, Any]) -> None:
    upsert(postgres_dsn, TRADE_MINUTES, minute_rows(range(0, 4 * DAY_MINUTES, 60)).to_pylist())
    statement = "SELECT * FROM trade_minutes WHERE minute >= '2026-11-03' AND minute < '2026-11-04'"
    plan = "\n".join(line for (line,) in fetch_tuples(postgres_dsn, f"EXPLAIN {statement}"))
    assert "2026-11-03" in plan
    assert "trade_minutes_2026-11-02" not in plan
    assert "trade_minutes_2026-11-04" not in plan


def test_a_plain_table_of_an_earlier_version_keeps_its_rows(postgres_dsn: dict[str, Any]) -> None:
    rows = minute_rows(range(0, 2 * DAY_MINUTES, 30)).to_pylist()
    plain = postgres_ddl(TRADE_MINUTES).removesuffix(partition_clause(TRADE_MINUTES.name))
    execute(postgres_dsn, f"DROP TABLE trade_minutes CASCADE; {plain}")
    with transaction(postgres_dsn) as connection, connection.cursor() as cursor:
        names = ", ".join(TRADE_MINUTES.names)
        values = ", ".join(["%s"] * len(TRADE_MINUTES.names))
        cursor.executemany(
            f"INSERT INTO trade_minutes ({names}) VALUES ({values})",
            [tuple(row[name] for name in TRADE_MINUTES.names) for row in rows],
        )
        cursor.execute("CREATE VIEW minute_totals AS SELECT venue FROM trade_minutes")
    for _ in range(2):
        create_tables(postgres_dsn)
    newest = rows[-1]["minute"]
    assert fetch_tuples(postgres_dsn, COUNT) == [(len(rows), START, newest)]
    assert days(postgres_dsn) == ["2026-11-01", "2026-11-02"]
    assert fetch_tuples(postgres_dsn, "SELECT count(*) FROM minute_totals") == [(len(rows),)]
    upsert(postgres_dsn, TRADE_MINUTES, rows)
    assert fetch_tuples(postgres_dsn, COUNT) == [(len(rows), START, newest)]
