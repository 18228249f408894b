"""The whole audit, and its counts by Spark: the first reader, whose witness is delta-rs."""

import json
from collections.abc import Mapping
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
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
from spark_jobs.session import session
from spark_jobs.sinks import path
from streaming.bus import offsets


def audit_world(settings: Settings) -> Report:
    """Audit the world as it is now, and keep the report where `status` reads it.

    Raises:
        Unreachable: Kafka does not answer.
    """
    committed = committed_offsets(settings.home / "checkpoints" / "land" / "stream")
    ranges = offsets(settings.bootstrap, LANDED_TOPICS)
    tables = audited_tables(settings.lake)
    witness = count_with_duckdb(tables, committed)
    spark = session(settings, "tickhouse audit")
    try:
        versions = {name: table.version() for name, table in tables.items()}
        counts = count_with_spark(spark, settings, versions=versions, committed=committed)
    finally:
        spark.stop()
    report = audited(
        counts, ranges, committed=committed, witness=witness,
        more=[completeness(settings.lake), _agreement(settings)],
    )  # fmt: skip
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
    ends = [(topic, partition, until) for (topic, partition), until in committed.items()]
    bounds = spark.createDataFrame(ends, "topic string, partition int, until bigint")
    settled = rows.join(F.broadcast(bounds), ["topic", "partition"], "left").where(
        F.col("until").isNull() | (F.col("offset") < F.col("until"))
    )
    one = settled.groupBy("topic", "partition", "offset").agg(
        F.max("aside").alias("aside"),
        F.min("aside").alias("kept"),
        (F.count("*") - F.count_distinct("aside", "event_index")).alias("twice"),
    )
    found = one.groupBy("topic", "partition").agg(
        F.min("offset").alias("first"),
        F.max("offset").alias("last"),
        F.count_if(F.col("kept") == 0).alias("landed"),
        F.count_if(F.col("aside") == 1).alias("quarantined"),
        F.count_if((F.col("kept") == 0) & (F.col("aside") == 1)).alias("both"),
        F.count_if(F.col("twice") > 0).alias("doubled"),
    )
    return {
        (row["topic"], row["partition"]): Count(
            row["first"], row["last"], row["landed"], row["quarantined"], row["both"],
            row["doubled"],
        )
        for row in found.collect()
    }  # fmt: skip


def _rows(spark: SparkSession, settings: Settings, name: str, *, version: int) -> DataFrame:
    rows = spark.read.format("delta").option("versionAsOf", version).load(path(settings, name))
    aside = F.lit(int(name == QUARANTINE.name)).alias("aside")
    return rows.select("topic", "partition", "offset", "event_index", aside)
