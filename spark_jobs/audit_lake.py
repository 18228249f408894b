"""The audit's counts by Spark: the first reader, whose witness is delta-rs."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.lake.audit import Count, Partition
from include.lake.tables import QUARANTINE
from include.settings import Settings
from spark_jobs.sinks import path


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
