"""The whole audit, and its counts by Spark: the first reader, whose witness is delta-rs."""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from include.bus import offsets
from include.errors import Unreachable
from include.lake.audit.agreement import COMPARED, agreement
from include.lake.audit.completeness import completeness
from include.lake.audit.conservation import (
    Count,
    Partition,
    Report,
    audited,
    audited_tables,
    count_with_duckdb,
)
from include.lake.audit.listing import agreed_files
from include.lake.checkpoint import committed_offsets
from include.lake.tables import QUARANTINE
from include.serving.trade_minutes import served_minutes
from include.settings import Settings
from spark_jobs.landing import LANDED_TOPICS
from spark_jobs.session import session
from spark_jobs.sinks import path

BITS, FEW, NEAR = 63, 7, 9  # bits of a bigint, without its sign, are seven times nine
FIRST = -1
COUNTED = "topic string, partition int, offset bigint, event_index int"
_NAMES = ("topic", "partition", "offset", "event_index")
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
    with ThreadPoolExecutor(1) as pool:
        # one thread: two cores are enough for Spark and one other reader
        witness = pool.submit(count_with_duckdb, tables, committed)
        more = pool.submit(lambda: [completeness(settings.lake), _agreement(settings)])
        spark = session(settings, "tickhouse audit")
        try:
            counts = count_with_spark(spark, settings, tables=tables, committed=committed)
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
    tables: Mapping[str, DeltaTable],
    committed: Mapping[Partition, int],
) -> dict[Partition, Count]:
    """Counts below the committed offsets, of each table at the version that the witness reads."""
    found = _blocks(_settled(_rows(spark, settings, tables), committed))
    counts = found.groupBy("topic", "partition").agg(
        F.min("first").alias("first"),
        F.max("last").alias("last"),
        F.sum(F.bit_count("kept")).alias("landed"),
        F.sum(F.bit_count("aside")).alias("quarantined"),
        F.sum(F.bit_count(F.col("kept").bitwiseAND(F.col("aside")))).alias("both"),
        F.sum("doubled").alias("doubled"),
    )
    return {
        (_TOPICS[row["topic"]], row["partition"]): Count(
            row["first"],
            row["last"],
            row["landed"],
            row["quarantined"],
            row["both"],
            row["doubled"],
        )
        for row in counts.collect()
    }


def _rows(spark: SparkSession, settings: Settings, tables: Mapping[str, DeltaTable]) -> DataFrame:
    """Place and event of every row; `aside` is 1 for those of quarantine.

    Delta on Spark takes a second a table to replay its log, in a JVM as young as this one, so the
    files are read that are agreed upon; without agreement the table is read through Delta.
    """
    parts = [spark.createDataFrame([], COUNTED).withColumn("aside", F.lit(0))]
    agreed: dict[int, list[str]] = {0: [], 1: []}
    for name, table in tables.items():
        aside, files = int(name == QUARANTINE.name), agreed_files(table)
        if files is None:
            delta = spark.read.format("delta").option("versionAsOf", table.version())
            rows = delta.load(path(settings, name)).select(*_NAMES)
            parts.append(rows.withColumn("aside", F.lit(aside)))
        else:
            agreed[aside] += [f"{path(settings, name)}/{file}" for file in files]
    parts += [
        spark.read.schema(COUNTED).parquet(*map(_literal, files)).withColumn("aside", F.lit(aside))
        for aside, files in agreed.items()
        if files
    ]
    rows = reduce(DataFrame.unionByName, parts)
    numbers = F.create_map(*[F.lit(one) for pair in _NUMBERS.items() for one in pair])
    return rows.withColumn("topic", F.element_at(numbers, F.col("topic")))


def _literal(file: str) -> str:
    """A path that Hadoop does not take for a pattern."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", file)


def _settled(rows: DataFrame, committed: Mapping[Partition, int]) -> DataFrame:
    """The rows below their partition's committed offset, if it has one.

    The offsets are a constant of the plan: joining them took as long as reading the rows.
    """
    width = max((partition for _, partition in committed), default=0) + 1
    ends = F.array(
        *[
            F.array(*[F.lit(committed.get((topic, part))).cast("bigint") for part in range(width)])
            for topic in LANDED_TOPICS
        ]
    )
    until = F.get(F.get(ends, F.col("topic")), F.col("partition"))
    return rows.where(until.isNull() | (F.col("offset") < until))


def _blocks(rows: DataFrame) -> DataFrame:
    """The offsets that are there, `kept` and `aside`, as bits of blocks; rows that are doubled.

    Grouping by every offset would shuffle and hash each row. So the first events of 63 offsets are
    bits of one number, the next nine events of seven offsets another's, and the rest of an offset's
    events 63 to a number. What a number has of rows above its count of bits is doubled.
    """
    offset, event = F.col("offset"), F.greatest("event_index", F.lit(0))
    first, near = event == 0, event <= NEAR
    slot = F.when(first, offset % BITS).when(near, offset % FEW * NEAR + event - 1)
    blocks = (
        rows.select(
            "topic",
            "partition",
            "offset",
            "aside",
            F.when(first, _whole(offset, BITS))
            .when(near, _whole(offset, FEW))
            .otherwise(offset)
            .alias("block"),
            F.when(first, FIRST).when(near, -2).otherwise(_whole(event, BITS)).alias("page"),
            F.call_function(
                "shiftleft", F.lit(1).cast("bigint"), slot.otherwise(event % BITS).cast("int")
            ).alias("bit"),
        )
        .groupBy("topic", "partition", "block", "page", "aside")
        .agg(
            F.bit_or("bit").alias("bits"),
            F.count("*").alias("rows"),
            F.min("offset").alias("first"),
            F.max("offset").alias("last"),
        )
    )
    own = F.col("page") == FIRST
    return blocks.groupBy("topic", "partition", "block", "page").agg(
        F.bit_or(F.when(own & (F.col("aside") == 0), F.col("bits")).otherwise(0)).alias("kept"),
        F.bit_or(F.when(own & (F.col("aside") == 1), F.col("bits")).otherwise(0)).alias("aside"),
        F.sum(F.col("rows") - F.bit_count("bits")).alias("doubled"),
        F.min("first").alias("first"),
        F.max("last").alias("last"),
    )


def _whole(value: Column, by: int) -> Column:
    """The whole part of a division, in whole numbers."""
    return F.call_function("div", value, F.lit(by))
