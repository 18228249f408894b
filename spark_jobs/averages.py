"""The `averages` query: prices of all suppliers -> moving average and jumps -> Kafka, then Delta.

Its state is small and written with each batch; `include/market/average.py` and
`include/market/jumps.py` have the rules. A jump is an alert too, sent beside the query.
"""

import threading
from collections.abc import Sequence
from functools import reduce

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.alerts import PRICE_JUMP, Alert, send
from include.lake.checkpoint import has_begun
from include.lake.signal_rows import closed_until, newest_jumps
from include.lake.tables import TABLE_OF_TOPIC
from include.lake.window_states import read_state, write_state
from include.market.average import AVERAGE_PRICE, SUPPLIERS, Average, Averages, SymbolPrices
from include.market.jumps import Jumps, PriceSeries
from include.market.prices import SupplierPrice, count_price
from include.market.signals import PublishedSignal
from include.market.time import SECOND_US, from_epoch_us
from include.market.wire import Topic
from include.settings import Settings
from include.trading.money import BPS
from spark_jobs.serving import in_background
from spark_jobs.session import choose_engine
from spark_jobs.signal_publisher import SignalPublisher, signal_ends
from spark_jobs.sources import kafka_stream
from spark_jobs.transforms.messages import parse_messages
from spark_jobs.transforms.prices import PRICE, price_rows

TOPICS = (Topic.TRADES, Topic.TICKERS, Topic.QUOTES)
ORDER = ("at_us", "topic", "partition", "offset")


class AverageState(msgspec.Struct):
    """The prices by symbol, where market.signals ended by partition, series by `venue|symbol`."""

    symbols: dict[str, SymbolPrices]
    signals_end: dict[int, int]
    series: dict[str, PriceSeries] = msgspec.field(default_factory=dict)


class AverageBatches:
    """The batch writer: takes each batch's prices in, publishes averages and jumps."""

    def __init__(
        self, spark: SparkSession, settings: Settings, *, wakeup: threading.Event | None = None
    ) -> None:
        """`wakeup` is set when Delta has new rows."""
        self._spark, self._settings = spark, settings
        self.checkpoint = settings.checkpoints / "averages" / "stream"
        self._publisher = SignalPublisher(
            settings, query="averages", wakeup=wakeup or threading.Event()
        )
        self._averages: Averages | None = None
        self._jumps = Jumps(volatilities=0, half_life_minutes=1)
        self._jumps_before: dict[tuple[str, str], int] = {}
        self._signals_end: dict[int, int] = {}

    def start(self) -> StreamingQuery:
        """Start the query, from its checkpoint or from all that Kafka has."""
        if not has_begun(self.checkpoint):
            write_state(self.checkpoint, 0, AverageState({}, signal_ends(self._settings)))
        return (
            price_stream(self._spark, self._settings)
            .writeStream.queryName("averages")
            .option("checkpointLocation", str(self.checkpoint))
            .trigger(processingTime=f"{self._settings.stream.averages_trigger_s} seconds")
            .foreachBatch(self.write)
            .start()
        )

    def write(self, prices_df: DataFrame, batch: int) -> None:
        """Take a batch in; publish the averages and jumps of what counts by now."""
        choose_engine(prices_df.sparkSession, interpreted=True)
        averages = self._averages or self._resume(batch)
        self._take(averages, prices_df)
        complete, jumps = averages.advance(), self._new_jumps()
        if complete or jumps:
            self._publisher.publish([*map(self._signal, complete), *jumps])
            self._signals_end = signal_ends(self._settings)
        state = AverageState(averages.symbols, self._signals_end, self._jumps.series)
        write_state(self.checkpoint, batch + 1, state)
        if jumps and self._settings.alerts.jumps == "yes":
            in_background(send, self._settings, jump_alert(jumps))

    def _new_jumps(self) -> list[PublishedSignal]:
        """The jumps of the minutes that are over, but those that the table had before."""
        return [
            jump
            for jump in self._jumps.advance()
            if jump.window_end > self._jumps_before.get((jump.venue, jump.symbol), 0)
        ]

    def _resume(self, batch: int) -> Averages:
        state, stream = read_state(self.checkpoint, batch, AverageState), self._settings.stream
        ends = closed_until(self._settings.lake)
        averages = self._averages = Averages(
            average_s=stream.average_s,
            stale_s=stream.average_stale_s,
            every_s=stream.average_every_s,
            by_symbol=state.symbols,
            counted_until={
                symbol: end // SECOND_US
                for (venue, symbol), end in ends.items()
                if venue == SUPPLIERS
            },
        )
        self._jumps = Jumps(
            volatilities=stream.jump_volatilities,
            half_life_minutes=stream.jump_half_life_minutes,
            lowest_volatility=stream.jump_lowest_bps / float(BPS),
            by_series=state.series,
        )
        if not state.series:  # a new checkpoint reads all that Kafka has once more
            self._jumps_before = newest_jumps(self._settings.lake)
        self._publisher.resume(state.signals_end)
        self._signals_end = state.signals_end
        return averages

    def _take(self, averages: Averages, prices_df: DataFrame) -> None:
        table = prices_df.toArrow().sort_by([(name, "ascending") for name in ORDER])
        columns = (table[name].to_pylist() for name in PRICE)
        for *fields, received_time in zip(*columns, strict=True):
            if price := count_price(SupplierPrice(*fields), received_time):
                averages.take(price)
                self._jumps.take(price)

    def _signal(self, average: Average) -> PublishedSignal:
        end = average.second * SECOND_US
        start = end - self._settings.stream.average_s * SECOND_US
        return PublishedSignal(SUPPLIERS, average.symbol, AVERAGE_PRICE, average.price, start, end)


def jump_alert(jumps: Sequence[PublishedSignal]) -> Alert:
    """One alert of all jumps of a batch."""
    lines = [
        f"{jump.venue} {jump.symbol} moved {jump.value:+.1f} times its volatility in the minute "
        f"from {from_epoch_us(jump.window_start):%Y-%m-%d %H:%M} UTC"
        for jump in jumps
    ]
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return Alert(PRICE_JUMP, f"price jump: {lines[0]}{more}", "\n".join(lines))


def price_stream(spark: SparkSession, settings: Settings) -> DataFrame:
    """The prices of all suppliers' topics."""
    streams = [
        price_rows(
            parse_messages(kafka_stream(spark, settings, [topic]), TABLE_OF_TOPIC[topic]), topic
        )
        for topic in TOPICS
    ]
    return reduce(DataFrame.unionByName, streams)
