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
from include.market.wire import Topic, TopicPartition
from include.settings import Settings
from spark_jobs.data_files import local_folder, write_data_files
from spark_jobs.epoch import Epoch
from spark_jobs.session import choose_engine
from spark_jobs.sinks import Appender, path
from spark_jobs.sources import RECORDS_A_TASK
from spark_jobs.transforms.messages import (
    make_quarantine_rows,
    make_rows,
    parse_messages,
    unpack_rejects,
)

LANDED_TOPICS = (*TABLE_OF_TOPIC, Topic.REJECTS)
# A data frame that Python holds in a cycle is a whole plan in the JVM, and Python seldom looks
# for old cycles: without this the driver's heap creeps up for hours.
BATCHES_A_COLLECTION = 20
Hook = Callable[[DataFrame], None]
Spans = Mapping[TopicPartition, tuple[int, int]]


class Landing:
    """The batch writer: one Delta commit per table that the batch has rows for.

    Topics whose records are all well-formed take the fast path: tasks write the data files. The
    others take the checked path, on which Spark parses each record into its table or quarantine.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        epoch: Epoch,
        hooks: dict[str, Hook],
        spans: Callable[[int], Spans | None] = lambda _: None,
    ) -> None:
        """`hooks` are called with a topic's landed rows after their commit.

        `spans` gives first offset and end of each partition of a batch, where that is known.
        """
        self.settings = settings
        self.epoch = epoch
        self.appender = Appender(epoch.app)
        self.hooks = hooks
        self._reread: set[str] = set()
        # One for life: to py4j each new thread is one more thread of the JVM, let go late.
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="landing")
        self.spans = spans

    def write(self, batch_df: DataFrame, batch_id: int) -> None:
        """Land the batch; repeated with the same id it changes nothing."""
        spans = self.spans(batch_id)
        record_counts = _count_records(batch_df) if spans is None else _span_lengths(spans)
        self._reread = _reread_topics(self.epoch, spans)
        # Compiling the plan of a small batch takes more than it saves. The session is the query's
        # own, so no other query sees this.
        is_small = sum(record_counts.values()) < RECORDS_A_TASK
        choose_engine(batch_df.sparkSession, interpreted=is_small)
        for topic in self._land_fast(batch_df, record_counts, batch_id):
            del record_counts[topic]
        if record_counts:
            self._land_checked(
                batch_df.where(F.col("topic").isin(*record_counts)), record_counts, batch_id
            )
        if batch_id % BATCHES_A_COLLECTION == 0:
            gc.collect()

    def _land_fast(
        self, batch_df: DataFrame, record_counts: Mapping[str, int], batch_id: int
    ) -> Iterable[str]:
        """Land the topics whose every record is well-formed; gives those topics."""
        folder = local_folder(self.settings.lake)
        topics = [topic for topic in record_counts if topic in TABLE_OF_TOPIC.keys() - self._reread]
        if folder is None or not topics:
            return ()
        tasks = _task_count(sum(record_counts[topic] for topic in topics))
        records_df = batch_df.where(F.col("topic").isin(topics)).coalesce(tasks)
        actions = write_data_files(records_df, folder)
        list(
            self._pool.map(
                lambda topic: self._add_files(
                    batch_df.sparkSession, topic, actions[topic], batch_id
                ),
                actions,
            )
        )
        return actions

    def _add_files(
        self, spark: SparkSession, topic: str, actions: Sequence[str], batch_id: int
    ) -> None:
        location = path(self.settings, TABLE_OF_TOPIC[topic].name)
        self.appender.add_files(spark, actions, location=location, batch_id=batch_id)
        if topic in self.hooks:
            paths = [f"{location}/{json.loads(action)['add']['path']}" for action in actions]
            self.hooks[topic](spark.read.parquet(*paths))

    def _land_checked(
        self, batch_df: DataFrame, record_counts: Mapping[str, int], batch_id: int
    ) -> None:
        """Land topics that may hold malformed records: each record to its table or quarantine."""
        records_df = batch_df if len(record_counts) == 1 else batch_df.persist()
        try:
            malformed = list(
                self._pool.map(
                    lambda topic: self._land(
                        # An idle partition still costs a task: small batches are written by one.
                        records_df.where(F.col("topic") == topic).coalesce(
                            _task_count(record_counts[topic])
                        ),
                        topic,
                        batch_id,
                    ),
                    record_counts,
                )
            )
            self._quarantine([rows_df for rows_df in malformed if rows_df is not None], batch_id)
        finally:
            if len(record_counts) > 1:
                records_df.unpersist()

    def _land(self, records_df: DataFrame, topic: str, batch_id: int) -> DataFrame | None:
        """Append a topic's readable records; gives the others, unless there are none."""
        new_df = self._without_landed(records_df, topic)
        if topic == Topic.REJECTS:
            return unpack_rejects(new_df)
        table = TABLE_OF_TOPIC[topic]
        messages_df = parse_messages(new_df, table)
        observation = Observation()
        problems = F.count_if(F.col("problem").isNotNull()).alias("problems")
        rows_df = make_rows(messages_df.observe(observation, problems), table)
        location = path(self.settings, table.name)
        appended = self.appender.append(rows_df, location=location, batch_id=batch_id)
        if topic in self.hooks:
            self.hooks[topic](rows_df)
        if appended and observation.get["problems"] == 0:
            return None
        return make_quarantine_rows(messages_df, table)

    def _quarantine(self, malformed: Sequence[DataFrame], batch_id: int) -> None:
        if not malformed:
            return
        rows_df = reduce(DataFrame.unionByName, malformed).coalesce(1)
        if not rows_df.isEmpty():
            location = path(self.settings, QUARANTINE.name)
            self.appender.append(rows_df, location=location, batch_id=batch_id)

    def _without_landed(self, records_df: DataFrame, topic: str) -> DataFrame:
        """Without the offsets that an earlier epoch has landed or quarantined already."""
        if topic not in self._reread:
            return records_df
        table: Table | None = TABLE_OF_TOPIC.get(topic)
        names = [QUARANTINE.name] + ([table.name] if table else [])
        spark = records_df.sparkSession
        offsets = [_read_offsets(spark, path(self.settings, name), topic) for name in names]
        landed_df = reduce(DataFrame.union, offsets).distinct()
        return records_df.join(landed_df, ["partition", "offset"], "left_anti")


def _span_lengths(spans: Spans) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (topic, _), (first, end) in spans.items():
        counts[topic] = counts.get(topic, 0) + end - first
    return counts


def _reread_topics(epoch: Epoch, spans: Spans | None) -> set[str]:
    """The topics of which a batch may hold offsets that an earlier epoch has landed."""
    if spans is None:
        return {partition.topic for partition, until in epoch.until.items() if until}
    return {
        partition.topic
        for partition, (first, _) in spans.items()
        if first < epoch.until.get(partition, 0)
    }


def _count_records(records_df: DataFrame) -> dict[str, int]:
    return {row["topic"]: row["count"] for row in records_df.groupBy("topic").count().collect()}


def _task_count(record_count: int) -> int:
    return 1 + record_count // RECORDS_A_TASK


def _read_offsets(spark: SparkSession, location: str, topic: str) -> DataFrame:
    rows_df = spark.read.format("delta").load(location)
    return rows_df.where(F.col("topic") == topic).select("partition", "offset")
