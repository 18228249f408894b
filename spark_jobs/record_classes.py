"""Runs the stream job on a scratch broker until every query has worked, and keeps its classes.

`python -m spark_jobs.record_classes FILE`, from `include/local/class_archive.py`.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

from pyspark import SparkContext

from include.bus import Producer, ensure_topics, offset_ranges
from include.errors import PlatformError
from include.lake.checkpoint import committed_offsets
from include.lake.reading import count_rows
from include.lake.tables import LANDED, LANDED_TOPICS, QUARANTINE, SIGNALS
from include.local.scratch import scratch_broker
from include.market.events import BookChange, BookSide, Message, Top, Trade
from include.market.time import MINUTE_US, SECOND_US
from include.market.wire import Topic
from include.process import unwind_on_sigterm
from include.settings import Settings
from spark_jobs.health import write_progress
from spark_jobs.measures import start_measures
from spark_jobs.options import SHORT_LIVED
from spark_jobs.session import open_session
from spark_jobs.signals import start_signals
from spark_jobs.sinks import create_tables
from spark_jobs.stream_market import start_landing

ROUNDS = 2  # the first makes each table's first rows, the second closes windows of the first
WORK_S = 150.0
AT = 1_700_000_000_000_000


def record(file: Path) -> None:
    """Run the stream for some rounds of messages; its JVM writes the archive as it ends.

    Raises:
        PlatformError: the stream did not land the messages in time, or wrote no archive.
    """
    java = [*SHORT_LIVED, f"-XX:ArchiveClassesAtExit={file}"]
    options = {
        "TICKHOUSE_STREAM_JAVA_OPTIONS": " ".join(java),
        "TICKHOUSE_STREAM_TRIGGER_S": "0.5",
        "TICKHOUSE_STREAM_SIGNALS_TRIGGER_S": "0.5",
    }
    with scratch_broker(options) as settings:
        ensure_topics(settings.bootstrap)
        stop, feed_done = threading.Event(), threading.Event()
        feeding = threading.Thread(
            target=_send_messages, args=(settings, stop, feed_done), daemon=True
        )
        feeding.start()
        _run_stream(settings, stop)
    if not feed_done.is_set() or not file.exists():
        raise PlatformError(f"the stream worked: {feed_done.is_set()}, archive: {file.exists()}")


def _run_stream(settings: Settings, stop: threading.Event) -> None:
    """The queries of the stream job, with no Postgres: the first one that ends, ends them all."""
    spark = open_session(settings, "record classes", ui_port=settings.ports.spark_ui)
    create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
    queries = [
        start_landing(spark, settings),
        start_signals(spark, settings),
        start_measures(spark, settings),
    ]
    while not stop.wait(0.5) and all(query.isActive for query in queries):
        write_progress(settings, queries)
    for query in queries:
        query.stop()
    spark.stop()
    _end_jvm()


def _send_messages(settings: Settings, stop: threading.Event, feed_done: threading.Event) -> None:
    producer = Producer(settings.bootstrap, client_id="record-classes")
    try:
        for number in range(ROUNDS):
            for message in _make_messages(AT + number * 3 * MINUTE_US):
                producer.publish(message)
            producer.send(Topic.TRADES, b"junk", b"junk")
            producer.flush()
            _await(_has_landed, settings)
        _await(_has_signals, settings)
        feed_done.set()
    finally:
        stop.set()


def _make_messages(start_us: int) -> Iterator[Message]:
    for number in range(50):
        now, price = start_us + number * SECOND_US, Decimal(6_700_000 + number).scaleb(-2)
        trade = Trade(
            trade_id=str(now), price=price, quantity=Decimal("0.5"), side="buy", traded_at=now
        )
        yield _make_message("trade", now, trade)
        top = Top(bid=price, bid_quantity=Decimal(1), ask=price + 1, ask_quantity=Decimal(2))
        side: BookSide = "bid" if number % 2 else "ask"
        yield _make_message(
            "book", now, BookChange(side=side, price=price, remaining=Decimal(1)), top
        )


def _make_message(
    kind: str, at_us: int, event: Trade | BookChange, top: Top | None = None
) -> Message:
    return Message(
        venue="gemini",
        symbol="BTC-USD",
        kind=kind,
        conn="recorded",
        seq=(at_us, at_us),
        venue_time=at_us,
        received_time=at_us,
        events=(event,),
        top=top,
    )


def _has_landed(settings: Settings) -> bool:
    sent_count = sum(end for _, end in offset_ranges(settings.bootstrap, LANDED_TOPICS).values())
    checkpoint = settings.checkpoints / "land" / "stream"
    return sum(committed_offsets(checkpoint).values()) >= sent_count


def _has_signals(settings: Settings) -> bool:
    return count_rows(settings.lake)[SIGNALS.name] > 0


def _await(claim: Callable[[Settings], bool], settings: Settings) -> None:
    deadline = time.monotonic() + WORK_S
    while not claim(settings):
        if time.monotonic() > deadline:
            raise PlatformError(f"the stream has not {claim.__name__.strip('_')} in {WORK_S} s")
        time.sleep(0.5)


def _end_jvm() -> None:
    """End Spark's JVM and wait for it: it writes the archive on its way out."""
    gateway = SparkContext._gateway
    assert gateway is not None
    jvm = gateway.proc
    gateway.shutdown()
    jvm.stdin.close()
    jvm.wait(120)


if __name__ == "__main__":
    unwind_on_sigterm(SystemExit(1))  # the scratch folder goes too
    record(Path(sys.argv[1]))
