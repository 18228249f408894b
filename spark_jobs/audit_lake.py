"""The whole audit, and its counts by Spark: the first reader; the second is delta-rs."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial, reduce

from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from include.bus import find_empty_offsets, offset_ranges, topic_ids
from include.checks import Check
from include.errors import Unreachable
from include.lake.audit.agreement import AGREEMENT, check_agreement, check_closed_minutes
from include.lake.audit.auditing import Delivered, RowReader, audit_lake
from include.lake.audit.completeness import check_completeness
from include.lake.audit.conservation import (
    AuditReport,
    OffsetCounts,
)
from include.lake.audit.landed_minutes import COMPARED, LandedMinutes
from include.lake.audit.listing import list_agreed_files, list_new_files
from include.lake.checkpoint import committed_offsets
from include.lake.columns import LANDED_KEY
from include.lake.tables import LANDED_TOPICS, QUARANTINE
from include.market.wire import TopicPartition
from include.serving.audited import check_serving
from include.serving.trade_minutes import served_minutes
from include.settings import Settings
from include.settings.groups import DatabaseRole
from include.state_files import write_checked_file
from spark_jobs.session import open_session
from spark_jobs.sinks import locate_table

# Offsets of a block of first events; offsets and events an offset of a block of the next ones.
# The bits of a bigint, without its sign, are 63: seven times nine.
BITS, NEAR_OFFSETS, NEAR_EVENTS = 63, 7, 9
FIRST_PAGE, NEAR_PAGE = -1, -2
RECORD_SCHEMA = "topic string, partition int, offset bigint, event_index int"
_TOPICS = dict(enumerate(LANDED_TOPICS))  # grouping by numbers costs less than by text
_NUMBERS = {topic: number for number, topic in _TOPICS.items()}


def audit_world(settings: Settings, *, full: bool = False, reseal: bool = False) -> AuditReport:
    """Audit the world as it is now, and keep the report where `status` reads it.

    With `full` what was sealed is read again; with `reseal` it is sealed again.

    Raises:
        Unreachable: Kafka does not answer.
        PlatformError: a table cannot be read.
    """
    read_kafka = partial(offset_ranges, settings.bootstrap, LANDED_TOPICS)
    delivered = Delivered(
        committed=committed_offsets(settings.checkpoints / "land" / "stream"),
        kafka=read_kafka(),
        topic_ids=topic_ids(settings.bootstrap, LANDED_TOPICS),
        find_empty=partial(find_empty_offsets, settings.bootstrap),
        read_kafka=read_kafka,
    )
    report = audit_lake(
        settings.world_store,
        settings.lake,
        delivered,
        open_reader=lambda: _open_spark(settings),
        other_checks=lambda landed_minutes: _other_checks(settings, delivered, landed_minutes),
        full=full,
        reseal=reseal,
    )
    write_checked_file(settings.home / "audit.json", report.as_dict())
    return report


@contextmanager
def _open_spark(settings: Settings) -> Iterator[RowReader]:
    spark = open_session(settings, "tickhouse audit")
    try:
        yield lambda tables, committed, counted_from: count_with_spark(
            spark, settings, tables=tables, committed=committed, counted_from=counted_from
        )
    finally:
        spark.stop()


def _other_checks(
    settings: Settings, delivered: Delivered, landed_minutes: LandedMinutes
) -> list[Check]:
    return [
        check_completeness(settings.lake),
        *check_serving(settings, delivered),
        _check_agreement(settings, landed_minutes),
        check_closed_minutes(
            settings.lake, partition_count=settings.kafka.partitions, landed_minutes=landed_minutes
        ),
    ]


def _check_agreement(settings: Settings, landed_minutes: LandedMinutes) -> Check:
    try:
        offsets_read, minutes = served_minutes(settings.dsn(DatabaseRole.READER), COMPARED)
    except Unreachable as error:
        return Check(AGREEMENT, False, f"could not check: {error}")
    return check_agreement(
        settings.lake,
        offsets=offsets_read,
        served=minutes,
        keep_days=settings.stream.served_days,
        landed_minutes=landed_minutes,
    )


def count_with_spark(
    spark: SparkSession,
    settings: Settings,
    *,
    tables: Mapping[str, DeltaTable],
    committed: Mapping[TopicPartition, int],
    counted_from: Mapping[TopicPartition, int] | None = None,
) -> dict[TopicPartition, OffsetCounts]:
    """Counts below the committed offsets and from those of `counted_from` on.

    Each table is read at the version that the second reader reads.
    """
    counted_from = counted_from or {}
    records = _select_between(
        _read_records(spark, settings, tables, counted_from), counted_from, committed
    )
    in_table, quarantined = F.col("landed"), F.col("quarantined")
    counts = (
        _group_in_blocks(records)
        .groupBy("topic", "partition")
        .agg(
            F.min("first").alias("first"),
            F.max("last").alias("last"),
            F.sum(F.bit_count(in_table)).alias("landed"),
            F.sum(F.bit_count(quarantined)).alias("quarantined"),
            F.sum(F.bit_count(in_table.bitwiseAND(quarantined))).alias("both"),
            F.sum("doubled").alias("doubled"),
        )
    )
    return {
        TopicPartition(_TOPICS[row["topic"]], row["partition"]): OffsetCounts(
            first=row["first"],
            last=row["last"],
            landed=row["landed"],
            quarantined=row["quarantined"],
            in_both=row["both"],
            doubled=row["doubled"],
        )
        for row in counts.collect()
    }


def _read_records(
    spark: SparkSession,
    settings: Settings,
    tables: Mapping[str, DeltaTable],
    counted_from: Mapping[TopicPartition, int],
) -> DataFrame:
    """Topic, partition, offset and event of every row, and whether it is `quarantined` (0 or 1).

    Delta on Spark takes a second a table to replay its log, in a JVM as young as this one, so the
    files are read that are agreed upon; without agreement the table is read through Delta.
    """
    parts = [spark.createDataFrame([], RECORD_SCHEMA).withColumn("quarantined", F.lit(0))]
    agreed: dict[int, list[str]] = {0: [], 1: []}
    for name, table in tables.items():
        quarantined, files = int(name == QUARANTINE.name), list_agreed_files(table)
        if files is None:
            delta = spark.read.format("delta").option("versionAsOf", table.version())
            rows = delta.load(locate_table(settings, name)).select(*LANDED_KEY)
            parts.append(rows.withColumn("quarantined", F.lit(quarantined)))
        else:
            new = {uri.rpartition("/")[2] for uri in list_new_files(name, table, counted_from)}
            agreed[quarantined] += [
                f"{locate_table(settings, name)}/{file}"
                for file in files
                if file.rpartition("/")[2] in new
            ]
    parts += [
        spark.read.schema(RECORD_SCHEMA)
        .parquet(*map(escape_pattern, files))
        .withColumn("quarantined", F.lit(quarantined))
        for quarantined, files in agreed.items()
        if files
    ]
    records = reduce(DataFrame.unionByName, parts)
    numbers = F.create_map(*[F.lit(part) for entry in _NUMBERS.items() for part in entry])
    return records.withColumn("topic", F.element_at(numbers, F.col("topic")))


def escape_pattern(file: str) -> str:
    """A path that Hadoop does not take for a pattern."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", file)


def _select_between(
    records: DataFrame,
    counted_from: Mapping[TopicPartition, int],
    committed: Mapping[TopicPartition, int],
) -> DataFrame:
    """The records from `counted_from` on and below their partition's committed offset.

    The offsets are a constant of the plan: joining them took as long as reading the rows.
    """
    first, until = _offset_of_row(counted_from), _offset_of_row(committed)
    offset = F.col("offset")
    return records.where((until.isNull() | (offset < until)) & (first.isNull() | (offset >= first)))


def _offset_of_row(offsets: Mapping[TopicPartition, int]) -> Column:
    """The offset of each record's partition; null if it has none."""
    width = max((partition for _, partition in offsets), default=0) + 1
    by_topic = F.array(
        *[
            F.array(*[F.lit(offsets.get(part)).cast("bigint") for part in partitions])
            for partitions in (
                [TopicPartition(topic, number) for number in range(width)]
                for topic in LANDED_TOPICS
            )
        ]
    )
    return F.get(F.get(by_topic, F.col("topic")), F.col("partition"))


def _group_in_blocks(records: DataFrame) -> DataFrame:
    """Offsets `landed` and `quarantined`, as bits of blocks, and the rows that are `doubled`.

    Grouping by every offset would shuffle and hash each row. So the first events of 63 offsets are
    bits of one number, the next nine events of seven offsets another's, and an offset's further
    events 63 to a number. What a number has of rows above its count of bits is doubled.
    """
    offset, event = F.col("offset"), F.greatest("event_index", F.lit(0))
    first, near = event == 0, event <= NEAR_EVENTS
    slot = F.when(first, offset % BITS).when(near, offset % NEAR_OFFSETS * NEAR_EVENTS + event - 1)
    blocks = (
        records.select(
            "topic",
            "partition",
            "offset",
            "quarantined",
            F.when(first, _divide(offset, BITS))
            .when(near, _divide(offset, NEAR_OFFSETS))
            .otherwise(offset)
            .alias("block"),
            F.when(first, FIRST_PAGE)
            .when(near, NEAR_PAGE)
            .otherwise(_divide(event, BITS))
            .alias("page"),
            F.call_function(
                "shiftleft", F.lit(1).cast("bigint"), slot.otherwise(event % BITS).cast("int")
            ).alias("bit"),
        )
        .groupBy("topic", "partition", "block", "page", "quarantined")
        .agg(
            F.bit_or("bit").alias("bits"),
            F.count("*").alias("rows"),
            F.min("offset").alias("first"),
            F.max("offset").alias("last"),
        )
    )
    in_quarantine = F.col("quarantined") == 1
    bits = F.when(F.col("page") == FIRST_PAGE, F.col("bits")).otherwise(0)
    return blocks.groupBy("topic", "partition", "block", "page").agg(
        F.bit_or(F.when(~in_quarantine, bits).otherwise(0)).alias("landed"),
        F.bit_or(F.when(in_quarantine, bits).otherwise(0)).alias("quarantined"),
        F.sum(F.col("rows") - F.bit_count("bits")).alias("doubled"),
        F.min("first").alias("first"),
        F.max("last").alias("last"),
    )


def _divide(dividend: Column, divisor: int) -> Column:
    """The quotient in whole numbers."""
    return F.call_function("div", dividend, F.lit(divisor))
