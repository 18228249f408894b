"""Measures of the top of a book, one of each per book update: imbalance and mid price.

Imbalance is (Vb - Va) / (Vb + Va) of the best quantities, from -1 to 1; the mid price is the mean
of best bid and best ask. A book that is invalid (no top), crossed or without quantity has none.
Stateless and decimal throughout, so that any engine and any repetition gives the same digits.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.market.wire import VERSION, Topic
from spark_jobs.transforms.liquidity import SIGNAL_VALUE
from spark_jobs.transforms.receipts import believed_receipt


def measure_rows(messages_df: DataFrame) -> DataFrame:
    """Messages of market.book, as `parse_messages` gives them -> a row a measure.

    Columns: venue, symbol, type (`imbalance` or `mid_price`), value, timestamp (the venue's time,
    else the receipt's; µs), and the message they come from: partition, offset, received_time (µs).
    """
    message = F.col("message")
    top = message["top"]
    bid_quantity, ask_quantity = top["bid_quantity"], top["ask_quantity"]
    measurable_df = messages_df.where(
        F.col("problem").isNull()
        & top.isNotNull()
        & (top["bid"] < top["ask"])
        & (bid_quantity >= 0)
        & (ask_quantity >= 0)
        & (bid_quantity + ask_quantity > 0)
    )
    imbalance = F.try_divide(bid_quantity - ask_quantity, bid_quantity + ask_quantity)
    mid_price = (top["bid"] + top["ask"]) / F.lit(2)
    measures = F.array(
        F.struct(F.lit("imbalance").alias("type"), imbalance.cast(SIGNAL_VALUE).alias("value")),
        F.struct(F.lit("mid_price").alias("type"), mid_price.cast(SIGNAL_VALUE).alias("value")),
    )
    return measurable_df.select(
        message["venue"].alias("venue"),
        message["symbol"].alias("symbol"),
        F.coalesce(message["venue_time"], believed_receipt()).alias("timestamp"),
        believed_receipt().alias("received_time"),
        "partition",
        "offset",
        F.explode(measures).alias("measure"),
    ).select(
        "venue",
        "symbol",
        "measure.type",
        "measure.value",
        "timestamp",
        "received_time",
        "partition",
        "offset",
    )


def measure_messages(measures_df: DataFrame) -> DataFrame:
    """Measures as records of market.signals; `window_start` is the moment itself."""
    value = F.to_json(
        F.struct(
            F.lit(VERSION).alias("v"),
            "venue",
            "symbol",
            "type",
            F.col("value").cast("string").alias("value"),
            "timestamp",
            F.col("timestamp").alias("window_start"),
            "received_time",
            F.struct(F.lit(Topic.BOOK).alias("topic"), "partition", "offset").alias("source"),
        )
    )
    return measures_df.select(
        F.concat_ws("|", "venue", "symbol").alias("key"), value.alias("value")
    )
