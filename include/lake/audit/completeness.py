"""The audit of completeness (I2): a hole in a venue's own numbers must be in the feed ledger.

Only numbers that a venue counts without gaps are compared (`include/market/venues.py`):
those of the frames of a connection, and those of the trades of a symbol.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from include.checks import Check
from include.lake.believed_times import AHEAD, RECEIPT, newest_sql
from include.lake.floors import NO_FLOORS, Floors, dropped_until, not_dropped_sql, read_floors
from include.lake.reading import connect, open_table
from include.lake.tables import LANDED
from include.lake.views import create_views
from include.market.venues import VENUES, BookNumbers, TradeNumbers

COMPLETENESS = "I2 completeness"
HOLES_SHOWN = 5
TABLES_READ = ("book_changes", "trades", "feed_ledger")
# Messages lie on other topics than ledger entries: what is this young may be landed without them.
YOUNG_S = 30
NUMBERED = """
CREATE VIEW numbered AS
SELECT venue, symbol, conn AS scope, seq_first AS first, seq_last AS last,
    {receipt} AS received_time
FROM book_changes WHERE venue IN ({books}) AND seq_first IS NOT NULL AND event_index <= 0
    AND {kept_changes}
UNION ALL
SELECT venue, symbol, '' AS scope, seq_first, seq_last, {receipt}
FROM trades WHERE venue IN ({trades}) AND seq_first IS NOT NULL AND event_index >= 0
    AND {kept_trades} AND traded_at > TIMESTAMPTZ '{trades_dropped_until}'
"""
# Sixty numbers are bits of one: where all are present, they are one range, and nothing is sorted
# by number. Of ten million rows, a few thousand remain to be read in order.
BLOCKS = """
CREATE TEMP TABLE blocks AS
SELECT venue, symbol, scope, first // 60 AS block,
       bit_count(bit_or(1::BIGINT << (first % 60)::INTEGER)) = 60 AS complete,
       arg_min(received_time, first) AS received_time
FROM numbered WHERE first = last GROUP BY ALL
"""
RANGES = """
CREATE TEMP TABLE ranges AS
SELECT venue, symbol, scope, block * 60 AS first, block * 60 + 59 AS last, received_time
FROM blocks WHERE complete
UNION ALL
SELECT numbered.* FROM numbered SEMI JOIN (FROM blocks WHERE NOT complete) AS broken
ON numbered.venue = broken.venue AND numbered.symbol = broken.symbol
    AND numbered.scope = broken.scope AND numbered.first // 60 = broken.block
WHERE first = last
UNION ALL
SELECT * FROM numbered WHERE first <> last
"""
HOLES = f"""
WITH ordered AS (
    SELECT *, max(last::HUGEINT) OVER (PARTITION BY venue, symbol, scope ORDER BY first, last
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM ranges)
SELECT venue, symbol, scope, before + 1, first - 1, received_time
FROM ordered, (SELECT {newest_sql("received_time", "numbered")} AS newest)
WHERE first > before + 1
  AND (received_time < newest - to_seconds($young) OR received_time > newest + {AHEAD})
ORDER BY ALL
"""
RECORDED = """
SELECT venue, symbol, conn, first_seq, last_seq FROM market_ledger
WHERE entry IN ('gap', 'jump', 'renumbered', 'dropped') AND first_seq IS NOT NULL
"""
SEQUENCES = "SELECT count(DISTINCT (venue, symbol, scope)) FROM ranges"
NumberSequence = tuple[str, str, str]  # venue, symbol, and the connection whose numbers they are
NumberRanges = Mapping[NumberSequence, list[tuple[int, int]]]


@dataclass(frozen=True)
class SequenceHole:
    """Numbers from `first` to `last` that a sequence lacks, until what was received then."""

    venue: str
    symbol: str
    scope: str
    first: int
    last: int
    received_at: datetime


def check_completeness(lake: str) -> Check:
    """Whether every hole in the numbers is covered by entries of the ledger; else names some."""
    connection = connect(lake, TABLES_READ)
    try:
        existing = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
        if missing := sorted(set(TABLES_READ) - existing):
            return _check_missing_tables(lake, missing)
        for statement in (numbered_sql(read_floors(lake)), BLOCKS, RANGES):
            connection.execute(statement)
        holes = [
            SequenceHole(*row) for row in connection.execute(HOLES, {"young": YOUNG_S}).fetchall()
        ]
        create_views(connection, RECORDED)
        recorded = _recorded_ranges(connection.execute(RECORDED).fetchall())
        (sequences,) = connection.execute(SEQUENCES).fetchone() or (0,)
    finally:
        connection.close()
    unrecorded = [
        hole
        for hole in holes
        if not covers(
            recorded.get((hole.venue, hole.symbol, hole.scope), []), hole.first, hole.last
        )
    ]
    detail = f"{sequences} numbered sequences, {len(holes)} holes, each in the feed ledger"
    if unrecorded:
        first = "; ".join(
            f"{hole.venue} {hole.symbol} {hole.scope} lacks {hole.first} to {hole.last}"
            for hole in unrecorded[:HOLES_SHOWN]
        )
        detail = f"{len(unrecorded)} of {len(holes)} holes are not in the feed ledger: {first}"
    return Check(COMPLETENESS, not unrecorded, detail)


def _check_missing_tables(lake: str, missing: list[str]) -> Check:
    """All landed tables are made together: one that is missing beside others is lost."""
    landed_tables = [table.name for table in LANDED if open_table(lake, table.name)]
    if not landed_tables:
        return Check(COMPLETENESS, True, "nothing has landed yet")
    return Check(
        COMPLETENESS,
        False,
        f"{', '.join(missing)} is missing beside {', '.join(landed_tables)}: without it "
        "no hole can be found; `./tickhouse doctor --repair` makes it again from Kafka",
    )


def numbered_sql(floors: Floors = NO_FLOORS) -> str:
    """SQL for the view of all numbers that venues count without gaps, as far as they are kept.

    A trade that landed late, after it was healed, may be kept where its neighbours were dropped.
    """
    books = [name for name, venue in VENUES.items() if venue.book is BookNumbers.PER_CONNECTION]
    trades = [name for name, venue in VENUES.items() if venue.trades is TradeNumbers.SEQUENCE]
    return NUMBERED.format(
        receipt=RECEIPT,
        books=_sql_list(books),
        trades=_sql_list(trades),
        kept_changes=not_dropped_sql(floors, "book_changes"),
        kept_trades=not_dropped_sql(floors, "trades"),
        trades_dropped_until=dropped_until(floors, "trades").isoformat(),
    )


def _sql_list(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "NULL"


def covers(ranges: Iterable[tuple[int, int]], first: int, last: int) -> bool:
    """Whether the ranges together hold every number from `first` to `last`."""
    due = first
    for begin, end in sorted(ranges):
        if begin <= due:
            due = max(due, end + 1)
    return due > last


def _recorded_ranges(entries: Iterable[tuple[str, str, str, int, int]]) -> NumberRanges:
    """The ranges that the ledger has of each connection, and of the venue's own numbers."""
    ranges: dict[NumberSequence, list[tuple[int, int]]] = defaultdict(list)
    for venue, symbol, conn, first, last in entries:
        for scope in (conn, ""):
            ranges[venue, symbol, scope].append((first, last))
    return ranges
