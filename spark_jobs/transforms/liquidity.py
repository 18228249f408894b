"""Liquidity of the book, a row a message: what it adds to its window on each side.

`price_volume` of a side is the sum of price x remaining over that side's change events of the
window (venue's time). Snapshots (reason `initial`) are state, not flow: they don't count. The
arithmetic is decimal up to the sums.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.market.events import INITIAL
from spark_jobs.transforms.receipts import believed_receipt

SIGNAL_VALUE = "decimal(38,12)"
_ADDEND = "decimal(37,12)"  # the sum of two of these is a SIGNAL_VALUE, without rounding
FLOW = ("venue", "symbol", "conn", "venue_time", "received_time", "event_id", "bid", "ask")


def book_flows(messages_df: DataFrame) -> DataFrame:
    """Every readable message of market.book, as `parse_messages` gives them.

    Columns: partition, offset, and those of `BookFlow` (`include/market/windows.py`; times in µs).
    """
    message = F.col("message")
    is_snapshot = F.get(message["events"], F.lit(0))["reason"].eqNullSafe(INITIAL)
    has_time = message["venue_time"].isNotNull()
    counts = (message["kind"] == "book") & has_time & ~is_snapshot
    return messages_df.where(F.col("problem").isNull()).select(
        "partition",
        "offset",
        *[message[name].alias(name) for name in FLOW[:4]],
        believed_receipt().alias("received_time"),
        F.coalesce(
            F.get(message["events"], F.lit(0))["venue_event_id"].cast("string"),
            F.get(message["seq"], F.lit(1)).cast("string"),
        ).alias("event_id"),
        *[F.when(counts, _amount(side)).alias(side) for side in ("bid", "ask")],
    )


def _amount(side: str) -> Column:
    """The sum of a message's changes of one side; null if it has none."""
    changes = F.filter(F.col("message.events"), lambda change: change["side"] == side)

    def add(total: Column, change: Column) -> Column:
        amount = (change["price"] * change["remaining"]).cast(SIGNAL_VALUE)
        before = F.coalesce(total, F.lit(0)).try_cast(_ADDEND)
        return (before + amount.try_cast(_ADDEND)).cast(SIGNAL_VALUE)

    return F.aggregate(changes, F.lit(None).cast(SIGNAL_VALUE), add)
