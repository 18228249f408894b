"""The minutes a model is trained on: archives joined with the lake's own trades, up to a moment.

They are read a slice of time at a time, only minute and price, into arrays of 16 bytes a minute,
so that the memory for sorting and joining does not grow with the history.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd

from include.errors import HistoryError
from include.lake.reading import create_empty_view, create_view, open_table
from include.lake.tables import TABLES

MIN_MINUTES = 1440
MIN_SHARE = 0.9
SLICE = timedelta(days=180)
MEMORY = "512MB"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
INPUTS = ("history_minutes", "trades")
# An archive's minute is complete by nature, so it wins over the lake's own; of two archives the
# one loaded last wins. A minute without a trade has no price and is left out, never filled.
MINUTES = """
WITH archived AS (
    SELECT minute, close::DOUBLE AS close FROM history_minutes
    WHERE symbol = $symbol AND traded AND minute < $upto AND minute >= $since
    QUALIFY row_number() OVER (PARTITION BY minute ORDER BY loaded_at DESC, source) = 1
), landed AS (
    SELECT date_trunc('minute', traded_at) AS minute,
           arg_max(price::DOUBLE, (traded_at, "offset", event_index)) AS close
    FROM trades WHERE symbol = $symbol AND traded_at < $upto AND traded_at >= $since GROUP BY 1
)
SELECT epoch_ns(minute) AS ds, close FROM archived
UNION ALL SELECT epoch_ns(minute), close FROM landed ANTI JOIN archived USING (minute)
ORDER BY ds
"""
# The first minute there is, and the end of the last whole one.
SPAN = """
SELECT min(first), max(upto) FROM (
    SELECT min(minute) AS first, max(minute) + INTERVAL 1 MINUTE AS upto
    FROM history_minutes WHERE symbol = $symbol
    UNION ALL SELECT date_trunc('minute', min(traded_at)), date_trunc('minute', max(traded_at))
    FROM trades WHERE symbol = $symbol)
"""
NO_MINUTES = pd.DataFrame({"ds": np.empty(0, dtype="datetime64[ns]"), "close": np.empty(0)})


@dataclass(frozen=True)
class TrainingMinutes:
    """Last prices of minutes, oldest first, and where they came from.

    `prices_df` has `ds` (naive UTC, start of the minute) and `close`. No row is at or
    after `as_of`. `versions` are the Delta versions that were read.
    """

    symbol: str
    prices_df: pd.DataFrame
    as_of: datetime
    versions: dict[str, int]

    @property
    def trained_from(self) -> datetime:
        """Start of the first minute there is."""
        first: pd.Timestamp = self.prices_df["ds"].iloc[0]
        return first.to_pydatetime().replace(tzinfo=UTC)

    @property
    def trained_until(self) -> datetime:
        """Start of the last minute there is."""
        last: pd.Timestamp = self.prices_df["ds"].iloc[-1]
        return last.to_pydatetime().replace(tzinfo=UTC)


def minimum_minutes(span: timedelta) -> int:
    """How many minutes with a trade a model of this span (zero: any) needs.

    A day's worth, or nine tenths of a span that is no longer: every market has a minute without.
    """
    minutes = int(MIN_SHARE * (span / timedelta(minutes=1)))
    return min(minutes, MIN_MINUTES) if span else MIN_MINUTES


def rows_within(prices_df: pd.DataFrame, after: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """The rows with `after < ds <= until` of minutes in order of time, without a copy of them."""
    begin, end = (int(prices_df["ds"].searchsorted(at, side="right")) for at in (after, until))
    return prices_df.iloc[begin:end]


def training_minutes(
    lake: str,
    *,
    symbol: str,
    as_of: datetime | None,
    train_days: int,
    min_minutes: int | None = None,
) -> TrainingMinutes:
    """The whole minutes of the last `train_days` days (0: all) before `as_of` (none: newest data).

    Raises:
        HistoryError: there is nothing, or less than `min_minutes` (none: what a model needs).
    """
    needed_minutes = (
        minimum_minutes(timedelta(days=train_days)) if min_minutes is None else min_minutes
    )
    with _inputs(lake) as (connection, versions):
        first_minute, newest = _span(connection, symbol)
        upto = (as_of or newest).astimezone(UTC).replace(second=0, microsecond=0)
        since = max(upto - timedelta(days=train_days) if train_days else BEGINNING, first_minute)
        prices_df = _read_prices(connection, symbol=symbol, since=since, upto=upto)
    if len(prices_df) < needed_minutes:
        raise HistoryError(
            f"only {len(prices_df)} minutes of {symbol} with a trade before "
            f"{upto:%Y-%m-%d %H:%M} UTC: a model needs {needed_minutes}"
        )
    return TrainingMinutes(symbol, prices_df, upto, versions)


def minutes_at_versions(
    lake: str, *, symbol: str, first: datetime, last: datetime, versions: Mapping[str, int]
) -> TrainingMinutes:
    """The minutes from `first` to `last` as they stood in these Delta versions of the tables.

    Raises:
        QueryError: a version, or a file of it, was removed.
    """
    upto = last + timedelta(minutes=1)
    with _inputs(lake, versions) as (connection, read_versions):
        prices_df = _read_prices(connection, symbol=symbol, since=first, upto=upto)
    return TrainingMinutes(symbol, prices_df, upto, read_versions)


@contextmanager
def _inputs(
    lake: str, pinned: Mapping[str, int] | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, int]]]:
    """DuckDB with the input tables, at `pinned` versions or now, and their versions."""
    versions = {}
    with tempfile.TemporaryDirectory(prefix="tickhouse-minutes-") as spill:
        with duckdb.connect(config={"temp_directory": spill}) as connection:
            connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{MEMORY}'")
            for name in INPUTS:
                absent = pinned is not None and name not in pinned
                version = None if pinned is None else pinned.get(name)
                table = None if absent else open_table(lake, name, version=version)
                if table is None:
                    create_empty_view(connection, TABLES[name])
                else:
                    create_view(connection, name, table, definition=TABLES[name])
                    versions[name] = int(table.version())
            yield connection, versions


def _span(connection: duckdb.DuckDBPyConnection, symbol: str) -> tuple[datetime, datetime]:
    first, upto = connection.execute(SPAN, {"symbol": symbol}).fetchone() or (None, None)
    if first is None or upto is None:
        raise HistoryError(f"the lake holds no minute of {symbol}: run ingest_history first")
    return first, upto


def _read_prices(
    connection: duckdb.DuckDBPyConnection, *, symbol: str, since: datetime, upto: datetime
) -> pd.DataFrame:
    slices = _slices(connection, symbol=symbol, since=since, upto=upto)
    return pd.concat([NO_MINUTES, *slices], ignore_index=True)


def _slices(
    connection: duckdb.DuckDBPyConnection, *, symbol: str, since: datetime, upto: datetime
) -> Iterator[pd.DataFrame]:
    """The minutes of one span of time after the other."""
    while since < upto:
        end = min(since + SLICE, upto)
        parameters = {"symbol": symbol, "since": since, "upto": end}
        columns = connection.execute(MINUTES, parameters).fetchnumpy()
        ds = np.asarray(columns["ds"], dtype=np.int64).view("datetime64[ns]")
        close = np.asarray(columns["close"], dtype=np.float64)
        yield pd.DataFrame({"ds": ds, "close": close}, copy=False)
        since = end
