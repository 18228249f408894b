"""The whole audit, and its counts by Spark: the first reader, whose witness is delta-rs."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from include.errors import Unreachable
from include.lake.agreement import COMPARED, agreement
from include.lake.audit import (
    Count,
    Partition,
    Report,
    audited,
    audited_tables,
    count_with_duckdb,
)
from include.lake.checkpoint import committed_offsets
from include.lake.completeness import completeness
from include.lake.tables import QUARANTINE
from include.serving.minutes import served_minutes
from include.settings import Settings
from spark_jobs.landing import LANDED_TOPICS
from spark_jobs.session import choose_engine, session
from spark_jobs.sinks import path
from streaming.bus import offsets

BITS, FEW, NEAR = 63, 7, 9  # bits of a bigint, without its sign, are seven times nine
FIRST = -1
_TOPICS = dict(enumerate(LANDED_TOPICS))  # grouping by numbers costs less than by text
_NUMBERS = {topic: number for number, topic in _TOPICS.items()}


def audit_world(settings: Settings) -> Report:
    """Audit the world as it is now, and keep the report where `status` reads it.

    Raises:
        Unreachable: Kafka does not answer.
    """
    committed = committed_offsets(settings.home / "checkpoints" / "land" / "stream")
    ranges = offsets(settings.bootstrap, LANDED_TOPICS)
    tables = audited_tables(settings.lake)
    versions = {name: table.version() for name, table in tables.items()}
    with ThreadPoolExecutor(1) as pool:
        # one thread: two cores are enough for Spark and one other reader
        witness = pool.submit(count_with_duckdb, tables, committed)
        more = pool.submit(lambda: [completeness(settings.lake), _agreement(settings)])
        spark = session(settings, "tickhouse audit")
        try:
            counts = count_with_spark(spark, settings, versions=versions, committed=committed)
        finally:
            spark.stop()
    report = audited(
        counts,
        ranges,
        committed=committed,
        witness=witness.result(),
        more=more.result(),
    )
    (settings.home / "audit.json").write_text(json.dumps(report.as_dict()))
    return report


def _agreement(settings: Settings) -> dict[str, Any]:
    try:
        positions, minutes = served_minutes(settings.dsn(), COMPARED)
    except Unreachable as error:
        return {"name": "I3 agreement", "ok": False, "detail": f"could not check: {error}"}
    return agreement(settings.lake, positions=positions, served=minutes)


def count_with_spark(
    spark: SparkSession,
    settings: Settings,
    *,
    versions: Mapping[str, int],
    committed: Mapping[Partition, int],
) -> dict[Partition, Count]:
    """Counts below the committed offsets, of each table at the version that the witness read."""
    if not versions:
        return {}
    rows = reduce(
        DataFrame.unionByName,
        [_rows(spark, settings, name, version=version) for name, version in versions.items()],
    )
    ends = [(_NUMBERS[topic], part, until) for (topic, part), until in committed.items()]
    bounds = spark.createDataFrame(ends, "topic int, partition int, until bigint")
    settled = rows.join(F.broadcast(bounds), ["topic", "partition"], "left").where(
        F.col("until").isNull() | (F.col("offset") < F.col("until"))
    )
    found = (
        _blocks(settled)
        .groupBy("topic", "partition")
        .agg(
            F.min("first").alias("first"),
            F.max("last").alias("last"),
            F.sum(F.bit_count("kept")).alias("landed"),
            F.sum(F.bit_count("aside")).alias("quarantined"),
            F.sum(F.bit_count(F.col("kept").bitwiseAND(F.col("aside")))).alias("both"),
            F.sum("doubled").alias("doubled"),
        )
    )
    _plan(spark, found)
    return {
        (_TOPICS[row["topic"]], row["partition"]): Count(
            row["first"], row["last"], row["landed"], row["quarantined"], row["both"],
            row["doubled"],
        )
        for row in found.collect()
    }  # fmt: skip


def _plan(spark: SparkSession, frame: DataFrame) -> None:
    """Plan a frame: that asks each table's log, by small queries of Delta's own."""
    choose_engine(spark, interpreted=True)
    frame.inputFiles()
    choose_engine(spark, interpreted=False)


def _blocks(rows: DataFrame) -> DataFrame:
    """The offsets that are there, `kept` and `aside`, as bits of blocks; rows that are doubled.

    Grouping by every offset would shuffle and hash each row. So the first events of 63 offsets are
    bits of one number, the next nine events of seven offsets another's, and the rest of an offset's
    events 63 to a number. What a number has of rows above its count of bits is doubled.
    """
    offset, event = F.col("offset"), F.greatest("event_index", F.lit(0))
    first, near = event == 0, event <= NEAR
    slot = F.when(first, offset % BITS).when(near, offset % FEW * NEAR + event - 1)
    blocks = rows.select(
        "topic", "partition", "offset", "aside",
        F.when(first, _whole(offset, BITS)).when(near, _whole(offset, FEW)).otherwise(offset)
        .alias("block"),
        F.when(first, FIRST).when(near, -2).otherwise(_whole(event, BITS)).alias("page"),
        F.call_function(
            "shiftleft", F.lit(1).cast("bigint"), slot.otherwise(event % BITS).cast("int")
        ).alias("bit"),
    ).groupBy("topic", "partition", "block", "page", "aside").agg(
        F.bit_or("bit").alias("bits"), F.count("*").alias("rows"),
        F.min("offset").alias("first"), F.max("offset").alias("last"),
    )  # fmt: skip
    own = F.col("page") == FIRST
    return blocks.groupBy("topic", "partition", "block", "page").agg(
        F.bit_or(F.when(own & (F.col("aside") == 0), F.col("bits")).otherwise(0)).alias("kept"),
        F.bit_or(F.when(own & (F.col("aside") == 1), F.col("bits")).otherwise(0)).alias("aside"),
        F.sum(F.col("rows") - F.bit_count("bits")).alias("doubled"),
        F.min("first").alias("first"), F.max("last").alias("last"),
    )  # fmt: skip


def _whole(value: Column, by: int) -> Column:
    """The whole part of a division, in whole numbers."""
    return F.call_function("div", value, F.lit(by))


def _rows(spark: SparkSession, settings: Settings, name: str, *, version: int) -> DataFrame:
    rows = spark.read.format("delta").option("versionAsOf", version).load(path(settings, name))
    aside = F.lit(int(name == QUARANTINE.name)).alias("aside")
    numbers = F.create_map(*[F.lit(one) for pair in _NUMBERS.items() for one in pair])
    topic = F.element_at(numbers, F.col("topic")).alias("topic")
    return rows.select(topic, "partition", "offset", "event_index", aside)
