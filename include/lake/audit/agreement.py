"""The audit of agreement (I3): the minutes of Postgres and of Delta against the landed trades."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.checks import Check
from include.lake.closed_minutes import closed_in, counted_offsets
from include.lake.floors import whole_minutes_from
from include.lake.minutes import minutes_before
from include.lake.reading import connect, open_table
from include.lake.tables import TRADE_MINUTES

# `complete` comes from the feed ledger, which goes on after the minute was written.
COMPARED = tuple(c.name for c in TRADE_MINUTES.columns if c.name not in {"vwap", "complete"})
AGREEMENT = "I3 agreement"
AGREEMENT_OF_DELTA = "I3 agreement of Delta"
DIFFERENCES_SHOWN = 5
Minute = Mapping[str, Any]


def check_agreement(
    lake: str,
    *,
    offsets: Mapping[int, int],
    served: Iterable[Minute],
    keep_days: int | None = None,
) -> Check:
    """Whether every served minute equals the one recomputed from the trades, to the last digit.

    `served` are rows of Postgres' trade_minutes with the columns `COMPARED`, read in the same
    transaction as `offsets` (next offset of market.trades by partition: what they are made from).
    With `keep_days`, older minutes are left out: Postgres lets them go. So are those of which
    retention has dropped trades.
    """
    served = list(served)
    recomputed = minutes_before(lake, offsets)
    since_at = whole_minutes_from(lake)
    if served and keep_days is not None:
        newest = max(minute["minute"] for minute in served)
        since_at = max(since_at, newest - timedelta(days=keep_days))
    return _compare(AGREEMENT, served, recomputed, since_at=since_at, holder="Postgres")


def check_closed_minutes(lake: str, *, partition_count: int) -> Check:
    """Whether every minute of Delta's own trade_minutes equals the one recomputed from the trades.

    Those are the closed ones, from the trades that were counted by its log; market.trades has
    `partition_count` partitions. Minutes of which retention has dropped trades are left out.
    """
    table = open_table(lake, TRADE_MINUTES.name)
    if table is None:
        return Check(AGREEMENT_OF_DELTA, True, "no minute is closed yet")
    until, offsets = closed_in(table), counted_offsets(table, partition_count)
    connection = connect(lake, (TRADE_MINUTES.name,), as_of=table.version())
    try:
        minutes = connection.sql(
            f"SELECT {', '.join(COMPARED)} FROM trade_minutes"
        ).to_arrow_table()
    finally:
        connection.close()
    recomputed = minutes_before(lake, offsets)
    closed = recomputed.filter(pc.less(recomputed["minute"], until))
    since_at = whole_minutes_from(lake)
    return _compare(
        AGREEMENT_OF_DELTA, minutes.to_pylist(), closed, since_at=since_at, holder="Delta"
    )


def _compare(
    name: str, served: Iterable[Minute], recomputed: pa.Table, *, since_at: datetime, holder: str
) -> Check:
    by_key = _index_by_key(minute for minute in served if minute["minute"] >= since_at)
    in_lake = _index_by_key(
        minute for minute in recomputed.select(COMPARED).to_pylist() if minute["minute"] >= since_at
    )
    differing = [key for key in {*by_key, *in_lake} if by_key.get(key) != in_lake.get(key)]
    detail = f"{len(by_key)} minutes equal those of the landed trades"
    if differing:
        first = "; ".join(
            _find_difference(by_key.get(key), in_lake.get(key), holder)
            for key in sorted(differing)[:DIFFERENCES_SHOWN]
        )
        detail = f"{len(differing)} of {len(by_key)} minutes differ: {first}"
    return Check(name, not differing, detail)


def _index_by_key(compared: Iterable[Minute]) -> dict[tuple[Any, ...], Minute]:
    return {tuple(minute[name] for name in TRADE_MINUTES.key): minute for minute in compared}


def _find_difference(served: Minute | None, in_lake: Minute | None, holder: str) -> str:
    minute = served or in_lake or {}
    name = f"{minute['venue']} {minute['symbol']} {minute['minute']:%Y-%m-%d %H:%M}"
    if served is None or in_lake is None:
        return f"{name} is only in {holder if in_lake is None else 'the lake'}"
    columns = [
        f"{column} {served[column]} in {holder}, {in_lake[column]} in the lake"
        for column in COMPARED
        if served[column] != in_lake[column]
    ]
    return f"{name}: {', '.join(columns)}"
