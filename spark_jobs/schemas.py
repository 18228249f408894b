"""Spark schemas of Kafka messages, made from the one definition of the tables."""

from typing import cast

from pyspark.sql import types as T

from include.lake.columns import ENVELOPE, Column, Table, event_columns

CORRUPT = "_corrupt"
EVENT_TAG = "type"  # the events' own tag on the wire; their table is named by it
TOP = "top_"  # columns of the best prices after a message begin with it


def column_type(column: Column) -> T.DataType:
    """A column's Spark type."""
    parsed = cast(T.StructType, T.StructType.fromDDL(f"x {column.type}"))
    return parsed.fields[0].dataType


def wire_type(column: Column) -> T.DataType:
    """A column's type inside a message: times travel as whole microseconds."""
    return T.LongType() if column.type == "timestamp" else column_type(column)


def event_schema(table: Table) -> T.StructType:
    """One element of `events` for this table's topic."""
    fields = [c for c in event_columns(table) if not c.name.startswith(TOP)]
    return T.StructType([T.StructField(column.name, wire_type(column)) for column in fields])


def message_schema(table: Table) -> T.StructType:
    """A whole message of this table's topic, with a column for what does not fit."""
    scalars = [column for column in ENVELOPE if not column.name.startswith("seq_")]
    fields = [T.StructField(column.name, wire_type(column)) for column in scalars]
    fields.append(T.StructField("seq", T.ArrayType(T.LongType())))
    fields.append(T.StructField("events", T.ArrayType(event_schema(table))))
    tops = [column for column in event_columns(table) if column.name.startswith(TOP)]
    if tops:
        top = [T.StructField(c.name.removeprefix(TOP), wire_type(c)) for c in tops]
        fields.append(T.StructField("top", T.StructType(top)))
    fields.append(T.StructField(CORRUPT, T.StringType()))
    return T.StructType(fields)
