"""One micro-batch of Kafka records into the Delta tables, exactly once, however often repeated."""

import gc
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from include.lake.columns import Table
from include.lake.tables import QUARANTINE, TABLE_OF_TOPIC
from include.market.wire import TopicPartition
from include.settings import Settings
from spark_jobs.epoch import Epoch
from spark_jobs.parts import local_folder, written
from spark_jobs.session import choose_engine
from spark_jobs.sinks import Appender, path
from spark_jobs.sources import RECORDS_A_TASK
from spark_jobs.transforms.messages import landed, parsed, quarantined, rejected

REJECTS = "market.rejects"
LANDED_TOPICS = (*TABLE_OF_TOPIC, REJECTS)
# A data frame that Python holds in a cycle is a whole plan in the JVM, and Python seldom looks
# for old cycles: without this the driver's heap creeps up for hours.
TIDY_BATCHES = 20
Hook = Callable[[DataFrame], None]
Spans = Mapping[TopicPartition, tuple[int, int]]


class Landing:
    """The batch writer: one Delta commit per table that the batch has rows for."""

    def __init__(
        self,
        settings: Settings,
        *,
        epoch: Epoch,
        hooks: dict[str, Hook],
        spans: Callable[[int], Spans | None] = lambda _: None,
    ) -> None:
        """`hooks` are called with a topic's landed rows after their commit.

        `spans` tells first offset and end of each partition of a batch, where that is known.
        """
        self.settings = settings
        self.epoch = epoch
        self.appender = Appender(epoch.app)
        self.hooks = hooks
        self._repeated: set[str] = set()
        # One for life: to py4j each new thread is one more thread of the JVM, let go late.
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="landing")
        self.spans = spans

    def write(self, batch: DataFrame, batch_id: int) -> None:
        """Land the batch; repeated with the same id it changes nothing."""
        spans = self.spans(batch_id)
        counts = _counted(batch) if spans is None else _lengths(spans)
        self._repeated = _reaching_back(self.epoch, spans)
        # Batches of 30 records to three tables take 1.6 s of processor time compiled, 1.1 s
        # interpreted. The session is the query's own, so no other query sees this.
        small = sum(counts.values()) < RECORDS_A_TASK
        choose_engine(batch.sparkSession, interpreted=small)
        for topic in self._land_plainly(batch, counts, batch_id):
            del counts[topic]
        if counts:
            self._land_with_care(batch.where(F.col("topic").isin(*counts)), counts, batch_id)
        if batch_id % TIDY_BATCHES == 0:
            gc.collect()

    def _land_plainly(
        self, batch: DataFrame, counts: Mapping[str, int], batch_id: int
    ) -> Iterable[str]:
        """Land the topics whose every record is plainly sound; which those are."""
        folder = local_folder(self.settings.lake)
        topics = [topic for topic in counts if topic in TABLE_OF_TOPIC.keys() - self._repeated]
        if folder is None or not topics:
            return ()
        tasks = _tasks(sum(counts[topic] for topic in topics))
        records = batch.where(F.col("topic").isin(topics)).coalesce(tasks)
        files = written(records, folder)
        list(
            self._pool.map(
                lambda topic: self._add(batch.sparkSession, topic, files[topic], batch_id), files
            )
        )
        return files

    def _add(self, spark: SparkSession, topic: str, files: Sequence[str], batch_id: int) -> None:
        table = TABLE_OF_TOPIC[topic]
        location = path(self.settings, table.name)
        self.appender.add(spark, files, location=location, batch_id=batch_id)
        if topic in self.hooks:
            paths = [f"{location}/{json.loads(one)['add']['path']}" for one in files]
            self.hooks[topic](spark.read.parquet(*paths))

    def _land_with_care(self, batch: DataFrame, counts: Mapping[str, int], batch_id: int) -> None:
        """Land what holds a record that needs to be looked at: each to its table, or aside."""
        records = batch if len(counts) == 1 else batch.persist()
        try:
            bad = list(
                self._pool.map(
                    lambda topic: self._land(
                        # An idle partition still costs a task: small batches are written by one.
                        records.where(F.col("topic") == topic).coalesce(_tasks(counts[topic])),
                        topic,
                        batch_id,
                    ),
                    counts,
                )
            )
            self._set_aside([part for part in bad if part is not None], batch_id)
        finally:
            if len(counts) > 1:
                records.unpersist()

    def _land(self, records: DataFrame, topic: str, batch_id: int) -> DataFrame | None:
        """Append a topic's sound records; gives the others, unless it is known there are none."""
        own = self._unseen(records, topic)
        if topic == REJECTS:
            return rejected(own)
        table = TABLE_OF_TOPIC[topic]
        read = parsed(own, table)
        seen = Observation()
        problems = F.count_if(F.col("problem").isNotNull()).alias("problems")
        rows = landed(read.observe(seen, problems), table)
        location = path(self.settings, table.name)
        appended = self.appender.append(rows, location=location, batch_id=batch_id)
        if topic in self.hooks:
            self.hooks[topic](rows)
        clean = appended and seen.get["problems"] == 0
        return None if clean else quarantined(read, table)

    def _set_aside(self, parts: Sequence[DataFrame], batch_id: int) -> None:
        if not parts:
            return
        bad = reduce(DataFrame.unionByName, parts).coalesce(1)
        if not bad.isEmpty():
            location = path(self.settings, QUARANTINE.name)
            self.appender.append(bad, location=location, batch_id=batch_id)

    def _unseen(self, records: DataFrame, topic: str) -> DataFrame:
        """Without the offsets that an earlier epoch has landed or set aside already."""
        if topic not in self._repeated:
            return records
        table: Table | None = TABLE_OF_TOPIC.get(topic)
        names = [QUARANTINE.name] + ([table.name] if table else [])
        seen = [_offsets(records.sparkSession, path(self.settings, name), topic) for name in names]
        known = reduce(DataFrame.union, seen).distinct()
        return records.join(known, ["partition", "offset"], "left_anti")


def _lengths(spans: Spans) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (topic, _), (first, end) in spans.items():
        counts[topic] = counts.get(topic, 0) + end - first
    return counts


def _reaching_back(epoch: Epoch, spans: Spans | None) -> set[str]:
    """The topics of which a batch may hold offsets that an earlier epoch has landed."""
    if spans is None:
        return {topic for (topic, _), until in epoch.until.items() if until}
    return {
        topic
        for (topic, part), (first, _) in spans.items()
        if first < epoch.until.get(TopicPartition(topic, part), 0)
    }


def _counted(records: DataFrame) -> dict[str, int]:
    return {row["topic"]: row["count"] for row in records.groupBy("topic").count().collect()}


def _tasks(records: int) -> int:
    return 1 + records // RECORDS_A_TASK


def _offsets(spark: SparkSession, location: str, topic: str) -> DataFrame:
    rows = spark.read.format("delta").load(location)
    return rows.where(F.col("topic") == topic).select("partition", "offset")
