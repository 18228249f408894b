"""The one stream, always on: Kafka -> Delta tables, and the book -> signals.

Four queries: `land` puts every topic into its table or into quarantine, `signals` computes the
60-second liquidity numbers, `measures` imbalance and mid price of each book update, `averages` the
moving average of the price across suppliers. Two threads
beside them serve Postgres from the tables, and restate signals whose changes came late.
Run it as `python -m spark_jobs.stream_market` or by spark-submit.
"""

import gc
import logging
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.bus import offset_ranges, topic_ids
from include.errors import PlatformError
from include.lake.checkpoint import batch_spans, batches_to_keep, drop_orphans, has_begun
from include.lake.diagnosis import QUERIES, find_query_damage
from include.lake.epoch import open_epoch
from include.lake.late_windows import LateWindows
from include.lake.tables import LANDED, LANDED_TOPICS, QUARANTINE, SIGNALS
from include.lake.topic_changes import KafkaTopics, find_restarts
from include.lake.topic_restarts import REMOVED, read_restarts, write_restarts
from include.lake.watermarks import landed_offsets
from include.local.lock import exclusive_lock
from include.local.schema import join_world
from include.log import event
from include.market.wire import Topic
from include.object_path import size_of_folder
from include.process import run_process
from include.setting_fields import MB
from include.settings import Settings
from include.versions import find_versions
from spark_jobs.averages import AverageBatches
from spark_jobs.ending import end_at_once, end_within
from spark_jobs.health import LedgerHealth, write_progress
from spark_jobs.landing import Landing
from spark_jobs.log_checkpoints import LogCheckpoints, keep_log_checkpoints
from spark_jobs.measures import start_measures
from spark_jobs.serving import in_background, restate_late_windows, serve_postgres
from spark_jobs.session import open_session, require_shared_paths, require_task_slots
from spark_jobs.signals import SignalBatches
from spark_jobs.sinks import create_tables
from spark_jobs.sources import kafka_stream

BATCHES = "spark.sql.streaming.minBatchesToRetain"
PROGRESS_S = 2.0
END_S = 20.0  # less than the 30 s after which who asked for the end kills
log = logging.getLogger("tickhouse.stream")


def start_landing(
    spark: SparkSession,
    settings: Settings,
    *,
    health: LedgerHealth | None = None,
    checkpoints: LogCheckpoints | None = None,
) -> StreamingQuery:
    """The query that lands every topic; `health` takes the feed ledger's entries.

    The log checkpoints of its tables are written beside it.
    """
    folder = settings.checkpoints / "land"
    topics = KafkaTopics(
        offset_ranges(settings.bootstrap, LANDED_TOPICS),
        topic_ids(settings.bootstrap, LANDED_TOPICS),
    )
    if not has_begun(folder / "stream"):
        _write_removals(settings, topics)
    epoch = open_epoch(
        folder,
        ranges=topics.ranges,
        watermarks=landed_offsets(settings.lake, topics.ranges),
        topic_ids=topics.ids,
        restarts=read_restarts(settings.lake),
    )
    landing = Landing(
        settings,
        epoch=epoch,
        hooks={Topic.LEDGER: health.note} if health else {},
        spans=lambda batch: batch_spans(folder / "stream", batch, starts=epoch.starts),
    )
    query = (
        kafka_stream(spark, settings, list(LANDED_TOPICS), starting=epoch.starting_offsets())
        .writeStream.queryName("land")
        .option("checkpointLocation", str(folder / "stream"))
        .trigger(processingTime=f"{settings.stream.trigger_s} seconds")
        .foreachBatch(landing.write)
        .start()
    )
    checkpoints = checkpoints or LogCheckpoints(spark, settings.lake, (*LANDED, QUARANTINE))
    keep_log_checkpoints(checkpoints, beside=query)
    return query


def _write_removals(settings: Settings, kafka_topics: KafkaTopics) -> None:
    """A new epoch goes on behind what Kafka removed before it landed; the lake keeps where."""
    restarts = find_restarts(
        settings.world_store, settings.lake, kafka_topics, found_at=datetime.now(UTC)
    )
    removed = [restart for restart in restarts if restart.cause == REMOVED]
    for restart in removed:
        log.warning(event("offsets lost", cause=restart.sentence()))
    write_restarts(settings.lake, removed)


def refuse_damaged(settings: Settings) -> None:
    """Refuse to resume from a checkpoint that is damaged.

    Raises:
        PlatformError: names the query and what is wrong.
    """
    for query in QUERIES:
        drop_orphans(settings.checkpoints / query / "stream")
    for query in QUERIES[1:]:  # of `land` its epoch is examined
        damage = find_query_damage(settings.world_store, query)
        if damage is not None:
            raise PlatformError(
                f"the checkpoint of `{query}` is damaged: {damage}; see `./tickhouse doctor`"
            )


def bound_checkpoints(spark: SparkSession, settings: Settings) -> None:
    """Let the queries keep fewer batches where the largest checkpoint has too many bytes."""
    usual = int(spark.conf.get(BATCHES) or 0)
    size = max(size_of_folder(settings.checkpoints / query) for query in QUERIES)
    limit = settings.stream.checkpoint_mb * MB
    batches = batches_to_keep(usual, size_bytes=size, most_bytes=limit)
    if batches < usual:
        log.warning(event("checkpoints are large", mb=size // MB, batches=batches))
        spark.conf.set(BATCHES, str(batches))


def run(settings: Settings, stop: threading.Event) -> None:
    """Run the queries until `stop`, writing their progress for `status`; a failed one ends all."""
    spark = open_session(settings, f"tickhouse {settings.world}", ui_port=settings.ports.spark_ui)
    require_shared_paths(spark, settings)
    require_task_slots(spark, settings)
    join_world(settings, program=find_versions()["Tickhouse"], now=datetime.now(UTC))
    create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
    refuse_damaged(settings)
    bound_checkpoints(spark, settings)
    wakeup, late = threading.Event(), LateWindows()
    health = LedgerHealth(wakeup)
    checkpoints = LogCheckpoints(spark, settings.lake, (*LANDED, QUARANTINE))
    signals = SignalBatches(spark, settings, stop=stop, late=late, wakeup=wakeup)
    queries = [
        start_landing(spark, settings, health=health, checkpoints=checkpoints),
        signals.start(),
        start_measures(spark, settings),
        AverageBatches(spark, settings, wakeup=wakeup).start(),
    ]
    in_background(serve_postgres, settings, health, wakeup, stop)
    in_background(restate_late_windows, settings, late, wakeup, stop)
    gc.freeze()  # what exists now stays: the collections of `Landing` need not scan it
    try:
        while not stop.wait(PROGRESS_S):
            pauses_ms = {"signals": signals.pause_ms}
            write_progress(settings, queries, pauses_ms=pauses_ms, faults=checkpoints.faults)
            for query in queries:
                if not stop.is_set():
                    _require_active(query)
        for query in queries:
            query.stop()
        spark.stop()
    except (Py4JError, OSError):
        if not stop.is_set():  # the JVM may have had the same signal, and be further on its way out
            raise


def _require_active(query: StreamingQuery) -> None:
    if not query.isActive:
        # its text is long; the lock is kept until the process is gone
        log.error(event("query ended", query=query.name, error=query.exception()))
        end_at_once(SystemExit(f"query {query.name} ended"))


def main() -> None:
    """Entry point of the process."""

    def serve(settings: Settings, stop: threading.Event) -> None:
        with exclusive_lock(Path(settings.home) / "stream.lock", name="the stream job"):
            end_within(END_S, stop)
            log.info(event("stream starting", world=settings.world, lake=settings.lake))
            run(settings, stop)

    try:
        run_process("stream", serve)
    except SystemExit as ended:
        end_at_once(ended)
    sys.exit(0)


if __name__ == "__main__":
    main()
