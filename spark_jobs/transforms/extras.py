"""Fields that this version of the schema does not know: kept as JSON, never dropped.

A typed parse passes over unknown fields, and a second parse of every record for their sake alone
would be work for nothing. So a record of one event is first compared with the known keys: as many
keys, and each optional one there. Else a pattern looks for a key outside the known ones, and only
where it finds one are the maps of the record's fields made.
"""

import re

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from include.lake.columns import ENVELOPE, Table, event_columns
from spark_jobs.schemas import CORRUPT, event_schema, message_schema
from spark_jobs.transforms.arrow_rows import EVENT_TAG

TEXTS = "map<string,string>"
SHAPE = f"events array<{TEXTS}>, top {TEXTS}"


def extras(table: Table) -> Column:
    """A struct of the unknown fields of a record, by place; null where there are none."""
    text = F.col("value").cast("string")
    fields, events, top = _known(table)
    nested = F.from_json(text, SHAPE)
    found = F.struct(
        _unknown(F.from_json(text, TEXTS), fields).alias("message"),
        _unknown(nested["top"], top).alias("top"),
        F.transform(nested["events"], lambda event: _unknown(event, events)).alias("events"),
    )
    strange = text.rlike(_stranger({*fields, *events, *top}))
    return F.when(_exactly(table, text) | ~strange, F.lit(None)).otherwise(found)


def _exactly(table: Table, text: Column) -> Column:
    """Whether a record of at most one event has every known key, and no other."""
    fields, events, top = _known(table)
    message = F.col("message")
    count = F.size(message["events"])
    keys = F.lit(len(fields)) + count * len(events)
    if top:
        keys = keys + F.when(message["top"].isNotNull(), len(top)).otherwise(0)
    found = (F.length(text) - F.length(F.replace(text, F.lit('":'), F.lit("")))) / 2
    optional = [c.name for c in (*ENVELOPE, *event_columns(table)) if not c.required]
    there = [name for name in optional if name in {*fields, *events}] + ["seq", "top"]
    exact = (count == 1) & (found == keys)
    for name in there:
        exact = exact & F.contains(text, F.lit(f'"{name}":'))
    return exact


def extra_text() -> Column:
    """JSON of a row's own unknown fields, from `extras` and `pos`: event, message, top; or null."""
    found = F.col("extras")
    parts = F.struct(
        _filled(F.get(found["events"], F.coalesce(F.col("pos"), F.lit(-1)))).alias("event"),
        _filled(found["message"]).alias("message"),
        _filled(found["top"]).alias("top"),
    )
    text = F.to_json(parts)
    return F.when(found.isNotNull() & (text != F.lit("{}")), text)


def _known(table: Table) -> tuple[set[str], set[str], set[str]]:
    schema = message_schema(table)
    top = schema["top"].dataType if "top" in schema.names else T.StructType()
    own = {*event_schema(table).names, EVENT_TAG}
    return {*schema.names, "top"} - {CORRUPT}, own, set(getattr(top, "names", ()))


def _unknown(fields: Column, known: set[str]) -> Column:
    names = [F.lit(name) for name in sorted(known)]
    return F.map_filter(fields, lambda key, _: ~key.isin(*names))


def _filled(fields: Column) -> Column:
    return F.when(F.size(fields) > 0, fields)


def _stranger(known: set[str]) -> str:
    """A pattern that finds a JSON key outside `known`, or a text with an escape, to be safe."""
    names = "|".join(sorted(map(re.escape, known)))
    return rf'"(?!(?:{names})"\s*:)[^"\\]*+(?:"\s*:|\\)'
