"""The audit of agreement (I3): the minutes of Postgres and of Delta against the landed trades."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from include.checks import Check
from include.clock import utc_now
from include.lake.audit.differences import find_differences
from include.lake.closed_minutes import closed_in, counted_offsets
from include.lake.floors import whole_minutes_from
from include.lake.minutes import minutes_before, move_minutes
from include.lake.reading import connect, open_table
from include.lake.tables import TRADE_MINUTES

# `complete` comes from the feed ledger, which goes on after the minute was written.
COMPARED = tuple(c.name for c in TRADE_MINUTES.columns if c.name not in {"vwap", "complete"})
AGREEMENT = "I3 agreement"
AGREEMENT_OF_DELTA = "I3 agreement of Delta"


class LandedMinutes:
    """The minutes that readers must hold by the landed trades; all of them are counted once.

    Postgres and Delta are at other offsets: for the second, the trades between are counted again.
    """

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._offsets: dict[int, int] = {}
        self._minutes: pa.Table | None = None

    def minutes_at(self, offsets: Mapping[int, int]) -> pa.Table:
        """Every minute from the trades below these next offsets of market.trades by partition."""
        if self._minutes is None:
            self._minutes = minutes_before(self._lake, offsets)
        else:
            self._minutes = move_minutes(
                self._lake, self._minutes, old_offsets=self._offsets, offsets=offsets
            )
        self._offsets = dict(offsets)
        return self._minutes


def check_agreement(
    lake: str,
    *,
    offsets: Mapping[int, int],
    served: pa.Table,
    keep_days: int | None = None,
    landed_minutes: LandedMinutes | None = None,
) -> Check:
    """Whether every served minute equals the one recomputed from the trades, to the last digit.

    `served` are rows of Postgres' trade_minutes with the columns `COMPARED`, read in the same
    transaction as `offsets` (next offset of market.trades by partition: what they are made from).
    With `keep_days`, older minutes are left out: Postgres lets them go. So are those of which
    retention has dropped trades.
    """
    recomputed = (landed_minutes or LandedMinutes(lake)).minutes_at(offsets)
    since_at = whole_minutes_from(lake)
    if served.num_rows and keep_days is not None:
        latest_at = utc_now() + timedelta(days=1)  # a minute of the future makes no other one old
        minutes = served["minute"]
        past = pc.filter(minutes, pc.less_equal(minutes, pa.scalar(latest_at, minutes.type)))
        newest = pc.max(past if len(past) else minutes).as_py()
        since_at = max(since_at, newest - timedelta(days=keep_days))
    return _compare(AGREEMENT, served, recomputed, since_at=since_at, holder="Postgres")


def check_closed_minutes(
    lake: str, *, partition_count: int, landed_minutes: LandedMinutes | None = None
) -> Check:
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
    recomputed = (landed_minutes or LandedMinutes(lake)).minutes_at(offsets)
    closed = recomputed.filter(pc.less(recomputed["minute"], until))
    since_at = whole_minutes_from(lake)
    return _compare(AGREEMENT_OF_DELTA, minutes, closed, since_at=since_at, holder="Delta")


def _compare(
    name: str, served: pa.Table, recomputed: pa.Table, *, since_at: datetime, holder: str
) -> Check:
    with connect("", ()) as connection:
        for view, minutes in (("served", served), ("landed", recomputed)):
            compared = minutes.select(COMPARED)
            connection.register(view, compared.filter(pc.field("minute") >= since_at))
        (count,) = connection.execute("SELECT count(*) FROM served").fetchall()[0]
        differences = find_differences(
            connection,
            key_names=TRADE_MINUTES.key,
            column_names=COMPARED,
            holders=(holder, "the lake"),
        )
    detail = f"{count} minutes equal those of the landed trades"
    if differences.rows:
        detail = f"{differences.rows} of {count} minutes differ: {differences.first}"
    return Check(name, not differences.rows, detail)
