"""Kafka records -> typed rows of a landed table, or -> quarantine with a reason. Nothing between.

`parse_messages` adds the decoded message and `problem`; `make_rows` takes the records without a
problem, `make_quarantine_rows` those with one. Each record goes to exactly one of the two.
"""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from include.lake.columns import ENVELOPE, Table, event_columns, time_columns
from include.lake.tables import QUARANTINE
from include.market.time import AHEAD_US, EARLIEST_US, LATEST_US
from include.market.tops import MAX_QUOTE
from include.market.wire import VERSION, Topic
from spark_jobs.schemas import CORRUPT, TOP, column_type, message_schema
from spark_jobs.transforms.extras import collect_extras, extra_text
from spark_jobs.transforms.fine_numbers import describe_fine_number


def parse_messages(records_df: DataFrame, table: Table) -> DataFrame:
    """Kafka records of the table's topic with `message` (struct) and `problem` (null if none).

    `fine_number` is the first number that its column would have to round, null if there is none.

    The message comes out of a generator: the optimiser copies a plain column's expression into
    every filter on it, which parsed each record some twenty times.
    """
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT}
    text = F.col("value").cast("string")
    message = F.from_json(text, message_schema(table), options)
    decoded_df = records_df.select("*", F.explode(F.array(message)).alias("message"))
    fine_number = F.explode(F.array(describe_fine_number(text, table))).alias("fine_number")
    return decoded_df.select("*", fine_number).withColumn("problem", _reason_column(table))


def make_rows(messages_df: DataFrame, table: Table) -> DataFrame:
    """One row an event of every message without a problem; without events one of index -1."""
    readable_df = messages_df.where(F.col("problem").isNull()).select(
        "topic",
        "partition",
        "offset",
        "timestamp",
        "message",
        collect_extras(table).alias("extras"),
    )
    exploded_df = readable_df.select(
        "*", F.posexplode_outer("message.events").alias("pos", "event")
    )
    return exploded_df.select(
        *_accounting_columns(), *_envelope(), *_event_values(table), extra_text().alias("extra")
    )


def make_quarantine_rows(messages_df: DataFrame, table: Table | None = None) -> DataFrame:
    """Every record with a problem, whole, with the reason."""
    detail = F.lit(None).cast("string")
    if table is not None:
        of_number = F.when(F.col("problem") == "too_fine", F.col("fine_number"))
        detail = F.concat_ws(", ", F.lit(f"for table {table.name}"), of_number)
    return messages_df.where(F.col("problem").isNotNull()).select(
        "topic",
        "partition",
        "offset",
        F.col("timestamp").alias("kafka_time"),
        F.lit(0).alias("event_index"),
        "key",
        "value",
        F.col("problem").alias("reason"),
        detail.alias("detail"),
        F.lit(VERSION).alias("schema_version"),
    )


def unpack_rejects(records_df: DataFrame) -> DataFrame:
    """Records of market.rejects as quarantine rows: the frame's own bytes and reason."""
    reject = "v int, events array<struct<reason: string, detail: string, payload: string>>"
    event = F.from_json(F.col("value").cast("string"), reject)["events"][0]
    frame = F.unbase64(event["payload"])
    return records_df.select(
        "topic",
        "partition",
        "offset",
        F.col("timestamp").alias("kafka_time"),
        F.lit(0).alias("event_index"),
        "key",
        F.coalesce(frame, F.col("value")).alias("value"),
        F.coalesce(event["reason"], F.lit("unreadable_reject")).alias("reason"),
        event["detail"].alias("detail"),
        F.lit(VERSION).alias("schema_version"),
    ).select(*[column.name for column in QUARANTINE.columns])


def _reason_column(table: Table) -> SparkColumn:
    message = F.col("message")
    required = [c.name for c in ENVELOPE if c.required]
    lacks = F.lit(False)
    for name in required:
        lacks = lacks | message[name].isNull()
    of_event = [c.name for c in event_columns(table) if c.required]
    has_incomplete_event = F.exists(
        message["events"],
        lambda event: (
            event.isNull()
            | F.array_contains(
                F.array(*[event[name].isNull() for name in of_event], F.lit(False)), F.lit(True)
            )
        ),
    )
    is_json = F.get_json_object(F.col("value").cast("string"), "$").isNotNull()
    return (
        F.when(F.col("value").isNull() | (F.length("value") == 0), F.lit("empty"))
        .when(~F.is_valid_utf8(F.col("value").cast("string")), F.lit("not_utf8"))
        .when(message.isNull() | (message[CORRUPT].isNotNull() & ~is_json), F.lit("not_json"))
        .when(message[CORRUPT].isNotNull(), F.lit("wrong_type"))
        .when(lacks | message["events"].isNull(), F.lit("missing_field"))
        .when(message["v"] != VERSION, F.lit("unknown_version"))
        .when(has_incomplete_event, F.lit("missing_event_field"))
        .when(_is_implausible(table), F.lit("out_of_range"))
        .when(F.col("fine_number").isNotNull(), F.lit("too_fine"))
    )


def _is_implausible(table: Table) -> SparkColumn:
    """Whether a time is before 2000 or more than a day after the record's Kafka time.

    So is a trade worth more than any, whose worth the minutes could not hold. Where Kafka's own
    time is not plausible (-1, 2099) the year 2100 is the bound.
    """
    kafka_us = F.unix_micros("timestamp")
    stamped = (kafka_us >= EARLIEST_US) & (kafka_us < LATEST_US)
    latest_us = F.when(stamped, kafka_us + AHEAD_US).otherwise(LATEST_US)

    def is_outside(time_us: SparkColumn) -> SparkColumn:
        return F.coalesce((time_us < EARLIEST_US) | (time_us >= latest_us), F.lit(False))

    message, of_event = F.col("message"), {column.name for column in event_columns(table)}
    outside = F.lit(False)
    for name in time_columns(table):
        if name not in of_event:
            outside = outside | is_outside(message[name])
    event_times = [name for name in time_columns(table) if name in of_event]
    if event_times:
        outside = outside | F.exists(
            message["events"],
            lambda event: F.greatest(*[is_outside(event[n]) for n in event_times], F.lit(False)),
        )
    if table.topic == Topic.TRADES:
        outside = outside | F.exists(message["events"], _is_worth_too_much)
    return outside


def _is_worth_too_much(trade: SparkColumn) -> SparkColumn:
    quote = trade["price"].cast("double") * trade["quantity"].cast("double")
    return F.coalesce(quote >= F.lit(float(MAX_QUOTE)), F.lit(False))


def _accounting_columns() -> list[SparkColumn]:
    return [
        F.col("topic"),
        F.col("partition"),
        F.col("offset"),
        F.col("timestamp").alias("kafka_time"),
        F.coalesce(F.col("pos"), F.lit(-1)).alias("event_index"),
    ]


def _envelope() -> list[SparkColumn]:
    message = F.col("message")
    return [
        *[message[name].alias(name) for name in ("v", "venue", "symbol", "kind", "conn")],
        F.get(message["seq"], F.lit(0)).alias("seq_first"),
        F.get(message["seq"], F.lit(1)).alias("seq_last"),
        F.timestamp_micros(message["venue_time"]).alias("venue_time"),
        F.timestamp_micros(message["received_time"]).alias("received_time"),
    ]


def _event_values(table: Table) -> list[SparkColumn]:
    values = []
    for column in event_columns(table):
        if column.name.startswith(TOP):
            value = F.col("message")["top"][column.name.removeprefix(TOP)]
        else:
            value = F.col("event")[column.name]
        if column.type == "timestamp":
            value = F.timestamp_micros(value)
        values.append(value.cast(column_type(column)).alias(column.name))
    return values
