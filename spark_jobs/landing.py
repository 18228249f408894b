"""One micro-batch of Kafka records into the Delta tables, exactly once, however often repeated."""

import gc
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from include.errors import PlatformError
from include.lake.epoch import Epoch
from include.lake.tables import QUARANTINE, TABLE_OF_TOPIC
from include.lake.watermarks import home_table
from include.market.wire import OffsetRange, OffsetRanges, Topic, TopicPartition
from include.settings import Settings
from spark_jobs.appends import Append, Appender
from spark_jobs.data_files import tasks_can_write, write_data_files
from spark_jobs.session import choose_engine
from spark_jobs.sources import RECORDS_A_TASK
from spark_jobs.transforms.messages import (
    make_quarantine_rows,
    make_rows,
    parse_messages,
    unpack_rejects,
)

# A data frame that Python holds in a cycle is a whole plan in the JVM, and Python seldom looks
# for old cycles: without this the driver's heap creeps up for hours.
BATCHES_A_COLLECTION = 20
Hook = Callable[[DataFrame], None]
Ends = Mapping[str, Mapping[TopicPartition, int]]  # by topic


@dataclass
class TopicAppend:
    """What a batch adds to one topic's table: an open append, and the rows for its hook."""

    append: Append
    rows_df: DataFrame | None


class Landing:
    """The batch writer: one Delta commit per table that the batch has records for.

    Topics whose records are all well-formed take the fast path: tasks write the data files. The
    others take the checked path, on which Spark parses each record into its table or quarantine.
    All files of a batch are written before anything is committed. Quarantine is committed first, so
    that a topic's watermark in its own table means that everything below it is accounted for.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        epoch: Epoch,
        hooks: dict[str, Hook],
        spans: Callable[[int], OffsetRanges | None] = lambda _: None,
    ) -> None:
        """`hooks` are called with a topic's landed rows after their commit, again when repeated.

        `spans` gives Kafka's first offset and end of each partition of a batch, where that is
        known. All that lands has the lake's offsets, by the epoch's shifts.
        """
        self.settings = settings
        self.epoch = epoch
        self.appender = Appender(settings.lake)
        self.hooks = hooks
        # One for life: to py4j each new thread is one more thread of the JVM, let go late.
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="landing")
        self.spans = spans

    def write(self, batch_df: DataFrame, batch_id: int) -> None:
        """Land what of the batch has not landed yet.

        Raises:
            PlatformError: the batch begins above what has landed, or another stream is running.
        """
        batch_df = _shift_offsets(batch_df, self.epoch.shifts)
        spans = self._spans_in_lake(batch_id) or _measure_spans(batch_df)
        pending = self._pending_spans(spans)
        record_counts = _span_lengths(pending)
        # Compiling the plan of a small batch takes more than it saves. The session is the query's
        # own, so no other query sees this.
        is_small = sum(record_counts.values()) < RECORDS_A_TASK
        choose_engine(batch_df.sparkSession, interpreted=is_small)
        if pending:
            records_df = batch_df.where(_is_pending(pending, spans))
            self._land(records_df, record_counts, pending)
        self._repeat_hooks(batch_df, spans, pending)
        if batch_id % BATCHES_A_COLLECTION == 0:
            gc.collect()

    def _spans_in_lake(self, batch_id: int) -> OffsetRanges | None:
        spans = self.spans(batch_id)
        if spans is None:
            return None
        shifts = {part: self.epoch.shift(part) for part in spans}
        return {
            part: (first + shifts[part], end + shifts[part]) for part, (first, end) in spans.items()
        }

    def _pending_spans(self, spans: OffsetRanges) -> dict[TopicPartition, OffsetRange]:
        """The part of each span that is at or above the watermark of the topic's home table."""
        pending: dict[TopicPartition, OffsetRange] = {}
        for partition, (first, end) in spans.items():
            next_offset = self.appender.next_offset(home_table(partition.topic).name, partition)
            if next_offset is not None and next_offset < first != self.epoch.start_in_lake(
                partition
            ):
                raise PlatformError(
                    f"offsets {next_offset} to {first - 1} of {partition.topic}/"
                    f"{partition.partition} have not landed, and the stream's checkpoint is beyond "
                    "them: `./tickhouse doctor --repair` reads them again"
                )
            if next_offset is None or next_offset < end:
                pending[partition] = max(first, next_offset or 0), end
        return pending

    def _land(
        self, records_df: DataFrame, record_counts: Mapping[str, int], pending: OffsetRanges
    ) -> None:
        ends = {topic: _ends(pending, topic) for topic in record_counts}
        appends = self._write_fast(records_df, record_counts)
        checked = [topic for topic in record_counts if topic not in appends]
        if checked:
            appends |= self._write_checked(records_df, checked, record_counts, ends)
        list(self._pool.map(lambda topic: self._commit(topic, appends[topic], ends), appends))

    def _commit(
        self,
        topic: str,
        topic_append: TopicAppend,
        ends: Ends,
    ) -> None:
        topic_append.append.commit(ends[topic])
        if topic in self.hooks and topic_append.rows_df is not None:
            self.hooks[topic](topic_append.rows_df)

    def _write_fast(
        self, records_df: DataFrame, record_counts: Mapping[str, int]
    ) -> dict[str, TopicAppend]:
        """Write the data files of the topics whose every record is well-formed."""
        lake = self.settings.lake
        topics = [topic for topic in record_counts if topic in TABLE_OF_TOPIC]
        if not topics or not tasks_can_write(lake):
            return {}
        tasks = _task_count(sum(record_counts[topic] for topic in topics))
        well_formed = records_df.where(F.col("topic").isin(topics)).coalesce(tasks)
        variables = self.settings.s3_variables
        actions = write_data_files(well_formed, lake, variables=variables)
        spark = records_df.sparkSession
        return {topic: self._add_files(spark, topic, actions[topic]) for topic in actions}

    def _add_files(self, spark: SparkSession, topic: str, actions: Sequence[str]) -> TopicAppend:
        table = TABLE_OF_TOPIC[topic].name
        append = self.appender.open(spark, table)
        append.add_files(actions)
        if topic not in self.hooks:
            return TopicAppend(append, None)
        paths = [f"{self.settings.lake}/{table}/{json.loads(a)['add']['path']}" for a in actions]
        return TopicAppend(append, spark.read.parquet(*paths))

    def _write_checked(
        self,
        records_df: DataFrame,
        topics: Sequence[str],
        record_counts: Mapping[str, int],
        ends: Ends,
    ) -> dict[str, TopicAppend]:
        """Write the files of topics that may hold malformed records; commit those to quarantine."""
        checked_df = records_df.where(F.col("topic").isin(*topics))
        checked_df = checked_df if len(topics) == 1 else checked_df.persist()

        def write(topic: str) -> tuple[TopicAppend | None, DataFrame | None]:
            # An idle partition still costs a task: small batches are written by one.
            of_topic = checked_df.where(F.col("topic") == topic)
            return self._write_topic(of_topic.coalesce(_task_count(record_counts[topic])), topic)

        try:
            written = dict(zip(topics, self._pool.map(write, topics), strict=True))
            malformed = {topic: rows_df for topic, (_, rows_df) in written.items() if rows_df}
            self._quarantine(records_df.sparkSession, malformed, ends)
        finally:
            if len(topics) > 1:
                checked_df.unpersist()
        return {topic: append for topic, (append, _) in written.items() if append is not None}

    def _write_topic(
        self, records_df: DataFrame, topic: str
    ) -> tuple[TopicAppend | None, DataFrame | None]:
        """Write a topic's readable records; gives their append, and the others as rows."""
        if topic == Topic.REJECTS:
            return None, unpack_rejects(records_df)
        table = TABLE_OF_TOPIC[topic]
        messages_df = parse_messages(records_df, table)
        observation = Observation()
        problems = F.count_if(F.col("problem").isNotNull()).alias("problems")
        append = self.appender.open(records_df.sparkSession, table.name)
        append.write(make_rows(messages_df.observe(observation, problems), table))
        topic_append = TopicAppend(append, make_rows(messages_df, table))
        if observation.get["problems"] == 0:
            return topic_append, None
        return topic_append, make_quarantine_rows(messages_df, table)

    def _quarantine(
        self,
        spark: SparkSession,
        malformed: Mapping[str, DataFrame],
        ends: Ends,
    ) -> None:
        """Commit malformed records that quarantine does not have yet."""
        if not malformed:
            return
        moved = {part: end for topic in malformed for part, end in ends[topic].items()}
        rows_df = reduce(DataFrame.unionByName, malformed.values()).coalesce(1)
        stored = {part: self.appender.next_offset(QUARANTINE.name, part) for part in moved}
        for part, offset in stored.items():
            if offset is not None:
                rows_df = rows_df.where(~(_is_of(part) & (F.col("offset") < offset)))
        new = {part: end for part, end in moved.items() if (stored[part] or 0) < end}
        append = self.appender.open(spark, QUARANTINE.name)
        append.write(rows_df)
        append.commit(new)

    def _repeat_hooks(
        self, batch_df: DataFrame, spans: OffsetRanges, pending: OffsetRanges
    ) -> None:
        """Call the hooks of records that had landed before: a crash may have come in between."""
        landed_topics = {part.topic for part, span in spans.items() if pending.get(part) != span}
        for topic in landed_topics & self.hooks.keys():
            of_topic = batch_df.where(F.col("topic") == topic)
            table = TABLE_OF_TOPIC[topic]
            self.hooks[topic](make_rows(parse_messages(of_topic, table), table))


def _shift_offsets(records_df: DataFrame, shifts: Mapping[TopicPartition, int]) -> DataFrame:
    """The records with the lake's offsets."""
    shifted = [part for part, shift in shifts.items() if shift]
    if not shifted:
        return records_df
    offset = F.col("offset")
    for part in shifted:
        offset = F.when(_is_of(part), F.col("offset") + shifts[part]).otherwise(offset)
    return records_df.withColumn("offset", offset)


def _measure_spans(records_df: DataFrame) -> dict[TopicPartition, OffsetRange]:
    """First offset and end of each partition of a batch, from its records."""
    rows = (
        records_df.groupBy("topic", "partition")
        .agg(F.min("offset").alias("first"), (F.max("offset") + 1).alias("end"))
        .collect()
    )
    return {
        TopicPartition(row["topic"], row["partition"]): (row["first"], row["end"]) for row in rows
    }


def _span_lengths(spans: OffsetRanges) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (topic, _), (first, end) in spans.items():
        counts[topic] = counts.get(topic, 0) + end - first
    return counts


def _ends(spans: OffsetRanges, topic: str) -> dict[TopicPartition, int]:
    return {part: end for part, (_, end) in spans.items() if part.topic == topic}


def _is_pending(pending: OffsetRanges, spans: OffsetRanges) -> Column:
    """Which records are pending: those of its topics, less what has landed of them."""
    within = F.col("topic").isin(sorted({part.topic for part in pending}))
    topics = {part.topic for part in pending}
    for part, (first, end) in spans.items():
        if part.topic in topics and pending.get(part) != (first, end):
            new_from = pending[part][0] if part in pending else end
            within = within & ~(_is_of(part) & (F.col("offset") < new_from))
    return within


def _is_of(partition: TopicPartition) -> Column:
    return (F.col("topic") == partition.topic) & (F.col("partition") == partition.partition)


def _task_count(record_count: int) -> int:
    return 1 + record_count // RECORDS_A_TASK
