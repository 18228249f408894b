"""The `signals` query: book changes -> liquidity per window -> Kafka at once, then Delta.

Spark reads and sums each message; the driver keeps the open windows and closes them by the venue's
own times (`include/market/windows.py`). Their state is written whenever one closes, when few
messages are in open ones, and seldom otherwise: what came since is read from Kafka once more when
a batch is run again. Nothing here waits for Postgres, which `spark_jobs/serving.py` serves.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.bus import offset_ranges
from include.clock import now_us
from include.lake.checkpoint import end_offsets, has_begun
from include.lake.late_windows import LateWindow, LateWindows
from include.lake.signal_rows import closed_until
from include.lake.tables import TABLE_OF_TOPIC
from include.lake.window_states import read_state, write_state
from include.market.signals import PublishedSignal
from include.market.windows import BookFlow, Liquidity, Windows, WindowState, sending_order
from include.market.wire import Topic
from include.settings import Settings
from spark_jobs.pace import Pace
from spark_jobs.session import choose_engine
from spark_jobs.signal_publisher import SignalPublisher, signal_ends
from spark_jobs.sources import kafka_batch, kafka_stream
from spark_jobs.transforms.liquidity import FLOW, book_flows
from spark_jobs.transforms.messages import parse_messages

TRIGGER_S = 0.1  # the pause after each batch is what spaces them
BATCHES_A_STATE = 15  # Spark keeps the offsets of twenty
PublishSignals = Callable[[Sequence[PublishedSignal]], None]


class SignalState(msgspec.Struct):
    """The open windows, those to be summed again, and next offsets by partition.

    Of market.book those `read`; of market.signals those where it ended.
    """

    windows: WindowState
    late: list[LateWindow]
    read: dict[int, int]
    signals_end: dict[int, int]


def start_signals(
    spark: SparkSession, settings: Settings, *, publish: PublishSignals | None = None
) -> StreamingQuery:
    """The query that computes the signals, and gives those of closed windows to `publish`.

    Without one they are sent to Kafka and inserted into Delta.
    """
    return SignalBatches(spark, settings, publish=publish).start()


def flow_stream(records_df: DataFrame) -> DataFrame:
    """Records of market.book -> what each adds to its window."""
    return book_flows(parse_messages(records_df, TABLE_OF_TOPIC[Topic.BOOK]))


class SignalBatches:
    """The batch writer: takes each batch's messages in, and publishes what they close."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        *,
        publish: PublishSignals | None = None,
        stop: threading.Event | None = None,
        late: LateWindows | None = None,
        wakeup: threading.Event | None = None,
    ) -> None:
        """`publish` gets signals in order: by default they are sent and inserted.

        `stop` ends the pause between two batches; `late` takes windows that changed when closed;
        `wakeup` is set when Delta has new rows.
        """
        self._spark, self._settings = spark, settings
        self._stop = stop or threading.Event()
        self.pause_ms = 0  # of the last batch, of whose time it is a part
        self.checkpoint = settings.checkpoints / "signals" / "stream"
        self._late = late or LateWindows()
        self._pace = Pace(idle_s=settings.stream.signals_trigger_s)
        self._publisher = SignalPublisher(
            settings, query="signals", wakeup=wakeup or threading.Event()
        )
        self._publish = publish or self._publisher.publish
        self._firsts: Mapping[int, int] = {}
        self._cut: frozenset[int] = frozenset()
        self._windows: Windows | None = None
        self._stored_batch = 0

    def start(self) -> StreamingQuery:
        """Start the query, from its checkpoint or from all that Kafka has."""
        starting = _offsets_json(self._begin())
        records_df = kafka_stream(self._spark, self._settings, [Topic.BOOK], starting=starting)
        return (
            flow_stream(records_df)
            .writeStream.queryName("signals")
            .option("checkpointLocation", str(self.checkpoint))
            .trigger(processingTime=f"{TRIGGER_S} seconds")
            .foreachBatch(self.write)
            .start()
        )

    def write(self, flows_df: DataFrame, batch: int) -> None:
        """Take a batch in, publish what it closes, and wait until the next is worth it."""
        choose_engine(flows_df.sparkSession, interpreted=True)
        windows = self._windows or self._resume(batch)
        closed = self._take(windows, flows_df)
        if closed:
            self._publish([signal for window in closed for signal in window.signals()])
        if closed or batch - self._stored_batch >= BATCHES_A_STATE:
            self._store(windows, batch + 1)
        pause_s = self._pace.pause_s(windows, now_us=now_us())
        self._stop.wait(pause_s)
        self.pause_ms = int(pause_s * 1000)

    def _begin(self) -> Mapping[int, int]:
        """Write the state before batch 0, if none has begun; the offsets at which it begins."""
        ranges = offset_ranges(self._settings.bootstrap, [Topic.BOOK])
        self._firsts = {at.partition: first for at, (first, _) in ranges.items()}
        if not has_begun(self.checkpoint):
            ends = signal_ends(self._settings)
            state = SignalState(WindowState(), [], dict(self._firsts), ends)
            write_state(self.checkpoint, 0, state)
        return self._firsts

    def _resume(self, batch: int) -> Windows:
        """The windows as they were before this batch."""
        state = read_state(self.checkpoint, batch, SignalState)
        stream, is_new = self._settings.stream, not state.windows.books
        windows = self._windows = Windows(
            window_s=stream.window_s,
            delay_s=stream.close_after_s,
            memory=state.windows,
            closed_until=closed_until(self._settings.lake) if is_new else {},
        )
        if is_new:  # the first window of what retention has cut is not whole
            self._cut = frozenset(part for part, first in self._firsts.items() if first)
        self._late.add(state.late)
        self._repeat(windows, state.read, batch)
        self._publisher.resume(state.signals_end)
        self._stored_batch = batch
        return windows

    def _repeat(self, windows: Windows, read: Mapping[int, int], batch: int) -> None:
        """Take the records in again that came between the state and this batch."""
        before = self.checkpoint / "offsets" / str(batch - 1)
        ends = {at.partition: end for at, end in end_offsets(before).items()} if batch else {}
        if any(read.get(partition, 0) < end for partition, end in ends.items()):
            starts = {part: read.get(part, self._firsts.get(part, 0)) for part in ends}
            records_df = kafka_batch(
                self._spark,
                self._settings,
                starting=_offsets_json(starts),
                ending=_offsets_json(ends),
            )
            self._take(windows, flow_stream(records_df))

    def _take(self, windows: Windows, flows_df: DataFrame) -> list[Liquidity]:
        """The windows that the rows close, in the order in which their signals are sent."""
        closed: list[Liquidity] = []
        for partition, offset, flow in _flows(flows_df.toArrow()):
            if partition in self._cut and not windows.knows(flow):
                windows.refuse_window(flow)
            closed += windows.take(flow)
            if windows.late:
                self._late.add(LateWindow(*key, partition, offset) for key in windows.late)
                windows.late.clear()
            self._pace.observe(flow)
        self._cut = frozenset()
        return sorted([*closed, *windows.close_silent()], key=sending_order)

    def _store(self, windows: Windows, batch: int) -> None:
        ends = end_offsets(self.checkpoint / "offsets" / str(batch - 1))
        read = {at.partition: end for at, end in ends.items()}
        ends_now = signal_ends(self._settings)
        state = SignalState(windows.state, self._late.list_pending(), read, ends_now)
        write_state(self.checkpoint, batch, state)
        self._stored_batch = batch


def _flows(flow_rows: pa.Table) -> Iterator[tuple[int, int, BookFlow]]:
    """The rows in the order of their partition, with their partition and offset."""
    rows = flow_rows.sort_by([("partition", "ascending"), ("offset", "ascending")])
    columns = [rows[name].to_pylist() for name in FLOW]
    flows = map(BookFlow, *columns)
    yield from zip(rows["partition"].to_pylist(), rows["offset"].to_pylist(), flows, strict=True)


def _offsets_json(offsets: Mapping[int, int]) -> str:
    return json.dumps({Topic.BOOK: {str(part): offset for part, offset in offsets.items()}})
