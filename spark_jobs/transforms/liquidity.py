"""Liquidity of the book per window: what is offered on each side, and ask over bid.

`price_volume` of a side is the sum of price x remaining over that side's change events of the
window (event time). Snapshots have no time of the venue's and are state, not flow: they don't
count. The arithmetic is decimal up to the sums; the ratio is divided as double on purpose.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.market.wire import VERSION

SIGNAL_VALUE = "decimal(38,12)"


def book_events(messages_df: DataFrame) -> DataFrame:
    """Readable book messages, a row a change: venue, symbol, event_time, event_id, side, amount."""
    message = F.col("message")
    timed_df = messages_df.where(
        F.col("problem").isNull()
        & (message["kind"] == "book")
        & message["venue_time"].isNotNull()
        & (F.size(message["events"]) > 0)
    )
    return timed_df.select(
        message["venue"].alias("venue"),
        message["symbol"].alias("symbol"),
        F.timestamp_micros(message["venue_time"]).alias("event_time"),
        _event_id().alias("event_id"),
        message["events"].alias("events"),
    )


def window_sums(events_df: DataFrame, *, window_s: int) -> DataFrame:
    """Sums of each side per venue, symbol and window, from `book_events` rows."""
    changes_df = events_df.select(
        "venue", "symbol", "event_time", F.explode("events").alias("change")
    ).select(
        "venue",
        "symbol",
        "event_time",
        F.col("change.side").alias("side"),
        (F.col("change.price") * F.col("change.remaining")).cast(SIGNAL_VALUE).alias("amount"),
    )
    window = F.window("event_time", f"{window_s} seconds")
    return changes_df.groupBy("venue", "symbol", window.alias("window")).agg(
        F.sum(F.when(F.col("side") == "bid", F.col("amount"))).alias("bid"),
        F.sum(F.when(F.col("side") == "ask", F.col("amount"))).alias("ask"),
    )


def signal_rows(sums_df: DataFrame) -> DataFrame:
    """Up to three rows a window: `bid`, `ask`, and `price_volume` where both sides are above 0."""
    ratio = F.when(
        (F.col("bid") > 0) & (F.col("ask") > 0),
        (F.col("ask").cast("double") / F.col("bid").cast("double")).cast(SIGNAL_VALUE),
    )
    kinds = F.array(
        F.struct(F.lit("bid").alias("type"), F.col("bid").cast(SIGNAL_VALUE).alias("value")),
        F.struct(F.lit("ask").alias("type"), F.col("ask").cast(SIGNAL_VALUE).alias("value")),
        F.struct(F.lit("price_volume").alias("type"), ratio.alias("value")),
    )
    exploded_df = sums_df.select("venue", "symbol", "window", F.explode(kinds).alias("signal"))
    return exploded_df.where(F.col("signal.value").isNotNull()).select(
        "venue",
        "symbol",
        "signal.type",
        "signal.value",
        F.col("window.start").alias("window_start"),
        F.col("window.end").alias("timestamp"),
    )


def signal_messages(signals_df: DataFrame) -> DataFrame:
    """Signals as Kafka records: key `venue|symbol`, JSON value, times in microseconds."""
    value = F.to_json(
        F.struct(
            F.lit(VERSION).alias("v"),
            "venue",
            "symbol",
            "type",
            F.col("value").cast("string").alias("value"),
            F.unix_micros("timestamp").alias("timestamp"),
            F.unix_micros("window_start").alias("window_start"),
        )
    )
    return signals_df.select(F.concat_ws("|", "venue", "symbol").alias("key"), value.alias("value"))


def _event_id() -> Column:
    message = F.col("message")
    return F.coalesce(
        message["events"][0]["venue_event_id"].cast("string"),
        F.get(message["seq"], F.lit(1)).cast("string"),
        F.concat_ws("/", F.col("partition"), F.col("offset")),
    )
