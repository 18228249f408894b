"""The minutes a model is trained on: archives joined with the lake's own trades, up to a moment."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd

from include.errors import HistoryError
from include.lake.reading import open_table

LEAST_MINUTES = 1440
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
INPUTS = ("history_minutes", "trades")
# An archive's minute is complete by nature, so it wins over the lake's own; of two archives the
# one loaded last wins. A minute without a trade has no price and is left out, never filled.
MINUTES = """
WITH archived AS (
    SELECT minute, close::DOUBLE AS close FROM history_minutes
    WHERE symbol = $symbol AND traded AND minute < $as_of AND minute >= $since
    QUALIFY row_number() OVER (PARTITION BY minute ORDER BY loaded_at DESC, source) = 1
), landed AS (
    SELECT date_trunc('minute', traded_at) AS minute,
           arg_max(price::DOUBLE, (traded_at, "offset", event_index)) AS close
    FROM trades WHERE symbol = $symbol AND traded_at < $as_of AND traded_at >= $since GROUP BY 1
)
SELECT minute, close FROM archived
UNION ALL SELECT minute, close FROM landed ANTI JOIN archived USING (minute)
ORDER BY minute
"""
NEWEST = """
SELECT max(upto) FROM (
    SELECT max(minute) + INTERVAL 1 MINUTE AS upto FROM history_minutes WHERE symbol = $symbol
    UNION ALL SELECT date_trunc('minute', max(traded_at)) FROM trades WHERE symbol = $symbol)
"""
EMPTY = {
    "history_minutes": """CREATE TABLE history_minutes (source VARCHAR, symbol VARCHAR,
        minute TIMESTAMPTZ, close DECIMAL(20,8), traded BOOLEAN, loaded_at TIMESTAMPTZ)""",
    "trades": """CREATE TABLE trades (symbol VARCHAR, traded_at TIMESTAMPTZ,
        price DECIMAL(20,8), "offset" BIGINT, event_index INTEGER)""",
}


@dataclass(frozen=True)
class TrainingMinutes:
    """Last prices of minutes, oldest first, and where they came from.

    `frame` has `ds` (naive UTC, start of the minute) and `close`. No row is at or after `as_of`.
    `versions` are the Delta versions that were read.
    """

    symbol: str
    frame: pd.DataFrame
    as_of: datetime
    versions: dict[str, int]

    @property
    def trained_from(self) -> datetime:
        """Start of the first minute there is."""
        first: pd.Timestamp = self.frame["ds"].iloc[0]
        return first.to_pydatetime().replace(tzinfo=UTC)

    @property
    def trained_until(self) -> datetime:
        """Start of the last minute there is."""
        last: pd.Timestamp = self.frame["ds"].iloc[-1]
        return last.to_pydatetime().replace(tzinfo=UTC)


def training_minutes(
    lake: str, *, symbol: str, as_of: datetime | None, train_days: int, least: int = LEAST_MINUTES
) -> TrainingMinutes:
    """The whole minutes of the last `train_days` days (0: all) before `as_of` (none: newest data).

    Raises:
        HistoryError: there is nothing, or less than `least` minutes of it.
    """
    link = duckdb.connect()
    try:
        link.execute("SET TimeZone = 'UTC'")
        versions = _register(link, lake)
        upto = as_of or _newest(link, symbol)
        upto = upto.astimezone(UTC).replace(second=0, microsecond=0)
        since = upto - timedelta(days=train_days) if train_days else BEGINNING
        asked = {"symbol": symbol, "as_of": upto, "since": since}
        found = link.execute(MINUTES, asked).df()
    finally:
        link.close()
    if len(found) < least:
        raise HistoryError(
            f"only {len(found)} minutes of {symbol} with a trade before {upto:%Y-%m-%d %H:%M} UTC: "
            f"a model needs {least}"
        )
    ds = found["minute"].dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ns]")
    frame = pd.DataFrame({"ds": ds, "close": found["close"].astype("float64")})
    return TrainingMinutes(symbol, frame, upto, versions)


def _register(link: duckdb.DuckDBPyConnection, lake: str) -> dict[str, int]:
    versions = {}
    for name in INPUTS:
        table = open_table(lake, name)
        if table is None:
            link.execute(EMPTY[name])
        else:
            link.register(name, table.to_pyarrow_dataset())
            versions[name] = int(table.version())
    return versions


def _newest(link: duckdb.DuckDBPyConnection, symbol: str) -> datetime:
    row = link.execute(NEWEST, {"symbol": symbol}).fetchone()
    if row is None or row[0] is None:
        raise HistoryError(f"the lake holds no minute of {symbol}: run ingest_history first")
    newest: datetime = row[0]
    return newest
