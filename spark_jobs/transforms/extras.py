"""Fields that this version of the schema does not know: kept as JSON, never dropped.

A typed parse ignores unknown fields, and a second parse of every record for their sake alone
would be work for nothing. So a record of one event is first compared with the known keys: as many
keys, and each optional one there. Else a pattern looks for a key outside the known ones, and only
where it finds one are the maps of the record's fields made.
"""

import re

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from include.lake.columns import ENVELOPE, Table, event_columns
from spark_jobs.schemas import CORRUPT, EVENT_TAG, event_schema, message_schema

TEXTS = "map<string,string>"
SHAPE = f"events array<{TEXTS}>, top {TEXTS}"


def collect_extras(table: Table) -> Column:
    """A struct of a record's unknown fields in the message, its top and events; null if none."""
    text = F.col("value").cast("string")
    fields, event_fields, top_fields = _known_fields(table)
    nested = F.from_json(text, SHAPE)
    unknown = F.struct(
        _select_unknown(F.from_json(text, TEXTS), fields).alias("message"),
        _select_unknown(nested["top"], top_fields).alias("top"),
        F.transform(nested["events"], lambda event: _select_unknown(event, event_fields)).alias(
            "events"
        ),
    )
    may_have_unknown = text.rlike(_unknown_key({*fields, *event_fields, *top_fields}))
    return F.when(_has_exactly_known(table, text) | ~may_have_unknown, F.lit(None)).otherwise(
        unknown
    )


def _has_exactly_known(table: Table, text: Column) -> Column:
    """Whether a record of at most one event has every known key, and no other."""
    fields, event_fields, top_fields = _known_fields(table)
    message = F.col("message")
    event_count = F.size(message["events"])
    known_count = F.lit(len(fields)) + event_count * len(event_fields)
    if top_fields:
        top_count = F.when(message["top"].isNotNull(), len(top_fields)).otherwise(0)
        known_count = known_count + top_count
    key_count = (F.length(text) - F.length(F.replace(text, F.lit('":'), F.lit("")))) / 2
    is_exact = (event_count == 1) & (key_count == known_count)
    optional = [c.name for c in (*ENVELOPE, *event_columns(table)) if not c.required]
    for name in (*(name for name in optional if name in {*fields, *event_fields}), "seq", "top"):
        is_exact = is_exact & F.contains(text, F.lit(f'"{name}":'))
    return is_exact


def extra_text() -> Column:
    """JSON of a row's own unknown fields, from `extras` and `pos`: event, message, top; or null."""
    unknown = F.col("extras")
    parts = F.struct(
        _drop_empty(F.get(unknown["events"], F.coalesce(F.col("pos"), F.lit(-1)))).alias("event"),
        _drop_empty(unknown["message"]).alias("message"),
        _drop_empty(unknown["top"]).alias("top"),
    )
    text = F.to_json(parts)
    return F.when(unknown.isNotNull() & (text != F.lit("{}")), text)


def _known_fields(table: Table) -> tuple[set[str], set[str], set[str]]:
    """The names that a message, its events and its top may have."""
    schema = message_schema(table)
    top = schema["top"].dataType if "top" in schema.names else T.StructType()
    event_fields = {*event_schema(table).names, EVENT_TAG}
    return {*schema.names, "top"} - {CORRUPT}, event_fields, set(getattr(top, "names", ()))


def _select_unknown(fields: Column, known_keys: set[str]) -> Column:
    keys = [F.lit(name) for name in sorted(known_keys)]
    return F.map_filter(fields, lambda key, _: ~key.isin(*keys))


def _drop_empty(fields: Column) -> Column:
    return F.when(F.size(fields) > 0, fields)


def _unknown_key(known_keys: set[str]) -> str:
    """A pattern that finds a key outside `known_keys`, or a text with an escape, to be safe."""
    pattern = "|".join(sorted(map(re.escape, known_keys)))
    return rf'"(?!(?:{pattern})"\s*:)[^"\\]*+(?:"\s*:|\\)'
