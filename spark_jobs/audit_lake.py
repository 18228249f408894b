"""The whole audit, and its counts by Spark: the first reader, whose witness is delta-rs."""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from include.bus import offset_ranges
from include.checks import Check
from include.errors import Unreachable
from include.lake.audit.agreement import (
    AGREEMENT,
    COMPARED,
    check_agreement,
    check_closed_minutes,
)
from include.lake.audit.bounds import read_bounds
from include.lake.audit.completeness import check_completeness
from include.lake.audit.conservation import (
    AuditReport,
    OffsetCounts,
    count_with_duckdb,
    make_report,
    open_audited_tables,
)
from include.lake.audit.listing import list_agreed_files
from include.lake.checkpoint import committed_offsets
from include.lake.tables import QUARANTINE
from include.market.wire import TopicPartition
from include.serving.trade_minutes import served_minutes
from include.settings import Settings
from spark_jobs.landing import LANDED_TOPICS
from spark_jobs.session import session
from spark_jobs.sinks import path

# Offsets of a block of first events; offsets and events an offset of a block of the next ones.
# The bits of a bigint, without its sign, are 63: seven times nine.
BITS, NEAR_OFFSETS, NEAR_EVENTS = 63, 7, 9
FIRST_PAGE, NEAR_PAGE = -1, -2
RECORD_COLUMNS = ("topic", "partition", "offset", "event_index")
RECORD_SCHEMA = "topic string, partition int, offset bigint, event_index int"
_TOPICS = dict(enumerate(LANDED_TOPICS))  # grouping by numbers costs less than by text
_NUMBERS = {topic: number for number, topic in _TOPICS.items()}


def audit_world(settings: Settings) -> AuditReport:
    """Audit the world as it is now, and keep the report where `status` reads it.

    Raises:
        Unreachable: Kafka does not answer.
    """
    committed = committed_offsets(settings.home / "checkpoints" / "land" / "stream")
    kafka = offset_ranges(settings.bootstrap, LANDED_TOPICS)
    tables = open_audited_tables(settings.lake)
    bounds = read_bounds(settings.home, tables, kafka=kafka, committed=committed)
    with ThreadPoolExecutor(1) as pool:
        # one thread: two cores are enough for Spark and one other reader
        witness = pool.submit(count_with_duckdb, tables, bounds.ends)
        other_checks = pool.submit(
            lambda: [
                check_completeness(settings.lake),
                _check_agreement(settings),
                check_closed_minutes(settings.lake, partition_count=settings.kafka.partitions),
            ]
        )
        spark = session(settings, "tickhouse audit")
        try:
            counts = count_with_spark(spark, settings, tables=tables, committed=bounds.ends)
        finally:
            spark.stop()
    report = make_report(
        counts,
        bounds,
        witness=witness.result(),
        other_checks=other_checks.result(),
    )
    (settings.home / "audit.json").write_text(json.dumps(report.as_dict()))
    return report


def _check_agreement(settings: Settings) -> Check:
    try:
        offsets_read, minutes = served_minutes(settings.dsn(), COMPARED)
    except Unreachable as error:
        return Check(AGREEMENT, False, f"could not check: {error}")
    return check_agreement(settings.lake, offsets=offsets_read, served=minutes)


def count_with_spark(
    spark: SparkSession,
    settings: Settings,
    *,
    tables: Mapping[str, DeltaTable],
    committed: Mapping[TopicPartition, int],
) -> dict[TopicPartition, OffsetCounts]:
    """Counts below the committed offsets, of each table at the version that the witness reads."""
    records = _below_committed(_read_records(spark, settings, tables), committed)
    landed, quarantined = F.col("landed"), F.col("quarantined")
    counts = (
        _blocks(records)
        .groupBy("topic", "partition")
        .agg(
            F.min("first").alias("first"),
            F.max("last").alias("last"),
            F.sum(F.bit_count(landed)).alias("landed"),
            F.sum(F.bit_count(quarantined)).alias("quarantined"),
            F.sum(F.bit_count(landed.bitwiseAND(quarantined))).alias("both"),
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
    spark: SparkSession, settings: Settings, tables: Mapping[str, DeltaTable]
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
            rows = delta.load(path(settings, name)).select(*RECORD_COLUMNS)
            parts.append(rows.withColumn("quarantined", F.lit(quarantined)))
        else:
            agreed[quarantined] += [f"{path(settings, name)}/{file}" for file in files]
    parts += [
        spark.read.schema(RECORD_SCHEMA)
        .parquet(*map(_escape, files))
        .withColumn("quarantined", F.lit(quarantined))
        for quarantined, files in agreed.items()
        if files
    ]
    records = reduce(DataFrame.unionByName, parts)
    numbers = F.create_map(*[F.lit(part) for entry in _NUMBERS.items() for part in entry])
    return records.withColumn("topic", F.element_at(numbers, F.col("topic")))


def _escape(file: str) -> str:
    """A path that Hadoop does not take for a pattern."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", file)


def _below_committed(records: DataFrame, committed: Mapping[TopicPartition, int]) -> DataFrame:
    """The records below their partition's committed offset, if it has one.

    The offsets are a constant of the plan: joining them took as long as reading the rows.
    """
    width = max((partition for _, partition in committed), default=0) + 1
    ends = F.array(
        *[
            F.array(*[F.lit(committed.get(at)).cast("bigint") for at in partitions])
            for partitions in (
                [TopicPartition(topic, number) for number in range(width)]
                for topic in LANDED_TOPICS
            )
        ]
    )
    until = F.get(F.get(ends, F.col("topic")), F.col("partition"))
    return records.where(until.isNull() | (F.col("offset") < until))


def _blocks(records: DataFrame) -> DataFrame:
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
