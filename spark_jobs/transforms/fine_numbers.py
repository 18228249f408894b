"""Numbers of a message that are finer than their columns: Spark would round them, unreported."""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F
from pyspark.sql import types as T

from include.lake.columns import Column, Table, event_columns
from spark_jobs.schemas import TOP, column_type

_WIDE = T.DecimalType(38, 18)


def describe_fine_number(json: SparkColumn, table: Table) -> SparkColumn:
    """The first such number of a message's JSON, as `column price: 1.123456789`; else null."""
    decimals = [c for c in event_columns(table) if c.type.startswith("decimal")]
    of_top = [column for column in decimals if column.name.startswith(TOP)]
    of_event = [column for column in decimals if column not in of_top]
    event = T.StructType([T.StructField(c.name, T.StringType()) for c in of_event])
    top = T.StructType([T.StructField(c.name.removeprefix(TOP), T.StringType()) for c in of_top])
    fields = [T.StructField("events", T.ArrayType(event))] if of_event else []
    fields += [T.StructField("top", top)] if of_top else []
    if not fields:
        return F.lit(None).cast("string")
    texts = F.from_json(json, T.StructType(fields))
    descriptions = [_describe(c, texts["top"][c.name.removeprefix(TOP)]) for c in of_top]
    if of_event:
        of_events = F.transform(
            texts["events"],
            lambda event: F.coalesce(*[_describe(c, event[c.name]) for c in of_event]),
        )
        descriptions.append(F.get(F.array_compact(of_events), F.lit(0)))
    return F.coalesce(*descriptions)


def _describe(column: Column, digits: SparkColumn) -> SparkColumn:
    return F.when(
        _is_finer(digits, column_type(column)), F.concat(F.lit(f"column {column.name}: "), digits)
    )


def _is_finer(digits: SparkColumn, decimal: T.DataType) -> SparkColumn:
    assert isinstance(decimal, T.DecimalType)
    stored = digits.try_cast(decimal)
    is_written_out = ~digits.rlike("[eE]")
    has_further_digits = digits.rlike(rf"\.\d{{{decimal.scale}}}\d*[1-9]")
    differs = (stored.cast("double") != digits.try_cast("double")) | (
        stored.cast(_WIDE) != digits.try_cast(_WIDE)
    )
    return F.when(is_written_out, has_further_digits).otherwise(differs)
