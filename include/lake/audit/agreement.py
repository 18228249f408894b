"""The audit of agreement (I3): the minutes of Postgres and of Delta against the landed trades."""

from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from include.checks import Check
from include.clock import utc_now
from include.lake.audit.differences import find_differences
from include.lake.audit.landed_minutes import COMPARED, LandedMinutes
from include.lake.believed_times import newest_in_column
from include.lake.closed_minutes import closed_in, counted_offsets
from include.lake.floors import whole_minutes_from
from include.lake.reading import connect, open_table
from include.lake.tables import TRADE_MINUTES

AGREEMENT = "I3 agreement"
AGREEMENT_OF_DELTA = "I3 agreement of Delta"


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
    since_at = whole_minutes_from(lake)
    if served.num_rows and keep_days is not None:
        newest = newest_in_column(served["minute"], now=utc_now())
        assert newest is not None
        since_at = max(since_at, newest - timedelta(days=keep_days))
    minutes = landed_minutes or LandedMinutes(lake)
    compared, due_minutes = minutes.compared_with(served, offsets, since_at=since_at)
    count = pc.sum(pc.greater_equal(served["minute"], since_at)).as_py() or 0
    return _compare(AGREEMENT, compared, due_minutes, count=count, holder="Postgres")


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
    since_at = whole_minutes_from(lake)
    landed_minutes = landed_minutes or LandedMinutes(lake)
    compared, due_minutes = landed_minutes.compared_with(minutes, offsets, since_at=since_at)
    closed = due_minutes.filter(pc.less(due_minutes["minute"], until))
    count = pc.sum(pc.greater_equal(minutes["minute"], since_at)).as_py() or 0
    return _compare(AGREEMENT_OF_DELTA, compared, closed, count=count, holder="Delta")


def _compare(
    name: str, compared: pa.Table, due_minutes: pa.Table, *, count: int, holder: str
) -> Check:
    """`count` are the reader's minutes with those that were compared by their digests."""
    with connect("", ()) as connection:
        connection.register("served", compared.select(COMPARED))
        connection.register("landed", due_minutes.select(COMPARED))
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
