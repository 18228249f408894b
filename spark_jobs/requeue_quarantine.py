"""Read quarantined records again: what can be read now goes to its table and leaves quarantine.

Two commits, in an order that a crash between them leaves harmless: first the rows are appended
(without the offsets that the table has already), then the same offsets leave quarantine. Run again
it ends what was left. Frames of market.rejects stay: no message was ever made of them.
"""

from datetime import UTC, datetime, timedelta

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from include.lake.columns import Table
from include.lake.tables import QUARANTINE, TABLE_OF_TOPIC
from include.market.time import SECOND_US
from include.serving.trade_minutes import restate
from include.settings import Settings
from spark_jobs.session import session
from spark_jobs.sinks import create_table, path
from spark_jobs.transforms.messages import landed, parsed

PLACE = ("topic", "partition", "offset")


def requeue(settings: Settings) -> list[tuple[str, int, int]]:
    """Topic, records put back and records that stay, of each topic that has any in quarantine."""
    spark = session(settings, "tickhouse requeue")
    try:
        return [requeue_topic(spark, settings, topic) for topic in _topics(spark, settings)]
    finally:
        spark.stop()


def _topics(spark: SparkSession, settings: Settings) -> list[str]:
    location = path(settings, QUARANTINE.name)
    if not DeltaTable.isDeltaTable(spark, location):
        return []
    found = spark.read.format("delta").load(location).select("topic").distinct().collect()
    return sorted(row["topic"] for row in found)


def requeue_topic(spark: SparkSession, settings: Settings, topic: str) -> tuple[str, int, int]:
    """The same of one topic, with a session of the caller's."""
    aside = DeltaTable.forPath(spark, path(settings, QUARANTINE.name))
    records = aside.toDF().where(F.col("topic") == topic)
    table = TABLE_OF_TOPIC.get(topic)
    if table is None:
        return topic, 0, records.count()
    read = parsed(records.withColumnRenamed("kafka_time", "timestamp"), table).persist()
    try:
        sound = read.where(F.col("problem").isNull())
        every, count = read.count(), sound.count()
        if count:
            put_back(spark, settings, table, sound)
            _take_out(aside, sound)
        return topic, count, every - count
    finally:
        read.unpersist()


def put_back(spark: SparkSession, settings: Settings, table: Table, sound: DataFrame) -> None:
    """Append the rows of `parsed` records that the table lacks."""
    create_table(spark, settings, table)
    location = path(settings, table.name)
    there = spark.read.format("delta").load(location).select(*PLACE).distinct()
    rows = landed(sound.join(there, list(PLACE), "left_anti"), table)
    rows.coalesce(1).write.format("delta").mode("append").save(location)
    if table.name == "trades":
        _restate(settings, landed(sound, table))


def _take_out(aside: DeltaTable, sound: DataFrame) -> None:
    places = sound.select(*PLACE).distinct().alias("s")
    match = " AND ".join(f"t.`{name}` = s.`{name}`" for name in PLACE)
    aside.alias("t").merge(places, match).whenMatchedDelete().execute()


def _restate(settings: Settings, trades: DataFrame) -> None:
    """Requeued trades have old offsets: the minutes they belong to are written anew."""
    bounds = trades.agg(
        F.unix_micros(F.min("traded_at")).alias("first"),
        F.unix_micros(F.max("traded_at")).alias("last"),
    ).collect()[0]
    first = datetime.fromtimestamp(bounds["first"] / SECOND_US, UTC)
    last = datetime.fromtimestamp(bounds["last"] / SECOND_US, UTC)
    restate(settings, first, last + timedelta(minutes=1))
