"""Read quarantined records again: what can be read now goes to its table and leaves quarantine.

Two commits, in an order that a crash between them leaves harmless: first the rows are appended
(without the offsets that the table has already), then the same offsets leave quarantine. Run again
it completes both. Frames of market.rejects stay: no message was ever made of them.
"""

from datetime import UTC, datetime

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.lake.columns import Table
from include.lake.tables import QUARANTINE, TABLE_OF_TOPIC
from include.market.time import MINUTE, SECOND_US
from include.serving.trade_minutes import restate
from include.settings import Settings
from spark_jobs.session import open_session
from spark_jobs.sinks import create_table, locate_table
from spark_jobs.transforms.messages import make_rows, parse_messages

RECORD_ID = ("topic", "partition", "offset")


def requeue(settings: Settings) -> list[tuple[str, int, int]]:
    """Topic, records put back and records that stay, of each topic that has any in quarantine."""
    spark = open_session(settings, "tickhouse requeue")
    try:
        return [requeue_topic(spark, settings, topic) for topic in _list_topics(spark, settings)]
    finally:
        spark.stop()


def _list_topics(spark: SparkSession, settings: Settings) -> list[str]:
    location = locate_table(settings, QUARANTINE.name)
    if not DeltaTable.isDeltaTable(spark, location):
        return []
    topics = spark.read.format("delta").load(location).select("topic").distinct().collect()
    return sorted(row["topic"] for row in topics)


def requeue_topic(spark: SparkSession, settings: Settings, topic: str) -> tuple[str, int, int]:
    """Requeue one topic, with a session of the caller's."""
    quarantine = DeltaTable.forPath(spark, locate_table(settings, QUARANTINE.name))
    records_df = quarantine.toDF().where(F.col("topic") == topic)
    table = TABLE_OF_TOPIC.get(topic)
    if table is None:
        return topic, 0, records_df.count()
    renamed_df = records_df.withColumnRenamed("kafka_time", "timestamp")
    messages_df = parse_messages(renamed_df, table).persist()
    try:
        readable_df = messages_df.where(F.col("problem").isNull())
        total, readable = messages_df.count(), readable_df.count()
        if readable:
            put_back(spark, settings, table, readable_df)
            _remove(quarantine, readable_df)
        return topic, readable, total - readable
    finally:
        messages_df.unpersist()


def put_back(spark: SparkSession, settings: Settings, table: Table, readable_df: DataFrame) -> None:
    """Append the rows of readable messages that the table lacks."""
    create_table(spark, settings, table)
    location = locate_table(settings, table.name)
    landed_df = spark.read.format("delta").load(location).select(*RECORD_ID).distinct()
    rows_df = make_rows(readable_df.join(landed_df, list(RECORD_ID), "left_anti"), table)
    rows_df.coalesce(1).write.format("delta").mode("append").save(location)
    if table.name == "trades":
        _restate(settings, make_rows(readable_df, table))


def _remove(quarantine: DeltaTable, readable_df: DataFrame) -> None:
    ids_df = readable_df.select(*RECORD_ID).distinct().alias("s")
    match = " AND ".join(f"t.`{name}` = s.`{name}`" for name in RECORD_ID)
    quarantine.alias("t").merge(ids_df, match).whenMatchedDelete().execute()


def _restate(settings: Settings, trades_df: DataFrame) -> None:
    """Requeued trades have old offsets: the minutes they belong to are recomputed."""
    bounds = trades_df.agg(
        F.unix_micros(F.min("traded_at")).alias("first"),
        F.unix_micros(F.max("traded_at")).alias("last"),
    ).collect()[0]
    first = datetime.fromtimestamp(bounds["first"] / SECOND_US, UTC)
    last = datetime.fromtimestamp(bounds["last"] / SECOND_US, UTC)
    restate(settings, first, last + MINUTE)
