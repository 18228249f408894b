"""Which holes of trade numbers are open: what the ledger reports missing, less what it closes.

A hole may be closed in several parts, by rows of the ledger that came after its report; numbers
may begin again, so that an earlier row of the same numbers closes another hole.
"""

from include.lake.believed_times import AHEAD, RECEIPT

# `parts` are venue, symbol, first and last number of each open part, and when it was reported.
PARTS = f"""
gaps AS (
    SELECT venue, symbol, first_seq, last_seq, max({RECEIPT}) AS reported_at
    FROM market_ledger gap WHERE last_seq >= first_seq AND {{is_hole}} AND {{condition}}
    GROUP BY ALL),
closings AS (
    SELECT venue, symbol, first_seq AS low, last_seq AS high, {RECEIPT} AS closed_at
    FROM market_ledger WHERE entry IN ({{entries}}) AND last_seq >= first_seq),
closed_spans AS (
    SELECT gaps.*, low::HUGEINT AS low, high::HUGEINT AS high
    FROM gaps JOIN closings USING (venue, symbol)
    WHERE low <= last_seq AND high >= first_seq
        AND coalesce(closed_at >= reported_at - {AHEAD}, true)
    UNION ALL SELECT *, last_seq::HUGEINT + 1, last_seq::HUGEINT + 1 FROM gaps),
between_spans AS (
    SELECT venue, symbol, reported_at, low - 1 AS last_seq,
        greatest(first_seq, 1 + max(high) OVER (
            PARTITION BY venue, symbol, first_seq, last_seq ORDER BY low, high
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS first_seq
    FROM closed_spans),
parts AS (
    SELECT venue, symbol, first_seq, last_seq, max(reported_at) AS reported_at
    FROM between_spans WHERE last_seq >= first_seq GROUP BY ALL)"""


def open_parts_sql(*, is_hole: str, closed_by: tuple[str, ...], condition: str = "TRUE") -> str:
    """Common table expressions that end with `parts`; conditions are on a row `gap` of the ledger.

    `closed_by` are the entries that close.
    """
    entries = ", ".join(f"'{entry}'" for entry in closed_by)
    return PARTS.format(is_hole=is_hole, entries=entries, condition=condition)
