"""The minutes a model is trained on: archives joined with the lake's own trades, up to a moment.

They are read a slice of time at a time, only minute and price, into arrays of 16 bytes a minute,
so that the memory for sorting and joining does not grow with the history.
"""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd

from include.clock import utc_now
from include.errors import HistoryError
from include.lake.believed_times import AHEAD, RECEIPT, newest_of
from include.lake.reading import create_empty_view, create_view, open_table
from include.lake.tables import TABLES, TRADE_MINUTES
from include.market.time import DAY_MINUTES, EPOCH, MINUTE

MIN_MINUTES = DAY_MINUTES
MIN_SHARE = 0.9
SLICE = timedelta(days=180)
MEMORY = "512MB"
CLOSE, VWAP = "close", "vwap"
TARGETS = (CLOSE, VWAP)
INPUTS = ("history_minutes", "trades")
# A trade that was made long after its receipt is of no minute.
BELIEVED = f"coalesce(traded_at <= {RECEIPT} + {AHEAD}, true)"
# An archive's minute is complete by nature, so it wins over the lake's own; of two archives the
# one loaded last wins. A minute without a trade has no price and is left out, never filled. The
# lake's own are of one venue: two have two prices, and a series of both would jump each minute.
MINUTES = """
WITH archived AS (
    SELECT minute, close::DOUBLE AS close, vwap FROM history_minutes
    WHERE symbol = $symbol AND traded AND minute < $upto AND minute >= $since
    QUALIFY row_number() OVER (PARTITION BY minute ORDER BY loaded_at DESC, source) = 1
), landed AS (
    SELECT date_trunc('minute', traded_at) AS minute,
           arg_max(price::DOUBLE, (traded_at, "offset", event_index)) AS close
    FROM trades WHERE symbol = $symbol AND ($venue = '' OR venue = $venue)
        AND condition IS NULL AND {believed} AND traded_at < $upto AND traded_at >= $since
    GROUP BY 1
), weighted AS ({weighted})
SELECT epoch_ns(minute) AS ds, {prices} FROM archived
UNION ALL SELECT epoch_ns(minute), {prices}
FROM landed ANTI JOIN archived USING (minute) LEFT JOIN weighted USING (minute)
ORDER BY ds
"""
WEIGHTED = """
SELECT minute, (total_quote_buy + total_quote_sell)::DOUBLE
    / nullif((total_base_buy + total_base_sell)::DOUBLE, 0) AS vwap
FROM trade_minutes
WHERE symbol = $symbol AND venue = $venue AND minute < $upto AND minute >= $since
"""
WEIGHTED_PRICES = "close, coalesce(vwap, close) AS target"
NOT_WEIGHTED = "SELECT NULL::TIMESTAMPTZ AS minute, NULL::DOUBLE AS vwap"
# By venue (of archives none): the first minute there is, and the end of the last whole one.
SPANS = f"""
SELECT '', min(minute) AS first, {newest_of("minute", now="$now")} + INTERVAL 1 MINUTE AS upto
FROM history_minutes WHERE symbol = $symbol
UNION ALL
SELECT venue, date_trunc('minute', min(traded_at)),
    date_trunc('minute', {newest_of("traded_at", now="$now")})
FROM trades WHERE symbol = $symbol AND condition IS NULL AND {BELIEVED}
GROUP BY venue
"""


@dataclass(frozen=True)
class TrainingMinutes:
    """Last prices of minutes, oldest first, and where they came from.

    `prices_df` has `ds` (naive UTC, start of the minute), `close` and, where that is not the
    training target, `target`: the weighted price, the close of a minute that has none. No row is at
    or after `as_of`. `versions` are the Delta versions that were read; `venue` is whose trades
    count beside the archives' (empty: none landed).
    """

    symbol: str
    prices_df: pd.DataFrame
    as_of: datetime
    versions: dict[str, int]
    venue: str = ""

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
    minutes = int(MIN_SHARE * (span / MINUTE))
    return min(minutes, MIN_MINUTES) if span else MIN_MINUTES


def rows_within(
    prices_df: pd.DataFrame, after_at: pd.Timestamp, end_at: pd.Timestamp
) -> pd.DataFrame:
    """The rows with `after_at < ds <= end_at` of minutes in order, without a copy of them."""
    begin, end = (int(prices_df["ds"].searchsorted(at, side="right")) for at in (after_at, end_at))
    return prices_df.iloc[begin:end]


@dataclass(frozen=True)
class PriceChoice:
    """Which prices: `target` as in `Recipe`, and the venues in the order of their preference."""

    venues: Sequence[str] = ()
    target: str = CLOSE

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables that are read."""
        return INPUTS if self.target == CLOSE else (*INPUTS, TRADE_MINUTES.name)


def choose_venue(landed_venues: Collection[str], preferred: Sequence[str]) -> str:
    """The one whose trades count: the first preferred one, else the first by name; empty: none."""
    return next(
        (venue for venue in (*preferred, *sorted(landed_venues)) if venue in landed_venues), ""
    )


def training_minutes(
    lake: str,
    *,
    symbol: str,
    as_of: datetime | None,
    train_days: int,
    min_minutes: int | None = None,
    choice: PriceChoice | None = None,
) -> TrainingMinutes:
    """The whole minutes of the last `train_days` days (0: all) before `as_of` (none: newest data).

    What a wrong clock put ahead of now is no newest data.

    Raises:
        HistoryError: there is nothing, or less than `min_minutes` (none: what a model needs).
    """
    needed_minutes = (
        minimum_minutes(timedelta(days=train_days)) if min_minutes is None else min_minutes
    )
    choice = choice or PriceChoice()
    with _inputs(lake, choice.inputs) as (connection, versions):
        venue, first_minute, newest = _span(connection, symbol, choice.venues, as_of=as_of)
        upto = (as_of or newest).astimezone(UTC).replace(second=0, microsecond=0)
        since = max(upto - timedelta(days=train_days) if train_days else EPOCH, first_minute)
        reader = _Reader(connection, symbol, venue, choice.target)
        prices_df = reader.read_prices(since, upto)
    if len(prices_df) < needed_minutes:
        raise HistoryError(
            f"only {len(prices_df)} minutes of {symbol} with a trade before "
            f"{upto:%Y-%m-%d %H:%M} UTC: a model needs {needed_minutes}"
        )
    return TrainingMinutes(symbol, prices_df, upto, versions, venue)


def minutes_at_versions(
    lake: str,
    *,
    symbol: str,
    span: tuple[datetime, datetime],
    versions: Mapping[str, int],
    venue: str = "",
    target: str = CLOSE,
) -> TrainingMinutes:
    """The minutes from the first to the last of a span as they stood in these Delta versions.

    Without a venue those of all count, as before one was chosen.

    Raises:
        QueryError: a version, or a file of it, was removed.
    """
    first, last = span
    upto = last + MINUTE
    names = PriceChoice(target=target).inputs
    with _inputs(lake, names, versions) as (connection, read_versions):
        prices_df = _Reader(connection, symbol, venue, target).read_prices(first, upto)
    return TrainingMinutes(symbol, prices_df, upto, read_versions, venue)


@contextmanager
def _inputs(
    lake: str, names: Sequence[str], pinned: Mapping[str, int] | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, int]]]:
    """DuckDB with the input tables, at `pinned` versions or now, and their versions."""
    versions = {}
    with tempfile.TemporaryDirectory(prefix="tickhouse-minutes-") as spill:
        with duckdb.connect(config={"temp_directory": spill}) as connection:
            connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{MEMORY}'")
            for name in names:
                absent = pinned is not None and name not in pinned
                version = None if pinned is None else pinned.get(name)
                table = None if absent else open_table(lake, name, version=version)
                if table is None:
                    create_empty_view(connection, TABLES[name])
                else:
                    create_view(connection, name, table)
                    versions[name] = int(table.version())
            yield connection, versions


def _span(
    connection: duckdb.DuckDBPyConnection,
    symbol: str,
    preferred: Sequence[str],
    *,
    as_of: datetime | None,
) -> tuple[str, datetime, datetime]:
    """The venue whose trades count, the first minute of it and the archives, and the end."""
    rows = connection.execute(SPANS, {"symbol": symbol, "now": utc_now()}).fetchall()
    spans = {venue: (first, upto) for venue, first, upto in rows if first is not None}
    limit = as_of.astimezone(UTC) if as_of else None
    landed_venues = [venue for venue, (first, _) in spans.items() if limit is None or first < limit]
    venue = choose_venue(set(landed_venues) - {""}, preferred)
    counted = [spans[name] for name in {"", venue} & set(spans)]
    if not spans:
        raise HistoryError(f"the lake holds no minute of {symbol}: run ingest_history first")
    counted = counted or list(spans.values())
    return venue, min(first for first, _ in counted), max(upto for _, upto in counted)


@dataclass(frozen=True)
class _Reader:
    """Reads one symbol's minutes, a span of time after the other."""

    connection: duckdb.DuckDBPyConnection
    symbol: str
    venue: str
    target: str

    def read_prices(self, start_at: datetime, end_at: datetime) -> pd.DataFrame:
        columns = {"ds": np.empty(0, dtype="datetime64[ns]"), "close": np.empty(0)}
        if self.target != CLOSE:
            columns["target"] = np.empty(0)
        slices = self._read_slices(start_at, end_at)
        return pd.concat([pd.DataFrame(columns), *slices], ignore_index=True)

    def _read_slices(self, start_at: datetime, end_at: datetime) -> Iterator[pd.DataFrame]:
        names = ("close",) if self.target == CLOSE else ("close", "target")
        statement = (
            MINUTES.format(weighted=NOT_WEIGHTED, prices="close", believed=BELIEVED)
            if self.target == CLOSE
            else MINUTES.format(weighted=WEIGHTED, prices=WEIGHTED_PRICES, believed=BELIEVED)
        )
        while start_at < end_at:
            end = min(start_at + SLICE, end_at)
            bindings = {"symbol": self.symbol, "venue": self.venue, "since": start_at, "upto": end}
            columns = self.connection.execute(statement, bindings).fetchnumpy()
            ds = np.asarray(columns["ds"], dtype=np.int64).view("datetime64[ns]")
            prices = {name: np.asarray(columns[name], dtype=np.float64) for name in names}
            yield pd.DataFrame({"ds": ds, **prices}, copy=False)
            start_at = end
