"""The audit of completeness (I2): a hole in a venue's own numbers must be in the feed ledger.

Only numbers that a venue counts without gaps are looked at: Gemini v1's `socket_sequence` of a
connection, and the trade ids of Binance and Deribit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from include.lake.reading import connect

NAME = "I2 completeness"
SHOWN = 5
# Messages lie on other topics than ledger entries: what is this young may be landed without them.
YOUNG_S = 30
NUMBERED = """
CREATE VIEW numbered AS
SELECT venue, symbol, conn AS scope, seq_first AS first, seq_last AS last, received_time
FROM book_changes WHERE venue = 'gemini' AND seq_first IS NOT NULL AND event_index <= 0
UNION ALL
SELECT venue, symbol, '' AS scope, seq_first, seq_last, received_time
FROM trades WHERE venue IN ('binance', 'deribit') AND seq_first IS NOT NULL AND event_index >= 0
"""
# Sixty numbers are bits of one: where all are there, they are one range, and nothing is sorted by
# number. Of ten million rows, a few thousand are left to be looked at in order.
BLOCKS = """
CREATE TEMP TABLE blocks AS
SELECT venue, symbol, scope, first // 60 AS block,
       bit_count(bit_or(1::BIGINT << (first % 60)::INTEGER)) = 60 AS whole,
       arg_min(received_time, first) AS received_time
FROM numbered WHERE first = last GROUP BY ALL
"""
RANGES = """
CREATE TEMP TABLE ranges AS
SELECT venue, symbol, scope, block * 60 AS first, block * 60 + 59 AS last, received_time
FROM blocks WHERE whole
UNION ALL
SELECT numbered.* FROM numbered SEMI JOIN (FROM blocks WHERE NOT whole) AS part
ON numbered.venue = part.venue AND numbered.symbol = part.symbol
    AND numbered.scope = part.scope AND numbered.first // 60 = part.block
WHERE first = last
UNION ALL
SELECT * FROM numbered WHERE first <> last
"""
HOLES = """
WITH ordered AS (
    SELECT *, max(last) OVER (PARTITION BY venue, symbol, scope ORDER BY first, last
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM ranges)
SELECT venue, symbol, scope, before + 1, first - 1, received_time FROM ordered
WHERE first > before + 1
  AND received_time < (SELECT max(received_time) FROM numbered) - to_seconds($young)
ORDER BY ALL
"""
TOLD = """
SELECT venue, symbol, conn, first_seq, last_seq FROM feed_ledger
WHERE entry IN ('gap', 'dropped') AND first_seq IS NOT NULL
"""
SEQUENCES = "SELECT count(DISTINCT (venue, symbol, scope)) FROM ranges"
Hole = tuple[str, str, str, int, int, datetime]


def completeness(lake: str) -> dict[str, Any]:
    """One check: every hole in the numbers is covered by entries of the ledger, or it is named."""
    link = connect(lake, ("book_changes", "trades", "feed_ledger"))
    try:
        there = {row[0] for row in link.execute("SHOW TABLES").fetchall()}
        if not {"book_changes", "trades", "feed_ledger"} <= there:
            return {"name": NAME, "ok": True, "detail": "nothing has landed yet"}
        for prepared in (NUMBERED, BLOCKS, RANGES):
            link.execute(prepared)
        holes: list[Hole] = link.execute(HOLES, {"young": YOUNG_S}).fetchall()
        told = _told(link.execute(TOLD).fetchall())
        (sequences,) = link.execute(SEQUENCES).fetchone() or (0,)
    finally:
        link.close()
    silent = [hole for hole in holes if not covered(hole[3], hole[4], _ranges(hole, told))]
    detail = f"{sequences} numbered sequences, {len(holes)} holes, each in the feed ledger"
    if silent:
        first = "; ".join(
            f"{hole[0]} {hole[1]} {hole[2]} lacks {hole[3]} to {hole[4]}" for hole in silent[:SHOWN]
        )
        detail = f"{len(silent)} of {len(holes)} holes are not in the feed ledger: {first}"
    return {"name": NAME, "ok": not silent, "detail": detail}


def covered(first: int, last: int, ranges: Iterable[tuple[int, int]]) -> bool:
    """Whether the ranges together hold every number from `first` to `last`."""
    due = first
    for begin, end in sorted(ranges):
        if begin <= due:
            due = max(due, end + 1)
    return due > last


def _told(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[str, str, str], list[tuple[int, int]]]:
    told: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    for venue, symbol, conn, first, last in rows:
        for scope in (conn, ""):
            told[venue, symbol, scope].append((first, last))
    return told


def _ranges(
    hole: Hole, told: Mapping[tuple[str, str, str], list[tuple[int, int]]]
) -> list[tuple[int, int]]:
    return told.get((hole[0], hole[1], hole[2]), [])
