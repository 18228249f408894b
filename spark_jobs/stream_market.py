"""The one stream, always on: Kafka -> Delta tables, and the book -> signals.

Three queries: `land` puts every topic into its table or into quarantine, `signals` computes the
60-second liquidity numbers, `measures` imbalance and mid price of each book update.
Run it as `python -m spark_jobs.stream_market` or by spark-submit.
"""

import gc
import logging
import sys
import threading
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from include.bus import offset_ranges, topic_ids
from include.errors import PlatformError
from include.lake.checkpoint import batch_spans, drop_orphans, find_damage
from include.lake.epoch import open_epoch
from include.lake.tables import LANDED, QUARANTINE, SIGNALS
from include.lake.watermarks import landed_offsets
from include.local.lock import exclusive_lock
from include.log import event
from include.market.wire import Topic
from include.process import run_process
from include.settings import Settings
from spark_jobs.health import feed_health_hook, write_progress
from spark_jobs.landing import LANDED_TOPICS, Landing
from spark_jobs.measures import start_measures
from spark_jobs.session import session
from spark_jobs.signals import start_signals
from spark_jobs.sinks import create_tables
from spark_jobs.sources import kafka_stream

PROGRESS_S = 2.0
log = logging.getLogger("tickhouse.stream")


def start_landing(spark: SparkSession, settings: Settings) -> StreamingQuery:
    """The query that lands every topic."""
    folder = settings.home / "checkpoints" / "land"
    ranges = offset_ranges(settings.bootstrap, LANDED_TOPICS)
    epoch = open_epoch(
        folder,
        ranges=ranges,
        watermarks=landed_offsets(settings.lake, ranges),
        topic_ids=topic_ids(settings.bootstrap, LANDED_TOPICS),
    )
    landing = Landing(
        settings,
        epoch=epoch,
        hooks={Topic.LEDGER: feed_health_hook(settings)},
        spans=lambda batch: batch_spans(folder / "stream", batch, starts=epoch.starts),
    )
    topics = list(LANDED_TOPICS)
    return (
        kafka_stream(spark, settings, topics, starting=epoch.starting_offsets())
        .writeStream.queryName("land")
        .option("checkpointLocation", str(folder / "stream"))
        .trigger(processingTime=f"{settings.stream.trigger_s} seconds")
        .foreachBatch(landing.write)
        .start()
    )


def refuse_damaged(settings: Settings) -> None:
    """Refuse to resume from a checkpoint that is damaged.

    Raises:
        PlatformError: names the query and what is wrong.
    """
    for query in ("land", "signals", "measures"):
        drop_orphans(settings.home / "checkpoints" / query / "stream")
    for query in ("signals", "measures"):
        damage = find_damage(settings.home / "checkpoints" / query / "stream")
        if damage is not None:
            raise PlatformError(
                f"the checkpoint of `{query}` is damaged: {damage}; see `./tickhouse doctor`"
            )


def run(settings: Settings, stop: threading.Event) -> None:
    """Run the queries until `stop`, writing their progress for `status`; a failed one ends all."""
    spark = session(settings, f"tickhouse {settings.world}", ui_port=settings.ports.spark_ui)
    create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
    refuse_damaged(settings)
    starts = (start_landing, start_signals, start_measures)
    queries = [start(spark, settings) for start in starts]
    gc.freeze()  # what exists now stays: the collections of `Landing` need not scan it
    while not stop.wait(PROGRESS_S):
        write_progress(settings, queries)
        for query in queries:
            if not query.isActive:
                raise SystemExit(f"query {query.name} ended: {query.exception()}")
    for query in queries:
        query.stop()
    spark.stop()


def main() -> None:
    """Entry point of the process."""

    def serve(settings: Settings, stop: threading.Event) -> None:
        with exclusive_lock(Path(settings.home) / "stream.lock", name="the stream job"):
            log.info(event("stream starting", world=settings.world, lake=settings.lake))
            run(settings, stop)

    run_process("stream", serve)
    sys.exit(0)


if __name__ == "__main__":
    main()
