"""The hourly check of the streamed tables: every suite is checked, then all failures raised."""

from datetime import UTC, datetime, timedelta

import duckdb
from deltalake import DeltaTable

from include.errors import GateFailed, first_line
from include.lake.file_selection import files_in_spans, list_files, list_uris
from include.lake.reading import connect, open_table
from include.lake.views import create_views
from include.quality.gate import validate
from include.quality.lake_suites import MARKET, READ, SUITES
from include.quality.results import QualityRun
from include.quality.suites import Suite
from include.settings.forecast import QualitySettings

NEW_SPAN = timedelta(minutes=15)  # a table may begin with the first message of its kind
MILLISECOND = timedelta(milliseconds=1)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def check_lake(quality_run: QualityRun, rules: QualitySettings) -> int:
    """Check the landed tables as they are now; give the number of rows checked.

    Raises:
        GateFailed: names each suite that failed, or could not be checked, with its first rows.
    """
    since = quality_run.now - timedelta(hours=rules.hours)
    connection = connect(
        quality_run.lake, READ, choose_files=lambda *named: recent_files(*named, start_at=since)
    )
    try:
        row_count, failures = 0, []
        for suite in SUITES:
            try:
                row_count += _check(suite, connection, quality_run, rules)
            except GateFailed as error:
                failures.append(str(error))
    finally:
        connection.close()
    if failures:
        raise GateFailed(" | ".join(failures))
    return row_count


def is_new(lake: str, *, now: datetime) -> bool:
    """Whether the oldest market table is younger than 15 minutes, or none is there yet."""
    tables = [table for name in MARKET if (table := open_table(lake, name)) is not None]
    created_ms = [table.metadata().created_time or 0 for table in tables]
    return not created_ms or now.timestamp() * 1000 - min(created_ms) < NEW_SPAN / MILLISECOND


def recent_files(name: str, table: DeltaTable, *, start_at: datetime) -> list[str] | None:
    """The files of a market table with records of Kafka since then; null: all of the table.

    Of a table without such a record all are read, so that its age is known.
    """
    if name not in MARKET:
        return None
    recent = files_in_spans(list_files(table), "kafka_time", [(start_at, END_OF_TIME)])
    return list_uris(recent) or None


def _check(
    suite: Suite,
    connection: duckdb.DuckDBPyConnection,
    quality_run: QualityRun,
    rules: QualitySettings,
) -> int:
    available = {
        "since": quality_run.now - timedelta(hours=rules.hours),
        "now": quality_run.now,
        "band": rules.price_band,
        "fresh_s": rules.fresh_s,
    }
    parameters = {name: value for name, value in available.items() if f"${name}" in suite.select}
    try:
        create_views(connection, suite.select)
        rows_df = connection.execute(suite.select, parameters).df()
    except duckdb.Error as error:
        raise quality_run.record_unchecked(suite.name, first_line(error)) from error
    quality_run.record(suite.name, validate(suite, rows_df))
    return len(rows_df)
