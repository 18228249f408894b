"""The prices that Spark takes from trades, tickers and quotes are those worked out without it."""

from decimal import Decimal as D

from pyspark.sql import SparkSession

from include.lake.tables import TABLE_OF_TOPIC
from include.market import wire
from include.market.events import Event, Message, Quote, Ticker, Trade
from include.market.prices import SupplierPrice, count_price, prices_of
from spark_jobs.transforms.messages import parse_messages
from spark_jobs.transforms.prices import PRICE, price_rows
from tests.support.kafka_records import US, records


def message(kind: str, *events: Event, at: int | None = US, symbol: str = "BTC-USD") -> Message:
    return Message("kraken", symbol, kind, "c", None, at, US + 7, events)


MESSAGES = (
    message(
        "trade",
        Trade("1", D("100.12345678"), D(1), "buy", US - 5),
        Trade("2", D("101"), D(1), None, US + 5),
    ),
    message(  # of the continuous book alone
        "trade",
        Trade("5", D("104"), D(1), None, US, condition="auction"),
        Trade("6", D("105"), D(1), None, US, condition="block"),
    ),
    message("trade", Trade("3", D("102"), D(1), None, US + 3600 * 1_000_000)),  # not believed
    message("trade", Trade("4", D("103"), D(1), None, US + 50 * 1_000_000)),  # as of its receipt
    message("ticker", Ticker(last=D("99.5"))),
    message("ticker", Ticker(last=D("98.5")), at=None),
    message("ticker", Ticker(last=D(0))),
    message("quote", Quote(D("92.25"), "EUR"), at=None, symbol="BTC-USD"),
)


def test_prices_of_all_topics_are_those_without_spark(spark: SparkSession) -> None:
    expected = [
        SupplierPrice("kraken", "BTC-USD", US - 5, D("100.12345678")),
        SupplierPrice("kraken", "BTC-USD", US + 5, D(101)),
        SupplierPrice("kraken", "BTC-USD", US + 7, D(103)),
        SupplierPrice("kraken", "BTC-USD", US, D("99.5")),
        SupplierPrice("kraken", "BTC-USD", US + 7, D("98.5")),
        SupplierPrice("kraken", "BTC-EUR", US + 7, D("92.25")),
    ]
    assert [price for message in MESSAGES for price in prices_of(message)] == expected
    by_spark = []
    for topic in ("market.trades", "market.tickers", "market.quotes"):
        values = [wire.encode(one) for one in MESSAGES if wire.choose_topic(one) == topic]
        batch = parse_messages(records(spark, topic, [b"junk", *values]), TABLE_OF_TOPIC[topic])
        rows = price_rows(batch, topic).orderBy("offset", "at_us").select(*PRICE).collect()
        priced = [(SupplierPrice(*row[:-1]), row["received_time"]) for row in rows]
        by_spark += [price for one in priced if (price := count_price(*one))]
    assert by_spark == expected
