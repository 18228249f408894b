"""The audit of the decisions and orders that Postgres serves."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from include.checks import Check
from include.lake.reading import query
from include.market.time import newest_believed_at

REPEATS = "decisions once"
LIMIT = 5
# What must be equal in both, beside the key; the rest is text for people.
TRADING = {
    "decisions": ("decision_id", "rule", "action", "window_start", "quantity", "price", "account"),
    "orders": (
        "order_id",
        "decision_id",
        "side",
        "price",
        "quantity",
        "executed",
        "status",
        "account",
    ),
}
REPEATED = """
SELECT decision_id, count(DISTINCT (conn, seq_first)), min("offset"), max("offset")
FROM decisions WHERE event_index >= 0 GROUP BY decision_id
HAVING count(DISTINCT (conn, seq_first)) > 1 ORDER BY ALL
"""
NEWEST = """
SELECT DISTINCT ON ({key}) {columns} FROM {table} WHERE event_index >= 0
ORDER BY {key}, "partition", "offset" DESC, event_index DESC
"""
ServedRow = Mapping[str, Any]


def find_due(
    name: str, decisions: Sequence[ServedRow], *, keep_days: int, now: datetime
) -> Callable[[ServedRow], bool]:
    """A test whether Postgres must have a row of the lake: a decision, or an order (`name`).

    `decisions` are those of Postgres. Due is what lies between their first and their last window,
    and within the days that Postgres keeps before the last one; an order is with its decision.
    """
    starts = [row["window_start"] for row in decisions if row["window_start"] is not None]
    ids = {row["decision_id"] for row in decisions}
    if not starts:
        return lambda _: False
    last = newest_believed_at(starts, now=now) or now
    since = max(min(starts), last - timedelta(days=keep_days))
    if name == "orders":
        return lambda row: row["decision_id"] in ids
    return lambda row: row["window_start"] is not None and since <= row["window_start"] <= last


def check_trading(
    lake: str,
    name: str,
    postgres_rows: Sequence[ServedRow],
    *,
    is_pending: Callable[[str], bool],
    is_due: Callable[[ServedRow], bool],
) -> Check:
    """Whether lake and Postgres have the same decisions or orders (`name`), with the same values.

    `is_pending` tests whether the message of a key has yet to land, `is_due` whether Postgres must
    have a row of the lake.
    """
    columns = TRADING[name]
    statement = NEWEST.format(key=columns[0], columns=", ".join(columns), table=name)
    _, rows_in_lake = query(lake, statement, all_tables=True)
    row_by_key = {row[0]: row[1:] for row in rows_in_lake}
    keys = {str(row[columns[0]]) for row in postgres_rows}
    faults = [
        f"{row[0]} is only in the lake"
        for row in rows_in_lake
        if row[0] not in keys and is_due(dict(zip(columns, row, strict=True)))
    ]
    for row in postgres_rows:
        key, values = str(row[columns[0]]), tuple(row[column] for column in columns[1:])
        if row_by_key.get(key) != values and not is_pending(key):
            difference = (
                "has other values in the lake" if key in row_by_key else "is only in Postgres"
            )
            faults.append(f"{key} {difference}")
    remedy = "`./tickhouse doctor --repair` rebuilds what Postgres serves from the lake"
    detail = f"{len(postgres_rows)} {name} are the same in Postgres and Delta"
    if faults:
        detail = (
            f"{len(faults)} of {len(postgres_rows)} {name}: {'; '.join(faults[:LIMIT])}; {remedy}"
        )
    return Check(f"I3 {name}", not faults, detail)


def check_repeats(lake: str) -> Check:
    """Whether no decision was made twice; a message that was only sent twice is none."""
    _, repeated = query(lake, REPEATED, all_tables=True)
    detail = "no decision was made twice"
    if repeated:
        first = "; ".join(
            f"{decision} {times} times, at offsets {low} to {high}"
            for decision, times, low, high in repeated[:LIMIT]
        )
        detail = (
            f"{len(repeated)} decisions were made more than once: {first}; "
            "`./tickhouse trader halt`, and compare its orders with the venue's"
        )
    return Check(REPEATS, not repeated, detail)
