"""Delta's `signals`: inserted by the stream, restated from the landed book when changes were late.

A window is summed again from `book_changes`, each message once by its event id, with the stream's
own rounding, so that a window without late changes comes out the same to the last digit.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from deltalake.exceptions import CommitFailedError

from include.lake.believed_times import AHEAD, RECEIPT
from include.lake.file_selection import files_in_spans, list_files, list_uris
from include.lake.floors import dropped_until, read_floors
from include.lake.reading import connect, create_view, open_table
from include.lake.tables import SIGNALS
from include.lake.writing import arrow_rows, merge_by_day
from include.market.events import INITIAL
from include.market.jumps import JUMP
from include.market.signals import PublishedSignal
from include.market.time import AHEAD_OF_RECEIPT_US, from_epoch_us, to_epoch_us
from include.market.windows import Key, Liquidity

ATTEMPTS, PAUSE_S = 5, 0.2  # a compaction may rewrite the files under a merge
Window = tuple[str, str, int]  # venue, symbol, start in µs
SUMS = f"""
WITH changes AS (
    SELECT venue, symbol, venue_time, "partition", "offset", event_index, side,
        CAST(CAST(price * remaining AS DECIMAL(38, 13)) AS DECIMAL(38, 12)) AS amount,
        coalesce(first_value(venue_event_id) OVER message, seq_last)::VARCHAR AS id,
        first_value(reason) OVER message AS first_reason
    FROM book_changes
    WHERE kind = 'book' AND event_index >= 0 AND venue_time IS NOT NULL
      AND venue_time <= {RECEIPT} + {AHEAD}
    WINDOW message AS (PARTITION BY "partition", "offset" ORDER BY event_index)),
messages AS (
    SELECT w.venue, w.symbol, w.window_start, "partition", "offset", any_value(id) AS id,
        sum(amount) FILTER (side = 'bid') AS bid, sum(amount) FILTER (side = 'ask') AS ask
    FROM changes c JOIN late w ON c.venue = w.venue AND c.symbol = w.symbol
      AND venue_time >= w.window_start AND venue_time < w.window_end
    WHERE first_reason IS DISTINCT FROM '{INITIAL}'
    GROUP BY ALL),
once AS (
    SELECT DISTINCT ON (
        venue, symbol, window_start, coalesce(id, concat("partition", '/', "offset"))) *
    FROM messages
    ORDER BY venue, symbol, window_start, coalesce(id, concat("partition", '/', "offset")),
        "partition", "offset")
SELECT venue, symbol, window_start, sum(bid) AS bid, sum(ask) AS ask
FROM once GROUP BY ALL ORDER BY ALL
"""
# A jump may be newer than the newest closed window. A signal of the future closed nothing.
NEWEST = f"""
SELECT venue, symbol, max("timestamp") FROM signals
WHERE (type = $jump) = $of_jumps AND "timestamp" <= now() + {AHEAD} GROUP BY ALL
"""
STORED = "SELECT venue, symbol, type, window_start, value FROM signals"


def insert_new(lake: str, signals: Iterable[PublishedSignal]) -> None:
    """Insert the signals whose key the table does not have."""
    _merge(lake, list(map(_row, signals)), replace=False)


def closed_until(lake: str) -> dict[Key, int]:
    """The end (µs) of the newest window of each venue and symbol that the table has."""
    return _newest_ends(lake, of_jumps=False)


def newest_jumps(lake: str) -> dict[Key, int]:
    """The end (µs) of the minute of the newest jump of each venue and symbol."""
    return _newest_ends(lake, of_jumps=True)


def _newest_ends(lake: str, *, of_jumps: bool) -> dict[Key, int]:
    if open_table(lake, SIGNALS.name) is None:
        return {}
    connection = connect(lake, (SIGNALS.name,))
    try:
        newest = connection.execute(NEWEST, {"jump": JUMP, "of_jumps": of_jumps}).fetchall()
    finally:
        connection.close()
    return {(venue, symbol): to_epoch_us(end) for venue, symbol, end in newest}


def restate(lake: str, windows: Iterable[Window], *, window_s: int) -> int:
    """Sum these closed windows again from the landed book; gives how many rows changed.

    A window of which retention may have dropped changes stays as it is.
    """
    kept_from_us = (
        to_epoch_us(dropped_until(read_floors(lake), "book_changes")) + AHEAD_OF_RECEIPT_US
    )
    whole_windows = [window for window in windows if window[-1] >= kept_from_us]
    sums = sum_windows(lake, whole_windows, window_s=window_s)
    summed = [_row(signal) for window in sums for signal in window.signals()]
    stored = _stored_values(lake, summed)
    changed_rows = [row for row in summed if stored.get(_key(row)) != row["value"]]
    _merge(lake, changed_rows, replace=True)
    return len(changed_rows)


def sum_windows(lake: str, windows: Iterable[Window], *, window_s: int) -> list[Liquidity]:
    """The sums of the landed book in these windows."""
    length = timedelta(seconds=window_s)
    late = [(venue, symbol, from_epoch_us(start)) for venue, symbol, start in sorted(set(windows))]
    book = open_table(lake, "book_changes")
    if book is None or not late:
        return []
    spans = [(start, start + length) for start in sorted({start for *_, start in late})]
    files = list_uris(files_in_spans(list_files(book), "venue_time", spans))
    connection = connect("", ())
    try:
        create_view(connection, "book_changes", book, files=files)
        connection.execute(
            "CREATE TEMP TABLE late (venue VARCHAR, symbol VARCHAR,"
            " window_start TIMESTAMPTZ, window_end TIMESTAMPTZ)"
        )
        connection.executemany(
            "INSERT INTO late VALUES (?, ?, ?, ?)", [(*key, key[2] + length) for key in late]
        )
        sums = connection.execute(SUMS).fetchall()
    finally:
        connection.close()
    return [
        Liquidity(venue, symbol, to_epoch_us(start), to_epoch_us(start + length), bid, ask)
        for venue, symbol, start, bid, ask in sums
    ]


def _stored_values(lake: str, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], Any]:
    table = open_table(lake, SIGNALS.name)
    if table is None or not rows:
        return {}
    starts = sorted({row["window_start"] for row in rows})
    spans = [(start, start + timedelta(microseconds=1)) for start in starts]
    files = list_uris(files_in_spans(list_files(table), "window_start", spans))
    connection = connect("", ())
    try:
        create_view(connection, SIGNALS.name, table, files=files)
        return {tuple(row[:4]): row[4] for row in connection.execute(STORED).fetchall()}
    finally:
        connection.close()


def _merge(lake: str, rows: Sequence[Mapping[str, Any]], *, replace: bool) -> None:
    if not rows:
        return
    for attempt in range(ATTEMPTS):
        try:
            table = arrow_rows(SIGNALS, rows)
            merge_by_day(lake, SIGNALS, table, column="window_start", replace=replace)
            return
        except CommitFailedError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE_S)


def _row(signal: PublishedSignal) -> dict[str, Any]:
    return {
        "venue": signal.venue,
        "symbol": signal.symbol,
        "type": signal.type,
        "value": signal.value,
        "window_start": from_epoch_us(signal.window_start),
        "timestamp": from_epoch_us(signal.window_end),
    }


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in SIGNALS.key)
