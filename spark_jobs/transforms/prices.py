"""Prices that suppliers report: of trades, tickers and quotes, a row each."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from include.market.wire import Topic
from spark_jobs.transforms.receipts import believed_receipt

PRICE = ("venue", "symbol", "at_us", "price", "received_time")


def price_rows(messages_df: DataFrame, topic: str) -> DataFrame:
    """Readable messages of a topic, as `parse_messages` gives them -> a row a price.

    Columns: topic, partition, offset, and those of `PRICE`: a `SupplierPrice` and its receipt
    (`include/market/prices.py`; times in µs).
    """
    message = F.col("message")
    events_df = messages_df.where(F.col("problem").isNull()).select(
        "topic",
        "partition",
        "offset",
        "timestamp",
        "message",
        F.explode("message.events").alias("event"),
    )
    price = F.col("event")["last" if topic == Topic.TICKERS else "price"]
    is_counted = price.isNotNull()
    if topic == Topic.TRADES:
        is_counted = is_counted & F.col("event.condition").isNull()
    return events_df.where(is_counted).select(
        "topic",
        "partition",
        "offset",
        message["venue"].alias("venue"),
        _symbol(topic).alias("symbol"),
        _time_of_price(topic).alias("at_us"),
        believed_receipt().alias("received_time"),
        price.alias("price"),
    )


def _symbol(topic: str) -> Column:
    symbol = F.col("message.symbol")
    if topic != Topic.QUOTES:
        return symbol
    return F.concat_ws("-", F.substring_index(symbol, "-", 1), F.col("event.currency"))


def _time_of_price(topic: str) -> Column:
    if topic == Topic.TRADES:
        return F.col("event.traded_at")
    return F.coalesce(F.col("message.venue_time"), believed_receipt())
