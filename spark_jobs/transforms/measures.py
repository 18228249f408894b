"""Measures of the top of a book, one of each per book update: imbalance and mid price.

Imbalance is (Vb - Va) / (Vb + Va) of the best quantities, from -1 to 1; the mid price is the mean
of best bid and best ask. A book that is invalid (no top), crossed or without quantity has none.
Stateless and decimal throughout, so that any engine and any repetition gives the same digits.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

VALUE = "decimal(38,12)"


def measure_rows(records: DataFrame) -> DataFrame:
    """Rows of `parsed` market.book records -> a row a measure.

    Columns: venue, symbol, type (`imbalance` or `mid_price`), value, timestamp (the venue's time,
    else the receipt's; µs), and the message they come from: partition, offset, received_time (µs).
    """
    message = F.col("message")
    top = message["top"]
    bid_quantity, ask_quantity = top["bid_quantity"], top["ask_quantity"]
    shown = records.where(
        F.col("problem").isNull()
        & top.isNotNull()
        & (top["bid"] < top["ask"])
        & (bid_quantity >= 0)
        & (ask_quantity >= 0)
        & (bid_quantity + ask_quantity > 0)
    )
    lean = F.try_divide(bid_quantity - ask_quantity, bid_quantity + ask_quantity)
    middle = (top["bid"] + top["ask"]) / F.lit(2)
    both = F.array(
        F.struct(F.lit("imbalance").alias("type"), lean.cast(VALUE).alias("value")),
        F.struct(F.lit("mid_price").alias("type"), middle.cast(VALUE).alias("value")),
    )
    return shown.select(
        message["venue"].alias("venue"),
        message["symbol"].alias("symbol"),
        F.coalesce(message["venue_time"], message["received_time"]).alias("timestamp"),
        message["received_time"].alias("received_time"),
        "partition",
        "offset",
        F.explode(both).alias("measure"),
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


def measure_messages(rows: DataFrame) -> DataFrame:
    """Measures as records of market.signals; `window_start` is the moment itself."""
    value = F.to_json(
        F.struct(
            F.lit(1).alias("v"),
            "venue",
            "symbol",
            "type",
            F.col("value").cast("string").alias("value"),
            "timestamp",
            F.col("timestamp").alias("window_start"),
            "received_time",
            F.struct(F.lit("market.book").alias("topic"), "partition", "offset").alias("source"),
        )
    )
    return rows.select(F.concat_ws("|", "venue", "symbol").alias("key"), value.alias("value"))
